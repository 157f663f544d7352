package simcloud

import (
	"fmt"

	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	rstypes "github.com/aws/aws-sdk-go-v2/service/redshift/types"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
)

// The errors of the control planes, as the SDK types them (aws-facts A3, E3).

func ptr[T any](v T) *T { return &v }

func val[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func generic(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

func errClusterNotFound(id string) error {
	return &rstypes.ClusterNotFoundFault{Message: ptr("Cluster " + id + " not found.")}
}

func errClusterExists(id string) error {
	return &rstypes.ClusterAlreadyExistsFault{Message: ptr("Cluster already exists: " + id)}
}

func errClusterState(x *Cluster) error {
	return &rstypes.InvalidClusterStateFault{
		Message: ptr("There is an operation running on the Cluster. Please try it at a later time. (" + x.ID + " is " + x.Status + ")"),
	}
}

func errCapacity() error {
	return &rstypes.InsufficientClusterCapacityFault{Message: ptr("There is insufficient capacity to fulfil the request.")}
}

func errSnapshotNotFound(id string) error {
	return &rstypes.ClusterSnapshotNotFoundFault{Message: ptr("Snapshot " + id + " not found.")}
}

func errSnapshotExists(id string) error {
	return &rstypes.ClusterSnapshotAlreadyExistsFault{Message: ptr("Cannot create the snapshot because a snapshot with the identifier " + id + " already exists.")}
}

func errSnapshotQuota() error {
	return &rstypes.ClusterSnapshotQuotaExceededFault{Message: ptr("The request would exceed the number of manual snapshots allowed in this account.")}
}

func errSnapshotState(msg string) error {
	return &rstypes.InvalidClusterSnapshotStateFault{Message: ptr(msg)}
}

func errFlow(id string) error {
	return &emrtypes.InvalidRequestException{Message: ptr("Cluster id '" + id + "' is not valid."), ErrorCode_: ptr("NoSuchCluster")}
}

func errScheduleNotFound(name string) error {
	return &schedtypes.ResourceNotFoundException{Message: ptr("Schedule " + name + " does not exist.")}
}

func errScheduleConflict(name string) error {
	return &schedtypes.ConflictException{Message: ptr("Schedule " + name + " already exists.")}
}

func errSchedule(format string, args ...any) error {
	return &schedtypes.ValidationException{Message: ptr(fmt.Sprintf(format, args...))}
}
