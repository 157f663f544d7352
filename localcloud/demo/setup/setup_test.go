package setup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is one with everything, but for what a test takes away. Answers are
// by the first words of a command.
func machine(answers map[string]string) Machine {
	all := map[string]string{
		"go version": "go version go1.26.8 linux/amd64", "go env CC": "gcc\n",
		"python3 -c": "3.11\n", "java -version": "openjdk version \"17.0.15\" 2025-04-15\n", "path gcc": "/usr/bin/gcc",
	}
	for k, v := range answers {
		all[k] = v
	}
	return Machine{
		Getenv: func(name string) string { return all["env "+name] },
		LookPath: func(name string) (string, error) {
			if all["path "+name] == "" {
				return "", exec.ErrNotFound
			}
			return all["path "+name], nil
		},
		Output: func(name string, args ...string) (string, error) {
			words := append([]string{name}, args...)
			for n := len(words); n > 0; n-- {
				if out := all[strings.Join(words[:n], " ")]; out != "" {
					return out, nil
				}
			}
			return "", errors.New("exit status 127")
		},
	}
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[string]string
		fast    bool
		want    []string // what each missing thing begins with
		python  string
	}{
		"everything":            {python: "python3"},
		"no Go":                 {answers: map[string]string{"go version": ""}, want: []string{"Go 1.26 or later"}, python: "python3"},
		"old Go":                {answers: map[string]string{"go version": "go version go1.22.1 linux/amd64"}, want: []string{"Go 1.26 or later (go1.22 is here)"}, python: "python3"},
		"newer Go":              {answers: map[string]string{"go version": "go version go2.0 linux/amd64"}, python: "python3"},
		"no compiler":           {answers: map[string]string{"path gcc": ""}, want: []string{"a C compiler"}, python: "python3"},
		"CC with options":       {answers: map[string]string{"path gcc": "", "env CC": "clang -m64", "path clang": "/bin/clang"}, python: "python3"},
		"no Python":             {answers: map[string]string{"python3 -c": ""}, want: []string{"Python 3.9 to 3.12 with venv (Spark"}},
		"Python too new":        {answers: map[string]string{"python3 -c": "3.13\n"}, want: []string{"Python 3.9 to 3.12 with venv (python3 is 3.13)"}},
		"another Python":        {answers: map[string]string{"python3 -c": "3.13\n", "python3.10 -c": "3.10\n"}, python: "python3.10"},
		"a Python by name":      {answers: map[string]string{"env PYTHON": "/opt/py", "/opt/py -c": "3.12\n"}, python: "/opt/py"},
		"Python 3.8":            {answers: map[string]string{"python3 -c": "3.8\n"}, want: []string{"Python 3.9 to 3.12 with venv (python3 is 3.8)"}},
		"no Java":               {answers: map[string]string{"java -version": ""}, want: []string{"Java 17 (Spark)"}, python: "python3"},
		"Java 21":               {answers: map[string]string{"java -version": "openjdk version \"21.0.1\""}, want: []string{"Java 17 (Spark; java is 21)"}, python: "python3"},
		"Java 8":                {answers: map[string]string{"java -version": "java version \"1.8.0_392\""}, want: []string{"Java 17 (Spark; java is 1)"}, python: "python3"},
		"JAVA_HOME before PATH": {answers: map[string]string{"env JAVA_HOME": "/j", "/j/bin/java -version": "openjdk version \"11.0.2\""}, want: []string{"Java 17 (Spark; /j/bin/java is 11)"}, python: "python3"},
		"all missing at once": {answers: map[string]string{"go version": "", "go env CC": "", "path gcc": "", "python3 -c": "", "java -version": ""},
			want: []string{"Go", "a C compiler", "Python", "Java"}},
		"without Spark": {answers: map[string]string{"python3 -c": "", "java -version": ""}, fast: true},
	} {
		t.Run(name, func(t *testing.T) {
			tools, missing := machine(test.answers).Check(!test.fast)
			if tools.Python != test.python {
				t.Errorf("Python %q, want %q", tools.Python, test.python)
			}
			if len(missing) != len(test.want) {
				t.Fatalf("missing %q, want %q", missing, test.want)
			}
			for i, m := range missing {
				if !strings.HasPrefix(m.What, test.want[i]) || m.Get == "" {
					t.Errorf("missing %q, want %q and how to get it", m, test.want[i])
				}
			}
		})
	}
}

func TestFindWantsTheRepository(t *testing.T) {
	if _, err := Find("../../.."); err != nil {
		t.Error(err)
	}
	if _, err := Find(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not lamplighter's repository") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestCleanRemovesTheFolderAlone(t *testing.T) {
	p := Place{t.TempDir()}
	never := func() error { t.Error("stopped what was never there"); return nil }
	if err := p.Clean(never); err != nil {
		t.Error("nothing to remove:", err)
	}
	for _, path := range []string{p.In("cloud", "x"), filepath.Join(p.Root, "kept", "x")} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("it does not stop")
	if err := p.Clean(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("what cannot be stopped: %v", err)
	}
}

func TestOneDemoAtATime(t *testing.T) {
	p, stopped := Place{t.TempDir()}, 0
	if err := os.MkdirAll(p.In("cloud"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Clean(func() error {
		stopped++
		if err := p.Lock(); err == nil || !strings.Contains(err.Error(), "another demo") {
			t.Errorf("a second lock: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.Dot()); !errors.Is(err, os.ErrNotExist) || stopped != 1 {
		t.Errorf("after clean: %v, stopped %d times", err, stopped)
	}
}

// Spark is there only when it was fetched to the end, and as this program
// wants it.
func TestHalfASparkIsNone(t *testing.T) {
	p := Place{t.TempDir()}
	ready := func() bool { _, ok := p.Spark(); return ok }
	home := p.In("venv", "lib", "python3.11", "site-packages", "pyspark")
	for _, dir := range []string{home, p.In("venv", "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(p.In("venv", "bin", "python"), "")
	if ready() {
		t.Error("ready although the fetch never ended")
	}
	put(p.In("spark-ready"), "pyspark>=3.4\n")
	if ready() {
		t.Error("ready although another Spark was fetched")
	}
	put(p.In("spark-ready"), sparkMark())
	if s, ok := p.Spark(); !ok || s.Home != home {
		t.Errorf("%+v, %v", s, ok)
	}
	if err := os.Remove(p.In("venv", "bin", "python")); err != nil {
		t.Fatal(err)
	}
	if ready() {
		t.Error("ready although its Python has gone")
	}
}

func TestAFailedFetchSaysWhy(t *testing.T) {
	p := Place{t.TempDir()}
	if err := p.Lock(); err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(p.Root, "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho no room left for a venv >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := p.FetchSpark(t.Context(), python)
	if err == nil || !strings.Contains(err.Error(), "no room left") || !strings.Contains(err.Error(), "spark.log") {
		t.Errorf("error %v", err)
	}
	if _, ok := p.Spark(); ok {
		t.Error("ready after a failure")
	}
}
