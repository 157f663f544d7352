package spark

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// options of spark-submit that take a value; from SparkSubmitOptionParser of
// Spark 3.5. True: the option is about a cluster that is not there, and is
// dropped.
var valueOptions = map[string]bool{
	"--class": false, "--name": false, "--jars": false, "--packages": false, "--exclude-packages": false, "--repositories": false,
	"--py-files": false, "--files": false, "--archives": false, "--conf": false, "--properties-file": false,
	"--driver-memory": false, "--driver-java-options": false, "--driver-library-path": false, "--driver-class-path": false,
	"--master": true, "--deploy-mode": true, "--queue": true, "--num-executors": true, "--executor-memory": true, "--executor-cores": true,
	"--total-executor-cores": true, "--driver-cores": true, "--principal": true, "--keytab": true, "--proxy-user": true,
}

// flagOptions take none.
var flagOptions = map[string]bool{"--verbose": true, "-v": true, "--supervise": true}

// droppedConf are settings about a cluster that is not there, or that decide
// what only this cloud can: by name, or by prefix when it ends in a dot.
var droppedConf = []string{
	"spark.master", "spark.submit.deployMode", "spark.yarn.", "spark.dynamicAllocation.", "spark.shuffle.service.enabled",
	"spark.executor.memory", "spark.executor.memoryOverhead", "spark.executor.cores", "spark.executor.instances", "spark.driver.memoryOverhead",
	"spark.driver.cores", "spark.pyspark.python", "spark.pyspark.driver.python", "spark.executorEnv.PYSPARK_PYTHON", "spark.hadoop.fs.s3.", "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.endpoint.region",
	"spark.hadoop.fs.s3a.access.key", "spark.hadoop.fs.s3a.secret.key", "spark.hadoop.fs.s3a.aws.credentials.provider",
	"spark.hadoop.fs.s3a.connection.ssl.enabled", "spark.hadoop.fs.s3a.path.style.access", "spark.hadoop.fs.s3a.directory.marker.retention",
}

// submission is a spark-submit command line taken apart.
type submission struct {
	kept        []string // options to pass on
	dropped     []string // options that mean nothing here, for the log
	memory      string   // --driver-memory, as asked
	classPath   []string // of the driver, the user's own
	javaOptions []string // of the driver, the user's own
	application []string // the application and its arguments
}

// parseSubmit takes the arguments of spark-submit apart.
func parseSubmit(args []string) (submission, error) {
	var s submission
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, joined := strings.Cut(args[0], "=")
		if name == "-c" {
			name = "--conf"
		}
		if flagOptions[name] {
			if name != "--supervise" {
				s.kept = append(s.kept, name)
			}
			args = args[1:]
			continue
		}
		drop, known := valueOptions[name]
		if !known {
			return s, fmt.Errorf("spark-submit %s is not understood here", name)
		}
		args = args[1:]
		if !joined {
			if len(args) == 0 {
				return s, fmt.Errorf("spark-submit %s: a value is missing", name)
			}
			value, args = args[0], args[1:]
		}
		if drop {
			s.dropped = append(s.dropped, name+" "+value)
			continue
		}
		if err := s.option(name, value); err != nil {
			return s, err
		}
	}
	if len(args) == 0 {
		return s, errors.New("spark-submit was given no application")
	}
	s.application = args
	return s, nil
}

func (s *submission) option(name, value string) error {
	switch name {
	case "--driver-memory":
		s.memory = value
	case "--driver-class-path":
		s.classPath = append(s.classPath, value)
	case "--driver-java-options":
		s.javaOptions = append(s.javaOptions, value)
	case "--conf":
		return s.conf(value)
	default:
		s.kept = append(s.kept, name, value)
	}
	return nil
}

func (s *submission) conf(setting string) error {
	key, value, ok := strings.Cut(setting, "=")
	if !ok {
		return fmt.Errorf("spark-submit --conf %s: want NAME=VALUE", setting)
	}
	switch key {
	case "spark.driver.memory":
		s.memory = value
		return nil
	case "spark.driver.extraClassPath":
		s.classPath = append(s.classPath, value)
		return nil
	case "spark.driver.extraJavaOptions":
		s.javaOptions = append(s.javaOptions, value)
		return nil
	}
	for _, d := range droppedConf {
		if key == d || strings.HasSuffix(d, ".") && strings.HasPrefix(key, d) {
			s.dropped = append(s.dropped, "--conf "+key)
			return nil
		}
	}
	s.kept = append(s.kept, "--conf", setting)
	return nil
}

// local is where a submission runs: on this machine, against this cloud.
type local struct {
	Cores     int
	Memory    int64    // most heap of a driver, in bytes
	Jars      []string // class path of S3A
	Endpoint  string
	Region    string
	Temporary string // a folder of the step's own
}

// defaultMemory is a driver's heap when a step asks for none: Spark's own
// default.
const defaultMemory = 1 << 30

// quickCompiler keeps Java's second compiler out of steps: on small data it
// takes more than it gives. Measured on ALS of 100,000 ratings with two cores:
// 42 s of CPU instead of 79. What the first compiler makes needs more stack,
// which long lineages must not run out of sooner than on EMR. A step's own
// options come later and win.
const quickCompiler = "-XX:TieredStopAtLevel=1 -Xss4m"

// arguments are what spark-submit is to be called with. What is ours comes
// last, before the application: the last one wins.
func (s submission) arguments(l local) ([]string, error) {
	memory := int64(defaultMemory)
	if s.memory != "" {
		var err error
		if memory, err = ParseMemory(s.memory); err != nil {
			return nil, fmt.Errorf("driver memory: %w", err)
		}
	}
	args := append([]string(nil), s.kept...)
	args = append(args, "--master", fmt.Sprintf("local[%d]", l.Cores), "--driver-memory", fmt.Sprintf("%dm", max(512, min(memory, l.Memory)>>20)))
	for _, c := range [][2]string{
		{"spark.driver.extraClassPath", strings.Join(append(append([]string(nil), l.Jars...), s.classPath...), ":")},
		{"spark.driver.extraJavaOptions", strings.Join(append([]string{quickCompiler, "-Djava.io.tmpdir=" + l.Temporary}, s.javaOptions...), " ")},
		{"spark.local.dir", l.Temporary},
		{"spark.ui.enabled", "false"},
		{"spark.hadoop.fs.s3.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem"},
		{"spark.hadoop.fs.s3a.endpoint", l.Endpoint},
		{"spark.hadoop.fs.s3a.endpoint.region", l.Region},
		{"spark.hadoop.fs.s3a.path.style.access", "true"},
		{"spark.hadoop.fs.s3a.connection.ssl.enabled", strconv.FormatBool(strings.HasPrefix(l.Endpoint, "https:"))},
		{"spark.hadoop.fs.s3a.aws.credentials.provider", "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"},
		// Without it S3A deletes the markers of parent folders with each write.
		{"spark.hadoop.fs.s3a.directory.marker.retention", "keep"},
	} {
		args = append(args, "--conf", c[0]+"="+c[1])
	}
	return append(args, s.application...), nil
}

// ParseMemory reads 512m, 2g, 2gb or 1024k, in bytes; without a unit it is MiB,
// as Spark has it.
func ParseMemory(s string) (int64, error) {
	lower := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "b")
	shift := 20
	if lower != "" {
		if i := strings.IndexByte("kmgt", lower[len(lower)-1]); i >= 0 {
			shift, lower = 10*(i+1), lower[:len(lower)-1]
		}
	}
	n, err := strconv.ParseInt(lower, 10, 32)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is not a size such as 512m or 2g", s)
	}
	return n << shift, nil
}
