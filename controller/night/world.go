// Package night carries out one run, start to end: the lease, the attempt, the
// plan, the loop, and what is left behind for the next one. It is the same for
// a real night, the embedded cloud and the simulation; only the World differs.
package night

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"lamplighter/config"
	"lamplighter/controller"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/steps"
	"lamplighter/resources"
	"lamplighter/resources/awsfault"
	"lamplighter/resources/emr"
	"lamplighter/resources/killswitch"
	"lamplighter/resources/redshift"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// STS says in which account we are.
type STS interface {
	GetCallerIdentity(context.Context, *awssts.GetCallerIdentityInput, ...func(*awssts.Options)) (*awssts.GetCallerIdentityOutput, error)
}

// World is everything outside of this program that a run touches.
type World struct {
	Clock     resources.Clock
	Redshift  redshift.API
	EMR       emr.API
	S3        s3.API
	Scheduler killswitch.API
	STS       STS
	// Warehouse makes the opener of sessions; application is what they call
	// themselves on the server.
	Warehouse func(clusters *redshift.Clusters, application string) warehouse.Opener
	Process   journals3.Identity
	Alive     func(journals3.Holder) bool // false only for a provably dead holder
	Writer    string                      // random per process
	Random    io.Reader                   // of the admin's password
	Parallel  int                         // S3 requests at once; 1 in virtual time
	Timeout   time.Duration               // of one S3 request, by the real clock; 0 in virtual time
}

// deps are what the steps reach the world through, for one pipeline in one
// environment.
func (w World) deps(p *config.Pipeline, e *config.Environment, opens time.Time) steps.Deps {
	d := steps.Deps{
		Clock:    w.Clock,
		S3:       &s3.Client{API: w.S3, Parallel: w.Parallel, Wait: w.wait, Timeout: w.Timeout},
		Switches: &killswitch.Switches{API: w.Scheduler, Group: e.KillSwitch.Group, Role: e.Roles.KillSwitch, DeadLetterQueue: e.KillSwitch.DeadLetterQueue},
		Layout:   controller.Layout{Bucket: e.Bucket, Pipeline: p.Pipeline},
		Role:     e.Roles.Warehouse,
		Region:   e.Region,
		Poll:     poll(e),

		SwitchMargin: SwitchMargin(e),
	}
	d.Redshift = &redshift.Clusters{API: w.Redshift, Settings: redshiftSettings(p, e, opens), Random: w.Random}
	d.EMR = &emr.Clusters{API: w.EMR, Settings: emrSettings(p, e)}
	return d
}

// poll is how long to wait between two looks at a state that is expected to
// change: a few seconds, within the services' request quotas (aws-facts E3).
func poll(e *config.Environment) time.Duration {
	if e.Timing.Poll > 0 {
		return e.Timing.Poll.D()
	}
	return 5 * time.Second
}

// SwitchMargin is how long after the hard stop a kill switch first fires.
func SwitchMargin(e *config.Environment) time.Duration {
	if e.Timing.KillSwitchMargin > 0 {
		return e.Timing.KillSwitchMargin.D()
	}
	return 30 * time.Minute
}

func tags(p *config.Pipeline) map[string]string {
	tags := map[string]string{"lamplighter:pipeline": p.Pipeline}
	for k, v := range p.Tags {
		tags[k] = v
	}
	return tags
}

func redshiftSettings(p *config.Pipeline, e *config.Environment, opens time.Time) redshift.Settings {
	s := redshift.Settings{
		Account: e.Account, Region: e.Region, Database: e.Database,
		SubnetGroup: e.Network.WarehouseSubnetGroup, SecurityGroups: e.Network.WarehouseSecurityGroups,
		ParameterGroup: e.Warehouse.ParameterGroup, SnapshotSchedule: e.Warehouse.SnapshotSchedule, KMSKey: e.Warehouse.KMSKey, Port: e.Warehouse.Port,
		Role: e.Roles.Warehouse, MaintenanceWindow: redshift.MaintenanceWindow(opens), Tags: tags(p),
	}
	if p.Warehouse != nil {
		s.Admin = p.Warehouse.Admin
		if node := p.Warehouse.Engine.Provisioned; node != nil {
			s.NodeType, s.Nodes = node.NodeType, node.Nodes
		}
	}
	return s
}

func emrSettings(p *config.Pipeline, e *config.Environment) emr.Settings {
	groups := e.Network.SparkSecurityGroups
	s := emr.Settings{
		Region: e.Region, LogURI: e.Logs, ServiceRole: e.Roles.SparkService, InstanceProfile: e.Roles.SparkInstanceProfile,
		Subnets: e.Network.SparkSubnets, PrimaryGroup: groups.Primary, WorkersGroup: groups.Workers, ServiceGroup: groups.Service, Tags: tags(p),
	}
	if p.Spark != nil && p.Spark.Engine.EMR != nil {
		m := p.Spark.Engine.EMR
		s.Release, s.Primary, s.Applications, s.Concurrency = m.Release, m.Primary, m.Applications, m.Concurrency
		s.Workers, s.Count, s.Spot, s.FallBack = m.Workers.Types, m.Workers.Count, m.Workers.Spot, m.Workers.FallBack
		s.Groups = m.Instances == "groups"
		s.Bootstrap = bootstrap(m.Bootstrap, controller.Layout{Bucket: e.Bucket, Pipeline: p.Pipeline})
		s.Configurations = configurations(m.Configurations)
	}
	return s
}

// bootstrap are a cluster's actions. A file of the pipeline's lies under the
// hash of its content; the launch puts it there.
func bootstrap(actions []config.Bootstrap, layout controller.Layout) []emr.Bootstrap {
	var out []emr.Bootstrap
	for i, a := range actions {
		b := emr.Bootstrap{Name: fmt.Sprintf("%d %s", i+1, path.Base(a.Path)), Path: a.Path, Args: a.Args, Body: a.Body}
		if a.Body != nil {
			sum := sha256.Sum256(a.Body)
			b.Path = layout.Job(hex.EncodeToString(sum[:])) + path.Base(a.Path)
		}
		out = append(out, b)
	}
	return out
}

func configurations(list []config.Configuration) []emr.Configuration {
	var out []emr.Configuration
	for _, c := range list {
		out = append(out, emr.Configuration{Classification: c.Classification, Properties: c.Properties, Configurations: configurations(c.Configurations)})
	}
	return out
}

func (w World) wait(ctx context.Context, d time.Duration) {
	w.Clock.Wait(ctx, w.Clock.Now().Add(d), nil)
}

// rightAccount refuses to act anywhere but in the environment's account.
func (w World) rightAccount(ctx context.Context, e *config.Environment) error {
	var who *awssts.GetCallerIdentityOutput
	for try := 1; ; try++ {
		var err error
		limited, cancel := context.WithTimeout(ctx, controller.CallDeadline)
		who, err = w.STS.GetCallerIdentity(limited, &awssts.GetCallerIdentityInput{})
		cancel()
		if err == nil {
			break
		}
		fault := awsfault.Read(err, "asking which account this is", nil)
		if resources.ClassOf(fault) != resources.Retry || try == patience || ctx.Err() != nil {
			hint := resources.HintOf(fault)
			if hint == "" {
				hint = "are there credentials, and is the endpoint reachable? `aws sts get-caller-identity` asks the same"
			}
			return &resources.Fault{Class: resources.ClassOf(fault), Code: steps.CodeRefused, Msg: fault.Error(), Err: err, Hint: hint}
		}
		w.wait(ctx, min(time.Duration(try)*2*time.Second, 20*time.Second))
	}
	if got := aws.ToString(who.Account); got != e.Account {
		return &resources.Fault{Class: resources.Denied, Code: steps.CodeRefused,
			Msg:  fmt.Sprintf("these credentials are for account %s, but environment %s is account %s", got, e.Name, e.Account),
			Hint: "nothing was touched; set AWS_PROFILE, or the environment's account"}
	}
	return nil
}
