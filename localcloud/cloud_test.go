package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"lamplighter/config"
)

// TestCloud is a night's calls by the SDK, over HTTP, on one endpoint.
func TestCloud(t *testing.T) {
	p := run(t, t.TempDir(), "--account", "000000000042")
	c := p.clients(t)
	who, err := c.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != "000000000042" {
		t.Errorf("%v %+v", err, who)
	}
	t.Run("warehouse", func(t *testing.T) { warehouseCalls(t, p, c) })
	t.Run("spark", func(t *testing.T) {
		id := c.launch(t, "timeout", "-k", "60", "600", "sh", "-c", "echo from the step")
		flow, step := c.waitFlow(t, id)
		if flow.Status.State != "TERMINATED" || flow.Status.StateChangeReason.Code != "ALL_STEPS_COMPLETED" || step.Status.State != "COMPLETED" {
			t.Errorf("%+v %+v", flow.Status, step.Status)
		}
		_, err := c.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("lamplighter-local"), Key: aws.String("logs/" + id + "/steps/" + *step.Id + "/stdout.gz")})
		if err != nil {
			t.Errorf("the log: %v", err)
		}
	})
	t.Run("spark not set up", func(t *testing.T) {
		_, step := c.waitFlow(t, c.launch(t, "spark-submit", "s3://lamplighter-local/x.py"))
		if step.Status.State != "FAILED" || !strings.Contains(aws.ToString(step.Status.FailureDetails.Reason), "--spark-home") {
			t.Errorf("%+v", step.Status)
		}
	})
	s := statusOf(t, p.data)
	if s.Billing != 0 || len(s.Billed) == 0 || len(s.Clusters) != 0 || len(s.Snapshots) != 1 || !s.Running {
		t.Errorf("status %+v", s)
	}
}

func warehouseCalls(t *testing.T, p *process, c clients) {
	c.createCluster(t, "lamplighter-one")
	if _, err := c.redshift.DeleteCluster(t.Context(), &awsredshift.DeleteClusterInput{ClusterIdentifier: aws.String("lamplighter-one"), SkipFinalClusterSnapshot: aws.Bool(true)}); err == nil || !strings.Contains(err.Error(), "InvalidClusterState") {
		t.Errorf("delete while creating: %v", err)
	}
	c.waitCluster(t, "lamplighter-one", "available")
	c.sql(t, p, "lamplighter-one", "create table kept (n integer)")
	c.sql(t, p, "lamplighter-one", "insert into kept values (41), (42)")
	if _, err := c.redshift.CreateClusterSnapshot(t.Context(), &awsredshift.CreateClusterSnapshotInput{ClusterIdentifier: aws.String("lamplighter-one"), SnapshotIdentifier: aws.String("snap-one")}); err != nil {
		t.Fatal(err)
	}
	until(t, "snap-one", func() bool {
		out, err := c.redshift.DescribeClusterSnapshots(t.Context(), &awsredshift.DescribeClusterSnapshotsInput{SnapshotIdentifier: aws.String("snap-one")})
		return err == nil && *out.Snapshots[0].Status == "available"
	})
	if _, err := c.redshift.DeleteCluster(t.Context(), &awsredshift.DeleteClusterInput{ClusterIdentifier: aws.String("lamplighter-one"), SkipFinalClusterSnapshot: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	c.waitCluster(t, "lamplighter-one", "")
	if _, err := c.redshift.RestoreFromClusterSnapshot(t.Context(), &awsredshift.RestoreFromClusterSnapshotInput{ClusterIdentifier: aws.String("lamplighter-two"), SnapshotIdentifier: aws.String("snap-one")}); err != nil {
		t.Fatal(err)
	}
	c.waitCluster(t, "lamplighter-two", "available")
	if got := c.sql(t, p, "lamplighter-two", "select sum(n) from kept"); got != "83" {
		t.Errorf("the restored table adds up to %q", got)
	}
	if _, err := c.redshift.PauseCluster(t.Context(), &awsredshift.PauseClusterInput{ClusterIdentifier: aws.String("lamplighter-two")}); err != nil {
		t.Fatal(err)
	}
	c.waitCluster(t, "lamplighter-two", "paused")
	if _, err := c.redshift.ResumeCluster(t.Context(), &awsredshift.ResumeClusterInput{ClusterIdentifier: aws.String("lamplighter-two")}); err != nil {
		t.Fatal(err)
	}
	c.waitCluster(t, "lamplighter-two", "available")
	c.killSwitch(t, "lamplighter-two")
	c.waitCluster(t, "lamplighter-two", "")
}

// killSwitch arms a schedule for now that deletes a cluster.
func (c clients) killSwitch(t *testing.T, cluster string) {
	t.Helper()
	_, err := c.scheduler.CreateSchedule(t.Context(), &awsscheduler.CreateScheduleInput{Name: aws.String(cluster + "-d"),
		ScheduleExpression: aws.String("at(" + time.Now().UTC().Add(time.Second).Format("2006-01-02T15:04:05") + ")"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target: &schedulertypes.Target{Arn: aws.String("arn:aws:scheduler:::aws-sdk:redshift:deleteCluster"), RoleArn: aws.String("arn:aws:iam::000000000042:role/kill"),
			Input: aws.String(`{"ClusterIdentifier":"` + cluster + `","SkipFinalClusterSnapshot":true}`)}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKillNine kills the process in the middle of everything and starts it
// again.
func TestKillNine(t *testing.T) {
	data := t.TempDir()
	p := run(t, data)
	c := p.clients(t)
	c.createCluster(t, "lamplighter-kept")
	c.waitCluster(t, "lamplighter-kept", "available")
	file := filepath.Join(t.TempDir(), "pid")
	flow := c.launch(t, "sh", "-c", `trap '' TERM; sleep 600 & echo $! > "$0"; wait`, file)
	pid := 0
	until(t, "the step", func() bool {
		text, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0
	})
	c.createCluster(t, "lamplighter-begun")
	p.kill()
	until(t, "the step's process to end", func() bool { return !alive(pid) })

	if s := statusOf(t, data); s.Running || s.Billing == 0 {
		t.Errorf("status after the kill: %+v", s)
	}
	p = run(t, data)
	c = p.clients(t)
	if s := c.clusterState(t, "lamplighter-kept"); s != "available" {
		t.Errorf("the cluster is %q", s)
	}
	c.waitCluster(t, "lamplighter-begun", "available")
	if _, step := c.waitFlow(t, flow); step.Status.State != "FAILED" || !strings.Contains(*step.Status.FailureDetails.Reason, "restarted") {
		t.Errorf("the step is %+v", step.Status)
	}
}

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// TestStop ends it with a step under way, in both ways.
func TestStop(t *testing.T) {
	for name, end := range map[string]func(*process) error{
		"signal":  func(p *process) error { return p.cmd.Process.Signal(syscall.SIGTERM) },
		"command": func(p *process) error { return command("stop", "--data", p.data).Run() },
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, t.TempDir())
			c := p.clients(t)
			file := filepath.Join(t.TempDir(), "pid")
			c.launch(t, "sh", "-c", `echo $$ > "$0"; exec sleep 600`, file)
			pid := 0
			until(t, "the step", func() bool {
				text, _ := os.ReadFile(file)
				pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
				return pid != 0
			})
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("it ended with %v\n%s", err, p.stderr)
			}
			until(t, "the step's process to end", func() bool { return !alive(pid) })
			if s := statusOf(t, p.data); s.Running {
				t.Errorf("%+v", s)
			}
			if err := command("stop", "--data", p.data).Run(); err != nil {
				t.Errorf("stop again: %v", err)
			}
		})
	}
}

// TestStrangers: every service refuses a wrong secret and an unknown key.
func TestStrangers(t *testing.T) {
	p := run(t, t.TempDir())
	good, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion("us-east-1"), awsconfig.WithBaseEndpoint(p.endpoint),
		awsconfig.WithSharedCredentialsFiles([]string{filepath.Join(p.data, "credentials")}), awsconfig.WithSharedConfigProfile("local"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := good.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ key, s3, query, json string }{
		{key.AccessKeyID, "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"},
		{"AKIASTRANGER", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"},
	} {
		c := good.Copy()
		c.Credentials = credentials.NewStaticCredentialsProvider(tc.key, "wrong", "")
		_, errS3 := awss3.NewFromConfig(c, func(o *awss3.Options) { o.UsePathStyle = true }).ListBuckets(t.Context(), &awss3.ListBucketsInput{})
		_, errRedshift := awsredshift.NewFromConfig(c).DescribeClusters(t.Context(), &awsredshift.DescribeClustersInput{})
		_, errEMR := awsemr.NewFromConfig(c).ListClusters(t.Context(), &awsemr.ListClustersInput{})
		for _, got := range []struct {
			err  error
			want string
		}{{errS3, tc.s3}, {errRedshift, tc.query}, {errEMR, tc.json}} {
			var api smithy.APIError
			var response *awshttp.ResponseError
			if !errors.As(got.err, &api) || api.ErrorCode() != got.want || !errors.As(got.err, &response) || response.HTTPStatusCode() != 403 {
				t.Errorf("key %s: want 403 %s, got %v", tc.key, got.want, got.err)
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "environments", "local.yaml")
	p := run(t, t.TempDir(), "--env-out", file, "--bucket", "first-bucket", "--bucket", "second-bucket")
	e, err := config.LoadEnvironment(file)
	if err != nil {
		t.Fatal(err)
	}
	if e.EndpointURL != p.endpoint || e.Account != "000000000000" || e.Bucket != "first-bucket" || e.Logs != "s3://first-bucket/logs/" {
		t.Errorf("%+v", e)
	}
	for _, path := range []string{e.Credentials.File, e.Connect.CAFile} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	for _, bucket := range []string{"first-bucket", "second-bucket"} {
		if _, err := p.clients(t).s3.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &bucket}); err != nil {
			t.Errorf("%s: %v", bucket, err)
		}
	}
}

func TestSecondStart(t *testing.T) {
	p := run(t, t.TempDir())
	out, err := command("start", "--data", p.data, "--port", "0").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "is running on this data folder") || !strings.Contains(string(out), p.endpoint) {
		t.Errorf("%v %s", err, out)
	}
}

// TestBrokenFolder has a file where a part needs its folder: each part's error
// is told, and what had been started is ended.
func TestBrokenFolder(t *testing.T) {
	for _, part := range []string{"s3", "warehouse", "state.json", "key.json"} {
		data := t.TempDir()
		if err := os.WriteFile(filepath.Join(data, part), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := command("start", "--data", data, "--port", "0").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), filepath.Join(data, part)) {
			t.Errorf("%s: %v %s", part, err, out)
		}
	}
}

func TestFlags(t *testing.T) {
	for line, want := range map[string]string{
		"start":                                   "--data is missing",
		"start --data x --account 12":             "want 12 digits",
		"start --data x --disk-limit much":        "is not a size",
		"start --data /dev/null/x":                "choose another with --data",
		"start --data $ --port 99999":             "choose another port",
		"env --data $":                            "no embedded cloud is running",
		"start -h":                                "ready at URL",
		"start --data x extra":                    "takes no arguments",
		"start --data x --pace -1s":               "want a duration of zero or more",
		"start --data x --spark-memory lots":      "is not a size",
		"start --data $ --port 0 --spark-home /x": "no bin/spark-submit",
		"status":                             "--data is missing",
		"stop":                               "--data is missing",
		"fly":                                "no command",
		"status --data /nonexistent -o yaml": "want text or json",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "$", t.TempDir()))
		out, err := command(args...).CombinedOutput()
		if err == nil != strings.HasSuffix(line, " -h") || !strings.Contains(string(out), want) {
			t.Errorf("%s: want %q, got %v %s", line, want, err, out)
		}
	}
}
