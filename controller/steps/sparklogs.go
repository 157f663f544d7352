package steps

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/emr"
)

// LogFile is a log of a Spark step that EMR uploaded.
type LogFile struct {
	Name string // stdout, stderr, controller, or CONTAINER/stdout
	URI  string
	Text []byte // its end, if it is long
}

const (
	maxLog        = 2 << 20  // bytes of a log that are kept: its end
	maxLogObject  = 64 << 20 // bytes of a zipped log that is read at all
	maxContainers = 16       // logs of YARN containers that are read
)

// StepLogs are what a Spark step wrote on the last cluster that its lifetime
// asked for, and what EMR itself says of it. EMR uploads them to
// LOGS/CLUSTER/steps/STEP/, up to five minutes late (aws-rules 21); what is not
// there yet is left out. With containers the logs of the application's YARN
// containers are among them.
func StepLogs(ctx context.Context, d Deps, f *journal.Facts, step string, containers bool) (files []LogFile, reason string, err error) {
	node, ok := f.Node(step)
	flow := f.Owes(node.Uses, resources.KindFlow)
	if !ok || flow == nil || d.EMR.Settings.LogURI == "" {
		return nil, "", nil
	}
	flows, err := d.EMR.List(ctx, flow.Ref.Name, flow.Opened.Add(-launchSlack))
	if err != nil {
		return nil, "", err
	}
	root := strings.TrimSuffix(d.EMR.Settings.LogURI, "/") + "/"
	for _, f := range flows {
		states, err := d.EMR.Steps(ctx, f.ID)
		if err != nil {
			return files, reason, err
		}
		for _, s := range states {
			if s.Name != step {
				continue
			}
			reason = s.Reason
			for _, name := range []string{"stdout", "stderr", "controller"} {
				uri := root + f.ID + "/steps/" + s.ID + "/" + name + ".gz"
				if files, err = d.addLog(ctx, files, name, uri); err != nil {
					return files, reason, err
				}
			}
			if containers {
				if files, err = d.containerLogs(ctx, files, root+f.ID+"/containers/"); err != nil {
					return files, reason, err
				}
			}
		}
	}
	return files, reason, nil
}

func (d Deps) addLog(ctx context.Context, files []LogFile, name, uri string) ([]LogFile, error) {
	body, _, err := d.S3.Get(ctx, uri)
	if resources.ClassOf(err) == resources.Gone {
		return files, nil
	}
	if err != nil {
		return files, err
	}
	return append(files, LogFile{Name: name, URI: uri, Text: unzip(body)}), nil
}

// application is the YARN application of a step, which its stderr names.
var application = regexp.MustCompile(`\bapplication_\d+_\d+\b`)

func (d Deps) containerLogs(ctx context.Context, files []LogFile, root string) ([]LogFile, error) {
	var app []byte
	for _, f := range files {
		if app == nil && f.Name == "stderr" {
			app = application.Find(f.Text)
		}
	}
	if app == nil {
		return files, nil
	}
	objects, err := d.S3.List(ctx, root+string(app)+"/", "")
	if err != nil {
		return files, err
	}
	read := 0
	for _, o := range objects {
		name := strings.TrimPrefix(strings.TrimSuffix(o.URI, ".gz"), root+string(app)+"/")
		if read == maxContainers || o.Size > maxLogObject || !strings.HasSuffix(name, "/stderr") && !strings.HasSuffix(name, "/stdout") {
			continue
		}
		if files, err = d.addLog(ctx, files, name, o.URI); err != nil {
			return files, err
		}
		read++
	}
	return files, nil
}

// unzip is the end of the text of a gzipped log, or the bytes as they are. One
// that is cut off gives what there is of it.
func unzip(body []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return end(body)
	}
	var kept []byte
	for piece := make([]byte, maxLog/4); ; {
		n, err := io.ReadFull(r, piece)
		kept = end(append(kept, piece[:n]...))
		if err != nil {
			return kept
		}
	}
}

func end(text []byte) []byte { return text[max(0, len(text)-maxLog):] }

// dug is what was found out about a failed step.
type dug struct {
	emr.Failure
	Reason string `json:"reason,omitempty"` // EMR's own
	Logs   int    `json:"logs,omitempty"`   // how many there were
	Error  string `json:"error,omitempty"`  // why they could not be read
}

const (
	maxDigs  = 5 // looks for a failed step's logs
	digPolls = 4 // usual pauses before the second; doubles: five minutes in all, which is how late EMR uploads
)

// failure settles a step whose program failed, with its exception. The logs
// come late: they are waited for, but not while anything bills that the
// verdict would end.
func (s *spark) failure(ctx context.Context, p *controller.Pass, flow *journal.Obligation) (controller.Next, error) {
	intent, out := p.Facts.Attempted(s.n.Name, verbLogs)
	tries := p.Facts.Tries[journal.Act{Step: s.n.Name, Verb: verbLogs}]
	if intent == nil || out == nil && tries < maxDigs {
		return s.dig(ctx, p, flow)
	}
	var found dug
	if out != nil && len(out.Result) > 0 {
		if err := json.Unmarshal(out.Result, &found); err != nil {
			return controller.Next{}, err
		}
	}
	if s.EMR.Settings.LogURI == "" || found.Sure || found.All || tries >= maxDigs || out == nil {
		return controller.Next{}, s.because(flow, found)
	}
	again := out.At.Add(digPolls * s.Poll << (tries - 1))
	switch {
	case billsBeside(p.Facts, flow.Ref), !again.Before(p.Window().CutOff):
		return controller.Next{}, s.because(flow, found)
	case again.After(p.Now):
		return controller.Again(again, "it failed; its logs are on their way")
	}
	return s.dig(ctx, p, flow)
}

const verbLogs = "logs"

func (s *spark) dig(ctx context.Context, p *controller.Pass, flow *journal.Obligation) (controller.Next, error) {
	err := p.Do(ctx, journal.Effect{Verb: verbLogs, Ref: flow.Ref}, func(ctx context.Context) (any, error) {
		files, reason, err := StepLogs(ctx, s.Deps, p.Facts, s.n.Name, true)
		found := dug{Reason: reason, Logs: len(files)}
		if err != nil {
			found.Error = err.Error() // the verdict does not hang on it
		}
		var logs emr.Logs
		for _, f := range files {
			switch f.Name {
			case "stdout":
				logs.Stdout = string(f.Text)
			case "stderr":
				logs.Stderr = string(f.Text)
			case "controller":
				logs.Controller = string(f.Text)
			default:
				logs.Containers = append(logs.Containers, string(f.Text))
			}
		}
		found.Failure = emr.Excerpt(logs, s.spec.Timeout)
		return found, nil
	})
	return controller.Next{Look: p.Now, Why: "it failed; its logs are read"}, err
}

// billsBeside says that a warehouse runs, or another cluster: it may be waiting
// for this step's verdict.
func billsBeside(f *journal.Facts, flow resources.Ref) bool {
	for _, o := range f.Debts() {
		if o.Ref.Kind == resources.KindCluster || o.Ref.Kind == resources.KindFlow && o.Ref != flow {
			return true
		}
	}
	return false
}

// because is the fault of a program that failed.
func (s *spark) because(flow *journal.Obligation, found dug) error {
	fault := &resources.Fault{Class: resources.Permanent, Code: "StepFailed", Hint: "`lamplighter logs " + s.n.Name + "` shows all that it wrote"}
	if found.Hint != "" {
		fault.Hint = found.Hint + "; " + fault.Hint
	}
	fault.Msg = found.What
	if found.Where != "" {
		fault.Msg += " (" + found.Where + ")"
	}
	if found.What != "" {
		if !found.Sure && found.Reason != "" {
			fault.Msg += "; EMR says: " + found.Reason
		}
		return fault
	}
	fault.Msg = fmt.Sprintf("the Spark step failed on %s", flow.Ref.Name)
	if found.Reason != "" {
		fault.Msg += "; EMR says: " + found.Reason
	}
	switch logs := s.EMR.Settings.LogURI; {
	case logs == "":
		fault.Hint = "no logs are kept: write logs: s3://bucket/logs/ into the environment"
	case found.Error != "":
		fault.Msg += "; its logs could not be read: " + found.Error
	case found.Logs == 0:
		fault.Msg += "; its logs were not in " + logs + " yet"
		fault.Hint = "EMR uploads them up to five minutes late: " + fault.Hint
	default:
		fault.Msg += "; its logs name no cause"
	}
	return fault
}
