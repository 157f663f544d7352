package crashtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/config"
	"lamplighter/localcloud/server"
	"lamplighter/resources/simcloud"
)

const (
	ownBucket    = "lamplighter-local"
	eventsBucket = "crash-events"
	pace         = "150ms" // of each transition of a cluster or snapshot
	// Answers of the embedded cloud do not lag; a call of a controller that was
	// killed is over long before the grace.
	timing = "timing: {grace: 2s, poll: 150ms, kill_switch_margin: 1s}"
	// patience bounds every wait: a machine may be slow, nothing takes this long.
	patience = 8 * time.Minute
)

// cloud is an embedded cloud, as a process of its own, and the folder of the
// pipeline that runs on it.
type cloud struct {
	data, project string
	flags         []string
	process       *exec.Cmd
	said          *safeBuffer
	ended         chan error
	env           *config.Environment
	redshift      *awsredshift.Client
	s3            *awss3.Client
}

// safeBuffer keeps what a process says, while it says it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// open makes a cloud of a data folder, for a pipeline, and starts it.
func open(t *testing.T, data string, p pipeline, flags ...string) *cloud {
	t.Helper()
	c := &cloud{data: data, project: t.TempDir()}
	c.flags = append([]string{"--pace", pace}, flags...)
	p.write(t, c.project)
	c.start(t, 0)
	t.Cleanup(func() { c.stop(t) })
	return c
}

// start starts the process on a port (0: a free one) and waits until it is
// ready.
func (c *cloud) start(t *testing.T, port int) {
	t.Helper()
	file := filepath.Join(c.project, "environments", "local.yaml")
	args := append([]string{"start", "--data", c.data, "--port", fmt.Sprint(port), "--bucket", ownBucket, "--bucket", eventsBucket, "--env-out", file}, c.flags...)
	c.process, c.said, c.ended = exec.Command(localcloud, args...), &safeBuffer{}, make(chan error, 1)
	c.process.Stderr = c.said
	out, err := c.process.StdoutPipe()
	fatal(t, err)
	fatal(t, c.process.Start())
	ready, process, ended := make(chan bool, 1), c.process, c.ended
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			ready <- strings.HasPrefix(lines.Text(), "localcloud: ready")
		}
		ended <- process.Wait()
	}()
	select {
	case <-ready:
	case err := <-c.ended:
		t.Fatalf("localcloud ended at once: %v\n%s", err, c.said)
	case <-time.After(patience):
		c.process.Process.Kill()
		t.Fatalf("localcloud is not ready\n%s", c.said)
	}
	c.connect(t, file)
}

// connect reads the environment file as lamplighter does, with times for
// tests.
func (c *cloud) connect(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	fatal(t, err)
	quick := regexp.MustCompile(`(?m)^timing: .*$`).ReplaceAll(text, []byte(timing))
	if bytes.Equal(quick, text) {
		t.Fatalf("no timing to replace in\n%s", text)
	}
	fatal(t, os.WriteFile(file, quick, 0o600))
	c.env, err = config.LoadEnvironment(file)
	fatal(t, err)
	profile, err := awsconfig.LoadSharedConfigProfile(t.Context(), c.env.Credentials.Profile, func(o *awsconfig.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{c.env.Path(c.env.Credentials.File)}, []string{}
	})
	fatal(t, err)
	keys := profile.Credentials
	settings := aws.Config{Region: c.env.Region, BaseEndpoint: &c.env.EndpointURL,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
	c.redshift = awsredshift.NewFromConfig(settings)
	c.s3 = awss3.NewFromConfig(settings, func(o *awss3.Options) { o.UsePathStyle = true })
}

// port is that of the endpoint.
func (c *cloud) port(t *testing.T) (port int) {
	t.Helper()
	_, text, err := net.SplitHostPort(strings.TrimPrefix(c.env.EndpointURL, "http://"))
	fatal(t, err)
	_, err = fmt.Sscan(text, &port)
	fatal(t, err)
	return port
}

// stop ends the process in order. Repeat calls do nothing.
func (c *cloud) stop(t *testing.T) {
	t.Helper()
	if c.process == nil {
		return
	}
	_ = c.process.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case err := <-c.ended:
		if err != nil {
			t.Errorf("localcloud ended with %v\n%s", err, c.said)
		}
	case <-time.After(patience):
		t.Errorf("localcloud does not end: killed\n%s", c.said)
		c.kill()
	}
	c.process = nil
}

// kill ends the process with -9.
func (c *cloud) kill() {
	_ = c.process.Process.Kill()
	<-c.ended
	c.process = nil
}

// state is what the control planes know, as they saved it.
func (c *cloud) state(t *testing.T) *simcloud.State {
	t.Helper()
	state, err := server.Folder(c.data).State()
	fatal(t, err)
	if state == nil {
		t.Fatal("the embedded cloud saved no state")
	}
	return state
}

// put writes an object.
func (c *cloud) put(t *testing.T, bucket, key string, body []byte) {
	t.Helper()
	fatal(t, c.tryPut(t.Context(), bucket, key, body))
}

func (c *cloud) tryPut(ctx context.Context, bucket, key string, body []byte) error {
	_, err := c.s3.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// until asks again until ok, and fails when that does not come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: it does not come", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// copyFolder copies a data folder whose cloud has stopped. S3 keeps metadata
// in extended attributes, which `cp -a` takes along.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "cloud")
	said, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput()
	if err != nil {
		t.Fatalf("cp -a: %v\n%s", err, said)
	}
	return to
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exitCode is that of a process that ended; -1: by a signal.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}
