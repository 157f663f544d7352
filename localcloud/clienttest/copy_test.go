package clienttest

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/localcloud/s3node"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

const childVariable = "CLIENTTEST_S3NODE_CHILD"

// TestMain lets this binary be the S3 server's process too.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		fmt.Println(s3node.Serve(os.Stdin, os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// realS3 is lamplighter's client of the embedded cloud's S3 server, with a
// bucket "lake".
func realS3(t *testing.T) *s3.Client {
	t.Helper()
	t.Setenv(childVariable, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	node, err := s3node.Start(t.Context(), s3node.Config{Dir: t.TempDir(), Region: "us-east-1", Key: "LOCALKEY", Secret: "secret", Command: []string{self},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Close)
	server := httptest.NewServer(node)
	t.Cleanup(server.Close)
	api := awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("LOCALKEY", "secret", "")})
	if _, err := api.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	return &s3.Client{API: api, Parallel: 4, PartSize: 5 << 20}
}

// What publishing asks of S3, asked of a real server: copies by one request and
// in parts, of odd names, only of what was listed; uploads that were broken off
// are ended; many objects are removed at once.
func TestCopiesOnARealServer(t *testing.T) {
	c := realS3(t)
	large := strings.Repeat("0123456789abcdef", 11<<20/16)
	bodies := map[string]string{"small": "x", "empty": "", "odd +%20'ü =&(1)/part-0": "odd", "large": large}
	var all []s3.Info
	for name, body := range bodies {
		if _, err := c.Put(t.Context(), "s3://lake/from/"+name, []byte(body), ""); err != nil {
			t.Fatal(err)
		}
	}
	all, err := c.List(t.Context(), "s3://lake/from/", "")
	if err != nil || len(all) != len(bodies) {
		t.Fatal(all, err)
	}
	to := func(f s3.Info) string { return strings.Replace(f.URI, "/from/", "/to/", 1) }
	for range 2 {
		if err := c.CopyAll(t.Context(), all, to); err != nil {
			t.Fatal(err)
		}
	}
	var uris []string
	for name, body := range bodies {
		got, _, err := c.Get(t.Context(), "s3://lake/to/"+name)
		if err != nil || string(got) != body {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		uris = append(uris, "s3://lake/to/"+name)
	}
	for _, f := range all {
		f.ETag = "0123456789abcdef0123456789abcdef"
		if err := c.Copy(t.Context(), f, to(f)+"-changed"); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%s has changed, yet: %v", f.URI, err)
		}
	}
	begun := &awss3.CreateMultipartUploadInput{Bucket: aws.String("lake"), Key: aws.String("to/never")}
	if _, err := c.API.CreateMultipartUpload(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	if err := c.AbortUploads(t.Context(), "s3://lake/to/"); err != nil {
		t.Fatal(err)
	}
	left, err := c.API.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String("lake")})
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("uploads are left: %v, %v", left, err)
	}
	if err := c.DeleteAll(t.Context(), append(uris, "s3://lake/to/nothing")); err != nil {
		t.Fatal(err)
	}
	if there, err := c.List(t.Context(), "s3://lake/to/", ""); err != nil || len(there) > 0 {
		t.Errorf("left: %v, %v", there, err)
	}
}
