package s3node

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// disk bounds what objects take on disk, so that a full one can be tried
// without filling one.
type disk struct {
	dir   string
	limit int64

	mu       sync.Mutex
	used     int64 // when it was measured, and what was let in since
	measured time.Time
}

// remeasure is how long a measurement is good for.
const remeasure = 2 * time.Second

// takes says whether so many more bytes may be written. A body of unknown
// length counts as none.
func (d *disk) takes(bytes int64) bool {
	if d.limit <= 0 {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.measured) > remeasure {
		d.used, d.measured = d.size(), time.Now()
	}
	if d.used+max(bytes, 0) > d.limit {
		return false
	}
	d.used += max(bytes, 0)
	return true
}

func (d *disk) size() (sum int64) {
	filepath.WalkDir(d.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // gone meanwhile, or counted by its files
		}
		if info, err := entry.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

func (d *disk) full() string {
	return fmt.Sprintf("The disk of the embedded cloud is full: objects may take %d bytes (--disk-limit). Delete some, or start it with more.", d.limit)
}
