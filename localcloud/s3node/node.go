// Package s3node serves S3 for the embedded cloud: versitygw over files, in
// child processes of the same binary, behind a front that adds what versitygw
// has not and refuses by name what neither has.
//
// They are processes of their own because versitygw changes the working
// directory, exists once per process and knows one region, and must not take
// the rest of the cloud down. Children end when their parent ends, and are
// started again when they die. There is one for the cloud's own region, and
// one more for each other region that a bucket was made in.
package s3node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"lamplighter/resources/simcloud/wire"
)

// Config of a Node.
type Config struct {
	Dir         string   // where objects are kept; absolute
	Region      string   // of buckets that ask for none
	Key, Secret string   // the one account's access key
	Limit       int64    // bytes that objects may take on disk; 0 is no limit
	Command     []string // starts a process that calls Serve with its standard streams
	Logger      *slog.Logger
}

// Node is a running S3 server: an http.Handler.
type Node struct {
	config   Config
	proxy    *httputil.ReverseProxy
	settings settings
	disk     disk

	mu      sync.Mutex
	regions map[string]*process
}

// Start starts the child of the cloud's own region and returns when it
// listens.
func Start(ctx context.Context, c Config) (*Node, error) {
	n := &Node{config: c, settings: settings{dir: c.Dir}, disk: disk{dir: c.Dir, limit: c.Limit}, regions: map[string]*process{}}
	n.proxy = &httputil.ReverseProxy{
		Rewrite: rewrite,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     10 * time.Second,
			DisableCompression:  true, // the client's Accept-Encoding may be signed
		},
		ModifyResponse: n.answered,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c.Logger.Warn("s3: request not passed on", "error", err)
			fail(w, unavailable)
		},
	}
	if _, err := n.process(ctx, c.Region); err != nil {
		return nil, err
	}
	return n, nil
}

// Close ends the children.
func (n *Node) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.regions {
		p.close()
	}
}

// regionName is the shape of AWS's regions.
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// mostRegions bounds the children that are started.
const mostRegions = 8

// process is the child of a region, started if it is not there.
func (n *Node) process(ctx context.Context, region string) (*process, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.regions[region]; p != nil {
		return p, nil
	}
	if !regionName.MatchString(region) || len(n.regions) == mostRegions {
		return nil, fmt.Errorf("region %q is not served: it is none, or buckets of %d others are", region, mostRegions)
	}
	p, err := launch(ctx, n.config, region)
	if err == nil {
		n.regions[region] = p
	}
	return p, err
}

// rewrite changes nothing but where the request goes: host, path and query
// stay as they were signed.
func rewrite(r *httputil.ProxyRequest) {
	target := r.In.Context().Value(targetKey{}).(*url.URL)
	r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = r.In.Host
	r.Out.Header.Del("Expect") // answered by this server already
}

type targetKey struct{}

// ServeHTTP answers what the front has itself and passes all else on to the
// child of the request's region.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 && r.Header.Get("Expect") == "100-continue" {
		// Go answers such a request without a 100 and keeps the connection,
		// on which botocore would then misread the next answer.
		w.WriteHeader(http.StatusContinue)
	}
	if key := wire.AccessKey(r); key != "" && key != n.config.Key { // versitygw answers 404 and a code of its own
		fail(w, fault{http.StatusForbidden, "InvalidAccessKeyId", "The AWS access key ID you provided does not exist in our records.", ""})
		return
	}
	q := requestOf(r)
	if f := n.refuse(q, r); f != nil {
		fail(w, *f)
		return
	}
	if answer := n.own(q); answer != nil {
		n.serveOwn(w, r, q, answer)
		return
	}
	if !n.abroad(w, r, q) {
		n.pass(w, r)
	}
}

// pass passes a request on. While the child is being started again it waits a
// few seconds, then answers 503, which SDKs retry.
func (n *Node) pass(w http.ResponseWriter, r *http.Request) {
	region := wire.Region(r)
	if region == "" { // not signed: versitygw refuses it
		region = n.config.Region
	}
	p, err := n.process(r.Context(), region)
	if err != nil {
		fail(w, fault{http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; the " + err.Error() + ".", n.config.Region})
		return
	}
	target := p.wait(r.Context(), 10*time.Second)
	if target == nil {
		fail(w, unavailable)
		return
	}
	n.proxy.ServeHTTP(lowerMeta{w}, r.WithContext(context.WithValue(r.Context(), targetKey{}, target)))
}

var unavailable = fault{http.StatusServiceUnavailable, "ServiceUnavailable", "The S3 process is being started again. Please try again.", ""}

// answered completes a child's answer.
func (n *Node) answered(response *http.Response) error {
	q := requestOf(response.Request)
	done := response.StatusCode < 300
	switch {
	case q.key != "" && done && q.action == "" && q.method != http.MethodDelete:
		// Everything in S3 is encrypted by default since 2023.
		// docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
		response.Header.Set("X-Amz-Server-Side-Encryption", "AES256")
	case q.bucket == "" || q.key != "" || q.action != "" || !done:
	case q.method == http.MethodPut:
		return n.settings.change(q.bucket, func(s *bucketSettings) { *s = bucketSettings{Region: wire.Region(response.Request)} })
	case q.method == http.MethodDelete:
		return n.settings.drop(q.bucket)
	case q.method == http.MethodHead:
		response.Header.Set("X-Amz-Bucket-Region", n.region(q.bucket))
	}
	return nil
}

// lowerMeta writes the names of users' metadata in small letters, as S3 does:
// Go would begin each word with a capital, and boto3 hands names on as they
// come.
type lowerMeta struct{ http.ResponseWriter }

func (w lowerMeta) WriteHeader(status int) {
	header := w.Header()
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			delete(header, name)
			header[strings.ToLower(name)] = values
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w lowerMeta) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// region is where a bucket is.
func (n *Node) region(bucket string) string {
	if region := n.settings.of(bucket).Region; region != "" {
		return region
	}
	return n.config.Region
}

// fault is an error as S3 answers it.
type fault struct {
	status  int
	code    string
	message string
	region  string // the right one; "" says none
}

func fail(w http.ResponseWriter, f fault) {
	w.Header().Set("Content-Type", "application/xml")
	if f.region != "" {
		w.Header().Set("X-Amz-Bucket-Region", f.region)
	}
	w.WriteHeader(f.status)
	text := fmt.Sprintf("<Code>%s</Code><Message>%s</Message>", f.code, escaped(f.message))
	if f.region != "" {
		text += "<Region>" + escaped(f.region) + "</Region>"
	}
	io.WriteString(w, xmlHeader+"<Error>"+text+"</Error>")
}
