// Package spark runs the steps of EMR clusters for the embedded cloud: real
// programs, real Spark, on this machine. A step that cannot be run fails and
// says why; none is ever pretended.
package spark

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"lamplighter/resources/simcloud"
)

// Config of a Plane. Home, Python and Jars may be empty: then spark-submit
// steps fail and say what to install.
type Config struct {
	Dir      string // for the steps' files; absolute. What is in it is removed
	Home     string // SPARK_HOME: the folder with bin/spark-submit
	Python   string // the interpreter of PySpark; "" leaves it to Spark
	Jars     string // folder with the jars of S3A: hadoop-aws and aws-java-sdk-*
	JavaHome string // "" leaves it to Spark
	Memory   int64  // most heap of a driver, in bytes; 0 is 2 GiB
	Cores    int    // 0 is all

	Endpoint    string // of S3
	Region      string
	Key, Secret string

	Supervisor []string // starts a process that calls Supervise
	// Upload keeps a log at s3://bucket/key.
	Upload func(ctx context.Context, bucket, key string, body []byte) error
	Logger *slog.Logger
}

// Plane runs steps. It implements simcloud.SparkPlane.
type Plane struct {
	config Config
	jars   []string

	mu     sync.Mutex
	closed bool
	steps  map[int]func() // cancels what runs
	next   int
	wg     sync.WaitGroup
}

// New makes a Plane and clears its folder. A Spark that is named but not there
// is an error.
func New(c Config) (*Plane, error) {
	if c.Memory == 0 {
		c.Memory = 2 << 30
	}
	if c.Cores == 0 {
		c.Cores = runtime.NumCPU()
	}
	p := &Plane{config: c, steps: map[int]func(){}}
	if c.Home != "" {
		if _, err := os.Stat(filepath.Join(c.Home, "bin", "spark-submit")); err != nil {
			return nil, fmt.Errorf("the Spark home %s has no bin/spark-submit: %w", c.Home, err)
		}
		var err error
		if p.jars, err = filepath.Glob(filepath.Join(c.Jars, "*.jar")); c.Jars == "" || err != nil || len(p.jars) == 0 {
			return nil, fmt.Errorf("the folder of S3A's jars %q holds no jar: it needs hadoop-aws of Spark's own Hadoop version and the aws-java-sdk that goes with it", c.Jars)
		}
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return nil, fmt.Errorf("clear the folder of steps: %w", err)
	}
	return p, os.MkdirAll(c.Dir, 0o755)
}

// Start runs a step in the background; see simcloud.SparkPlane.
func (p *Plane) Start(flow simcloud.FlowSpec, step simcloud.StepSpec, done func(exit int, reason, logFile string)) (cancel func()) {
	r := &run{plane: p, flow: flow, step: step, cancelled: make(chan struct{})}
	cancel = sync.OnceFunc(func() { close(r.cancelled) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go done(1, "this cloud is being shut down", "")
		return cancel
	}
	id := p.next
	p.next++
	p.steps[id] = cancel
	p.wg.Go(func() {
		exit, reason := r.run()
		logFile := r.keepLogs(exit, reason)
		p.mu.Lock()
		delete(p.steps, id)
		p.mu.Unlock()
		done(exit, reason, logFile)
	})
	return cancel
}

// Close cancels all steps and waits for their end.
func (p *Plane) Close() {
	p.mu.Lock()
	p.closed = true
	for _, cancel := range p.steps {
		cancel()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// run is one step under way.
type run struct {
	plane     *Plane
	flow      simcloud.FlowSpec
	step      simcloud.StepSpec
	cancelled chan struct{}
	dir       string // holds work, tmp, conf and the three logs
	notes     []string
}

func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, time.Now().UTC().Format(time.RFC3339)+" "+fmt.Sprintf(format, args...))
}

// run runs the step to its end; a reason is given for every exit but 0.
func (r *run) run() (exit int, reason string) {
	r.dir = filepath.Join(r.plane.config.Dir, r.flow.ID, r.step.ID)
	for _, sub := range []string{"work", "tmp", "conf"} {
		if err := os.MkdirAll(filepath.Join(r.dir, sub), 0o755); err != nil {
			return 1, "make the step's folder: " + err.Error()
		}
	}
	c, err := parseCommand(r.step.Jar, r.step.Args)
	if err != nil {
		return 1, err.Error()
	}
	r.note("asked for: %q", r.step.Args)
	if filepath.Base(c.args[0]) == "spark-submit" {
		if c.args, err = r.submit(c.args[1:]); err != nil {
			return 1, err.Error()
		}
	}
	exit, err = r.supervised(c)
	switch {
	case err != nil:
		return 1, err.Error()
	case exit == 0:
		return 0, ""
	case exit == exitTimedOut && c.limit > 0:
		return exit, fmt.Sprintf("timed out after %s", c.limit)
	}
	reason = fmt.Sprintf("exit code %d", exit)
	if said := r.lastWords(); said != "" {
		reason += ": " + said
	}
	return exit, reason
}

// submit is the real spark-submit with arguments that work here.
func (r *run) submit(args []string) ([]string, error) {
	c := r.plane.config
	if c.Home == "" {
		return nil, fmt.Errorf("no Spark is set up in this embedded cloud: start it with --spark-home, --spark-python and --spark-jars")
	}
	s, err := parseSubmit(args)
	if err != nil {
		return nil, err
	}
	if len(s.dropped) > 0 {
		r.note("no meaning here, left out: %s", strings.Join(s.dropped, ", "))
	}
	ours, err := s.arguments(local{Cores: c.Cores, Memory: c.Memory, Jars: r.plane.jars, Endpoint: c.Endpoint, Region: c.Region, Temporary: filepath.Join(r.dir, "tmp")})
	if err != nil {
		return nil, err
	}
	// The keys go into a file and not among the arguments, which anybody may see.
	site := fmt.Sprintf("<configuration><property><name>fs.s3a.access.key</name><value>%s</value></property><property><name>fs.s3a.secret.key</name><value>%s</value></property></configuration>\n", c.Key, c.Secret)
	if err := os.WriteFile(filepath.Join(r.dir, "conf", "core-site.xml"), []byte(site), 0o600); err != nil {
		return nil, err
	}
	return append([]string{filepath.Join(c.Home, "bin", "spark-submit")}, ours...), nil
}

func (r *run) environment() []string {
	c := r.plane.config
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(r.dir, "work"), "TMPDIR=" + filepath.Join(r.dir, "tmp"), "LANG=C.UTF-8",
		"AWS_ENDPOINT_URL=" + c.Endpoint, "AWS_REGION=" + c.Region, "AWS_DEFAULT_REGION=" + c.Region,
		"AWS_ACCESS_KEY_ID=" + c.Key, "AWS_SECRET_ACCESS_KEY=" + c.Secret, "AWS_EC2_METADATA_DISABLED=true",
		"SPARK_LOCAL_IP=127.0.0.1", "SPARK_CONF_DIR=" + filepath.Join(r.dir, "conf"),
	}
	for name, value := range map[string]string{
		"SPARK_HOME": c.Home, "JAVA_HOME": c.JavaHome, "PYSPARK_PYTHON": c.Python, "PYSPARK_DRIVER_PYTHON": c.Python,
	} {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// supervised runs the command under a supervisor.
func (r *run) supervised(c command) (exit int, err error) {
	cmd := exec.Command(r.plane.config.Supervisor[0], r.plane.config.Supervisor[1:]...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	for name, to := range map[string]*io.Writer{"stdout": &cmd.Stdout, "stderr": &cmd.Stderr} {
		f, err := os.Create(filepath.Join(r.dir, name))
		if err != nil {
			return 0, err
		}
		defer f.Close()
		*to = f
	}
	r.note("running: %q", c.args)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	line, err := json.Marshal(order{c.args, r.environment(), filepath.Join(r.dir, "work"), c.limit, c.grace})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(stdin, "%s\n", line)
	ended := make(chan struct{})
	go func() {
		select {
		case <-r.cancelled:
			fmt.Fprintln(stdin, cancelLine)
		case <-ended:
		}
	}()
	err = cmd.Wait()
	close(ended)
	return exitCode(err), nil
}
