package spark

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// command is what a step asks for.
type command struct {
	limit time.Duration // 0: none
	grace time.Duration // between SIGTERM and SIGKILL when the limit has come
	args  []string      // the program and its arguments
}

// defaultGrace is how long a program may take to end after SIGTERM.
const defaultGrace = 10 * time.Second

// unsupported are commands that EMR's command-runner has and this one cannot
// do: they need a Hadoop cluster.
var unsupported = map[string]bool{
	"s3-dist-cp": true, "hadoop-streaming": true, "hive-script": true, "pig-script": true, "hive": true, "hadoop": true, "yarn": true, "hdfs": true,
}

// parseCommand reads a step: command-runner.jar with the arguments of a
// program, perhaps under timeout.
func parseCommand(jar string, args []string) (command, error) {
	if path.Base(jar) != "command-runner.jar" {
		return command{}, fmt.Errorf("the jar %q cannot be run here, only command-runner.jar can: submit it with command-runner.jar spark-submit --class … %s", jar, jar)
	}
	c := command{args: args, grace: defaultGrace}
	if len(args) > 0 && args[0] == "timeout" {
		var err error
		if c, err = parseTimeout(args[1:]); err != nil {
			return c, err
		}
	}
	if len(c.args) == 0 {
		return c, errors.New("command-runner.jar was given no command")
	}
	if unsupported[c.args[0]] {
		return c, fmt.Errorf("the command %s needs a Hadoop cluster, which the embedded cloud has not: use Spark, or test this step on EMR", c.args[0])
	}
	return c, nil
}

// parseTimeout reads timeout [-k DURATION] [-s TERM] DURATION COMMAND…, as GNU
// coreutils has it.
func parseTimeout(args []string) (command, error) {
	c := command{grace: defaultGrace}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, joined := strings.Cut(args[0], "=")
		args = args[1:]
		if name == "--foreground" || name == "--preserve-status" {
			return c, fmt.Errorf("timeout %s is not understood here", name)
		}
		if !joined {
			if len(args) == 0 {
				return c, fmt.Errorf("timeout %s: a value is missing", name)
			}
			value, args = args[0], args[1:]
		}
		switch name {
		case "-k", "--kill-after":
			var err error
			if c.grace, err = coreutilsDuration(value); err != nil {
				return c, fmt.Errorf("timeout %s: %w", name, err)
			}
		case "-s", "--signal":
			if s := strings.TrimPrefix(value, "SIG"); s != "TERM" && s != "15" {
				return c, fmt.Errorf("timeout %s %s: only TERM is sent here", name, value)
			}
		default:
			return c, fmt.Errorf("timeout %s is not understood here", name)
		}
	}
	if len(args) == 0 {
		return c, errors.New("timeout: a duration is missing")
	}
	var err error
	if c.limit, err = coreutilsDuration(args[0]); err != nil {
		return c, fmt.Errorf("timeout: %w", err)
	}
	c.args = args[1:]
	return c, nil
}

// coreutilsDuration reads 90, 90s, 1.5m, 2h, 1d.
func coreutilsDuration(s string) (time.Duration, error) {
	unit := time.Second
	number := s
	if s != "" {
		if u, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]; ok {
			unit, number = u, s[:len(s)-1]
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || x < 0 || x > 1e6 {
		return 0, fmt.Errorf("%q is not a duration such as 90, 90s, 15m or 2h", s)
	}
	return time.Duration(x * float64(unit)), nil
}
