package simcloud

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"time"
)

// sparkMemory runs Spark steps: a step's result is a text of what it read.
type sparkMemory struct{ s *Simulation }

// sparkStep is what the arguments of a step ask for.
type sparkStep struct {
	script string
	limit  time.Duration // 0 is none
	reads  []string
	writes string
}

// parseStep reads command-runner.jar's arguments:
//
//	timeout -k 60 SECONDS spark-submit [--option value]… s3://…/x.py --reads NAME=URI … --writes URI/ …
func parseStep(args []string) (st sparkStep, err error) {
	submit := slices.Index(args, "spark-submit")
	if submit < 0 {
		return st, fmt.Errorf("no spark-submit in %q", args)
	}
	if submit > 0 && args[0] == "timeout" {
		if st.limit, err = time.ParseDuration(args[submit-1] + "s"); err != nil {
			return st, fmt.Errorf("the time limit %q is no number of seconds", args[submit-1])
		}
	}
	rest := args[submit+1:]
	for len(rest) > 1 && strings.HasPrefix(rest[0], "--") {
		rest = rest[2:]
	}
	if len(rest) == 0 {
		return st, fmt.Errorf("no application in %q", args)
	}
	st.script = strings.TrimSuffix(rest[0][strings.LastIndex(rest[0], "/")+1:], ".py")
	option := ""
	for _, arg := range rest[1:] {
		switch {
		case strings.HasPrefix(arg, "--"):
			option = arg
		case option == "--reads":
			st.reads = append(st.reads, arg[strings.Index(arg, "=")+1:])
		case option == "--writes":
			st.writes = arg
		}
	}
	return st, nil
}

// Start implements SparkPlane.
func (sp sparkMemory) Start(flow FlowSpec, step StepSpec, done func(int, string, string)) func() {
	s := sp.s
	st, err := parseStep(step.Args)
	if err != nil {
		s.Sim.At(s.Sim.now, func() { done(2, err.Error(), "") })
		return func() {}
	}
	cancelled, took, exit, reason := false, s.take(s.work.Spark), 0, ""
	wanted, fails := s.opts.Fails[step.Name]
	switch {
	case fails:
		took, exit, reason = took/2, 1, wanted
	case s.roll(s.opts.Faults.SparkFail):
		took, exit, reason = took/2, 1, "Unknown Error."
	case st.limit > 0 && took > st.limit:
		took, exit, reason = st.limit, 124, "Time limit."
	}
	s.Sim.At(s.Sim.now.Add(took), func() {
		if cancelled {
			done(143, "Cancelled.", "")
			return
		}
		if exit == 0 {
			exit, reason = sp.finish(step, st)
		} else if st.writes != "" { // what a broken job leaves behind
			s.putPart(st.writes+"part-00000.snappy.parquet", "broken")
		}
		log := ""
		if flow.LogURI != "" {
			log = flow.LogURI + flow.ID + "/steps/" + step.ID + "/"
			if exit != 0 {
				s.uploadLogs(log, st.script, exit, reason)
			}
			log += "stderr.gz"
		}
		done(exit, reason, log)
	})
	return func() { cancelled = true }
}

// uploadLogs has a failed program's logs reach S3, as late as EMR may be.
func (s *Simulation) uploadLogs(folder, script string, exit int, reason string) {
	if s.roll(s.opts.Faults.LoseLogs) {
		return
	}
	stdout := fmt.Sprintf("Traceback (most recent call last):\n  File \"/mnt/tmp/spark-1/%s.py\", line 7, in main\n    run()\nRuntimeError: %s\n", script, reason)
	s.Sim.At(s.Sim.now.Add(s.take(Range{0, 300})), func() {
		for name, text := range map[string]string{"stdout": stdout, "controller": fmt.Sprintf("INFO waitProcessCompletion ended with exit code %d\n", exit)} {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write([]byte(text)) // a buffer takes all
			_ = z.Close()
			s.store.put(key(folder+name+".gz"), b.Bytes(), int64(b.Len()), s.Sim.now)
		}
	})
}

// finish writes a step's result.
func (sp sparkMemory) finish(step StepSpec, st sparkStep) (exit int, reason string) {
	s := sp.s
	var bodies []string
	for _, uri := range st.reads {
		n := len(bodies)
		for _, o := range s.store.under(key(uri)) {
			if strings.HasSuffix(o.key, ".parquet") {
				bodies = append(bodies, string(o.body))
			}
		}
		if len(bodies) == n {
			return 1, "AnalysisException: Path does not exist: " + uri
		}
	}
	if st.writes == "" || s.opts.Idle[step.Name] {
		return 0, ""
	}
	slices.Sort(bodies)
	folders := s.opts.Folders[step.Name]
	if len(folders) == 0 {
		folders = []string{""}
	}
	for _, folder := range folders {
		prefix := st.writes
		if folder != "" {
			prefix += folder + "/"
		}
		s.putPart(prefix+"part-00000.snappy.parquet", st.script+"("+strings.Join(bodies, ",")+")")
		s.putPart(prefix+"_SUCCESS", "")
	}
	s.putPart(st.writes+"metrics.json", s.opts.Metrics)
	return 0, ""
}

func (s *Simulation) putPart(uri, body string) {
	s.store.put(key(uri), []byte(body), int64(len(body)), s.Sim.now)
}
