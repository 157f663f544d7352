package emr

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Settings is everything a cluster is launched with, besides name and steps.
type Settings struct {
	Region          string
	Release         string   // emr-7.10.0
	Primary         string   // instance type
	Workers         []string // instance types, all of one CPU architecture
	Count           int      // of workers; 0: the primary node works alone
	Spot            bool     // of workers
	FallBack        bool     // to on-demand: after ten minutes without Spot capacity, and on the last try
	Groups          bool     // instance groups: one type, one subnet; else fleets
	Concurrency     int      // of steps that do not wait for each other; 0 is 1
	Applications    []string // Spark among them
	Bootstrap       []Bootstrap
	Configurations  []Configuration
	LogURI          string // s3://bucket/prefix/
	ServiceRole     string
	InstanceProfile string
	Subnets         []string // in several zones: EMR takes one
	PrimaryGroup    string   // EMR's managed security groups
	WorkersGroup    string
	ServiceGroup    string // in private subnets
	Tags            map[string]string
}

// Bootstrap is a program that each node runs before applications are
// installed.
type Bootstrap struct {
	Name string
	Path string // s3:// URI
	Args []string
	Body []byte // what must lie at Path; nil: it is somebody else's
}

// Configuration sets properties of an application, and those within it.
type Configuration struct {
	Classification string
	Properties     map[string]string
	Configurations []Configuration
}

// Launch is one try to have steps run.
type Launch struct {
	Steps       []Step
	Concurrency int  // steps at a time; 0 is 1
	Try         int  // 1, 2, …: another try asks for another type and another subnet first
	OnDemand    bool // whatever Settings say of Spot
}

// Step is one command that a cluster runs: what command-runner.jar is given.
type Step struct {
	Name string // unique within the cluster
	Args []string
}

// Clusters launches, finds and ends EMR clusters. Every error is a
// *resources.Fault.
type Clusters struct {
	API      API
	Settings Settings
}

const (
	// managedPolicyTag must be true for EMR's managed service policy to allow
	// anything. Source: EMR management guide, emr-managed-iam-policies.
	managedPolicyTag = "for-use-with-amazon-emr-managed-policies"
	idleSeconds      = 300 // auto-termination; a belt, never counted on
	spotMinutes      = 10  // then on-demand
	maxSteps         = 256 // per cluster. Source: EMR management guide, emr-work-with-steps
	maxArg           = 10240
)

// Run launches a cluster that runs its steps and then ends by itself. It is
// sent once: RunJobFlow knows no client token, and a repeat would launch a
// second cluster. After an Unknown fault the cluster must be looked for by its
// name; it may still appear.
func (c *Clusters) Run(ctx context.Context, name string, l Launch) (id string, err error) {
	if err := checkLaunch(name, l.Steps); err != nil {
		return "", err
	}
	s := c.Settings.at(l)
	out, err := c.API.RunJobFlow(ctx, &awsemr.RunJobFlowInput{
		Name:                  aws.String(name),
		ReleaseLabel:          aws.String(s.Release),
		Applications:          s.applications(),
		BootstrapActions:      s.bootstrap(),
		Configurations:        configurations(s.Configurations),
		LogUri:                text(s.LogURI),
		ServiceRole:           text(s.ServiceRole),
		JobFlowRole:           text(s.InstanceProfile),
		Steps:                 stepConfigs(l.Steps),
		StepConcurrencyLevel:  aws.Int32(int32(max(1, l.Concurrency))),
		AutoTerminationPolicy: &types.AutoTerminationPolicy{IdleTimeout: aws.Int64(idleSeconds)},
		VisibleToAllUsers:     aws.Bool(true),
		Tags:                  s.tags(),
		Instances:             s.instances(),
	}, once)
	if err != nil {
		return "", launchFault(err, name)
	}
	if aws.ToString(out.JobFlowId) == "" {
		return "", &resources.Fault{Class: resources.Unknown, Msg: "launching " + name + ": the answer holds no id"}
	}
	return aws.ToString(out.JobFlowId), nil
}

// Terminate asks to end a cluster by its id. That it was accepted proves
// nothing: look until it has ended. Repeats are safe.
func (c *Clusters) Terminate(ctx context.Context, id string) error {
	_, err := c.API.TerminateJobFlows(ctx, &awsemr.TerminateJobFlowsInput{JobFlowIds: []string{id}}, once)
	return change(err, "terminating "+id)
}

// checkLaunch refuses what EMR would refuse, and what it would take but we
// could not read back.
func checkLaunch(name string, steps []Step) error {
	if strings.ContainsAny(name, "<>$|`") {
		return awsfault.Refuse("", "launching %q: the name of a cluster must not hold any of < > $ | `", name)
	}
	if len(steps) == 0 || len(steps) > maxSteps {
		return awsfault.Refuse("", "launching %s: %d steps; a cluster takes 1 to %d", name, len(steps), maxSteps)
	}
	seen := map[string]bool{}
	for _, step := range steps {
		if seen[step.Name] {
			return awsfault.Refuse("", "launching %s: two steps are called %q", name, step.Name)
		}
		seen[step.Name] = true
		for _, arg := range step.Args {
			if len(arg) > maxArg {
				return awsfault.Refuse("", "launching %s: an argument of step %s has %d characters; EMR takes %d", name, step.Name, len(arg), maxArg)
			}
		}
	}
	return nil
}

func stepConfigs(steps []Step) []types.StepConfig {
	var configs []types.StepConfig
	for _, step := range steps {
		configs = append(configs, types.StepConfig{
			Name: aws.String(step.Name),
			// A failed step does not stop the others: verdicts are ours. With steps
			// side by side EMR takes nothing else.
			// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-concurrent-steps.html
			ActionOnFailure: types.ActionOnFailureContinue,
			HadoopJarStep:   &types.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: step.Args},
		})
	}
	return configs
}

func (s Settings) tags() []types.Tag {
	tags := []types.Tag{{Key: aws.String(managedPolicyTag), Value: aws.String("true")}}
	for key, value := range s.Tags {
		if key != managedPolicyTag {
			tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
	}
	slices.SortFunc(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return tags
}

// once makes a call that changes something be sent once: see awsfault.Once.
func once(o *awsemr.Options) { o.Retryer = awsfault.Once }

// text is nil for "", so that an unset setting is not sent at all.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
