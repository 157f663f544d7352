package s3

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Client reads and writes whole objects by URI (s3://bucket/key). Every error
// is a *resources.Fault. It is safe for concurrent use when API is.
type Client struct {
	API API
	// Parallel is how many requests HeadAll and GetAll have under way at once.
	// 1 or less: one after the other on the caller's own goroutine, as virtual
	// time demands.
	Parallel int
	// Wait pauses between the tries of a read that failed in a way that passes:
	// it is repeated up to readTries times, since reading has no effect. nil:
	// reads are not repeated.
	Wait func(ctx context.Context, d time.Duration)
	// Timeout bounds each request, its body included; 0: only the context does.
	Timeout time.Duration
	// PartSize is how large an object is copied by one request, and how large
	// the parts of larger ones are; 0: 256 MB, which S3 copies well within
	// Timeout. At least 5 MB on AWS.
	PartSize int64
}

// Info is what a listing or a head tells of an object. ETag has no quotes.
type Info struct {
	URI      string
	ETag     string
	Size     int64 // bytes
	Modified time.Time
}

// Get reads an object. An absent one is a Gone fault with the code NoSuchKey.
func (c *Client) Get(ctx context.Context, uri string) (body []byte, etag string, err error) {
	err = c.patiently(ctx, func() error {
		body, etag, err = c.get(ctx, uri)
		return err
	})
	return body, etag, err
}

// readTries is how often a read is asked for; with the pauses between, about
// half a minute beyond what the SDK itself repeats.
const readTries = 6

// patiently repeats a read while its failure passes.
func (c *Client) patiently(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		if resources.ClassOf(err) != resources.Retry || try == readTries || c.Wait == nil || ctx.Err() != nil {
			return err
		}
		c.Wait(ctx, time.Second<<(try-1))
	}
}

func (c *Client) get(ctx context.Context, uri string) (body []byte, etag string, err error) {
	bucket, key, err := Split(uri)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	out, err := c.API.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err == nil {
		defer out.Body.Close()
		// Room for all of it and a last empty read, so that it never grows.
		whole := bytes.NewBuffer(make([]byte, 0, max(aws.ToInt64(out.ContentLength), 0)+bytes.MinRead))
		_, err = whole.ReadFrom(out.Body)
		body = whole.Bytes()
	}
	if err != nil {
		return nil, "", placed(awsfault.Read(err, "reading "+uri, codes), err, "reading "+uri, uri)
	}
	return body, unquote(out.ETag), nil
}

// Put writes an object and returns its new ETag. match "" writes whatever is
// there, "*" only where nothing is, any other only over the object with that
// ETag. A condition that does not hold is Permanent with the code
// PreconditionFailed; If-Match on an absent object is Gone with NoSuchKey; a
// conditional write that met another one is Busy with
// ConditionalRequestConflict. A conditional write is sent once, so that each of
// these is the truth about this very call; but an earlier call that ended
// Unknown may have written what this one meets. Source: Amazon S3 user guide,
// "How to prevent object overwrites with conditional writes".
func (c *Client) Put(ctx context.Context, uri string, body []byte, match string) (etag string, err error) {
	bucket, key, err := Split(uri)
	if err != nil {
		return "", err
	}
	in := &awss3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body)}
	var options []func(*awss3.Options)
	switch match {
	case "":
	case "*":
		in.IfNoneMatch = aws.String("*")
		options = append(options, once)
	default:
		in.IfMatch = aws.String(`"` + match + `"`)
		options = append(options, once)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	out, err := c.API.PutObject(ctx, in, options...)
	if err != nil {
		return "", placed(awsfault.Change(err, "writing "+uri, codes), err, "writing "+uri, uri)
	}
	return unquote(out.ETag), nil
}

func once(o *awss3.Options) { o.Retryer = awsfault.Once }

// Head tells what is known of an object without reading it. An absent one is a
// Gone fault with the code NoSuchKey.
func (c *Client) Head(ctx context.Context, uri string) (info Info, err error) {
	err = c.patiently(ctx, func() error {
		info, err = c.head(ctx, uri)
		return err
	})
	return info, err
}

func (c *Client) head(ctx context.Context, uri string) (Info, error) {
	bucket, key, err := Split(uri)
	if err != nil {
		return Info{}, err
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	out, err := c.API.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return Info{}, headFault(err, uri)
	}
	return Info{URI: uri, ETag: unquote(out.ETag), Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}, nil
}

// Delete removes an object. An absent one is no error; repeats are safe.
func (c *Client) Delete(ctx context.Context, uri string) error {
	bucket, key, err := Split(uri)
	if err != nil {
		return err
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err = c.API.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err = awsfault.Change(err, "deleting "+uri, codes); resources.ClassOf(err) == resources.Gone {
		return nil
	}
	return err
}

// List tells of all objects whose URI begins with prefixURI, in the order of
// their keys, all pages. Of the keys up to startAfterKey none is listed ("":
// from the first).
func (c *Client) List(ctx context.Context, prefixURI, startAfterKey string) ([]Info, error) {
	bucket, prefix, err := Split(prefixURI)
	if err != nil {
		return nil, err
	}
	in := &awss3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)}
	if startAfterKey != "" {
		in.StartAfter = aws.String(startAfterKey)
	}
	var infos []Info
	for {
		var page *awss3.ListObjectsV2Output
		err := c.patiently(ctx, func() (err error) {
			page, err = c.page(ctx, in)
			return listFault(err, prefixURI)
		})
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			infos = append(infos, Info{URI: Join(bucket, aws.ToString(o.Key)), ETag: unquote(o.ETag),
				Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)})
		}
		if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextContinuationToken) == "" {
			return infos, nil
		}
		in.ContinuationToken = page.NextContinuationToken
	}
}

func (c *Client) page(ctx context.Context, in *awss3.ListObjectsV2Input) (*awss3.ListObjectsV2Output, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return c.API.ListObjectsV2(ctx, in)
}

// HeadAll heads many objects and returns what it learned in the order of uris.
// The first error (in that order) ends it.
func (c *Client) HeadAll(ctx context.Context, uris []string) ([]Info, error) {
	return each(ctx, c.Parallel, uris, c.Head)
}

// GetAll reads many objects and returns their bodies in the order of uris. The
// first error (in that order) ends it.
func (c *Client) GetAll(ctx context.Context, uris []string) ([][]byte, error) {
	return each(ctx, c.Parallel, uris, func(ctx context.Context, uri string) ([]byte, error) {
		body, _, err := c.Get(ctx, uri)
		return body, err
	})
}

// each calls fn for every uri, at most parallel at once.
func each[T any](ctx context.Context, parallel int, uris []string, fn func(context.Context, string) (T, error)) ([]T, error) {
	out := make([]T, len(uris))
	if parallel <= 1 {
		for i, uri := range uris {
			var err error
			if out[i], err = fn(ctx, uri); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(uris))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(parallel, len(uris)) {
		workers.Go(func() {
			for i := range next {
				if out[i], errs[i] = fn(ctx, uris[i]); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	for i := range uris {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if err := firstError(ctx, errs); err != nil {
		return nil, err
	}
	return out, nil
}

// firstError prefers a real error over those that only say that the others
// were cancelled because of it.
func firstError(ctx context.Context, errs []error) error {
	var cancelled error
	for _, err := range errs {
		if err != nil && !isCancelled(err) {
			return err
		}
		if cancelled == nil {
			cancelled = err
		}
	}
	if cancelled == nil && ctx.Err() != nil {
		return awsfault.Read(ctx.Err(), "reading many objects", codes)
	}
	return cancelled
}

func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.Timeout)
}

// unquote makes an ETag of S3, which quotes it, comparable with others.
func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
