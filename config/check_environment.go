package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// environmentCheck fills in an environment's defaults and finds what is wrong
// with it.
type environmentCheck struct {
	*reader
	e *Environment
}

func (c *environmentCheck) defaults() {
	e := c.e
	e.File = c.file
	e.Name = strings.TrimSuffix(filepath.Base(c.file), filepath.Ext(c.file))
	fill(c.reader, "database", &e.Database, "dev")
	fill(c.reader, "warehouse.port", &e.Warehouse.Port, 5439)
	fill(c.reader, "kill_switch.group", &e.KillSwitch.Group, "default")
	fill(c.reader, "timing.grace", &e.Timing.Grace, Duration(5*time.Minute))
	fill(c.reader, "timing.poll", &e.Timing.Poll, Duration(5*time.Second))
	fill(c.reader, "timing.kill_switch_margin", &e.Timing.KillSwitchMargin, Duration(30*time.Minute))
	if e.Credentials != nil {
		fill(c.reader, "credentials.profile", &e.Credentials.Profile, "default")
	}
}

var (
	accountID       = regexp.MustCompile(`^[0-9]{12}$`)
	regionName      = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	environmentName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_.-]*[a-z0-9])?$`)
	roleARN         = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/[\w+=,.@/-]+$`)
	profileARN      = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):instance-profile/[\w+=,.@/-]+$`)
	roleName        = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	queueARN        = regexp.MustCompile(`^arn:aws[a-z-]*:sqs:[a-z0-9-]+:([0-9]{12}):[\w.-]+$`)
)

func (c *environmentCheck) check() {
	e := c.e
	if !environmentName.MatchString(e.Name) {
		c.report("", "use lower-case letters, digits and hyphens: environments/prod.yaml", "%s is not a name for an environment", quote(e.Name))
	}
	if c.need("account", `write account: "123456789012"`) && !accountID.MatchString(e.Account) {
		c.report("account", `write all 12 digits in quotes: account: "001234567012"`, "%s is not an AWS account: it has 12 digits", quote(e.Account))
	}
	if c.need("region", "write region: us-east-1") && !regionName.MatchString(e.Region) {
		c.report("region", "write region: us-east-1", "%s is not an AWS region", quote(e.Region))
	}
	if c.need("bucket", "write the name of the bucket for journal, datasets and results") && !bucketName.MatchString(e.Bucket) {
		c.report("bucket", "3 to 63 lower-case letters, digits, dots and hyphens; no s3://", "%s is no name of a bucket", quote(e.Bucket))
	}
	if e.Logs != "" {
		c.checkLogs()
	}
	if !isIdentifier(e.Database) {
		c.report("database", "lower-case letters, digits and underscores", "%s is not the name of a database", quote(e.Database))
	}
	c.checkEndpoint()
	c.checkConnect()
	c.checkRoles()
	c.checkTiming()
	// Redshift's RA3 and RG nodes listen on these ports only.
	if p := e.Warehouse.Port; e.EndpointURL == "" && (p < 5431 || p > 5455) && (p < 8191 || p > 8215) {
		c.report("warehouse.port", "write 5439", "%d: Redshift takes 5431 to 5455 and 8191 to 8215", p)
	}
	if q := e.KillSwitch.DeadLetterQueue; q != "" && !queueARN.MatchString(q) {
		c.report("kill_switch.dead_letter_queue", "write the queue's ARN: arn:aws:sqs:us-east-1:123456789012:name", "%s is not the ARN of a queue", quote(q))
	}
}

// need reports a missing key; true when it is there.
func (c *environmentCheck) need(path, mend string) bool {
	if !c.has(path) {
		c.report(path, mend, "is missing")
	}
	return c.has(path)
}

func (c *environmentCheck) checkLogs() {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(c.e.Logs, "s3://"), "/")
	switch {
	case !strings.HasPrefix(c.e.Logs, "s3://") || !bucketName.MatchString(bucket):
		c.report("logs", "write logs: s3://bucket/ or s3://bucket/prefix/", "%s is not a place in S3", quote(c.e.Logs))
	case !strings.HasSuffix(c.e.Logs, "/"):
		c.report("logs", "write "+c.e.Logs+"/", "%s must end in /", quote(bucket+"/"+prefix))
	}
}

// checkEndpoint keeps ambient keys from being sent to a stranger: an endpoint
// of one's own needs credentials of its own.
func (c *environmentCheck) checkEndpoint() {
	e := c.e
	if e.EndpointURL == "" {
		if c.has("credentials") {
			c.report("credentials", "choose the keys for AWS with AWS_PROFILE or the variables of the SDK", "are used with endpoint_url only")
		}
		return
	}
	u, err := url.Parse(e.EndpointURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		c.report("endpoint_url", "write http://127.0.0.1:4566", "%s is not the address of an endpoint", quote(e.EndpointURL))
	}
	if e.Credentials == nil {
		c.report("credentials", "write credentials: {file: credentials, profile: local}", "are required with endpoint_url: the keys of your AWS account are never sent there")
	} else if e.Credentials.File == "" {
		c.report("credentials.file", "write file: credentials", "is missing")
	}
}

func (c *environmentCheck) checkConnect() {
	n := c.e.Connect
	if c.has("connect.port") && (n.Port < 1 || n.Port > 65535) {
		c.report("connect.port", "", "%d is not a port", n.Port)
	}
	if _, _, err := net.SplitHostPort(n.Host); err == nil && net.ParseIP(n.Host) == nil {
		c.report("connect.host", "write the port in connect.port", "%s holds a port", quote(n.Host))
	}
}

func (c *environmentCheck) checkRoles() {
	r := c.e.Roles
	c.checkARN("roles.warehouse", r.Warehouse, "role", roleARN)
	c.checkARN("roles.kill_switch", r.KillSwitch, "role", roleARN)
	// EMR takes these two by name as well.
	if !roleName.MatchString(r.SparkService) {
		c.checkARN("roles.spark_service", r.SparkService, "role", roleARN)
	}
	if !roleName.MatchString(r.SparkInstanceProfile) {
		c.checkARN("roles.spark_instance_profile", r.SparkInstanceProfile, "instance-profile", profileARN)
	}
}

// checkARN wants an ARN of the environment's own account.
func (c *environmentCheck) checkARN(path, arn, what string, form *regexp.Regexp) {
	if !c.has(path) {
		return
	}
	m := form.FindStringSubmatch(arn)
	if m == nil {
		c.report(path, fmt.Sprintf("write arn:aws:iam::123456789012:%s/name", what), "%s is not the ARN of an IAM %s", quote(arn), strings.ReplaceAll(what, "-", " "))
	} else if m[1] != c.e.Account && accountID.MatchString(c.e.Account) {
		c.report(path, "", "is of the account %s, but this environment is %s", m[1], c.e.Account)
	}
}

func (c *environmentCheck) checkTiming() {
	if c.e.Timing.Poll < Duration(10*time.Millisecond) {
		c.report("timing.poll", "leave it out for 5s", "%s is too often", c.e.Timing.Poll)
	}
	if c.e.Timing.Grace < Duration(time.Second) {
		c.report("timing.grace", "leave it out for 5m", "%s is too short: a look right after a create would prove an absence", c.e.Timing.Grace)
	}
	if c.e.Timing.KillSwitchMargin < Duration(time.Second) {
		c.report("timing.kill_switch_margin", "leave it out for 30m", "%s is too short: the kill switch would fire on a controller that is alive", c.e.Timing.KillSwitchMargin)
	}
}

// Match says whether an environment has what a pipeline needs. The error is
// Problems, at the environment's file.
func Match(p *Pipeline, e *Environment) error {
	var ps Problems
	needed := func(path, value, who, mend string) {
		if value == "" {
			ps = append(ps, Problem{File: e.File, Path: path, What: "is missing: the pipeline " + p.Pipeline + " has a " + who, Hint: mend})
		}
	}
	const role = "write the ARN that `terraform output -raw lamplighter` prints"
	if p.Warehouse != nil {
		needed("roles.warehouse", e.Roles.Warehouse, "warehouse, which reads and writes S3 with this role", role)
		needed("roles.kill_switch", e.Roles.KillSwitch, "warehouse, which this role deletes if lamplighter dies", role)
	}
	if p.Spark != nil {
		needed("roles.spark_service", e.Roles.SparkService, "Spark cluster, which EMR runs with this role", role)
		needed("roles.spark_instance_profile", e.Roles.SparkInstanceProfile, "Spark cluster, whose machines act with this profile", role)
		needed("logs", e.Logs, "Spark cluster, whose logs go there", "write logs: s3://bucket/prefix/")
	}
	return ps.err()
}
