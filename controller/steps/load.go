package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// LoadSpec is a load step, resolved: its sealed batches, or the dataset it
// reads.
type LoadSpec struct {
	Table string   `json:"table"`
	Mode  string   `json:"mode"`
	Key   []string `json:"key,omitempty"` // of an upsert
	// PartitionColumn, Anew and MaxErrors are those of warehouse.Batch.
	PartitionColumn string            `json:"partition_column,omitempty"`
	Anew            bool              `json:"anew,omitempty"`
	MaxErrors       int               `json:"max_errors,omitempty"`
	Columns         []string          `json:"columns,omitempty"`
	Format          warehouse.Format  `json:"format"`
	Checks          []warehouse.Check `json:"checks,omitempty"`
	// Rows bounds what a load of a dataset brings; batches have their own.
	Rows    []warehouse.RowsBound `json:"rows,omitempty"`
	Timeout time.Duration         `json:"timeout,omitempty"`
	Batches []BatchRef            `json:"batches,omitempty"`
	OnFail  string                `json:"on_fail,omitempty"` // warn or quarantine: what fails because of its data is left out
	Reads   string                `json:"reads,omitempty"`   // a dataset of this run
	Folder  string                `json:"folder,omitempty"`  // within it
}

// BatchRef is a sealed batch: consecutive partitions, one transaction.
type BatchRef struct {
	List        string                `json:"list"` // URI of the JSON list of objects
	SHA256      string                `json:"sha256"`
	Manifest    string                `json:"manifest"` // URI of the COPY manifest
	Compression string                `json:"compression,omitempty"`
	Objects     int                   `json:"objects"`
	Bytes       int64                 `json:"bytes"`
	From        string                `json:"from,omitempty"` // first partition
	To          string                `json:"to,omitempty"`   // last partition
	Rows        []warehouse.RowsBound `json:"rows,omitempty"`
	// Partitions that Rows is for, and, where something may be left out, those
	// which have rows already.
	Partitions int      `json:"partitions,omitempty"`
	Late       []string `json:"late,omitempty"`
}

// LoadResult is what a load settled with.
type LoadResult struct {
	Rows     int64  `json:"rows"`
	Objects  int    `json:"objects"`
	Batches  int    `json:"batches"`
	Through  string `json:"through,omitempty"`      // last partition loaded
	CaughtUp string `json:"caught_up_to,omitempty"` // the last partition loaded, when last call left batches for another night
	Waiting  int    `json:"waiting,omitempty"`      // such batches
	// Warnings are the checks of severity warn that were not met.
	Warnings []warehouse.Unmet `json:"warnings,omitempty"`
	LeftOut  []LeftOut         `json:"left_out,omitempty"` // what failed, where on_fail allows that

	// Rejected is how many rows were refused and left out, as max_errors allows:
	// they never come, for their objects are loaded. Rejects are the first of
	// them, RejectFiles CSVs with all of a batch's where it had more.
	Rejected    int64              `json:"rejected,omitempty"`
	Rejects     []warehouse.Reject `json:"rejects,omitempty"`
	RejectFiles []string           `json:"reject_files,omitempty"`
}

// maxShown is how many refused rows a result holds.
const maxShown = 100

// add counts what a batch loaded.
func (r *LoadResult) add(l warehouse.Loaded, through string) {
	r.Rows += l.Rows
	r.Objects += l.Objects
	r.Batches++
	r.Through = through
	r.Warnings = append(r.Warnings, l.Warnings...)
	if l.Rejected == nil {
		return
	}
	first := l.Rejected.Shown[0].String()
	says := fmt.Sprintf("%d rows were refused and left out; they never come, for their objects are loaded. The first: %s", l.Rejected.Rows, first)
	if l.Rejected.All != "" {
		says += "; all of them: " + l.Rejected.All
	}
	r.Warnings = append(r.Warnings, warehouse.Unmet{Check: "max_errors", Rows: l.Rejected.Rows, Says: says})
	r.Rejected += l.Rejected.Rows
	r.Rejects = append(r.Rejects, l.Rejected.Shown[:min(len(l.Rejected.Shown), maxShown-len(r.Rejects))]...)
	if l.Rejected.All != "" {
		r.RejectFiles = append(r.RejectFiles, l.Rejected.All)
	}
}

// load copies batches into a table, each one transaction and one intent,
// oldest first.
type load struct {
	base
	spec LoadSpec
}

func (l *load) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	batches := l.spec.Batches
	if l.spec.Reads != "" {
		batches = []BatchRef{{}}
	}
	var total LoadResult
	for i, ref := range batches {
		if done, next, err := l.batch(ctx, p, i, ref, &total); !done || err != nil {
			return next, err
		}
		if total.Waiting > 0 {
			break
		}
	}
	return l.finish(ctx, p, total)
}

// batch loads one batch, in pieces if need be, and adds what came of it.
func (l *load) batch(ctx context.Context, p *controller.Pass, i int, ref BatchRef, total *LoadResult) (done bool, next controller.Next, err error) {
	at := l.place(p)
	from, _ := journal.Result[Dataset](p.Facts, l.spec.Reads)
	why := fmt.Sprintf("COPY, batch %d of %d", i+1, max(1, len(l.spec.Batches)))
	parts := []piece{{verb: fmt.Sprintf("copy-%d", i+1), from: ref.From, to: ref.To}}
	for len(parts) > 0 {
		it := parts[0]
		parts = parts[1:]
		if intent, _ := p.Facts.Attempted(l.n.Name, it.verb); intent == nil && it.verb != "copy-1" && !p.Now.Before(p.Window().LastCall) {
			total.CaughtUp, total.Waiting = max(total.Through, former(it.from)), len(l.spec.Batches)-i
			return true, next, nil
		}
		loaded, done, next, err := untilDone(ctx, p, it.verb, why, resources.Ref{Kind: resources.KindTable, Name: l.spec.Table},
			func(ctx context.Context) (warehouse.Loaded, error) { return l.copy(ctx, at, from, i, ref, it) })
		switch {
		case err != nil && l.spares(err):
			pieces, objects, unread := l.halves(ctx, ref, it)
			if unread != nil {
				return false, controller.Next{}, unread
			}
			if parts = append(pieces, parts...); len(pieces) == 0 {
				total.LeftOut = append(total.LeftOut, l.leave(p, ref, objects, err))
			}
		case !done || err != nil:
			return false, next, err
		default:
			total.add(loaded, it.to)
		}
	}
	return true, next, nil
}

// copy runs in the background.
func (l *load) copy(ctx context.Context, at place, from Dataset, i int, ref BatchRef, it piece) (warehouse.Loaded, error) {
	var objects []warehouse.Object
	var err error
	switch {
	case l.spec.Reads != "":
		ref, objects, err = l.dataset(ctx, at, from)
	case it.objects != nil:
		objects = it.objects
		uri := fmt.Sprintf("%s%s-%04d-part-%s.manifest", l.Layout.Batches(at.id), l.n.Name, i+1, hashObjects(objects)[:12])
		ref.Manifest, err = putManifest(ctx, l.S3, uri, objects)
	default:
		objects, err = readList(ctx, l.S3, ref)
	}
	if err != nil {
		return warehouse.Loaded{}, err
	}
	batch := warehouse.Batch{
		Table: l.spec.Table, Mode: l.spec.Mode, Key: l.spec.Key, PartitionColumn: l.spec.PartitionColumn, Anew: l.spec.Anew, MaxErrors: l.spec.MaxErrors,
		Columns: l.spec.Columns, Format: l.spec.Format, Manifest: ref.Manifest, Objects: objects,
		Checks: l.spec.Checks, Rows: append(slices.Clone(l.spec.Rows), ref.bounds(objects)...), Role: l.Role, Region: l.Region,
		Run: at.id.Run, Attempt: at.id.Attempt, Step: l.n.Name, Timeout: at.limit,
		Unchanged: func(ctx context.Context) error { return unchanged(ctx, l.S3, objects) },
		Rest: func(ctx context.Context, rest []warehouse.Object) (string, error) {
			return putManifest(ctx, l.S3, fmt.Sprintf("%s%s-%04d-rest-%s.manifest", l.Layout.Batches(at.id), l.n.Name, i+1, hashObjects(rest)[:12]), rest)
		},
	}
	batch.Format.Compression = ref.Compression
	var loaded warehouse.Loaded
	err = l.session(ctx, at.cluster, func(s warehouse.Session) (err error) {
		loaded, err = s.Load(ctx, batch)
		return err
	})
	return loaded, err
}

// dataset makes a batch of what a step of this run wrote.
func (l *load) dataset(ctx context.Context, at place, ds Dataset) (BatchRef, []warehouse.Object, error) {
	if ds.URI == "" {
		return BatchRef{}, nil, resources.Faultf(resources.Permanent, "dataset %s: no complete one is known", l.spec.Reads)
	}
	infos, err := l.S3.List(ctx, ds.URI+l.spec.Folder, "")
	if err != nil {
		return BatchRef{}, nil, err
	}
	var objects []warehouse.Object
	for _, o := range infos {
		if strings.HasSuffix(o.URI, ".parquet") {
			objects = append(objects, warehouse.Object{URI: o.URI, ETag: o.ETag, Size: o.Size})
		}
	}
	if len(objects) == 0 {
		return BatchRef{}, nil, &resources.Fault{Class: resources.Permanent, Code: "NoObjects",
			Msg: fmt.Sprintf("dataset %s: no Parquet files below %s", l.spec.Reads, ds.URI+l.spec.Folder), Hint: "name its folder: reads: " + l.spec.Reads + "/FOLDER"}
	}
	uri := fmt.Sprintf("%s%s-%s.manifest", l.Layout.Batches(at.id), l.n.Name, hashObjects(objects)[:12])
	manifest, err := putManifest(ctx, l.S3, uri, objects)
	return BatchRef{Manifest: manifest, Objects: len(objects)}, objects, err
}

// unchanged heads every object again: COPY reads what is there, not what was
// listed (aws-rules 10).
func unchanged(ctx context.Context, client *s3.Client, objects []warehouse.Object) error {
	uris := make([]string, len(objects))
	for i, o := range objects {
		uris[i] = o.URI
	}
	infos, err := client.HeadAll(ctx, uris)
	if err != nil {
		return fmt.Errorf("looking at the loaded objects again: %w", err)
	}
	for i, o := range objects {
		if infos[i].ETag != o.ETag {
			return &resources.Fault{Class: resources.Permanent, Code: "ObjectChanged",
				Msg:  fmt.Sprintf("%s changed while it was loaded: its ETag was %s when listed and is %s now", o.URI, o.ETag, infos[i].ETag),
				Hint: "nothing of this batch was committed; `lamplighter run --again` lists anew"}
		}
	}
	return nil
}

func readList(ctx context.Context, client *s3.Client, ref BatchRef) ([]warehouse.Object, error) {
	body, _, err := client.Get(ctx, ref.List)
	if err != nil {
		return nil, fmt.Errorf("sealed batch: %w", err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != ref.SHA256 {
		return nil, resources.Faultf(resources.Permanent, "sealed batch %s is not what was sealed: its sha256 differs from the plan's", ref.List)
	}
	var objects []warehouse.Object
	if err := json.Unmarshal(body, &objects); err != nil {
		return nil, resources.Faultf(resources.Permanent, "sealed batch %s: %v", ref.List, err)
	}
	return objects, nil
}

// putManifest writes a COPY manifest (aws-facts C1). Every object must exist.
func putManifest(ctx context.Context, client *s3.Client, uri string, objects []warehouse.Object) (string, error) {
	type meta struct {
		Length int64 `json:"content_length"`
	}
	type entry struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"`
		Meta      meta   `json:"meta"`
	}
	entries := make([]entry, len(objects))
	for i, o := range objects {
		entries[i] = entry{o.URI, true, meta{o.Size}}
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	if err != nil {
		return "", err
	}
	_, err = client.Put(ctx, uri, body, "")
	return uri, err
}
