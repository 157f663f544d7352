// Package s3node serves S3 for the embedded cloud: versitygw over plain files,
// in a child process of the same binary, behind a reverse proxy.
//
// It is a process of its own because versitygw changes the working directory,
// exists once per process, and must not take the rest of the cloud down. The
// child ends when its parent ends, and is started again when it dies.
package s3node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// Config of a Node.
type Config struct {
	Dir         string   // where objects are kept; absolute
	Region      string   // signatures for any other are refused
	Key, Secret string   // the one account's access key
	Command     []string // starts a process that calls Serve with its standard streams
	Logger      *slog.Logger
}

// Node is a running S3 server. It is an http.Handler that passes requests on
// unchanged, so that the signature the client made is the one verified.
type Node struct {
	config Config
	proxy  *httputil.ReverseProxy
	stop   context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	target *url.URL      // nil while no child listens
	up     chan struct{} // closed when target is set
}

// Start starts the child and returns when it listens.
func Start(ctx context.Context, c Config) (*Node, error) {
	life, stop := context.WithCancel(context.Background())
	n := &Node{config: c, stop: stop, ended: make(chan struct{}), up: make(chan struct{})}
	n.proxy = &httputil.ReverseProxy{
		Rewrite: n.rewrite,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     10 * time.Second,
			DisableCompression:  true, // the client's Accept-Encoding may be signed
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c.Logger.Warn("s3: request not passed on", "error", err)
			unavailable(w)
		},
	}
	first := make(chan error, 1)
	go n.keep(life, first)
	select {
	case err := <-first:
		if err != nil {
			stop()
			<-n.ended
			return nil, err
		}
		return n, nil
	case <-ctx.Done():
		stop()
		<-n.ended
		return nil, fmt.Errorf("the S3 process did not start: %w", ctx.Err())
	}
}

// Close ends the child.
func (n *Node) Close() {
	n.stop()
	<-n.ended
}

// rewrite changes nothing but where the request goes: host, path and query
// stay as they were signed.
func (n *Node) rewrite(r *httputil.ProxyRequest) {
	target := r.In.Context().Value(targetKey{}).(*url.URL)
	r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = r.In.Host
	r.Out.Header.Del("Expect") // answered by this server already
}

type targetKey struct{}

// ServeHTTP passes a request on. While the child is being started again it
// waits a few seconds, then answers 503, which SDKs retry.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := n.wait(r.Context(), 10*time.Second)
	if target == nil {
		unavailable(w)
		return
	}
	n.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), targetKey{}, target)))
}

func unavailable(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>ServiceUnavailable</Code><Message>The S3 process is being started again. Please try again.</Message></Error>`)
}

func (n *Node) wait(ctx context.Context, limit time.Duration) *url.URL {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		n.mu.Lock()
		target, up := n.target, n.up
		n.mu.Unlock()
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

func (n *Node) set(target *url.URL) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case target != nil:
		close(n.up)
	case n.target != nil: // else nobody was let through, and those who wait go on waiting
		n.up = make(chan struct{})
	}
	n.target = target
}

// keep runs children one after the other until ctx ends. The outcome of the
// first start goes to first.
func (n *Node) keep(ctx context.Context, first chan<- error) {
	defer close(n.ended)
	for {
		err := n.run(ctx, first)
		if ctx.Err() != nil {
			return
		}
		n.config.Logger.Error("s3: the process ended and is started again", "error", err)
		select {
		case <-time.After(200 * time.Millisecond): // a port that was taken, a full disk: do not spin
		case <-ctx.Done():
			return
		}
	}
}

// run runs one child to its end.
func (n *Node) run(ctx context.Context, first chan<- error) error {
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
	cmd := exec.CommandContext(ctx, n.config.Command[0], n.config.Command[1:]...)
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
	line, _ := json.Marshal(childConfig{n.config.Dir, port, n.config.Region, n.config.Key, n.config.Secret})
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		n.config.Logger.Error("s3: the process takes no configuration", "error", err)
	}
	said := n.listen(out, func() {
		n.set(&url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)})
		report(nil)
	})
	err = cmd.Wait()
	n.set(nil)
	err = fmt.Errorf("the S3 process ended: %w: %s", err, said)
	report(err)
	return err
}

// listen reads what the child prints to its end, and calls ready when it
// listens. It returns the last line.
func (n *Node) listen(out io.Reader, ready func()) (last string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last = lines.Text(); last == readyLine {
			ready()
			continue
		}
		n.config.Logger.Info("s3: " + last)
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
