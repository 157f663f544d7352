package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// Skip is a partition or an object that a load leaves out: because a person
// said so, or because it failed and its load says on_fail: quarantine.
type Skip struct {
	Load      string             `json:"load"`                // the step
	Partition string             `json:"partition,omitempty"` // 2026-11-21 or 2026-11-21T13; or
	Object    string             `json:"object,omitempty"`    // a URI
	Content   string             `json:"content,omitempty"`   // what failed: other content is loaded again. "": whatever it holds
	Reason    string             `json:"reason"`
	By        string             `json:"by,omitempty"`   // a person
	Made      *journal.AttemptID `json:"made,omitempty"` // or an attempt
	At        time.Time          `json:"at"`
	Undone    time.Time          `json:"undone,omitzero"` // it is to be loaded again, however far back
}

// What is what is skipped.
func (s Skip) What() string { return s.Partition + s.Object }

// Who is who skipped it, and when.
func (s Skip) Who() string {
	who := s.By
	if s.Made != nil {
		who = "run " + s.Made.Run
	}
	return strings.TrimSpace(who + " " + s.At.UTC().Format(time.DateOnly))
}

func (s Skip) same(o Skip) bool { return s.Load == o.Load && s.What() == o.What() }

// skipFile is PIPELINE/skips.json. It outlives attempts, and is changed by
// compare-and-set: a person may skip while a run goes on.
type skipFile struct {
	Version int    `json:"v"`
	Skips   []Skip `json:"skips"`
}

// Skips reads what loads leave out, undone ones included.
func Skips(ctx context.Context, d Deps) ([]Skip, error) {
	skips, _, err := readSkips(ctx, d)
	return skips, err
}

func readSkips(ctx context.Context, d Deps) (skips []Skip, etag string, err error) {
	body, etag, err := d.S3.Get(ctx, d.Layout.Skips())
	if resources.ClassOf(err) == resources.Gone {
		return nil, "*", nil
	}
	if err != nil {
		return nil, "", err
	}
	var f skipFile
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, "", resources.Faultf(resources.Permanent, "%s is not a list of skips: %v", d.Layout.Skips(), err)
	}
	if f.Version != 1 {
		return nil, "", resources.Faultf(resources.Permanent, "%s is of version %d: a newer lamplighter wrote it", d.Layout.Skips(), f.Version)
	}
	return f.Skips, etag, nil
}

func writeSkips(ctx context.Context, d Deps, skips []Skip, etag string) error {
	body, err := json.MarshalIndent(skipFile{Version: 1, Skips: skips}, "", "  ")
	if err != nil {
		return err
	}
	_, err = d.S3.Put(ctx, d.Layout.Skips(), body, etag)
	return err
}

// ChangeSkips changes the list, whoever else does at the same time.
func ChangeSkips(ctx context.Context, d Deps, change func([]Skip) ([]Skip, error)) error {
	for try := 1; ; try++ {
		skips, etag, err := readSkips(ctx, d)
		if err != nil {
			return err
		}
		changed, err := change(slices.Clone(skips))
		if err != nil {
			return err
		}
		err = writeSkips(ctx, d, changed, etag)
		again := resources.CodeOf(err) == s3.PreconditionFailed || resources.ClassOf(err) == resources.Busy || resources.ClassOf(err) == resources.Unknown
		if !again || try == maxTries {
			return err
		}
	}
}

// AddSkip puts a skip into the list, in the place of an earlier one of the same.
func AddSkip(skips []Skip, s Skip) []Skip {
	return append(slices.DeleteFunc(skips, s.same), s)
}

// keepUndone is how long the list remembers what was skipped once: so long a
// look_back is stretched to find it.
const keepUndone = 90 * 24 * time.Hour

// UndoSkip lifts a skip; ok is false when there is none.
func UndoSkip(skips []Skip, s Skip) (list []Skip, ok bool) {
	for i, o := range skips {
		if o.same(s) && o.Undone.IsZero() {
			skips[i].Undone, ok = s.At, true
		}
	}
	return slices.DeleteFunc(skips, func(o Skip) bool { return !o.Undone.IsZero() && s.At.Sub(o.Undone) > keepUndone }), ok
}

// skipping are the skips of one load.
type skipping []Skip

// of picks those of one load that stand.
func of(all []Skip, load string) (s skipping) {
	for _, o := range all {
		if o.Load == load && o.Undone.IsZero() {
			s = append(s, o)
		}
	}
	return s
}

// whatever says that an object is left out whatever it holds.
func (s skipping) whatever(uri, partition string) bool {
	return slices.ContainsFunc(s, func(o Skip) bool {
		return o.Content == "" && (o.Object == uri || o.Partition != "" && o.Partition == partition)
	})
}

// leaveOut takes out of what is to be loaded what was set aside and is as it
// was then, and says so.
func (s skipping) leaveOut(fresh []warehouse.Object) (rest []warehouse.Object, notes []string) {
	byPartition := map[string][]warehouse.Object{}
	for _, o := range fresh {
		byPartition[o.Partition] = append(byPartition[o.Partition], o)
	}
	out := map[string]bool{}
	for _, skip := range s {
		n := 0
		for _, o := range byPartition[skip.Partition] {
			if skip.Partition != "" && skip.Content == hashObjects(byPartition[skip.Partition]) {
				out[o.URI] = true
				n++
			}
		}
		for _, o := range fresh {
			if skip.Object == o.URI && skip.Content == o.ETag {
				out[o.URI] = true
				n++
			}
		}
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%s is left out (%s): %s", plain(skip.What()), skip.Who(), skip.Reason))
		}
	}
	return slices.DeleteFunc(slices.Clone(fresh), func(o warehouse.Object) bool { return out[o.URI] }), notes
}

// reopened is the first day of what was skipped once and is to be loaded
// again; "" when there is none.
func reopened(all []Skip, load string, p *config.Pattern, ledger []warehouse.Entry) (first string) {
	loaded := map[string]bool{}
	for _, e := range ledger {
		loaded[e.Object.Partition], loaded[e.Object.URI] = true, true
	}
	for _, s := range all {
		if s.Load != load || s.Undone.IsZero() || loaded[s.What()] {
			continue
		}
		partition := s.Partition
		if partition == "" {
			partition, _ = p.Match(strings.TrimPrefix(s.Object, "s3://"+p.Bucket+"/"))
		}
		if partition != "" && (first == "" || partition < first) {
			first = partition
		}
	}
	return first
}
