// Package controller is the engine: it plans which clusters the declared work
// needs and when, and carries a plan through. It knows no AWS and no kind of
// step; controller/steps does.
package controller

import (
	"context"
	"errors"
	"time"

	"lamplighter/controller/journal"
)

// Step is one node of a plan, made alive. Reconcile looks, acts at most once
// through the Pass, and says when to look again: it never waits. Errors are
// classified (resources.Fault); the loop decides by class.
type Step interface {
	Reconcile(context.Context, *Pass) (Next, error)
}

// Beginner is a step that knows better than its own intents whether its work
// has begun: Spark's begins with its cluster's launch.
type Beginner interface {
	Begun(*journal.Facts) bool
}

// Builder makes a step of a node, the same one after any crash.
type Builder func(journal.Node) (Step, error)

// Planner is asked once for each attempt, when its journal holds no plan yet.
type Planner func(context.Context) (*journal.Opening, error)

// State is what a Reconcile ended in.
type State int

// States of a step.
const (
	Waiting  State = iota
	Ready          // lifetimes only: whoever uses it may go on. A level, not a latch
	Finished       // latched by a settled record: done
	Skipping       // latched by a settled record: skipped, for the reason in Why
)

// Next is what a Reconcile says.
type Next struct {
	State  State
	Look   time.Time // zero: when something it depends on happens
	Why    string
	Result any // journaled with the settling; read by later steps with journal.Result
}

// ErrLost, wrapped in the error of a lifetime, says that its cluster went
// while it held work that no snapshot has: the work still open in it settles
// as lost, and a new attempt redoes what was.
var ErrLost = errors.New("the cluster went before its snapshot")

// Done settles a step as done.
func Done(result any) (Next, error) { return Next{State: Finished, Result: result}, nil }

// Skip settles a step as skipped.
func Skip(why string) (Next, error) { return Next{State: Skipping, Why: why}, nil }

// Again asks for another look at an instant.
func Again(at time.Time, why string) (Next, error) { return Next{Look: at, Why: why}, nil }

// Open says that a lifetime is ready, and asks for another look at an instant.
func Open(at time.Time, why string) (Next, error) {
	return Next{State: Ready, Look: at, Why: why}, nil
}

// Until waits for the step's own task.
func Until(why string) (Next, error) { return Next{Why: why}, nil }

// Reasons for skipping that the engine itself gives and that others read.
const (
	WhyLastCall    = "last call"
	WhyCutOff      = "cut-off"
	WhyInterrupted = "interrupted"
	WhyEmpty       = "no rows"
	WhyLost        = "the attempt lost its warehouse"
)
