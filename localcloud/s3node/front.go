package s3node

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"lamplighter/resources/simcloud/wire"
)

const xmlHeader = xml.Header

func escaped(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// request is what a request is about.
type request struct {
	method, bucket, key string
	action              string // the subresource, such as "lifecycle"; "" is the bucket or object itself
	query               url.Values
}

// subresources are the parts of a bucket or object that a query names.
var subresources = []string{
	"abac", "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location",
	"logging", "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
	"requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploads", "uploadId", "versioning", "versions", "website",
}

func requestOf(r *http.Request) request {
	q := request{method: r.Method, query: r.URL.Query()}
	q.bucket, q.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	for _, name := range subresources {
		if q.query.Has(name) {
			q.action = name
			break
		}
	}
	return q
}

// absent are the subresources that the embedded cloud does not have, and what
// they are called.
var absent = map[string]string{
	"abac": "attribute-based access control", "accelerate": "transfer acceleration", "analytics": "analytics configurations", "intelligent-tiering": "intelligent tiering", "inventory": "inventories",
	"logging": "access logs", "metadataConfiguration": "metadata tables", "metadataTable": "metadata tables", "metrics": "request metrics", "notification": "event notifications",
	"replication": "replication", "requestPayment": "requester pays", "restore": "archived objects", "select": "S3 Select", "session": "directory buckets", "torrent": "torrents", "website": "static websites",
}

// refuse is why a request cannot be served, nil if it can.
func (n *Node) refuse(q request, r *http.Request) *fault {
	missing := func(what string) *fault {
		e := notHere("%s", what)
		return &fault{e.HTTPStatusCode, e.Code, e.Description, ""}
	}
	if what := absent[q.action]; what != "" {
		return missing(what + " (?" + q.action + ")")
	}
	if clean := path.Clean("/" + q.key); q.key != "" && (clean == "/" || path.Clean(q.key) == ".." || strings.HasPrefix(path.Clean(q.key), "../") || strings.HasSuffix(q.key, "/..")) {
		return missing("keys that are a path to the bucket or out of it, such as ., .. and ../x")
	}
	write := q.method == http.MethodPut || q.method == http.MethodPost
	switch encryption := r.Header.Get("X-Amz-Server-Side-Encryption"); {
	case r.Header.Get("X-Amz-Copy-Source") != "" && (r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != ""):
		return missing("conditions on what a copy overwrites (If-Match, If-None-Match of CopyObject): use PutObject or CompleteMultipartUpload, which have them")
	case encryption != "" && encryption != "AES256":
		return missing("encryption with KMS keys (x-amz-server-side-encryption: " + encryption + ")")
	case r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "":
		return missing("encryption with customers' keys (SSE-C)")
	case r.Header.Get("X-Amz-Security-Token") != "" || q.query.Has("X-Amz-Security-Token"):
		return &fault{http.StatusForbidden, "InvalidToken", "The provided token is malformed or otherwise invalid: the embedded cloud gives out no session tokens.", ""}
	case write && !n.disk.takes(r.ContentLength):
		return &fault{http.StatusInsufficientStorage, "InsufficientStorage", n.disk.full(), ""}
	}
	return n.elsewhere(q, r)
}

// elsewhere refuses a request for a bucket of another region as that region's
// endpoint would: SDKs look for the region in the answer.
// docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html (redirects)
func (n *Node) elsewhere(q request, r *http.Request) *fault {
	signed := wire.Region(r)
	if q.method == http.MethodPut && q.key == "" && q.action == "" { // makes a bucket: its owner is told that it is there
		return nil
	}
	if q.bucket == "" || signed == "" || q.action == "location" || !n.settings.exists(q.bucket) {
		return nil
	}
	if region := n.region(q.bucket); region != signed {
		return &fault{http.StatusMovedPermanently, "PermanentRedirect",
			"The bucket " + q.bucket + " is in the region " + region + ": requests to it must be signed for that region, not for " + signed + ".", region}
	}
	return nil
}

// ownAnswer does what a request that the front serves asks for.
type ownAnswer func(q request, body []byte) (status int, text string, f *fault)

// own is the answer to a request that versitygw cannot serve, nil to all else.
func (n *Node) own(q request) ownAnswer {
	switch {
	case q.key != "" || q.bucket == "":
	case q.action == "location" && q.method == http.MethodGet:
		return n.location
	case slices.Contains([]string{"lifecycle", "encryption", "publicAccessBlock"}, q.action):
		return n.configuration
	}
	return nil
}

// longestConfiguration is above S3's limit of 1,000 lifecycle rules.
const longestConfiguration = 2 << 20

// serveOwn verifies the signature, as versitygw does for what it serves.
func (n *Node) serveOwn(w http.ResponseWriter, r *http.Request, q request, answer ownAnswer) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, longestConfiguration)); err != nil {
		fail(w, fault{http.StatusBadRequest, "EntityTooLarge", "The configuration could not be read or is too long.", ""})
		return
	}
	switch {
	case wire.Region(r) == "":
		fail(w, fault{http.StatusForbidden, "AccessDenied", "Access Denied", ""})
		return
	case !wire.VerifyS3(r, body.Bytes(), n.config.Secret, time.Now()):
		fail(w, fault{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", ""})
		return
	case !n.settings.exists(q.bucket):
		fail(w, fault{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", ""})
		return
	}
	status, text, f := answer(q, body.Bytes())
	if f != nil {
		fail(w, *f)
		return
	}
	if q.action == "lifecycle" { // Terraform waits for it
		w.Header().Set("X-Amz-Transition-Default-Minimum-Object-Size", "all_storage_classes_128K")
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	w.Write([]byte(text))
}

// location is answered to any region: it is how clients find the right one.
func (n *Node) location(q request, _ []byte) (int, string, *fault) {
	region := n.region(q.bucket)
	if region == "us-east-1" { // for historical reasons it is no constraint
		region = ""
	}
	return http.StatusOK, xmlHeader + `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + region + `</LocationConstraint>`, nil
}
