package killswitch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Describe looks at the switch that ends a resource, by the resource's name.
// An absent one is no error: Exists is false. State is ENABLED or DISABLED;
// Parts tells, as text, from when until when it fires (from, until: RFC 3339).
func (s *Switches) Describe(ctx context.Context, name string) (resources.Observation, error) {
	seen := resources.Observation{Ref: resources.Ref{Kind: resources.KindSwitch, Name: name}}
	out, err := s.API.GetSchedule(ctx, &awsscheduler.GetScheduleInput{Name: aws.String(name + endSuffix), GroupName: s.group()})
	if err = awsfault.Read(err, "looking at kill switch "+name+endSuffix, codes); err != nil {
		if resources.ClassOf(err) == resources.Gone {
			return seen, nil
		}
		return seen, err
	}
	seen.Exists, seen.State = true, string(out.State)
	seen.Parts = map[string]string{
		"from":  aws.ToTime(out.StartDate).UTC().Format(time.RFC3339),
		"until": aws.ToTime(out.EndDate).UTC().Format(time.RFC3339),
	}
	return seen, nil
}

// Disarm removes the switches of a resource, the one that pauses first: while
// the one that ends it is there, List shows the resource. An absent one is no
// error; repeats are safe.
func (s *Switches) Disarm(ctx context.Context, name string) error {
	for _, suffix := range []string{pauseSuffix, endSuffix} {
		_, err := s.API.DeleteSchedule(ctx, &awsscheduler.DeleteScheduleInput{Name: aws.String(name + suffix), GroupName: s.group()}, once)
		err = awsfault.Change(err, "disarming kill switch "+name+suffix, codes)
		if err != nil && resources.ClassOf(err) != resources.Gone {
			return err
		}
	}
	return nil
}

// List looks at all switches of resources whose name begins with prefix, all
// pages, in the order of the resources' names, each resource once.
func (s *Switches) List(ctx context.Context, prefix string) ([]resources.Observation, error) {
	states := map[string]string{}
	in := &awsscheduler.ListSchedulesInput{GroupName: s.group(), MaxResults: aws.Int32(100)}
	if prefix != "" {
		in.NamePrefix = aws.String(prefix)
	}
	for {
		out, err := s.API.ListSchedules(ctx, in)
		if err != nil {
			return nil, awsfault.Read(err, "listing kill switches "+prefix+"*", codes)
		}
		for _, found := range out.Schedules {
			schedule := aws.ToString(found.Name)
			name, ends := strings.CutSuffix(schedule, endSuffix)
			if !ends {
				var pauses bool
				if name, pauses = strings.CutSuffix(schedule, pauseSuffix); !pauses {
					continue
				}
			}
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if _, known := states[name]; !known || ends {
				states[name] = string(found.State)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	var switches []resources.Observation
	for name, state := range states {
		switches = append(switches, resources.Observation{
			Ref: resources.Ref{Kind: resources.KindSwitch, Name: name}, Exists: true, State: state})
	}
	slices.SortFunc(switches, func(a, b resources.Observation) int { return strings.Compare(a.Ref.Name, b.Ref.Name) })
	return switches, nil
}
