package night

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"strings"

	"lamplighter/config"
	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// LogFile is a log that EMR uploaded.
type LogFile struct {
	URI  string
	Text []byte
}

// SparkLogs are what a Spark step of an attempt wrote, stdout first: EMR
// uploads it to LOGS/CLUSTER/steps/STEP/ (aws-rules 21: up to five minutes
// late). A log that is not there yet is left out.
func SparkLogs(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, at Attempt, step string) ([]LogFile, error) {
	node, ok := at.Facts.Node(step)
	flow := at.Facts.Owes(node.Uses, resources.KindFlow)
	if !ok || flow == nil {
		return nil, nil
	}
	d := w.deps(p, e, w.Clock.Now())
	flows, err := d.EMR.List(ctx, flow.Ref.Name, flow.Opened.Add(-lookBack))
	if err != nil {
		return nil, err
	}
	var files []LogFile
	for _, f := range flows {
		states, err := d.EMR.Steps(ctx, f.ID)
		if err != nil {
			return files, err
		}
		for _, s := range states {
			if s.Name != step {
				continue
			}
			for _, name := range []string{"stdout", "stderr"} {
				uri := strings.TrimSuffix(e.Logs, "/") + "/" + f.ID + "/steps/" + s.ID + "/" + name + ".gz"
				body, _, err := d.S3.Get(ctx, uri)
				if resources.ClassOf(err) == resources.Gone {
					continue
				}
				if err != nil {
					return files, err
				}
				files = append(files, LogFile{URI: uri, Text: unzip(body)})
			}
		}
	}
	return files, nil
}

// unzip is the text of a gzipped log, or the bytes as they are.
func unzip(body []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	text, err := io.ReadAll(r)
	if err != nil && len(text) == 0 {
		return body
	}
	return text
}

// Of is the attempt with this id, or the newest for an empty run; ok is false
// when there is none.
func Of(ctx context.Context, w World, p *config.Pipeline, e *config.Environment, run string) (found Attempt, ok bool, err error) {
	err = History(ctx, w, p, e, func(at Attempt) bool {
		if run == "" || at.ID.Run == run {
			found, ok = at, true
		}
		return !ok
	})
	return found, ok, err
}

// Told are an attempt's records of one step, without those of its waiting.
func (at Attempt) Told(step string) []journal.Record {
	var out []journal.Record
	for _, r := range at.Records {
		if r.Step == step {
			out = append(out, r)
		}
	}
	return out
}
