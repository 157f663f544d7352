package simcloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lamplighter/resources"
)

// AuditEvent is one mutating call, or one change of state (Call "state", Err
// is the state), or one call of a schedule (Proc "scheduler").
type AuditEvent struct {
	At     time.Time
	Proc   string // "" for the cloud itself
	Epoch  int    // of the process when it asked
	Call   string // redshift.DeleteCluster, s3.PutObject, warehouse.Load …
	Target string
	Effect bool // something changed
	Err    string
}

func (e AuditEvent) String() string {
	return fmt.Sprintf("%s %s/%d %s %s %t %s", e.At.Format(time.TimeOnly), e.Proc, e.Epoch, e.Call, e.Target, e.Effect, e.Err)
}

// Violation is a rule that was broken.
type Violation struct {
	At   time.Time
	Rule string // one of the Rule constants
	Text string
}

func (v Violation) String() string {
	return v.At.Format(time.TimeOnly) + " " + v.Rule + ": " + v.Text
}

// Rules that may never be broken.
const (
	RuleTwoWarehouses = "two warehouses"           // of one pipeline are live at once
	RuleTwoFlows      = "two EMR clusters"         // of one pipeline for more than ten minutes
	RulePromotedGone  = "promoted snapshot gone"   // it was deleted
	RulePromotedBad   = "promoted nothing"         // the pointer names a snapshot that is not available
	RuleNotOurs       = "not ours"                 // a mutation of what lamplighter did not name
	RuleStale         = "stale epoch"              // an effect asked for by a controller that is not the newest
	RuleStaleRecord   = "stale record"             // the same, of a journal record: the newest finds it and must cope
	RuleUsedPrefix    = "unload into used prefix"  // it holds objects already
	RuleRewritten     = "journal record rewritten" // a record's object was overwritten or deleted
	RulePublished     = "published in part"        // a list that readers follow names what is not there, or a mix
)

// Audit is what happened so far, in order. It is not a copy.
func (s *Simulation) Audit() []AuditEvent { return s.audit }

// Violations is what broke so far.
func (s *Simulation) Violations() []Violation {
	for i, f := range s.state.Flows {
		if f.Live() {
			s.togetherTooLong(f, s.state.Flows[i+1:])
		}
	}
	return s.violations
}

func (s *Simulation) violate(rule, format string, args ...any) {
	s.violations = append(s.violations, Violation{s.Sim.now, rule, fmt.Sprintf(format, args...)})
}

// CrashAt has fn called when the n-th crash point is passed (1 is the first),
// inside the process that passes it: fn may Kill or Freeze it.
//
// Every mutating call is two points, before it is sent and after its effect,
// before its reply; a COMMIT in flight is a third one.
func (s *Simulation) CrashAt(n int, fn func()) { s.crash[n] = fn }

// point passes a crash point.
func (s *Simulation) point(call, target, when string) {
	s.Points = append(s.Points, call+" "+target+" "+when)
	if fn := s.crash[len(s.Points)]; fn != nil {
		fn()
	}
}

// attempt is a mutating call on its way, as its sender was when it was sent.
type attempt struct {
	proc         *Proc
	epoch        int
	stale        bool
	call, target string
}

func (f *front) attempt(call, target string) attempt {
	p := f.p
	return attempt{p, p.epoch, p.epoch > 0 && p.epoch < f.s.epoch, call, target}
}

// note records what came of an attempt.
func (s *Simulation) note(a attempt, effect bool, err error) {
	e := AuditEvent{At: s.Sim.now, Proc: a.proc.name, Epoch: a.epoch, Call: a.call, Target: a.target, Effect: effect}
	if err != nil {
		e.Err = err.Error()
	}
	s.audit = append(s.audit, e)
	if !effect || !a.stale {
		return
	}
	rule := RuleStale
	if isRecord(a.target) {
		rule = RuleStaleRecord
	}
	s.violate(rule, "%s %s by %s of epoch %d, the newest is %d", a.call, a.target, a.proc.name, a.epoch, s.epoch)
}

// saw hears of every change of state.
func (s *Simulation) saw(ref resources.Ref, id, state string) {
	target := ref.String()
	if id != "" {
		target += " " + id
	}
	s.audit = append(s.audit, AuditEvent{At: s.Sim.now, Call: "state", Target: target, Effect: true, Err: or(state, "gone")})
	switch {
	case ref.Kind == resources.KindCluster && state == creating:
		s.onlyWarehouse(ref.Name)
	case ref.Kind == resources.KindCluster && state != available && state != finalSnapshot:
		s.memory.disconnect(ref.Name)
	case ref.Kind == resources.KindSnapshot && state == "":
		for pointer, snapshot := range s.promoted {
			if snapshot == ref.Name {
				s.violate(RulePromotedGone, "%s, which %s names", snapshot, pointer)
			}
		}
	case ref.Kind == resources.KindFlow && (state == terminated || state == terminatedWithErrors):
		f := s.flow(id)
		s.togetherTooLong(f, s.state.Flows)
	}
}

// fired hears of every call of a schedule.
func (s *Simulation) fired(sc *Schedule, target string, err error) {
	e := AuditEvent{At: s.Sim.now, Proc: "scheduler", Call: strings.TrimPrefix(target, targetPrefix), Target: sc.Name, Effect: err == nil}
	if err != nil {
		e.Err = err.Error()
	}
	s.audit = append(s.audit, e)
}

// onlyWarehouse looks for another live warehouse of the same pipeline.
func (s *Simulation) onlyWarehouse(id string) {
	n, ours := resources.ParseName(id)
	if !ours {
		return
	}
	for _, x := range s.state.Clusters {
		o, ok := resources.ParseName(x.ID)
		if !ok || x.ID == id || o.Pipeline != n.Pipeline || o.Hash != n.Hash {
			continue
		}
		switch x.Status {
		case deleting, finalSnapshot, pausing, paused:
		default:
			s.violate(RuleTwoWarehouses, "%s is created while %s is %s", id, x.ID, x.Status)
		}
	}
}

// togetherTooLong looks for flows of the same pipeline that lived beside one.
func (s *Simulation) togetherTooLong(f *Flow, others []*Flow) {
	n, ours := resources.ParseName(f.Spec.Name)
	for _, g := range others {
		o, ok := resources.ParseName(g.Spec.Name)
		if g == f || !ours || !ok || o.Pipeline != n.Pipeline || o.Hash != n.Hash {
			continue
		}
		from, to := f.Created, s.Sim.now
		if g.Created.After(from) {
			from = g.Created
		}
		for _, end := range []time.Time{f.Ended, g.Ended} {
			if !end.IsZero() && end.Before(to) {
				to = end
			}
		}
		pair := [2]string{min(f.Spec.ID, g.Spec.ID), max(f.Spec.ID, g.Spec.ID)}
		if d := to.Sub(from); d > 10*time.Minute && !s.together[pair] {
			s.together[pair] = true
			s.violate(RuleTwoFlows, "%s %s and %s %s for %s", pair[0], f.Spec.Name, pair[1], g.Spec.Name, d)
		}
	}
}

// isRecord says that a key is a journal record's: …/runs/…/000012.json.
func isRecord(key string) bool {
	base := strings.TrimSuffix(key[strings.LastIndex(key, "/")+1:], ".json")
	return base != "" && strings.Contains(key, "/runs/") && strings.Trim(base, "0123456789") == ""
}

// stored judges a put that had its effect; was is the object before, or nil.
func (s *Simulation) stored(p *Proc, key string, was *object, body []byte) {
	s.touched(key, was)
	switch {
	case isList(key):
		s.listed(key, body)
	case strings.HasSuffix(key, "/lease.json"):
		if head, _, _ := bytes.Cut(body, []byte(`"pipeline"`)); was != nil && bytes.HasPrefix(was.body, head) {
			return // a renewal: the same owner and epoch
		}
		var lease struct {
			Epoch int    `json:"epoch"`
			Owner string `json:"owner"`
		}
		if json.Unmarshal(body, &lease) == nil && lease.Epoch > 0 {
			p.epoch = max(p.epoch, lease.Epoch)
			s.epoch = max(s.epoch, lease.Epoch)
		}
	case strings.HasSuffix(key, "/promoted.json"):
		var pointer struct {
			Snapshot string `json:"snapshot"`
		}
		if err := json.Unmarshal(body, &pointer); err != nil || pointer.Snapshot == "" {
			s.violate(RulePromotedBad, "%s names no snapshot", key)
			return
		}
		s.promoted[key] = pointer.Snapshot
		if sn := s.snapshot(pointer.Snapshot); sn == nil || sn.Status != available {
			s.violate(RulePromotedBad, "%s names %s", key, pointer.Snapshot)
		}
	case isRecord(key) && was != nil:
		s.violate(RuleRewritten, "%s", key)
	}
}
