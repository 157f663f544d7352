package night

import (
	"context"
	"encoding/json"
	"time"

	"lamplighter/config"
	"lamplighter/controller/journal"
	"lamplighter/controller/steps"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Dataset is one that the pipeline's steps write: the newest that a step made,
// and the one that readers follow. Either may be nil.
type Dataset struct {
	Name      string
	Newest    *Made
	Published *steps.Published
	Pointer   string // the URI of what names Published
	Prefix    string // where copies are published, by the pipeline file; "": nowhere
}

// Made is a step's dataset and the attempt that made it.
type Made struct {
	steps.Dataset
	ID      journal.AttemptID
	At      time.Time // zero: the attempt's records are not there any more
	Through string    // the last day that it covers
}

// longAgo is how many attempts are gone through for a step's newest dataset.
const longAgo = 30

// Datasets are those of the pipeline file's steps, in its order. It needs no
// lease.
func Datasets(ctx context.Context, w World, p *config.Pipeline, e *config.Environment) ([]Dataset, error) {
	all := declared(p)
	n, missing := 0, len(all)
	err := History(ctx, w, p, e, func(at Attempt) bool {
		for i := range all {
			if all[i].Newest == nil {
				if all[i].Newest = madeIn(at.Facts, all[i].Name); all[i].Newest != nil {
					missing--
				}
			}
		}
		n++
		return missing > 0 && n < longAgo
	})
	if err != nil {
		return nil, err
	}
	d := w.deps(p, e, w.Clock.Now())
	for i := range all {
		all[i].Pointer = d.Layout.Published(all[i].Name)
		if all[i].Published, err = readPublished(ctx, d.S3, all[i].Pointer); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// declared are the datasets that the pipeline file names.
func declared(p *config.Pipeline) (all []Dataset) {
	for _, s := range p.Steps {
		switch {
		case s.Unload != nil:
			all = append(all, Dataset{Name: s.Name, Prefix: s.Unload.Publish.Prefix})
		case s.Spark != nil && len(s.Spark.Writes) == 0:
			all = append(all, Dataset{Name: s.Name, Prefix: s.Spark.Publish.Prefix})
		case s.Spark != nil:
			for _, name := range s.Spark.Writes {
				ds := Dataset{Name: s.Name + "/" + name}
				if s.Spark.Publish.Prefix != "" {
					ds.Prefix = s.Spark.Publish.Prefix + name + "/"
				}
				all = append(all, ds)
			}
		}
	}
	return all
}

// madeIn finds a dataset among an attempt's results, and those of former ones
// that still held in it.
func madeIn(f *journal.Facts, name string) *Made {
	results := map[string]Made{}
	for step, c := range f.Opening.Carried {
		found(results, c.Result, Made{ID: c.Made, Through: f.Opening.DataThrough}, step)
	}
	for step, r := range f.Settled {
		if r.Verdict == journal.Done {
			found(results, r.Result, Made{ID: journal.AttemptID{Run: f.Opening.Run, Attempt: f.Opening.Attempt}, At: r.At, Through: f.Opening.DataThrough}, step)
		}
	}
	if m, ok := results[name]; ok {
		return &m
	}
	return nil
}

// found adds the datasets of a step's result, if it has any.
func found(results map[string]Made, result json.RawMessage, m Made, step string) {
	if json.Unmarshal(result, &m.Dataset) != nil || m.Name != step || m.URI == "" {
		return
	}
	results[m.Name] = m
	for _, part := range m.Parts {
		m.Dataset = part
		results[part.Name] = m
	}
}

// readPublished reads a dataset's pointer; nil when nothing was published yet.
func readPublished(ctx context.Context, c *s3.Client, uri string) (*steps.Published, error) {
	body, _, err := c.Get(ctx, uri)
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p steps.Published
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, resources.Faultf(resources.Permanent, "%s is not a pointer: %v", uri, err)
	}
	return &p, nil
}

// Files are the URIs of a dataset's objects: those that were published, else
// those of the newest.
func (d Dataset) Files(ctx context.Context, w World, p *config.Pipeline, e *config.Environment) ([]string, error) {
	c := w.deps(p, e, w.Clock.Now()).S3
	at, ds := "", steps.Dataset{}
	switch {
	case d.Published != nil && d.Published.Copies != "":
		at = d.Published.Copies
	case d.Published != nil:
		at, ds = d.Published.URI, d.Published.Dataset
	case d.Newest != nil:
		at, ds = d.Newest.URI, d.Newest.Dataset
	default:
		return nil, nil
	}
	objects, err := c.List(ctx, at, "")
	if ds.URI != "" {
		objects = steps.DataFiles(ds, objects)
	}
	uris := make([]string, len(objects))
	for i, o := range objects {
		uris[i] = o.URI
	}
	return uris, err
}
