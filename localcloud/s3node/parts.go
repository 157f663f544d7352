package s3node

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// Uploads in parts, and what locks objects.

func (n named) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (out s3response.InitiateMultipartUploadResult, err error) {
	if in.Key, err = file(in.Key); err != nil {
		return out, err
	}
	out, err = n.Backend.CreateMultipartUpload(ctx, in)
	out.Key = keyOf(out.Key)
	return out, err
}

func (n named) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (out s3response.CompleteMultipartUploadResult, version string, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return out, "", err
	}
	out, version, err = n.Backend.CompleteMultipartUpload(ctx, &c)
	out.Key = in.Key
	return out, version, err
}

func (n named) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) (err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return err
	}
	return n.Backend.AbortMultipartUpload(ctx, &c)
}

func (n named) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (s3response.ListMultipartUploadsResult, error) {
	c := *in
	c.Prefix, c.KeyMarker = prefixed(in.Prefix), after(in.KeyMarker, in.Delimiter)
	out, err := n.Backend.ListMultipartUploads(ctx, &c)
	out.Prefix, out.KeyMarker, out.NextKeyMarker = text(in.Prefix), text(in.KeyMarker), keyOf(out.NextKeyMarker)
	for i := range out.Uploads {
		out.Uploads[i].Key = keyOf(out.Uploads[i].Key)
	}
	for i := range out.CommonPrefixes {
		out.CommonPrefixes[i].Prefix = keyOf(out.CommonPrefixes[i].Prefix)
	}
	return out, err
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func (n named) ListParts(ctx context.Context, in *s3.ListPartsInput) (out s3response.ListPartsResult, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return out, err
	}
	out, err = n.Backend.ListParts(ctx, &c)
	out.Key = text(in.Key)
	return out, err
}

func (n named) UploadPart(ctx context.Context, in *s3.UploadPartInput) (_ *s3.UploadPartOutput, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return nil, err
	}
	return n.Backend.UploadPart(ctx, &c)
}

func (n named) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (out s3response.CopyPartResult, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return out, err
	}
	if c.CopySource, err = source(in.CopySource); err != nil {
		return out, err
	}
	return n.Backend.UploadPartCopy(ctx, &c)
}

func (n named) PutObjectRetention(ctx context.Context, bucket, name, version string, retention []byte) error {
	return n.Backend.PutObjectRetention(ctx, bucket, fileOf(name), version, retention)
}

func (n named) GetObjectRetention(ctx context.Context, bucket, name, version string) ([]byte, error) {
	return n.Backend.GetObjectRetention(ctx, bucket, fileOf(name), version)
}

func (n named) PutObjectLegalHold(ctx context.Context, bucket, name, version string, status bool) error {
	return n.Backend.PutObjectLegalHold(ctx, bucket, fileOf(name), version, status)
}

func (n named) GetObjectLegalHold(ctx context.Context, bucket, name, version string) (*bool, error) {
	return n.Backend.GetObjectLegalHold(ctx, bucket, fileOf(name), version)
}
