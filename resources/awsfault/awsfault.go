// Package awsfault judges the errors of the AWS SDK: what is the same for
// every service is decided here once; each service package adds the codes of
// its own service and what they mean.
//
// The judgement is about one request. A call that changes something must
// therefore be sent once only (see Once): after a lost reply the SDK would
// repeat it, and the repeat's refusal would hide that the first one worked.
package awsfault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"lamplighter/resources"
)

// Rule is what one error code means.
type Rule struct {
	Class resources.Class
	Hint  string // the mend; may be empty
}

// Rules are the codes of one service. They go before the common ones.
type Rules map[string]Rule

// Change judges the error of a call that changes something; what says what
// was asked for, as in "deleting cluster x". It returns nil for nil, else a
// *resources.Fault. An answer that never came is Unknown.
func Change(err error, what string, rules Rules) error {
	if err == nil {
		return nil
	}
	return judge(err, what, rules)
}

// Read judges the error of a call that only reads. It is never Unknown: a
// read has no effect, so what Change calls Unknown is Retry here.
func Read(err error, what string, rules Rules) error {
	if err == nil {
		return nil
	}
	f := judge(err, what, rules)
	if f.Class == resources.Unknown {
		f.Class = resources.Retry
	}
	return f
}

func judge(err error, what string, rules Rules) *resources.Fault {
	var known *resources.Fault
	if errors.As(err, &known) {
		return &resources.Fault{Class: known.Class, Code: known.Code, Msg: what + ": " + known.Msg, Hint: known.Hint, Err: err}
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return answered(err, api, what, rules)
	}
	rule, why := unanswered(err)
	return &resources.Fault{Class: rule.Class, Msg: what + ": " + why, Hint: rule.Hint, Err: err}
}

// answered judges an error that the service itself gave.
func answered(err error, api smithy.APIError, what string, rules Rules) *resources.Fault {
	code := api.ErrorCode()
	rule, ok := rules[code]
	if !ok {
		rule, ok = common[code]
	}
	if !ok {
		rule = Rule{Class: byStatus(err, api)}
	}
	if dated(api.ErrorMessage()) {
		rule = Rule{resources.Denied, hintClock}
	}
	msg := what
	if m := strings.TrimSpace(api.ErrorMessage()); m != "" {
		msg += ": " + m
	} else {
		msg += ": " + code
	}
	return &resources.Fault{Class: rule.Class, Code: code, Msg: msg, Hint: rule.Hint, Err: err}
}

// dated says that a signature was refused for its time: services without a
// code for that say so in words.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
func dated(message string) bool {
	return strings.Contains(message, "Signature expired: ") || strings.Contains(message, "Signature not yet current: ")
}

// byStatus judges a code that nobody listed. A 4xx is a refusal. "UnknownError"
// is what the SDK says when the body held no code, so that a proxy and not the
// service may have answered: that proves nothing.
func byStatus(err error, api smithy.APIError) resources.Class {
	if api.ErrorCode() == "UnknownError" {
		return resources.Unknown
	}
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		switch status := response.HTTPStatusCode(); {
		case status == http.StatusTooManyRequests:
			return resources.Retry
		case status == http.StatusUnauthorized, status == http.StatusForbidden:
			return resources.Denied
		case status >= 400 && status < 500:
			return resources.Permanent
		case status != 0:
			return resources.Unknown
		}
	}
	if api.ErrorFault() == smithy.FaultClient {
		return resources.Permanent
	}
	return resources.Unknown
}

const (
	hintCredentials = "check the AWS credentials of this process: `aws sts get-caller-identity` must answer"
	hintClock       = "this machine's clock is wrong: AWS takes no request whose time is off by more than five minutes"
	hintNetwork     = "the endpoint cannot be reached: check region, endpoint_url, proxy and network"
	hintCertificate = "the endpoint's certificate is not trusted: check endpoint_url and the CA certificates"
	hintPermission  = "the role this process runs as may not do this: compare its policy with the one in terraform/"
)

// unanswered judges an error without an answer: proven unsent is Retry or
// Denied, all else Unknown.
func unanswered(err error) (Rule, string) {
	var dial *net.OpError
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var send net.Error
	// The SDK has no type for this one: it wraps what the credential chain says.
	identity := strings.Contains(err.Error(), "get identity: ")
	switch {
	case errors.As(err, &certificate):
		return Rule{resources.Retry, hintCertificate}, certificate.Error()
	case errors.As(err, &dns), errors.As(err, &dial) && dial.Op == "dial":
		return Rule{resources.Retry, hintNetwork}, innermost(err)
	case identity && (errors.As(err, &send) || errors.Is(err, context.DeadlineExceeded)):
		return Rule{resources.Retry, hintCredentials}, "no credentials in time: " + innermost(err)
	case identity:
		return Rule{resources.Denied, hintCredentials}, "no credentials: " + innermost(err)
	case errors.Is(err, context.DeadlineExceeded):
		return Rule{Class: resources.Unknown}, "no answer in time"
	case errors.Is(err, context.Canceled):
		return Rule{Class: resources.Unknown}, "cancelled before the answer came"
	}
	return Rule{Class: resources.Unknown}, "no answer: " + innermost(err)
}

// innermost leaves out what the SDK's layers say around the cause.
func innermost(err error) string {
	var sent interface{ ConnectionError() bool } // smithyhttp.RequestSendError
	var op *smithy.OperationError
	switch {
	case errors.As(err, &sent):
		if inner := errors.Unwrap(sent.(error)); inner != nil {
			return inner.Error()
		}
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}

// Refuse is a Permanent fault of ours, for a request that is wrong before it
// is sent.
func Refuse(hint, format string, args ...any) error {
	return &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf(format, args...), Hint: hint}
}
