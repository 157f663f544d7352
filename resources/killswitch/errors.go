package killswitch

import (
	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// conflict is the code of a schedule whose name is taken.
const conflict = "ConflictException"

// codes of EventBridge Scheduler. Source: its API reference, and
// aws-sdk-go-v2 service/scheduler types/errors.go.
var codes = awsfault.Rules{
	conflict:                    {Class: resources.Permanent},
	"ResourceNotFoundException": {Class: resources.Gone, Hint: "the environment's kill_switch.group must exist"},
	"ServiceQuotaExceededException": {Class: resources.Permanent,
		Hint: "delete old schedules, or ask for a higher EventBridge Scheduler quota"},
	"ValidationException": {Class: resources.Permanent,
		Hint: "check roles.kill_switch and kill_switch in the environment: the scheduler must be allowed to assume the role"},
}
