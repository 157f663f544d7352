package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"lamplighter/resources"
	"lamplighter/resources/s3"
)

func conditionalWrites(t *testing.T, b *bench) {
	uri := b.uri("pointer.json")
	want := func(what, code string, class resources.Class, err error) {
		t.Helper()
		if resources.CodeOf(err) != code || resources.ClassOf(err) != class {
			t.Fatalf("%s: %v (%s, %s), want %s %s", what, err, resources.ClassOf(err), resources.CodeOf(err), class, code)
		}
	}
	_, _, err := b.client.Get(b.ctx, uri)
	want("read what is not there", s3.NoSuchKey, resources.Gone, err)
	_, err = b.client.Head(b.ctx, uri)
	want("head what is not there", s3.NoSuchKey, resources.Gone, err)
	_, err = b.client.Put(b.ctx, uri, []byte("0"), "d41d8cd98f00b204e9800998ecf8427e")
	if code := resources.CodeOf(err); code != s3.NoSuchKey && code != s3.PreconditionFailed {
		t.Fatalf("replace what is not there: %v", err) // sources differ: 404 or 412
	}
	first, err := b.client.Put(b.ctx, uri, []byte("1"), "*")
	must(t, err, "create")
	_, err = b.client.Put(b.ctx, uri, []byte("2"), "*")
	want("create again", s3.PreconditionFailed, resources.Permanent, err)
	second, err := b.client.Put(b.ctx, uri, []byte("2"), first)
	must(t, err, "replace")
	_, err = b.client.Put(b.ctx, uri, []byte("3"), first)
	want("replace what was replaced", s3.PreconditionFailed, resources.Permanent, err)
	body, etag, err := b.client.Get(b.ctx, uri)
	must(t, err, "read")
	if string(body) != "2" || etag != second {
		t.Fatalf("read %q with etag %s, want \"2\" with %s", body, etag, second)
	}
	must(t, b.client.Delete(b.ctx, uri), "delete")
	must(t, b.client.Delete(b.ctx, uri), "delete again")
	_, err = b.client.Put(b.ctx, uri, []byte("4"), "*")
	must(t, err, "create what was deleted")
}

func oneETag(t *testing.T, b *bench) {
	uri := b.uri("dir/some file.json")
	put, err := b.client.Put(b.ctx, uri, []byte("hello"), "")
	must(t, err, "put")
	head, err := b.client.Head(b.ctx, uri)
	must(t, err, "head")
	list, err := b.client.List(b.ctx, b.uri("dir/"), "")
	must(t, err, "list")
	if len(list) != 1 || list[0].URI != uri || list[0].ETag != put || head.ETag != put {
		t.Fatalf("put says %s, head %s, list %+v", put, head.ETag, list)
	}
	if strings.ContainsAny(put, `"`) || put == "" {
		t.Fatalf("etag %q", put)
	}
	if head.Size != 5 || list[0].Size != 5 {
		t.Fatalf("head says %d bytes, list %d, want 5", head.Size, list[0].Size)
	}
}

// counter lets many add one each by compare-and-set: none may get lost.
func counter(t *testing.T, b *bench) {
	uri := b.uri("counter")
	b.Alone(func() {
		_, err := b.client.Put(b.ctx, uri, []byte("0"), "*")
		must(t, err, "create")
	})
	failed := make([]error, Writers)
	b.Together(each(Writers, func(i int) { failed[i] = b.add(uri) })...)
	b.Alone(func() {
		body, _, err := b.client.Get(b.ctx, uri)
		must(t, err, "read")
		if string(body) != strconv.Itoa(Writers) {
			t.Fatalf("%d writers added one each: %s", Writers, body)
		}
		for i, err := range failed {
			must(t, err, "writer %d", i)
		}
	})
}

func (b *bench) add(uri string) error {
	for range 100 * Writers {
		body, etag, err := b.client.Get(b.ctx, uri)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(body))
		if err != nil {
			return err
		}
		_, err = b.client.Put(b.ctx, uri, []byte(strconv.Itoa(n+1)), etag)
		switch {
		case err == nil:
			return nil
		case resources.CodeOf(err) != s3.PreconditionFailed && resources.ClassOf(err) != resources.Busy && resources.ClassOf(err) != resources.Retry:
			return err
		}
	}
	return fmt.Errorf("never got a turn")
}
