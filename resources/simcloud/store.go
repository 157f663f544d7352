package simcloud

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is one S3 object. Its body is nil when only its size matters.
type object struct {
	key      string // bucket/key
	body     []byte
	size     int64
	etag     string // in quotes, as S3 says it
	modified time.Time
}

// store is all of S3: strongly consistent, as the real one.
type store struct {
	objects map[string]*object
	keys    []string // sorted
}

func newStore() *store { return &store{objects: map[string]*object{}} }

// key is a URI's bucket/key.
func key(uri string) string { return strings.TrimPrefix(uri, "s3://") }

func (st *store) put(key string, body []byte, size int64, now time.Time) *object {
	hash := md5.Sum(body)
	if body == nil {
		hash = md5.Sum([]byte(key + strconv.FormatInt(size, 10)))
	}
	o := &object{key, body, size, `"` + hex.EncodeToString(hash[:]) + `"`, now.Truncate(time.Second)}
	if _, ok := st.objects[key]; !ok {
		i, _ := slices.BinarySearch(st.keys, key)
		st.keys = slices.Insert(st.keys, i, key)
	}
	st.objects[key] = o
	return o
}

func (st *store) remove(key string) {
	if _, ok := st.objects[key]; !ok {
		return
	}
	delete(st.objects, key)
	i, _ := slices.BinarySearch(st.keys, key)
	st.keys = slices.Delete(st.keys, i, i+1)
}

// under lists the objects whose keys begin with prefix, sorted.
func (st *store) under(prefix string) []*object {
	var out []*object
	i, _ := slices.BinarySearch(st.keys, prefix)
	for ; i < len(st.keys) && strings.HasPrefix(st.keys[i], prefix); i++ {
		out = append(out, st.objects[st.keys[i]])
	}
	return out
}

// used says that something begins with prefix.
func (st *store) used(prefix string) bool {
	i, _ := slices.BinarySearch(st.keys, prefix)
	return i < len(st.keys) && strings.HasPrefix(st.keys[i], prefix)
}
