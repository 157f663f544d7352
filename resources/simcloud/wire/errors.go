package wire

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
)

// fault is an error as the wire has it.
type fault struct {
	status  int
	code    string // the model's code: ClusterNotFound, not ClusterNotFoundFault
	message string
	cause   error // the backend's error, for the members it has; may be nil
}

// ownCodes are the codes of refusals that every service makes by itself. The
// dialects differ: see "Common errors" in each service's API reference.
type ownCodes struct {
	missing, unknownKey, badSignature string
	unknownOperation, malformed       string
}

// statuses are the HTTP statuses of codes that neither say Server nor are 400.
var statuses = map[string]int{
	"ClusterNotFound":               http.StatusNotFound,
	"ClusterSnapshotNotFound":       http.StatusNotFound,
	"ResourceNotFoundFault":         http.StatusNotFound,
	"ResourceNotFoundException":     http.StatusNotFound,
	"ConflictException":             http.StatusConflict,
	"ServiceQuotaExceededException": http.StatusPaymentRequired,
	"AccessDenied":                  http.StatusForbidden,
	"AccessDeniedException":         http.StatusBadRequest,
	"ServiceUnavailable":            http.StatusServiceUnavailable,
}

// faultOf turns a backend's error into what goes over the wire.
func faultOf(err error) fault {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fault{http.StatusInternalServerError, "InternalFailure", err.Error(), err}
	}
	f := fault{http.StatusBadRequest, api.ErrorCode(), api.ErrorMessage(), api}
	if api.ErrorFault() == smithy.FaultServer {
		f.status = http.StatusInternalServerError
	}
	if status, ok := statuses[f.code]; ok {
		f.status = status
	}
	return f
}

// members are the fields that a modeled error has beside its message, with the
// names they have on the wire.
func (f fault) members() map[string]any {
	out := map[string]any{}
	v := reflect.ValueOf(f.cause)
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return out
	}
	for name, field := range fieldsOf(v.Elem()) {
		name = strings.TrimSuffix(name, "_") // ErrorCode_ is called so because ErrorCode is a method
		switch name {
		case "ErrorCodeOverride", "Message", "Code", "Fault":
			continue
		}
		if !field.IsZero() {
			out[name] = encodeJSON(field)
		}
	}
	return out
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
