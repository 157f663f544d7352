package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/config"
	"lamplighter/localcloud/demo/events"
)

// Objects reads and writes S3 of the embedded cloud, as any producer or reader
// of the pipeline's data would.
type Objects struct{ API *s3.Client }

// parallel is how many requests are under way at once.
const parallel = 16

// OpenObjects connects with what the environment file says.
func OpenObjects(ctx context.Context, e *config.Environment) (*Objects, error) {
	profile, err := awsconfig.LoadSharedConfigProfile(ctx, e.Credentials.Profile, func(o *awsconfig.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{e.Path(e.Credentials.File)}, []string{}
	})
	if err != nil {
		return nil, err
	}
	keys := profile.Credentials
	return &Objects{API: s3.New(s3.Options{
		Region: e.Region, BaseEndpoint: aws.String(e.EndpointURL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken),
	})}, nil
}

// Publish puts objects into a bucket.
func (o *Objects) Publish(ctx context.Context, bucket string, all []events.Object) error {
	return Each(ctx, all, func(ctx context.Context, x events.Object) error {
		_, err := o.API.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &x.Key, Body: bytes.NewReader(x.Body)})
		if err != nil {
			return fmt.Errorf("put s3://%s/%s: %w", bucket, x.Key, err)
		}
		return nil
	})
}

// Get reads one object.
func (o *Objects) Get(ctx context.Context, uri string) ([]byte, error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	if !ok {
		return nil, fmt.Errorf("%q is not s3://bucket/key", uri)
	}
	out, err := o.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", uri, err)
	}
	body, err := io.ReadAll(out.Body)
	return body, errors.Join(err, out.Body.Close())
}

// Download copies the objects that lie under a prefix into a folder.
func (o *Objects) Download(ctx context.Context, prefix string, uris []string, dir string) error {
	return Each(ctx, uris, func(ctx context.Context, uri string) error {
		name, ok := strings.CutPrefix(uri, prefix)
		if !ok || !filepath.IsLocal(name) {
			return fmt.Errorf("%s does not lie under %s", uri, prefix)
		}
		body, err := o.Get(ctx, uri)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, body, 0o644)
	})
}

// Each calls fn for every item, some at once, and returns the first error,
// after which nothing more is begun.
func Each[T any](ctx context.Context, all []T, fn func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan T)
	var done sync.WaitGroup
	for range min(parallel, len(all)) {
		done.Go(func() {
			for x := range todo {
				if err := fn(ctx, x); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, x := range all {
		if ctx.Err() != nil {
			break
		}
		todo <- x
	}
	close(todo)
	done.Wait()
	return context.Cause(ctx)
}
