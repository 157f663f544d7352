package simcloud

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplighter/resources"
)

// Cloud is the control planes of Redshift, EMR, EventBridge Scheduler and STS
// as state machines on a World's time. It is not safe for concurrent use: see
// World.
type Cloud struct {
	world World
	opts  Options
	state *State
	past  *past // nil: only the present can be read

	dirty   bool
	cancels map[string]func()                           // of running Spark steps, by step id
	onState func(ref resources.Ref, id, state string)   // the simulation listens
	onFire  func(s *Schedule, target string, err error) // the simulation listens
}

// New makes control planes that go on from a State, nil for an empty cloud.
// What was under way is begun again, so New must be called under the World's
// lock. The State belongs to the Cloud from then on.
//
// A Spark step that was running is FAILED: its process died with the host.
func New(world World, opts Options, state *State) *Cloud {
	if opts.Account == "" {
		opts.Account = "000000000000"
	}
	if opts.Region == "" {
		opts.Region = "us-east-1"
	}
	if opts.Pace == nil {
		opts.Pace = FixedPace(0)
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	if state == nil {
		state = &State{}
	}
	c := &Cloud{world: world, opts: opts, state: state, cancels: map[string]func(){}}
	c.resumeRedshift()
	c.resumeFlows()
	c.resumeSchedules()
	c.flush()
	return c
}

// State is what the control planes know now. It is for reading and saving,
// under the World's lock.
func (c *Cloud) State() *State { return c.state }

// at runs fn as a timer of the cloud.
func (c *Cloud) at(t time.Time, fn func()) {
	c.world.At(t, func() {
		fn()
		c.flush()
	})
}

func (c *Cloud) now() time.Time { return c.world.Now() }

func (c *Cloud) due(p Phase) time.Time { return c.now().Add(c.opts.Pace(p)) }

func (c *Cloud) fate(f Fate, name string) bool { return c.opts.Fate != nil && c.opts.Fate(f, name) }

// flush ends a request or timer.
func (c *Cloud) flush() {
	if c.dirty {
		c.dirty = false
		if c.opts.OnChange != nil {
			c.opts.OnChange()
		}
	}
}

func (c *Cloud) next() int {
	c.state.Seq++
	return c.state.Seq
}

// both calls finish once: when due has come and data has called its done.
func (c *Cloud) both(due time.Time, data func(done func(error)), finish func(error)) {
	var timeUp, dataUp bool
	var failure error
	check := func() {
		if timeUp && dataUp {
			finish(failure)
		}
	}
	c.at(due, func() { timeUp = true; check() })
	if data == nil {
		dataUp = true
		return
	}
	data(func(err error) {
		c.at(c.now(), func() { dataUp, failure = true, err; check() })
	})
}

// announce says that something has a new state.
func (c *Cloud) announce(kind, name, id, state string) {
	c.dirty = true
	c.record(kind, name, state)
	if c.onState != nil {
		c.onState(resources.Ref{Kind: kind, Name: name}, id, state)
	}
}

// token is a random word of n hexadecimal characters.
func (c *Cloud) token(n int) string {
	b := make([]byte, (n+1)/2)
	if _, err := io.ReadFull(c.opts.Random, b); err != nil {
		panic("simcloud: no random bytes: " + err.Error())
	}
	return hex.EncodeToString(b)[:n]
}

// uuid is shaped as one; AWS's execution ids are.
func (c *Cloud) uuid() string {
	t := c.token(32)
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

// numbered is a generated id such as j-00000000001AB.
func numbered(prefix string, n int) string {
	t := strings.ToUpper(strconv.FormatInt(int64(n), 36))
	return prefix + strings.Repeat("0", max(0, 13-len(t))) + t
}

// past keeps former versions of everything, so that reads can lag.
type past struct {
	clusters  versions[Cluster]
	snapshots versions[Snapshot]
	flows     versions[Flow]
	schedules versions[Schedule]
}

// keep is how long former versions are kept.
const keep = 10 * time.Minute

type versions[T any] struct {
	order []string
	of    map[string][]version[T]
}

type version[T any] struct {
	at time.Time
	v  *T // nil: gone
}

func (p *versions[T]) add(key string, at time.Time, v *T) {
	if p.of == nil {
		p.of = map[string][]version[T]{}
	}
	list, known := p.of[key]
	if !known {
		p.forget(at)
		p.order = append(p.order, key)
	}
	old := 0
	for old+1 < len(list) && list[old+1].at.Before(at.Add(-keep)) {
		old++
	}
	p.of[key] = append(list[old:], version[T]{at, v})
}

// forget drops what has been gone for longer than keep.
func (p *versions[T]) forget(now time.Time) {
	p.order = slices.DeleteFunc(p.order, func(key string) bool {
		last := p.of[key][len(p.of[key])-1]
		old := last.v == nil && last.at.Before(now.Add(-keep))
		if old {
			delete(p.of, key)
		}
		return old
	})
}

// asOf is what existed at t.
func (p *versions[T]) asOf(t time.Time) []*T {
	var out []*T
	for _, key := range p.order {
		var v *T
		for _, x := range p.of[key] {
			if x.at.After(t) {
				break
			}
			v = x.v
		}
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

// The four readers below show the present for a zero t, else the past.

func (c *Cloud) clusters(t time.Time) []*Cluster {
	if c.past == nil || t.IsZero() {
		return c.state.Clusters
	}
	return c.past.clusters.asOf(t)
}

func (c *Cloud) snapshots(t time.Time) []*Snapshot {
	if c.past == nil || t.IsZero() {
		return c.state.Snapshots
	}
	return c.past.snapshots.asOf(t)
}

func (c *Cloud) flows(t time.Time) []*Flow {
	if c.past == nil || t.IsZero() {
		return c.state.Flows
	}
	return c.past.flows.asOf(t)
}

func (c *Cloud) schedules(t time.Time) []*Schedule {
	if c.past == nil || t.IsZero() {
		return c.state.Schedules
	}
	return c.past.schedules.asOf(t)
}

func remove[T any](list []*T, v *T) []*T {
	return slices.DeleteFunc(list, func(x *T) bool { return x == v })
}

// page cuts one page out of a list; the marker is the number of items before.
func page[T any](items []T, marker *string, size int) (out []T, next *string, ok bool) {
	from := 0
	if marker != nil && *marker != "" {
		n, err := strconv.Atoi(*marker)
		if err != nil || n < 0 {
			return nil, nil, false
		}
		from = min(n, len(items))
	}
	to := min(from+size, len(items))
	if to < len(items) {
		m := strconv.Itoa(to)
		next = &m
	}
	return items[from:to], next, true
}
