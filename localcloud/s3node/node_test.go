package s3node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const childVariable = "S3NODE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		fmt.Println(Serve(os.Stdin, os.Stdout))
		os.Exit(1)
	}
	os.Setenv(childVariable, "1") // for the children
	os.Exit(m.Run())
}

func start(t *testing.T, dir string) *Node {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := Start(ctx, Config{Dir: dir, Region: "us-east-1", Key: "LOCALKEY", Secret: "secret", Command: []string{self},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func client(endpoint, secret string) *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("LOCALKEY", secret, ""),
	})
}

// served is a client of a node behind an HTTP server, with a bucket "bucket".
func served(t *testing.T) *s3.Client {
	t.Helper()
	server := httptest.NewServer(start(t, t.TempDir()))
	t.Cleanup(server.Close)
	c := client(server.URL, "secret")
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, c *s3.Client, key, body string) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func get(t *testing.T, c *s3.Client, key string) string {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestObjects(t *testing.T) {
	c := served(t)
	t.Run("hostile keys", func(t *testing.T) {
		for _, key := range []string{"a", "p/dt=2026-11-22/part 0+1.csv", "p/ü/漢.txt", "q/a%2Fb", "q/x&y=z?", "r//double", "r/'\"~*!()", "s/a:b@c,d;e"} {
			put(t, c, key, "body of "+key)
			if got := get(t, c, key); got != "body of "+key {
				t.Errorf("%s: got %q", key, got)
			}
		}
	})
	t.Run("missing", func(t *testing.T) {
		_, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("missing")})
		var noKey *types.NoSuchKey
		if !errors.As(err, &noKey) {
			t.Errorf("get: %v", err)
		}
		_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("missing")})
		var notFound *types.NotFound
		if !errors.As(err, &notFound) {
			t.Errorf("head: %v", err)
		}
		if _, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("missing")}); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	t.Run("copy", func(t *testing.T) {
		put(t, c, "from", "copied")
		if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("bucket"), Key: aws.String("to"), CopySource: aws.String("bucket/from")}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, c, "to"); got != "copied" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("large, in parts", func(t *testing.T) { multipart(t, c) })
	t.Run("large, whole", func(t *testing.T) { // over 2 MiB the SDK asks "Expect: 100-continue"
		body := strings.Repeat("0123456789abcdef", 1<<18)
		put(t, c, "large", body)
		if get(t, c, "large") != body {
			t.Error("another body came back")
		}
	})
}

func multipart(t *testing.T, c *s3.Client) {
	bucket, key := aws.String("bucket"), aws.String("multi")
	up, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	var whole bytes.Buffer
	for i := range 3 {
		part := bytes.Repeat([]byte{byte('a' + i)}, 5<<20)
		whole.Write(part)
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, IfNoneMatch: aws.String("*")})
	if err != nil {
		t.Fatal(err)
	}
	if get(t, c, "multi") != whole.String() {
		t.Error("another body came back")
	}
	ranged, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key, Range: aws.String("bytes=5242879-5242880")})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(ranged.Body); string(body) != "ab" {
		t.Errorf("range: %q", body)
	}
}

func TestListing(t *testing.T) {
	c := served(t)
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("d/%02d/x", i)
		put(t, c, key, "x")
		want = append(want, key)
	}
	put(t, c, "d-e", "x") // sorts before d/
	var got []string
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), Prefix: aws.String("d/"), MaxKeys: aws.Int32(7), StartAfter: aws.String("d/03/x")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want[4:]) {
		t.Errorf("got %v", got)
	}
}

// TestFolders: what S3A does to parent folders all the time.
func TestFolders(t *testing.T) {
	c := served(t)
	put(t, c, "out/part-0", "x")
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("out/")}); err != nil {
		t.Errorf("delete of a folder that is none: %v", err)
	}
	put(t, c, "marked/", "")
	put(t, c, "marked/part-0", "x")
	out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("out/")}, {Key: aws.String("marked/")}, {Key: aws.String("missing")}}}})
	if err != nil || len(out.Errors) > 0 || len(out.Deleted) != 3 {
		t.Errorf("%v %+v", err, out)
	}
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bucket")})
	if err != nil || len(list.Contents) != 2 {
		t.Errorf("%v %+v: want the two parts and no marker", err, list.Contents)
	}
	if get(t, c, "out/part-0")+get(t, c, "marked/part-0") != "xx" {
		t.Error("a part is gone")
	}
}

func TestVersioning(t *testing.T) {
	c := served(t)
	if _, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String("bucket"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	put(t, c, "k", "1")
	put(t, c, "k", "2")
	list, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("bucket")})
	if err != nil || len(list.Versions) != 2 {
		t.Fatalf("%v %+v", err, list)
	}
}

func TestPresigned(t *testing.T) {
	c := served(t)
	put(t, c, "k ü", "shown")
	link, err := s3.NewPresignClient(c).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k ü")})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "shown" {
		t.Errorf("%s %s", response.Status, body)
	}
}

func TestWrongSecret(t *testing.T) {
	server := httptest.NewServer(start(t, t.TempDir()))
	defer server.Close()
	if _, err := client(server.URL, "secret").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client(server.URL, "wrong").ListBuckets(t.Context(), &s3.ListBucketsInput{}); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("got %v", err)
	}
	response, err := http.Get(server.URL + "/bucket/key")
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("unsigned: %v %v", err, response)
	}
}

// TestChildDies kills the child: the node starts another, with all objects.
func TestChildDies(t *testing.T) {
	dir := t.TempDir()
	n := start(t, dir)
	server := httptest.NewServer(n)
	defer server.Close()
	c := client(server.URL, "secret")
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Fatal(err)
	}
	put(t, c, "k", "kept")
	child := n.regions["us-east-1"]
	before := child.wait(t.Context(), time.Minute)
	for _, pid := range children(t) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for child.wait(t.Context(), time.Minute) == before {
		time.Sleep(time.Millisecond)
	}
	if got := get(t, c, "k"); got != "kept" {
		t.Errorf("got %q", got)
	}
}

// children are the processes whose parent is this one.
func children(t *testing.T) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("needs /proc")
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	self, _ := os.Executable()
	_, err := Start(t.Context(), Config{Dir: file, Region: "us-east-1", Key: "k", Secret: "s", Command: []string{self}, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "folder of the S3 objects") {
		t.Errorf("got %v", err)
	}
}

// TestChildEndsWithParent closes the pipe, as the kernel does for a parent
// that was killed.
func TestChildEndsWithParent(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0])
	child.Stdin = reader
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	fmt.Fprintf(writer, `{"dir":%q,"port":%d,"region":"us-east-1","key":"k","secret":"s"}`, t.TempDir(), must(freePort()))
	writer.Close()
	if err := child.Wait(); err != nil {
		t.Errorf("the child ended with %v", err)
	}
}

func must(n int, err error) int {
	if err != nil {
		panic(err)
	}
	return n
}
