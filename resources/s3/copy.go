package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

const (
	defaultPart = 256 << 20
	// maxParts of an upload.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	maxParts = 10_000
)

// Copy has S3 itself copy an object, as it was when from was learned: another
// ETag since then is PreconditionFailed. Large ones are copied in parts:
// CopyObject takes 5 GB at most. Repeats end in the same state; a copy that was
// broken off may leave an upload behind: see AbortUploads.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *Client) Copy(ctx context.Context, from Info, to string) error {
	source, err := copySource(from.URI)
	if err != nil {
		return err
	}
	bucket, key, err := Split(to)
	if err != nil {
		return err
	}
	if from.Size > c.part(from.Size) {
		return c.copyParts(ctx, from, source, to)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err = c.API.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), CopySource: aws.String(source),
		CopySourceIfMatch: aws.String(`"` + from.ETag + `"`)})
	return copyFault(err, from.URI, to)
}

// part is how large the parts of an object are.
func (c *Client) part(size int64) int64 {
	part := c.PartSize
	if part <= 0 {
		part = defaultPart
	}
	return max(part, (size+maxParts-1)/maxParts)
}

// copySource is bucket/key with all that may be misread in a header escaped.
func copySource(uri string) (string, error) {
	bucket, key, err := Split(uri)
	if err != nil {
		return "", err
	}
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	return bucket + "/" + strings.Join(parts, "/"), nil
}

func copyFault(err error, from, to string) error {
	judged := awsfault.Change(err, "copying "+from+" to "+to, codes)
	var f *resources.Fault
	if errors.As(judged, &f) && f.Class == resources.Denied && f.Hint == "" {
		f.Hint = "allow s3:GetObject on the first, and s3:PutObject, s3:DeleteObject and s3:ListBucket where it goes"
	}
	return judged
}

func (c *Client) copyParts(ctx context.Context, from Info, source, to string) error {
	bucket, key, _ := Split(to)
	in := &awss3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key)}
	limited, cancel := c.bound(ctx)
	upload, err := c.API.CreateMultipartUpload(limited, in)
	cancel()
	if err != nil {
		return copyFault(err, from.URI, to)
	}
	part := c.part(from.Size)
	ranges := []string{}
	for at := int64(0); at < from.Size; at += part {
		ranges = append(ranges, fmt.Sprintf("bytes=%d-%d", at, min(at+part, from.Size)-1))
	}
	done := make([]types.CompletedPart, len(ranges))
	for i, bytes := range ranges {
		number := aws.Int32(int32(i + 1))
		limited, cancel := c.bound(ctx)
		out, err := c.API.UploadPartCopy(limited, &awss3.UploadPartCopyInput{Bucket: in.Bucket, Key: in.Key, UploadId: upload.UploadId, PartNumber: number,
			CopySource: aws.String(source), CopySourceRange: aws.String(bytes), CopySourceIfMatch: aws.String(`"` + from.ETag + `"`)})
		cancel()
		if err != nil {
			return copyFault(errors.Join(err, c.abort(ctx, bucket, key, aws.ToString(upload.UploadId))), from.URI, to)
		}
		done[i] = types.CompletedPart{PartNumber: number, ETag: out.CopyPartResult.ETag}
	}
	limited, cancel = c.bound(ctx)
	defer cancel()
	_, err = c.API.CompleteMultipartUpload(limited, &awss3.CompleteMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: upload.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
	return copyFault(err, from.URI, to)
}

func (c *Client) abort(ctx context.Context, bucket, key, id string) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err := c.API.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key), UploadId: aws.String(id)})
	if resources.ClassOf(awsfault.Change(err, "", codes)) == resources.Gone {
		return nil
	}
	return err
}

// AbortUploads ends the uploads under a prefix that were begun and never
// completed. What they hold is stored, billed and seen by no listing of
// objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
func (c *Client) AbortUploads(ctx context.Context, prefixURI string) error {
	bucket, prefix, err := Split(prefixURI)
	if err != nil {
		return err
	}
	in := &awss3.ListMultipartUploadsInput{Bucket: aws.String(bucket), Prefix: aws.String(prefix)}
	for {
		limited, cancel := c.bound(ctx)
		page, err := c.API.ListMultipartUploads(limited, in)
		cancel()
		if err != nil {
			return awsfault.Read(err, "listing the uploads under "+prefixURI, codes)
		}
		for _, u := range page.Uploads {
			if err := c.abort(ctx, bucket, aws.ToString(u.Key), aws.ToString(u.UploadId)); err != nil {
				return awsfault.Change(err, "ending the upload of "+Join(bucket, aws.ToString(u.Key)), codes)
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}

// CopyAll copies many objects, each to the URI that to says of it. The first
// error (in that order) ends it.
func (c *Client) CopyAll(ctx context.Context, from []Info, to func(Info) string) error {
	uris, infos := make([]string, len(from)), map[string]Info{}
	for i, o := range from {
		uris[i], infos[o.URI] = o.URI, o
	}
	_, err := each(ctx, c.Parallel, uris, func(ctx context.Context, uri string) (struct{}, error) {
		return struct{}{}, c.patiently(ctx, func() error { return c.Copy(ctx, infos[uri], to(infos[uri])) })
	})
	return err
}

// MaxDelete is how many objects one DeleteAll takes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const MaxDelete = 1000

// DeleteAll removes up to MaxDelete objects of one bucket by one request.
// Absent ones are no error; repeats are safe.
func (c *Client) DeleteAll(ctx context.Context, uris []string) error {
	in := &awss3.DeleteObjectsInput{Delete: &types.Delete{Quiet: aws.Bool(true)}}
	for _, uri := range uris {
		bucket, key, err := Split(uri)
		if err != nil {
			return err
		}
		if in.Bucket != nil && *in.Bucket != bucket || len(uris) > MaxDelete {
			return awsfault.Refuse("", "%d objects of one bucket are removed at once, and %s is one too many", MaxDelete, uri)
		}
		in.Bucket = aws.String(bucket)
		in.Delete.Objects = append(in.Delete.Objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	if len(uris) == 0 {
		return nil
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	what := fmt.Sprintf("deleting %s and %d more", uris[0], len(uris)-1)
	out, err := c.API.DeleteObjects(ctx, in)
	if err == nil && len(out.Errors) > 0 {
		e := out.Errors[0]
		err = &smithy.GenericAPIError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Key) + ": " + aws.ToString(e.Message), Fault: smithy.FaultClient}
	}
	return awsfault.Change(err, what, codes)
}
