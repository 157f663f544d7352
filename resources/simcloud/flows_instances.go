package simcloud

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

// The machines of an EMR cluster, as a bill needs them.

// part is a fleet or group of a flow, and the id it is shown with.
func (f *Flow) part(prefix string, i int) string {
	return fmt.Sprintf("%s-%s%d", prefix, strings.TrimPrefix(f.Spec.ID, "j-"), i)
}

// provisionedAt is since when a flow's instances bill; zero while they do not.
func (c *Cloud) provisionedAt(f *Flow) time.Time {
	for _, u := range c.state.Usage {
		if u.ID == f.Spec.ID {
			return u.From
		}
	}
	return time.Time{}
}

// instanceState is what the machines of a flow are in its state.
func instanceState(f *Flow) types.InstanceState {
	switch f.Status {
	case starting:
		return types.InstanceStateProvisioning
	case bootstrapping:
		return types.InstanceStateBootstrapping
	case terminated, terminatedWithErrors:
		return types.InstanceStateTerminated
	}
	return types.InstanceStateRunning
}

// ListInstances lists every machine that was asked for.
func (a emrAPI) ListInstances(_ context.Context, in *awsemr.ListInstancesInput, _ ...func(*awsemr.Options)) (*awsemr.ListInstancesOutput, error) {
	f := a.find(val(in.ClusterId))
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	all := []types.Instance{}
	for i, fleet := range f.Fleets {
		role := types.InstanceGroupType(fleet.Role)
		if in.InstanceFleetType != "" && string(in.InstanceFleetType) != fleet.Role || len(in.InstanceGroupTypes) > 0 && !slices.Contains(in.InstanceGroupTypes, role) ||
			in.InstanceFleetId != nil && *in.InstanceFleetId != f.part("if", i) || in.InstanceGroupId != nil && *in.InstanceGroupId != f.part("ig", i) {
			continue
		}
		for n := range fleet.Shape.Count {
			all = append(all, a.showInstance(f, i, n))
		}
	}
	if len(in.InstanceStates) > 0 && !slices.Contains(in.InstanceStates, instanceState(f)) {
		all = []types.Instance{}
	}
	list, marker, ok := page(all, in.Marker, instancePage)
	if !ok {
		return nil, &types.InvalidRequestException{Message: ptr("Marker '" + *in.Marker + "' is not valid.")}
	}
	return &awsemr.ListInstancesOutput{Instances: list, Marker: marker}, nil
}

const instancePage = 2000 // of ListInstances

func (a emrAPI) showInstance(f *Flow, part, n int) types.Instance {
	fleet := f.Fleets[part]
	begun := a.c.provisionedAt(f)
	out := types.Instance{
		Id: ptr(fmt.Sprintf("ci-%s%d%04d", strings.TrimPrefix(f.Spec.ID, "j-"), part, n)), InstanceType: ptr(fleet.Shape.Type), Market: market(fleet),
		Status: &types.InstanceStatus{
			State: instanceState(f), StateChangeReason: &types.InstanceStateChangeReason{},
			Timeline: &types.InstanceTimeline{CreationDateTime: ptr(f.Created), ReadyDateTime: instant(f.Ready), EndDateTime: instant(f.Ended)},
		},
	}
	if !begun.IsZero() {
		out.Ec2InstanceId = ptr(fmt.Sprintf("i-%017x", begun.Unix()<<16+int64(part)<<12+int64(n)))
		out.Status.Timeline.CreationDateTime = &begun
	}
	if f.Groups {
		out.InstanceGroupId = ptr(f.part("ig", part))
	} else {
		out.InstanceFleetId = ptr(f.part("if", part))
	}
	return out
}

func market(fleet Fleet) types.MarketType {
	if fleet.Shape.Market == "spot" {
		return types.MarketTypeSpot
	}
	return types.MarketTypeOnDemand
}

// ListInstanceFleets is refused for a cluster of groups, as ListInstanceGroups
// is for one of fleets.
func (a emrAPI) ListInstanceFleets(_ context.Context, in *awsemr.ListInstanceFleetsInput, _ ...func(*awsemr.Options)) (*awsemr.ListInstanceFleetsOutput, error) {
	f := a.find(val(in.ClusterId))
	switch {
	case f == nil:
		return nil, errFlow(val(in.ClusterId))
	case f.Groups:
		return nil, &types.InvalidRequestException{Message: ptr("Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in the request uses instance groups.")}
	}
	out := &awsemr.ListInstanceFleetsOutput{}
	for i, fleet := range f.Fleets {
		n := int32(fleet.Shape.Count)
		show := types.InstanceFleet{
			Id: ptr(f.part("if", i)), InstanceFleetType: types.InstanceFleetType(fleet.Role), Name: ptr(fleet.Role),
			InstanceTypeSpecifications: []types.InstanceTypeSpecification{{InstanceType: ptr(fleet.Shape.Type), WeightedCapacity: ptr(int32(1))}},
			Status: &types.InstanceFleetStatus{State: types.InstanceFleetState(instanceState(f)), StateChangeReason: &types.InstanceFleetStateChangeReason{},
				Timeline: &types.InstanceFleetTimeline{CreationDateTime: ptr(f.Created), ReadyDateTime: instant(f.Ready), EndDateTime: instant(f.Ended)}},
			TargetOnDemandCapacity: ptr(int32(0)), TargetSpotCapacity: ptr(int32(0)), ProvisionedOnDemandCapacity: ptr(int32(0)), ProvisionedSpotCapacity: ptr(int32(0)),
		}
		target, got := show.TargetOnDemandCapacity, show.ProvisionedOnDemandCapacity
		if market(fleet) == types.MarketTypeSpot {
			target, got = show.TargetSpotCapacity, show.ProvisionedSpotCapacity
		}
		*target = n
		if f.Live() && f.Status != starting {
			*got = n
		}
		out.InstanceFleets = append(out.InstanceFleets, show)
	}
	return out, nil
}

func (a emrAPI) ListInstanceGroups(_ context.Context, in *awsemr.ListInstanceGroupsInput, _ ...func(*awsemr.Options)) (*awsemr.ListInstanceGroupsOutput, error) {
	f := a.find(val(in.ClusterId))
	switch {
	case f == nil:
		return nil, errFlow(val(in.ClusterId))
	case !f.Groups:
		return nil, &types.InvalidRequestException{Message: ptr("Instance fleets and instance groups are mutually exclusive. The EMR cluster specified in the request uses instance fleets.")}
	}
	out := &awsemr.ListInstanceGroupsOutput{}
	for i, fleet := range f.Fleets {
		n, running := int32(fleet.Shape.Count), int32(0)
		if f.Live() && f.Status != starting {
			running = n
		}
		out.InstanceGroups = append(out.InstanceGroups, types.InstanceGroup{
			Id: ptr(f.part("ig", i)), InstanceGroupType: types.InstanceGroupType(fleet.Role), Name: ptr(fleet.Role), InstanceType: ptr(fleet.Shape.Type), Market: market(fleet),
			RequestedInstanceCount: &n, RunningInstanceCount: &running,
			Status: &types.InstanceGroupStatus{State: types.InstanceGroupState(instanceState(f)), StateChangeReason: &types.InstanceGroupStateChangeReason{},
				Timeline: &types.InstanceGroupTimeline{CreationDateTime: ptr(f.Created), ReadyDateTime: instant(f.Ready), EndDateTime: instant(f.Ended)}},
		})
	}
	return out, nil
}

func (a emrAPI) ListBootstrapActions(_ context.Context, in *awsemr.ListBootstrapActionsInput, _ ...func(*awsemr.Options)) (*awsemr.ListBootstrapActionsOutput, error) {
	f := a.find(val(in.ClusterId))
	if f == nil {
		return nil, errFlow(val(in.ClusterId))
	}
	out := &awsemr.ListBootstrapActionsOutput{BootstrapActions: []types.Command{}}
	for _, b := range f.Bootstrap {
		out.BootstrapActions = append(out.BootstrapActions, types.Command{Name: ptr(b.Name), ScriptPath: ptr(b.Path), Args: b.Args})
	}
	return out, nil
}

// instanceHours is what DescribeCluster's NormalizedInstanceHours counts, in
// units of one hour of an m1.small, rounded up: of our machines the size is
// taken from the end of their type.
// docs.aws.amazon.com/emr/latest/APIReference/API_Cluster.html
func (c *Cloud) instanceHours(f *Flow) int32 {
	sum := 0.0
	for _, u := range c.state.Usage {
		if u.ID != f.Spec.ID {
			continue
		}
		to := u.To
		if to.IsZero() {
			to = c.now()
		}
		sum += math.Ceil(to.Sub(u.From).Hours()) * float64(u.Shape.Count) * normalized(u.Shape.Type)
	}
	return int32(sum)
}

// normalized is how many m1.small a machine is: the factors of EC2's sizes.
// docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html
func normalized(instanceType string) float64 {
	_, size, _ := strings.Cut(instanceType, ".")
	switch size {
	case "medium":
		return 2
	case "large":
		return 4
	case "xlarge":
		return 8
	}
	if times, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge")); err == nil && times > 0 {
		return float64(8 * times)
	}
	return 1
}
