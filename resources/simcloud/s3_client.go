package simcloud

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Client is S3 of one process. It knows whole objects: a Range is refused.
type s3Client struct{ f *front }

func objectKey(bucket, key *string) string { return val(bucket) + "/" + val(key) }

func errNoSuchKey() error {
	return response(404, &types.NoSuchKey{Message: ptr("The specified key does not exist.")})
}

func errPrecondition() error {
	return response(412, generic("PreconditionFailed", "At least one of the pre-conditions you specified did not hold"))
}

// readObject is a read of S3: no lag, and a latency of its own.
func readObject[O any](f *front, ctx context.Context, op string, fn func() (*O, error)) (*O, error) {
	f.p.check()
	c := call{service: "s3", op: op}
	if !f.pass(ctx, objectLatency) {
		return nil, wrap(c, cancelled(ctx))
	}
	if f.s.roll(f.s.opts.Faults.Flaky) {
		return nil, wrap(c, throttled("s3"))
	}
	out, err := fn()
	return out, wrap(c, err)
}

func (c s3Client) GetObject(ctx context.Context, in *awss3.GetObjectInput, _ ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	return readObject(c.f, ctx, "GetObject", func() (*awss3.GetObjectOutput, error) {
		o := c.f.s.store.objects[objectKey(in.Bucket, in.Key)]
		switch {
		case in.Range != nil:
			return nil, response(501, generic("NotImplemented", "The simulated S3 reads whole objects only."))
		case o == nil:
			return nil, errNoSuchKey()
		case in.IfMatch != nil && !sameETag(*in.IfMatch, o.etag):
			return nil, errPrecondition()
		case o.body == nil:
			return nil, response(501, generic("NotImplemented", "The simulated S3 knows only the size of %s.", o.key))
		}
		return &awss3.GetObjectOutput{
			Body: io.NopCloser(bytes.NewReader(o.body)), ContentLength: &o.size, ETag: &o.etag, LastModified: ptr(o.modified),
		}, nil
	})
}

func (c s3Client) HeadObject(ctx context.Context, in *awss3.HeadObjectInput, _ ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	return readObject(c.f, ctx, "HeadObject", func() (*awss3.HeadObjectOutput, error) {
		o := c.f.s.store.objects[objectKey(in.Bucket, in.Key)]
		switch {
		case o == nil:
			return nil, response(404, &types.NotFound{Message: ptr("Not Found")})
		case in.IfMatch != nil && !sameETag(*in.IfMatch, o.etag):
			return nil, response(412, generic("PreconditionFailed", "Precondition Failed"))
		}
		return &awss3.HeadObjectOutput{ContentLength: &o.size, ETag: &o.etag, LastModified: ptr(o.modified)}, nil
	})
}

func (c s3Client) ListObjectsV2(ctx context.Context, in *awss3.ListObjectsV2Input, _ ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	return readObject(c.f, ctx, "ListObjectsV2", func() (*awss3.ListObjectsV2Output, error) {
		if in.Delimiter != nil {
			return nil, response(501, generic("NotImplemented", "The simulated S3 lists without delimiters."))
		}
		bucket, limit := val(in.Bucket)+"/", int(min(or(val(in.MaxKeys), 1000), 1000))
		after := max(val(in.StartAfter), val(in.ContinuationToken))
		list := c.f.s.store.under(bucket + val(in.Prefix))
		from, _ := slices.BinarySearchFunc(list, bucket+after, func(o *object, k string) int { return strings.Compare(o.key, k) })
		out := &awss3.ListObjectsV2Output{Name: in.Bucket, Prefix: in.Prefix, IsTruncated: ptr(false), MaxKeys: ptr(int32(limit))}
		for _, o := range list[from:] {
			k := strings.TrimPrefix(o.key, bucket)
			if after != "" && k == after {
				continue
			}
			if len(out.Contents) == limit {
				out.IsTruncated, out.NextContinuationToken = ptr(true), out.Contents[limit-1].Key
				break
			}
			out.Contents = append(out.Contents, types.Object{Key: &k, Size: &o.size, ETag: &o.etag, LastModified: ptr(o.modified)})
		}
		out.KeyCount = ptr(int32(len(out.Contents)))
		return out, nil
	})
}

// sameETag compares ETags with or without their quotes.
func sameETag(a, b string) bool { return strings.Trim(a, `"`) == strings.Trim(b, `"`) }

// PutObject is atomic. Its condition is judged when it has its effect.
func (c s3Client) PutObject(ctx context.Context, in *awss3.PutObjectInput, o ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	body, err := readBody(in.Body)
	if err != nil {
		return nil, wrap(call{service: "s3", op: "PutObject"}, err)
	}
	k := objectKey(in.Bucket, in.Key)
	put := func(a attempt) (*awss3.PutObjectOutput, error) {
		return c.f.s.apply(a, k, body, in.IfNoneMatch, in.IfMatch)
	}
	conditional := in.IfNoneMatch != nil || in.IfMatch != nil
	return change(c.f, ctx, "PutObject", k, conditional, o, put)
}

// readBody reads a body whole; where it tells its length, at once.
func readBody(r io.Reader) ([]byte, error) {
	switch r := r.(type) {
	case nil:
		return []byte{}, nil
	case interface{ Len() int }:
		body := make([]byte, r.Len())
		_, err := io.ReadFull(r.(io.Reader), body)
		return body, err
	}
	return io.ReadAll(r)
}

// DeleteObject is atomic; what is not there is deleted.
func (c s3Client) DeleteObject(ctx context.Context, in *awss3.DeleteObjectInput, o ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error) {
	k := objectKey(in.Bucket, in.Key)
	remove := func(a attempt) (*awss3.DeleteObjectOutput, error) {
		s := c.f.s
		was := s.store.objects[k]
		if in.IfMatch != nil && (was == nil || *in.IfMatch != "*" && !sameETag(*in.IfMatch, was.etag)) {
			s.note(a, false, errPrecondition())
			return nil, errPrecondition()
		}
		s.remove(a, k)
		return &awss3.DeleteObjectOutput{}, nil
	}
	return change(c.f, ctx, "DeleteObject", k, in.IfMatch != nil, o, remove)
}

// apply puts an object if its condition holds.
func (s *Simulation) apply(a attempt, k string, body []byte, ifNone, ifMatch *string) (*awss3.PutObjectOutput, error) {
	was := s.store.objects[k]
	var err error
	switch {
	case ifNone != nil && *ifNone != "*":
		err = response(501, generic("NotImplemented", "If-None-Match takes only *."))
	case ifNone != nil && was != nil:
		err = errPrecondition()
	case ifMatch != nil && was == nil:
		err = errNoSuchKey()
	case ifMatch != nil && !sameETag(*ifMatch, was.etag):
		err = errPrecondition()
	}
	s.note(a, err == nil, err)
	if err != nil {
		return nil, err
	}
	now := s.store.put(k, body, int64(len(body)), s.Sim.now)
	s.stored(a.proc, k, was, body)
	return &awss3.PutObjectOutput{ETag: &now.etag}, nil
}

// change is mutate for S3: its faults are its own, and a lost reply is asked
// again by a client that retries, which then reads 412 of its own success.
func change[O any](f *front, ctx context.Context, op, k string, conditional bool, opts []func(*awss3.Options), effect func(attempt) (*O, error)) (*O, error) {
	f.p.check()
	s, faults, c := f.s, f.s.opts.Faults, call{service: "s3", op: op}
	name := "s3." + op
	s.point(name, k, "before")
	a := f.attempt(name, k)
	do := func() (*O, error) { return effect(a) }
	if !f.pass(ctx, objectLatency/2) {
		return nil, wrap(c, cancelled(ctx))
	}
	switch {
	case s.roll(faults.RefusePut):
		s.point(name, k, "after")
		return nil, wrap(c, throttled("s3"))
	case conditional && s.roll(faults.Conflict):
		s.point(name, k, "after")
		return nil, wrap(c, response(409, generic("ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.")))
	case s.roll(faults.LatePut):
		s.Sim.At(s.Sim.now.Add(s.upTo(faults.lateBy())), func() { _, _ = do() })
		s.point(name, k, "after")
		return nil, wrap(c, f.giveUp(ctx))
	}
	out, err := do()
	s.point(name, k, "after")
	if s.roll(faults.LostPut) {
		if !repeats(opts) {
			return nil, wrap(c, f.giveUp(ctx))
		}
		out, err = do()
	}
	if !f.pass(ctx, objectLatency/2) {
		return nil, wrap(c, cancelled(ctx))
	}
	return out, wrap(c, err)
}
