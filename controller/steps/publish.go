package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Published is what readers of a dataset follow: one complete output of one
// attempt.
type Published struct {
	Dataset
	Made        journal.AttemptID `json:"made"`
	DataThrough string            `json:"data_through"`
	At          time.Time         `json:"at"`
	Copies      string            `json:"copies,omitempty"` // where they lie, under the prefix of publish
	Files       []string          `json:"files"`            // URIs of all its objects
}

// publish moves the pointer of a dataset, when it is complete and met what is
// expected of it.
type publish struct {
	base
	spec controller.PublishSpec
}

func (u *publish) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	ds, ok := journal.Result[Dataset](p.Facts, u.spec.Step)
	if ok {
		ds, ok = ds.part(u.spec.Dataset)
	}
	if !ok {
		return controller.Skip("no dataset")
	}
	var work struct {
		Expect  map[string]config.Bounds `json:"expect"`
		Publish *Shelf                   `json:"publish"`
	}
	if len(u.spec.Work) > 0 {
		if err := json.Unmarshal(u.spec.Work, &work); err != nil {
			return controller.Next{}, err
		}
	}
	if missed := missed(work.Expect, ds.metrics()); len(missed) > 0 {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
			Msg:  fmt.Sprintf("%s is not published: %s", ds.Name, strings.Join(missed, "; ")),
			Hint: "readers keep the dataset of the last good night; this one lies at " + ds.URI}
	}
	objects, err := u.S3.List(ctx, ds.URI, "")
	if err != nil {
		return controller.Next{}, err
	}
	if len(objects) == 0 && ds.Rows > 0 {
		return controller.Next{}, resources.Faultf(resources.Permanent, "dataset %s: %s is empty", ds.Name, ds.URI)
	}
	next := Published{Dataset: ds, Made: u.id(p.Facts), DataThrough: through(p.Facts, u.spec.CoverSpec), At: p.Facts.Opening.Window.Opens}
	for _, o := range objects {
		next.Files = append(next.Files, o.URI)
	}
	if work.Publish == nil {
		return u.current(ctx, p, next)
	}
	s := shelving{base: u.base, at: work.Publish.of(u.spec.Dataset), ds: ds, files: DataFiles(ds, objects), date: next.DataThrough}
	edition, there, wait, err := s.put(ctx, p)
	if !there || err != nil {
		return wait, err
	}
	next.Copies = edition.Of.Folder
	if wait, err = u.current(ctx, p, next); wait.State != controller.Finished || err != nil {
		return wait, err
	}
	if tidy, wait, err := s.tidy(ctx, p, edition); !tidy || err != nil {
		return wait, err
	}
	return controller.Done(ds)
}

// current moves the pointer in the pipeline's own bucket.
func (u *publish) current(ctx context.Context, p *controller.Pass, to Published) (controller.Next, error) {
	any := func([]byte) error { return nil }
	return u.point(ctx, p, u.Layout.Published(to.Name), to, any, to.Dataset)
}

// metrics are a Spark step's own, or what is known of an unload.
func (ds Dataset) metrics() json.RawMessage {
	if ds.Format == "" {
		return ds.Metrics
	}
	return json.RawMessage(fmt.Sprintf(`{"rows":%d,"bytes":%d,"objects":%d}`, ds.Rows, ds.Bytes, ds.Objects))
}

// missed lists the expectations that metrics do not meet.
func missed(expect map[string]config.Bounds, metrics json.RawMessage) []string {
	var numbers map[string]any
	if len(expect) == 0 {
		return nil
	}
	if err := json.Unmarshal(metrics, &numbers); err != nil {
		return []string{"its metrics cannot be read"}
	}
	var out []string
	for name, b := range expect {
		got, ok := numbers[name].(float64)
		switch {
		case !ok:
			out = append(out, "there is no metric "+name)
		case b.Max != nil && got > *b.Max:
			out = append(out, fmt.Sprintf("%s is %.4g, above %.4g", name, got, *b.Max))
		case b.Min != nil && got < *b.Min:
			out = append(out, fmt.Sprintf("%s is %.4g, below %.4g", name, got, *b.Min))
		}
	}
	sort.Strings(out)
	return out
}
