package simcloud

import "time"

// World is time for the control planes: virtual in the simulation, the wall
// clock in the embedded cloud.
//
// Calls into a Cloud come one at a time: its host holds one lock around every
// request and around every fn that At runs. At itself may be called with that
// lock held and, by a plane that answers from another goroutine, without it;
// it never runs fn before it returns.
type World interface {
	Now() time.Time
	// At runs fn once at t, or as soon as it can when t has passed. Functions
	// with the same t run in the order they were given.
	At(t time.Time, fn func())
}

// Planes hold the data behind the states. A nil plane is one that does
// everything at once, holds nothing and never fails.
type Planes struct {
	Warehouse WarehousePlane
	Spark     SparkPlane
}

// WarehousePlane holds the data of Redshift clusters and snapshots. The
// control plane owns names, states and rules; a plane only does what it is
// told and is told nothing twice at once about one cluster (snapshots beside
// running SQL excepted).
//
// Every method is called with the World's lock held and must return at once:
// slow work goes on in the background. Each done is called exactly once, from
// any goroutine, also before the method returns; the control plane takes the
// answer through World.At. A state moves on when done was called and the
// transition's Pace is over.
//
// After a restart of the host the control plane calls the method of each
// transition again that was under way: every method must be repeatable and
// begin by clearing what a former try left.
type WarehousePlane interface {
	// Create makes an empty cluster with spec's database and master user.
	Create(cluster string, spec ClusterSpec, done func(error))
	// Restore makes a cluster with a snapshot's content, master user included.
	Restore(cluster, snapshot string, spec ClusterSpec, done func(error))
	// Snapshot keeps the cluster's content as of some instant between the call
	// and done: all that had committed before the call is in it. The cluster
	// stays usable. The sizes are in MB.
	Snapshot(cluster, snapshot string, done func(SnapshotSize, error))
	// DropSnapshot forgets a snapshot. One that does not exist is dropped.
	DropSnapshot(snapshot string, done func(error))
	// Pause ends all sessions and stops serving, Resume serves again.
	Pause(cluster string, done func(error))
	Resume(cluster string, done func(error))
	// Drop ends all sessions and forgets the cluster's content. A cluster that
	// does not exist is dropped.
	Drop(cluster string, done func(error))
	// Reopen serves an available cluster again after a restart of the host,
	// with the content it had. It is not called otherwise.
	Reopen(cluster string, done func(error))
	// Endpoint is where a cluster answers; ok is false while it does not.
	Endpoint(cluster string) (host string, port int, ok bool)
	// AddLogin lets user log in with password until then. The user is made
	// when create is set and refused with an error when it is not there
	// otherwise.
	AddLogin(cluster string, login Login) error
}

// ClusterSpec is what a cluster was asked to be.
type ClusterSpec struct {
	NodeType       string `json:"node_type"`
	Nodes          int    `json:"nodes"`
	Database       string `json:"database"` // "dev" by default
	MasterUser     string `json:"master_user"`
	MasterPassword string `json:"-"` // never saved; empty on a restore
	Port           int    `json:"port,omitempty"`
}

// SnapshotSize is what a snapshot weighs, in MB.
type SnapshotSize struct {
	Incremental float64 `json:"incremental"`
	Total       float64 `json:"total"`
}

// Login is a temporary login as GetClusterCredentials gives it out.
type Login struct {
	User     string // without the prefix IAM: or IAMA: that the client shows
	Password string
	Until    time.Time
	Create   bool     // AutoCreate
	Groups   []string // DbGroups
	Database string   // "" is any
}

// SparkPlane runs the steps of EMR clusters.
type SparkPlane interface {
	// Start runs a step in the background and returns at once; it is called
	// with the World's lock held. done is called exactly once, from any
	// goroutine, also after cancel: the control plane takes it through
	// World.At. exit 0 is success; 124 a time limit. reason and logFile go
	// into the step's FailureDetails (logFile: a URI, or "").
	// cancel ends the step, may be called repeatedly, and returns at once.
	Start(flow FlowSpec, step StepSpec, done func(exit int, reason, logFile string)) (cancel func())
}

// FlowSpec is the EMR cluster that a step runs on.
type FlowSpec struct {
	ID      string `json:"id"` // j-…
	Name    string `json:"name"`
	Release string `json:"release"`
	LogURI  string `json:"log_uri,omitempty"` // ends in /; "" is none
	Role    string `json:"role,omitempty"`    // JobFlowRole
}

// StepSpec is one step of RunJobFlow.
type StepSpec struct {
	ID   string   `json:"id"` // s-…
	Name string   `json:"name"`
	Jar  string   `json:"jar"`
	Args []string `json:"args"`
}
