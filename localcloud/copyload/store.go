package copyload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"lamplighter/localcloud/pgwire"
)

// StoreConfig says where S3 is.
type StoreConfig struct {
	Endpoint    string // URL
	Region      string
	Credentials aws.CredentialsProvider
}

// Store reads and writes S3 objects.
type Store struct{ api *s3.Client }

// NewStore makes a Store; it connects to nothing.
func NewStore(cfg StoreConfig) *Store {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second}}
	return &Store{api: s3.New(s3.Options{
		BaseEndpoint: aws.String(cfg.Endpoint), Region: cfg.Region, Credentials: cfg.Credentials,
		UsePathStyle: true, HTTPClient: client,
	})}
}

// URI is an S3 address.
type URI struct{ Bucket, Key string }

func (u URI) String() string { return "s3://" + u.Bucket + "/" + u.Key }

// ParseURI reads s3://bucket/key.
func ParseURI(s string) (URI, error) {
	rest, ok := strings.CutPrefix(s, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return URI{}, pgwire.Errorf("42601", "%q is not an address of the form s3://bucket/key", s)
	}
	return URI{bucket, key}, nil
}

// Object is an object of a listing.
type Object struct {
	URI
	Size int64
}

// List lists the objects under a prefix of keys, in order.
func (s *Store) List(ctx context.Context, u URI) ([]Object, error) {
	var out []Object
	pages := s3.NewListObjectsV2Paginator(s.api, &s3.ListObjectsV2Input{Bucket: &u.Bucket, Prefix: &u.Key})
	for pages.HasMorePages() {
		p, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s3Error(u, err)
		}
		for _, o := range p.Contents {
			out = append(out, Object{URI{u.Bucket, aws.ToString(o.Key)}, aws.ToInt64(o.Size)})
		}
	}
	return out, nil
}

// Get opens an object.
func (s *Store) Get(ctx context.Context, u URI) (io.ReadCloser, int64, error) {
	o, err := s.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	if err != nil {
		return nil, 0, s3Error(u, err)
	}
	return o.Body, aws.ToInt64(o.ContentLength), nil
}

// Put writes an object.
func (s *Store) Put(ctx context.Context, u URI, body io.ReadSeeker, size int64) error {
	_, err := s.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &u.Bucket, Key: &u.Key, Body: body, ContentLength: &size})
	return s3Error(u, err)
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, u URI) error {
	_, err := s.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	return s3Error(u, err)
}

// in is the Store for a region that REGION names; S3 refuses a request for a
// bucket of another region.
func (s *Store) in(region string) *Store {
	o := s.api.Options()
	if region == "" || region == o.Region {
		return s
	}
	o.Region = region
	return &Store{api: s3.New(o)}
}

// errMissing marks an object that is not there.
var errMissing = errors.New("no such object")

// s3Error tells an error as Redshift does.
func s3Error(u URI, err error) error {
	if err == nil {
		return nil
	}
	var api smithy.APIError
	code, msg := "", err.Error()
	if errors.As(err, &api) {
		code, msg = api.ErrorCode(), api.ErrorMessage()
	}
	status := 0
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	e := &pgwire.Error{
		Code: "XX000", Msg: fmt.Sprintf("S3ServiceException:%s,Status %d,Error %s", msg, status, code),
		Detail: u.String(),
	}
	if code == "NoSuchKey" || code == "NotFound" || code == "NoSuchBucket" {
		return errors.Join(e, errMissing)
	}
	return errors.Join(e, err)
}
