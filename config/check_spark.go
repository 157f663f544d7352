package config

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// ShippedJobs are the names that `job:` of a spark step takes. The jobs
// themselves are in package jobs, which this one must not import; a test
// compares the two.
var ShippedJobs = []string{"als", "sentiment"}

var (
	argName     = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	className   = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*$`)
	archiveName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	// maven is a coordinate as --packages takes it.
	// https://spark.apache.org/docs/latest/submitting-applications.html#advanced-dependency-management
	maven = regexp.MustCompile(`^[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+$`)
)

// checkJob checks a spark step.
func (c *pipelineCheck) checkJob(i int, s *SparkJob, at string) {
	c.checkProgram(s, at)
	c.checkProgramFiles(s, at)
	for j, name := range s.Packages {
		if !maven.MatchString(name) {
			c.report(at+".packages"+index(j), "write group:artifact:version, as org.apache.spark:spark-avro_2.12:3.5.5", "%s is not a Maven coordinate", quote(name))
		}
	}
	c.checkDatasets(i, s, at)
	c.checkArgs(s, at)
	c.checkBounds(s.Expect, at)
	c.checkPublish(s.Publish, at)
	if s.Retries < 0 || s.Retries > maxRetries {
		c.report(at+".retries", "each retry is another cluster", "%d: a step has 0 to %d retries", s.Retries, maxRetries)
	}
	if s.Timeout < minSparkTimeout {
		c.report(at+".timeout", "Spark alone takes half a minute to start", "%s is too short: at least %s", s.Timeout, minSparkTimeout)
	} else if stop := c.p.Schedule.HardStop; c.has(at+".timeout") && stop > 0 && s.Timeout > stop {
		c.report(at+".timeout", "", "%s is longer than the whole window, hard_stop %s", s.Timeout, stop)
	}
}

// checkBounds checks what is expected of a dataset's metrics.
func (c *pipelineCheck) checkBounds(expect map[string]Bounds, at string) {
	for metric, b := range expect {
		path := join(at+".expect", metric)
		if b.Min == nil && b.Max == nil {
			c.report(path, "write {max: 0.95} or {min: 0.5}", "has no bound")
		} else if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
			c.report(path, "", "no value lies between min %v and max %v", *b.Min, *b.Max)
		}
	}
}

// maxRetries bounds how many clusters one step may cost.
const maxRetries = 5

// checkProgram wants exactly one program, with what belongs to its kind.
func (c *pipelineCheck) checkProgram(s *SparkJob, at string) {
	var given []string
	for _, key := range []string{"job", "main", "jar", "sql"} {
		if c.has(at + "." + key) {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		if len(given) == 0 {
			c.report(at, "write job: als, main: jobs/x.py, sql: jobs/x.sql, or jar: x.jar with its class", "has nothing to run")
		} else {
			c.report(at+"."+given[1], "keep one of them", "a step runs one program, not %s", strings.Join(given, " and "))
		}
		return
	}
	switch given[0] {
	case "job":
		if !slices.Contains(ShippedJobs, s.Job) {
			c.report(at+".job", didYouMean(s.Job, ShippedJobs)+"; a file of yours goes into main", "there is no shipped job %s", quote(s.Job))
		}
	case "main":
		c.checkCode(at+".main", s.Main, ".py")
	case "jar":
		c.checkCode(at+".jar", s.Jar, ".jar")
		if !c.has(at + ".class") {
			c.report(at+".class", "write class: com.example.Main: spark-submit does not look into a jar that lies in S3", "is missing")
		}
	case "sql":
		c.checkCode(at+".sql", s.SQL, ".sql")
	}
	c.checkBelongs(given[0], at)
	if c.has(at+".class") && !className.MatchString(s.Class) {
		c.report(at+".class", "write it with its package: com.example.Main", "%s is not the name of a class", quote(s.Class))
	}
}

// checkBelongs refuses keys that mean nothing to a kind of program.
func (c *pipelineCheck) checkBelongs(program, at string) {
	if c.has(at+".class") && program != "jar" {
		c.report(at+".class", "write jar: x.jar beside it", "belongs to a jar")
	}
	if !c.has(at + ".py_files") {
		return
	}
	switch program {
	case "job", "sql":
		c.report(at+".py_files", "write main: jobs/x.py to run your own", "a shipped job brings its own files")
	case "jar":
		c.report(at+".py_files", "write packages for what the jar needs, or build it in", "a jar runs no Python")
	}
}

// checkProgramFiles checks the files that go with a program. All of a step's files
// lie in one folder of S3, so their names must differ.
func (c *pipelineCheck) checkProgramFiles(s *SparkJob, at string) {
	for j, name := range s.PyFiles {
		c.checkCode(at+".py_files"+index(j), name, ".py", ".zip", ".egg")
	}
	for j, archive := range s.Archives {
		name, alias, named := strings.Cut(archive, "#")
		path := at + ".archives" + index(j)
		c.checkCode(path, name, ".tar.gz", ".tgz", ".tar", ".zip", ".jar")
		if named && !archiveName.MatchString(alias) {
			c.report(path, "write env.tar.gz#env: it is unpacked into the folder env", "%s is not the name of a folder", quote(alias))
		}
	}
	first := map[string]string{path.Base(s.Main): s.Main}
	check := func(at, name string) {
		base := path.Base(name)
		if other, twice := first[base]; twice {
			c.report(at, "rename one: all files of a step lie in one folder", "%s and %s have one name", quote(other), quote(name))
		}
		first[base] = name
	}
	for j, name := range s.PyFiles {
		check(at+".py_files"+index(j), name)
	}
	for j, archive := range s.Archives {
		name, _, _ := strings.Cut(archive, "#")
		check(at+".archives"+index(j), name)
	}
}

// checkDatasets checks what a step reads and writes.
func (c *pipelineCheck) checkDatasets(i int, s *SparkJob, at string) {
	views, reader := map[string]string{}, "a spark step"
	if s.Job != "" || s.SQL != "" {
		reader = "a shipped job"
	}
	for j, name := range s.Reads {
		path := at + ".reads" + index(j)
		if c.checkDataset(i, path, name, reader); slices.Index(s.Reads, name) < j {
			c.report(path, "", "%s is listed twice", quote(name))
			continue
		}
		view := name[strings.LastIndex(name, "/")+1:]
		if other, twice := views[view]; twice && s.SQL != "" {
			c.report(path, "each is a view of that name: give the datasets different ones", "%s and %s are both called %s", other, name, view)
		}
		views[view] = name
	}
	for j, name := range s.Writes {
		path := at + ".writes" + index(j)
		if !isIdentifier(name) {
			c.report(path, "a lower-case letter or underscore, then letters, digits and underscores, at most 63", "%s is not a name for a dataset", quote(name))
		} else if slices.Index(s.Writes, name) < j {
			c.report(path, "", "%s is listed twice", quote(name))
		}
	}
	if s.SQL != "" && len(s.Writes) > 1 {
		c.report(at+".writes", "make a step of each", "the rows of a file of SQL are one dataset, not %d", len(s.Writes))
	}
}

// checkDataset checks the name of a dataset of this run: a step, or
// step/folder. A step that says what it writes writes no other folder.
func (c *pipelineCheck) checkDataset(i int, at, read, reader string) {
	step, folder, part := strings.Cut(read, "/")
	c.earlier(i, at, step, reader)
	if reader != "a spark step" { // a program of the user's own knows what it reads
		c.checkRead(at, step, reader)
	}
	if part && !folderName.MatchString(folder) {
		c.report(at, "write recommendations/users for the folder users of the dataset recommendations", "%s is not a folder of a dataset", quote(folder))
		return
	}
	for _, s := range c.p.Steps[:i] {
		if s.Name != step || s.Spark == nil || len(s.Spark.Writes) == 0 {
			continue
		}
		var whole []string
		for _, w := range s.Spark.Writes {
			whole = append(whole, step+"/"+w)
		}
		if top, _, _ := strings.Cut(folder, "/"); !slices.Contains(s.Spark.Writes, top) {
			c.report(at, "write "+either(whole), "the step %s writes %d datasets, and this names none of them", step, len(whole))
		}
	}
}

// minSparkTimeout keeps a step's limit in whole seconds above nothing.
const minSparkTimeout = Duration(60 * 1e9)

// checkCode wants a file that is there, of a kind that Spark takes.
func (c *pipelineCheck) checkCode(at, name string, endings ...string) {
	if !slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(name, ending) }) {
		c.report(at, "", "%s does not end in %s", quote(name), either(endings))
		return
	}
	clean := c.inside(at, name)
	if clean == "" {
		return
	}
	if info, err := fs.Stat(c.files, clean); err != nil {
		c.report(at, "paths start at the folder of the pipeline file", "%s cannot be read: %s", quote(name), cause(err))
	} else if info.IsDir() {
		c.report(at, "", "%s is a folder", quote(name))
	}
}

// checkArgs checks a job's arguments and Spark's own settings.
func (c *pipelineCheck) checkArgs(s *SparkJob, at string) {
	for name, value := range s.Args {
		path := join(at+".args", name)
		switch {
		case name == "reads" || name == "writes":
			c.report(path, "name the datasets in reads:", "--%s is given by lamplighter", name)
		case name == "date" && s.SQL != "":
			c.report(path, "leave it out", ":date is the last day that the run covers")
		case s.SQL != "" && strings.Contains(name, "-"):
			c.report(path, "write _ for -", "%s cannot be a parameter of SQL", quote(name))
		case !argName.MatchString(name):
			c.report(path, "a lower-case letter, then letters, digits, - and _", "%s is not the name of an argument", quote(name))
		}
		c.checkWords(path, value, runWords)
	}
	for name, value := range s.Conf {
		path := join(at+".conf", name)
		if !strings.HasPrefix(name, "spark.") {
			c.report(path, "Spark reads only settings that begin with spark.", "%s is not a setting of Spark", quote(name))
		}
		c.checkWords(path, value, runWords)
	}
}
