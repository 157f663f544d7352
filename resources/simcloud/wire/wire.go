// Package wire serves control planes over the AWS wire protocols: Amazon
// Redshift and STS as query requests answered in XML, Amazon EMR as JSON 1.1,
// EventBridge Scheduler as REST with JSON. The codecs work by reflection over
// the SDK's own inputs and outputs, so that a backend is anything that has the
// SDK client's methods, and what a real SDK client sends and understands is
// what is spoken.
//
// One Handler serves all services. It tells them apart by the credential scope
// of the signature, which it verifies.
package wire

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"lamplighter/resources/simcloud"
)

// STS is the part of the Security Token Service that is served.
type STS interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Backend does what requests ask for. A nil member's service is unknown: every
// request to it is refused. Errors that are a smithy.APIError reach the client
// with their code and message; any other error as InternalFailure.
type Backend struct {
	Redshift  simcloud.Redshift
	EMR       simcloud.EMR
	Scheduler simcloud.Scheduler
	STS       STS
}

// Options say how a Handler serves.
type Options struct {
	// Keys are the secret access keys by access key id. A request signed with
	// any other, or not signed, is refused.
	Keys map[string]string
	// Region is the one that is served: requests signed for another are
	// refused. "" serves any.
	Region string
	// Lock is held around every call of the backend, and its Unlock has
	// returned before the answer is sent; nil if the backend needs none.
	Lock sync.Locker
	// Now is the clock that signatures are judged by: more than 15 minutes off
	// is refused.
	Now func() time.Time
}

// maxBody is the longest request, in bytes. EMR's own limit for RunJobFlow is
// far below.
const maxBody = 8 << 20

// Handler serves a Backend. Make it with New.
type Handler struct {
	opts     Options
	services map[string]*service
}

// service is one AWS service: a protocol, and the operations that it has.
type service struct {
	protocol protocol
	ops      map[string]operation
}

// operation is one method of a backend.
type operation struct {
	input reflect.Type // the SDK's input structure
	call  func(ctx context.Context, input any) (output any, err error)
}

// protocol reads requests and writes answers in one of AWS's dialects.
type protocol interface {
	// request is which operation is asked for, and how to read its input.
	request(r *http.Request, body []byte) (op string, decode func(input any) error)
	answer(w http.ResponseWriter, op, requestID string, output any)
	fault(w http.ResponseWriter, requestID string, f fault)
	codes() ownCodes
}

// New makes a handler for a backend.
func New(b Backend, opts Options) *Handler {
	h := &Handler{opts: opts, services: map[string]*service{}}
	add[simcloud.Redshift](h, "redshift", query{namespace: "http://redshift.amazonaws.com/doc/2012-12-01/"}, b.Redshift)
	add[STS](h, "sts", query{namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}, b.STS)
	add[simcloud.EMR](h, "elasticmapreduce", json11{}, b.EMR)
	add[simcloud.Scheduler](h, "scheduler", restJSON{}, b.Scheduler)
	return h
}

// add serves the methods of the interface A, and no others that the backend
// may have.
func add[A any](h *Handler, scope string, p protocol, backend A) {
	s := &service{protocol: p, ops: map[string]operation{}}
	h.services[scope] = s
	v := reflect.ValueOf(backend)
	if !v.IsValid() {
		return
	}
	for m := range reflect.TypeFor[A]().Methods() {
		method := v.MethodByName(m.Name)
		s.ops[m.Name] = operation{m.Type.In(1).Elem(), func(ctx context.Context, input any) (any, error) {
			answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(input)})
			err, _ := answer[1].Interface().(error)
			return answer[0].Interface(), err
		}}
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	scope := Scope(r)
	s := h.services[scope]
	if s == nil {
		query{}.fault(w, id, fault{http.StatusBadRequest, "UnknownService", fmt.Sprintf("no service %q is served here", scope), nil})
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		s.protocol.fault(w, id, fault{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the request could not be read or is too long", nil})
		return
	}
	if f := h.verify(r, body, s.protocol.codes()); f != nil {
		s.protocol.fault(w, id, *f)
		return
	}
	op, decode := s.protocol.request(r, body)
	output, f := h.call(r.Context(), s, op, decode)
	if f != nil {
		s.protocol.fault(w, id, *f)
		return
	}
	s.protocol.answer(w, op, id, output)
}

// call decodes the input and asks the backend.
func (h *Handler) call(ctx context.Context, s *service, op string, decode func(any) error) (any, *fault) {
	operation, ok := s.ops[op]
	if !ok {
		return nil, &fault{http.StatusBadRequest, s.protocol.codes().unknownOperation,
			fmt.Sprintf("The operation %q is not served here. Served are %s.", op, strings.Join(slices.Sorted(maps.Keys(s.ops)), ", ")), nil}
	}
	input := reflect.New(operation.input).Interface()
	if err := decode(input); err != nil {
		return nil, &fault{http.StatusBadRequest, s.protocol.codes().malformed, fmt.Sprintf("%s: %v", op, err), nil}
	}
	output, err := h.locked(func() (any, error) { return operation.call(ctx, input) })
	if err != nil {
		f := faultOf(err)
		return nil, &f
	}
	return output, nil
}

func (h *Handler) locked(fn func() (any, error)) (any, error) {
	if h.opts.Lock != nil {
		h.opts.Lock.Lock()
		defer h.opts.Lock.Unlock()
	}
	return fn()
}
