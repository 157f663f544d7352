package conformance

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources/s3"
)

// Fate is what becomes of one write to Memory.
type Fate int

// Fates. After Lost and Late the caller cannot know what happened.
const (
	Fine     Fate = iota
	Refused       // 503 SlowDown, nothing happened
	Conflict      // 409 ConditionalRequestConflict, nothing happened
	Lost          // it happened, the answer got lost
	Late          // no answer; it happens when the next Delay requests are over
)

// Memory is an S3 in memory, strongly consistent as the real one, whose writes
// may go wrong. It is safe for concurrent use.
type Memory struct {
	s3.API // what a journal never asks for: nil

	Fate  func() Fate // asked for each write, under a lock; nil: all are Fine
	Delay int         // of Late writes, in requests
	Page  int         // keys a page of a listing; 0: 1000

	mu      sync.Mutex
	objects map[string][]byte // by bucket/key
	late    []lateWrite
}

type lateWrite struct {
	in   *awss3.PutObjectInput
	body []byte
	wait int
}

var errLost = errors.New("read tcp: connection reset by peer")

// enter begins a request: what is due of the late writes happens first.
func (m *Memory) enter() func() {
	m.mu.Lock()
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	kept := m.late[:0]
	for _, w := range m.late {
		if w.wait--; w.wait <= 0 {
			_, _ = m.apply(w.in, w.body) // its condition may not hold any more
		} else {
			kept = append(kept, w)
		}
	}
	m.late = kept
	return m.mu.Unlock
}

func name(bucket, key *string) string { return aws.ToString(bucket) + "/" + aws.ToString(key) }

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// PutObject writes an object if its condition holds.
func (m *Memory) PutObject(_ context.Context, in *awss3.PutObjectInput, _ ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	defer m.enter()()
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	fate := Fine
	if m.Fate != nil {
		fate = m.Fate()
	}
	switch fate {
	case Refused:
		return nil, &smithy.GenericAPIError{Code: "SlowDown", Message: "Please reduce your request rate."}
	case Conflict:
		return nil, &smithy.GenericAPIError{Code: "ConditionalRequestConflict", Message: "a conflicting operation occurred"}
	case Late:
		m.late = append(m.late, lateWrite{in, body, m.Delay})
		return nil, errLost
	}
	out, err := m.apply(in, body)
	if fate == Lost {
		return nil, errLost
	}
	return out, err
}

func (m *Memory) apply(in *awss3.PutObjectInput, body []byte) (*awss3.PutObjectOutput, error) {
	id := name(in.Bucket, in.Key)
	old, there := m.objects[id]
	switch {
	case in.IfNoneMatch != nil && there:
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	case in.IfMatch != nil && !there:
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey", Message: "The specified key does not exist."}
	case in.IfMatch != nil && *in.IfMatch != etag(old):
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	}
	m.objects[id] = body
	return &awss3.PutObjectOutput{ETag: aws.String(etag(body))}, nil
}

// GetObject reads an object.
func (m *Memory) GetObject(_ context.Context, in *awss3.GetObjectInput, _ ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	defer m.enter()()
	body, there := m.objects[name(in.Bucket, in.Key)]
	if !there {
		return nil, &types.NoSuchKey{Message: aws.String("The specified key does not exist.")}
	}
	return &awss3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String(etag(body))}, nil
}

// HeadObject tells of an object.
func (m *Memory) HeadObject(_ context.Context, in *awss3.HeadObjectInput, _ ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	defer m.enter()()
	body, there := m.objects[name(in.Bucket, in.Key)]
	if !there {
		return nil, &types.NotFound{}
	}
	return &awss3.HeadObjectOutput{ETag: aws.String(etag(body)), ContentLength: aws.Int64(int64(len(body)))}, nil
}

// DeleteObject removes an object, if it is there.
func (m *Memory) DeleteObject(_ context.Context, in *awss3.DeleteObjectInput, _ ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error) {
	defer m.enter()()
	delete(m.objects, name(in.Bucket, in.Key))
	return &awss3.DeleteObjectOutput{}, nil
}

// ListObjectsV2 lists keys in their order, a page at a time.
func (m *Memory) ListObjectsV2(_ context.Context, in *awss3.ListObjectsV2Input, _ ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	defer m.enter()()
	after := aws.ToString(in.StartAfter)
	if in.ContinuationToken != nil {
		after = *in.ContinuationToken
	}
	var keys []string
	for id := range m.objects {
		key, mine := strings.CutPrefix(id, aws.ToString(in.Bucket)+"/")
		if mine && strings.HasPrefix(key, aws.ToString(in.Prefix)) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	out := &awss3.ListObjectsV2Output{}
	page := m.Page
	if page == 0 {
		page = 1000
	}
	if len(keys) > page {
		keys = keys[:page]
		out.IsTruncated, out.NextContinuationToken = aws.Bool(true), aws.String(keys[page-1])
	}
	for _, key := range keys {
		body := m.objects[fmt.Sprintf("%s/%s", aws.ToString(in.Bucket), key)]
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), ETag: aws.String(etag(body)), Size: aws.Int64(int64(len(body)))})
	}
	return out, nil
}
