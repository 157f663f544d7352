package simcloud

import (
	"context"
	"maps"
	"math/rand/v2"
	"time"

	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// STS is the part of the SDK's STS client that lamplighter uses.
type STS interface {
	GetCallerIdentity(context.Context, *awssts.GetCallerIdentityInput, ...func(*awssts.Options)) (*awssts.GetCallerIdentityOutput, error)
}

// Client is what one process holds to talk to the cloud.
type Client struct {
	Redshift  redshift.API
	EMR       emr.API
	S3        s3.API
	Scheduler killswitch.API
	STS       STS
	Warehouse warehouse.Opener
}

// SimOptions of a Simulation. The zero value is a kind cloud with the default
// durations.
type SimOptions struct {
	Seed    uint64
	Account string // "" is 123456789012
	Region  string // "" is us-east-1
	Faults  Faults
	Rules   Rules
	Ranges  map[Phase]Range // over DefaultRanges
	Work    *Work           // nil is DefaultWork

	Rejects map[string]int64  // rows that COPY refuses, by the object's URI
	Answers map[string]string // of Session.Query and of checks, by SQL; "0" by default
	Empty   map[string]bool   // queries whose UNLOAD has no rows
	// Fails is what fails for good, with its error: steps of loads, scripts and
	// Spark, queries of unloads and checks.
	Fails   map[string]string
	Metrics string              // metrics.json of Spark steps; {"rows":100,"rmse":0.88} by default
	Idle    map[string]bool     // Spark steps that end well and write nothing
	Folders map[string][]string // by name of a Spark step: sub-folders of its dataset, instead of the dataset itself
}

// Simulation is the whole simulated cloud on virtual time: the control planes,
// S3, a warehouse and Spark in memory, faults, crash points, an audit of every
// mutating call and the rules that may never be broken.
type Simulation struct {
	bad map[string]string // objects that COPY refuses, by URI
	*Cloud
	Sim  *Sim
	opts SimOptions
	work Work
	pace *rand.Rand // durations
	dice *rand.Rand // faults

	store  *store
	memory *memory

	// Points names the crash points passed so far, in order; the first is
	// number 1.
	Points []string
	crash  map[int]func()

	audit      []AuditEvent
	violations []Violation
	epoch      int               // the newest that a lease was seen with
	promoted   map[string]string // pointer key -> snapshot
	together   map[[2]string]bool
	lists      map[string][]string // published list -> the keys that it names
	uploads    map[string]*upload  // by id
}

// Simulate makes a simulated cloud in sim's virtual time.
func Simulate(sim *Sim, opts SimOptions) *Simulation {
	opts.Account = or(opts.Account, "123456789012")
	opts.Metrics = or(opts.Metrics, `{"rows":100,"rmse":0.88}`)
	ranges := DefaultRanges()
	maps.Copy(ranges, opts.Ranges)
	s := &Simulation{
		Sim: sim, opts: opts, work: DefaultWork(), store: newStore(),
		pace: rand.New(rand.NewPCG(opts.Seed, 1)), dice: rand.New(rand.NewPCG(opts.Seed, 2)),
		crash: map[int]func(){}, promoted: map[string]string{}, together: map[[2]string]bool{},
		lists: map[string][]string{}, uploads: map[string]*upload{},
	}
	if opts.Work != nil {
		s.work = *opts.Work
	}
	s.memory = &memory{s: s, dbs: map[string]*database{}, snapshots: map[string]*database{}}
	s.Cloud = New(sim, Options{
		Account: opts.Account, Region: opts.Region, Rules: opts.Rules,
		Pace:   func(p Phase) time.Duration { return s.take(ranges[p]) },
		Fate:   s.fate,
		Planes: Planes{Warehouse: s.memory, Spark: sparkMemory{s}},
		Random: randomBytes{s.pace},
	}, nil)
	s.past, s.onState, s.onFire = &past{}, s.saw, s.fired
	return s
}

// randomBytes are the same for the same seed.
type randomBytes struct{ *rand.Rand }

func (r randomBytes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

// take draws a duration.
func (s *Simulation) take(r Range) time.Duration {
	return time.Duration(r.Min+s.pace.IntN(r.Max-r.Min+1)) * time.Second
}

func (s *Simulation) roll(p float64) bool { return p > 0 && s.dice.Float64() < p }

// fate rolls the dice for what the control planes ask.
func (s *Simulation) fate(f Fate, _ string) bool {
	chances := &s.opts.Faults
	switch f {
	case FateBounce:
		return s.roll(chances.Bounce)
	case FateLoss:
		return s.roll(chances.LoseCluster)
	case FateSnapshot:
		return s.roll(chances.SnapFail)
	case FateAutomated:
		return s.roll(chances.Automated)
	case FateNodes:
		return s.roll(chances.LoseFlow)
	case FateFlow:
		return s.roll(chances.FlowFail)
	case FateBootstrap:
		return s.roll(chances.Bootstrap)
	case FateNoSpot:
		return s.roll(chances.NoSpot)
	case FateMask:
		return s.roll(chances.Mask)
	case FateBusy:
		return s.roll(chances.Busy)
	case FateCapacity:
		return s.roll(chances.NoCapacity)
	case FateInterrupted:
		return s.roll(chances.Interrupted)
	case FateInvoke:
		return s.roll(chances.LostInvoke)
	case FateSpot:
		return s.dice.IntN(2) == 0
	}
	return false
}

// SetFaults replaces the faults from now on, so that a harness can heal the
// cloud in the middle of a run.
func (s *Simulation) SetFaults(f Faults) { s.opts.Faults = f }

// Client makes what process p talks to the cloud with. Warehouse remembers
// what p opened: make it once for each process.
func (s *Simulation) Client(p *Proc) Client {
	f := &front{s, p}
	return Client{
		Redshift:  redshiftClient{f, redshiftAPI{s.Cloud, f.asOf}},
		EMR:       emrClient{f, emrAPI{s.Cloud, f.asOf}},
		Scheduler: schedulerClient{f, schedulerAPI{s.Cloud, f.asOf}},
		STS:       stsClient{f, stsAPI{s.Cloud}},
		S3:        s3Client{f},
		Warehouse: &opener{f: f, seen: map[*database]bool{}},
	}
}

// Put places an object for the pipeline to find.
func (s *Simulation) Put(uri string, body []byte) {
	s.store.put(key(uri), body, int64(len(body)), s.Sim.now)
}

// Refuse lets COPY refuse objects, and no others, for a reason.
func (s *Simulation) Refuse(uris []string, why string) {
	s.bad = map[string]string{}
	for _, uri := range uris {
		s.bad[uri] = why
	}
}

// PutSized places an object of so many bytes whose content nobody reads.
func (s *Simulation) PutSized(uri string, size int64) {
	s.store.put(key(uri), nil, size, s.Sim.now)
}

// Remove takes an object away.
func (s *Simulation) Remove(uri string) { s.store.remove(key(uri)) }

// Object is an object's body; ok is false when there is none.
func (s *Simulation) Object(uri string) (body []byte, ok bool) {
	o := s.store.objects[key(uri)]
	if o == nil {
		return nil, false
	}
	return o.body, true
}

// Objects lists the URIs below a prefix, sorted.
func (s *Simulation) Objects(prefix string) []string {
	var out []string
	for _, o := range s.store.under(key(prefix)) {
		out = append(out, "s3://"+o.key)
	}
	return out
}

// TableObjects lists per table the URIs of the objects loaded into it, sorted,
// as often as they were loaded, for a cluster that has data; else nil.
func (s *Simulation) TableObjects(cluster string) map[string][]string {
	return s.memory.dbs[cluster].objects()
}

// SnapshotObjects is TableObjects of a snapshot.
func (s *Simulation) SnapshotObjects(snapshot string) map[string][]string {
	return s.memory.snapshots[snapshot].objects()
}

// SnapshotSizes are the sizes of a table's objects in a snapshot, by URI: they
// tell one version of an object from another.
func (s *Simulation) SnapshotSizes(snapshot, table string) map[string]int64 {
	sizes := map[string]int64{}
	if db := s.memory.snapshots[snapshot]; db != nil {
		for _, o := range db.tables[table] {
			sizes[o.uri] = o.size
		}
	}
	return sizes
}

// SnapshotLedger is the ledger that a snapshot holds; ok is false when there
// is no such snapshot.
func (s *Simulation) SnapshotLedger(snapshot string) (l warehouse.Ledger, ok bool) {
	db := s.memory.snapshots[snapshot]
	if db == nil {
		return l, false
	}
	return db.ledger(), true
}
