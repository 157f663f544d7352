package awsfault_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/smithy-go"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

const secret = "wJalrXUtnFEMI"

type credentials func() (aws.Credentials, error)

func (c credentials) Retrieve(context.Context) (aws.Credentials, error) { return c() }

func good() (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, nil
}

// ask sends one real request of the SDK to an endpoint.
func ask(ctx context.Context, endpoint string, who credentials) error {
	client := awsredshift.New(awsredshift.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: who, Retryer: awsfault.Once})
	_, err := client.DeleteCluster(ctx, &awsredshift.DeleteClusterInput{ClusterIdentifier: aws.String("c"), SkipFinalClusterSnapshot: aws.Bool(true)})
	return err
}

func fault(code, message string) string {
	return `<ErrorResponse><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`
}

// TestAnswers judges what services and what stands before them answer.
func TestAnswers(t *testing.T) {
	rules := awsfault.Rules{"InvalidClusterState": {Class: resources.Busy, Hint: "wait"}}
	for _, test := range []struct {
		name, body string
		status     int
		want       resources.Class
		code       string
	}{
		{"the service's own rule", fault("InvalidClusterState", "There is an operation running"), 400, resources.Busy, "InvalidClusterState"},
		{"throttled", fault("Throttling", "Rate exceeded"), 400, resources.Retry, "Throttling"},
		{"slow down", fault("SlowDown", "slow"), 503, resources.Retry, "SlowDown"},
		{"not allowed", fault("AccessDenied", "no"), 403, resources.Denied, "AccessDenied"},
		{"expired", fault("ExpiredToken", "old"), 403, resources.Denied, "ExpiredToken"},
		{"clock off", fault("RequestExpired", "old"), 400, resources.Denied, "RequestExpired"},
		{"bad parameter", fault("InvalidParameterValue", "no"), 400, resources.Permanent, "InvalidParameterValue"},
		{"unlisted refusal", fault("SomethingNew", "no"), 400, resources.Permanent, "SomethingNew"},
		{"unlisted, forbidden", fault("SomethingNew", "no"), 403, resources.Denied, "SomethingNew"},
		{"unlisted, too many", fault("SomethingNew", "no"), 429, resources.Retry, "SomethingNew"},
		{"unlisted failure inside", fault("SomethingNew", "oops"), 500, resources.Unknown, "SomethingNew"},
		{"internal failure", fault("InternalFailure", "oops"), 500, resources.Unknown, "InternalFailure"},
		{"unavailable", fault("ServiceUnavailable", "oops"), 503, resources.Unknown, "ServiceUnavailable"},
		{"a gateway's answer", "<html>bad gateway</html>", 502, resources.Unknown, ""},
		{"a proxy's answer", "<html>not here</html>", 403, resources.Unknown, ""},
		{"accepted, but garbled", "<DeleteClusterResponse><Del", 200, resources.Unknown, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			err := awsfault.Change(ask(t.Context(), server.URL, good), "deleting cluster c", rules)
			check(t, err, test.want)
			if got := resources.CodeOf(err); test.code != "" && got != test.code {
				t.Errorf("code %q, want %q", got, test.code)
			}
			read := awsfault.Read(ask(t.Context(), server.URL, good), "deleting cluster c", rules)
			if want := test.want; want == resources.Unknown {
				check(t, read, resources.Retry)
			} else {
				check(t, read, want)
			}
		})
	}
}

func check(t *testing.T, err error, want resources.Class) {
	t.Helper()
	if got := resources.ClassOf(err); got != want {
		t.Errorf("%v: %s, want %s", err, got, want)
	}
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), "deleting cluster c") {
		t.Errorf("%q does not say what failed", err)
	}
	if all := err.Error() + resources.HintOf(err) + errors.Unwrap(err).Error(); strings.Contains(all, secret) {
		t.Errorf("a secret in %q", all)
	}
}

// TestSilence judges requests without an answer: what proves that nothing was
// sent is no Unknown, and nothing else is anything else.
func TestSilence(t *testing.T) {
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer closing.Close()
	strange := httptest.NewTLSServer(http.NotFoundHandler())
	defer strange.Close()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		name, endpoint string
		ctx            context.Context
		who            credentials
		want           resources.Class
	}{
		{"nobody listens", "http://" + unused(t), t.Context(), good, resources.Retry},
		{"no such host", "http://nowhere.invalid", t.Context(), good, resources.Retry},
		{"another's certificate", strange.URL, t.Context(), good, resources.Retry},
		{"closed without an answer", closing.URL, t.Context(), good, resources.Unknown},
		{"cancelled", closing.URL, ended, good, resources.Unknown},
		{"no credentials", closing.URL, t.Context(), func() (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		}, resources.Denied},
		{"credentials too slow", closing.URL, t.Context(), func() (aws.Credentials, error) {
			return aws.Credentials{}, context.DeadlineExceeded
		}, resources.Retry},
		{"the role may not be assumed", closing.URL, t.Context(), func() (aws.Credentials, error) {
			return aws.Credentials{}, &smithy.GenericAPIError{Code: "AccessDenied", Message: "sts:AssumeRole"}
		}, resources.Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, awsfault.Change(ask(test.ctx, test.endpoint, test.who), "deleting cluster c", nil), test.want)
		})
	}
}

func unused(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestDeadline: whatever the transport wraps around it, a deadline is Unknown.
func TestDeadline(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(context.DeadlineExceeded)
	}()
	err := awsfault.Change(ask(ctx, server.URL, good), "deleting cluster c", nil)
	check(t, err, resources.Unknown)
}

func TestNilIsNil(t *testing.T) {
	if err := awsfault.Change(nil, "x", nil); err != nil {
		t.Error(err)
	}
	if err := awsfault.Read(nil, "x", nil); err != nil {
		t.Error(err)
	}
}

// TestOnce: a lost answer is not followed by a second request.
func TestOnce(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(500)
	}))
	defer server.Close()
	_ = ask(t.Context(), server.URL, good)
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

// TestKnownFault: what is a Fault already keeps its class and code.
func TestKnownFault(t *testing.T) {
	err := awsfault.Change(&resources.Fault{Class: resources.Gone, Code: "X", Msg: "m", Hint: "h"}, "deleting cluster c", nil)
	check(t, err, resources.Gone)
	if resources.CodeOf(err) != "X" || resources.HintOf(err) != "h" || err.Error() != "deleting cluster c: m" {
		t.Errorf("%v, hint %q", err, resources.HintOf(err))
	}
}
