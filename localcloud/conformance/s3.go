package conformance

import (
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const s3Guide = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
const s3API = "https://docs.aws.amazon.com/AmazonS3/latest/API/"

// put writes an object below the prefix and takes it away after the case.
func (on Target) put(t *testing.T, key, body string, change func(*s3.PutObjectInput)) (*s3.PutObjectOutput, error) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &on.Bucket, Key: aws.String(on.Prefix + key), Body: strings.NewReader(body)}
	if change != nil {
		change(in)
	}
	t.Cleanup(func() { on.s3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &on.Bucket, Key: in.Key}) })
	return on.s3().PutObject(t.Context(), in)
}

func (on Target) get(t *testing.T, key string, change func(*s3.GetObjectInput)) (string, error) {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: &on.Bucket, Key: aws.String(on.Prefix + key)}
	if change != nil {
		change(in)
	}
	out, err := on.s3().GetObject(t.Context(), in)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return string(body), err
}

var s3Cases = []Case{
	{Name: "If-None-Match creates once", Source: s3Guide + "conditional-writes.html", Run: func(t *testing.T, on Target) {
		absent := func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
		_, err := on.put(t, "once", "1", absent)
		wants(t, "the first", "", err)
		_, err = on.put(t, "once", "2", absent)
		wants(t, "the second", "PreconditionFailed", err)
		body, _ := on.get(t, "once", nil)
		same(t, "the object", body, "1")
	}},
	{Name: "If-Match replaces what was read", Source: s3Guide + "conditional-writes.html", Run: func(t *testing.T, on Target) {
		first, err := on.put(t, "cas", "1", nil)
		wants(t, "put", "", err)
		match := func(in *s3.PutObjectInput) { in.IfMatch = first.ETag }
		_, err = on.put(t, "cas", "2", match)
		wants(t, "with its ETag", "", err)
		_, err = on.put(t, "cas", "3", match)
		wants(t, "with the old one", "PreconditionFailed", err)
		_, err = on.put(t, "never", "3", match)
		wants(t, "of no object", "NoSuchKey", err)
	}},
	{Name: "keys are no paths", Source: s3Guide + "object-keys.html", Run: func(t *testing.T, on Target) {
		for _, key := range []string{"k/a", "k/a/b", "k/a//b", "k/ü +%41?&=", strings.Repeat("l", 1024-len(on.Prefix)-200) + "/z"} {
			if strings.HasPrefix(key, "l") { // between slashes, the embedded cloud takes 254 bytes
				key = strings.Repeat(strings.Repeat("l", 99)+"/", (1024-len(on.Prefix))/100)
			}
			_, err := on.put(t, key, key, nil)
			wants(t, key, "", err)
			body, err := on.get(t, key, nil)
			wants(t, key, "", err)
			same(t, "the object", body, key)
		}
		_, err := on.put(t, strings.Repeat("l", 1025), "", nil)
		wants(t, "1,025 bytes and more", "KeyTooLongError", err)
	}},
	{Name: "listing is in order and in pages", Source: s3API + "API_ListObjectsV2.html", Run: func(t *testing.T, on Target) {
		for _, key := range []string{"l/b", "l/a-b", "l/a/c", "l/a", "l/B"} {
			_, err := on.put(t, key, "", nil)
			wants(t, key, "", err)
		}
		var found []string
		pages := s3.NewListObjectsV2Paginator(on.s3(), &s3.ListObjectsV2Input{Bucket: &on.Bucket, Prefix: aws.String(on.Prefix + "l/"), MaxKeys: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Contents {
				found = append(found, strings.TrimPrefix(*o.Key, on.Prefix))
			}
		}
		same(t, "keys", strings.Join(found, " "), "l/B l/a l/a-b l/a/c l/b")
		out, err := on.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &on.Bucket, Prefix: aws.String(on.Prefix + "l/"), Delimiter: aws.String("/"), StartAfter: aws.String(on.Prefix + "l/a-b")})
		wants(t, "with a delimiter", "", err)
		same(t, "folders and keys", len(out.CommonPrefixes)*10+len(out.Contents), 11)
	}},
	{Name: "ranges", Source: s3API + "API_GetObject.html", Run: func(t *testing.T, on Target) {
		on.put(t, "range", "0123456789", nil)
		for text, want := range map[string]string{"bytes=2-4": "234", "bytes=7-": "789", "bytes=-2": "89", "bytes=8-99": "89"} {
			body, err := on.get(t, "range", func(in *s3.GetObjectInput) { in.Range = &text })
			wants(t, text, "", err)
			same(t, text, body, want)
		}
		_, err := on.get(t, "range", func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=10-") })
		wants(t, "behind the end", "InvalidRange", err)
	}},
	{Name: "errors have their codes", Source: s3API + "ErrorResponses.html", Run: func(t *testing.T, on Target) {
		_, err := on.get(t, "none", nil)
		wants(t, "no key", "NoSuchKey", err)
		other := on
		other.Bucket = "lamplighter-conformance-none-0b1f"
		_, err = other.get(t, "none", nil)
		wants(t, "no bucket", "NoSuchBucket", err)
		_, err = on.s3().UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &on.Bucket, Key: aws.String(on.Prefix + "x"), UploadId: aws.String("none"), PartNumber: aws.Int32(1), Body: strings.NewReader("")})
		wants(t, "no upload", "NoSuchUpload", err)
		_, err = on.s3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &on.Bucket, Key: aws.String(on.Prefix + "none")})
		wants(t, "deleting what is not there", "", err)
	}},
	{Name: "an upload in parts is there when complete", Source: s3Guide + "mpuoverview.html", Run: func(t *testing.T, on Target) {
		key := aws.String(on.Prefix + "parts")
		up, err := on.s3().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &on.Bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		part, err := on.s3().UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &on.Bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("whole")})
		wants(t, "a part", "", err)
		_, err = on.get(t, "parts", nil)
		wants(t, "before", "NoSuchKey", err)
		t.Cleanup(func() { on.s3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &on.Bucket, Key: key}) })
		_, err = on.s3().CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &on.Bucket, Key: key, UploadId: up.UploadId, IfNoneMatch: aws.String("*"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}}})
		wants(t, "complete", "", err)
		body, _ := on.get(t, "parts", nil)
		same(t, "after", body, "whole")
	}},
	{Name: "new objects are encrypted", Source: s3Guide + "default-encryption-faq.html", Run: func(t *testing.T, on Target) {
		out, err := on.put(t, "sealed", "x", nil)
		wants(t, "put", "", err)
		if out != nil && out.ServerSideEncryption == "" {
			t.Error("it says no encryption")
		}
	}},
}
