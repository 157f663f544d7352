package config

import (
	"embed"
	"encoding/json"
	goast "go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// This file writes the JSON Schema of both files by reflection over the same
// structs that the strict reader fills, with the same rules: what the reader
// takes, the schema allows. The schema is weaker where a rule needs more than
// the form of one value; `lamplighter check` knows them all.

// sources hold the structs of both files: their comments describe the keys. A
// pattern, because a struct may move to a file of its own.
//
//go:embed *.go
var sources embed.FS

// The schemas by name, and the dialect that they are written in.
const (
	dialect             = "https://json-schema.org/draft/2020-12/schema"
	PipelineSchemaID    = "urn:lamplighter:schema:1:pipeline"
	EnvironmentSchemaID = "urn:lamplighter:schema:1:environment"
)

type object = map[string]any

// required are the keys that a struct cannot do without.
var required = map[string][]string{
	"Pipeline": {"version", "pipeline", "schedule", "steps"}, "Schedule": {"cron"}, "Warehouse": {"engine"},
	"Provisioned": {"node_type"}, "Spark": {"engine"}, "Check": {"query", "expect"}, "Unload": {"query"},
	"Environment": {"account", "region", "bucket"}, "Credentials": {"file"},
}

// words are the keys whose value is one of some words.
var words = map[string][]string{
	"Provisioned.between_runs": {"delete"}, "Load.mode": {"append", "replace", "upsert"}, "Load.on_change": {"fail", "replace"},
	"Load.compression": Compressions, "CSV.encoding": Encodings, "JSON.encoding": Encodings,
	"Unload.compression": {"none", "gzip", "bzip2", "zstd"}, "Unload.when_empty": {"skip", "run", "fail"},
	"Check.severity": {"error", "warn"}, "LoadCheck.severity": {"error", "warn"},
}

// samples are values as people write them, for whoever completes a key.
var samples = map[string][]any{
	"Pipeline.pipeline": {"movielens"}, "Pipeline.partition_zone": {"UTC", "America/New_York"}, "Schedule.cron": {"0 1 * * *"},
	"Schedule.timezone": {"UTC", "America/New_York"}, "Schedule.last_call": {"2h30m"}, "Schedule.hard_stop": {"4h"},
	"Provisioned.node_type": {"ra3.large"}, "Provisioned.nodes": {2}, "EMR.release": {"emr-7.10.0"}, "EMR.primary": {"m6g.xlarge"},
	"Load.from": {"s3://events/ratings/{yyyy}/{mm}/{dd}/*.csv.gz"}, "Load.since": {"2026-11-01"}, "CompleteWhen.day_ended": {"30m"},
	"SparkJob.job": {"als", "sentiment"}, "SparkJob.main": {"jobs/score.py"}, "Check.expect": {0}, "Unload.max_file_size": {"64MB"},
	"Environment.account": {"123456789012"}, "Environment.region": {"us-east-1"}, "Environment.logs": {"s3://acme-logs/emr/"},
}

// shorthands are what may stand in the place of a struct.
var shorthands = map[reflect.Type]object{
	reflect.TypeFor[UnloadFormat](): {"enum": []string{"parquet", "csv", "json"}},
	reflect.TypeFor[Publish]():      {"type": "boolean"},
	reflect.TypeFor[Size]():         {"type": "string", "pattern": sizePattern.String()},
}

var scalarTypes = []string{"string", "number", "boolean"}

// PipelineSchema is the JSON Schema (draft 2020-12) of lamplighter.yaml.
func PipelineSchema() ([]byte, error) {
	s := newSchema()
	root := s.object(reflect.TypeFor[Pipeline]())
	properties := root["properties"].(object)
	properties["version"].(object)["const"] = 1
	properties["pipeline"].(object)["pattern"], properties["pipeline"].(object)["maxLength"] = pipelineName.String(), maxPipelineName
	properties["steps"] = object{"description": "What is done each night. The key that names a step's kind holds the step's name.",
		"type": "array", "minItems": 1, "items": object{"oneOf": s.steps()}}
	return s.write(root, PipelineSchemaID, "lamplighter.yaml: what to do each night")
}

// EnvironmentSchema is the JSON Schema (draft 2020-12) of environments/NAME.yaml.
func EnvironmentSchema() ([]byte, error) {
	s := newSchema()
	root := s.object(reflect.TypeFor[Environment]())
	return s.write(root, EnvironmentSchemaID, "environments/NAME.yaml: where a pipeline runs")
}

type schema struct {
	defs     object
	comments map[string]string // by "Struct" and "Struct.Field"
}

func newSchema() *schema { return &schema{defs: object{}, comments: comments()} }

func (s *schema) write(root object, id, title string) ([]byte, error) {
	root["$schema"], root["$id"], root["title"], root["$defs"] = dialect, id, title, s.defs
	return json.MarshalIndent(root, "", "  ")
}

// steps are the forms of a step, one for each kind.
func (s *schema) steps() (forms []any) {
	for _, k := range kinds {
		step := Step{}
		t := reflect.TypeOf(k.alloc(&step)).Elem()
		form := s.object(t)
		properties := form["properties"].(object)
		properties[k.name] = object{"description": "The step's name.", "type": "string", "pattern": identifier.String(), "maxLength": maxIdentifier}
		properties["needs"] = object{"description": "Steps that must be done before.", "type": "array", "items": object{"type": "string"}}
		form["title"], form["required"] = k.name, append([]string{k.name}, required[t.Name()]...)
		forms = append(forms, form)
	}
	return forms
}

// object is a struct's keys, as the reader takes them.
func (s *schema) object(t reflect.Type) object {
	properties := object{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "-" {
			continue
		}
		value := s.value(f.Type, f.Tag.Get("read") == "scalar")
		at := t.Name() + "." + key
		if w := words[at]; w != nil {
			value = object{"enum": w}
		}
		if text := s.comments[t.Name()+"."+f.Name]; text != "" {
			value["description"] = text
		}
		if e := samples[at]; e != nil {
			value["examples"] = e
		}
		properties[key] = value
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if text := s.comments[t.Name()]; text != "" {
		o["description"] = text
	}
	if r := required[t.Name()]; r != nil {
		o["required"] = r
	}
	return o
}

// value is what the reader takes for a type.
func (s *schema) value(t reflect.Type, lenient bool) object {
	switch {
	case t == reflect.TypeFor[Duration]():
		return object{"type": "string", "pattern": durationPattern.String(), "minLength": 2}
	case t == reflect.TypeFor[Scalar]():
		return object{"type": scalarTypes}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[shorthand]()):
		short := shorthands[t]
		if short == nil {
			short = object{"type": scalarTypes}
		}
		if t.Kind() != reflect.Struct {
			return object{"anyOf": []any{short}}
		}
		return object{"anyOf": []any{short, s.reference(t)}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.value(t.Elem(), lenient)
	case reflect.Struct:
		return s.reference(t)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.value(t.Elem(), lenient)}
	case reflect.Slice:
		return object{"type": "array", "items": s.value(t.Elem(), lenient)}
	case reflect.Array:
		return object{"type": "array", "items": s.value(t.Elem(), lenient), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		if !lenient {
			return object{"type": "string"}
		}
		return object{"type": scalarTypes}
	}
	return object{} // a value of the user's own form
}

// reference is a struct by its name, defined once.
func (s *schema) reference(t reflect.Type) object {
	if _, known := s.defs[t.Name()]; !known {
		s.defs[t.Name()] = object{} // a struct may hold itself
		s.defs[t.Name()] = s.object(t)
	}
	return object{"$ref": "#/$defs/" + t.Name()}
}

// comments are what the structs' own source says of them and of their fields.
func comments() map[string]string {
	found := map[string]string{}
	files, err := sources.ReadDir(".")
	if err != nil {
		panic("config: " + err.Error()) // it is inside the binary
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		text, _ := sources.ReadFile(file.Name())
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.ParseComments)
		if err != nil {
			panic("config: " + err.Error()) // it was compiled
		}
		for _, d := range parsed.Decls {
			if g, ok := d.(*goast.GenDecl); ok && g.Tok == token.TYPE {
				describeTypes(found, g)
			}
		}
	}
	return found
}

func describeTypes(found map[string]string, g *goast.GenDecl) {
	for _, spec := range g.Specs {
		t := spec.(*goast.TypeSpec)
		s, ok := t.Type.(*goast.StructType)
		if !ok {
			continue
		}
		found[t.Name.Name] = oneLine(g.Doc.Text())
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				found[t.Name.Name+"."+name.Name] = oneLine(f.Doc.Text() + f.Comment.Text())
			}
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
