package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// SparkSpec is a spark step, resolved.
type SparkSpec struct {
	Script   string                   `json:"script"`          // s3:// URI of the program
	Class    string                   `json:"class,omitempty"` // of a jar
	PyFiles  []string                 `json:"py_files,omitempty"`
	Archives []string                 `json:"archives,omitempty"` // URI#folder
	Packages []string                 `json:"packages,omitempty"`
	Conf     []string                 `json:"conf,omitempty"`   // name=value
	Reads    []string                 `json:"reads,omitempty"`  // datasets: step, or step/folder
	Writes   []string                 `json:"writes,omitempty"` // datasets: folders below the step's own
	Args     []string                 `json:"args,omitempty"`
	Expect   map[string]config.Bounds `json:"expect,omitempty"`  // on its metrics
	Retries  int                      `json:"retries,omitempty"` // on other clusters, when capacity was lost
	Publish  *Shelf                   `json:"publish,omitempty"`
	Timeout  time.Duration            `json:"timeout"`
}

// Dataset is a complete set of S3 objects that a step wrote.
type Dataset struct {
	Name     string          `json:"name"`
	URI      string          `json:"uri"`              // prefix, ends in /
	Format   string          `json:"format,omitempty"` // of an unload: parquet, csv, json
	Rows     int64           `json:"rows"`
	Objects  int             `json:"objects"`
	Bytes    int64           `json:"bytes,omitempty"`
	Manifest string          `json:"manifest,omitempty"` // UNLOAD's own
	Metrics  json.RawMessage `json:"metrics,omitempty"`  // Spark: its metrics.json
	Parts    []Dataset       `json:"parts,omitempty"`    // Spark: the datasets that it is made of
}

// part is the dataset of this name within ds, which is "" for ds itself.
func (ds Dataset) part(name string) (Dataset, bool) {
	if name == "" {
		return ds, true
	}
	i := slices.IndexFunc(ds.Parts, func(p Dataset) bool { return p.Name == ds.Name+"/"+name })
	if i < 0 {
		return Dataset{}, false
	}
	return ds.Parts[i], true
}

// spark judges one step of an EMR cluster by what its lifetime saw of it.
type spark struct {
	base
	spec SparkSpec
}

// Begun: the launch of its cluster is its beginning.
func (s *spark) Begun(f *journal.Facts) bool {
	return f.Tries[journal.Act{Step: s.n.Uses, Verb: "launch"}] > 0
}

func (s *spark) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	flow := p.Facts.Owes(s.n.Uses, resources.KindFlow)
	if flow == nil || flow.Seen == nil {
		return controller.Until("its cluster")
	}
	switch judged, err := judge(p.Facts, s.n); judged {
	case completed:
		return s.done(ctx, p)
	case failed:
		return s.failure(ctx, p, flow)
	case given:
		return controller.Next{}, err
	}
	return controller.Until(strings.ToLower(flow.Seen.Parts[s.n.Name]))
}

// done looks at what the step wrote: its metrics are the last object of a
// complete dataset.
func (s *spark) done(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	try := p.Facts.Tries[journal.Act{Step: s.n.Uses, Verb: "launch"}]
	ds := Dataset{Name: s.n.Name, URI: s.Layout.Data(s.id(p.Facts), s.n.Name, try)}
	objects, err := s.S3.List(ctx, ds.URI, "")
	if err != nil {
		return controller.Next{}, err
	}
	if ds, err = s.written(ds, objects); err != nil {
		return controller.Next{}, err
	}
	body, _, err := s.S3.Get(ctx, ds.URI+metricsName)
	if resources.ClassOf(err) == resources.Gone {
		body, err = nil, nil
	}
	if err != nil {
		return controller.Next{}, err
	}
	ds, err = s.measured(ds, body)
	if err != nil {
		return controller.Next{}, err
	}
	return controller.Done(ds)
}

const (
	metricsName = "metrics.json"
	maxMetrics  = 256 << 10 // they are kept in the journal
)

// written counts the objects of the step's dataset and of each that it
// declared. One without any object was not written: Spark leaves _SUCCESS even
// of no rows.
func (s *spark) written(ds Dataset, objects []s3.Info) (Dataset, error) {
	if len(objects) == 0 {
		return ds, &resources.Fault{Class: resources.Permanent, Code: CodeNothingWritten,
			Msg:  fmt.Sprintf("the program ended well and wrote nothing: there is no object below %s", ds.URI),
			Hint: "--writes tells the program where its result goes; what it wrote elsewhere is not part of the run"}
	}
	count := func(ds Dataset) (Dataset, bool) {
		any := false
		for _, o := range objects {
			if !strings.HasPrefix(o.URI, ds.URI) {
				continue
			}
			any = true
			if strings.HasSuffix(o.URI, ".parquet") {
				ds.Objects++
				ds.Bytes += o.Size
			}
		}
		return ds, any
	}
	ds, _ = count(ds)
	var missing []string
	for _, name := range s.spec.Writes {
		part, any := count(Dataset{Name: ds.Name + "/" + name, URI: ds.URI + name + "/"})
		if !any {
			missing = append(missing, part.URI)
		}
		ds.Parts = append(ds.Parts, part)
	}
	if len(missing) > 0 {
		return ds, &resources.Fault{Class: resources.Permanent, Code: CodeNothingWritten,
			Msg:  fmt.Sprintf("the program ended well and did not write all it should: there is no object below %s", strings.Join(missing, " and ")),
			Hint: "each name in writes is a folder below --writes"}
	}
	return ds, nil
}

// CodeNothingWritten is the code of a Fault: a Spark step left no dataset.
const CodeNothingWritten = "NothingWritten"

// measured reads a step's metrics.json; nil when there is none. rows may be a
// number, or one for each dataset of the step.
func (s *spark) measured(ds Dataset, body []byte) (Dataset, error) {
	if body == nil {
		if len(s.spec.Expect) > 0 {
			return ds, &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
				Msg: "the step wrote no metrics.json, and the pipeline expects some of it", Hint: "write it last, as one JSON object of numbers"}
		}
		return ds, nil
	}
	bad := func(what string) error {
		return &resources.Fault{Class: resources.Permanent, Code: "BadMetrics", Msg: ds.URI + metricsName + ": " + what,
			Hint: `write one JSON object of numbers, as {"rows": 6100, "rmse": 0.88}; JSON has no NaN`}
	}
	if len(body) > maxMetrics {
		return ds, bad(fmt.Sprintf("%d bytes are more than metrics need; %d are read", len(body), maxMetrics))
	}
	var metrics map[string]json.RawMessage
	if err := json.Unmarshal(body, &metrics); err != nil || metrics == nil {
		return ds, bad(jsonError(body, err))
	}
	ds.Metrics = body
	if metrics["rows"] == nil {
		return ds, nil
	}
	var rows float64
	var each map[string]float64
	switch {
	case json.Unmarshal(metrics["rows"], &rows) == nil:
		ds.Rows = int64(rows)
	case json.Unmarshal(metrics["rows"], &each) == nil:
		for i, part := range ds.Parts {
			ds.Parts[i].Rows = int64(each[strings.TrimPrefix(part.Name, ds.Name+"/")])
			ds.Rows += ds.Parts[i].Rows
		}
	default:
		return ds, bad("rows is " + string(metrics["rows"]) + ", which is no number")
	}
	for i := range ds.Parts {
		ds.Parts[i].Metrics = body
	}
	return ds, nil
}

// jsonError says where a text stops being a JSON object.
func jsonError(body []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := body[:min(int(syntax.Offset), len(body))]
		return fmt.Sprintf("line %d: %v", 1+bytes.Count(before, []byte("\n")), err)
	}
	return "it is no JSON object"
}
