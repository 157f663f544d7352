package s3node

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"
)

// oddKeys are keys that a file system would mix up, or could not hold.
var oddKeys = []string{
	"a", "a/b", "a/", "a-b", "d/x", "d", "x//y", "x/y", "x", "./x", "x/../y", "x/./y", "/lead", "lead", " lead", "trail ", "a\nb", `a\b`, "a%2Fb", "a+b", "ä/漢", "q?v=1",
	"quote'\"", strings.Repeat("s", 254), strings.Repeat(strings.Repeat("s", 127)+"/", 8)[:1023] + "z",
}

func TestOddKeysLiveSideBySide(t *testing.T) {
	c := served(t)
	for _, key := range oddKeys {
		put(t, c, key, "body of "+key)
	}
	for _, key := range oddKeys {
		if got := get(t, c, key); got != "body of "+key {
			t.Errorf("%.40q: got %.40q", key, got)
		}
		_, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("bucket"), Key: &key, CopySource: aws.String("bucket/" + url.QueryEscape(key)), MetadataDirective: types.MetadataDirectiveReplace})
		if err != nil {
			t.Errorf("copy %.40q: %v", key, err)
		}
	}
	want := slices.Sorted(slices.Values(oddKeys))
	for _, size := range []int32{1, 3, 1000} {
		got := listed(t, c, &s3.ListObjectsV2Input{MaxKeys: &size})
		slices.Sort(got) // a key with an empty segment comes too early
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %.300q", size, got)
		}
	}
	if got := listed(t, c, &s3.ListObjectsV2Input{Prefix: aws.String("a/")}); !slices.Equal(got, []string{"a/", "a/b"}) {
		t.Errorf("prefix: got %q", got)
	}
	if got := listed(t, c, &s3.ListObjectsV2Input{StartAfter: aws.String("d"), Prefix: aws.String("d")}); !slices.Equal(got, []string{"d/x"}) {
		t.Errorf("start after: got %q", got)
	}
	for _, key := range oddKeys {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}); err != nil {
			t.Errorf("delete %.40q: %v", key, err)
		}
	}
	if _, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Errorf("something is left: %v", err)
	}
}

func listed(t *testing.T, c *s3.Client, in *s3.ListObjectsV2Input) (found []string) {
	t.Helper()
	in.Bucket = aws.String("bucket")
	pages := s3.NewListObjectsV2Paginator(c, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			found = append(found, *o.Key)
		}
	}
	return found
}

// TestFoldersAreListedOnce pages through common prefixes, in both versions of
// the call.
func TestFoldersAreListedOnce(t *testing.T) {
	c := served(t)
	for _, key := range []string{"a/1", "a/2", "b", "b/1", "c/", "c/1", "d"} {
		put(t, c, key, "x")
	}
	var got []string
	in := &s3.ListObjectsInput{Bucket: aws.String("bucket"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}
	for {
		page, err := c.ListObjects(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		in.Marker = page.NextMarker
	}
	if want := []string{"a/", "b", "b/", "c/", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), ContinuationToken: aws.String("!")})
	if code(err) != "InvalidArgument" {
		t.Errorf("a token that is none: %v", err)
	}
}

// TestNames: no two keys have one file, files come back as keys, and prefixes
// stay prefixes.
func TestNames(t *testing.T) {
	segment := rapid.SampledFrom([]string{"", ".", "..", "a", "b", "a.", ".a", "-", "a b", "ä"})
	rapid.Check(t, func(t *rapid.T) {
		k := strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(t, "key"), "/")
		other := strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(t, "other"), "/")
		if got := keyOf(fileOf(k)); got != k {
			t.Fatalf("%q came back as %q", k, got)
		}
		if k != other && filepath.Clean("/"+fileOf(k)) == filepath.Clean("/"+fileOf(other)) {
			t.Fatalf("%q and %q are one file", k, other)
		}
		if strings.HasPrefix(k, other) != strings.HasPrefix(fileOf(k), folderOf(other)) {
			t.Fatalf("%q and the prefix %q: %q %q", k, other, fileOf(k), folderOf(other))
		}
	})
}

// TestKeysRefusedByName: what S3 takes and files cannot be.
func TestKeysRefusedByName(t *testing.T) {
	c := served(t)
	for key, want := range map[string]string{
		strings.Repeat("k", 1025):      "KeyTooLongError",
		strings.Repeat("k", 255) + "/": "between two slashes",
		"a\x01":                        "control characters",
		"..":                           "NotImplemented",
		"../x":                         "NotImplemented",
		"x/..":                         "NotImplemented",
		"//":                           "NotImplemented",
	} {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("x")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: want %s, got %v", key, want, err)
		}
	}
	out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("fine")}, {Key: aws.String(strings.Repeat("k", 1025))}}}})
	if err != nil || len(out.Deleted) != 1 || len(out.Errors) != 1 || *out.Errors[0].Code != "KeyTooLongError" {
		t.Errorf("%v %+v", err, out)
	}
	if got := listed(t, c, &s3.ListObjectsV2Input{}); len(got) != 0 {
		t.Errorf("something was written: %q", got)
	}
}

// TestOtherLayout: objects under other names are not taken for none.
func TestOtherLayout(t *testing.T) {
	dir := t.TempDir()
	n := start(t, dir)
	server := httptest.NewServer(n)
	defer server.Close()
	client(server.URL, "secret").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	n.Close()
	if err := sameLayout(dir); err != nil {
		t.Errorf("its own: %v", err)
	}
	if err := writeText(filepath.Join(dir, "layout"), "1\n"); err != nil {
		t.Fatal(err)
	}
	if err := sameLayout(dir); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("got %v", err)
	}
}

var _ http.Handler = (*Node)(nil)

func ExampleNode_files() {
	for _, key := range []string{"a", "a/b", "a//b", "../b"} {
		fmt.Printf("%q\n", fileOf(key))
	}
	// Output:
	// "a\x01"
	// "a/b\x01"
	// "a/\x03/b\x01"
	// "..\x03/b\x01"
}
