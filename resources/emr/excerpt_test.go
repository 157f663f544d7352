package emr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample reads testdata/logs/NAME.*: what real programs wrote, shortened, and
// for what only a real cluster writes, its format.
func sample(t *testing.T, name string) Logs {
	t.Helper()
	read := func(ending string) string {
		text, err := os.ReadFile(filepath.Join("testdata", "logs", name+"."+ending))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(text)
	}
	l := Logs{Stdout: read("stdout"), Stderr: read("stderr"), Controller: read("controller")}
	if c := read("container"); c != "" {
		l.Containers = []string{"", c}
	}
	return l
}

func TestExcerpt(t *testing.T) {
	cases := map[string]Failure{
		"plain":     {What: "ValueError: no rows in s3://b/in/", Where: "a.py:12, in main"},
		"udf":       {What: "ZeroDivisionError: integer division or modulo by zero", Where: "a.py:7, in score"},
		"udfwrite":  {What: "ZeroDivisionError: integer division or modulo by zero", Where: "a.py:7, in score"},
		"rdd":       {What: "ZeroDivisionError: integer division or modulo by zero", Where: "a.py:7, in score"},
		"path":      {What: "AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/nowhere/in.", Where: "a.py:18, in main", Hint: "an input is not there"},
		"column":    {What: "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `idd` cannot be resolved. Did you mean one of the following? [`id`].;", Where: "a.py:20, in main"},
		"sql":       {What: "ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near 'wher'.(line 2, pos 13)", Where: "a.py:22, in main"},
		"module":    {What: "ModuleNotFoundError: No module named 'pandas_of_mine'", Where: "a.py:24, in main", Hint: "put the module into py_files"},
		"cast":      {What: `NumberFormatException: [CAST_INVALID_INPUT] The value 'x' of the type "STRING" cannot be cast to "INT"`, Where: "a.py:29, in main"},
		"chain":     {What: "RuntimeError: the row has no user", Where: "a.py:34, in main"},
		"oom":       {What: "java.lang.OutOfMemoryError: Java heap space", Where: "a.py:36, in main", Hint: "more memory"},
		"executors": {What: "org.apache.spark.SparkException: Job aborted due to stage failure", Where: "score.py:20", Hint: "more memory"},
		"syntax":    {What: "SyntaxError: invalid syntax", Where: "syntax.py:1"},
		"scala":     {What: `java.lang.NumberFormatException: For input string: "n/a"`, Where: "Ratings.scala:31"},
		"noclass":   {What: "Error: Failed to load class com.example.Main.", Hint: "write class with its package"},
		"packages":  {What: "java.lang.RuntimeException: [unresolved dependency: org.apache.spark#spark-avro_2.12;9.9.9: not found]", Hint: "packages are fetched"},
		"container": {What: "java.lang.OutOfMemoryError: GC overhead limit exceeded", Where: "Wide.scala:7", Hint: "more memory"},
		"timeout":   {What: "timed out after 15m0s", Hint: "the step's timeout"},
		"killed":    {What: "killed (exit code 137): /usr/lib/spark/bin/spark-class: line 98: 12345 Killed", Hint: "more memory"},
		"argparse":  {What: "score.py: error: unrecognized arguments: --rnak 10"},
		"nofile":    {What: "python3: can't open file"},
		"exit":      {What: "usage: wrong"},
		"silent":    {What: "exit code 3"},
	}
	files, err := filepath.Glob("testdata/logs/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		if _, ok := cases[name]; !ok {
			t.Errorf("%s: no case reads it", file)
		}
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			got := Excerpt(sample(t, name), 15*time.Minute)
			if !strings.HasPrefix(got.What, want.What) || got.Where != want.Where || !strings.Contains(got.Hint, want.Hint) || (want.Hint == "") != (got.Hint == "") {
				t.Errorf("got %+v", got)
			}
			if want.Where != "" && !got.Sure {
				t.Error("an exception with its place is not sure")
			}
		})
	}
}

// Nothing found is said as such, and no log, however strange, breaks anything.
func TestExcerptOfNothing(t *testing.T) {
	if got := Excerpt(Logs{}, 0); got != (Failure{}) {
		t.Errorf("%+v", got)
	}
	got := Excerpt(Logs{Stdout: traceback + "\nValueError: \xff\x00" + strings.Repeat("é", 5000)}, 0)
	if !strings.HasPrefix(got.What, "ValueError: ? é") || len([]rune(got.What)) > maxWhat+2 {
		t.Errorf("%.80q of %d", got.What, len(got.What))
	}
}

func FuzzExcerpt(f *testing.F) {
	for _, name := range []string{"udf", "oom", "scala", "killed"} {
		text, err := filepath.Glob("testdata/logs/" + name + ".*")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range text {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(body), string(body))
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got := Excerpt(Logs{Stdout: a, Stderr: b, Controller: b, Containers: []string{a}}, time.Minute)
		if strings.ContainsAny(got.What, "\n\r\x00") || len([]rune(got.What)) > maxWhat+40 {
			t.Errorf("%q", got.What)
		}
	})
}
