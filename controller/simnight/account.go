// Package simnight runs nights on the simulated cloud: the very code of a real
// night, on virtual time, with processes that die. `lamplighter simulate`
// shows one to people; the tests run thousands.
package simnight

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/night"
	"lamplighter/controller/steps"
	"lamplighter/resources/redshift"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/warehouse"
)

// Account is a simulated AWS account that outlives its nights.
type Account struct {
	Sim   *simcloud.Sim
	Cloud *simcloud.Simulation
	Env   *config.Environment

	seed  uint64
	procs map[string]*simcloud.Proc // by the writer they call themselves
}

// New opens an account at an instant.
func New(start time.Time, opts simcloud.SimOptions) *Account {
	sim := simcloud.NewSim(start)
	return &Account{Sim: sim, Cloud: simcloud.Simulate(sim, opts), Env: Environment(), seed: opts.Seed, procs: map[string]*simcloud.Proc{}}
}

// Hurry has this process collect garbage four times as rarely: a simulated
// night makes a megabyte of it in a few milliseconds and keeps little. A third
// of its time went there.
func Hurry() { debug.SetGCPercent(400) }

// Environment is where simulated nights run.
func Environment() *config.Environment {
	const arn = "arn:aws:iam::123456789012:role/lamplighter-"
	return &config.Environment{
		Name: "simulated", Account: "123456789012", Region: "us-east-1", Bucket: "lamplighter", Logs: "s3://lamplighter/logs/", Database: "dev",
		Roles: config.Roles{Warehouse: arn + "warehouse", SparkService: arn + "spark", SparkInstanceProfile: "lamplighter-spark", KillSwitch: arn + "kill-switch"},
	}
}

// Night is how one run is to go.
type Night struct {
	Pipeline  *config.Pipeline
	Date      string // 2026-11-22
	Bootstrap bool
	Again     bool
	Replan    bool
	Choice    journal.Choice
	Estimates controller.Estimates // zero: controller.Typical
	Jobs      steps.JobSource      // nil: code whose content is its name
	Watch     controller.Watcher

	CrashAt   map[int]bool         // crash points, counted from this night's first
	FreezeAt  int                  // a crash point at which the process stops for Freeze, and another is started
	Freeze    time.Duration        //
	SameHost  bool                 // a dead process can be proven dead
	Abandoned bool                 // nobody starts it again
	Interrupt func(time.Time) bool // Ctrl-C
	Limit     time.Duration        // virtual time until the night is called hung; zero: 12 h
}

// Outcome is how it went.
type Outcome struct {
	night.Result
	Err    error
	Ended  bool // some process reached the end of the run
	Starts int
	Points []string // crash points passed
	Began  time.Time
	Took   time.Duration
}

// restart is how long it takes until somebody starts a dead run again.
const restart = 20 * time.Second

// Run carries a night through, with a new process for each that dies.
func (a *Account) Run(n Night) Outcome {
	o := Outcome{Began: a.Sim.Now()}
	base := len(a.Cloud.Points)
	limit := n.Limit
	if limit == 0 {
		limit = 12 * time.Hour
	}
	frozen := false
	var start func()
	start = func() {
		proc := a.boot(n, &o)
		for at := range n.CrashAt {
			a.Cloud.CrashAt(base+at, proc.Kill)
		}
		if n.FreezeAt > 0 && !frozen {
			a.Cloud.CrashAt(base+n.FreezeAt, func() {
				frozen = true
				start()
				proc.Freeze(n.Freeze)
			})
		}
	}
	for !o.Ended && o.Starts < 8 && a.Sim.Now().Sub(o.Began) < limit {
		start()
		a.Sim.Run(o.Began.Add(limit))
		if !o.Ended && n.Abandoned {
			break
		}
		if !o.Ended {
			a.Sim.Drain(a.Sim.Now().Add(restart))
		}
	}
	o.Points, o.Took = a.Cloud.Points[base:], a.Sim.Now().Sub(o.Began)
	return o
}

func (a *Account) boot(n Night, o *Outcome) *simcloud.Proc {
	writer := fmt.Sprintf("w%d", len(a.procs)+1)
	proc := a.Sim.NewProc(writer)
	a.procs[writer] = proc
	o.Starts++
	proc.Go(func() {
		for {
			result, err := night.Run(context.Background(), a.world(proc, writer, n.SameHost), a.request(n, proc))
			fenced := err != nil && result.Facts == nil || result.ExitCode == controller.ExitRefused && err != nil
			if fenced && !o.Ended && busy(err) {
				proc.Wait(context.Background(), proc.Now().Add(time.Minute), nil)
				continue
			}
			if !o.Ended && !superseded(err) {
				o.Result, o.Err, o.Ended = result, err, true
			}
			return
		}
	})
	return proc
}

func (a *Account) world(proc *simcloud.Proc, writer string, sameHost bool) night.World {
	c := a.Cloud.Client(proc)
	return night.World{
		Clock: proc, Redshift: c.Redshift, EMR: c.EMR, S3: c.S3, Scheduler: c.Scheduler, STS: c.STS, Writer: writer, Parallel: 1,
		Warehouse: func(*redshift.Clusters, string) warehouse.Opener { return c.Warehouse },
		Random:    rand.NewChaCha8([32]byte{byte(a.seed), byte(a.seed >> 8)}),
		Alive: func(h journals3.Holder) bool {
			p := a.procs[h.Owner]
			return !sameHost || p == nil || !p.Dead()
		},
	}
}

func (a *Account) request(n Night, proc *simcloud.Proc) night.Request {
	req := night.Request{Pipeline: n.Pipeline, Env: a.Env, Date: n.Date, Bootstrap: n.Bootstrap, Again: n.Again, Replan: n.Replan, Choice: n.Choice, Jobs: n.Jobs, Binary: "simulated",
		Estimates: n.Estimates, Watch: n.Watch}
	if req.Estimates == (controller.Estimates{}) {
		req.Estimates = controller.Typical
	}
	if req.Jobs == nil {
		req.Jobs = NamedJobs
	}
	if n.Interrupt != nil {
		req.Interrupt = func() bool { return n.Interrupt(proc.Now()) }
	}
	return req
}

// NamedJobs stands in for Spark code: its content is its name.
func NamedJobs(j config.SparkJob) (steps.Code, error) {
	name := j.Job + j.Main
	return steps.Code{Hash: "h-" + name, Main: name + ".py", Files: []steps.CodeFile{{Name: name + ".py", Body: []byte(name)}}}, nil
}

// Promoted is the pointer as it stands; ok is false when nothing is promoted.
func (a *Account) Promoted(p *config.Pipeline) (steps.Promoted, bool) {
	body, ok := a.Cloud.Object(controller.Layout{Bucket: a.Env.Bucket, Pipeline: p.Pipeline}.Promoted())
	var pointer steps.Promoted
	return pointer, ok && decode(body, &pointer) == nil
}

// Bad are the objects that COPY refuses from now on; none: it takes all again.
func (a *Account) Bad(uris ...string) {
	a.Cloud.Refuse(uris, "cannot be read")
}

// ChangeSkips changes what loads leave out, as a person does.
func (a *Account) ChangeSkips(ctx context.Context, p *config.Pipeline, change func([]steps.Skip) ([]steps.Skip, error)) {
	proc := a.Sim.NewProc("person")
	proc.Go(func() {
		_ = night.ChangeSkips(ctx, a.world(proc, "person", false), p, a.Env, change)
	})
	a.Sim.Run(a.Sim.Now().Add(time.Minute))
}

// Published is a dataset's pointer as it stands.
func (a *Account) Published(p *config.Pipeline, dataset string) (steps.Published, bool) {
	body, ok := a.Cloud.Object(controller.Layout{Bucket: a.Env.Bucket, Pipeline: p.Pipeline}.Published(dataset))
	var pointer steps.Published
	return pointer, ok && decode(body, &pointer) == nil
}

// Loaded are the objects in each table of a snapshot, as often as they are in
// it.
func (a *Account) Loaded(snapshot string) map[string][]string {
	return a.Cloud.SnapshotObjects(snapshot)
}
