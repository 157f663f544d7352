package controller

import (
	"encoding/json"
	"slices"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Exit codes of a run.
const (
	ExitOK          = 0   // every work step done, or nothing to do
	ExitFailed      = 1   // failed or cut short, nothing billing
	ExitUsage       = 2   // flags or files
	ExitData        = 3   // a data check, expectation or freshness was not met, nothing billing
	ExitBilling     = 4   // something may still be billing; beats all others
	ExitRefused     = 5   // nothing was started
	ExitInterrupted = 130 // interrupted, nothing billing
)

// Billing are the debts that may bill: clusters, flows and snapshots.
func Billing(f *journal.Facts) []*journal.Obligation {
	var bills []*journal.Obligation
	for _, o := range f.Debts() {
		switch o.Ref.Kind {
		case resources.KindCluster, resources.KindFlow, resources.KindSnapshot:
			bills = append(bills, o)
		}
	}
	return bills
}

// ExitCode is what a run ends with, by its facts alone.
func ExitCode(f *journal.Facts) int {
	if len(Billing(f)) > 0 {
		return ExitBilling
	}
	code := ExitOK
	for _, n := range f.Plan {
		s, settled := f.Settled[n.Name]
		switch {
		case n.Kind == KindUpkeep || n.Kind == KindPrune || n.Kind == KindWarehouse && s.Verdict != journal.Failed:
		case !settled && code == ExitOK:
			code = ExitFailed
		case s.Verdict == journal.Skipped && s.Why == WhyInterrupted:
			return ExitInterrupted
		case s.Code == resources.CodeCheck || asideForData(s):
			code = ExitData
		case !fine(f, n, s) && code == ExitOK:
			code = ExitFailed
		}
	}
	return code
}

// fine says that a settled step leaves nothing to be wished for: it is done,
// and in full; or there was no data for it; or what it would have saved or
// promoted was nothing.
func fine(f *journal.Facts, n journal.Node, s journal.Record) bool {
	switch s.Verdict {
	case journal.Done:
		var cut struct {
			CaughtUp string    `json:"caught_up_to"`
			Waiting  int       `json:"waiting"`
			LeftOut  []leftOut `json:"left_out"`
		}
		return json.Unmarshal(s.Result, &cut) != nil || cut.CaughtUp == "" && cut.Waiting == 0 && !slices.ContainsFunc(cut.LeftOut, leftOut.aside)
	case journal.Skipped:
		if s.Why == WhyEmpty || n.Kind == KindSnapshot && !f.Any(journal.Failed) {
			return true
		}
		return skippedWith(f, n)
	}
	return false
}

// leftOut is what a load left out of its table.
type leftOut struct {
	Code     string `json:"code"`
	SetAside bool   `json:"set_aside"` // for later nights too
}

func (l leftOut) aside() bool { return l.SetAside }

// asideForData says that a load set aside what a check found.
func asideForData(s journal.Record) bool {
	var r struct {
		LeftOut []leftOut `json:"left_out"`
	}
	return s.Verdict == journal.Done && json.Unmarshal(s.Result, &r) == nil &&
		slices.ContainsFunc(r.LeftOut, func(l leftOut) bool { return l.SetAside && l.Code == resources.CodeCheck })
}

// skippedWith says that a step was skipped only because steps that are fine
// without a result were.
func skippedWith(f *journal.Facts, n journal.Node) bool {
	found := false
	for _, need := range n.Needs {
		s := f.Settled[need]
		if s.Verdict != journal.Skipped {
			continue
		}
		of, _ := f.Node(need)
		if !fine(f, of, s) {
			return false
		}
		found = true
	}
	return found
}
