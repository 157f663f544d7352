package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// fits says what of a value does not fit a schema, by the keywords that ours
// are written with.
func fits(root, schema map[string]any, value any, at string) (wrong []string) {
	if ref, ok := schema["$ref"].(string); ok {
		defs := root["$defs"].(map[string]any)
		return fits(root, defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), value, at)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		forms, ok := schema[keyword].([]any)
		if !ok {
			continue
		}
		matches := 0
		for _, form := range forms {
			if len(fits(root, form.(map[string]any), value, at)) == 0 {
				matches++
			}
		}
		if matches == 0 || keyword == "oneOf" && matches > 1 {
			wrong = append(wrong, fmt.Sprintf("%s: fits %d forms", at, matches))
		}
	}
	if types, ok := schema["type"]; ok && !slices.ContainsFunc(asList(types), func(t any) bool { return isA(value, t.(string)) }) {
		return append(wrong, fmt.Sprintf("%s: %v is no %v", at, value, types))
	}
	if c, ok := schema["const"]; ok && fmt.Sprint(c) != fmt.Sprint(value) {
		wrong = append(wrong, at+": is another constant")
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, value, enum))
	}
	switch v := value.(type) {
	case string:
		pattern, _ := schema["pattern"].(string)
		shortest, _ := schema["minLength"].(float64)
		longest, limited := schema["maxLength"].(float64)
		if !regexp.MustCompile(pattern).MatchString(v) || len(v) < int(shortest) || limited && len(v) > int(longest) {
			wrong = append(wrong, at+": does not match")
		}
	case []any:
		least, _ := schema["minItems"].(float64)
		most, limited := schema["maxItems"].(float64)
		if len(v) < int(least) || limited && len(v) > int(most) {
			wrong = append(wrong, at+": wrong number of items")
		}
		if items, ok := schema["items"].(map[string]any); ok {
			for i, item := range v {
				wrong = append(wrong, fits(root, items, item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case map[string]any:
		wrong = append(wrong, keysFit(root, schema, v, at)...)
	}
	return wrong
}

func keysFit(root, schema, value map[string]any, at string) (wrong []string) {
	for _, key := range asList(schema["required"]) {
		if _, ok := value[key.(string)]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s: lacks %s", at, key))
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for key, item := range value {
		if p, ok := properties[key].(map[string]any); ok {
			wrong = append(wrong, fits(root, p, item, at+"."+key)...)
		} else if more, ok := schema["additionalProperties"].(map[string]any); ok {
			wrong = append(wrong, fits(root, more, item, at+"."+key)...)
		} else if schema["additionalProperties"] == false {
			wrong = append(wrong, fmt.Sprintf("%s: %s is not known", at, key))
		}
	}
	return wrong
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func isA(value any, kind string) bool {
	switch value.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case uint64, int64, int:
		return kind == "integer" || kind == "number"
	case float64:
		return kind == "number"
	case map[string]any:
		return kind == "object"
	case []any:
		return kind == "array"
	}
	return false
}

func parsedSchema(t *testing.T, write func() ([]byte, error)) map[string]any {
	t.Helper()
	text, err := write()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// What the strict reader takes, the schema allows: the example that init
// writes, and every file of testdata without problems.
func TestSchemaAllowsWhatIsGood(t *testing.T) {
	for _, c := range []struct {
		schema  func() ([]byte, error)
		pattern string
		load    func(string) error
		least   int
	}{
		{PipelineSchema, "testdata/pipeline/*.yaml", func(p string) error { _, err := LoadPipeline(p, noVariables); return err }, 1},
		{PipelineSchema, "../examples/*/lamplighter.yaml", func(p string) error { _, err := LoadPipeline(p, noVariables); return err }, 1},
		{EnvironmentSchema, "testdata/environment/*.yaml", func(p string) error { _, err := LoadEnvironment(p); return err }, 1},
		{EnvironmentSchema, "../examples/*/environments/*.yaml.example", func(p string) error { _, err := LoadEnvironment(p); return err }, 1},
	} {
		schema := parsedSchema(t, c.schema)
		files, _ := filepath.Glob(c.pattern)
		good := 0
		for _, file := range files {
			if c.load(file) != nil {
				continue
			}
			good++
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var value any
			if err := yaml.Unmarshal(data, &value); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range fits(schema, schema, value, file) {
				t.Error(wrong)
			}
		}
		if good < c.least {
			t.Errorf("%s: only %d files without problems", c.pattern, good)
		}
	}
}

const goodPipeline = `version: 1
pipeline: good
schedule: {cron: "0 1 * * *"}
warehouse: {engine: {provisioned: {node_type: ra3.large, nodes: 2}}}
steps:
  - load: ratings
    from: s3://events/ratings/*.csv
    format: {csv: {header: true}}
  - check: none
    query: select 1
    expect: 1
  - unload: out
    query: select 1
    format: csv
    max_file_size: 64MB
    publish: true
`

// A value of the wrong form is refused by the schema and by the strict reader.
func TestSchemaAndReaderAgree(t *testing.T) {
	schema := parsedSchema(t, PipelineSchema)
	agree := func(name, text string, want bool) {
		t.Helper()
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		wrong := fits(schema, schema, value, "")
		_, err := ParsePipeline("p.yaml", []byte(text), os.DirFS(t.TempDir()), nil)
		if (len(wrong) == 0) != want || (err == nil) != want {
			t.Errorf("%s: the schema says %v, the reader %v", name, wrong, err)
		}
	}
	agree("good", goodPipeline, true)
	for _, c := range []struct{ was, is string }{
		{"version: 1", "version: 2"},
		{"version: 1\n", ""},
		{"pipeline: good", "pipeline: Good Name"},
		{"pipeline: good", "pipeline: good\nschedul: {}"},
		{"pipeline: good", "pipeline: good\ntags: {a: [1]}"},
		{"pipeline: good", "pipeline: good\nbudget: {run_usd: much}"},
		{`cron: "0 1 * * *"`, `cron: "0 1 * * *", last_call: 5`},
		{`cron: "0 1 * * *"`, `timezone: UTC`},
		{"nodes: 2", `nodes: "2"`},
		{"nodes: 2", "nodes: 2, betwen_runs: delete"},
		{"load: ratings", "lod: ratings"},
		{"load: ratings", "load: Ratings"},
		{"header: true", "header: 1"},
		{"csv: {header", "csw: {header"},
		{"format: csv", "format: xml"},
		{"max_file_size: 64MB", "max_file_size: 64"},
		{"publish: true", "publish: yes please"},
		{"publish: true", "publish: {prefx: s3://a/b/}"},
		{"publish: true", "when_empty: sometimes"},
		{"expect: 1", "expect: [1]"},
		{"    expect: 1\n", ""},
		{"steps:", "steps: []\nsteps_:"},
	} {
		if !strings.Contains(goodPipeline, c.was) {
			t.Fatalf("no %q in the good one", c.was)
		}
		agree(c.is, strings.Replace(goodPipeline, c.was, c.is, 1), false)
	}
}

// Every struct of the files is described, and the tables name keys that exist.
func TestSchemaKnowsItsStructs(t *testing.T) {
	keys := map[string]bool{}
	for _, schema := range []map[string]any{parsedSchema(t, PipelineSchema), parsedSchema(t, EnvironmentSchema)} {
		if text, _ := json.Marshal(schema); strings.Contains(string(text), ":null") {
			t.Error("a keyword has no value")
		}
		for name, def := range schema["$defs"].(map[string]any) {
			if text, _ := def.(map[string]any)["description"].(string); !strings.HasPrefix(text, name+" ") {
				t.Errorf("%s is described as %q", name, text)
			}
		}
	}
	var visit func(t reflect.Type)
	visit = func(at reflect.Type) {
		switch at.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
			visit(at.Elem())
		case reflect.Struct:
			for i := range at.NumField() {
				if key := at.Field(i).Tag.Get("yaml"); key != "" && !keys[at.Name()+"."+key] {
					keys[at.Name()+"."+key] = true
					visit(at.Field(i).Type)
				}
			}
		}
	}
	for _, of := range []any{Pipeline{}, Environment{}, Load{}, SQL{}, Check{}, Unload{}, SparkJob{}} {
		visit(reflect.TypeOf(of))
	}
	for at := range words {
		if !keys[at] {
			t.Errorf("words: there is no key %s", at)
		}
	}
	for at := range samples {
		if !keys[at] {
			t.Errorf("samples: there is no key %s", at)
		}
	}
	for holder, names := range required {
		for _, name := range names {
			if !keys[holder+"."+name] {
				t.Errorf("required: there is no key %s.%s", holder, name)
			}
		}
	}
}
