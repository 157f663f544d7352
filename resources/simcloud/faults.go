package simcloud

import "time"

// Faults is how unkind the simulated cloud is. Probabilities are per call
// unless said otherwise; the zero value is a cloud without faults.
type Faults struct {
	Lag   time.Duration // reads of Redshift, EMR and Scheduler show a state up to this old, each its own: they may flap
	Flaky float64       // a read is throttled

	Refuse float64 // a mutating call is throttled: no effect
	Lost   float64 // a mutating call has its effect, the reply is lost
	Late   float64 // a mutating call has its effect up to LateBy later, after the client gave up

	RefusePut float64 // an S3 put or delete is throttled: no effect
	LostPut   float64 // an S3 put is applied and its reply lost: a client that retries reads 412 of its own success, another gives up
	LatePut   float64 // an S3 put is applied up to LateBy later, after the client gave up
	Conflict  float64 // a conditional S3 put is answered 409

	Bounce      float64 // an accepted DeleteCluster comes to nothing: available again
	Busy        float64 // a Redshift mutation is refused although the cluster is available
	NoCapacity  float64 // a restore or create is refused: no machines
	LoseCluster float64 // per warehouse: hardware takes it some time after it is available
	Mask        float64 // per warehouse and visit of available: shows "maintenance" for a while
	Automated   float64 // per warehouse: an automated snapshot, which forbids its deletion while it is taken
	SnapFail    float64 // per snapshot
	FlowFail    float64 // per EMR cluster: never starts
	LoseFlow    float64 // per EMR cluster: loses its primary node some time after it runs
	LoseLogs    float64 // per Spark step that failed: its logs never reach S3; else they are up to five minutes late
	Bootstrap   float64 // per EMR cluster: a bootstrap action fails
	NoSpot      float64 // per EMR cluster that asks for Spot: there is none
	SparkFail   float64 // per Spark step
	Interrupted float64 // per cancelled step: INTERRUPTED instead of CANCELLED
	LostInvoke  float64 // per call of a schedule: reaches nothing

	ServerGoesOn bool // a killed client's statement that was sent is finished, COMMIT included
	KeepSessions bool // a killed client's sessions keep their locks until somebody ends them

	CallTimeout time.Duration // when a client gives a lost call up; 0 is 30 s
	LateBy      time.Duration // 0 is 200 s
}

func (f Faults) callTimeout() time.Duration {
	if f.CallTimeout == 0 {
		return 30 * time.Second
	}
	return f.CallTimeout
}

func (f Faults) lateBy() time.Duration {
	if f.LateBy == 0 {
		return 200 * time.Second
	}
	return f.LateBy
}

// Range is the least and the most that something takes, in seconds.
type Range struct{ Min, Max int }

// Work is how long the data planes take.
type Work struct {
	Open      Range // a connection
	Statement Range // LOCK, BEGIN, COMMIT, ledger reads and the like
	Query     Range
	Script    Range
	Analyze   Range
	Load      Range // a COPY, before its size
	LoadMB    Range // per whole MB of a COPY
	Unload    Range
	Spark     Range
}

// DefaultRanges are durations of small clusters (aws-facts A9, E5).
func DefaultRanges() map[Phase]Range {
	return map[Phase]Range{
		PhaseCreate: {120, 300}, PhaseRestore: {120, 300}, PhaseDelete: {60, 180}, PhaseFinal: {60, 300},
		PhasePause: {60, 600}, PhaseResume: {120, 300}, PhaseSnapshot: {60, 400}, PhaseMask: {30, 120},
		PhaseLoss: {1, 400}, PhaseProvision: {20, 60}, PhaseBootstrap: {150, 400}, PhaseFailure: {60, 3600},
		PhaseStep: {2, 15}, PhaseTerminate: {30, 120}, PhaseInvoke: {0, 59},
	}
}

// DefaultWork are durations of a small night.
func DefaultWork() Work {
	return Work{
		Open: Range{1, 2}, Statement: Range{0, 1}, Query: Range{2, 10}, Script: Range{5, 20}, Analyze: Range{5, 20},
		Load: Range{20, 120}, LoadMB: Range{0, 0}, Unload: Range{30, 120}, Spark: Range{60, 900},
	}
}
