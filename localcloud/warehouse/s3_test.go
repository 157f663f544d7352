package warehouse

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
)

// fakeS3 is an S3 service in memory, with what COPY and UNLOAD use of it.
type fakeS3 struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte // bucket/key
	gets    int
	onGet   func(key string)
}

func newS3(t testing.TB) *fakeS3 {
	f := &fakeS3{objects: map[string][]byte{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeS3) put(key, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = []byte(body)
}

func (f *fakeS3) putGzip(key, body string) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(body))
	_ = z.Close()
	f.put(key, b.String())
}

func (f *fakeS3) get(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return string(f.objects[key])
}

func (f *fakeS3) keys(prefix string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for k := range f.objects {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a := r.Header.Get("Authorization"); !strings.Contains(a, "/us-east-1/s3/") { // the scope it is signed for
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = io.WriteString(w, `<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint.</Message></Error>`)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	switch {
	case r.Method == http.MethodGet && key == "":
		f.list(w, bucket, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodGet:
		f.mu.Lock()
		body, ok := f.objects[path]
		f.gets++
		hook := f.onGet
		f.mu.Unlock()
		if hook != nil {
			hook(path)
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		f.put(path, string(body))
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(body)))
	case r.Method == http.MethodDelete:
		f.mu.Lock()
		delete(f.objects, path)
		f.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func (f *fakeS3) list(w io.Writer, bucket, prefix string) {
	type content struct {
		Key  string
		Size int
	}
	var res struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []content
	}
	for _, k := range f.keys(bucket + "/" + prefix) {
		res.Contents = append(res.Contents, content{strings.TrimPrefix(k, bucket+"/"), len(f.get(k))})
	}
	_ = xml.NewEncoder(w).Encode(res)
}
