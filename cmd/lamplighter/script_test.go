package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the scripts got into their files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lamplighter": main})
}

// The whole program by its commands: what it prints, and what it exits with.
// Beside testscript's own commands there are
//
//	exits CODE COMMAND…   the command ends with exactly this status
//	cloud [ACCOUNT]       an AWS-compatible endpoint on real time, and the
//	                      environment file environments/test.yaml for it
//	launch                an EMR cluster under the pipeline's name that nobody ends
//	object KEY FILE       puts an object into the environment's bucket
//	start COMMAND…        begins a command beside the script
//	await STEP            until the cloud runs a Spark step of this name
//	hear TEXT             until what was started has said this
//	refuse CODE MESSAGE [SERVICE]   the cloud answers so from now on
//	over CODE                       what was started ends by itself with this status
//	release               steps called "slow" end now; else they never do
//	ends SIGNAL CODE      signals what was started; it ends with this status, and
//	                      what it said is in the file "said"
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "AWS_EC2_METADATA_DISABLED=true", "TZ=UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "cloud": startCloud, "launch": launch, "object": putObject,
			"start": start, "await": await, "hear": hear, "release": release, "ends": ends,
			"refuse": refuse, "over": over,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("it ended with status %d, want %d", got, want)
	}
}

func putObject(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: object KEY FILE")
	}
	body, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(cloudOf(ts).put(args[0], body))
}

// process is a command of a script that goes on beside it.
type process struct {
	*exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer // stdout and stderr
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

var processes sync.Map // by the script's name

// start begins a command in the background, one to a script.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: start COMMAND…")
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[0])); err == nil {
			path = filepath.Join(dir, args[0])
			break
		}
	}
	p := &process{Cmd: exec.Command(path, args[1:]...)}
	p.Dir, p.Stdout, p.Stderr = ts.MkAbs("."), p, p
	p.Env = append(os.Environ(), "HOME=/no-home", "PATH="+ts.Getenv("PATH"))
	ts.Check(p.Start())
	processes.Store(ts.Name(), p)
	ts.Defer(func() { _ = p.Process.Kill() }) // it has ended, unless the script failed
}

// ends sends the background command a signal and waits for its end.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ends SIGNAL CODE")
	}
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}
	started, ok := processes.Load(ts.Name())
	if !ok || signals[args[0]] == nil {
		ts.Fatalf("nothing was started, or %s is none of INT, TERM, KILL", args[0])
	}
	p := started.(*process)
	ts.Check(p.Process.Signal(signals[args[0]]))
	_ = p.Wait() // its status is looked at below
	ts.Logf("%s", p.text())
	if got := strconv.Itoa(p.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("it ended with status %s, want %s", got, args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(p.text()), 0o644))
}

// over waits for the end of the background command.
func over(ts *testscript.TestScript, neg bool, args []string) {
	started, ok := processes.Load(ts.Name())
	if neg || len(args) != 1 || !ok {
		ts.Fatalf("usage: over CODE, after start")
	}
	p := started.(*process)
	_ = p.Wait() // its status is looked at below
	ts.Logf("%s", p.text())
	if got := strconv.Itoa(p.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("it ended with status %s, want %s", got, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(p.text()), 0o644))
}

// await waits until the cloud runs a Spark step of this name.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await STEP")
	}
	c := cloudOf(ts)
	until(ts, "no step "+args[0]+" ran", func() bool {
		_, running := c.running.Load(args[0])
		return running
	})
}

// hear waits until what was started has said something.
func hear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hear TEXT")
	}
	started, ok := processes.Load(ts.Name())
	if !ok {
		ts.Fatalf("nothing was started")
	}
	until(ts, "it did not say "+args[0], func() bool { return strings.Contains(started.(*process).text(), args[0]) })
}

func until(ts *testscript.TestScript, what string, holds func() bool) {
	for range 1200 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s within a minute", what)
}
