// Package conformance says what AWS does, one case at a time, each with the
// page of AWS that says so. The same cases run against the embedded cloud, in
// every `go test`, and against a real account: see README.md beside it.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5"
)

// Target is a cloud to hold the cases against.
type Target struct {
	Config aws.Config // region, credentials and, for an embedded cloud, the endpoint
	Bucket string     // an existing one, in the region; objects go below Prefix
	Prefix string     // ends in /
	// Connect opens a session of an existing Redshift cluster as a user who
	// may make tables; nil skips the cases of SQL.
	Connect func(context.Context) (*pgx.Conn, error)
	Role    string // of a schedule, an ARN
	// Costs lets cases make clusters, which bill on a real account.
	Costs bool
}

// Case is one thing that AWS does.
type Case struct {
	Name   string
	Source string // the page that says so
	Costs  bool   // makes a cluster
	Run    func(t *testing.T, on Target)
}

// Cases are all of them, by service.
func Cases() map[string][]Case {
	return map[string][]Case{"s3": s3Cases, "sql": sqlCases(), "redshift": redshiftCases, "emr": emrCases, "scheduler": schedulerCases}
}

// Run holds all cases against a target, each as a subtest.
func Run(t *testing.T, on Target) {
	for service, cases := range Cases() {
		t.Run(service, func(t *testing.T) {
			for _, c := range cases {
				if c.Costs && !on.Costs || service == "sql" && on.Connect == nil {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					c.Run(t, on)
					if t.Failed() {
						t.Log("source: " + c.Source)
					}
				})
			}
		})
	}
}

func (on Target) s3() *awss3.Client {
	return awss3.NewFromConfig(on.Config, func(o *awss3.Options) { o.UsePathStyle = true })
}
func (on Target) redshift() *awsredshift.Client   { return awsredshift.NewFromConfig(on.Config) }
func (on Target) emr() *awsemr.Client             { return awsemr.NewFromConfig(on.Config) }
func (on Target) scheduler() *awsscheduler.Client { return awsscheduler.NewFromConfig(on.Config) }

// code is an error's code as the service gave it, "" of none.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

// wants checks an error's code; "" is success.
func wants(t *testing.T, what, want string, err error) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: want %q, got %q (%v)", what, want, got, err)
	}
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
