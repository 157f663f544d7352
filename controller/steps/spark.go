package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// SparkSpec is a spark step, resolved.
type SparkSpec struct {
	Script  string                   `json:"script"` // s3:// URI of the program
	PyFiles []string                 `json:"py_files,omitempty"`
	Conf    []string                 `json:"conf,omitempty"`  // name=value
	Reads   []string                 `json:"reads,omitempty"` // datasets
	Args    []string                 `json:"args,omitempty"`
	Expect  map[string]config.Bounds `json:"expect,omitempty"` // on its metrics
	Timeout time.Duration            `json:"timeout"`
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
	switch state := flow.Seen.Parts[s.n.Name]; state {
	case "COMPLETED":
		return s.done(ctx, p)
	case "FAILED":
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: "StepFailed",
			Msg:  fmt.Sprintf("the Spark step failed on %s", strings.Join(append([]string{flow.Ref.Name}, flow.Seen.IDs...), " ")),
			Hint: "`lamplighter logs " + s.n.Name + "` shows what it wrote"}
	default:
		return controller.Until(strings.ToLower(state))
	}
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
	for _, o := range objects {
		if strings.HasSuffix(o.URI, ".parquet") {
			ds.Objects++
			ds.Bytes += o.Size
		}
	}
	metrics, _, err := s.S3.Get(ctx, ds.URI+"metrics.json")
	switch {
	case resources.ClassOf(err) == resources.Gone && len(s.spec.Expect) == 0:
	case resources.ClassOf(err) == resources.Gone:
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
			Msg: "the step wrote no metrics.json, and the pipeline expects some of it", Hint: "write it last, as one JSON object of numbers"}
	case err != nil:
		return controller.Next{}, err
	default:
		var rows struct {
			Rows json.Number `json:"rows"`
		}
		if err := json.Unmarshal(metrics, &rows); err != nil {
			return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: "BadMetrics", Msg: ds.URI + "metrics.json: " + err.Error()}
		}
		n, _ := rows.Rows.Float64()
		ds.Rows, ds.Metrics = int64(n), metrics
	}
	return controller.Done(ds)
}
