package s3node

import (
	"encoding/xml"
	"net/http"
	"slices"
)

// The three configurations of a bucket that versitygw does not have.

// Defaults of a new bucket: encrypted by S3, closed to the public.
// docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
// docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
const (
	defaultEncryption = `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	defaultPublicAccessBlock = `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><BlockPublicAcls>true</BlockPublicAcls>` +
		`<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`
	removed = "removed" // a default that was deleted
)

// kind is one of the configurations.
type kind struct {
	field     func(*bucketSettings) *string
	check     func(text []byte) *fault
	otherwise string // the answer while none was put; "" is none
	none      fault  // the answer when there is none
}

var kinds = map[string]kind{
	"lifecycle": {func(s *bucketSettings) *string { return &s.Lifecycle }, checkLifecycle, "",
		fault{http.StatusNotFound, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", ""}},
	"encryption": {func(s *bucketSettings) *string { return &s.Encryption }, checkEncryption, defaultEncryption, fault{}},
	"publicAccessBlock": {func(s *bucketSettings) *string { return &s.PublicAccessBlock }, checkPublicAccessBlock, defaultPublicAccessBlock,
		fault{http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", ""}},
}

// configuration puts, gets and deletes one.
func (n *Node) configuration(q request, body []byte) (int, string, *fault) {
	k := kinds[q.action]
	var err error
	switch q.method {
	case http.MethodGet:
		s := n.settings.of(q.bucket)
		text := *k.field(&s)
		if text == "" {
			text = k.otherwise
		}
		if text == "" || text == removed {
			return 0, "", &k.none
		}
		return http.StatusOK, text, nil
	case http.MethodPut:
		if f := k.check(body); f != nil {
			return 0, "", f
		}
		err = n.settings.change(q.bucket, func(s *bucketSettings) { *k.field(s) = string(body) })
	case http.MethodDelete:
		err = n.settings.change(q.bucket, func(s *bucketSettings) {
			*k.field(s) = ""
			if k.none.code != "" && k.otherwise != "" {
				*k.field(s) = removed
			}
		})
	default:
		return 0, "", &fault{http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.", ""}
	}
	if err != nil {
		return 0, "", &fault{http.StatusInternalServerError, "InternalError", err.Error(), ""}
	}
	if q.method == http.MethodDelete {
		return http.StatusNoContent, "", nil
	}
	return http.StatusOK, "", nil
}

func malformed(why string) *fault {
	return &fault{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema: " + why, ""}
}

func checkEncryption(text []byte) *fault {
	var c struct {
		XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
		Rules   []struct {
			Algorithm string `xml:"ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
		} `xml:"Rule"`
	}
	switch err := xml.Unmarshal(text, &c); {
	case err != nil:
		return malformed(err.Error())
	case len(c.Rules) != 1:
		return malformed("want one Rule")
	case c.Rules[0].Algorithm != "AES256" && c.Rules[0].Algorithm != "":
		e := notHere("encryption with KMS keys (SSEAlgorithm %s; AES256 is here)", c.Rules[0].Algorithm)
		return &fault{e.HTTPStatusCode, e.Code, e.Description, ""}
	}
	return nil
}

func checkPublicAccessBlock(text []byte) *fault {
	var c struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		Acls    bool     `xml:"BlockPublicAcls"`
		Ignore  bool     `xml:"IgnorePublicAcls"`
		Policy  bool     `xml:"BlockPublicPolicy"`
		Buckets bool     `xml:"RestrictPublicBuckets"`
	}
	if err := xml.Unmarshal(text, &c); err != nil {
		return malformed(err.Error())
	}
	return nil
}

// lifecycle is a lifecycle configuration as far as it is executed.
type lifecycle struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Rules   []lifecycleRule `xml:"Rule"`
}

type lifecycleRule struct {
	ID         string  `xml:"ID"`
	Status     string  `xml:"Status"`
	Prefix     *string `xml:"Prefix"` // of the old form, without Filter
	Filter     *filter `xml:"Filter"`
	Expiration *struct {
		Days   int    `xml:"Days"`
		Date   string `xml:"Date"`
		Marker bool   `xml:"ExpiredObjectDeleteMarker"`
	} `xml:"Expiration"`
	Noncurrent *struct {
		Days  int `xml:"NoncurrentDays"`
		Newer int `xml:"NewerNoncurrentVersions"`
	} `xml:"NoncurrentVersionExpiration"`
	Abort *struct {
		Days int `xml:"DaysAfterInitiation"`
	} `xml:"AbortIncompleteMultipartUpload"`
	Transitions           []struct{} `xml:"Transition"`
	NoncurrentTransitions []struct{} `xml:"NoncurrentVersionTransition"`
}

type filter struct {
	Prefix  string  `xml:"Prefix"`
	Tags    []tag   `xml:"Tag"`
	Larger  *int64  `xml:"ObjectSizeGreaterThan"`
	Smaller *int64  `xml:"ObjectSizeLessThan"`
	And     *filter `xml:"And"`
}

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

func checkLifecycle(text []byte) *fault {
	var c lifecycle
	if err := xml.Unmarshal(text, &c); err != nil {
		return malformed(err.Error())
	}
	if len(c.Rules) == 0 || len(c.Rules) > 1000 {
		return malformed("want 1 to 1000 Rules")
	}
	var ids []string
	for _, r := range c.Rules {
		switch {
		case r.Status != "Enabled" && r.Status != "Disabled":
			return malformed("the Status of rule " + r.ID + " is not Enabled or Disabled")
		case r.Expiration == nil && r.Noncurrent == nil && r.Abort == nil && len(r.Transitions)+len(r.NoncurrentTransitions) == 0:
			return &fault{http.StatusBadRequest, "InvalidRequest", "At least one action needs to be specified in a rule", ""}
		case len(r.Transitions)+len(r.NoncurrentTransitions) > 0:
			e := notHere("storage classes, so lifecycle transitions have nowhere to go (rule %s)", r.ID)
			return &fault{e.HTTPStatusCode, e.Code, e.Description, ""}
		case r.Expiration != nil && r.Expiration.Days < 0 || r.Noncurrent != nil && r.Noncurrent.Days < 0 || r.Abort != nil && r.Abort.Days <= 0:
			return &fault{http.StatusBadRequest, "InvalidArgument", "The days of rule " + r.ID + " must be a positive integer", ""}
		case r.ID != "" && slices.Contains(ids, r.ID):
			return &fault{http.StatusBadRequest, "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule", ""}
		}
		ids = append(ids, r.ID)
	}
	return nil
}
