// Package host starts the embedded cloud as a process of its own and talks to
// it as any user would: for the demo and the benchmarks.
package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Cloud is the embedded cloud, as a process of its own.
type Cloud struct {
	binary, data string
	process      *exec.Cmd
	ended        chan error
}

// readyLine is how the one line begins that it prints when all ports answer.
const readyLine = "localcloud: ready"

// Start starts it on an empty folder and waits until it is ready. What it
// logs goes to a file.
func Start(ctx context.Context, binary, data, log string, flags ...string) (*Cloud, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the process has its own
	c := &Cloud{binary: binary, data: data, ended: make(chan error, 1)}
	c.process = exec.Command(binary, append([]string{"start", "--data", data}, flags...)...)
	c.process.Stderr = file
	// A Ctrl-C is for the demo: it stops the cloud last.
	c.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), readyLine) {
				ready <- true
			}
		}
		c.ended <- c.process.Wait()
	}()
	select {
	case <-ready:
		return c, nil
	case err := <-c.ended:
		said, _ := os.ReadFile(log)
		return nil, fmt.Errorf("the embedded cloud ended at once: %w\n%s", err, said)
	case <-time.After(2 * time.Minute):
		err = errors.New("the embedded cloud is not ready after two minutes: see " + log)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, c.process.Process.Kill())
}

// Status is the cloud's own list of what there is.
func (c *Cloud) Status(ctx context.Context) (list Clouded, err error) {
	out, err := exec.CommandContext(ctx, c.binary, "status", "--data", c.data, "-o", "json").Output()
	if err != nil {
		return list, fmt.Errorf("localcloud status: %w", err)
	}
	return list, json.Unmarshal(out, &list)
}

// Stop ends it and waits for that.
func (c *Cloud) Stop() error {
	if err := c.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-c.ended:
		return err
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the embedded cloud did not end within a minute of SIGTERM: killed"), c.process.Process.Kill())
	}
}

// Clouded is what `localcloud status -o json` tells.
type Clouded struct {
	Clusters []struct {
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"clusters"` // paused ones included
	Flows []struct {
		Name string `json:"name"`
		Live bool   `json:"live"`
	} `json:"flows"` // ended ones included
}

// Left counts what there still is: warehouses in whatever state, and EMR
// clusters that have not ended.
func (c Clouded) Left() (n int) {
	n = len(c.Clusters)
	for _, f := range c.Flows {
		if f.Live {
			n++
		}
	}
	return n
}
