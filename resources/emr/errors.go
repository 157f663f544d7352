package emr

import (
	"errors"
	"strings"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

const notValid = "is not valid" // how EMR says that an id is unknown

// codes of EMR. The SDK models only three of them, the others arrive with
// their code alone. Source: aws-sdk-go-v2 service/emr types/errors.go.
var codes = awsfault.Rules{
	"InvalidRequestException": {Class: resources.Permanent},
	"ValidationException":     {Class: resources.Permanent},
}

func change(err error, what string) error {
	return refine(awsfault.Change(err, what, codes))
}

func read(err error, what string) error {
	return refine(awsfault.Read(err, what, codes))
}

// refine looks into messages where EMR's codes say too little.
func refine(err error) error {
	var f *resources.Fault
	if !errors.As(err, &f) {
		return err
	}
	if f.Code == "InvalidRequestException" && strings.Contains(f.Msg, notValid) {
		f.Class = resources.Gone
	}
	if strings.Contains(f.Msg, "termination protect") || strings.Contains(f.Msg, "termination-protect") {
		f.Class, f.Hint = resources.Denied, "somebody switched termination protection on: switch it off"
	}
	return err
}

// launchFault judges a failed RunJobFlow. A role that IAM does not know
// everywhere yet is refused like a wrong one; it is asked again, as Terraform
// does (internal/service/emr/cluster.go).
func launchFault(err error, name string) error {
	judged := awsfault.Change(err, "launching "+name, codes)
	var f *resources.Fault
	if !errors.As(judged, &f) || !f.Class.NoEffect() {
		return judged
	}
	if strings.Contains(f.Msg, "Invalid InstanceProfile") || strings.Contains(f.Msg, "Failed to authorize instance profile") {
		f.Class = resources.Retry
		f.Hint = "a new instance profile takes a minute to be known; else check roles.spark_instance_profile in the environment"
	}
	return f
}
