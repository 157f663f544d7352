package redshift

import (
	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// Codes of faults that callers decide by. AlreadyExists is Permanent: whether
// what exists is ours only the journal knows.
const (
	ClusterAlreadyExists  = "ClusterAlreadyExists"
	SnapshotAlreadyExists = "ClusterSnapshotAlreadyExists"
	SnapshotQuotaExceeded = "ClusterSnapshotQuotaExceeded"
	InsufficientCapacity  = "InsufficientClusterCapacity"

	clusterNotFound  = "ClusterNotFound"
	snapshotNotFound = "ClusterSnapshotNotFound"
)

const (
	hintQuota    = "ask for a higher Redshift quota in Service Quotas, or use fewer or smaller nodes"
	hintNetwork  = "compare the environment's subnet group and security groups with the account: `lamplighter doctor`"
	hintSnapshot = "keep fewer snapshots (warehouse.keep_snapshots), delete manual ones that nothing needs, or ask for a higher quota"
)

// codes of Redshift. Source: the SDK's deserializers per operation and the
// collected reports in the facts about AWS (A3 to A5). The service writes
// some codes with "Fault" and most without; these are its own spellings.
var codes = awsfault.Rules{
	clusterNotFound:         {Class: resources.Gone},
	snapshotNotFound:        {Class: resources.Gone},
	"ResourceNotFoundFault": {Class: resources.Gone},

	"InvalidClusterState":         {Class: resources.Busy},
	"InvalidClusterSnapshotState": {Class: resources.Busy},

	ClusterAlreadyExists:  {Class: resources.Permanent},
	SnapshotAlreadyExists: {Class: resources.Permanent},
	SnapshotQuotaExceeded: {Class: resources.Permanent, Hint: hintSnapshot},

	InsufficientCapacity: {Class: resources.Retry,
		Hint: "AWS has no such nodes free now: it is asked again; a subnet group with more zones, or another node type, helps"},
	"DependentServiceRequestThrottlingFault": {Class: resources.Retry},
	"DependentServiceUnavailableFault":       {Class: resources.Retry},

	"ClusterQuotaExceeded":                 {Class: resources.Permanent, Hint: hintQuota},
	"NumberOfNodesPerClusterLimitExceeded": {Class: resources.Permanent, Hint: hintQuota},
	"NumberOfNodesQuotaExceeded": {Class: resources.Permanent,
		Hint: hintQuota + "; retired node types are refused with this code too"},
	"LimitExceededFault": {Class: resources.Permanent, Hint: "the KMS key has too many grants, or another limit is reached"},

	"AccessToSnapshotDenied":       {Class: resources.Denied, Hint: "the snapshot belongs to another account that does not share it"},
	"DependentServiceAccessDenied": {Class: resources.Denied, Hint: "Redshift may not use another service for you: check the KMS key's policy and the service-linked role"},

	"InvalidRestore":                      {Class: resources.Permanent, Hint: "this snapshot cannot be restored to these nodes: keep its node type, or choose one of its RestorableNodeTypes"},
	"UnsupportedOperation":                {Class: resources.Permanent},
	"InvalidSubnet":                       {Class: resources.Permanent, Hint: hintNetwork},
	"ClusterSubnetGroupNotFoundFault":     {Class: resources.Permanent, Hint: hintNetwork},
	"InvalidClusterSubnetGroupStateFault": {Class: resources.Permanent, Hint: hintNetwork},
	"InvalidVPCNetworkStateFault":         {Class: resources.Permanent, Hint: hintNetwork},
	"ClusterSecurityGroupNotFound":        {Class: resources.Permanent, Hint: hintNetwork},
	"ClusterParameterGroupNotFound":       {Class: resources.Permanent, Hint: "the environment's warehouse.parameter_group does not exist in this region"},
	"SnapshotScheduleNotFound":            {Class: resources.Permanent, Hint: "the environment's warehouse.snapshot_schedule does not exist in this region"},
	"InvalidClusterTrack":                 {Class: resources.Permanent},
	"InvalidRetentionPeriodFault":         {Class: resources.Permanent},
	"InvalidTagFault":                     {Class: resources.Permanent, Hint: "check the pipeline's tags: at most 50, keys of 128 and values of 256 characters"},
	"TagLimitExceededFault":               {Class: resources.Permanent, Hint: "a resource carries at most 50 tags"},
	"InvalidClusterParameterGroupState":   {Class: resources.Busy},
	"SnapshotScheduleUpdateInProgress":    {Class: resources.Busy},
	"InvalidClusterSnapshotScheduleState": {Class: resources.Busy},
}
