package simcloud

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Latencies of the services, from the client to the service and back.
const (
	readLatency   = 100 * time.Millisecond
	writeLatency  = 200 * time.Millisecond
	objectLatency = 15 * time.Millisecond
)

// front is the way of one process to the cloud: latency, lag, faults, crash
// points and the audit.
type front struct {
	s *Simulation
	p *Proc
}

// pass costs time. It is false when ctx ended meanwhile.
func (f *front) pass(ctx context.Context, d time.Duration) bool {
	f.p.Wait(ctx, f.s.Sim.now.Add(d), nil)
	return ctx.Err() == nil
}

// asOf is the instant whose state a read shows.
func (f *front) asOf() time.Time {
	lag := f.s.opts.Faults.Lag
	if lag <= 0 {
		return time.Time{}
	}
	return f.s.Sim.now.Add(-time.Duration(f.s.dice.Int64N(int64(lag))))
}

// call is one operation of a service.
type call struct {
	service, op string
	target      string
	ours        bool // the target is, or need not be, named by us
	repeats     bool // the client would send it again after a lost reply
}

func (c call) name() string { return c.service + "." + c.op }

// read is a call without effect.
func read[O any](f *front, ctx context.Context, c call, fn func() (*O, error)) (*O, error) {
	f.p.check()
	if !f.pass(ctx, readLatency) {
		return nil, wrap(c, cancelled(ctx))
	}
	if f.s.roll(f.s.opts.Faults.Flaky) {
		return nil, wrap(c, throttled(c.service))
	}
	out, err := fn()
	return out, wrap(c, err)
}

// mutate is a call with an effect: at once, never, late, or with its reply
// lost.
func mutate[O any](f *front, ctx context.Context, c call, fn func() (*O, error)) (*O, error) {
	f.p.check()
	s, faults := f.s, f.s.opts.Faults
	signed := s.Sim.now
	s.point(c.name(), c.target, "before")
	a := f.attempt(c.name(), c.target)
	do := func() (*O, error) {
		out, err := fn()
		s.note(a, err == nil, err)
		if err == nil && !c.ours {
			s.violate(RuleNotOurs, "%s %s", c.name(), c.target)
		}
		return out, err
	}
	if !f.pass(ctx, writeLatency/2) {
		return nil, wrap(c, cancelled(ctx))
	}
	if c.service != "s3" && s.Sim.now.Sub(signed) > signatureLasts {
		s.note(a, false, expired())
		return nil, wrap(c, expired())
	}
	switch {
	case s.roll(faults.Refuse):
		s.note(a, false, throttled(c.service))
		s.point(c.name(), c.target, "after")
		return nil, wrap(c, throttled(c.service))
	case s.roll(faults.Late):
		s.Sim.At(s.Sim.now.Add(s.upTo(faults.lateBy())), func() { _, _ = do() })
		s.point(c.name(), c.target, "after")
		return nil, wrap(c, f.giveUp(ctx))
	}
	out, err := do()
	s.point(c.name(), c.target, "after")
	if s.roll(faults.Lost) {
		if lost := f.giveUp(ctx); !c.repeats || ctx.Err() != nil {
			return nil, wrap(c, lost)
		}
		out, err = do() // the SDK's own retry
	}
	if !f.pass(ctx, writeLatency/2) {
		return nil, wrap(c, cancelled(ctx))
	}
	return out, wrap(c, err)
}

// signatureLasts is how old a signed request may be when it arrives: a machine
// that slept in the middle of sending is refused. (IAM user guide, "Signature
// Version 4": five minutes; S3 allows fifteen.)
const signatureLasts = 5 * time.Minute

func expired() error {
	return response(403, &smithy.GenericAPIError{Code: "SignatureDoesNotMatch", Message: "Signature expired"})
}

// upTo draws a duration below d.
func (s *Simulation) upTo(d time.Duration) time.Duration {
	return time.Duration(s.dice.Int64N(int64(d)))
}

// giveUp waits in vain for a reply.
func (f *front) giveUp(ctx context.Context) error {
	if !f.pass(ctx, f.s.opts.Faults.callTimeout()) {
		return cancelled(ctx)
	}
	return &smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Net: "tcp", Err: noReply{}}}
}

func cancelled(ctx context.Context) error { return &smithy.CanceledError{Err: ctx.Err()} }

// noReply is a time-out of the network.
type noReply struct{}

func (noReply) Error() string   { return "i/o timeout" }
func (noReply) Timeout() bool   { return true }
func (noReply) Temporary() bool { return true }

// wrap gives an error the layers that the SDK puts around it.
func wrap(c call, err error) error {
	if err == nil {
		return nil
	}
	return &smithy.OperationError{ServiceID: c.service, OperationName: c.op, Err: err}
}

// response is an error that came with an HTTP status.
func response(status int, err error) error {
	return &awshttp.ResponseError{
		RequestID:     "SIMULATED",
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err},
	}
}

func throttled(service string) error {
	switch service {
	case "redshift":
		return response(400, generic("Throttling", "Rate exceeded"))
	case "scheduler":
		return response(429, &schedtypes.ThrottlingException{Message: ptr("Rate exceeded")})
	case "s3":
		return response(503, &smithy.GenericAPIError{Code: "SlowDown", Message: "Please reduce your request rate.", Fault: smithy.FaultServer})
	}
	return response(400, generic("ThrottlingException", "Rate exceeded"))
}

// isOurs says that lamplighter gave this name.
func isOurs(name string) bool { return strings.HasPrefix(name, "lamplighter-") }
