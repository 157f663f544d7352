// Package resources is the leaf below everything: what may bill, how it is
// named, what was seen of it, how an error is judged, and what time is.
// It knows no AWS; each service has a package of its own beneath it.
package resources

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Ref names one thing in the cloud. Kinds are the constants below.
type Ref struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Kinds of Ref. Only the first four may bill; the others name what an effect
// is aimed at, so that the journal and `logs` can say it.
const (
	KindCluster  = "cluster"  // a Redshift cluster, by identifier
	KindSnapshot = "snapshot" // a Redshift manual snapshot, by identifier
	KindFlow     = "flow"     // an EMR cluster, by name (not by id: see Observation.IDs)
	KindSwitch   = "switch"   // an EventBridge Scheduler schedule, by name
	KindTable    = "table"    // a warehouse table
	KindScript   = "script"   // a SQL script, migration or query
	KindDataset  = "dataset"  // an S3 prefix a dataset is written under
	KindPointer  = "pointer"  // an S3 object moved by compare-and-set
)

func (r Ref) String() string { return r.Kind + "/" + r.Name }

// MarshalText lets a Ref be the key of a JSON object.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Ref) UnmarshalText(b []byte) error {
	kind, name, ok := strings.Cut(string(b), "/")
	if !ok {
		return fmt.Errorf("reference %q: want kind/name", b)
	}
	r.Kind, r.Name = kind, name
	return nil
}

// Shape is the price book's key: asked for in an intent, got in an
// observation. The bill is made from shapes only, never from configuration.
type Shape struct {
	Service string `json:"service"`          // redshift, emr
	Type    string `json:"type"`             // ra3.large, m6g.xlarge
	Market  string `json:"market,omitempty"` // on-demand, spot
	Region  string `json:"region,omitempty"`
	Count   int    `json:"count"` // nodes
}

func (s Shape) String() string { return fmt.Sprintf("%d × %s", s.Count, s.Type) }

// Observation is what the cloud showed when it was looked at.
type Observation struct {
	Ref    Ref               `json:"ref"`
	Exists bool              `json:"exists"`
	State  string            `json:"state,omitempty"` // the service's own word, open-ended
	Since  time.Time         `json:"since,omitzero"`  // the server's own instant of this state; zero where the API does not tell
	IDs    []string          `json:"ids,omitempty"`   // live ids under the name, oldest first (EMR)
	Parts  map[string]string `json:"parts,omitempty"` // EMR: step name -> step state. Snapshot: cluster, type, incremental_mb, total_mb
	Shapes []Shape           `json:"shapes,omitempty"`
}

// Class says what an error means for what was asked: may it be repeated, did
// it have an effect.
type Class int

// Classes. Unknown is the default for every error that nobody judged.
const (
	OK        Class = iota
	Retry           // nothing happened, ask again later (throttled, refused connection)
	Busy            // nothing happened, the resource is in a state that forbids it now
	Denied          // nothing happened, we may not
	Permanent       // nothing happened and never will as asked
	Gone            // nothing happened: what it was aimed at does not exist
	Fenced          // another controller acts for this pipeline: stop
	Unknown         // it may have happened, or may still: look, do not repeat
)

var classNames = [...]string{"ok", "retry", "busy", "denied", "permanent", "gone", "fenced", "unknown"}

func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class(%d)", int(c))
	}
	return classNames[c]
}

// MarshalText writes the class as its word.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a class's word.
func (c *Class) UnmarshalText(b []byte) error {
	for i, n := range classNames {
		if n == string(b) {
			*c = Class(i)
			return nil
		}
	}
	return fmt.Errorf("unknown class %q", b)
}

// NoEffect says that the class itself proves that the cloud did nothing.
func (c Class) NoEffect() bool { return c != OK && c != Fenced && c != Unknown }

// Fault is an error with its class. Code is the service's own code, if any
// (ClusterAlreadyExists, 23505, NoSuchKey).
type Fault struct {
	Class Class
	Code  string
	Msg   string
	Hint  string // the mend, for people; may be empty
	Err   error  // the cause, may be nil
}

// Error is what people read. The code is for programs, and stands in only
// where nothing else is known.
func (f *Fault) Error() string {
	switch {
	case f.Msg != "":
		return f.Msg
	case f.Code != "":
		return f.Code
	case f.Err != nil:
		return f.Err.Error()
	}
	return "unknown error"
}

func (f *Fault) Unwrap() error { return f.Err }

// Codes of our own, beside those of the services.
const (
	CodeCheck     = "DataCheckFailed" // a data check, an expectation or freshness was not met
	CodeExhausted = "Exhausted"       // tried as often as it makes sense
)

// Faultf makes a Fault of a class.
func Faultf(c Class, format string, args ...any) *Fault {
	return &Fault{Class: c, Msg: fmt.Sprintf(format, args...)}
}

// ClassOf judges an error: nil is OK, a Fault says its own class, all else is
// Unknown.
func ClassOf(err error) Class {
	if err == nil {
		return OK
	}
	var f *Fault
	if errors.As(err, &f) {
		return f.Class
	}
	return Unknown
}

// CodeOf is the service's own code of an error, or "".
func CodeOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// HintOf is the mend that an error names, or "".
func HintOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Hint
	}
	return ""
}

// Clock is time, and blocking work in it. In production it is the wall clock;
// in the simulation virtual time, where Go starts a coroutine that can be
// killed at any wait.
type Clock interface {
	Now() time.Time
	// Wait returns at until, when wake can be received from (wake may be nil),
	// or when ctx ends. It is the only sleep there is.
	Wait(ctx context.Context, until time.Time, wake <-chan struct{})
	// Go runs fn beside the caller.
	Go(fn func())
}
