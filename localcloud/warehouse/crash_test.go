package warehouse

import (
	"bufio"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"

	"lamplighter/resources/simcloud"
)

const childDir, childS3 = "WAREHOUSE_TEST_DIR", "WAREHOUSE_TEST_S3"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir, os.Getenv(childS3))
	}
	os.Exit(m.Run())
}

// child serves a cluster in a process of its own until it is killed.
func child(dir, s3 string) {
	p, err := New(Config{Dir: dir, S3Endpoint: s3, Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", ""), MemoryLimit: "512MB"})
	if err == nil {
		if _, gone := os.Stat(p.clusterDir("c1")); gone != nil {
			err = try(func(done func(error)) {
				p.Create("c1", simcloud.ClusterSpec{MasterUser: "lamplighter", MasterPassword: password}, done)
			})
		} else {
			err = try(func(done func(error)) { p.Reopen("c1", done) })
		}
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	_, port, _ := p.Endpoint("c1")
	fmt.Println("ready", port, p.CAFile())
	select {}
}

// process is a child that serves a cluster.
type process struct {
	cmd *osexec.Cmd
	dsn string
}

func start(t *testing.T, dir, s3 string) *process {
	t.Helper()
	cmd := osexec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childS3+"="+s3)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	f := strings.Fields(line)
	if err != nil || len(f) != 3 || f[0] != "ready" {
		t.Fatalf("child: %q %v", line, err)
	}
	return &process{cmd, fmt.Sprintf("host=127.0.0.1 port=%s user=lamplighter password=%s database=dev sslmode=verify-full sslrootcert=%s client_encoding=UTF8", f[1], password, f[2])}
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// TestKilledInCopy: whatever moment the server dies at, what had committed is
// there and what had not is not, and a load that is asked for again is there
// once.
func TestKilledInCopy(t *testing.T) {
	s3 := newS3(t)
	dir := t.TempDir()
	var rows strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&rows, "%d,value %d\n", i, i)
	}
	const objects = 12
	for o := range objects {
		s3.put(fmt.Sprintf("b/in/%02d.csv", o), rows.String())
	}
	srv := start(t, dir, s3.URL)
	c := dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
	execAll(t, c, "CREATE TABLE t (n INT, v VARCHAR(30))", "CREATE TABLE ledger (batch INT)", "INSERT INTO ledger VALUES (0)")
	const load = "COPY t FROM 's3://b/in/'" + role + "CSV"
	for round := 1; round <= 3; round++ {
		execAll(t, c, "BEGIN", "LOCK ledger, t")
		switch round {
		case 1: // while objects are being fetched
			killed := make(chan bool, 1)
			n := 0
			s3.mu.Lock()
			s3.onGet = func(string) {
				s3.mu.Lock()
				defer s3.mu.Unlock()
				if n++; n == 5 {
					srv.kill()
					killed <- true
				}
			}
			s3.mu.Unlock()
			if _, err := c.Exec(context.Background(), load); err == nil {
				t.Error("COPY succeeded on a killed server")
			}
			<-killed
			s3.mu.Lock()
			s3.onGet = nil
			s3.mu.Unlock()
		case 2: // after the COPY, before COMMIT
			execAll(t, c, load, "INSERT INTO ledger VALUES (1)")
			srv.kill()
		case 3: // right after COMMIT's answer
			execAll(t, c, load, "INSERT INTO ledger VALUES (1)", "COMMIT")
			srv.kill()
		}
		srv = start(t, dir, s3.URL)
		c = dial(t, srv.dsn, pgx.QueryExecModeSimpleProtocol)
		want := "0 1"
		if round == 3 {
			want = fmt.Sprintf("%d 2", objects*5000)
		}
		if got := one(t, c, "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT count(*) FROM ledger)"); got != want {
			t.Errorf("round %d: rows and batches are %s, want %s", round, got, want)
		}
	}
	if entries, _ := os.ReadDir(dir + "/clusters/c1/" + stageName); len(entries) != 0 {
		t.Errorf("staging folder holds %v", entries)
	}
}

func execAll(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := c.Exec(context.Background(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}
