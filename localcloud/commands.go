package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"lamplighter/localcloud/server"
	"lamplighter/localcloud/spark"
	"lamplighter/localcloud/warehouse"
)

// names is a flag that may be given several times.
type names []string

func (n *names) String() string     { return strings.Join(*n, ",") }
func (n *names) Set(s string) error { *n = append(*n, s); return nil }

// startFlags are what start is asked for.
type startFlags struct {
	server.Config
	envOut  string
	buckets names
	memory  string
	limit   string
	verbose bool
}

func parseStart(args []string) (f startFlags, err error) {
	set := flag.NewFlagSet("localcloud start", flag.ExitOnError)
	set.Usage = func() {
		fmt.Fprint(set.Output(), "localcloud start --data DIR [flags]: run until Ctrl-C or SIGTERM.\nIt prints \"localcloud: ready at URL\" when everything answers; all that it keeps lies in DIR.\n\n")
		set.PrintDefaults()
	}
	data := set.String("data", "", "folder that keeps everything (required)")
	set.IntVar(&f.Port, "port", 4566, "port of the endpoint on 127.0.0.1; 0 is a free one")
	set.DurationVar(&f.Pace, "pace", 2*time.Second, "how long each transition of a cluster or snapshot takes at least")
	set.StringVar(&f.Account, "account", "000000000000", "account, 12 digits")
	set.StringVar(&f.Region, "region", "us-east-1", "region")
	set.Var(&f.buckets, "bucket", "bucket to make; may be repeated, the first is lamplighter's (default lamplighter-local)")
	set.StringVar(&f.envOut, "env-out", "", "environment file to write for lamplighter, such as environments/local.yaml")
	set.StringVar(&f.Spark.Home, "spark-home", os.Getenv("LOCALCLOUD_SPARK_HOME"), "SPARK_HOME, the folder with bin/spark-submit; also $LOCALCLOUD_SPARK_HOME")
	set.StringVar(&f.Spark.Python, "spark-python", os.Getenv("LOCALCLOUD_SPARK_PYTHON"), "Python of PySpark jobs; also $LOCALCLOUD_SPARK_PYTHON")
	set.StringVar(&f.Spark.Jars, "spark-jars", os.Getenv("LOCALCLOUD_SPARK_JARS"), "folder with the jars of S3A; also $LOCALCLOUD_SPARK_JARS")
	set.IntVar(&f.Spark.Cores, "spark-cores", 0, "cores of a Spark step; 0 is all")
	set.StringVar(&f.memory, "spark-memory", "2g", "most memory of a Spark driver, such as 1500m or 2g")
	set.StringVar(&f.limit, "disk-limit", "", "most that the objects of S3 may take on disk, and the files of each cluster, such as 500m or 20g; then it is full")
	set.BoolVar(&f.verbose, "v", false, "log more")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	f.Data, f.Spark.JavaHome, f.Buckets = server.Folder(*data), os.Getenv("JAVA_HOME"), f.buckets
	if len(f.Buckets) == 0 {
		f.Buckets = []string{"lamplighter-local"}
	}
	if f.Spark.Memory, err = spark.ParseMemory(f.memory); err != nil {
		return f, fmt.Errorf("--spark-memory: %w", err)
	}
	if f.Limit, err = parseSize(f.limit); err != nil {
		return f, fmt.Errorf("--disk-limit: %w", err)
	}
	switch {
	case set.NArg() > 0:
		return f, fmt.Errorf("start takes no arguments, only flags: %q", set.Args())
	case f.Data == "":
		return f, errors.New("--data is missing: the folder that keeps everything")
	case f.Pace < 0:
		return f, fmt.Errorf("--pace %s: want a duration of zero or more", f.Pace)
	case !regexp.MustCompile(`^[0-9]{12}$`).MatchString(f.Account):
		return f, fmt.Errorf("--account %q: want 12 digits", f.Account)
	}
	return f, nil
}

// parseSize reads a size such as 500m or 20g, in bytes; "" is 0.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit := text, int64(1)
	for suffix, bytes := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40} {
		if n, ok := strings.CutSuffix(strings.ToLower(text), suffix); ok {
			number, unit = n, bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size: want a number with k, m, g or t, such as 20g", text)
	}
	return n * unit, nil
}

// start runs the embedded cloud until a signal.
func start(args []string) error {
	f, err := parseStart(args)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f.S3Child, f.Steps = []string{self, childObjects}, []string{self, childStep}
	f.Warehouse = newWarehouse
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	f.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := server.Start(ctx, f.Config)
	if err != nil {
		return err
	}
	defer s.Close()
	if f.envOut != "" {
		if err := s.WriteEnvironment(f.envOut); err != nil {
			return fmt.Errorf("write the environment file: %w", err)
		}
	}
	fmt.Printf("localcloud: ready at %s\n", s.Endpoint())
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.Failed():
		return err
	}
}

// newWarehouse makes the data plane of Redshift.
func newWarehouse(c server.WarehouseConfig) (server.Warehouse, error) {
	return warehouse.New(warehouse.Config{Dir: c.Dir, S3Endpoint: c.S3Endpoint, Region: c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.Key, c.Secret, ""), DiskLimit: c.DiskLimit, Logger: c.Logger})
}

func parseFolder(command string, args []string, more func(*flag.FlagSet)) (server.Folder, error) {
	set := flag.NewFlagSet("localcloud "+command, flag.ExitOnError)
	data := set.String("data", "", "folder that keeps everything (required)")
	more(set)
	if err := set.Parse(args); err != nil {
		return "", err
	}
	if *data == "" {
		return "", errors.New("--data is missing: the folder that keeps everything")
	}
	return server.Folder(*data), nil
}

// status prints what exists and what billed.
func status(args []string) error {
	var output string
	folder, err := parseFolder("status", args, func(s *flag.FlagSet) { s.StringVar(&output, "o", "text", "text or json") })
	if err != nil {
		return err
	}
	s, err := folder.Status(time.Now())
	if err != nil {
		return err
	}
	switch output {
	case "text":
		return s.Print(os.Stdout)
	case "json":
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return fmt.Errorf("-o %s: want text or json", output)
}

// env prints what AWS's tools need to reach a running embedded cloud, as
// exports of a shell: eval "$(localcloud env --data DIR)".
func env(args []string) error {
	folder, err := parseFolder("env", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	lines, err := folder.Environment()
	if err != nil {
		return err
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		fmt.Printf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return nil
}

// stop ends a running embedded cloud and returns when it has ended. With none
// running there is nothing to do.
func stop(args []string) error {
	folder, err := parseFolder("stop", args, func(*flag.FlagSet) {})
	if err != nil {
		return err
	}
	for asked := false; ; time.Sleep(50 * time.Millisecond) {
		owner, running, err := folder.Running()
		if err != nil || !running {
			return err
		}
		if !asked && owner.PID > 0 { // it says so right after it took the folder
			if err := syscall.Kill(owner.PID, syscall.SIGTERM); err != nil {
				return fmt.Errorf("end process %d: %w", owner.PID, err)
			}
			asked = true
		}
	}
}
