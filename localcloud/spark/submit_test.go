package spark

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseCommand(t *testing.T) {
	cases := []struct {
		name, jar, args string
		want            command
		fails           string
	}{
		{name: "plain", jar: "command-runner.jar", args: "spark-submit s3://b/x.py", want: command{grace: defaultGrace, args: []string{"spark-submit", "s3://b/x.py"}}},
		{name: "in a folder", jar: "/var/lib/aws/emr/command-runner.jar", args: "true", want: command{grace: defaultGrace, args: []string{"true"}}},
		{name: "limit", jar: "command-runner.jar", args: "timeout -k 60 2400 spark-submit x", want: command{limit: 40 * time.Minute, grace: time.Minute, args: []string{"spark-submit", "x"}}},
		{name: "limit, long", jar: "command-runner.jar", args: "timeout --kill-after=1.5m -s TERM 2h a", want: command{limit: 2 * time.Hour, grace: 90 * time.Second, args: []string{"a"}}},
		{name: "signal", jar: "command-runner.jar", args: "timeout -s KILL 1 a", fails: "only TERM"},
		{name: "no duration", jar: "command-runner.jar", args: "timeout spark-submit x", fails: "is not a duration"},
		{name: "nothing", jar: "command-runner.jar", fails: "no command"},
		{name: "nothing under timeout", jar: "command-runner.jar", args: "timeout 5", fails: "no command"},
		{name: "another jar", jar: "s3://b/own.jar", args: "a", fails: "only command-runner.jar"},
		{name: "hadoop", jar: "command-runner.jar", args: "s3-dist-cp --src a", fails: "needs a Hadoop cluster"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseCommand(tc.jar, strings.Fields(tc.args))
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Fatalf("want an error with %q, got %v", tc.fails, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(command{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var here = local{Cores: 2, Memory: 2 << 30, Jars: []string{"/j/a.jar", "/j/b.jar"}, Endpoint: "http://127.0.0.1:4566", Region: "eu-west-1", Temporary: "/t"}

func rewritten(t *testing.T, line string) []string {
	t.Helper()
	s, err := parseSubmit(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	args, err := s.arguments(here)
	if err != nil {
		t.Fatal(err)
	}
	return args
}

func TestSubmit(t *testing.T) {
	args := rewritten(t, "--deploy-mode cluster --master yarn --conf spark.master=yarn --conf=spark.submit.deployMode=cluster -c spark.yarn.maxAppAttempts=1"+
		" --num-executors 5 --executor-memory=20g --supervise --verbose --name n --conf spark.sql.shuffle.partitions=4 --py-files s3://b/p.zip"+
		" --conf spark.driver.extraClassPath=/own.jar --driver-java-options -Dx=y --conf spark.hadoop.fs.s3a.secret.key=z --driver-memory 12g"+
		" s3://b/main.py --master yours --conf mine")
	i := slices.Index(args, "s3://b/main.py")
	if i < 0 || !slices.Equal(args[i:], []string{"s3://b/main.py", "--master", "yours", "--conf", "mine"}) {
		t.Fatalf("the application's own arguments changed: %q", args)
	}
	options := args[:i]
	for _, want := range []string{"--verbose", "n", "spark.sql.shuffle.partitions=4", "s3://b/p.zip", "local[2]", "2048m",
		"spark.driver.extraClassPath=/j/a.jar:/j/b.jar:/own.jar", "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -Xss4m -Djava.io.tmpdir=/t -Dx=y",
		"spark.hadoop.fs.s3a.endpoint=http://127.0.0.1:4566", "spark.hadoop.fs.s3a.directory.marker.retention=keep",
		"spark.hadoop.fs.s3a.connection.ssl.enabled=false"} {
		if !slices.Contains(options, want) {
			t.Errorf("%q is missing in %q", want, options)
		}
	}
	for _, unwanted := range []string{"yarn", "cluster", "secret", "20g", "supervise", "12g", "--num-executors"} {
		if strings.Contains(strings.Join(options, " "), unwanted) {
			t.Errorf("%q is left in %q", unwanted, options)
		}
	}
}

func TestSubmitMemory(t *testing.T) {
	for asked, want := range map[string]string{
		"":                                 "1024m",
		"--driver-memory 1536m":            "1536m",
		"--driver-memory 64g":              "2048m",
		"--driver-memory 16m":              "512m",
		"--conf spark.driver.memory=1100":  "1100m",
		"--conf spark.driver.memory=2GB":   "2048m",
		"--conf spark.driver.memory=900Mb": "900m",
	} {
		args := rewritten(t, asked+" x.py")
		if i := slices.Index(args, "--driver-memory"); args[i+1] != want {
			t.Errorf("%q: want %s, got %s", asked, want, args[i+1])
		}
	}
}

func TestSubmitRefused(t *testing.T) {
	for line, want := range map[string]string{
		"":                            "no application",
		"--conf":                      "a value is missing",
		"--conf spark.x x.py":         "want NAME=VALUE",
		"--remote sc://h x.py":        "--remote is not understood",
		"--kill driver-1":             "--kill is not understood",
		"--driver-memory lots x.py":   "is not a size",
		"--driver-memory -1g x.py":    "is not a size",
		"--driver-memory 0 x.py":      "is not a size",
		"--master yarn --name n":      "no application",
		"--deploy-mode cluster --foo": "--foo is not understood",
	} {
		s, err := parseSubmit(strings.Fields(line))
		if err == nil {
			_, err = s.arguments(here)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error with %q, got %v", line, want, err)
		}
	}
}
