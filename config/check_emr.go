package config

import (
	"regexp"
	"slices"
	"strings"
)

var (
	emrRelease   = regexp.MustCompile(`^emr-[0-9]+\.[0-9]+\.[0-9]+$`)
	instanceType = regexp.MustCompile(`^([a-z]+)[0-9]+([a-z]*)(-[a-z0-9]+)*\.[a-z0-9-]+$`)
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
	c.checkMarket(e, at)
	c.checkApplications(e.Applications, at+".applications")
	c.checkBootstrap(e.Bootstrap, at+".bootstrap")
	c.checkConfigurations(e.Configurations, at+".configurations")
}

// checkMarket checks how instances are asked for.
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-instance-fleet.html
func (c *pipelineCheck) checkMarket(e *EMR, at string) {
	if c.has(at+".workers.fall_back") && !e.Workers.Spot {
		c.report(at+".workers.fall_back", "write spot: true beside it, or leave it out", "on-demand workers have nothing to fall back to")
	}
	c.oneOf(at+".instances", e.Instances, "fleets", "groups")
	if len(e.Workers.Types) > maxFleetTypes {
		c.report(at+".workers.types", "", "%d types: a fleet takes %d", len(e.Workers.Types), maxFleetTypes)
	}
	if e.Concurrency < 1 || e.Concurrency > maxConcurrency {
		c.report(at+".concurrency", "", "%d: 1 to %d steps run side by side", e.Concurrency, maxConcurrency)
	}
}

// Limits of EMR.
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-instance-fleet.html
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-concurrent-steps.html
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-bootstrap.html
const (
	maxFleetTypes  = 30
	maxConcurrency = 256
	maxBootstrap   = 16
)

// applications that a release of EMR 6 or 7 can install.
// https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-release-components.html
var applications = []string{"AmazonCloudWatchAgent", "Flink", "Ganglia", "HBase", "HCatalog", "Hadoop", "Hive", "Hue", "JupyterEnterpriseGateway",
	"JupyterHub", "Livy", "MXNet", "Oozie", "Phoenix", "Pig", "Presto", "Spark", "Sqoop", "TensorFlow", "Tez", "Trino", "Zeppelin", "ZooKeeper"}

func (c *pipelineCheck) checkApplications(names []string, at string) {
	for i, name := range names {
		switch {
		case !slices.Contains(applications, name):
			c.report(at+index(i), didYouMean(name, applications), "EMR has no application %s", quote(name))
		case slices.Index(names, name) < i:
			c.report(at+index(i), "", "%s is listed twice", quote(name))
		}
	}
	if !slices.Contains(names, "Spark") {
		c.report(at, "write [Spark, …]", "Spark is not among them")
	}
}

// checkBootstrap checks bootstrap actions, and reads those that are files: they
// are uploaded under the hash of their content.
func (c *pipelineCheck) checkBootstrap(actions []Bootstrap, at string) {
	if len(actions) > maxBootstrap {
		c.report(at, "join some", "%d: a cluster takes %d", len(actions), maxBootstrap)
	}
	for i := range actions {
		a, path := &actions[i], at+index(i)+".path"
		switch {
		case !c.has(path):
			c.report(path, "write {path: bootstrap/install.sh, args: [numpy]}", "is missing")
		case strings.HasPrefix(a.Path, "s3://"):
			if bucket, key, _ := strings.Cut(strings.TrimPrefix(a.Path, "s3://"), "/"); bucket == "" || key == "" {
				c.report(path, "write s3://bucket/install.sh", "%s is not an object of S3", quote(a.Path))
			}
		default:
			a.Body = c.readFile(path, a.Path)
		}
	}
}

var classification = regexp.MustCompile(`^[a-z][a-z0-9]*([.-][a-z0-9]+)*$`)

func (c *pipelineCheck) checkConfigurations(list []Configuration, at string) {
	seen := map[string]bool{}
	for i, conf := range list {
		path := at + index(i)
		switch {
		case !c.has(path + ".classification"):
			c.report(path+".classification", "write classification: spark-defaults", "is missing")
		case !classification.MatchString(conf.Classification):
			c.report(path+".classification", "write spark-defaults, core-site, hadoop-env …", "%s is not a classification of EMR", quote(conf.Classification))
		case seen[conf.Classification]:
			c.report(path+".classification", "join the two", "%s is there twice", quote(conf.Classification))
		case len(conf.Properties) == 0 && len(conf.Configurations) == 0:
			c.report(path, "write properties: {name: value}", "sets nothing")
		}
		seen[conf.Classification] = true
		c.checkConfigurations(conf.Configurations, path+".configurations")
	}
}

// emrDefaults fills in what the file leaves out.
func (c *pipelineCheck) emrDefaults(e *EMR) {
	const at = "spark.engine.emr"
	fill(c.reader, at+".workers.count", &e.Workers.Count, 2)
	fill(c.reader, at+".workers.fall_back", &e.Workers.FallBack, e.Workers.Spot)
	fill(c.reader, at+".instances", &e.Instances, "fleets")
	fill(c.reader, at+".concurrency", &e.Concurrency, 1)
	fill(c.reader, at+".applications", &e.Applications, []string{"Spark"})
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
