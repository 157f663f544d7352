package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Version is that of the JSON below. Fields are added without a new one; none
// is renamed, removed or given another meaning within it.
const Version = 1

// Summary is what is left of an attempt: the last event of `run -o json`, and
// what the state line is made of.
type Summary struct {
	V             int                           `json:"v"`
	Event         string                        `json:"event"` // summary
	At            time.Time                     `json:"at"`
	Pipeline      string                        `json:"pipeline"`
	Run           string                        `json:"run"`
	Attempt       int                           `json:"attempt"`
	ExitCode      int                           `json:"exit_code"`
	StateLine     string                        `json:"state_line"`
	NothingToDo   bool                          `json:"nothing_to_do"`
	DataThrough   string                        `json:"data_through,omitempty"` // of the data that the next run starts from
	CaughtUp      string                        `json:"caught_up_to,omitempty"` // where last call cut a load short
	NextFrom      string                        `json:"next_from,omitempty"`    // the snapshot the next run restores
	Steps         []StepSummary                 `json:"steps"`
	RowsLoaded    map[string]int64              `json:"rows_loaded"` // by load step
	ObjectsLoaded int64                         `json:"objects_loaded"`
	Datasets      []Dataset                     `json:"datasets"`
	Metrics       map[string]map[string]float64 `json:"metrics"`   // by Spark step: the top-level numbers of its metrics.json
	Snapshots     []string                      `json:"snapshots"` // taken by this attempt
	Billing       []BillingNow                  `json:"billing"`   // empty: nothing is billing
	CostMicroUSD  int64                         `json:"cost_micro_usd"`
	CostAtLeast   bool                          `json:"cost_at_least"` // some price was unknown
	Costs         []Cost                        `json:"costs"`
	AlwaysOn      int64                         `json:"always_on_micro_usd"` // the same machines left on for a day
	Prices        string                        `json:"prices"`              // date of the price book
	Notes         []string                      `json:"notes,omitempty"`     // why the cost is not to be trusted to the cent
	Warnings      []Warning                     `json:"warnings,omitempty"`  // what did not fail the run, and should be looked at
}

// Warning is a check of severity warn that was not met.
type Warning struct {
	Step     string   `json:"step"`
	Check    string   `json:"check"`
	Rows     int64    `json:"rows"`
	Examples []string `json:"examples,omitempty"`
	Says     string   `json:"says"`
}

// StepSummary is how a step ended.
type StepSummary struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Derived bool    `json:"derived"`
	State   State   `json:"state"`
	Why     string  `json:"why,omitempty"`
	Hint    string  `json:"hint,omitempty"`
	Seconds float64 `json:"seconds"` // from its first act to its end
}

// Dataset is what an unload or a Spark step wrote.
type Dataset struct {
	Name    string `json:"name"`
	Rows    int64  `json:"rows"`
	Objects int64  `json:"objects"`
	URI     string `json:"uri"`
}

// BillingNow is something that bills, or may.
type BillingNow struct {
	Kind            string    `json:"kind"` // cluster, flow, snapshot
	Name            string    `json:"name"`
	Status          string    `json:"status"` // billing, ending, starting, paused, kept: see cost.Status; kept is a snapshot nobody promoted
	What            string    `json:"what"`   // 2 × ra3.large
	Since           time.Time `json:"since,omitzero"`
	MicroUSDPerHour int64     `json:"micro_usd_per_hour"`
	PriceKnown      bool      `json:"price_known"`
}

// Cost is the bill of one cluster.
type Cost struct {
	Kind          string           `json:"kind"`
	Name          string           `json:"name"`
	Step          string           `json:"step"`
	From          time.Time        `json:"from"`
	To            time.Time        `json:"to"`
	UsedSeconds   int64            `json:"used_s"`
	BilledSeconds int64            `json:"billed_s"`
	WastedSeconds map[string]int64 `json:"wasted_s"` // by cause: see the Waste constants of cost, with _ for blanks
	MicroUSD      int64            `json:"micro_usd"`
	PriceKnown    bool             `json:"price_known"`
	Estimated     bool             `json:"estimated"`
}

// Ending is what the records of an attempt do not say.
type Ending struct {
	ExitCode int
	// NextFrom and DataThrough are those of the promoted pointer before this
	// attempt; its own promotion, if it came to one, wins.
	NextFrom    string
	DataThrough string
	Look        Look // its Zone is used
}

// statusKept is a snapshot that was made, not promoted and not dropped.
const statusKept = "kept"

// Summarize makes the summary of an attempt from its records and its bill.
func Summarize(records []journal.Record, bill cost.Statement, e Ending) Summary {
	st, facts := tell(records), journal.Fold(records)
	s := Summary{
		V: Version, Event: "summary", At: bill.At, ExitCode: e.ExitCode, DataThrough: e.DataThrough, NextFrom: e.NextFrom,
		Steps: []StepSummary{}, RowsLoaded: map[string]int64{}, Datasets: []Dataset{}, Metrics: map[string]map[string]float64{},
		Snapshots: []string{}, Billing: owed(facts, bill), Costs: costs(bill),
		CostMicroUSD: int64(bill.Total), CostAtLeast: bill.AtLeast, AlwaysOn: int64(bill.AlwaysOn), Prices: bill.Prices, Notes: bill.Notes,
	}
	if o := st.opening; o != nil {
		s.Pipeline, s.Run, s.Attempt = o.Pipeline, o.Run, o.Attempt
		s.NothingToDo = len(o.Plan) == 0
		if s.NextFrom == "" {
			s.NextFrom = o.Base
		}
		whole := o.Choice.IsZero() && len(o.Left) == 0
		if (whole || s.DataThrough == "") && (s.NothingToDo || !hasKind(o.Plan, controller.KindWarehouse)) {
			s.DataThrough = o.DataThrough
		}
	}
	for _, p := range st.order {
		s.step(*p, bill.At)
	}
	s.StateLine = stateLine(s, e)
	return s
}

func hasKind(plan []journal.Node, kind string) bool {
	return slices.ContainsFunc(plan, func(n journal.Node) bool { return n.Kind == kind })
}

// step adds what a step came to.
func (s *Summary) step(p progress, now time.Time) {
	s.Steps = append(s.Steps, StepSummary{
		Name: p.node.Name, Kind: p.node.Kind, Derived: p.node.Derived, State: p.state, Why: p.why, Hint: p.hint, Seconds: p.took(now).Seconds(),
	})
	if p.state != State(journal.Done) {
		return
	}
	o := p.result
	for _, w := range o.Warnings {
		w.Step = p.node.Name
		s.Warnings = append(s.Warnings, w)
	}
	switch p.node.Kind {
	case "load":
		s.RowsLoaded[p.node.Name] += o.Rows
		s.ObjectsLoaded += o.Objects
		if o.CaughtUp != "" && (s.CaughtUp == "" || o.CaughtUp < s.CaughtUp) {
			s.CaughtUp = o.CaughtUp
		}
	case controller.KindSnapshot:
		s.Snapshots = append(s.Snapshots, o.Snapshot)
	case controller.KindPromote:
		s.NextFrom = o.Snapshot
		if o.DataThrough != "" {
			s.DataThrough = o.DataThrough
		}
	case "unload", "spark":
		s.Datasets = append(s.Datasets, Dataset{Name: p.node.Name, Rows: o.Rows, Objects: o.Objects, URI: o.URI})
		if len(o.Metrics) > 0 {
			s.Metrics[p.node.Name] = maps.Clone(o.Metrics)
		}
	}
}

// owed is what may bill. The journal's debts decide whether; the bill says
// what and since when. It also knows clusters that an earlier attempt made.
func owed(facts *journal.Facts, bill cost.Statement) []BillingNow {
	now := map[resources.Ref]cost.Now{}
	for _, n := range bill.Now {
		now[n.Ref] = n
	}
	all := []BillingNow{}
	for _, o := range controller.Billing(facts) {
		n, known := now[o.Ref]
		delete(now, o.Ref)
		switch {
		case known:
			all = append(all, billing(n))
		case o.Ref.Kind == resources.KindSnapshot:
			all = append(all, BillingNow{Kind: o.Ref.Kind, Name: o.Ref.Name, Status: statusKept, What: "snapshot", Since: o.Created})
		default:
			all = append(all, billing(cost.Now{Ref: o.Ref, Status: cost.Ending, Shapes: []resources.Shape{o.Asked}, Since: o.Created}))
		}
	}
	for _, n := range bill.Now {
		if _, left := now[n.Ref]; left && n.Status == cost.Billing {
			all = append(all, billing(n))
		}
	}
	return all
}

func billing(n cost.Now) BillingNow {
	return BillingNow{
		Kind: n.Ref.Kind, Name: n.Ref.Name, Status: string(n.Status), What: shapes(n.Shapes), Since: n.Since,
		MicroUSDPerHour: int64(n.PerHour), PriceKnown: n.Known,
	}
}

func costs(bill cost.Statement) []Cost {
	all := []Cost{}
	for _, r := range bill.Resources {
		c := Cost{
			Kind: r.Ref.Kind, Name: r.Ref.Name, Step: r.Step, From: r.From, To: r.To, Estimated: r.Estimated, PriceKnown: true,
			UsedSeconds: seconds(r.Used), BilledSeconds: seconds(r.Billed), WastedSeconds: map[string]int64{}, MicroUSD: int64(r.Cost),
		}
		for _, w := range r.Waste {
			c.WastedSeconds[strings.ReplaceAll(w.Name, " ", "_")] = seconds(w.For)
		}
		for _, l := range r.Lines {
			c.PriceKnown = c.PriceKnown && l.Known
		}
		all = append(all, c)
	}
	return all
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
