package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"lamplighter/controller/report"
)

// ending is how a process of lamplighter ended.
type ending struct {
	code    int // -1: killed
	events  []report.Event
	summary *report.Summary // nil: it did not come to one
	said    string          // its stderr
}

// check fails the test unless the process ended with a code.
func (e ending) check(t *testing.T, what string, code int) {
	t.Helper()
	if e.code != code {
		t.Fatalf("%s: exit code %d, want %d\n%s%s", what, e.code, code, e.tail(), e.said)
	}
	if e.summary != nil && e.summary.ExitCode != code {
		t.Errorf("%s: the summary says %d, the exit code is %d", what, e.summary.ExitCode, code)
	}
}

// tail is the last events, for a failure's message.
func (e ending) tail() string {
	var b strings.Builder
	for _, ev := range e.events[max(0, len(e.events)-25):] {
		line, _ := json.Marshal(ev)
		fmt.Fprintf(&b, "%s\n", line)
	}
	if e.summary != nil {
		fmt.Fprintln(&b, e.summary.StateLine)
	}
	return b.String()
}

// run runs the night of a date to its end.
func (c *cloud) run(t *testing.T, date string, flags ...string) ending {
	t.Helper()
	return c.watch(t, nil, append([]string{"--date", date}, flags...)...)
}

// signalled runs the night of a date and sends it a signal at a moment.
func (c *cloud) signalled(t *testing.T, date string, m moment, sig syscall.Signal) ending {
	t.Helper()
	came := false
	e := c.watch(t, func(p *exec.Cmd, ev report.Event) {
		if !came && m.is(ev) {
			came = true
			m.pause()
			_ = p.Process.Signal(sig)
		}
	}, "--date", date)
	if !came {
		t.Fatalf("the moment never came: %s\n%s%s", m, e.tail(), e.said)
	}
	return e
}

// watch runs `lamplighter run` and shows each event while the process waits
// for nobody.
func (c *cloud) watch(t *testing.T, see func(*exec.Cmd, report.Event), flags ...string) (e ending) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, lamplighter, append([]string{"run", "-e", "local", "-o", "json"}, flags...)...)
	cmd.Dir = c.project
	said := &safeBuffer{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	fatal(t, err)
	fatal(t, cmd.Start())
	e.read(t, out, func(ev report.Event) {
		if see != nil {
			see(cmd, ev)
		}
	})
	e.code, e.said = exitCode(t, cmd.Wait()), said.String()
	if ctx.Err() != nil {
		t.Fatalf("lamplighter run does not end\n%s%s", e.tail(), e.said)
	}
	return e
}

// read reads `run -o json`: one event a line, the last a summary.
func (e *ending) read(t *testing.T, out io.Reader, see func(report.Event)) {
	t.Helper()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // what a kill cut off says nothing
		}
		var ev report.Event
		if err := json.Unmarshal(line, &ev); err != nil {
			t.Errorf("run -o json printed %q: %v", line, err)
			continue
		}
		if ev.Event != "summary" {
			e.events = append(e.events, ev)
			see(ev)
			continue
		}
		e.summary = &report.Summary{}
		if err := json.Unmarshal(line, e.summary); err != nil {
			t.Errorf("the summary of run -o json: %v", err)
		}
	}
}

// command runs another command of lamplighter to its end.
func (c *cloud) command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, lamplighter, append(args, "-e", "local")...)
	cmd.Dir = c.project
	said, told := &safeBuffer{}, &safeBuffer{}
	cmd.Stdout, cmd.Stderr = told, said
	code = exitCode(t, cmd.Run())
	return code, told.String(), said.String()
}
