package emr

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

// Recoverable says of an ended cluster's state, as Find tells it, that it ended
// for want or loss of machines, or for a reason of AWS's own: another cluster
// may run the same steps well. A program that fails, here a bootstrap action's,
// would fail again.
// https://docs.aws.amazon.com/emr/latest/APIReference/API_ClusterStateChangeReason.html
func Recoverable(state string) bool {
	_, reason, _ := strings.Cut(state, ": ")
	code, message, _ := strings.Cut(reason, ": ")
	switch types.ClusterStateChangeReasonCode(code) {
	case types.ClusterStateChangeReasonCodeBootstrapFailure, types.ClusterStateChangeReasonCodeStepFailure,
		types.ClusterStateChangeReasonCodeAllStepsCompleted:
		return false
	case types.ClusterStateChangeReasonCodeValidationError:
		return noCapacity(message)
	}
	return true
}

// noCapacity knows how EMR says that the machines asked for are not there.
// https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-events-response-insuff-capacity.html
func noCapacity(message string) bool {
	lower := strings.ToLower(message)
	for _, words := range []string{"capacity", "not available", "availability zone", "instance type"} {
		if strings.Contains(lower, words) {
			return true
		}
	}
	return false
}
