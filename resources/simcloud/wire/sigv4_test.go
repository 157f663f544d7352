package wire

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// asks is a small request to each service.
var asks = map[string]func(aws.Config) error{
	"redshift": func(c aws.Config) error {
		_, err := awsredshift.NewFromConfig(c).DescribeClusters(context.Background(), &awsredshift.DescribeClustersInput{})
		return err
	},
	"sts": func(c aws.Config) error {
		_, err := sts.NewFromConfig(c).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
		return err
	},
	"elasticmapreduce": func(c aws.Config) error {
		_, err := awsemr.NewFromConfig(c).ListClusters(context.Background(), &awsemr.ListClustersInput{})
		return err
	},
	"scheduler": func(c aws.Config) error {
		_, err := awsscheduler.NewFromConfig(c).ListSchedules(context.Background(), &awsscheduler.ListSchedulesInput{NamePrefix: aws.String("a b+c/d&e=ü~*'")})
		return err
	},
}

func TestSignatures(t *testing.T) {
	rec := &recorder{err: &smithy.GenericAPIError{Code: "Reached", Message: "the backend"}}
	now := time.Now
	h := rec.handler()
	h.opts.Now = func() time.Time { return now() }
	server := httptest.NewServer(h)
	defer server.Close()
	mutate := func(change func(http.Header)) func(*aws.Config) {
		return func(c *aws.Config) { c.HTTPClient = &http.Client{Transport: changed{change}} }
	}
	cases := []struct {
		name        string
		set         func(*aws.Config)
		skew        time.Duration
		query, json string // the code in each dialect
	}{
		{"good", func(*aws.Config) {}, 0, "Reached", "Reached"},
		{"session token", func(c *aws.Config) {
			c.Credentials = credentials.NewStaticCredentialsProvider(testKey, testSecret, "token")
		}, 0, "Reached", "Reached"},
		{"wrong secret", func(c *aws.Config) {
			c.Credentials = credentials.NewStaticCredentialsProvider(testKey, "wrong", "")
		}, 0, "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"unknown key", func(c *aws.Config) {
			c.Credentials = credentials.NewStaticCredentialsProvider("OTHER", testSecret, "")
		}, 0, "InvalidClientTokenId", "UnrecognizedClientException"},
		{"clock 14 minutes off", func(*aws.Config) {}, 14 * time.Minute, "Reached", "Reached"},
		{"clock 16 minutes off", func(*aws.Config) {}, 16 * time.Minute, "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"clock 16 minutes back", func(*aws.Config) {}, -16 * time.Minute, "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"changed header", mutate(func(h http.Header) { h.Set("Content-Type", "text/plain"); h.Set("Amz-Sdk-Request", "x") }), 0,
			"SignatureDoesNotMatch", "InvalidSignatureException"},
		{"date removed", mutate(func(h http.Header) { h.Del("X-Amz-Date") }), 0, "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"signature removed", mutate(func(h http.Header) {
			a, _, _ := strings.Cut(h.Get("Authorization"), ", Signature=")
			h.Set("Authorization", a)
		}), 0, "MissingAuthenticationToken", "MissingAuthenticationTokenException"},
	}
	for _, tc := range cases {
		for service, ask := range asks {
			t.Run(tc.name+" "+service, func(t *testing.T) {
				now = func() time.Time { return time.Now().Add(tc.skew) }
				c := config(server.URL)
				tc.set(&c)
				err := ask(c)
				want := tc.json
				if service == "redshift" || service == "sts" {
					want = tc.query
				}
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != want {
					t.Fatalf("want %s, got %v", want, err)
				}
				var response *smithyhttp.ResponseError
				if errors.As(err, &response); want != "Reached" && response.HTTPStatusCode() != http.StatusForbidden {
					t.Errorf("status %d", response.HTTPStatusCode())
				}
			})
		}
	}
}

// changed changes a request after it was signed.
type changed struct{ change func(http.Header) }

func (c changed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	c.change(r.Header)
	return plainBodies{}.RoundTrip(r)
}

// TestChangedBody replays a good request's signature with another body.
func TestChangedBody(t *testing.T) {
	rec := &recorder{err: &smithy.GenericAPIError{Code: "Reached"}}
	h := rec.handler()
	var kept *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept = r.Clone(context.Background())
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	c := config(server.URL)
	asks["redshift"](c)
	kept.Body = readCloser{bytes.NewBufferString("Action=DeleteCluster&ClusterIdentifier=x")}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, kept)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func TestUnknown(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	c := config(server.URL)
	_, errRedshift := awsredshift.NewFromConfig(c).RebootCluster(context.Background(), &awsredshift.RebootClusterInput{ClusterIdentifier: aws.String("x")})
	_, errEMR := awsemr.NewFromConfig(c).ListStudios(context.Background(), &awsemr.ListStudiosInput{})
	_, errScheduler := awsscheduler.NewFromConfig(c).ListScheduleGroups(context.Background(), &awsscheduler.ListScheduleGroupsInput{})
	for _, tc := range []struct {
		err        error
		code, says string
	}{
		{errRedshift, "InvalidAction", "RebootCluster"},
		{errEMR, "UnknownOperationException", "ListStudios"},
		{errScheduler, "UnknownOperationException", "GET /schedule-groups"},
	} {
		var api smithy.APIError
		if !errors.As(tc.err, &api) || api.ErrorCode() != tc.code || !strings.Contains(api.ErrorMessage(), tc.says) {
			t.Errorf("want %s naming %s, got %v", tc.code, tc.says, tc.err)
		}
	}
}

// TestAWSCommandLine has botocore, another implementation, as a witness.
func TestAWSCommandLine(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws command is not installed")
	}
	rec := &recorder{output: &awsredshift.DescribeClustersOutput{}}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	run := func(args ...string) string {
		cmd := exec.Command("aws", append([]string{"--endpoint-url", server.URL, "--region", "us-east-1", "--output", "json"}, args...)...)
		cmd.Env = []string{"AWS_ACCESS_KEY_ID=" + testKey, "AWS_SECRET_ACCESS_KEY=" + testSecret, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "AWS_MAX_ATTEMPTS=1"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("redshift", "describe-clusters", "--tag-keys", "a", "b")
	if in := rec.input.(*awsredshift.DescribeClustersInput); len(in.TagKeys) != 2 || in.TagKeys[1] != "b" {
		t.Errorf("asked %+v", in)
	}
	rec.output = &awsscheduler.ListSchedulesOutput{}
	run("scheduler", "list-schedules", "--name-prefix", "a b+c")
	if in := rec.input.(*awsscheduler.ListSchedulesInput); aws.ToString(in.NamePrefix) != "a b+c" {
		t.Errorf("asked %+v", in)
	}
	rec.output = &awsemr.RunJobFlowOutput{JobFlowId: aws.String("j-1")}
	if out := run("emr", "create-cluster", "--name", "n", "--release-label", "emr-7.10.0", "--instance-type", "m6g.xlarge", "--auto-terminate",
		"--steps", "Type=CUSTOM_JAR,Name=s,Jar=command-runner.jar,ActionOnFailure=CONTINUE,Args=[spark-submit,x]"); !strings.Contains(out, "j-1") {
		t.Errorf("answered %s", out)
	}
}
