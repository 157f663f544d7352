package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// runner runs lamplighter in a project's folder.
type runner struct {
	binary, project string
	say             io.Writer
}

// ran is how one process of lamplighter ended.
type ran struct {
	exit    int
	summary *summary // nil if it was killed
	wall    time.Duration
}

// run starts `lamplighter run` for a date and waits for its end. When kill
// says so of an event, the process is killed with -9 at once.
func (r runner) run(ctx context.Context, date string, kill func(event) bool) (ran, error) {
	began := time.Now()
	cmd := exec.CommandContext(ctx, r.binary, runArgs(date)...)
	cmd.Dir, cmd.Stderr = r.project, os.Stderr
	// One Ctrl-C must reach it once: twice means "leave at once".
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it tears down
	cmd.WaitDelay = 5 * time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		return ran{}, err
	}
	if err := cmd.Start(); err != nil {
		return ran{}, err
	}
	killed := false
	last, readErr := readRun(out, func(e event) {
		r.tell(e, time.Since(began))
		if !killed && kill(e) {
			killed = cmd.Process.Signal(syscall.SIGKILL) == nil
		}
	})
	err = cmd.Wait()
	result := ran{exit: cmd.ProcessState.ExitCode(), summary: last, wall: time.Since(began)}
	var ended *exec.ExitError
	switch {
	case readErr != nil:
		return result, readErr
	case err != nil && !errors.As(err, &ended):
		return result, err
	case last == nil && !killed:
		return result, fmt.Errorf("lamplighter run --date %s ended with %d and no summary", date, result.exit)
	case last != nil && last.ExitCode != result.exit:
		return result, fmt.Errorf("lamplighter run --date %s ended with %d, its summary says %d", date, result.exit, last.ExitCode)
	}
	return result, nil
}

// tell prints what a newcomer wants to follow: what began, what ended and why
// something was not done.
func (r runner) tell(e event, since time.Duration) {
	at := fmt.Sprintf("  %6.1f s  ", since.Seconds())
	switch {
	case e.Event == "step" && e.State == "running":
	case e.Event == "step":
		fmt.Fprintf(r.say, "%s%-8s %s%s\n", at, e.State, e.Step, because(e))
	case e.Event == "effect" && e.State == "asked" && e.Kind != "pointer" && e.Kind != "switch":
		fmt.Fprintf(r.say, "%s%s: %s\n", at, e.Step, strings.ReplaceAll(e.Verb, "-", " "))
	case e.Event == "effect" && e.State != "ok" && e.State != "asked" && e.Why != "":
		fmt.Fprintf(r.say, "%s%s: %s: %s\n", at, e.Step, e.State, e.Why)
	case e.Event == "note":
		fmt.Fprintf(r.say, "%s%s\n", at, e.Why)
	}
}

func because(e event) string {
	text := ""
	if e.Why != "" {
		text = ": " + e.Why
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}
