package spark

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keepLogs uploads what the step wrote to
// LogUri/<flow id>/steps/<step id>/{controller,stdout,stderr}.gz, as EMR does,
// and removes the step's folder. It returns the URI of the log to read first
// after a failure, "" if none was kept.
func (r *run) keepLogs(exit int, reason string) (logFile string) {
	defer os.RemoveAll(r.dir)
	r.note("ended with exit code %d", exit)
	if reason != "" {
		r.note("failed: %s", reason)
	}
	uri, err := url.Parse(r.flow.LogURI)
	if r.flow.LogURI == "" || err != nil || !strings.HasPrefix(uri.Scheme, "s3") {
		return ""
	}
	prefix := strings.TrimPrefix(strings.TrimSuffix(uri.Path, "/")+"/", "/") + r.flow.ID + "/steps/" + r.step.ID + "/"
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range []string{"controller", "stdout", "stderr"} {
		text := []byte(strings.Join(r.notes, "\n") + "\n")
		if name != "controller" {
			if text, err = os.ReadFile(filepath.Join(r.dir, name)); err != nil {
				continue // the program was never started
			}
		}
		if err := r.plane.config.Upload(ctx, uri.Host, prefix+name+".gz", zipped(text)); err != nil {
			r.plane.config.Logger.Warn("spark: log not kept", "step", r.step.ID, "log", name, "error", err)
			continue
		}
		if exit != 0 && (logFile == "" || name == r.tellingLog()) {
			logFile = fmt.Sprintf("s3://%s/%s%s.gz", uri.Host, prefix, name)
		}
	}
	return logFile
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	return b.Bytes()
}

// tellingLog is where the cause stands: PySpark writes tracebacks to stdout.
func (r *run) tellingLog() string {
	if strings.Contains(r.tail("stdout"), "Traceback (most recent call last)") {
		return "stdout"
	}
	return "stderr"
}

// lastWords are the line that tells most of why a program failed.
func (r *run) lastWords() string {
	if r.tellingLog() == "stdout" {
		return lastLine(r.tail("stdout"), func(string) bool { return true })
	}
	stderr := r.tail("stderr")
	for _, pick := range []func(string) bool{
		func(l string) bool { return strings.Contains(l, "Error: ") || strings.Contains(l, "Exception: ") },
		func(l string) bool { return !strings.Contains(l, " INFO ") },
	} {
		if line := lastLine(stderr, pick); line != "" {
			return line
		}
	}
	return ""
}

func lastLine(text string, pick func(string) bool) string {
	lines := strings.Split(text, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); l != "" && pick(l) {
			return l[:min(len(l), 500)]
		}
	}
	return ""
}

// tail is the last 16 KiB of a log.
func (r *run) tail(name string) string {
	f, err := os.Open(filepath.Join(r.dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		f.Seek(max(0, info.Size()-16<<10), io.SeekStart)
	}
	b, _ := io.ReadAll(f)
	return string(b)
}
