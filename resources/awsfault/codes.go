package awsfault

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"lamplighter/resources"
)

// Once is the retryer of every call that changes something and is not safe to
// repeat blindly: it sends once. Whether to ask again is the engine's decision.
var Once aws.Retryer = aws.NopRetryer{}

// common are the codes that every service shares. Sources: aws-sdk-go-v2
// aws/retry/standard.go for the throttling codes; the "Common errors" page of
// the services' API references for the others.
var common = merge(
	all(Rule{Class: resources.Retry},
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled",
		"TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown",
		"PriorRequestNotComplete", "EC2ThrottledException", "RequestTimeout", "RequestTimeoutException"),
	all(Rule{resources.Denied, hintPermission},
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "NotAuthorized",
		"AllAccessDisabled", "OptInRequired"),
	all(Rule{resources.Denied, hintCredentials},
		"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "InvalidClientTokenId",
		"UnrecognizedClientException", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"AuthFailure", "IncompleteSignature", "SignatureDoesNotMatch", "InvalidSignatureException",
		"InvalidAccessKeyId"),
	all(Rule{resources.Denied, hintClock}, "RequestTimeTooSkewed", "RequestExpired"),
	all(Rule{Class: resources.Permanent},
		"InvalidParameterValue", "InvalidParameterCombination", "MissingParameter", "InvalidParameter",
		"ValidationError", "ValidationException", "InvalidAction", "MalformedQueryString", "MalformedXML"),
	// A failure inside the service may come before or after the effect.
	all(Rule{Class: resources.Unknown},
		"InternalFailure", "InternalError", "InternalServerError", "InternalServerException",
		"ServiceUnavailable", "ServiceUnavailableException", "ServiceException"),
)

func all(r Rule, codes ...string) Rules {
	rules := Rules{}
	for _, code := range codes {
		rules[code] = r
	}
	return rules
}

func merge(parts ...Rules) Rules {
	rules := Rules{}
	for _, part := range parts {
		for code, r := range part {
			rules[code] = r
		}
	}
	return rules
}
