package s3node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// process keeps one child running: it serves the buckets of one region.
type process struct {
	config Config
	region string
	stop   context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	target *url.URL      // nil while no child listens
	up     chan struct{} // closed when target is set
}

// launch starts a child and returns when it listens.
func launch(ctx context.Context, c Config, region string) (*process, error) {
	life, stop := context.WithCancel(context.Background())
	p := &process{config: c, region: region, stop: stop, ended: make(chan struct{}), up: make(chan struct{})}
	first := make(chan error, 1)
	go p.keep(life, first)
	select {
	case err := <-first:
		if err != nil {
			p.close()
			return nil, err
		}
		return p, nil
	case <-ctx.Done():
		p.close()
		return nil, fmt.Errorf("the S3 process did not start: %w", ctx.Err())
	}
}

// close ends the child.
func (p *process) close() {
	p.stop()
	<-p.ended
}

func (p *process) wait(ctx context.Context, limit time.Duration) *url.URL {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		p.mu.Lock()
		target, up := p.target, p.up
		p.mu.Unlock()
		if target != nil {
			return target
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *process) set(target *url.URL) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case target != nil:
		close(p.up)
	case p.target != nil: // else nobody was let through, and those who wait go on waiting
		p.up = make(chan struct{})
	}
	p.target = target
}

// keep runs children one after the other until ctx ends. The outcome of the
// first start goes to first.
func (p *process) keep(ctx context.Context, first chan<- error) {
	defer close(p.ended)
	for {
		err := p.run(ctx, first)
		if ctx.Err() != nil {
			return
		}
		p.config.Logger.Error("s3: the process ended and is started again", "error", err)
		select {
		case <-time.After(200 * time.Millisecond): // a port that was taken, a full disk: do not spin
		case <-ctx.Done():
			return
		}
	}
}

// run runs one child to its end.
func (p *process) run(ctx context.Context, first chan<- error) error {
	report := func(err error) {
		select {
		case first <- err:
		default: // not the first
		}
	}
	port, err := freePort()
	if err != nil {
		report(err)
		return err
	}
	cmd := exec.CommandContext(ctx, p.config.Command[0], p.config.Command[1:]...)
	stdin, err := cmd.StdinPipe() // kept open: its end is the child's
	if err != nil {
		report(err)
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		report(err)
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		report(err)
		return err
	}
	line, _ := json.Marshal(childConfig{p.config.Dir, port, p.region, p.config.Key, p.config.Secret})
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		p.config.Logger.Error("s3: the process takes no configuration", "error", err)
	}
	said := p.listen(out, func() {
		p.set(&url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)})
		report(nil)
	})
	err = cmd.Wait()
	p.set(nil)
	err = fmt.Errorf("the S3 process ended: %w: %s", err, said)
	report(err)
	return err
}

// listen reads what the child prints to its end, and calls ready when it
// listens. It returns the last line.
func (p *process) listen(out io.Reader, ready func()) (last string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last = lines.Text(); last == readyLine {
			ready()
			continue
		}
		p.config.Logger.Info("s3: " + last)
	}
	return last
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
