package s3node

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// forgiving is a backend that deletes a folder as S3 does. The posix backend
// has a real folder under every key with a slash and refuses to delete
// "folder/" while there is something in it; in S3 no such object exists, and
// deleting what does not exist succeeds. Spark's S3A client deletes such
// markers all the time and would retry for minutes.
type forgiving struct{ backend.Backend }

// codeNotEmpty is what the posix backend refuses with when the folder was
// never put as an object. (It does delete the object "folder/" if it was.)
var codeNotEmpty = s3err.GetAPIError(s3err.ErrDirectoryNotEmpty).Code

func (f forgiving) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	out, err := f.Backend.DeleteObject(ctx, in)
	var refused s3err.S3Error
	if errors.As(err, &refused) && refused.BaseError().Code == codeNotEmpty {
		return &s3.DeleteObjectOutput{}, nil
	}
	return out, err
}

func (f forgiving) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	out, err := f.Backend.DeleteObjects(ctx, in)
	var left []types.Error
	for _, e := range out.Error {
		if e.Code != nil && *e.Code == codeNotEmpty {
			out.Deleted = append(out.Deleted, types.DeletedObject{Key: e.Key, VersionId: e.VersionId})
		} else {
			left = append(left, e)
		}
	}
	out.Error = left
	return out, err
}
