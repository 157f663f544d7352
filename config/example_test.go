package config_test

import (
	"io/fs"
	"slices"
	"testing"

	"lamplighter/config"
	"lamplighter/examples"
	"lamplighter/jobs"
	"lamplighter/resources"
)

func TestTemplatesLoad(t *testing.T) {
	for _, name := range examples.Templates() {
		files, err := examples.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := fs.ReadFile(files, "lamplighter.yaml")
		if err != nil {
			t.Fatal(err)
		}
		p, err := config.ParsePipeline("lamplighter.yaml", data, files, nil)
		if err != nil {
			t.Fatal(err)
		}
		example, err := fs.ReadFile(files, "environments/prod.yaml.example")
		if err != nil {
			t.Fatal(err)
		}
		e, err := config.ParseEnvironment("environments/prod.yaml", example)
		if err != nil {
			t.Fatal(err)
		}
		if err := config.Match(p, e); err != nil {
			t.Fatal(err)
		}
	}
}

// config imports no package of ours, so it holds copies of two decisions.
func TestCopiesAgree(t *testing.T) {
	if names := jobs.Names(); !slices.Equal(names, config.ShippedJobs) {
		t.Errorf("the shipped jobs are %v, config knows %v", names, config.ShippedJobs)
	}
	longest := "a"
	for len(longest) < resources.MaxPipelineName {
		longest += "1"
	}
	for _, name := range []string{"a", "a-b", "a1-2b", longest, longest + "1", "", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b"} {
		text := "version: 1\npipeline: \"" + name + "\"\nschedule: {cron: 0 1 * * *}\n" +
			"spark: {engine: {emr: {release: emr-7.10.0, primary: m5.xlarge, workers: {types: [m5.xlarge]}}}}\nsteps: [{spark: s, job: als}]\n"
		_, err := config.ParsePipeline("x.yaml", []byte(text), nil, nil)
		if want := resources.PipelineName.MatchString(name) && len(name) <= resources.MaxPipelineName; (err == nil) != want {
			t.Errorf("pipeline %q: %v", name, err)
		}
	}
}
