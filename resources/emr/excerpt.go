package emr

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Logs are what a step wrote, as far as it is there.
type Logs struct {
	Stdout, Stderr string
	Controller     string   // of command-runner.jar: how the program ended
	Containers     []string // stdout and stderr of YARN containers of the step's application
}

// Failure is why a program failed, as far as its logs tell.
type Failure struct {
	What  string `json:"what,omitempty"`  // ValueError: no rows
	Where string `json:"where,omitempty"` // score.py:12, in main
	Hint  string `json:"hint,omitempty"`
	Sure  bool   `json:"sure,omitempty"` // an exception was found; else What is the best line there was
	All   bool   `json:"all,omitempty"`  // the logs are whole: they tell how the program ended
}

const maxWhat = 600 // characters of an exception that are kept

// exitCode is how EMR's controller, and the embedded cloud's, tell it.
var exitCode = regexp.MustCompile(`ended with exit code (\d+)`)

// Excerpt finds the exception of a program that failed, with the file and line
// of the user's own code that it came from. limit is the step's time limit.
func Excerpt(l Logs, limit time.Duration) Failure {
	code := ""
	if m := exitCode.FindAllStringSubmatch(l.Controller, -1); m != nil {
		code = m[len(m)-1][1]
	}
	f := found(l, code, limit)
	f.All = code != ""
	return f
}

func found(l Logs, code string, limit time.Duration) Failure {
	if code == "124" { // of timeout(1); what the logs say then is how it was ended
		return Failure{What: fmt.Sprintf("timed out after %s", limit), Sure: true,
			Hint: "the step's timeout allows it more time; what it was at stands at the end of its logs"}
	}
	texts := append([]string{l.Stdout, l.Stderr}, l.Containers...)
	for _, find := range []func(string) (Failure, bool){pythonFailure, jvmFailure} {
		for _, text := range texts {
			if f, ok := find(text); ok {
				return explained(f)
			}
		}
	}
	f := Failure{What: cmp.Or(said(l.Stderr), said(l.Stdout))}
	switch {
	case code == "137":
		f.What, f.Sure = strings.TrimSuffix("killed (exit code 137): "+f.What, ": "), true
	case f.What == "" && code != "" && code != "0":
		f.What = "exit code " + code
	}
	return explained(f)
}

var (
	frameLine = regexp.MustCompile(`^\s+File "([^"]+)", line (\d+)(?:, in (.+))?$`)
	// library matches the files of Python, PySpark and installed packages.
	library = regexp.MustCompile(`/pyspark(\.zip)?/|/py4j|/(site|dist)-packages/|/lib(64)?/python[0-9.]+/|^<`)
)

const traceback = "Traceback (most recent call last):"

// pythonFailure reads the tracebacks of a log. Of several the last one that
// passes through the user's own code counts: a worker's comes after the
// driver's that waited for it.
func pythonFailure(text string) (best Failure, ok bool) {
	if strings.Contains(text, "SyntaxError: ") && !strings.Contains(text, traceback) { // of the program itself, which never began
		text = traceback + "\n" + text
	}
	pieces := strings.Split(text, traceback)
	for _, piece := range pieces[1:] {
		f, rest := oneTraceback(piece)
		if strings.HasPrefix(f.What, "py4j.protocol.Py4JJavaError") {
			if cause := rootCause(rest); cause != "" {
				f.What = cause
			}
		}
		if f.What != "" && (f.Where != "" || best.Where == "") {
			best, ok = f, true
		}
	}
	return best, ok
}

// oneTraceback reads what follows the word; rest begins after the exception's
// first line.
func oneTraceback(text string) (f Failure, rest string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines[1:] {
		if m := frameLine.FindStringSubmatch(line); m != nil {
			if !library.MatchString(m[1]) {
				f.Where = m[1][strings.LastIndexByte(m[1], '/')+1:] + ":" + m[2]
				if m[3] != "" && m[3] != "<module>" {
					f.Where += ", in " + m[3]
				}
			}
			continue
		}
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		f.What = strings.TrimSpace(line)
		left := lines[i+2:]
		if strings.HasSuffix(f.What, ":") { // PySpark puts the message on the next line
			for _, next := range left {
				if next = strings.TrimSpace(next); next != "" {
					f.What += " " + next
					break
				}
			}
		}
		f.What = strings.TrimPrefix(f.What, "pyspark.errors.exceptions.captured.")
		return f, strings.Join(left, "\n")
	}
	return f, ""
}

var (
	causedBy   = regexp.MustCompile(`(?m)^\s*Caused by: (.+)$`)
	thrown     = regexp.MustCompile(`(?m)^(?:: |Exception in thread "[^"]+" )(\S.*)$`)
	javaFrame  = regexp.MustCompile(`(?m)^\s+at ([\w$.]+)\((\w+\.(?:scala|java|kt):\d+)\)$`)
	javaVendor = regexp.MustCompile(`^(java|javax|jdk|sun|scala|py4j|io\.netty|org\.apache|org\.sparkproject|org\.codehaus|com\.amazonaws|com\.amazon|com\.fasterxml)\.`)
)

// rootCause is the innermost exception of a Java stack trace.
func rootCause(text string) string {
	if m := causedBy.FindAllStringSubmatch(text, -1); m != nil {
		return m[len(m)-1][1]
	}
	if m := thrown.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// jvmFailure reads the exception that ended a program for the JVM.
func jvmFailure(text string) (Failure, bool) {
	at := strings.LastIndex(text, `Exception in thread "`)
	if at < 0 {
		return Failure{}, false
	}
	f := Failure{What: rootCause(text[at:])}
	for _, m := range javaFrame.FindAllStringSubmatch(text[at:], -1) {
		if !javaVendor.MatchString(m[1]) {
			f.Where = m[2]
		}
		if f.Where != "" {
			break
		}
	}
	return f, f.What != ""
}

// said is the line that tells most, where no exception was found.
func said(text string) string {
	lines := strings.Split(text, "\n")
	for _, pick := range []*regexp.Regexp{telling, anything} {
		for i := len(lines) - 1; i >= 0; i-- {
			if line := strings.TrimSpace(lines[i]); pick.MatchString(line) && !chatter.MatchString(line) {
				return line
			}
		}
	}
	return ""
}

var (
	telling  = regexp.MustCompile(`(?i)\berror: |exception: |killed`)
	anything = regexp.MustCompile(`\S`)
	chatter  = regexp.MustCompile(`^\S+ \S+ (INFO|WARN) `) // of log4j
)

// mends are hints by what an exception says.
var mends = []struct {
	says *regexp.Regexp
	hint string
}{
	{regexp.MustCompile(`No module named`), "put the module into py_files, or have a bootstrap action install it on each node"},
	{regexp.MustCompile(`PATH_NOT_FOUND|Path does not exist|NoSuchKey|No such file or directory: .?s3`), "an input is not there: the datasets in reads come as --reads NAME=URI"},
	{regexp.MustCompile(`OutOfMemoryError|exceeding (physical |virtual )?memory limits|[Ee]xit (code|status):? \(?137|Cannot allocate memory|MemoryError`),
		"give it more memory: conf: {spark.driver.memory: 4g, spark.executor.memory: 4g}, or larger instance types"},
	{regexp.MustCompile(`unresolved dependency|UNRESOLVED DEPENDENCIES`), "packages are fetched by the cluster: check their names, and that its subnet has a way to the repository"},
	{regexp.MustCompile(`Failed to load class|ClassNotFoundException`), "write class with its package, and check that the jar holds it"},
	{regexp.MustCompile(`AccessDenied|Access Denied|Status Code: 403|403 Forbidden`), "the environment's roles.spark_instance_profile may not do this"},
}

// explained cleans a failure up and adds the mend, where there is a known one.
func explained(f Failure) Failure {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(f.What, "?"))
	if runes := []rune(clean); len(runes) > maxWhat {
		clean = string(runes[:maxWhat]) + " …"
	}
	f.Sure = f.Sure || f.Where != "" || clean != f.What || exception.MatchString(clean)
	f.What = clean
	for _, m := range mends {
		if m.says.MatchString(f.What) {
			f.Hint = cmp.Or(f.Hint, m.hint)
		}
	}
	return f
}

// exception matches what begins with the name of one.
var exception = regexp.MustCompile(`^[\w.$]*(Error|Exception|Exit|Interrupt)\b`)
