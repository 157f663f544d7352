package simcloud

import (
	"context"
	"slices"
	"strings"
	"time"

	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"lamplighter/resources"
)

// Tags and events of Redshift: what people look at.

// tagsOf is where the tags of an ARN are kept, nil if it names nothing; keep
// says that they changed.
func (c *Cloud) tagsOf(arn string) (tags *[]Tag, keep func()) {
	p := strings.Split(arn, ":")
	if len(p) < 7 || p[2] != "redshift" {
		return nil, nil
	}
	if x := c.cluster(p[6]); x != nil && p[5] == "cluster" {
		return &x.Tags, func() { c.keepCluster(x) }
	}
	_, id, _ := strings.Cut(strings.Join(p[6:], ":"), "/")
	if s := c.snapshot(id); s != nil && p[5] == "snapshot" {
		return &s.Tags, func() { c.keepSnapshot(s) }
	}
	return nil, nil
}

func errResource(arn string) error {
	return &types.ResourceNotFoundFault{Message: ptr("Resource not found: " + arn)}
}

// CreateTags tags a cluster or a snapshot by its ARN.
func (a redshiftAPI) CreateTags(_ context.Context, in *awsredshift.CreateTagsInput, _ ...func(*awsredshift.Options)) (*awsredshift.CreateTagsOutput, error) {
	defer a.c.flush()
	tags, keep := a.c.tagsOf(val(in.ResourceName))
	if tags == nil {
		return nil, errResource(val(in.ResourceName))
	}
	*tags = mergeTags(*tags, fromTags(in.Tags))
	keep()
	return &awsredshift.CreateTagsOutput{}, nil
}

// DeleteTags takes tags off; one that is not there is off already.
func (a redshiftAPI) DeleteTags(_ context.Context, in *awsredshift.DeleteTagsInput, _ ...func(*awsredshift.Options)) (*awsredshift.DeleteTagsOutput, error) {
	defer a.c.flush()
	tags, keep := a.c.tagsOf(val(in.ResourceName))
	if tags == nil {
		return nil, errResource(val(in.ResourceName))
	}
	*tags = withoutTags(*tags, in.TagKeys)
	keep()
	return &awsredshift.DeleteTagsOutput{}, nil
}

// DescribeTags lists the tags of one resource or of all.
func (a redshiftAPI) DescribeTags(_ context.Context, in *awsredshift.DescribeTagsInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeTagsOutput, error) {
	all := []types.TaggedResource{}
	add := func(kind, arn string, tags []Tag) {
		if in.ResourceName != nil && *in.ResourceName != arn || in.ResourceType != nil && !strings.EqualFold(*in.ResourceType, kind) {
			return
		}
		for _, t := range tags {
			if tagged([]Tag{t}, in.TagKeys, in.TagValues) {
				all = append(all, types.TaggedResource{ResourceName: &arn, ResourceType: ptr(kind), Tag: &types.Tag{Key: ptr(t.Key), Value: ptr(t.Value)}})
			}
		}
	}
	for _, x := range a.c.clusters(a.asOf()) {
		add("cluster", a.c.redshiftARN("cluster", x.ID), x.Tags)
	}
	for _, s := range a.c.snapshots(a.asOf()) {
		add("snapshot", a.c.redshiftARN("snapshot", s.Cluster+"/"+s.ID), s.Tags)
	}
	if arn := val(in.ResourceName); arn != "" {
		if tags, _ := a.c.tagsOf(arn); tags == nil {
			return nil, errResource(arn)
		}
	}
	list, marker, ok := page(all, in.Marker, int(or(val(in.MaxRecords), 100)))
	if !ok {
		return nil, generic("InvalidParameterValue", "Marker %q is not valid.", *in.Marker)
	}
	return &awsredshift.DescribeTagsOutput{TaggedResources: list, Marker: marker}, nil
}

// eventsKept is how long and how many events are kept: Redshift keeps them
// for 14 days.
// docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeEvents.html
const (
	eventsKept = 14 * 24 * time.Hour
	mostEvents = 10000
)

// record keeps an event of a cluster or snapshot; other things have none.
func (c *Cloud) record(kind, name, state string) {
	if kind != resources.KindCluster && kind != resources.KindSnapshot || c.past != nil { // the simulation reads none
		return
	}
	for len(c.state.Events) >= mostEvents || len(c.state.Events) > 0 && c.state.Events[0].At.Before(c.now().Add(-eventsKept)) {
		c.state.Events = c.state.Events[1:]
	}
	c.state.Events = append(c.state.Events, Event{At: c.now(), Kind: kind, Name: name, State: or(state, "deleted")})
}

// DescribeEvents tells what happened, the newest first. The words are ours.
func (a redshiftAPI) DescribeEvents(_ context.Context, in *awsredshift.DescribeEventsInput, _ ...func(*awsredshift.Options)) (*awsredshift.DescribeEventsOutput, error) {
	if in.SourceIdentifier != nil && in.SourceType == "" {
		return nil, generic("InvalidParameterCombination", "SourceType is required with SourceIdentifier.")
	}
	now := a.c.now()
	from, to := now.Add(-time.Duration(or(val(in.Duration), 60))*time.Minute), now
	if in.StartTime != nil {
		from = *in.StartTime
	}
	if in.EndTime != nil {
		to = *in.EndTime
	}
	sources := map[string]types.SourceType{resources.KindCluster: types.SourceTypeCluster, resources.KindSnapshot: types.SourceTypeClusterSnapshot}
	all := []types.Event{}
	for _, e := range slices.Backward(a.c.state.Events) {
		source := sources[e.Kind]
		if e.At.Before(from) || e.At.After(to) || in.SourceType != "" && in.SourceType != source || in.SourceIdentifier != nil && *in.SourceIdentifier != e.Name {
			continue
		}
		severity := "INFO"
		if e.State == failed || e.State == incompatibleRestore || e.State == hardwareFailure {
			severity = "ERROR"
		}
		all = append(all, types.Event{Date: ptr(e.At), SourceIdentifier: ptr(e.Name), SourceType: source, Severity: &severity,
			Message: ptr("The " + strings.ReplaceAll(string(source), "-", " ") + " " + e.Name + " is " + e.State + "."), EventCategories: []string{"management"}})
	}
	list, marker, ok := page(all, in.Marker, int(or(val(in.MaxRecords), 100)))
	if !ok {
		return nil, generic("InvalidParameterValue", "Marker %q is not valid.", *in.Marker)
	}
	return &awsredshift.DescribeEventsOutput{Events: list, Marker: marker}, nil
}
