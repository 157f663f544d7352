package spark

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lamplighter/resources/simcloud"
)

const superviseVariable = "SPARK_TEST_SUPERVISE"

func TestMain(m *testing.M) {
	if os.Getenv(superviseVariable) != "" {
		os.Unsetenv(superviseVariable)
		os.Exit(Supervise(os.Stdin))
	}
	os.Setenv(superviseVariable, "1") // for the supervisors
	os.Exit(m.Run())
}

// logs keeps what a plane uploads.
type logs struct {
	mu   sync.Mutex
	text map[string]string
}

func (l *logs) upload(_ context.Context, bucket, key string, body []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text["s3://"+bucket+"/"+key] = string(text)
	return err
}

func newPlane(t *testing.T, change func(*Config)) (*Plane, *logs) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &logs{text: map[string]string{}}
	c := Config{Dir: filepath.Join(t.TempDir(), "steps"), Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Key: "KEY", Secret: "SECRET",
		Supervisor: []string{self}, Upload: l.upload, Logger: slog.New(slog.DiscardHandler)}
	change(&c)
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, l
}

type outcome struct {
	exit            int
	reason, logFile string
}

var flow = simcloud.FlowSpec{ID: "j-1", Name: "flow", LogURI: "s3://logs/prefix/"}

func start(p *Plane, id string, args ...string) (ended chan outcome, cancel func()) {
	ended = make(chan outcome, 1)
	cancel = p.Start(flow, simcloud.StepSpec{ID: id, Name: id, Jar: "command-runner.jar", Args: args}, func(exit int, reason, logFile string) {
		ended <- outcome{exit, reason, logFile}
	})
	return ended, cancel
}

func TestSteps(t *testing.T) {
	home := t.TempDir()
	os.Mkdir(filepath.Join(home, "bin"), 0o755)
	os.WriteFile(filepath.Join(home, "bin", "spark-submit"), []byte("#!/bin/sh\necho submitted \"$@\"; grep -c SECRET \"$SPARK_CONF_DIR/core-site.xml\"\n"), 0o755)
	os.WriteFile(filepath.Join(home, "a.jar"), nil, 0o644)
	p, l := newPlane(t, func(c *Config) { c.Home, c.Jars = home, home })
	cases := []struct {
		name   string
		args   []string
		exit   int
		reason string // a part of it
		log    string // the telling one
		stdout string // a part of it
	}{
		{"well", []string{"sh", "-c", "echo hello; pwd"}, 0, "", "", "hello\n" + filepath.Join(p.config.Dir, "j-1", "s-well", "work")},
		{"exit code", []string{"sh", "-c", "echo because >&2; exit 3"}, 3, "exit code 3: because", "stderr", ""},
		{"traceback", []string{"sh", "-c", "echo 'Traceback (most recent call last)'; echo 'ValueError: no rows'; echo noise >&2; exit 1"}, 1, "exit code 1: ValueError: no rows", "stdout", ""},
		{"java", []string{"sh", "-c", "echo 'java.io.IOException: disk'  >&2; echo '26/11/23 INFO Shutdown: bye' >&2; exit 1"}, 1, "java.io.IOException: disk", "stderr", ""},
		{"not there", []string{"no-such-program"}, exitNotRun, "no-such-program", "stderr", ""},
		{"refused", []string{"s3-dist-cp"}, 1, "needs a Hadoop cluster", "controller", ""},
		{"time limit", []string{"timeout", "-k", "60", "0.1", "sh", "-c", "sleep 600"}, exitTimedOut, "timed out after 100ms", "stderr", ""},
		{"deaf to SIGTERM", []string{"timeout", "-k", "0.1", "0.1", "sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600"}, exitTimedOut, "timed out", "stderr", ""},
		{"killed", []string{"sh", "-c", "kill -9 $$"}, 137, "exit code 137", "stderr", ""},
		{"environment", []string{"sh", "-c", "echo $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID ${HOME##*/}"}, 0, "", "", "http://127.0.0.1:1 KEY work"},
		{"spark", []string{"timeout", "5m", "spark-submit", "--master", "yarn", "x.py", "--a"}, 0, "", "", "submitted --master local["},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			id := "s-" + strings.ReplaceAll(tc.name, " ", "-")
			ended, _ := start(p, id, tc.args...)
			got := <-ended
			if got.exit != tc.exit || !strings.Contains(got.reason, tc.reason) || (got.exit == 0) != (got.reason == "") {
				t.Errorf("got %+v", got)
			}
			prefix := "s3://logs/prefix/j-1/steps/" + id + "/"
			if want := prefix + tc.log + ".gz"; tc.log != "" && got.logFile != want {
				t.Errorf("the log is %s, want %s", got.logFile, want)
			}
			if !strings.Contains(l.text[prefix+"stdout.gz"], tc.stdout) {
				t.Errorf("stdout is %q", l.text[prefix+"stdout.gz"])
			}
			if l.text[prefix+"controller.gz"] == "" || strings.Contains(l.text[prefix+"controller.gz"], "SECRET") {
				t.Errorf("controller's log is %q", l.text[prefix+"controller.gz"])
			}
			if _, err := os.Stat(filepath.Join(p.config.Dir, "j-1", id)); !os.IsNotExist(err) {
				t.Errorf("the step's folder is left: %v", err)
			}
		})
	}
	if out := l.text["s3://logs/prefix/j-1/steps/s-spark/stdout.gz"]; !strings.HasSuffix(out, "x.py --a\n1\n") || strings.Contains(out, "SECRET") {
		t.Errorf("spark-submit was called with %q", out)
	}
}

func TestNoSpark(t *testing.T) {
	p, _ := newPlane(t, func(*Config) {})
	ended, _ := start(p, "s-1", "spark-submit", "x.py")
	if got := <-ended; got.exit == 0 || !strings.Contains(got.reason, "--spark-home") {
		t.Errorf("got %+v", got)
	}
}

func TestWrongSpark(t *testing.T) {
	for _, c := range []Config{{Home: t.TempDir()}, {Home: "/nowhere", Jars: t.TempDir()}} {
		c.Dir = t.TempDir()
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestOtherJar(t *testing.T) {
	p, _ := newPlane(t, func(*Config) {})
	ended := make(chan outcome, 1)
	p.Start(flow, simcloud.StepSpec{ID: "s-1", Jar: "s3://b/x.jar"}, func(exit int, reason, logFile string) { ended <- outcome{exit, reason, logFile} })
	if got := <-ended; got.exit != 1 || !strings.Contains(got.reason, "only command-runner.jar") {
		t.Errorf("got %+v", got)
	}
}

// waitFor reads a number that a step writes to a file.
func waitFor(t *testing.T, path string) int {
	t.Helper()
	for {
		if b, err := os.ReadFile(path); err == nil && bytes.HasSuffix(b, []byte("\n")) {
			n, err := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func waitGone(pid int) {
	for syscall.Kill(pid, 0) == nil {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(state), ") Z ") {
			return // dead, and nobody has asked for it yet
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestCancel ends a step with a grandchild.
func TestCancel(t *testing.T) {
	p, _ := newPlane(t, func(*Config) {})
	file := filepath.Join(t.TempDir(), "pid")
	ended, cancel := start(p, "s-1", "sh", "-c", `sleep 600 & echo $! > "$0"; wait`, file)
	pid := waitFor(t, file)
	cancel()
	cancel()
	if got := <-ended; got.exit == 0 {
		t.Errorf("got %+v", got)
	}
	waitGone(pid)
}

func TestClose(t *testing.T) {
	p, _ := newPlane(t, func(*Config) {})
	file := filepath.Join(t.TempDir(), "pid")
	ended, _ := start(p, "s-1", "sh", "-c", `sleep 600 & echo $! > "$0"; wait`, file)
	pid := waitFor(t, file)
	p.Close()
	if len(ended) != 1 {
		t.Error("Close did not wait for the step")
	}
	waitGone(pid)
	late, _ := start(p, "s-2", "true")
	if got := <-late; got.exit == 0 {
		t.Errorf("a step was begun after Close: %+v", got)
	}
}

// TestOrphan closes the pipe, as the kernel does for a parent that was killed:
// the step and what it started end at once.
func TestOrphan(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	supervisor := exec.Command(os.Args[0])
	stdin, err := supervisor.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(stdin, `{"args":["sh","-c","trap '' TERM; sleep 600 & echo $! > \"$0\"; wait",%q],"env":["PATH=%s"],"dir":"/","grace":600000000000}`+"\n", file, os.Getenv("PATH"))
	pid := waitFor(t, file)
	stdin.Close()
	if err := supervisor.Wait(); err == nil || exitCode(err) != 137 {
		t.Errorf("the supervisor ended with %v", err)
	}
	waitGone(pid)
}
