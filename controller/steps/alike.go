package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Two nights that failed on the same cause, after which nothing was promoted,
// are not followed by a third: it would pay for a restore to learn the same.

// cause is why a night came to nothing: the first step that failed and kept
// its warehouse from being promoted.
type cause struct {
	step, code, why string
}

// causeOf finds it; ok is false when there is none, or one that may pass.
func causeOf(f *journal.Facts) (c cause, ok bool) {
	if f.Has("promote-1", journal.Done) {
		return c, false
	}
	for _, n := range f.Plan {
		s := f.Settled[n.Name]
		switch n.Kind {
		case "load", "sql", "check", controller.KindMigrate:
		default:
			continue
		}
		if s.Verdict == journal.Failed && s.Code != resources.CodeExhausted {
			why, _, _ := strings.Cut(s.Why, "\nhint: ")
			return cause{n.Name, s.Code, why}, true
		}
	}
	return c, false
}

// alike compares causes without what differs from night to night: counts, and
// our own names.
func (c cause) alike(o cause, root string) bool {
	return c.step == o.step && c.code == o.code && c.steady(root) == o.steady(root)
}

var digits = regexp.MustCompile(`[0-9]+`)

func (c cause) steady(root string) string {
	words := strings.Fields(c.why)
	for i, w := range words {
		switch {
		case strings.Contains(w, root):
			words[i] = root
		case !strings.Contains(w, "s3://"):
			words[i] = digits.ReplaceAllString(w, "#")
		}
	}
	return strings.Join(words, " ")
}

// refuseThird refuses a run whose two nights before failed alike, unless
// somebody did something about it since: said --again, changed the pipeline,
// skipped something, or delivered anew what failed.
func (r *planned) refuseThird(ctx context.Context) error {
	if r.Again || r.last == nil || r.ID.Attempt > 1 {
		return nil
	}
	last, ok := causeOf(r.last)
	if !ok {
		return nil
	}
	former, err := r.nightBefore(ctx, r.last)
	if err != nil || former == nil {
		return err
	}
	before, ok := causeOf(former)
	if !ok || !last.alike(before, r.Layout.Root()) {
		return nil
	}
	if mended, err := r.mended(ctx, last); err != nil || mended {
		return err
	}
	return &resources.Fault{Class: resources.Permanent, Code: CodeRefused,
		Msg: fmt.Sprintf("the runs %s and %s failed alike, at %s: %s", former.Opening.Run, r.last.Opening.Run, last.step, last.why),
		Hint: "mend it, then `lamplighter run --again`; or leave a day or an object out: `lamplighter skip " + last.step +
			" … --reason …`. Nothing was created: a third night would pay to fail the same way"}
}

// nightBefore is the last attempt of the run before that of an attempt.
func (r *planned) nightBefore(ctx context.Context, f *journal.Facts) (*journal.Facts, error) {
	for id := f.Opening.Previous; id != nil; {
		records, err := r.Records(ctx, *id)
		if err != nil {
			return nil, err
		}
		facts := journal.Fold(records)
		if facts.Opening == nil {
			return nil, nil
		}
		if id.Run != f.Opening.Run {
			return facts, nil
		}
		id = facts.Opening.Previous
	}
	return nil, nil
}

// objectURI finds objects in an error's words.
var objectURI = regexp.MustCompile(`s3://[^\s"]*[^\s",;:.)]`)

// mended says that something changed since the last night that may be the mend.
func (r *planned) mended(ctx context.Context, c cause) (bool, error) {
	resolved, err := json.Marshal(r.Pipeline)
	if err != nil {
		return false, err
	}
	var then bytes.Buffer
	if json.Compact(&then, r.last.Opening.Config) != nil || !bytes.Equal(resolved, then.Bytes()) {
		return true, nil
	}
	since := r.last.Latest
	for _, s := range r.skips {
		if latest(s.At, s.Undone).After(since) {
			return true, nil
		}
	}
	for _, uri := range objectURI.FindAllString(c.why, 3) {
		info, err := r.S3.Head(ctx, uri)
		switch {
		case resources.ClassOf(err) == resources.Gone, err == nil && info.Modified.After(since):
			return true, nil
		case resources.ClassOf(err) == resources.Retry:
			return false, err
		}
	}
	return false, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
