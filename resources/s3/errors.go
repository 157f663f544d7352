package s3

import (
	"context"
	"errors"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Codes of faults that callers decide by.
const (
	NoSuchKey                  = "NoSuchKey"
	PreconditionFailed         = "PreconditionFailed"
	ConditionalRequestConflict = "ConditionalRequestConflict"
)

const hintRegion = "the bucket is in another region: set the environment's region to the bucket's"

// codes of S3; all others are judged by their status. Source: Amazon S3 API
// reference, "Error responses", and the notes on conditional writes at
// PutObject.
var codes = awsfault.Rules{
	NoSuchKey:                      {Class: resources.Gone},
	"NotFound":                     {Class: resources.Gone},
	"NoSuchUpload":                 {Class: resources.Gone},
	"NoSuchBucket":                 {Class: resources.Permanent, Hint: "create the bucket, or name another in the environment"},
	"InvalidObjectState":           {Class: resources.Permanent, Hint: "the object is archived (Glacier): restore it, or leave it out"},
	PreconditionFailed:             {Class: resources.Permanent},
	ConditionalRequestConflict:     {Class: resources.Busy},
	"OperationAborted":             {Class: resources.Busy},
	"PermanentRedirect":            {Class: resources.Permanent, Hint: hintRegion},
	"MovedPermanently":             {Class: resources.Permanent, Hint: hintRegion},
	"AuthorizationHeaderMalformed": {Class: resources.Permanent, Hint: hintRegion},
	"BadDigest":                    {Class: resources.Retry},
	"IncompleteBody":               {Class: resources.Retry},
	"KMS.DisabledException":        {Class: resources.Denied, Hint: "the bucket's KMS key is disabled"},
	"NotImplemented": {Class: resources.Permanent,
		Hint: "this S3-compatible store lacks what lamplighter needs: conditional writes"},
}

// headFault judges the error of a HEAD, whose answer has no body: the SDK makes
// a code of the status. Without s3:ListBucket an absent key is a 403.
func headFault(err error, uri string) error {
	var f *resources.Fault
	judged := awsfault.Read(err, "looking at "+uri, codes)
	if !errors.As(judged, &f) {
		return judged
	}
	switch {
	case f.Class == resources.Gone:
		f.Code = NoSuchKey
	case f.Class == resources.Denied && (f.Code == "Forbidden" || f.Code == "AccessDenied"):
		f.Hint = "allow s3:GetObject on it and s3:ListBucket on its bucket (without the latter an absent key is refused like a forbidden one)"
	}
	return f
}

// listFault judges the error of a listing: what is missing is a permission or
// a bucket.
func listFault(err error, uri string) error {
	what := "listing " + uri
	var f *resources.Fault
	if !errors.As(awsfault.Read(err, what, codes), &f) {
		return err
	}
	if bucket, _, _ := Split(uri); f.Class == resources.Denied && (f.Code == "Forbidden" || f.Code == "AccessDenied") {
		f.Hint = "allow s3:ListBucket on the bucket " + bucket + ", and s3:GetObject on its objects, to the role this process runs as"
	}
	return placed(f, err, what, uri)
}

// placed says of a bucket that is not where it was looked for which one it is,
// and, as S3 tells it, where it is.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func placed(judged, err error, what, uri string) error {
	var f *resources.Fault
	if !errors.As(judged, &f) {
		return judged
	}
	bucket, _, _ := Split(uri)
	switch {
	case f.Code == "NoSuchBucket":
		f.Msg, f.Hint = what+": there is no bucket "+bucket, "correct the bucket's name, or create it"
	case elsewhere[f.Code]:
		f.Hint = hintRegion
		var response *awshttp.ResponseError
		if errors.As(err, &response) && response.Response != nil {
			if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
				f.Msg = what + ": the bucket " + bucket + " is in " + region + ", not in the environment's region"
			}
		}
	}
	return f
}

// elsewhere are the codes of a bucket in another region.
var elsewhere = map[string]bool{"PermanentRedirect": true, "MovedPermanently": true, "AuthorizationHeaderMalformed": true, "301": true}

func isCancelled(err error) bool { return errors.Is(err, context.Canceled) }
