package s3node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// bucketSettings is what versitygw does not keep of a bucket.
type bucketSettings struct {
	Region string `json:"region,omitempty"`
	// The configurations are the XML that was put; "" is the default.
	Lifecycle         string `json:"lifecycle,omitempty"`
	Encryption        string `json:"encryption,omitempty"`
	PublicAccessBlock string `json:"public_access_block,omitempty"`
}

// settings keeps bucketSettings in dir/settings, one file for each bucket.
type settings struct {
	dir string
	mu  sync.Mutex
}

func (s *settings) path(bucket string) string {
	return filepath.Join(s.dir, "settings", bucket+".json")
}

// exists says whether there is such a bucket.
func (s *settings) exists(bucket string) bool {
	if bucket == "" || strings.ContainsAny(bucket, `/\`) || strings.HasPrefix(bucket, ".") {
		return false
	}
	info, err := os.Stat(filepath.Join(s.dir, "objects", bucket))
	return err == nil && info.IsDir()
}

// of is what is kept of a bucket; nothing of one that does not exist.
func (s *settings) of(bucket string) (out bucketSettings) {
	if !s.exists(bucket) {
		return out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text, err := os.ReadFile(s.path(bucket)); err == nil {
		json.Unmarshal(text, &out) // written whole or not at all
	}
	return out
}

// change changes what is kept of a bucket.
func (s *settings) change(bucket string, fn func(*bucketSettings)) error {
	now := s.of(bucket)
	fn(&now)
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(filepath.Join(s.dir, "settings"), 0o755); err != nil {
		return err
	}
	tmp := s.path(bucket) + ".tmp"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return fmt.Errorf("keep the settings of bucket %s: %w", bucket, err)
	}
	return os.Rename(tmp, s.path(bucket))
}

// drop forgets a bucket.
func (s *settings) drop(bucket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(s.path(bucket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
