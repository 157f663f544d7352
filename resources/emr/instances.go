package emr

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"lamplighter/resources"
)

// at is what a launch asks for: each try begins with another worker type, in
// groups with another subnet too. Fleets are given them all at once, and EMR
// takes the ones that it finds capacity for.
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-instance-fleet.html
func (s Settings) at(l Launch) Settings {
	s.Workers = rotated(s.Workers, l.Try)
	if s.Groups {
		s.Subnets = rotated(s.Subnets, l.Try)
	}
	s.Spot = s.Spot && !l.OnDemand
	return s
}

func rotated(list []string, try int) []string {
	if len(list) == 0 || try < 1 {
		return list
	}
	n := (try - 1) % len(list)
	return slices.Concat(list[n:], list[:n])
}

func (s Settings) instances() *types.JobFlowInstancesConfig {
	c := &types.JobFlowInstancesConfig{
		KeepJobFlowAliveWhenNoSteps:   aws.Bool(false),
		TerminationProtected:          aws.Bool(false),
		EmrManagedMasterSecurityGroup: text(s.PrimaryGroup),
		EmrManagedSlaveSecurityGroup:  text(s.WorkersGroup),
		ServiceAccessSecurityGroup:    text(s.ServiceGroup),
	}
	if !s.Groups {
		c.InstanceFleets, c.Ec2SubnetIds = s.fleets(), s.Subnets
		return c
	}
	c.InstanceGroups = s.groups()
	if len(s.Subnets) > 0 { // several are for fleets alone
		c.Ec2SubnetId = aws.String(s.Subnets[0])
	}
	return c
}

// groups asks for one primary node, on-demand, and Count workers of the first
// type. A Spot group without a bid pays up to the on-demand price.
// https://docs.aws.amazon.com/emr/latest/APIReference/API_InstanceGroupConfig.html
func (s Settings) groups() []types.InstanceGroupConfig {
	groups := []types.InstanceGroupConfig{{Name: aws.String("primary"), InstanceRole: types.InstanceRoleTypeMaster,
		Market: types.MarketTypeOnDemand, InstanceType: aws.String(s.Primary), InstanceCount: aws.Int32(1)}}
	if s.Count == 0 {
		return groups
	}
	market := types.MarketTypeOnDemand
	if s.Spot {
		market = types.MarketTypeSpot
	}
	return append(groups, types.InstanceGroupConfig{Name: aws.String("workers"), InstanceRole: types.InstanceRoleTypeCore,
		Market: market, InstanceType: aws.String(s.Workers[0]), InstanceCount: aws.Int32(int32(s.Count))})
}

func (s Settings) applications() []types.Application {
	apps := []types.Application{}
	for _, name := range s.Applications {
		apps = append(apps, types.Application{Name: aws.String(name)})
	}
	if len(apps) == 0 {
		apps = append(apps, types.Application{Name: aws.String("Spark")})
	}
	return apps
}

func (s Settings) bootstrap() []types.BootstrapActionConfig {
	var actions []types.BootstrapActionConfig
	for _, b := range s.Bootstrap {
		actions = append(actions, types.BootstrapActionConfig{Name: aws.String(b.Name),
			ScriptBootstrapAction: &types.ScriptBootstrapActionConfig{Path: aws.String(b.Path), Args: b.Args}})
	}
	return actions
}

func configurations(list []Configuration) []types.Configuration {
	var out []types.Configuration
	for _, c := range list {
		out = append(out, types.Configuration{Classification: aws.String(c.Classification), Properties: c.Properties,
			Configurations: configurations(c.Configurations)})
	}
	return out
}

// fleets asks for one primary node, on-demand, and Count workers of whichever
// types are cheapest and least likely to be taken away.
func (s Settings) fleets() []types.InstanceFleetConfig {
	onDemand := &types.OnDemandProvisioningSpecification{AllocationStrategy: types.OnDemandProvisioningAllocationStrategyLowestPrice}
	fleets := []types.InstanceFleetConfig{{
		Name:                   aws.String("primary"),
		InstanceFleetType:      types.InstanceFleetTypeMaster,
		InstanceTypeConfigs:    []types.InstanceTypeConfig{{InstanceType: aws.String(s.Primary)}},
		TargetOnDemandCapacity: aws.Int32(1),
		LaunchSpecifications:   &types.InstanceFleetProvisioningSpecifications{OnDemandSpecification: onDemand},
	}}
	if s.Count == 0 {
		return fleets
	}
	workers := types.InstanceFleetConfig{
		Name:                 aws.String("workers"),
		InstanceFleetType:    types.InstanceFleetTypeCore,
		LaunchSpecifications: &types.InstanceFleetProvisioningSpecifications{OnDemandSpecification: onDemand},
	}
	for _, kind := range s.Workers {
		workers.InstanceTypeConfigs = append(workers.InstanceTypeConfigs,
			types.InstanceTypeConfig{InstanceType: aws.String(kind), WeightedCapacity: aws.Int32(1)})
	}
	if !s.Spot {
		workers.TargetOnDemandCapacity = aws.Int32(int32(s.Count))
		return append(fleets, workers)
	}
	workers.TargetSpotCapacity = aws.Int32(int32(s.Count))
	action := types.SpotProvisioningTimeoutActionTerminateCluster
	if s.FallBack {
		action = types.SpotProvisioningTimeoutActionSwitchToOnDemand
	}
	workers.LaunchSpecifications.SpotSpecification = &types.SpotProvisioningSpecification{
		AllocationStrategy:     types.SpotProvisioningAllocationStrategyPriceCapacityOptimized,
		TimeoutAction:          action,
		TimeoutDurationMinutes: aws.Int32(spotMinutes),
	}
	return append(fleets, workers)
}

// Shapes are the machines that a launch asks for: the API's listings do not
// tell which of the workers' types EMR took, so the first stands for all.
func (s Settings) Shapes(l Launch) []resources.Shape {
	s = s.at(l)
	shapes := []resources.Shape{{Service: "emr", Type: s.Primary, Market: "on-demand", Region: s.Region, Count: 1}}
	if s.Count == 0 || len(s.Workers) == 0 {
		return shapes
	}
	market := "on-demand"
	if s.Spot {
		market = "spot"
	}
	return append(shapes, resources.Shape{Service: "emr", Type: s.Workers[0], Market: market, Region: s.Region, Count: s.Count})
}
