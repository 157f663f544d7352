package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// authorization is the header of a request signed with Signature Version 4.
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type authorization struct {
	key, day, region, service string
	signedHeaders             []string
	signature                 string
}

// Scope is the service in the credential scope of a request's signature
// ("redshift", "s3", …), whether the signature is in its header or, presigned,
// in its query; "" if it has none. Nothing is verified.
func Scope(r *http.Request) string {
	a, _ := authorizationOf(r)
	return a.service
}

// Region is the region in the credential scope of a request's signature, or
// "". Nothing is verified.
func Region(r *http.Request) string {
	a, _ := authorizationOf(r)
	return a.region
}

// AccessKey is the access key id a request says it is signed with, or "".
func AccessKey(r *http.Request) string {
	a, _ := authorizationOf(r)
	return a.key
}

func authorizationOf(r *http.Request) (a authorization, ok bool) {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if fields, found := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "); found {
		for field := range strings.SplitSeq(fields, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			switch name {
			case "Credential":
				credential = value
			case "SignedHeaders":
				a.signedHeaders = strings.Split(value, ";")
			case "Signature":
				a.signature = value
			}
		}
	}
	scope := strings.Split(credential, "/") // the key itself holds no slash
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return authorization{}, false
	}
	a.key, a.day, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
	return a, true
}

// maxSkew is how far a signature's instant may be off.
const maxSkew = 15 * time.Minute

// verify checks the signature of a request with a header; nil is good.
func (h *Handler) verify(r *http.Request, body []byte, codes ownCodes) *fault {
	refuse := func(code, format string, args ...any) *fault {
		return &fault{http.StatusForbidden, code, fmt.Sprintf(format, args...), nil}
	}
	a, ok := authorizationOf(r)
	if !ok || a.signature == "" {
		return refuse(codes.missing, "The request is not signed.")
	}
	secret, ok := h.opts.Keys[a.key]
	if !ok {
		return refuse(codes.unknownKey, "The security token included in the request is invalid.")
	}
	if h.opts.Region != "" && a.region != h.opts.Region {
		return refuse(codes.badSignature, "Credential should be scoped to a valid region, not '%s': this endpoint is that of %s.", a.region, h.opts.Region)
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || !strings.HasPrefix(date, a.day) {
		return refuse(codes.badSignature, "The header X-Amz-Date %q is not the date of the signature.", date)
	}
	if skew := h.opts.Now().Sub(at).Abs(); skew > maxSkew {
		return refuse(codes.badSignature, "Signature expired: its time %s is %s off the server's clock.", date, skew.Round(time.Second))
	}
	if !slices.Contains(a.signedHeaders, "host") || !hmac.Equal([]byte(a.signature), []byte(a.sign(r, escapeAgain(encodedPath(r)), digest(body), date, secret))) {
		return refuse(codes.badSignature, "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.")
	}
	return nil
}

// VerifyS3 says whether a request to S3 is signed in its header with the
// secret, and its body is the one that was signed. Signatures in the query and
// bodies signed in chunks are not: they are false.
func VerifyS3(r *http.Request, body []byte, secret string, now time.Time) bool {
	a, ok := authorizationOf(r)
	if !ok || a.signature == "" || !slices.Contains(a.signedHeaders, "host") {
		return false
	}
	date, payload := r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Content-Sha256")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || !strings.HasPrefix(date, a.day) || now.Sub(at).Abs() > maxSkew || payload != "UNSIGNED-PAYLOAD" && payload != digest(body) {
		return false
	}
	return hmac.Equal([]byte(a.signature), []byte(a.sign(r, encodedPath(r), payload, date, secret)))
}

// encodedPath is the encoded path; "/" of a request without one.
func encodedPath(r *http.Request) string {
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// sign is the signature that the request should have.
func (a authorization) sign(r *http.Request, path, payload, date, secret string) string {
	var c strings.Builder
	fmt.Fprintf(&c, "%s\n%s\n%s\n", r.Method, path, canonicalQuery(r.URL.Query()))
	for _, name := range a.signedHeaders {
		fmt.Fprintf(&c, "%s:%s\n", name, canonicalHeader(r, name))
	}
	fmt.Fprintf(&c, "\n%s\n%s", strings.Join(a.signedHeaders, ";"), payload)

	scope := strings.Join([]string{a.day, a.region, a.service, "aws4_request"}, "/")
	toSign := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + digest([]byte(c.String()))
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.day, a.region, a.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, toSign))
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length": // Go keeps it out of the headers
		return fmt.Sprint(r.ContentLength)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// escapeAgain encodes the encoded path once more, as every service but S3 does.
func escapeAgain(path string) string {
	return strings.ReplaceAll(url.QueryEscape(path), "%2F", "/")
}

func canonicalQuery(values url.Values) string {
	return strings.ReplaceAll(values.Encode(), "+", "%20") // Encode sorts, and writes only spaces as +
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
