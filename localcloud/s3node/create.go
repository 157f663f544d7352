package s3node

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"lamplighter/resources/simcloud/wire"
)

// abroad makes a bucket in another region than the request is signed for;
// false says that the request is none of these and is still to be passed on.
// Only us-east-1's endpoint makes buckets elsewhere.
// docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (n *Node) abroad(w http.ResponseWriter, r *http.Request, q request) bool {
	if r.Method != http.MethodPut || q.bucket == "" || q.key != "" || q.action != "" || r.ContentLength <= 0 || r.ContentLength > longestConfiguration {
		return false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, fault{http.StatusBadRequest, "IncompleteBody", err.Error(), ""})
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var c struct {
		Location string `xml:"LocationConstraint"`
	}
	xml.Unmarshal(body, &c) // versitygw judges what is no XML
	signed := wire.Region(r)
	switch {
	case c.Location == "" || c.Location == signed:
		return false
	case !wire.VerifyS3(r, body, n.config.Secret, time.Now()):
		fail(w, fault{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", ""})
	case signed != "us-east-1":
		fail(w, fault{http.StatusBadRequest, "IllegalLocationConstraintException",
			"The " + c.Location + " location constraint is incompatible for the region specific endpoint this request was sent to: it is signed for " + signed + ".", ""})
	case !regionName.MatchString(c.Location):
		fail(w, fault{http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid", ""})
	default:
		n.create(r.Context(), w, q.bucket, c.Location)
	}
	return true
}

// create makes the bucket by the child of its region.
func (n *Node) create(ctx context.Context, w http.ResponseWriter, bucket, region string) {
	p, err := n.process(ctx, region)
	if err != nil {
		fail(w, fault{http.StatusBadRequest, "InvalidLocationConstraint", err.Error(), ""})
		return
	}
	target := p.wait(ctx, 10*time.Second)
	if target == nil {
		fail(w, unavailable)
		return
	}
	endpoint := target.String()
	client := s3.New(s3.Options{Region: region, BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(n.config.Key, n.config.Secret, "")})
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}})
	if err == nil {
		err = n.settings.change(bucket, func(s *bucketSettings) { *s = bucketSettings{Region: region} })
	}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		fail(w, fault{http.StatusConflict, api.ErrorCode(), api.ErrorMessage(), ""})
	case err != nil:
		fail(w, fault{http.StatusInternalServerError, "InternalError", err.Error(), ""})
	default:
		w.Header().Set("Location", "/"+bucket)
	}
}
