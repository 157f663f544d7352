package setup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Machine looks at the machine that the demo is to run on. Tests give their
// own.
type Machine struct {
	Getenv   func(string) string
	LookPath func(string) (string, error)
	Output   func(name string, args ...string) (string, error) // stdout and stderr
}

// ThisMachine is the one we run on.
func ThisMachine() Machine {
	return Machine{Getenv: os.Getenv, LookPath: exec.LookPath, Output: func(name string, args ...string) (string, error) {
		out, err := exec.Command(name, args...).CombinedOutput()
		return string(out), err
	}}
}

// Missing is something that must be on the machine and is not.
type Missing struct{ What, Get string }

// Tools are what was found.
type Tools struct {
	Python string // that can make a venv; "" if Spark was not asked for
}

// Check looks for everything the demo needs; what is missing comes with how to
// get it. Without Spark no Python and no Java is needed.
func (m Machine) Check(spark bool) (Tools, []Missing) {
	var tools Tools
	var missing []Missing
	need := func(lacks *Missing) {
		if lacks != nil {
			missing = append(missing, *lacks)
		}
	}
	need(m.goTool())
	need(m.compiler())
	if spark {
		python, lacks := m.python()
		tools.Python = python
		need(lacks)
		need(m.java())
	}
	return tools, missing
}

// The oldest Go that the modules can be built with.
const goMajor, goMinor = 1, 26

var goVersion = regexp.MustCompile(`go(\d+)\.(\d+)`)

func (m Machine) goTool() *Missing {
	want := fmt.Sprintf("Go %d.%d or later", goMajor, goMinor)
	get := "https://go.dev/dl/"
	out, err := m.Output("go", "version")
	found := goVersion.FindStringSubmatch(out)
	if err != nil || found == nil {
		return &Missing{want, get}
	}
	major, _ := strconv.Atoi(found[1])
	minor, _ := strconv.Atoi(found[2])
	if major > goMajor || major == goMajor && minor >= goMinor {
		return nil
	}
	return &Missing{want + " (" + found[0] + " is here)", get}
}

func (m Machine) compiler() *Missing {
	cc := m.Getenv("CC")
	if cc == "" {
		out, _ := m.Output("go", "env", "CC")
		cc = strings.TrimSpace(out)
	}
	words := strings.Fields(cc) // CC may hold options
	if len(words) > 0 {
		if _, err := m.LookPath(words[0]); err == nil {
			return nil
		}
	}
	return &Missing{"a C compiler (DuckDB in the embedded cloud)", "Debian, Ubuntu: apt-get install gcc libc6-dev g++ · Fedora: dnf install gcc gcc-c++ · macOS: xcode-select --install"}
}

// pythons are tried in this order; $PYTHON comes before them.
var pythons = []string{"python3", "python3.12", "python3.11", "python3.10", "python3.9"}

// The Pythons that Spark 3.5 runs on.
const pythonMajor, pythonFrom, pythonTo = 3, 9, 12

func (m Machine) python() (string, *Missing) {
	lacks := &Missing{"Python 3.9 to 3.12 with venv (Spark's jobs)", "Debian, Ubuntu: apt-get install python3 python3-venv · Fedora: dnf install python3.12 · macOS: brew install python@3.12; or name one: PYTHON=/path/to/python3.11"}
	for _, name := range append([]string{m.Getenv("PYTHON")}, pythons...) {
		if name == "" {
			continue
		}
		out, err := m.Output(name, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])")
		major, minor, ok := strings.Cut(strings.TrimSpace(out), ".")
		n, bad := strconv.Atoi(minor)
		switch {
		case err != nil || !ok || bad != nil:
		case major == strconv.Itoa(pythonMajor) && n >= pythonFrom && n <= pythonTo:
			return name, nil
		default:
			lacks.What = fmt.Sprintf("Python 3.9 to 3.12 with venv (%s is %s.%s)", name, major, minor)
		}
	}
	return "", lacks
}

// The Java that Spark 3.5 is run on, as on EMR 7.
const javaMajor = "17"

var javaVersion = regexp.MustCompile(`version "(\d+)`)

func (m Machine) java() *Missing {
	get := "Debian, Ubuntu: apt-get install openjdk-17-jre-headless · Fedora: dnf install java-17-openjdk-headless · macOS: brew install openjdk@17; then JAVA_HOME=its folder if another Java comes first"
	java := "java"
	if home := m.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	out, err := m.Output(java, "-version")
	found := javaVersion.FindStringSubmatch(out)
	switch {
	case err != nil || found == nil:
		return &Missing{"Java 17 (Spark)", get}
	case found[1] != javaMajor:
		return &Missing{fmt.Sprintf("Java 17 (Spark; %s is %s)", java, found[1]), get}
	}
	return nil
}
