package controller

import (
	"context"
	"testing"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// denied is a lease that cannot be renewed.
type denied struct {
	left  time.Duration
	cause error
}

func (d denied) Ensure(context.Context, time.Duration, string) error {
	return &resources.Fault{Class: resources.Retry, Msg: "not renewed", Err: d.cause}
}
func (d denied) Left() time.Duration { return d.left }
func (denied) Epoch() int            { return 1 }
func (denied) TTL() time.Duration    { return 3 * time.Minute }

type still struct{}

func (still) Now() time.Time                                   { return time.Unix(0, 0) }
func (still) Wait(context.Context, time.Time, <-chan struct{}) {}
func (still) Go(func())                                        {}

// A run whose credentials expired leaves once its lease has run out; one whose
// S3 is down goes on.
func TestARunThatMayNoLongerRenewLeaves(t *testing.T) {
	expired := &resources.Fault{Class: resources.Denied, Code: "ExpiredToken", Msg: "the token has expired", Hint: "check the credentials"}
	for name, c := range map[string]struct {
		lease denied
		want  resources.Class
	}{
		"denied, lease left": {denied{time.Minute, expired}, resources.OK},
		"denied, lease gone": {denied{-time.Second, expired}, resources.Denied},
		"S3 is down":         {denied{-time.Second, resources.Faultf(resources.Retry, "503")}, resources.OK},
	} {
		l := &Loop{Clock: still{}, Lease: c.lease, facts: journal.NewFacts()}
		l.facts.Opening = &journal.Opening{}
		if err := l.sleep(t.Context(), time.Unix(60, 0)); resources.ClassOf(err) != c.want || c.want != resources.OK && resources.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
