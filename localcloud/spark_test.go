package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// sparkFlags are the flags of a real Spark. LAMPLIGHTER_SPARK_VENV is a Python
// environment with PySpark 3.5, LAMPLIGHTER_SPARK_JARS a folder with the jars
// of S3A. A Spark that is named and broken fails the test.
func sparkFlags(t *testing.T) []string {
	t.Helper()
	venv, jars := os.Getenv("LAMPLIGHTER_SPARK_VENV"), os.Getenv("LAMPLIGHTER_SPARK_JARS")
	if venv == "" {
		t.Skip("LAMPLIGHTER_SPARK_VENV is not set: no real Spark to test with")
	}
	homes, _ := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", "pyspark"))
	if len(homes) != 1 || jars == "" {
		t.Fatalf("LAMPLIGHTER_SPARK_VENV=%s has no one pyspark (%q), or LAMPLIGHTER_SPARK_JARS=%q is not set", venv, homes, jars)
	}
	return []string{"--spark-home", homes[0], "--spark-python", filepath.Join(venv, "bin", "python"), "--spark-jars", jars}
}

const countJob = `
import sys
from pyspark.sql import SparkSession
import helper
reads, writes = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv(reads, header=True)
if rows.count() == 0:
    raise ValueError("no rows in " + reads)
rows.groupBy("user").count().coalesce(1).write.mode("overwrite").partitionBy("user").parquet(writes + "counts/")
fs = spark._jvm.org.apache.hadoop.fs.Path(writes + "metrics.json")
out = fs.getFileSystem(spark._jsc.hadoopConfiguration()).create(fs)
out.write(bytearray(helper.text(spark.read.parquet(writes + "counts/").count()), "utf-8"))
out.close()
`

// TestRealSpark runs a job that lies in S3, with a module that lies there too,
// as EMR would be asked to.
func TestRealSpark(t *testing.T) {
	p := run(t, t.TempDir(), sparkFlags(t)...)
	c := p.clients(t)
	for key, body := range map[string]string{
		"jobs/count.py":  countJob,
		"jobs/helper.py": "def text(n):\n    return '{\"rows\": %d}' % n\n",
		"in/a.csv":       "user,movie\n1,10\n1,11\n2,10\n",
		"in/b.csv":       "user,movie\n3,10\n",
		"empty/a.csv":    "user,movie\n",
	} {
		if _, err := c.s3.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("lamplighter-local"), Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	submit := []string{"timeout", "-k", "60", "600", "spark-submit", "--deploy-mode", "cluster", "--master", "yarn", "--executor-memory", "4g",
		"--conf", "spark.sql.shuffle.partitions=2", "--py-files", "s3://lamplighter-local/jobs/helper.py", "s3://lamplighter-local/jobs/count.py"}

	flow, step := c.waitFlow(t, c.launch(t, append(submit, "s3://lamplighter-local/in/", "s3://lamplighter-local/out/1/")...))
	if step.Status.State != "COMPLETED" || flow.Status.State != "TERMINATED" {
		t.Fatalf("%+v %+v", aws.ToString(step.Status.FailureDetails.Reason), flow.Status)
	}
	if got := get(t, c, "lamplighter-local", "out/1/metrics.json"); got != `{"rows": 3}` {
		t.Errorf("metrics are %s", got)
	}
	list, err := c.s3.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("lamplighter-local"), Prefix: aws.String("out/1/counts/user=")})
	if err != nil || len(list.Contents) != 3 {
		t.Errorf("%v: want three partitions and nothing temporary, got %+v", err, list)
	}

	_, step = c.waitFlow(t, c.launch(t, append(submit, "s3://lamplighter-local/empty/", "s3://lamplighter-local/out/2/")...))
	if reason := aws.ToString(step.Status.FailureDetails.Reason); step.Status.State != "FAILED" || !strings.Contains(reason, "ValueError: no rows in s3://lamplighter-local/empty/") {
		t.Errorf("%s %q", step.Status.State, reason)
	}
	if log := aws.ToString(step.Status.FailureDetails.LogFile); !strings.HasSuffix(log, "/stdout.gz") {
		t.Errorf("the traceback is in %q", log)
	}
}

// TestSideBySide runs two steps that each wait for the other: with a
// concurrency of two they end, one after the other they would not.
func TestSideBySide(t *testing.T) {
	p := run(t, t.TempDir())
	c := p.clients(t)
	dir := t.TempDir()
	meet := func(mine, other string) []string {
		return []string{"timeout", "60", "sh", "-c", `touch "$0/$1"; until [ -e "$0/$2" ]; do sleep 0.05; done`, dir, mine, other}
	}
	step := func(name string, args []string) emrtypes.StepConfig {
		return emrtypes.StepConfig{Name: aws.String(name), ActionOnFailure: emrtypes.ActionOnFailureContinue,
			HadoopJarStep: &emrtypes.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args}}
	}
	out, err := c.emr.RunJobFlow(t.Context(), &awsemr.RunJobFlowInput{
		Name: aws.String("lamplighter-test"), ReleaseLabel: aws.String("emr-7.10.0"), ServiceRole: aws.String("service"), JobFlowRole: aws.String("profile"),
		StepConcurrencyLevel: aws.Int32(2),
		Instances:            &emrtypes.JobFlowInstancesConfig{InstanceCount: aws.Int32(2), MasterInstanceType: aws.String("m6g.xlarge"), SlaveInstanceType: aws.String("m6g.xlarge")},
		Steps:                []emrtypes.StepConfig{step("a", meet("a", "b")), step("b", meet("b", "a"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.waitFlow(t, *out.JobFlowId)
	steps, err := c.emr.ListSteps(t.Context(), &awsemr.ListStepsInput{ClusterId: out.JobFlowId})
	if err != nil || len(steps.Steps) != 2 {
		t.Fatal(err, steps)
	}
	for _, s := range steps.Steps {
		if s.Status.State != emrtypes.StepStateCompleted {
			t.Errorf("step %s is %s", aws.ToString(s.Name), s.Status.State)
		}
	}
}
