package main

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"lamplighter/controller/report"
)

// What the README shows is what the program prints; "…" stands for lines left
// out.
func TestREADMEShowsARealNight(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, found := strings.Cut(string(readme), "$ lamplighter init --template movielens && lamplighter simulate\n")
	picture, _, ends := strings.Cut(picture, "```")
	if !found || !ends {
		t.Fatal("README.md shows no night")
	}
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	if code := execute(t.Context(), []string{"simulate"}, app{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}); code != 0 {
		t.Fatalf("simulate ended with %d: %s", code, stderr.String())
	}
	rest := stdout.String()
	for _, line := range strings.Split(strings.TrimSpace(picture), "\n") {
		if strings.TrimSpace(line) == "…" {
			continue
		}
		_, after, found := strings.Cut(rest, line+"\n")
		if !found {
			t.Fatalf("README.md shows the line\n%s\nwhich simulate does not print, or not there. It prints\n%s", line, stdout.String())
		}
		rest = after
	}
}

// Every field of the JSON is in its document.
func TestJSONIsDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(of.Elem())
		case reflect.Struct:
			for i := range of.NumField() {
				name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
				if name == "" || seen[of] {
					continue
				}
				if !bytes.Contains(document, []byte("`"+name+"`")) {
					t.Errorf("docs/json.md does not speak of %s.%s, `%s`", of, of.Field(i).Name, name)
				}
				visit(of.Field(i).Type)
			}
			seen[of] = true
		}
	}
	for _, of := range []any{report.Event{}, report.Summary{}, statusJSON{}, runJSON{}} {
		visit(reflect.TypeOf(of))
	}
}
