package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// answer is what the server below says to a request.
type answer struct {
	status int
	header map[string]string
	body   string
}

func failure(code string) string {
	return `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>told so</Message></Error>`
}

// serve makes a Client of the real SDK whose requests are answered in order,
// the last answer for ever, and keeps the requests.
func serve(t *testing.T, answers ...answer) (*s3.Client, *[]*http.Request) {
	var requests []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		a := answers[min(len(requests), len(answers)-1)]
		requests = append(requests, r)
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	api := awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S"}, nil
		}),
		// None of the SDK's waits between its own tries.
		Retryer: impatient{awss3.New(awss3.Options{}).Options().Retryer},
	})
	return &s3.Client{API: api}, &requests
}

type impatient struct{ aws.Retryer }

func (impatient) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

func TestPutConditions(t *testing.T) {
	for _, test := range []struct{ match, ifMatch, ifNone string }{
		{"", "", ""},
		{"*", "", "*"},
		{"abc", `"abc"`, ""},
	} {
		client, requests := serve(t, answer{200, map[string]string{"ETag": `"new"`}, ""})
		etag, err := client.Put(t.Context(), "s3://bucket/a/b.json", []byte("body"), test.match)
		if err != nil || etag != "new" {
			t.Fatalf("match %q: etag %q, %v", test.match, etag, err)
		}
		r := (*requests)[0]
		if got := r.Header.Get("If-Match"); got != test.ifMatch {
			t.Errorf("match %q: If-Match %q", test.match, got)
		}
		if got := r.Header.Get("If-None-Match"); got != test.ifNone {
			t.Errorf("match %q: If-None-Match %q", test.match, got)
		}
		if r.URL.Path != "/bucket/a/b.json" {
			t.Errorf("path %s", r.URL.Path)
		}
	}
}

// TestFaults judges answers. How often the SDK itself asked matters too: a
// conditional write is sent once, or its own success would meet it.
func TestFaults(t *testing.T) {
	get := func(c *s3.Client) error { _, _, err := c.Get(context.Background(), "s3://b/k"); return err }
	head := func(c *s3.Client) error { _, err := c.Head(context.Background(), "s3://b/k"); return err }
	list := func(c *s3.Client) error { _, err := c.List(context.Background(), "s3://b/k", ""); return err }
	remove := func(c *s3.Client) error { return c.Delete(context.Background(), "s3://b/k") }
	put := func(match string) func(*s3.Client) error {
		return func(c *s3.Client) error {
			_, err := c.Put(context.Background(), "s3://b/k", []byte("x"), match)
			return err
		}
	}
	for _, test := range []struct {
		name     string
		call     func(*s3.Client) error
		status   int
		code     string // "": the answer has no body
		want     resources.Class
		wantCode string
		requests int // 0: do not care
	}{
		{"get, absent", get, 404, "NoSuchKey", resources.Gone, "NoSuchKey", 1},
		{"get, no bucket", get, 404, "NoSuchBucket", resources.Permanent, "NoSuchBucket", 1},
		{"get, forbidden", get, 403, "AccessDenied", resources.Denied, "AccessDenied", 1},
		{"get, failure inside", get, 500, "InternalError", resources.Retry, "InternalError", 3},
		{"get, archived", get, 403, "InvalidObjectState", resources.Permanent, "InvalidObjectState", 1},
		{"get, other region", get, 301, "PermanentRedirect", resources.Permanent, "PermanentRedirect", 0},
		{"head, absent", head, 404, "", resources.Gone, "NoSuchKey", 1},
		{"head, forbidden", head, 403, "", resources.Denied, "Forbidden", 1},
		{"list, slow down", list, 503, "SlowDown", resources.Retry, "SlowDown", 3},
		{"put, failure inside", put(""), 500, "InternalError", resources.Unknown, "InternalError", 3},
		{"create, there", put("*"), 412, "PreconditionFailed", resources.Permanent, "PreconditionFailed", 1},
		{"create, conflict", put("*"), 409, "ConditionalRequestConflict", resources.Busy, "ConditionalRequestConflict", 1},
		{"create, failure inside", put("*"), 500, "InternalError", resources.Unknown, "InternalError", 1},
		{"create, slow down", put("*"), 503, "SlowDown", resources.Retry, "SlowDown", 1},
		{"replace, changed", put("e"), 412, "PreconditionFailed", resources.Permanent, "PreconditionFailed", 1},
		{"replace, absent", put("e"), 404, "NoSuchKey", resources.Gone, "NoSuchKey", 1},
		{"replace, failure inside", put("e"), 503, "ServiceUnavailable", resources.Unknown, "ServiceUnavailable", 1},
		{"replace, store without conditions", put("e"), 501, "NotImplemented", resources.Permanent, "NotImplemented", 1},
		{"delete, absent", remove, 404, "NoSuchKey", resources.OK, "", 1},
		{"delete, forbidden", remove, 403, "AccessDenied", resources.Denied, "AccessDenied", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := ""
			if test.code != "" {
				body = failure(test.code)
			}
			client, requests := serve(t, answer{test.status, nil, body})
			err := test.call(client)
			if got := resources.ClassOf(err); got != test.want {
				t.Errorf("%v: %s, want %s", err, got, test.want)
			}
			if got := resources.CodeOf(err); got != test.wantCode {
				t.Errorf("%v: code %q, want %q", err, got, test.wantCode)
			}
			if err != nil && !strings.Contains(err.Error(), "s3://b/k") {
				t.Errorf("%q does not say where", err)
			}
			if test.requests != 0 && len(*requests) != test.requests {
				t.Errorf("%d requests, want %d", len(*requests), test.requests)
			}
		})
	}
}

func TestHeadForbiddenNamesTheMend(t *testing.T) {
	client, _ := serve(t, answer{403, nil, ""})
	_, err := client.Head(t.Context(), "s3://b/k")
	if hint := resources.HintOf(err); !strings.Contains(hint, "s3:ListBucket") {
		t.Errorf("hint %q", hint)
	}
}

// A listing that is refused says what is missing, where.
func TestListRefusedNamesTheMend(t *testing.T) {
	region := map[string]string{"X-Amz-Bucket-Region": "eu-west-1"}
	for _, c := range []struct {
		answer    answer
		msg, hint string
	}{
		{answer{403, nil, failure("AccessDenied")}, "told so", "allow s3:ListBucket on the bucket b, and"},
		{answer{404, nil, failure("NoSuchBucket")}, "there is no bucket b", "correct the bucket's name"},
		{answer{301, region, failure("PermanentRedirect")}, "the bucket b is in eu-west-1, not in the environment's region", "another region"},
		{answer{400, region, failure("AuthorizationHeaderMalformed")}, "the bucket b is in eu-west-1", "another region"},
		{answer{301, nil, failure("PermanentRedirect")}, "told so", "another region"},
	} {
		client, _ := serve(t, c.answer)
		_, err := client.List(t.Context(), "s3://b/k", "")
		if err == nil || !strings.Contains(err.Error(), c.msg) || !strings.Contains(resources.HintOf(err), c.hint) || resources.ClassOf(err) == resources.Retry {
			t.Errorf("%+v: got %v (%s), hint %q", c.answer, err, resources.ClassOf(err), resources.HintOf(err))
		}
	}
}

// TestCutBody: an answer that ends too early is not the object.
func TestCutBody(t *testing.T) {
	client, _ := serve(t, answer{200, map[string]string{"Content-Length": "10", "ETag": `"e"`}, "short"})
	body, _, err := client.Get(t.Context(), "s3://b/k")
	if err == nil || body != nil {
		t.Fatalf("read %q", body)
	}
	if got := resources.ClassOf(err); got != resources.Retry {
		t.Errorf("%v: %s", err, got)
	}
}

func TestListAllPages(t *testing.T) {
	page := func(next string, keys ...string) answer {
		var b strings.Builder
		b.WriteString(`<?xml version="1.0"?><ListBucketResult>`)
		for _, k := range keys {
			fmt.Fprintf(&b, `<Contents><Key>%s</Key><Size>7</Size><ETag>"e-%s"</ETag><LastModified>2026-11-22T01:00:00Z</LastModified></Contents>`, k, k)
		}
		fmt.Fprintf(&b, `<IsTruncated>%v</IsTruncated>`, next != "")
		if next != "" {
			fmt.Fprintf(&b, `<NextContinuationToken>%s</NextContinuationToken>`, next)
		}
		b.WriteString(`</ListBucketResult>`)
		return answer{200, nil, b.String()}
	}
	client, requests := serve(t, page("token 1", "p/a", "p/b &amp; c"), page("token 2", "p/d"), page("", "p/e"))
	infos, err := client.List(t.Context(), "s3://bucket/p/", "p/0")
	if err != nil {
		t.Fatal(err)
	}
	var uris []string
	for _, i := range infos {
		uris = append(uris, i.URI)
	}
	if want := []string{"s3://bucket/p/a", "s3://bucket/p/b & c", "s3://bucket/p/d", "s3://bucket/p/e"}; !slices.Equal(uris, want) {
		t.Errorf("%q", uris)
	}
	first := infos[0]
	if first.Size != 7 || first.ETag != "e-p/a" || !first.Modified.Equal(time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", first)
	}
	for i, want := range []string{"", "token 1", "token 2"} {
		q := (*requests)[i].URL.Query()
		if q.Get("continuation-token") != want || q.Get("prefix") != "p/" || q.Get("start-after") != "p/0" {
			t.Errorf("request %d: %v", i, q)
		}
	}
}

// pool is an S3 that counts how many requests it has at once.
type pool struct {
	s3.API
	now, most atomic.Int32
	gate      chan struct{} // nil: no request waits
	fail      string
	deadline  atomic.Bool
}

func (p *pool) GetObject(ctx context.Context, in *awss3.GetObjectInput, _ ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	n := p.now.Add(1)
	defer p.now.Add(-1)
	for most := p.most.Load(); n > most && !p.most.CompareAndSwap(most, n); most = p.most.Load() {
	}
	if _, ok := ctx.Deadline(); ok {
		p.deadline.Store(true)
	}
	if p.gate != nil {
		select {
		case p.gate <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if *in.Key == p.fail {
		return nil, errors.New("broken")
	}
	return &awss3.GetObjectOutput{Body: io.NopCloser(strings.NewReader("body of " + *in.Key))}, nil
}

func many(n int) (uris []string) {
	for i := range n {
		uris = append(uris, fmt.Sprintf("s3://b/%03d", i))
	}
	return uris
}

func TestGetAllKeepsOrder(t *testing.T) {
	for _, parallel := range []int{0, 1, 2, 16, 1000} {
		p := &pool{}
		bodies, err := (&s3.Client{API: p, Parallel: parallel}).GetAll(t.Context(), many(100))
		if err != nil || len(bodies) != 100 {
			t.Fatalf("parallel %d: %d bodies, %v", parallel, len(bodies), err)
		}
		for i, body := range bodies {
			if want := fmt.Sprintf("body of %03d", i); string(body) != want {
				t.Errorf("parallel %d: %d is %q", parallel, i, body)
			}
		}
		if most := p.most.Load(); int(most) > max(parallel, 1) {
			t.Errorf("parallel %d: %d at once", parallel, most)
		}
	}
}

func TestGetAllIsParallel(t *testing.T) {
	p := &pool{gate: make(chan struct{})}
	var done sync.WaitGroup
	done.Go(func() { _, _ = (&s3.Client{API: p, Parallel: 4}).GetAll(t.Context(), many(8)) })
	for p.now.Load() < 4 { // all four wait at the gate: else this never ends
		runtime.Gosched()
	}
	for range 8 {
		<-p.gate
	}
	done.Wait()
}

func TestGetAllTellsTheRealError(t *testing.T) {
	for _, parallel := range []int{1, 8} {
		p := &pool{fail: "050"}
		bodies, err := (&s3.Client{API: p, Parallel: parallel}).GetAll(t.Context(), many(100))
		if err == nil || !strings.Contains(err.Error(), "s3://b/050") || !strings.Contains(err.Error(), "broken") {
			t.Errorf("parallel %d: %v", parallel, err)
		}
		if bodies != nil {
			t.Errorf("parallel %d: bodies beside an error", parallel)
		}
	}
}

func TestGetAllCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &pool{gate: make(chan struct{})}
	_, err := (&s3.Client{API: p, Parallel: 4}).GetAll(ctx, many(8))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestTimeoutBoundsEachRequest(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		p := &pool{}
		_, _, err := (&s3.Client{API: p, Timeout: timeout}).Get(context.Background(), "s3://b/k")
		if err != nil || p.deadline.Load() != (timeout > 0) {
			t.Errorf("timeout %v: deadline %v, %v", timeout, p.deadline.Load(), err)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		uri, bucket, key string
		ok               bool
	}{
		{"s3://bucket/a/b", "bucket", "a/b", true},
		{"s3://bucket/", "bucket", "", true},
		{"s3://bucket", "bucket", "", true},
		{"s3://bucket//a", "bucket", "/a", true},
		{"s3://bucket/a%20b?c#d e", "bucket", "a%20b?c#d e", true},
		{"s3:///a", "", "", false},
		{"s3://", "", "", false},
		{"https://bucket/a", "", "", false},
		{"bucket/a", "", "", false},
		{"", "", "", false},
	} {
		bucket, key, err := s3.Split(test.uri)
		if bucket != test.bucket || key != test.key || (err == nil) != test.ok {
			t.Errorf("%q: %q %q %v", test.uri, bucket, key, err)
		}
		if !test.ok && resources.HintOf(err) == "" {
			t.Errorf("%q: no hint", test.uri)
		}
	}
}

func FuzzSplitJoin(f *testing.F) {
	f.Add("bucket", "a/b")
	f.Add("b", "")
	f.Fuzz(func(t *testing.T, bucket, key string) {
		if bucket == "" || strings.Contains(bucket, "/") {
			t.Skip()
		}
		b, k, err := s3.Split(s3.Join(bucket, key))
		if err != nil || b != bucket || k != key {
			t.Errorf("%q %q became %q %q (%v)", bucket, key, b, k, err)
		}
	})
}

func TestWrongURIsReachNoStore(t *testing.T) {
	client := &s3.Client{} // a request would panic
	_, _, get := client.Get(t.Context(), "x")
	_, put := client.Put(t.Context(), "x", nil, "")
	_, head := client.Head(t.Context(), "x")
	_, list := client.List(t.Context(), "x", "")
	for what, err := range map[string]error{"get": get, "put": put, "head": head, "list": list, "delete": client.Delete(t.Context(), "x")} {
		if resources.ClassOf(err) != resources.Permanent {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestPatience: reads that fail in passing are asked again, all else is not.
func TestPatience(t *testing.T) {
	busy, gone := answer{503, nil, failure("SlowDown")}, answer{404, nil, failure("NoSuchKey")}
	there := answer{200, map[string]string{"ETag": `"e"`}, "body"}
	for _, test := range []struct {
		name    string
		answers []answer // the SDK itself asks three times before each wait
		waits   int
		want    resources.Class
	}{
		{"there", []answer{there}, 0, resources.OK},
		{"absent", []answer{gone}, 0, resources.Gone},
		{"busy for a while", []answer{busy, busy, busy, busy, busy, busy, there}, 2, resources.OK},
		{"busy for ever", []answer{busy}, 5, resources.Retry},
	} {
		client, _ := serve(t, test.answers...)
		var waits []time.Duration
		client.Wait = func(_ context.Context, d time.Duration) { waits = append(waits, d) }
		_, _, err := client.Get(t.Context(), "s3://b/k")
		if resources.ClassOf(err) != test.want || len(waits) != test.waits || !slices.IsSorted(waits) {
			t.Errorf("%s: %v after waits of %v", test.name, err, waits)
		}
	}
}
