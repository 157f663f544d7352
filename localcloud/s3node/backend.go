package s3node

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// named is a backend whose objects lie under the files that names.go gives
// them. Buckets are what they were.
type named struct{ backend.Backend }

// NormalizeObjectKey is the key: nothing is resolved in it.
func (n named) NormalizeObjectKey(_, key string) string { return key }

// file is the file of a request's key.
func file(key *string) (*string, error) {
	if key == nil {
		return nil, nil
	}
	if err := refused(*key); err != nil {
		return nil, err
	}
	name := fileOf(*key)
	return &name, nil
}

// prefixed is what a request's prefix becomes.
func prefixed(prefix *string) *string {
	if prefix == nil {
		return nil
	}
	name := folderOf(*prefix)
	return &name
}

// after is the place in a listing right behind a key or, with a delimiter at
// its end, behind the common prefix.
func after(marker, delimiter *string) *string {
	if marker == nil || *marker == "" {
		return marker
	}
	name := folderOf(*marker)
	if delimiter == nil || *delimiter == "" || !endsIn(*marker, *delimiter) {
		name += leafMark
	}
	return &name
}

func endsIn(s, end string) bool { return len(s) >= len(end) && s[len(s)-len(end):] == end }

// key is the key of an answer.
func key(name *string) *string {
	if name == nil {
		return nil
	}
	k := keyOf(*name)
	return &k
}

func keys[T any](list []T, name func(*T) **string) {
	for i := range list {
		p := name(&list[i])
		*p = key(*p)
	}
}

func prefixes(list []types.CommonPrefix) {
	keys(list, func(p *types.CommonPrefix) **string { return &p.Prefix })
}

func (n named) PutObject(ctx context.Context, in s3response.PutObjectInput) (out s3response.PutObjectOutput, err error) {
	if in.Key, err = file(in.Key); err != nil {
		return out, err
	}
	return n.Backend.PutObject(ctx, in)
}

func (n named) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (_ *s3.HeadObjectOutput, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return nil, err
	}
	return n.Backend.HeadObject(ctx, &c)
}

func (n named) GetObject(ctx context.Context, in *s3.GetObjectInput) (_ *s3.GetObjectOutput, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return nil, err
	}
	return n.Backend.GetObject(ctx, &c)
}

func (n named) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput) (_ *s3.GetObjectAclOutput, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return nil, err
	}
	return n.Backend.GetObjectAcl(ctx, &c)
}

func (n named) PutObjectAcl(ctx context.Context, in *s3.PutObjectAclInput) (err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return err
	}
	return n.Backend.PutObjectAcl(ctx, &c)
}

func (n named) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput) (out s3response.GetObjectAttributesResponse, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return out, err
	}
	return n.Backend.GetObjectAttributes(ctx, &c)
}

func (n named) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	if in.Key, err = file(in.Key); err != nil {
		return out, err
	}
	if in.CopySource, err = source(in.CopySource); err != nil {
		return out, err
	}
	return n.Backend.CopyObject(ctx, in)
}

// source names the file of bucket/key?versionId=….
func source(header *string) (*string, error) {
	if header == nil {
		return nil, nil
	}
	bucket, name, version, err := backend.ParseCopySource(*header)
	if err != nil {
		return nil, err
	}
	f, err := file(&name)
	if err != nil {
		return nil, err
	}
	out := bucket + "/" + url.QueryEscape(*f)
	if version != "" {
		out += "?versionId=" + version
	}
	return &out, nil
}

func (n named) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (_ *s3.DeleteObjectOutput, err error) {
	c := *in
	if c.Key, err = file(in.Key); err != nil {
		return nil, err
	}
	return n.Backend.DeleteObject(ctx, &c)
}

// DeleteObjects answers for each key by itself.
func (n named) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (out s3response.DeleteResult, err error) {
	c, batch := *in, *in.Delete
	c.Delete, batch.Objects = &batch, nil
	var failed []types.Error
	for _, o := range in.Delete.Objects {
		f, err := file(o.Key)
		if why, ok := err.(s3err.S3Error); ok {
			base := why.BaseError()
			failed = append(failed, types.Error{Key: o.Key, VersionId: o.VersionId, Code: &base.Code, Message: &base.Description})
			continue
		}
		o.Key = f
		batch.Objects = append(batch.Objects, o)
	}
	if len(batch.Objects) > 0 {
		out, err = n.Backend.DeleteObjects(ctx, &c)
	}
	keys(out.Deleted, func(d *types.DeletedObject) **string { return &d.Key })
	keys(out.Error, func(e *types.Error) **string { return &e.Key })
	out.Error = append(out.Error, failed...)
	return out, err
}

func (n named) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	c := *in
	c.Prefix, c.Marker = prefixed(in.Prefix), after(in.Marker, in.Delimiter)
	out, err := n.Backend.ListObjects(ctx, &c)
	out.Prefix, out.Marker, out.NextMarker = in.Prefix, in.Marker, key(out.NextMarker)
	keys(out.Contents, func(o *s3response.Object) **string { return &o.Key })
	prefixes(out.CommonPrefixes)
	return out, err
}

// ListObjectsV2 has tokens that no client can read, as S3's: they hold marks.
func (n named) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	c := *in
	c.Prefix, c.StartAfter = prefixed(in.Prefix), after(in.StartAfter, nil)
	if in.ContinuationToken != nil {
		token, err := base64.RawURLEncoding.DecodeString(*in.ContinuationToken)
		if err != nil {
			return s3response.ListObjectsV2Result{}, s3err.APIError{Code: "InvalidArgument", Description: "The continuation token provided is incorrect", HTTPStatusCode: 400}
		}
		text := string(token)
		c.ContinuationToken = &text
	}
	out, err := n.Backend.ListObjectsV2(ctx, &c)
	out.Prefix, out.StartAfter, out.ContinuationToken = in.Prefix, in.StartAfter, in.ContinuationToken
	if t := out.NextContinuationToken; t != nil {
		token := base64.RawURLEncoding.EncodeToString([]byte(*t))
		out.NextContinuationToken = &token
	}
	keys(out.Contents, func(o *s3response.Object) **string { return &o.Key })
	prefixes(out.CommonPrefixes)
	return out, err
}

func (n named) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (s3response.ListVersionsResult, error) {
	c := *in
	c.Prefix, c.KeyMarker = prefixed(in.Prefix), after(in.KeyMarker, in.Delimiter)
	out, err := n.Backend.ListObjectVersions(ctx, &c)
	out.Prefix, out.KeyMarker, out.NextKeyMarker = in.Prefix, in.KeyMarker, key(out.NextKeyMarker)
	keys(out.Versions, func(v *s3response.ObjectVersion) **string { return &v.Key })
	keys(out.DeleteMarkers, func(m *types.DeleteMarkerEntry) **string { return &m.Key })
	prefixes(out.CommonPrefixes)
	return out, err
}

func (n named) GetObjectTagging(ctx context.Context, bucket, name, version string) (map[string]string, error) {
	if err := refused(name); err != nil {
		return nil, err
	}
	return n.Backend.GetObjectTagging(ctx, bucket, fileOf(name), version)
}

func (n named) PutObjectTagging(ctx context.Context, bucket, name, version string, tags map[string]string) error {
	if err := refused(name); err != nil {
		return err
	}
	return n.Backend.PutObjectTagging(ctx, bucket, fileOf(name), version, tags)
}

func (n named) DeleteObjectTagging(ctx context.Context, bucket, name, version string) error {
	if err := refused(name); err != nil {
		return err
	}
	return n.Backend.DeleteObjectTagging(ctx, bucket, fileOf(name), version)
}

func (n named) RestoreObject(context.Context, *s3.RestoreObjectInput) error {
	return notHere("archived objects, so RestoreObject has nothing to restore")
}

func (n named) SelectObjectContent(context.Context, *s3.SelectObjectContentInput) func(w *bufio.Writer) {
	return func(*bufio.Writer) {} // the front refuses it by name
}
