package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/jackc/pgx/v5"

	"lamplighter/localcloud/server"
)

const mainVariable = "LOCALCLOUD_TEST_MAIN"

// TestMain lets the test binary stand in for the command, and for the
// processes that the command starts of itself.
func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Setenv(mainVariable, "1")
	os.Exit(m.Run())
}

// process is a running localcloud.
type process struct {
	cmd      *exec.Cmd
	data     string
	endpoint string
	stderr   *bytes.Buffer
}

func command(args ...string) *exec.Cmd { return exec.Command(os.Args[0], args...) }

// run starts localcloud and returns when it says that it is ready.
func run(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p := &process{data: data, stderr: &bytes.Buffer{}}
	p.cmd = command(append([]string{"start", "--data", data, "--port", "0", "--pace", "50ms"}, args...)...)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	endpoint, ok := strings.CutPrefix(strings.TrimSpace(line), "localcloud: ready at ")
	if err != nil || !ok {
		p.cmd.Wait()
		t.Fatalf("it said %q, %v\n%s", line, err, p.stderr)
	}
	p.endpoint = endpoint
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// clients of one localcloud.
type clients struct {
	redshift  *awsredshift.Client
	emr       *awsemr.Client
	scheduler *awsscheduler.Client
	sts       *sts.Client
	s3        *awss3.Client
}

// clients are made as lamplighter makes them: from the credentials file.
func (p *process) clients(t *testing.T) clients {
	t.Helper()
	c, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion("us-east-1"), awsconfig.WithBaseEndpoint(p.endpoint),
		awsconfig.WithSharedCredentialsFiles([]string{filepath.Join(p.data, "credentials")}), awsconfig.WithSharedConfigProfile("local"),
		awsconfig.WithSharedConfigFiles(nil))
	if err != nil {
		t.Fatal(err)
	}
	return clients{awsredshift.NewFromConfig(c), awsemr.NewFromConfig(c), awsscheduler.NewFromConfig(c), sts.NewFromConfig(c),
		awss3.NewFromConfig(c, func(o *awss3.Options) { o.UsePathStyle = true })}
}

// until asks again until ok. There is no limit but the test's own.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-t.Context().Done():
			t.Fatalf("waiting for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// clusterState is "" for a cluster that does not exist.
func (c clients) clusterState(t *testing.T, id string) string {
	t.Helper()
	out, err := c.redshift.DescribeClusters(t.Context(), &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		if strings.Contains(err.Error(), "ClusterNotFound") {
			return ""
		}
		t.Fatal(err)
	}
	return *out.Clusters[0].ClusterStatus
}

func (c clients) waitCluster(t *testing.T, id, state string) {
	t.Helper()
	until(t, id+" "+state, func() bool { return c.clusterState(t, id) == state })
}

func (c clients) createCluster(t *testing.T, id string) {
	t.Helper()
	_, err := c.redshift.CreateCluster(t.Context(), &awsredshift.CreateClusterInput{ClusterIdentifier: &id, NodeType: aws.String("ra3.large"),
		NumberOfNodes: aws.Int32(2), ClusterType: aws.String("multi-node"), MasterUsername: aws.String("lamplighter"), MasterUserPassword: aws.String("Passw0rdPassw0rd")})
	if err != nil {
		t.Fatal(err)
	}
}

// sql logs in as lamplighter does, with a fresh login over TLS, and returns the
// one value that a statement answers, if any.
func (c clients) sql(t *testing.T, p *process, cluster, statement string) (value string) {
	t.Helper()
	login, err := c.redshift.GetClusterCredentials(t.Context(), &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: &cluster, DbUser: aws.String("lamplighter")})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.redshift.DescribeClusters(t.Context(), &awsredshift.DescribeClustersInput{ClusterIdentifier: &cluster})
	if err != nil {
		t.Fatal(err)
	}
	at := shown.Clusters[0].Endpoint
	settings, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=dev sslmode=verify-full sslrootcert='%s'", *at.Address, *at.Port, filepath.Join(p.data, "warehouse", "tls", "ca.pem")))
	if err != nil {
		t.Fatal(err)
	}
	settings.User, settings.Password = *login.DbUser, *login.DbPassword
	conn, err := pgx.ConnectConfig(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	results, err := conn.PgConn().Exec(t.Context(), statement).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if rows := results[len(results)-1].Rows; len(rows) > 0 {
		value = string(rows[0][0])
	}
	return value
}

// launch starts a flow with one step and returns its id.
func (c clients) launch(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.emr.RunJobFlow(t.Context(), &awsemr.RunJobFlowInput{
		Name: aws.String("lamplighter-test"), ReleaseLabel: aws.String("emr-7.10.0"), LogUri: aws.String("s3://lamplighter-local/logs/"),
		ServiceRole: aws.String("service"), JobFlowRole: aws.String("profile"),
		Instances: &emrtypes.JobFlowInstancesConfig{InstanceCount: aws.Int32(2), MasterInstanceType: aws.String("m6g.xlarge"), SlaveInstanceType: aws.String("m6g.xlarge")},
		Steps: []emrtypes.StepConfig{{Name: aws.String("step"), ActionOnFailure: emrtypes.ActionOnFailureContinue,
			HadoopJarStep: &emrtypes.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.JobFlowId
}

func (c clients) flow(t *testing.T, id string) (*emrtypes.Cluster, emrtypes.StepSummary) {
	t.Helper()
	flow, err := c.emr.DescribeCluster(t.Context(), &awsemr.DescribeClusterInput{ClusterId: &id})
	if err != nil {
		t.Fatal(err)
	}
	steps, err := c.emr.ListSteps(t.Context(), &awsemr.ListStepsInput{ClusterId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return flow.Cluster, steps.Steps[0]
}

// waitFlow waits for the end.
func (c clients) waitFlow(t *testing.T, id string) (flow *emrtypes.Cluster, step emrtypes.StepSummary) {
	t.Helper()
	until(t, "the end of "+id, func() bool {
		flow, step = c.flow(t, id)
		return strings.HasPrefix(string(flow.Status.State), "TERMINATED")
	})
	return flow, step
}

func statusOf(t *testing.T, data string) (s server.Status) {
	t.Helper()
	out, err := command("status", "--data", data, "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, c clients, bucket, key string) string {
	t.Helper()
	out, err := c.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
