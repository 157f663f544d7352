// Package journal is what an attempt remembers: its record types, their codec
// and the pure fold of records into facts. It is a leaf: it imports resources
// only, and the engine, the bill and the screens all stand on it.
package journal

import (
	"context"
	"encoding/json"
	"time"

	"lamplighter/resources"
)

// Version is the format of the records written now. Older ones are read for
// ever: testdata holds a golden journal of each.
const Version = 1

// Node is one step of a plan, as data: `plan` prints it, the first record
// holds it, and a Builder makes a step of it after any crash.
type Node struct {
	Name    string          `json:"name"`
	Kind    string          `json:"kind"`
	Derived bool            `json:"derived,omitempty"` // by the planner (◇), not from the pipeline file
	Needs   []string        `json:"needs,omitempty"`   // must be done; else this one settles as skipped
	After   []string        `json:"after,omitempty"`   // must have settled, with any verdict
	Uses    string          `json:"uses,omitempty"`    // the lifetime that must be ready now
	Spec    json.RawMessage `json:"spec,omitempty"`    // resolved configuration, typed by Kind
	Why     string          `json:"why,omitempty"`
	// Late steps may still begin between last call and cut-off, as all derived
	// ones do.
	Late bool `json:"late,omitempty"`
	// Fingerprint is the hash of all that the step's result depends on. A later
	// night whose step has the same one need not repeat it.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Kind of a record.
type Kind string

// Kinds of record, in the order in which a night first meets them.
const (
	Opened  Kind = "opened"  // the plan and what it stands on
	Took    Kind = "took"    // a new epoch begins here: the fence
	Intent  Kind = "intent"  // an effect is about to be asked for
	Outcome Kind = "outcome" // what came of it
	Saw     Kind = "saw"     // the cloud showed something new
	Settled Kind = "settled" // a step's verdict and result
	Closed  Kind = "closed"  // every step has settled
)

// Verdict of a settled step.
type Verdict string

// Verdicts.
const (
	Done    Verdict = "done"
	Failed  Verdict = "failed"
	Skipped Verdict = "skipped"
	Lost    Verdict = "lost" // committed, but its cluster went before a snapshot: a new attempt redoes it
)

// Effect is something asked of the cloud.
type Effect struct {
	Verb     string          `json:"verb"`
	Ref      resources.Ref   `json:"ref"`
	Creates  bool            `json:"creates,omitempty"` // opens or renews the obligation on Ref
	Shape    resources.Shape `json:"shape,omitzero"`
	Deadline time.Duration   `json:"deadline,omitempty"` // of the call
}

// Window is the four instants of a run.
type Window struct {
	Opens    time.Time `json:"opens"`
	LastCall time.Time `json:"last_call"` // nothing begins from here
	CutOff   time.Time `json:"cut_off"`   // running work is cancelled
	HardStop time.Time `json:"hard_stop"` // everything is gone
}

// Opening is what an attempt stands on, in its first record.
type Opening struct {
	Pipeline    string             `json:"pipeline"`
	Lineage     string             `json:"lineage"` // the hash in the names of its resources
	Run         string             `json:"run"`     // 2026-11-22
	Attempt     int                `json:"attempt"`
	Previous    *AttemptID         `json:"previous,omitempty"` // the attempt before this one, of any run
	Window      Window             `json:"window"`
	DataThrough string             `json:"data_through"` // last day covered, 2026-11-21
	Plan        []Node             `json:"plan"`
	Config      json.RawMessage    `json:"config,omitempty"` // resolved pipeline and environment, no secrets
	ConfigHash  string             `json:"config_hash,omitempty"`
	Base        string             `json:"base,omitempty"` // snapshot the night starts from; "" when it bootstraps
	Binary      string             `json:"binary,omitempty"`
	Notes       []string           `json:"notes,omitempty"`     // what the planner decided and why, for people
	Grace       time.Duration      `json:"grace,omitempty"`     // how long after a create an absence proves nothing; 0: Grace
	Carried     map[string]Carried `json:"carried,omitempty"`   // by step: results of former nights that still hold
	Choice      Choice             `json:"choice,omitzero"`     // what of the pipeline it was asked for
	Left        map[string]string  `json:"left,omitempty"`      // by step: why it is not part of this attempt
	LoadRate    int64              `json:"load_rate,omitempty"` // bytes a second that former loads came to; 0: not measured yet
}

// AttemptID names an attempt.
type AttemptID struct {
	Run     string `json:"run"`
	Attempt int    `json:"attempt"`
}

// Carried is a complete result of a former night whose fingerprint is still
// that of the step: it is not done again.
type Carried struct {
	Fingerprint string          `json:"fingerprint"`
	Result      json.RawMessage `json:"result,omitempty"`
	Made        AttemptID       `json:"made"`            // where
	Empty       bool            `json:"empty,omitempty"` // it was skipped for want of rows
	Loose       bool            `json:"loose,omitempty"` // its dataset was not published yet
}

// Record is one entry of the journal. Each is one object in S3.
type Record struct {
	Version int                    `json:"v"`
	Seq     int                    `json:"seq"` // 1, 2, 3, … within an attempt
	Epoch   int                    `json:"epoch"`
	Of      int                    `json:"of,omitempty"` // an outcome's intent
	At      time.Time              `json:"at"`
	Writer  string                 `json:"writer"` // random per process: tells our own lost put from another's
	Kind    Kind                   `json:"kind"`
	Step    string                 `json:"step,omitempty"`
	Why     string                 `json:"why,omitempty"`
	Effect  *Effect                `json:"effect,omitempty"`
	Class   resources.Class        `json:"class,omitempty"`
	Code    string                 `json:"code,omitempty"` // of the error: the service's, or one of ours
	Seen    *resources.Observation `json:"seen,omitempty"` // only what moved on is recorded
	Verdict Verdict                `json:"verdict,omitempty"`
	Result  json.RawMessage        `json:"result,omitempty"` // typed by the step's kind; large things by URI and sha256
	Opening *Opening               `json:"opening,omitempty"`
}

// Obligation is a resource that may exist and bill because we asked for it.
type Obligation struct {
	Ref     resources.Ref
	Step    string
	Opened  time.Time // the first creating intent
	Created time.Time // the last creating intent: the grace counts from here
	Asked   resources.Shape
	Seen    *resources.Observation
	Kept    bool // handed over on purpose: the promoted snapshot
	Closed  bool
}

// Grace is how long after the last creating intent an absence proves nothing,
// unless the opening says otherwise: at least a call deadline and the longest
// lag of a read.
const Grace = 5 * time.Minute

// Store keeps the records of one attempt.
type Store interface {
	// Append writes a record under its own sequence number, once. It returns a
	// Fenced fault when that number is already another writer's.
	Append(context.Context, Record) error
	// Since reads the records after seq, in order. It needs no lease.
	Since(ctx context.Context, seq int) ([]Record, error)
}
