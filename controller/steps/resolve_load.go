package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources/warehouse"
)

func (r *planned) loadFrom(ctx context.Context, name string, l *config.Load) (controller.Work, error) {
	table, err := warehouse.TableKey(l.Into)
	if err != nil {
		return controller.Work{}, err
	}
	ledger := r.ledger.Tables[table]
	found, err := r.list(ctx, name, l, ledger)
	if err != nil {
		return controller.Work{}, err
	}
	if err := vanished(l, found, ledger); err != nil {
		return controller.Work{}, err
	}
	for _, note := range found.notes {
		r.notes = append(r.notes, name+": "+note)
	}
	print := fingerprint("load", l.Into, l.Columns, l.Format, hashObjects(found.held))
	r.state = fingerprint(r.state, print)
	w := controller.Work{Fingerprint: print}
	if len(found.fresh) == 0 {
		w.Done = &journal.Carried{Fingerprint: print, Made: r.ID}
		if len(ledger) == 0 && len(found.objects) == 0 {
			r.notes = append(r.notes, fmt.Sprintf("%s: no object matches %s", name, l.From))
		} else {
			r.notes = append(r.notes, fmt.Sprintf("%s: nothing new", name))
		}
		return w, nil
	}
	spec := r.loadSpec(l)
	was, old := usually(ledger), knownPartitions(l, ledger)
	if err := r.jsonPaths(ctx, l); err != nil {
		return w, err
	}
	cut := batches(l, found.fresh, old, r.batchLimit())
	if err := loadable(l, cut); err != nil {
		return w, err
	}
	for i, objects := range cut {
		ref := BatchRef{Objects: len(objects), From: objects[0].Partition, To: objects[len(objects)-1].Partition}
		if !r.DryRun {
			if ref, err = seal(ctx, r.S3, fmt.Sprintf("%s%s-%04d", r.Layout.Batches(r.ID), name, i+1), compression(l, objects[0].URI), objects); err != nil {
				return w, err
			}
		}
		if !old[ref.From] {
			ref.Partitions = partitions(objects)
			ref.Rows = rowsBounds(l.Checks, ref.Partitions, was)
		}
		if spec.OnFail != "" && l.PartitionColumn == "" && l.OnChange != "replace" {
			ref.Late = late(objects, ledger)
		}
		spec.Batches = append(spec.Batches, ref)
	}
	w.Spec, w.Why = spec, describe(l.Mode, found.fresh)
	return w, nil
}

// late are the partitions of a batch that have rows already.
func late(objects []warehouse.Object, ledger []warehouse.Entry) (out []string) {
	known := map[string]bool{}
	for _, e := range ledger {
		known[e.Object.Partition] = true
	}
	for i, o := range objects {
		if (i == 0 || o.Partition != objects[i-1].Partition) && known[o.Partition] && o.Partition != "" {
			out = append(out, o.Partition)
		}
	}
	return out
}

// knownPartitions are those that have rows already, where the number of a
// partition's rows is checked: what comes late for them is loaded apart, and
// not counted. Of what is replaced all rows come again.
func knownPartitions(l *config.Load, ledger []warehouse.Entry) map[string]bool {
	known := map[string]bool{}
	if l.Mode != warehouse.Replace && slices.ContainsFunc(l.Checks, func(c config.LoadCheck) bool { return c.Rows != nil }) {
		for _, e := range ledger {
			known[e.Object.Partition] = e.Object.Partition != ""
		}
	}
	return known
}

// jsonPaths looks at the jsonpaths file of a load, if it has one.
func (r *planned) jsonPaths(ctx context.Context, l *config.Load) error {
	if l.Format.JSON == nil || !strings.HasPrefix(l.Format.JSON.Paths, "s3://") {
		return nil
	}
	body, _, err := r.S3.Get(ctx, l.Format.JSON.Paths)
	if err != nil {
		return fmt.Errorf("format.json.paths: %w", err)
	}
	return checkPaths(l.Format.JSON.Paths, body, l.Columns)
}

func describe(mode string, objects []warehouse.Object) string {
	days, bytes := map[string]bool{}, int64(0)
	for _, o := range objects {
		days[o.Partition] = true
		bytes += o.Size
	}
	what := fmt.Sprintf("%s, %s", count(len(objects), "object"), size(bytes))
	if objects[0].Partition != "" {
		what = count(len(days), "partition") + ", " + what
	} else if mode == "replace" {
		what = "changed, " + what
	}
	return what
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	case bytes < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}

func (r *planned) loadSpec(l *config.Load) LoadSpec {
	s := LoadSpec{Table: l.Into, Mode: l.Mode, Columns: l.Columns, Timeout: l.Timeout.D(), Checks: loadChecks(l.Into, l.Checks), Format: copyFormat(l.Format),
		Key: l.Key, PartitionColumn: l.PartitionColumn, Anew: l.OnChange == "replace" || l.PartitionColumn != "", MaxErrors: l.MaxErrors}
	if l.OnFail == "warn" || l.OnFail == "quarantine" {
		s.OnFail = l.OnFail
	}
	return s
}

func (r *planned) loadDataset(name string, l *config.Load) (controller.Work, error) {
	step, folder, _ := strings.Cut(l.Reads, "/")
	if folder != "" {
		folder += "/"
	}
	spec := r.loadSpec(l)
	spec.Reads, spec.Folder = step, folder
	spec.Rows = rowsBounds(l.Checks, 1, usual{})
	print := fingerprint("load", l.Into, l.Columns, l.Mode, folder, r.prints[step])
	r.state = fingerprint(r.state, print)
	return controller.Work{Reads: []string{step}, Spec: spec, Fingerprint: print, Done: r.written(name, print), Why: "from " + l.Reads}, nil
}
