package clienttest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// store is S3 in memory, as far as COPY and UNLOAD use it: path-style, no
// signatures, one page of listing.
type store struct {
	mu      sync.Mutex
	objects map[string][]byte // bucket/key
	url     string
	onGet   func(key string) // called before an object is read
}

func newStore(t *testing.T) *store {
	s := &store{objects: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	switch {
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			body = unchunk(body)
		}
		s.mu.Lock()
		s.objects[path] = body
		s.mu.Unlock()
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, path)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case key == "" && r.Method == http.MethodGet:
		s.list(w, bucket, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.read(w, r, path)
	default:
		http.Error(w, "no "+r.Method, http.StatusNotImplemented)
	}
}

func (s *store) read(w http.ResponseWriter, r *http.Request, path string) {
	s.mu.Lock()
	body, ok := s.objects[path]
	hook := s.onGet
	s.mu.Unlock()
	if hook != nil && r.Method == http.MethodGet {
		hook(path)
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>`)
		return
	}
	w.Header().Set("ETag", etag(body))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

func (s *store) list(w http.ResponseWriter, bucket, prefix string) {
	type content struct {
		Key  string
		Size int
		ETag string
	}
	result := struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		Prefix      string
		KeyCount    int
		MaxKeys     int
		IsTruncated bool
		Contents    []content
	}{Name: bucket, Prefix: prefix, MaxKeys: 1000}
	s.mu.Lock()
	for path, body := range s.objects {
		if key, ok := strings.CutPrefix(path, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			result.Contents = append(result.Contents, content{key, len(body), etag(body)})
		}
	}
	s.mu.Unlock()
	sort.Slice(result.Contents, func(i, j int) bool { return result.Contents[i].Key < result.Contents[j].Key })
	result.KeyCount = len(result.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(result)
}

// unchunk takes the framing off an aws-chunked body.
func unchunk(b []byte) []byte {
	var body []byte
	for {
		line, rest, ok := strings.Cut(string(b), "\r\n")
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if !ok || err != nil || n == 0 {
			return body
		}
		body = append(body, rest[:n]...)
		b = []byte(rest[n+2:])
	}
}

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// put writes an object and returns it as a batch lists it.
func (s *store) put(path, body, partition string) warehouse.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = []byte(body)
	return warehouse.Object{URI: "s3://" + path, ETag: strings.Trim(etag([]byte(body)), `"`), Size: int64(len(body)), Partition: partition}
}

// manifest writes the COPY manifest of objects.
func (s *store) manifest(path string, objects []warehouse.Object) string {
	entries := make([]string, len(objects))
	for i, o := range objects {
		entries[i] = fmt.Sprintf(`{"url":%q,"mandatory":true,"meta":{"content_length":%d}}`, o.URI, o.Size)
	}
	s.put(path, `{"entries":[`+strings.Join(entries, ",")+`]}`, "")
	return "s3://" + path
}

// Get, Put and Head are what a warehouse.Server asks for.
func (s *store) Get(_ context.Context, uri string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.objects[strings.TrimPrefix(uri, "s3://")]
	if !ok {
		return nil, &resources.Fault{Class: resources.Gone, Code: "NoSuchKey", Msg: uri}
	}
	return body, nil
}

func (s *store) Put(_ context.Context, uri string, body []byte) error {
	s.put(strings.TrimPrefix(uri, "s3://"), string(body), "")
	return nil
}

func (s *store) Head(ctx context.Context, uris []string) ([]warehouse.Object, error) {
	found := make([]warehouse.Object, len(uris))
	for i, uri := range uris {
		body, err := s.Get(ctx, uri)
		if err != nil {
			return nil, err
		}
		found[i] = warehouse.Object{URI: uri, ETag: strings.Trim(etag(body), `"`), Size: int64(len(body))}
	}
	return found, nil
}
