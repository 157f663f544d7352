package journals3_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/controller/journal/s3/conformance"
)

// TestConformanceReal runs the suite against a real store. It wants a prefix to
// write under in LAMPLIGHTER_TEST_S3 (s3://bucket/prefix), credentials and
// region as the AWS SDK finds them, and AWS_ENDPOINT_URL for another store than
// AWS. What it writes stays; give the bucket a lifecycle rule.
func TestConformanceReal(t *testing.T) {
	base := os.Getenv("LAMPLIGHTER_TEST_S3")
	if base == "" {
		t.Skip("LAMPLIGHTER_TEST_S3 is not set")
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	api := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" })
	conformance.Run(t, func(t *testing.T) conformance.Cloud {
		return conformance.Cloud{API: api, Base: strings.TrimSuffix(base, "/") + "/" + strings.ToLower(rand.Text()), Pause: func() {
			limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			<-limited.Done() // a way to wait without a clock of ours
		}}
	})
}
