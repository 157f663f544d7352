package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// What Spark is fetched as. EMR 7 has Spark 3.5; hadoop-aws goes with the
// Hadoop that PySpark brings, the rest with hadoop-aws.
const (
	pyspark = "pyspark>=3.5,<3.6"
	hadoop  = "3.3.4"
	awsSDK  = "1.12.262"
)

// Download sizes in MB, as measured on Linux: for people who pay for them.
const (
	SparkMB     = 340 // pyspark 318, numpy 17, jars 5
	GoModulesMB = 140 // of both modules; DuckDB's library is 31 of them
)

// jars are the four that S3A needs. Each would bring others, which PySpark has
// already or which are never called: those are excluded by name, above all the
// bundle of all of AWS's SDK, 280 MB.
var jars = []string{
	"org.apache.hadoop:hadoop-aws:" + hadoop, "com.amazonaws:aws-java-sdk-core:" + awsSDK,
	"com.amazonaws:aws-java-sdk-s3:" + awsSDK, "com.amazonaws:aws-java-sdk-dynamodb:" + awsSDK,
}

var excludedJars = []string{
	"com.amazonaws:aws-java-sdk-bundle", "com.amazonaws:aws-java-sdk-kms", "com.amazonaws:jmespath-java", "org.wildfly.openssl:wildfly-openssl",
	"software.amazon.ion:ion-java", "commons-logging:commons-logging", "commons-codec:commons-codec", "org.apache.httpcomponents:httpclient",
	"com.fasterxml.jackson.core:jackson-databind", "com.fasterxml.jackson.dataformat:jackson-dataformat-cbor", "joda-time:joda-time",
}

// testsNeed lists, within the repository, what the tests of the Spark jobs run
// on.
const testsNeed = "jobs/tests/requirements.txt"

// Spark is a Spark that is ready.
type Spark struct{ Home, Python, Jars string }

// venv is the folder of Python packages.
func (p Place) venv() string { return p.In("venv") }

// Spark is what was fetched; ok is false if that never came to its end.
func (p Place) Spark() (s Spark, ok bool) {
	homes, _ := filepath.Glob(filepath.Join(p.venv(), "lib", "python3.*", "site-packages", "pyspark"))
	if len(homes) != 1 {
		return s, false
	}
	s = Spark{Home: homes[0], Python: filepath.Join(p.venv(), "bin", "python"), Jars: p.In("jars")}
	made, err := os.ReadFile(p.In("spark-ready"))
	if err != nil || string(made) != sparkMark() {
		return s, false
	}
	// The interpreter that the venv points to may have gone since.
	_, err = os.Stat(s.Python)
	return s, err == nil
}

// sparkMark is what spark-ready holds: another wish makes what is there stale.
func sparkMark() string {
	return strings.Join(append([]string{pyspark, "numpy"}, jars...), "\n") + "\n"
}

// FetchSpark makes the venv and fetches the jars, once: when all is there it
// does nothing and needs no network. What the tools say goes to spark.log.
func (p Place) FetchSpark(ctx context.Context, python string) (Spark, error) {
	if s, ok := p.Spark(); ok {
		return s, nil
	}
	for _, name := range []string{"venv", "jars", "ivy"} {
		if err := os.RemoveAll(p.In(name)); err != nil {
			return Spark{}, err
		}
	}
	log, err := os.Create(p.In("spark.log"))
	if err != nil {
		return Spark{}, err
	}
	defer log.Close()
	run := func(env []string, name string, args ...string) error {
		return command(ctx, p.Dot(), log, env, name, args...)
	}
	if err := run(nil, python, "-m", "venv", p.venv()); err != nil {
		return Spark{}, err
	}
	pip := filepath.Join(p.venv(), "bin", "python")
	if err := run(nil, pip, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pyspark, "numpy"); err != nil {
		return Spark{}, err
	}
	if err := p.fetchJars(run); err != nil {
		return Spark{}, err
	}
	if err := os.WriteFile(p.In("spark-ready"), []byte(sparkMark()), 0o644); err != nil {
		return Spark{}, err
	}
	s, ok := p.Spark()
	if !ok {
		return s, fmt.Errorf("%s holds no pyspark after it was installed: see %s", p.venv(), log.Name())
	}
	return s, nil
}

// fetchJars lets spark-submit fetch the jars for a program that does nothing.
func (p Place) fetchJars(run func([]string, string, ...string) error) error {
	homes, _ := filepath.Glob(filepath.Join(p.venv(), "lib", "python3.*", "site-packages", "pyspark"))
	if len(homes) != 1 {
		return fmt.Errorf("%s holds no pyspark", p.venv())
	}
	nothing := p.In("nothing.py")
	if err := os.WriteFile(nothing, nil, 0o644); err != nil {
		return err
	}
	defer os.Remove(nothing)
	s := Spark{Home: homes[0], Python: filepath.Join(p.venv(), "bin", "python")}
	err := run(s.Env(), filepath.Join(s.Home, "bin", "spark-submit"), "--master", "local[1]", "--conf", "spark.jars.ivy="+p.In("ivy"),
		"--packages", strings.Join(jars, ","), "--exclude-packages", strings.Join(excludedJars, ","), nothing)
	if err != nil {
		return err
	}
	if err := os.Rename(p.In("ivy", "jars"), p.In("jars")); err != nil {
		return err
	}
	if found, err := filepath.Glob(p.In("jars", "*.jar")); err != nil || len(found) != len(jars) {
		return fmt.Errorf("%s holds %d jars, want %d: %w", p.In("jars"), len(found), len(jars), errors.Join(err, fs.ErrNotExist))
	}
	return os.RemoveAll(p.In("ivy"))
}

// Env is what spark-submit needs besides the process's own environment.
func (s Spark) Env() []string {
	return []string{"SPARK_HOME=" + s.Home, "PYSPARK_PYTHON=" + s.Python, "PYSPARK_DRIVER_PYTHON=" + s.Python, "SPARK_LOCAL_IP=127.0.0.1"}
}

// FetchForTests adds what the tests of the Spark jobs need to the venv, once.
func (p Place) FetchForTests(ctx context.Context) error {
	want, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(testsNeed)))
	if err != nil {
		return err
	}
	ready := filepath.Join(p.venv(), "tests-ready")
	if made, err := os.ReadFile(ready); err == nil && string(made) == string(want) {
		return nil
	}
	log, err := os.OpenFile(p.In("spark.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	err = command(ctx, p.Root, log, nil, filepath.Join(p.venv(), "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", testsNeed)
	if err != nil {
		return err
	}
	return os.WriteFile(ready, want, 0o644)
}

// command runs a program to its end, with what it says in a log. When ctx
// ends it is asked to end, with all that it started.
func command(ctx context.Context, dir string, log *os.File, env []string, name string, args ...string) error {
	fmt.Fprintf(log, "+ %s %s\n", name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args[:min(3, len(args))], " "), err, tail(log.Name(), 15))
	}
	return nil
}

// tail is the end of a log, to be read below an error.
func tail(path string, lines int) string {
	text, _ := os.ReadFile(path) // without it the error stands alone
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "    " + strings.Join(all[max(0, len(all)-lines):], "\n    ") + "\n(all of it: " + path + ")"
}
