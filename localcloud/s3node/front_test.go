package s3node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func writeText(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }

// in is the client in another region.
func in(c *s3.Client, region string) *s3.Client {
	o := c.Options()
	o.Region = region
	return s3.New(o)
}

func TestConfigurations(t *testing.T) {
	c, b := served(t), aws.String("bucket")
	encryption, err := c.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: b})
	if err != nil || encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("the default encryption: %v %+v", err, encryption)
	}
	block, err := c.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: b})
	if err != nil || !*block.PublicAccessBlockConfiguration.RestrictPublicBuckets {
		t.Errorf("the default block: %v %+v", err, block)
	}
	if _, err := c.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: b}); err != nil {
		t.Error(err)
	}
	if _, err = c.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: b}); code(err) != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("a deleted block: %v", err)
	}
	if _, err := c.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}); err != nil {
		t.Error(err)
	}
	if block, err = c.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: b}); err != nil || !*block.PublicAccessBlockConfiguration.BlockPublicAcls {
		t.Errorf("%v %+v", err, block)
	}
	if _, err := c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: b}); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("no lifecycle: %v", err)
	}
	rule := types.LifecycleRule{ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)}}
	if err := putLifecycle(t, c, rule); err != nil {
		t.Error(err)
	}
	got, err := c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
	if err != nil || len(got.Rules) != 1 || *got.Rules[0].Filter.Prefix != "tmp/" || *got.Rules[0].Expiration.Days != 3 {
		t.Errorf("%v %+v", err, got)
	}
	bad := rule
	bad.Expiration = nil
	if err := putLifecycle(t, c, bad); code(err) != "InvalidRequest" {
		t.Errorf("a rule without action: %v", err)
	}
	bad.Transitions = []types.Transition{{Days: aws.Int32(1), StorageClass: types.TransitionStorageClassGlacier}}
	if err := putLifecycle(t, c, bad); code(err) != "NotImplemented" || !strings.Contains(err.Error(), "storage classes") {
		t.Errorf("a transition: %v", err)
	}
	if _, err := c.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: b}); err != nil {
		t.Error(err)
	}
	// A bucket of the same name made again begins anew.
	putLifecycle(t, c, rule)
	c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: b})
	c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: b})
	if _, err := c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: b}); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("of a new bucket: %v", err)
	}
}

func putLifecycle(t *testing.T, c *s3.Client, rules ...types.LifecycleRule) error {
	t.Helper()
	_, err := c.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String("bucket"),
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	return err
}

// TestConfigurationsAreSigned: the front serves them itself, so it must be as
// strict as versitygw.
func TestConfigurationsAreSigned(t *testing.T) {
	server := httptest.NewServer(start(t, t.TempDir()))
	defer server.Close()
	client(server.URL, "secret").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	stranger := client(server.URL, "wrong")
	if err := putLifecycle(t, stranger, types.LifecycleRule{Status: types.ExpirationStatusEnabled}); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("a wrong secret: %v", err)
	}
	response, err := http.Get(server.URL + "/bucket?lifecycle")
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("unsigned: %v %v", err, response)
	}
	_, err = client(server.URL, "secret").GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String("none")})
	if code(err) != "NoSuchBucket" {
		t.Errorf("no bucket: %v", err)
	}
}

// TestRefusedByName: what S3 has and this has not says what it is.
func TestRefusedByName(t *testing.T) {
	c, b, k := served(t), aws.String("bucket"), aws.String("k")
	put(t, c, "k", "1")
	_, logging := c.GetBucketLogging(t.Context(), &s3.GetBucketLoggingInput{Bucket: b})
	_, notification := c.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: b})
	_, kms := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("2"), ServerSideEncryption: types.ServerSideEncryptionAwsKms})
	_, copied := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: k, CopySource: aws.String("bucket/k"), IfNoneMatch: aws.String("*")})
	_, byKMS := c.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms}}}}})
	for want, err := range map[string]error{"access logs": logging, "event notifications": notification, "aws:kms": kms, "If-None-Match of CopyObject": copied, "AES256 is here": byKMS} {
		if code(err) != "NotImplemented" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if get(t, c, "k") != "1" {
		t.Error("a refused request wrote")
	}
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: k})
	if err != nil || head.ServerSideEncryption != types.ServerSideEncryptionAes256 {
		t.Errorf("%v: encrypted by %q", err, head.ServerSideEncryption)
	}
}

// TestRegions: a bucket belongs to one region, and the others say which.
func TestRegions(t *testing.T) {
	home := served(t)
	abroad := in(home, "eu-west-1")
	name := aws.String("far-bucket")
	if _, err := home.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := abroad.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("k"), Body: strings.NewReader("x")}); err != nil {
		t.Errorf("at home there: %v", err)
	}
	for _, c := range []*s3.Client{home, abroad} {
		out, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: name})
		if err != nil || out.LocationConstraint != "eu-west-1" {
			t.Errorf("%v %+v", err, out)
		}
	}
	_, err := home.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: aws.String("k")})
	wrongRegion(t, err, "PermanentRedirect", "eu-west-1")
	_, err = abroad.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("x")})
	wrongRegion(t, err, "PermanentRedirect", "us-east-1")
	_, err = home.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: name})
	wrongRegion(t, err, "", "eu-west-1")
	_, err = abroad.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("third"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}})
	if code(err) != "IllegalLocationConstraintException" {
		t.Errorf("from another endpoint: %v", err)
	}
	if _, err = in(home, "nowhere").ListBuckets(t.Context(), &s3.ListBucketsInput{}); code(err) != "AuthorizationHeaderMalformed" {
		t.Errorf("no region: %v", err)
	}
	if _, err = home.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}}); code(err) != "BucketAlreadyOwnedByYou" {
		t.Errorf("again: %v", err)
	}
}

func wrongRegion(t *testing.T, err error, want, region string) {
	t.Helper()
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusMovedPermanently || response.Response.Header.Get("X-Amz-Bucket-Region") != region {
		t.Errorf("want 301 to %s, got %v", region, err)
	} else if want != "" && (code(err) != want || !strings.Contains(err.Error(), region)) {
		t.Errorf("want %s and %s, got %v", want, region, err)
	}
}

// TestFullDisk: what does not fit is refused, what is there can be read and
// deleted, and then there is room again.
func TestFullDisk(t *testing.T) {
	self, _ := os.Executable()
	n, err := Start(context.Background(), Config{Dir: t.TempDir(), Region: "us-east-1", Key: "LOCALKEY", Secret: "secret", Limit: 1 << 20, Command: []string{self}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	server := httptest.NewServer(n)
	defer server.Close()
	c := client(server.URL, "secret")
	c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	put(t, c, "half", strings.Repeat("x", 600<<10))
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("other"), Body: strings.NewReader(strings.Repeat("x", 600<<10))})
	if code(err) != "InsufficientStorage" || !strings.Contains(err.Error(), "--disk-limit") {
		t.Fatalf("got %v", err)
	}
	if len(get(t, c, "half")) != 600<<10 {
		t.Error("what was there is not")
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("half")}); err != nil {
		t.Error(err)
	}
	n.disk.measured = time.Time{} // as after a while
	put(t, c, "other", strings.Repeat("x", 600<<10))
}
