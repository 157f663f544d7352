package steps

import (
	"context"
	"path"
	"slices"
	"sort"
	"strings"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/resources"
)

// JobSource finds Spark code: shipped jobs by name and own ones by path.
type JobSource func(job config.SparkJob) (Code, error)

// Code is the files of a Spark job: all lie in one folder of S3.
type Code struct {
	Hash    string   // of all files
	Main    string   // name of the program among Files
	PyFiles []string // those of Files that go with it as --py-files
	SQL     string   // the one of Files that the program runs; "": none
	Files   []CodeFile
}

// CodeFile is one file of a job.
type CodeFile struct {
	Name string
	Body []byte
}

func (r *planned) spark(ctx context.Context, name string, j *config.SparkJob) (controller.Work, error) {
	code, err := r.Jobs(*j)
	if err != nil {
		return controller.Work{}, err
	}
	folder := r.Layout.Job(code.Hash)
	if !r.DryRun {
		if err := uploadCode(ctx, r.Deps, folder, code.Files); err != nil {
			return controller.Work{}, err
		}
	}
	spec := SparkSpec{Script: folder + code.Main, Class: j.Class, Packages: j.Packages, Reads: j.Reads, Writes: j.Writes,
		Expect: j.Expect, Retries: j.Retries, Publish: shelf(j.Publish), Timeout: j.Timeout.D()}
	for _, f := range code.PyFiles {
		spec.PyFiles = append(spec.PyFiles, folder+f)
	}
	for _, archive := range j.Archives {
		spec.Archives = append(spec.Archives, folder+path.Base(archive)) // #alias stays at its end
	}
	if spec.Conf, err = r.pairs(j.Conf); err != nil {
		return controller.Work{}, err
	}
	if spec.Args, err = r.programArgs(j, code, folder); err != nil {
		return controller.Work{}, err
	}
	inputs, sources := []string{}, []string{}
	for _, read := range j.Reads {
		step, folder := part(read)
		inputs = append(inputs, r.prints[step]+folder)
		if !slices.Contains(sources, step) {
			sources = append(sources, step)
		}
	}
	if len(inputs) == 0 {
		inputs = append(inputs, r.ID.Run) // what it reads is not known to us: it runs each night
	}
	print := fingerprint("spark", code.Hash, spec.Class, spec.Archives, spec.Packages, spec.Writes, spec.Args, spec.Conf, inputs)
	w := controller.Work{Reads: sources, Writes: j.Writes, Spec: spec, Fingerprint: print, Done: r.holds(name, print), Publishes: !j.Publish.Off}
	w.Unpublished, err = r.unpublished(ctx, w, name, spec.Publish)
	return w, err
}

// part cuts a read into its step and the folder of that step's dataset, which
// is "" or ends in a slash.
func part(read string) (step, folder string) {
	step, folder, ok := strings.Cut(read, "/")
	if ok {
		folder += "/"
	}
	return step, folder
}

// uploadCode puts files into a folder that is named by the hash of them all:
// one that is there is the same one.
func uploadCode(ctx context.Context, d Deps, folder string, files []CodeFile) error {
	for _, f := range files {
		info, err := d.S3.Head(ctx, folder+f.Name)
		if err == nil && info.Size == int64(len(f.Body)) {
			continue
		}
		if err != nil && resources.ClassOf(err) != resources.Gone {
			return err
		}
		if _, err := d.S3.Put(ctx, folder+f.Name, f.Body, ""); err != nil {
			return err
		}
	}
	return nil
}

// programArgs are what the program is given after --reads and --writes: args
// become --name value; a file of SQL gets them as its parameters.
func (r *planned) programArgs(j *config.SparkJob, code Code, folder string) ([]string, error) {
	pairs, err := r.pairs(j.Args)
	if err != nil {
		return nil, err
	}
	var out []string
	if code.SQL != "" {
		out = append(out, "--sql", folder+code.SQL, "--date", r.through)
		for _, name := range j.Writes {
			out = append(out, "--into", name)
		}
	}
	for _, pair := range pairs {
		if code.SQL != "" {
			out = append(out, "--param", pair)
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		out = append(out, "--"+name, value)
	}
	return out, nil
}

// expand puts the last covered day into a text of the pipeline file.
func (r *planned) expand(text string) (string, error) {
	return config.Expand(text, map[string]string{"date": r.through})
}

// pairs are name=value, sorted by name.
func (r *planned) pairs(m map[string]string) ([]string, error) {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	var out []string
	for _, k := range names {
		value, err := r.expand(m[k])
		if err != nil {
			return nil, err
		}
		out = append(out, k+"="+value)
	}
	return out, nil
}
