package simcloud

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// upload is one in parts that was not completed yet.
type upload struct {
	id, key string
	parts   map[int32]*object // of which object
}

// source is the object that a copy is made of.
func (s *Simulation) source(copySource, ifMatch *string) (*object, error) {
	k, err := url.PathUnescape(strings.TrimPrefix(val(copySource), "/"))
	if err != nil {
		return nil, response(400, generic("InvalidArgument", "x-amz-copy-source %s", val(copySource)))
	}
	o := s.store.objects[k]
	switch {
	case o == nil:
		return nil, errNoSuchKey()
	case ifMatch != nil && !sameETag(*ifMatch, o.etag):
		return nil, errPrecondition()
	}
	return o, nil
}

// place is a put whose content is another object's.
func (s *Simulation) place(a attempt, k string, from *object) *object {
	was := s.store.objects[k]
	s.note(a, true, nil)
	o := s.store.put(k, from.body, from.size, s.Sim.now)
	s.stored(a.proc, k, was, from.body)
	return o
}

// CopyObject is atomic.
func (c s3Client) CopyObject(ctx context.Context, in *awss3.CopyObjectInput, o ...func(*awss3.Options)) (*awss3.CopyObjectOutput, error) {
	k := objectKey(in.Bucket, in.Key)
	return change(c.f, ctx, "CopyObject", k, false, o, func(a attempt) (*awss3.CopyObjectOutput, error) {
		from, err := c.f.s.source(in.CopySource, in.CopySourceIfMatch)
		if err != nil {
			c.f.s.note(a, false, err)
			return nil, err
		}
		now := c.f.s.place(a, k, from)
		return &awss3.CopyObjectOutput{CopyObjectResult: &types.CopyObjectResult{ETag: &now.etag, LastModified: ptr(now.modified)}}, nil
	})
}

// CreateMultipartUpload begins an upload, which no listing of objects shows.
func (c s3Client) CreateMultipartUpload(ctx context.Context, in *awss3.CreateMultipartUploadInput, o ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error) {
	k := objectKey(in.Bucket, in.Key)
	return change(c.f, ctx, "CreateMultipartUpload", k, false, o, func(a attempt) (*awss3.CreateMultipartUploadOutput, error) {
		s := c.f.s
		u := &upload{id: fmt.Sprintf("upload-%d-%d", len(s.audit), len(s.uploads)), key: k, parts: map[int32]*object{}}
		s.uploads[u.id] = u
		s.note(a, true, nil)
		return &awss3.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: &u.id}, nil
	})
}

func (s *Simulation) upload(id *string) (*upload, error) {
	if u := s.uploads[val(id)]; u != nil {
		return u, nil
	}
	return nil, response(404, &types.NoSuchUpload{Message: ptr("The specified upload does not exist.")})
}

// UploadPartCopy remembers what a part was copied of.
func (c s3Client) UploadPartCopy(ctx context.Context, in *awss3.UploadPartCopyInput, o ...func(*awss3.Options)) (*awss3.UploadPartCopyOutput, error) {
	return change(c.f, ctx, "UploadPartCopy", objectKey(in.Bucket, in.Key), false, o, func(a attempt) (*awss3.UploadPartCopyOutput, error) {
		u, err := c.f.s.upload(in.UploadId)
		var from *object
		if err == nil {
			from, err = c.f.s.source(in.CopySource, in.CopySourceIfMatch)
		}
		c.f.s.note(a, err == nil, err)
		if err != nil {
			return nil, err
		}
		u.parts[val(in.PartNumber)] = from
		return &awss3.UploadPartCopyOutput{CopyPartResult: &types.CopyPartResult{ETag: &from.etag}}, nil
	})
}

// CompleteMultipartUpload puts the object whose parts were copied.
func (c s3Client) CompleteMultipartUpload(ctx context.Context, in *awss3.CompleteMultipartUploadInput, o ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error) {
	k := objectKey(in.Bucket, in.Key)
	return change(c.f, ctx, "CompleteMultipartUpload", k, false, o, func(a attempt) (*awss3.CompleteMultipartUploadOutput, error) {
		s := c.f.s
		u, err := s.upload(in.UploadId)
		if err == nil && (in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 || len(in.MultipartUpload.Parts) != len(u.parts)) {
			err = response(400, generic("InvalidPart", "One or more of the specified parts could not be found."))
		}
		if err != nil {
			s.note(a, false, err)
			return nil, err
		}
		delete(s.uploads, u.id)
		now := s.place(a, k, u.parts[1])
		return &awss3.CompleteMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, ETag: &now.etag}, nil
	})
}

// AbortMultipartUpload ends an upload.
func (c s3Client) AbortMultipartUpload(ctx context.Context, in *awss3.AbortMultipartUploadInput, o ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error) {
	return change(c.f, ctx, "AbortMultipartUpload", objectKey(in.Bucket, in.Key), false, o, func(a attempt) (*awss3.AbortMultipartUploadOutput, error) {
		_, err := c.f.s.upload(in.UploadId)
		c.f.s.note(a, err == nil, err)
		if err != nil {
			return nil, err
		}
		delete(c.f.s.uploads, val(in.UploadId))
		return &awss3.AbortMultipartUploadOutput{}, nil
	})
}

// ListMultipartUploads lists what was begun and not completed, as one page.
func (c s3Client) ListMultipartUploads(ctx context.Context, in *awss3.ListMultipartUploadsInput, _ ...func(*awss3.Options)) (*awss3.ListMultipartUploadsOutput, error) {
	return readObject(c.f, ctx, "ListMultipartUploads", func() (*awss3.ListMultipartUploadsOutput, error) {
		out := &awss3.ListMultipartUploadsOutput{IsTruncated: ptr(false)}
		bucket := val(in.Bucket) + "/"
		for _, u := range c.f.s.uploads {
			if strings.HasPrefix(u.key, bucket+val(in.Prefix)) {
				out.Uploads = append(out.Uploads, types.MultipartUpload{Key: ptr(strings.TrimPrefix(u.key, bucket)), UploadId: &u.id})
			}
		}
		slices.SortFunc(out.Uploads, func(a, b types.MultipartUpload) int { return strings.Compare(val(a.UploadId), val(b.UploadId)) })
		return out, nil
	})
}

// Uploads are the keys of uploads that were begun and never completed.
func (s *Simulation) Uploads() (keys []string) {
	for _, u := range s.uploads {
		keys = append(keys, u.key)
	}
	slices.Sort(keys)
	return keys
}

// DeleteObjects deletes one after the other; what is not there is deleted.
func (c s3Client) DeleteObjects(ctx context.Context, in *awss3.DeleteObjectsInput, o ...func(*awss3.Options)) (*awss3.DeleteObjectsOutput, error) {
	first := objectKey(in.Bucket, in.Delete.Objects[0].Key)
	return change(c.f, ctx, "DeleteObjects", first, false, o, func(a attempt) (*awss3.DeleteObjectsOutput, error) {
		for _, id := range in.Delete.Objects {
			a.target = objectKey(in.Bucket, id.Key)
			c.f.s.remove(a, a.target)
		}
		return &awss3.DeleteObjectsOutput{}, nil
	})
}

// remove takes an object away.
func (s *Simulation) remove(a attempt, k string) {
	was := s.store.objects[k]
	s.store.remove(k)
	s.note(a, was != nil, nil)
	if was != nil && isRecord(k) {
		s.violate(RuleRewritten, "%s was deleted", k)
	}
	s.touched(k, was)
}
