package config

import (
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// pipelineCheck reads a pipeline file, fills in defaults and finds what is
// wrong with it.
type pipelineCheck struct {
	*reader
	p     *Pipeline
	files fs.FS
	env   func(string) string
	paths []string // of p.Steps
}

func (c *pipelineCheck) readPipeline(root ast.Node) {
	list, _ := c.pairs(root, "")
	for i, p := range list {
		if p.key == "steps" {
			c.readSteps(p.value)
			list = slices.Delete(list, i, i+1)
			break
		}
	}
	c.fields(list, "", reflect.ValueOf(c.p).Elem())
}

// defaults are filled in where the file is silent; what it says and is wrong
// stays wrong.
func (c *pipelineCheck) defaults() {
	p := c.p
	fill(c.reader, "partition_zone", &p.Partition, "UTC")
	fill(c.reader, "schedule.timezone", &p.Schedule.Timezone, "UTC")
	fill(c.reader, "schedule.last_call", &p.Schedule.LastCall, Duration(2*time.Hour+30*time.Minute))
	fill(c.reader, "schedule.hard_stop", &p.Schedule.HardStop, Duration(4*time.Hour))
	if w := p.Warehouse; w != nil {
		fill(c.reader, "warehouse.admin", &w.Admin, "lamplighter")
		fill(c.reader, "warehouse.keep_snapshots", &w.KeepSnapshots, 7)
		if e := w.Engine.Provisioned; e != nil {
			fill(c.reader, "warehouse.engine.provisioned.nodes", &e.Nodes, 2)
			fill(c.reader, "warehouse.engine.provisioned.between_runs", &e.BetweenRuns, "delete")
		}
	}
	if p.Spark != nil && p.Spark.Engine.EMR != nil {
		c.emrDefaults(p.Spark.Engine.EMR)
	}
	for i := range p.Steps {
		c.stepDefaults(&p.Steps[i], c.paths[i])
	}
}

func (c *pipelineCheck) stepDefaults(s *Step, path string) {
	switch {
	case s.Load != nil:
		fill(c.reader, path+".into", &s.Load.Into, s.Name)
		fill(c.reader, path+".mode", &s.Load.Mode, "append")
		if strings.Contains(s.Load.From, "{") && !c.has(path+".complete_when.marker") {
			fill(c.reader, path+".complete_when.day_ended", &s.Load.CompleteWhen.DayEnded, Duration(30*time.Minute))
		}
	case s.Unload != nil:
		c.unloadDefaults(s.Unload, path)
	case s.Spark != nil:
		fill(c.reader, path+".timeout", &s.Spark.Timeout, Duration(time.Hour))
		c.publishDefaults(&s.Spark.Publish, path)
		fill(c.reader, path+".retries", &s.Spark.Retries, 2)
	}
}

// fill sets what the file leaves out.
func fill[T any](r *reader, path string, value *T, def T) {
	if !r.has(path) {
		*value = def
	}
}

func (c *pipelineCheck) check() {
	p := c.p
	if !c.has("version") {
		c.report("version", "write version: 1", "is missing")
	} else if p.Version != 1 {
		c.report("version", "write version: 1", "%d is not a version of this format", p.Version)
	}
	switch {
	case !c.has("pipeline"):
		c.report("pipeline", "write pipeline: movielens", "is missing")
	case !pipelineName.MatchString(p.Pipeline):
		c.report("pipeline", "lower-case letters, digits and single hyphens, a letter first", "%s is not a name for a pipeline", quote(p.Pipeline))
	case len(p.Pipeline) > maxPipelineName:
		c.report("pipeline", "", "is %d characters long: the names of clusters and schedules have room for %d", len(p.Pipeline), maxPipelineName)
	}
	if _, err := zone(p.Partition); err != nil {
		c.report("partition_zone", "write an IANA name such as UTC or America/New_York", "%s is not a time zone", quote(p.Partition))
	}
	c.checkSchedule(p.Schedule)
	c.checkBudget(p.Budget)
	c.checkTags(p.Tags)
	c.checkNotify()
	if p.Warehouse != nil {
		c.checkWarehouse(p.Warehouse)
	}
	if p.Spark != nil {
		c.checkSpark(p.Spark)
	}
	c.checkSteps()
}

func (c *pipelineCheck) checkSchedule(s Schedule) {
	at, err := zone(s.Timezone)
	if err != nil {
		c.report("schedule.timezone", "write an IANA name such as UTC or America/New_York", "%s is not a time zone", quote(s.Timezone))
		at = time.UTC
	}
	if s.ReadyBy != "" {
		if _, err := time.Parse("15:04", s.ReadyBy); err != nil {
			c.report("schedule.ready_by", `write hours and minutes: "07:00"`, "%s is not a time of day", quote(s.ReadyBy))
		}
	}
	if s.HardStop <= 0 {
		c.report("schedule.hard_stop", "", "leaves no time to do anything in")
	} else if s.LastCall >= s.HardStop {
		c.report("schedule.last_call", "last_call must leave time to finish and tear down before hard_stop",
			"%s does not come before hard_stop, %s", s.LastCall, s.HardStop)
	}
	if !c.has("schedule.cron") {
		c.report("schedule.cron", `write schedule: {cron: "0 1 * * *"}`, "is missing")
		return
	}
	cron, err := ParseCron(s.Cron, at)
	if err != nil {
		c.report("schedule.cron", `the fields are minute hour day month weekday: "0 1 * * *" is 01:00 each day`, "%s", err)
		return
	}
	switch least := cron.shortest(); {
	case least < time.Hour:
		c.report("schedule.cron", "a run's name holds its hour: start one an hour at most", "fires again after %s", Duration(least))
	case s.HardStop.D() > least:
		c.report("schedule.hard_stop", "shorten hard_stop, or start less often", "is %s, but the next window opens after %s", s.HardStop, Duration(least))
	}
}

func (c *pipelineCheck) checkBudget(b Budget) {
	if b.RunUSD < 0 {
		c.report("budget.run_usd", "leave it out for no limit", "is negative")
	}
	if b.MonthUSD < 0 {
		c.report("budget.month_usd", "leave it out for no limit", "is negative")
	}
	if b.MonthUSD > 0 && b.RunUSD > b.MonthUSD {
		c.report("budget.run_usd", "", "is more than the whole month's")
	}
}

// checkTags knows AWS's rules for tags.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
func (c *pipelineCheck) checkTags(tags map[string]string) {
	if len(tags) > 40 {
		c.report("tags", "AWS takes 50; lamplighter adds its own", "are %d: at most 40 fit", len(tags))
	}
	for key, value := range tags {
		path := join("tags", key)
		switch {
		case key == "" || len(key) > 128:
			c.report(path, "", "a tag's key has 1 to 128 characters")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			c.report(path, "", "keys that begin with aws: belong to AWS")
		case len(value) > 256:
			c.report(path, "", "a tag's value has at most 256 characters")
		}
	}
}

// checkNotify keeps secrets out of the file: what leads to a person's channel
// comes from the environment.
func (c *pipelineCheck) checkNotify() {
	for i, n := range c.p.Notify {
		for key, value := range n {
			path := join(fmt.Sprintf("notify[%d]", i), key)
			s, _ := value.(string)
			if strings.HasPrefix(s, "https://hooks.") {
				c.report(path, "write ${SLACK_WEBHOOK} and set the variable", "holds the webhook itself, which is a secret")
			}
			for _, m := range environmentWord.FindAllStringSubmatch(s, -1) {
				if c.env != nil && c.env(m[1]) == "" {
					c.report(path, "set it, or leave the entry out", "the environment variable %s is not set", m[1])
				}
			}
		}
	}
}

var nodeType = regexp.MustCompile(`^[a-z][a-z0-9]*\.[a-z0-9]+$`)

// ra3Types are all there are. Newer families are left to AWS to judge.
var ra3Types = []string{"ra3.large", "ra3.xlplus", "ra3.4xlarge", "ra3.16xlarge"}

func (c *pipelineCheck) checkWarehouse(w *Warehouse) {
	if !identifier.MatchString(w.Admin) || len(w.Admin) > maxIdentifier || w.Admin == "public" {
		c.report("warehouse.admin", "lower-case letters, digits and underscores, a letter first", "%s is not a name for a warehouse user", quote(w.Admin))
	}
	if w.KeepSnapshots < 1 {
		c.report("warehouse.keep_snapshots", "the next run restores from the last one", "keeps none: at least 1 is needed")
	}
	c.readMigrations(w.Migrations)
	e, path := w.Engine.Provisioned, "warehouse.engine.provisioned"
	if e == nil {
		c.report("warehouse.engine", "write engine: {provisioned: {node_type: ra3.large, nodes: 2}}", "is missing")
		return
	}
	family, _, _ := strings.Cut(e.NodeType, ".")
	switch {
	case !c.has(path + ".node_type"):
		c.report(path+".node_type", "write node_type: ra3.large", "is missing")
	case slices.Contains([]string{"dc1", "dc2", "ds2"}, family):
		c.report(path+".node_type", "write ra3.large", "%s is retired: AWS creates no more of them", e.NodeType)
	case !nodeType.MatchString(e.NodeType), family == "ra3" && !slices.Contains(ra3Types, e.NodeType):
		c.report(path+".node_type", didYouMean(e.NodeType, ra3Types), "%s is not a node type", quote(e.NodeType))
	}
	least := 1
	if e.NodeType == "ra3.4xlarge" || e.NodeType == "ra3.16xlarge" {
		least = 2
	}
	if e.Nodes < least || e.Nodes > 128 {
		c.report(path+".nodes", "", "%d: a cluster of %s has %d to 128 nodes", e.Nodes, short(e.NodeType), least)
	}
	switch e.BetweenRuns {
	case "delete":
	case "pause":
		c.report(path+".between_runs", "write delete: the warehouse is restored from its snapshot each night", "pause is not supported yet")
	default:
		c.report(path+".between_runs", "write delete", "%s is not known", quote(e.BetweenRuns))
	}
}
