package simcloud

import (
	"io"
	"time"
)

// Phase is a transition that takes time.
type Phase string

// Phases of Redshift clusters and snapshots, of EMR clusters, and of the
// scheduler.
const (
	PhaseCreate    Phase = "create"    // creating -> available
	PhaseRestore   Phase = "restore"   // creating -> available
	PhaseDelete    Phase = "delete"    // deleting -> gone
	PhaseFinal     Phase = "final"     // final-snapshot -> deleting
	PhasePause     Phase = "pause"     // pausing -> paused
	PhaseResume    Phase = "resume"    // resuming -> available
	PhaseSnapshot  Phase = "snapshot"  // creating -> available
	PhaseMask      Phase = "mask"      // an undocumented state is shown for so long
	PhaseLoss      Phase = "loss"      // available or RUNNING -> lost hardware
	PhaseProvision Phase = "provision" // STARTING -> BOOTSTRAPPING: instances run, billing begins
	PhaseBootstrap Phase = "bootstrap" // BOOTSTRAPPING -> RUNNING
	PhaseFailure   Phase = "failure"   // STARTING -> TERMINATED_WITH_ERRORS
	PhaseStep      Phase = "step"      // between two steps
	PhaseTerminate Phase = "terminate" // TERMINATING -> TERMINATED
	PhaseInvoke    Phase = "invoke"    // how late a schedule fires, within its minute
)

// Pace says how long a transition takes. It is asked once for each.
type Pace func(Phase) time.Duration

// FixedPace gives every transition the same time; a schedule fires on time.
func FixedPace(d time.Duration) Pace {
	return func(p Phase) time.Duration {
		if p == PhaseInvoke {
			return 0
		}
		return d
	}
}

// Fate is something that may go wrong by itself.
type Fate string

// Fates, each asked once where it may strike.
const (
	FateBounce      Fate = "bounce"      // an accepted delete comes to nothing
	FateLoss        Fate = "loss"        // hardware takes the cluster
	FateSnapshot    Fate = "snapshot"    // the snapshot fails
	FateAutomated   Fate = "automated"   // Redshift takes a snapshot of its own once the cluster is available
	FateFlow        Fate = "flow"        // the EMR cluster never starts
	FateNodes       Fate = "nodes"       // the EMR cluster loses its primary node while it runs
	FateMask        Fate = "mask"        // an undocumented state is shown for a while
	FateBusy        Fate = "busy"        // refused although available
	FateBootstrap   Fate = "bootstrap"   // a bootstrap action of the EMR cluster fails
	FateNoSpot      Fate = "nospot"      // there is no Spot capacity for an EMR cluster
	FateCapacity    Fate = "capacity"    // no machines
	FateInterrupted Fate = "interrupted" // a cancelled step is called INTERRUPTED
	FateSpot        Fate = "spot"        // a fleet gets another type than the first
	FateInvoke      Fate = "invoke"      // a schedule's call is lost before it reaches anything
)

// Rules are what no source settles about AWS (aws-rules, last section): the
// simulation does them both ways. The zero value is the kind account.
type Rules struct {
	SchedulerGivesUp  bool          // a refused call of a schedule is not repeated before its next turn
	StreamingRestore  time.Duration // CreateClusterSnapshot is refused for so long after a restore
	DeletingBills     bool          // deleting and final-snapshot seconds bill
	PausedUndeletable bool          // a paused cluster refuses DeleteCluster
	SnapshotQuota     int           // manual snapshots; 0 is 20
	LoseTags          bool          // a restored cluster does not get its snapshot's tags
	KeepUsedSnapshots bool          // the snapshot that a cluster came from is kept until a newer one of it exists
}

func (r Rules) quota() int {
	if r.SnapshotQuota == 0 {
		return 20
	}
	return r.SnapshotQuota
}

// Options of the control planes. The zero value is an account 000000000000 in
// us-east-1 where everything takes no time.
type Options struct {
	Account string
	Region  string
	Pace    Pace
	Fate    func(fate Fate, name string) bool // nil: nothing goes wrong
	Rules   Rules
	Planes  Planes
	Random  io.Reader // of passwords and ids; nil is crypto/rand
	// OnChange is called with the World's lock held after State changed, at
	// the end of each request or timer.
	OnChange func()
}
