package spark

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// order is what the supervisor is told on its standard input, one line of
// JSON.
type order struct {
	Args  []string      `json:"args"`
	Env   []string      `json:"env"`
	Dir   string        `json:"dir"`
	Limit time.Duration `json:"limit"` // 0: none
	Grace time.Duration `json:"grace"` // between SIGTERM and SIGKILL
}

// cancelLine, as a later line, ends the program as a time limit does.
const cancelLine = "cancel"

// Exit codes of a supervisor besides the program's own.
const (
	exitTimedOut   = 124 // as GNU timeout
	exitNotRun     = 126 // the program could not be started
	exitBadOrder   = 125
	signalExitBase = 128 // plus the signal that ended the program, as a shell says it
)

// Supervise runs one program in a process group of its own, with this
// process's output, and returns its exit code. When in ends, because the
// parent died in whatever way, the whole group is killed at once: a step never
// outlives the cloud that it belongs to.
//
// Signals sent to this process, such as a terminal's Ctrl-C, are not for it:
// the parent decides.
func Supervise(in io.Reader) int {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var o order
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &o) != nil || len(o.Args) == 0 {
		return exitBadOrder
	}
	cmd := exec.Command(o.Args[0], o.Args[1:]...)
	cmd.Env, cmd.Dir = o.Env, o.Dir
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitNotRun
	}

	cancel, orphan, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		if lines.Scan() && lines.Text() == cancelLine {
			close(cancel)
			lines.Scan()
		}
		close(orphan)
	}()
	go func() { ended <- cmd.Wait() }()
	return watch(o, cmd.Process.Pid, cancel, orphan, ended)
}

// watch sees a process group to its end.
func watch(o order, pid int, cancel, orphan <-chan struct{}, ended <-chan error) int {
	var limit, kill <-chan time.Time
	if o.Limit > 0 {
		limit = time.After(o.Limit)
	}
	timedOut := false
	terminate := func() {
		syscall.Kill(-pid, syscall.SIGTERM)
		kill = time.After(o.Grace)
		limit, cancel = nil, nil
	}
	for {
		select {
		case err := <-ended:
			syscall.Kill(-pid, syscall.SIGKILL) // what it left behind
			if timedOut {
				return exitTimedOut
			}
			return exitCode(err)
		case <-limit:
			timedOut = true
			terminate()
		case <-cancel:
			terminate()
		case <-orphan:
			syscall.Kill(-pid, syscall.SIGKILL)
			orphan = nil
		case <-kill:
			syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return signalExitBase + int(status.Signal())
		}
		return exit.ExitCode()
	}
	return exitNotRun
}
