package wire

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	redshifttypes "github.com/aws/aws-sdk-go-v2/service/redshift/types"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
)

// modeled are the errors that the SDK's clients know, by operation. From the
// deserializers of redshift v1.62.10, emr v1.71.1 and scheduler v1.18.2.
var modeled = map[string][]error{
	"CreateCluster": {
		&redshifttypes.ClusterAlreadyExistsFault{}, &redshifttypes.ClusterParameterGroupNotFoundFault{}, &redshifttypes.ClusterQuotaExceededFault{},
		&redshifttypes.ClusterSecurityGroupNotFoundFault{}, &redshifttypes.ClusterSubnetGroupNotFoundFault{}, &redshifttypes.DependentServiceAccessDeniedFault{},
		&redshifttypes.DependentServiceRequestThrottlingFault{}, &redshifttypes.DependentServiceUnavailableFault{}, &redshifttypes.HsmClientCertificateNotFoundFault{},
		&redshifttypes.HsmConfigurationNotFoundFault{}, &redshifttypes.InsufficientClusterCapacityFault{}, &redshifttypes.InvalidClusterSubnetGroupStateFault{},
		&redshifttypes.InvalidClusterTrackFault{}, &redshifttypes.InvalidElasticIpFault{}, &redshifttypes.InvalidRetentionPeriodFault{},
		&redshifttypes.InvalidSubnet{}, &redshifttypes.InvalidTagFault{}, &redshifttypes.InvalidVPCNetworkStateFault{},
		&redshifttypes.Ipv6CidrBlockNotFoundFault{}, &redshifttypes.LimitExceededFault{}, &redshifttypes.NumberOfNodesPerClusterLimitExceededFault{},
		&redshifttypes.NumberOfNodesQuotaExceededFault{}, &redshifttypes.RedshiftIdcApplicationNotExistsFault{}, &redshifttypes.SnapshotScheduleNotFoundFault{},
		&redshifttypes.TagLimitExceededFault{}, &redshifttypes.UnauthorizedOperation{}, &redshifttypes.UnsupportedOperationFault{},
	},
	"RestoreFromClusterSnapshot": {
		&redshifttypes.AccessToSnapshotDeniedFault{}, &redshifttypes.ClusterAlreadyExistsFault{}, &redshifttypes.ClusterParameterGroupNotFoundFault{},
		&redshifttypes.ClusterQuotaExceededFault{}, &redshifttypes.ClusterSecurityGroupNotFoundFault{}, &redshifttypes.ClusterSnapshotNotFoundFault{},
		&redshifttypes.ClusterSubnetGroupNotFoundFault{}, &redshifttypes.DependentServiceAccessDeniedFault{}, &redshifttypes.DependentServiceRequestThrottlingFault{},
		&redshifttypes.DependentServiceUnavailableFault{}, &redshifttypes.HsmClientCertificateNotFoundFault{}, &redshifttypes.HsmConfigurationNotFoundFault{},
		&redshifttypes.InsufficientClusterCapacityFault{}, &redshifttypes.InvalidClusterSnapshotStateFault{}, &redshifttypes.InvalidClusterSubnetGroupStateFault{},
		&redshifttypes.InvalidClusterTrackFault{}, &redshifttypes.InvalidElasticIpFault{}, &redshifttypes.InvalidReservedNodeStateFault{},
		&redshifttypes.InvalidRestoreFault{}, &redshifttypes.InvalidSubnet{}, &redshifttypes.InvalidTagFault{},
		&redshifttypes.InvalidVPCNetworkStateFault{}, &redshifttypes.Ipv6CidrBlockNotFoundFault{}, &redshifttypes.LimitExceededFault{},
		&redshifttypes.NumberOfNodesPerClusterLimitExceededFault{}, &redshifttypes.NumberOfNodesQuotaExceededFault{}, &redshifttypes.RedshiftIdcApplicationNotExistsFault{},
		&redshifttypes.ReservedNodeAlreadyExistsFault{}, &redshifttypes.ReservedNodeAlreadyMigratedFault{}, &redshifttypes.ReservedNodeNotFoundFault{},
		&redshifttypes.ReservedNodeOfferingNotFoundFault{}, &redshifttypes.SnapshotScheduleNotFoundFault{}, &redshifttypes.TagLimitExceededFault{},
		&redshifttypes.UnauthorizedOperation{}, &redshifttypes.UnsupportedOperationFault{},
	},
	"DescribeClusters": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.InvalidTagFault{},
	},
	"DeleteCluster": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.ClusterSnapshotAlreadyExistsFault{}, &redshifttypes.ClusterSnapshotQuotaExceededFault{},
		&redshifttypes.InvalidClusterStateFault{}, &redshifttypes.InvalidRetentionPeriodFault{},
	},
	"PauseCluster": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.InvalidClusterStateFault{}, &redshifttypes.UnsupportedOperationFault{},
	},
	"ResumeCluster": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.InsufficientClusterCapacityFault{}, &redshifttypes.InvalidClusterStateFault{},
		&redshifttypes.UnsupportedOperationFault{},
	},
	"CreateClusterSnapshot": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.ClusterSnapshotAlreadyExistsFault{}, &redshifttypes.ClusterSnapshotQuotaExceededFault{},
		&redshifttypes.InvalidClusterStateFault{}, &redshifttypes.InvalidRetentionPeriodFault{}, &redshifttypes.InvalidTagFault{},
		&redshifttypes.TagLimitExceededFault{},
	},
	"DescribeClusterSnapshots": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.ClusterSnapshotNotFoundFault{}, &redshifttypes.InvalidTagFault{},
		&redshifttypes.UnsupportedOperationFault{},
	},
	"DeleteClusterSnapshot": {
		&redshifttypes.ClusterSnapshotNotFoundFault{}, &redshifttypes.InvalidClusterSnapshotStateFault{},
	},
	"CreateTags": {
		&redshifttypes.InvalidClusterStateFault{}, &redshifttypes.InvalidTagFault{}, &redshifttypes.ResourceNotFoundFault{},
		&redshifttypes.TagLimitExceededFault{},
	},
	"GetClusterCredentials": {
		&redshifttypes.ClusterNotFoundFault{}, &redshifttypes.UnsupportedOperationFault{},
	},
	"CreateSchedule":    {&schedulertypes.ConflictException{}, &schedulertypes.InternalServerException{}, &schedulertypes.ResourceNotFoundException{}, &schedulertypes.ServiceQuotaExceededException{}, &schedulertypes.ThrottlingException{}, &schedulertypes.ValidationException{}},
	"GetSchedule":       {&schedulertypes.InternalServerException{}, &schedulertypes.ResourceNotFoundException{}, &schedulertypes.ThrottlingException{}, &schedulertypes.ValidationException{}},
	"DeleteSchedule":    {&schedulertypes.ConflictException{}, &schedulertypes.InternalServerException{}, &schedulertypes.ResourceNotFoundException{}, &schedulertypes.ThrottlingException{}, &schedulertypes.ValidationException{}},
	"ListSchedules":     {&schedulertypes.InternalServerException{}, &schedulertypes.ResourceNotFoundException{}, &schedulertypes.ThrottlingException{}, &schedulertypes.ValidationException{}},
	"RunJobFlow":        {&emrtypes.InternalServerException{}, &emrtypes.InvalidRequestException{}, &emrtypes.InternalServerError{}},
	"ListClusters":      {&emrtypes.InternalServerException{}, &emrtypes.InvalidRequestException{}, &emrtypes.InternalServerError{}},
	"DescribeCluster":   {&emrtypes.InternalServerException{}, &emrtypes.InvalidRequestException{}, &emrtypes.InternalServerError{}},
	"ListSteps":         {&emrtypes.InternalServerException{}, &emrtypes.InvalidRequestException{}, &emrtypes.InternalServerError{}},
	"TerminateJobFlows": {&emrtypes.InternalServerException{}, &emrtypes.InvalidRequestException{}, &emrtypes.InternalServerError{}},
}

// newFault makes a modeled error with a message.
func newFault(like error, message string) error {
	v := reflect.New(reflect.TypeOf(like).Elem())
	v.Elem().FieldByName("Message").Set(reflect.ValueOf(&message))
	return v.Interface().(error)
}

func TestErrorsArriveTyped(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	for scope, client := range clients(server.URL) {
		for m := range interfaces[scope].Methods() {
			for _, like := range modeled[m.Name] {
				t.Run(fmt.Sprintf("%s %T", m.Name, like), func(t *testing.T) {
					rec.err = newFault(like, "what happened & why <here>")
					_, err := call(client, m.Name, smallest(m))
					got := reflect.New(reflect.TypeOf(like))
					if !errors.As(err, got.Interface()) {
						t.Fatalf("got %T %v", err, err)
					}
					if _, mute := like.(*emrtypes.InternalServerError); mute {
						return // the SDK reads no message of it
					}
					if api := got.Elem().Interface().(smithy.APIError); api.ErrorMessage() != "what happened & why <here>" || api.ErrorCode() != like.(smithy.APIError).ErrorCode() {
						t.Errorf("arrived as %q %q", api.ErrorCode(), api.ErrorMessage())
					}
				})
			}
		}
	}
}

// TestErrorsArriveByCode has what the services do not model.
func TestErrorsArriveByCode(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	codes := map[string]error{
		"Throttling":            &smithy.GenericAPIError{Code: "Throttling", Message: "slow down"},
		"AccessDenied":          &smithy.GenericAPIError{Code: "AccessDenied", Message: "not you"},
		"InvalidParameterFoo":   &smithy.GenericAPIError{Code: "InvalidParameterFoo", Message: "no", Fault: smithy.FaultServer},
		"InternalFailure":       errors.New("the disk is full"),
		"ClusterNotFound":       fmt.Errorf("wrapped: %w", &redshifttypes.ClusterNotFoundFault{}),
		"ValidationException":   &smithy.GenericAPIError{Code: "ValidationException", Message: "no"},
		"AccessDeniedException": &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"},
	}
	for scope, client := range clients(server.URL) {
		for m := range interfaces[scope].Methods() {
			for code, err := range codes {
				rec.err = err
				_, got := call(client, m.Name, smallest(m))
				var api smithy.APIError
				if !errors.As(got, &api) || api.ErrorCode() != code {
					t.Errorf("%s.%s: %s arrived as %v", scope, m.Name, code, got)
				}
			}
		}
	}
}

func TestMembersOfErrors(t *testing.T) {
	rec := &recorder{}
	server := httptest.NewServer(rec.handler())
	defer server.Close()
	code, message := "E42", "no such flow"
	rec.err = &emrtypes.InvalidRequestException{ErrorCode_: &code, Message: &message}
	m, _ := interfaces["elasticmapreduce"].MethodByName("DescribeCluster")
	_, err := call(clients(server.URL)["elasticmapreduce"], m.Name, smallest(m))
	var got *emrtypes.InvalidRequestException
	if !errors.As(err, &got) || got.ErrorCode_ == nil || *got.ErrorCode_ != code {
		t.Errorf("got %#v", err)
	}
}

// smallest is an input that the client does not refuse to send.
func smallest(m reflect.Method) any {
	input := reflect.New(m.Type.In(1).Elem())
	n := 0
	fill(input.Elem(), 9, func() bool { return true }, func() string { n++; return fmt.Sprint("x", n) }, func(int) int64 { return 1 })
	return input.Interface()
}

func TestEveryOperationHasErrors(t *testing.T) {
	var ops []string
	for scope, api := range interfaces {
		for m := range api.Methods() {
			if scope != "sts" {
				ops = append(ops, m.Name)
			}
		}
	}
	slices.Sort(ops)
	if have := slices.Sorted(maps.Keys(modeled)); !slices.Equal(have, ops) {
		t.Errorf("errors are listed for %v, operations are %v", have, ops)
	}
}
