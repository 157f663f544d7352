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
	emrRelease   = regexp.MustCompile(`^emr-[0-9]+\.[0-9]+\.[0-9]+$`)
	instanceType = regexp.MustCompile(`^([a-z]+)[0-9]+([a-z]*)(-[a-z0-9]+)*\.[a-z0-9-]+$`)
	argName      = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
)

// architecture of an EC2 instance type; "" when it is none. Graviton types
// have a g among the letters after the generation: m6g, r7gd, c7gn, im4gn; a1
// is the one without. g4dn and m6i are not.
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
func architecture(name string) string {
	m := instanceType.FindStringSubmatch(name)
	switch {
	case m == nil:
		return ""
	case m[1] == "a", strings.Contains(m[2], "g"):
		return "arm64"
	}
	return "x86_64"
}

// checkSpark checks the cluster's shape.
func (c *pipelineCheck) checkSpark(s *Spark) {
	e, at := s.Engine.EMR, "spark.engine.emr"
	if e == nil {
		c.report("spark.engine", "write engine: {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge], count: 2}}}", "is missing")
		return
	}
	if !c.has(at + ".release") {
		c.report(at+".release", "write release: emr-7.10.0", "is missing")
	} else if !emrRelease.MatchString(e.Release) {
		c.report(at+".release", "write emr-7.10.0", "%s is not a release of EMR", quote(e.Release))
	}
	if e.Workers.Count < 1 {
		c.report(at+".workers.count", "", "%d: at least 1 worker is needed", e.Workers.Count)
	}
	if !c.has(at + ".primary") {
		c.report(at+".primary", "write primary: m6g.xlarge", "is missing")
	}
	if len(e.Workers.Types) == 0 {
		c.report(at+".workers.types", "write types: [m6g.xlarge]", "names no instance type")
	}
	c.checkInstances(e, at)
}

// checkInstances wants instance types of one CPU architecture: Python
// dependencies are built for one.
func (c *pipelineCheck) checkInstances(e *EMR, at string) {
	names, paths := []string{e.Primary}, []string{at + ".primary"}
	for i, name := range e.Workers.Types {
		names, paths = append(names, name), append(paths, at+".workers.types"+index(i))
		if slices.Index(e.Workers.Types, name) < i {
			c.report(at+".workers.types"+index(i), "", "%s is listed twice", quote(name))
		}
	}
	first := ""
	for i, name := range names {
		arch := architecture(name)
		switch {
		case !c.has(paths[i]):
		case arch == "":
			c.report(paths[i], "write a type such as m6g.xlarge", "%s is not an EC2 instance type", quote(name))
		case first == "":
			first = name
		case arch != architecture(first):
			c.report(paths[i], "choose types of one architecture: m6g, m7g, r6g … are arm64, m5, m6i, r5 … are x86_64",
				"%s is %s, but %s is %s", name, arch, first, architecture(first))
		}
	}
}

// checkJob checks a spark step.
func (c *pipelineCheck) checkJob(i int, s *SparkJob, at string) {
	job, main := c.has(at+".job"), c.has(at+".main")
	switch {
	case job && main:
		c.report(at+".main", "keep one of them", "a step runs a shipped job or a file of yours, not both")
	case job:
		if !slices.Contains(ShippedJobs, s.Job) {
			c.report(at+".job", didYouMean(s.Job, ShippedJobs)+"; a file of yours goes into main", "there is no shipped job %s", quote(s.Job))
		}
		if c.has(at + ".py_files") {
			c.report(at+".py_files", "write main: jobs/x.py to run your own", "a shipped job brings its own files")
		}
	case main:
		c.checkCode(at+".main", s.Main, ".py")
	default:
		c.report(at, "write job: als, or main: jobs/x.py", "has nothing to run")
	}
	for j, name := range s.PyFiles {
		c.checkCode(at+".py_files"+index(j), name, ".py", ".zip", ".egg")
	}
	for j, name := range s.Reads {
		c.earlier(i, at+".reads"+index(j), name, "a spark step")
		if job {
			c.checkRead(at+".reads"+index(j), name, "a shipped job")
		}
		if slices.Index(s.Reads, name) < j {
			c.report(at+".reads"+index(j), "", "%s is listed twice", quote(name))
		}
	}
	c.checkArgs(s, at)
	c.checkBounds(s.Expect, at)
	c.checkPublish(s.Publish, at)
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

// minSparkTimeout keeps a step's limit in whole seconds above nothing.
const minSparkTimeout = Duration(60 * 1e9)

// checkCode wants a file that is there, of a kind that Spark takes.
func (c *pipelineCheck) checkCode(at, name string, endings ...string) {
	if !slices.Contains(endings, path.Ext(name)) {
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
