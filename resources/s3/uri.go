package s3

import (
	"strings"

	"lamplighter/resources/awsfault"
)

const scheme = "s3://"

// Split cuts s3://bucket/key. The key may be empty (a whole bucket) and is
// taken as it is: nothing in it is decoded.
func Split(uri string) (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(uri, scheme)
	bucket, key, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", awsfault.Refuse("write s3://bucket/key", "%q is not an S3 URI", uri)
	}
	return bucket, key, nil
}

// Join makes the URI of a key in a bucket.
func Join(bucket, key string) string { return scheme + bucket + "/" + key }
