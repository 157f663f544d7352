package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"

	"lamplighter/controller/journal/s3/conformance"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/simcloud/wire"
)

const (
	testAccount = "123456789012"
	testBucket  = "test-lamplighter"
	testKey     = "TESTKEY"
	testSecret  = "test-secret"
)

// testCloud is the control planes of the simulated cloud on real time, behind
// the AWS protocols, with an S3 in memory beside them.
type testCloud struct {
	*httptest.Server
	world   *wallWorld
	cloud   *simcloud.Cloud
	objects *conformance.Memory
	running sync.Map      // Spark steps that were started, by name
	slow    chan struct{} // closed when slow steps may end
	refuses atomic.Pointer[refusal]
}

// refusal is what a cloud answers to everything, or to one service.
type refusal struct{ code, message, service string }

// refuse answers a request with the refusal, in its service's own form.
func (f refusal) refuse(w http.ResponseWriter, service string) {
	status := map[string]int{"PermanentRedirect": http.StatusMovedPermanently, "NoSuchBucket": http.StatusNotFound, "RequestTimeTooSkewed": http.StatusForbidden}[f.code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
	w.Header().Set("X-Amzn-Errortype", f.code)
	form := "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"
	switch service {
	case "s3":
		form = "<Error><Code>%s</Code><Message>%s</Message></Error>"
	case "elasticmapreduce", "scheduler":
		form = `{"__type":%q,"message":%q}`
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, form, f.code, f.message)
}

// refuse makes the cloud refuse from now on what a service is asked, or all.
func refuse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: refuse CODE MESSAGE [SERVICE]")
	}
	f := refusal{code: args[0], message: args[1]}
	if len(args) == 3 {
		f.service = args[2]
	}
	cloudOf(ts).refuses.Store(&f)
}

func newTestCloud(account string) *testCloud {
	c := &testCloud{world: newWallWorld(), objects: &conformance.Memory{}, slow: make(chan struct{})}
	c.world.Lock()
	c.cloud = simcloud.New(c.world, simcloud.Options{Account: account, Pace: simcloud.FixedPace(20 * time.Millisecond), Planes: simcloud.Planes{Spark: sparkWriter{c}}}, nil)
	c.world.Unlock()
	planes := wire.New(wire.Backend{Redshift: c.cloud.Redshift(), EMR: c.cloud.EMR(), Scheduler: c.cloud.Scheduler(), STS: c.cloud.STS()},
		wire.Options{Keys: map[string]string{testKey: testSecret}, Lock: c.world, Now: time.Now})
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := c.refuses.Load(); f != nil && (f.service == "" || f.service == wire.Scope(r)) {
			f.refuse(w, wire.Scope(r))
			return
		}
		if wire.Scope(r) != "s3" {
			planes.ServeHTTP(w, r)
			return
		}
		serveObjects(c.objects, w, r)
	}))
	return c
}

func (c *testCloud) close() {
	c.Server.Close()
	c.world.close()
}

func (c *testCloud) put(key string, body []byte) error {
	_, err := c.objects.PutObject(context.Background(), &awss3.PutObjectInput{Bucket: aws.String(testBucket), Key: &key, Body: bytes.NewReader(body)})
	return err
}

// sparkWriter is a data plane where every job writes one file and its metrics.
// A step called broken fails, and one called slow waits to be released.
type sparkWriter struct{ c *testCloud }

func (s sparkWriter) Start(_ simcloud.FlowSpec, step simcloud.StepSpec, done func(int, string, string)) func() {
	s.c.running.Store(step.Name, true)
	cancelled := make(chan struct{})
	go func() {
		switch step.Name {
		case "broken":
			done(1, "it is broken", "")
			return
		case "slow":
			select {
			case <-s.c.slow:
			case <-cancelled:
				done(143, "cancelled", "")
				return
			}
		}
		if err := s.write(step.Args); err != nil {
			done(1, err.Error(), "")
			return
		}
		done(0, "", "")
	}()
	return sync.OnceFunc(func() { close(cancelled) })
}

// write leaves behind what a job does.
func (s sparkWriter) write(args []string) error {
	at := slices.Index(args, "--writes")
	if at < 0 || at+1 == len(args) {
		return errors.New("no --writes")
	}
	prefix := strings.TrimPrefix(args[at+1], "s3://"+testBucket+"/")
	for name, body := range map[string]string{"part-00000.snappy.parquet": "PAR1", "metrics.json": `{"rows":7}`, "_SUCCESS": ""} {
		if err := s.c.put(prefix+name, []byte(body)); err != nil {
			return err
		}
	}
	return nil
}

// release lets slow steps end.
func release(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: release")
	}
	close(cloudOf(ts).slow)
}

// startCloud starts a cloud for a script and writes its environment.
func startCloud(ts *testscript.TestScript, neg bool, args []string) {
	account := testAccount
	if neg || len(args) > 1 {
		ts.Fatalf("usage: cloud [ACCOUNT]")
	}
	if len(args) == 1 {
		account = args[0]
	}
	c := newTestCloud(account)
	ts.Defer(c.close)
	clouds.Store(ts.Name(), c)
	ts.Check(os.MkdirAll(ts.MkAbs("environments"), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs("environments/credentials"), fmt.Appendf(nil, "[test]\naws_access_key_id = %s\naws_secret_access_key = %s\n", testKey, testSecret), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("environments/test.yaml"), fmt.Appendf(nil, `account: %q
region: us-east-1
bucket: %s
logs: s3://%[2]s/logs/
database: dev
endpoint_url: %s
credentials: {file: credentials, profile: test}
roles:
  warehouse: arn:aws:iam::%[1]s:role/w
  spark_service: arn:aws:iam::%[1]s:role/s
  spark_instance_profile: arn:aws:iam::%[1]s:instance-profile/p
  kill_switch: arn:aws:iam::%[1]s:role/k
timing: {grace: 1s, poll: 50ms}
`, testAccount, testBucket, c.URL), 0o644))
}

var clouds sync.Map // by the script's name

func cloudOf(ts *testscript.TestScript) *testCloud {
	c, ok := clouds.Load(ts.Name())
	if !ok {
		ts.Fatalf("no cloud was started")
	}
	return c.(*testCloud)
}

// launch makes an EMR cluster that bears the name of the script's pipeline.
func launch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: launch")
	}
	c := cloudOf(ts)
	name := resources.Name{Pipeline: "jobs", Hash: resources.Lineage(testAccount, "us-east-1", testBucket, "jobs"), Run: "20261122", Attempt: 1, N: 1, Stop: time.Now().Add(time.Hour)}
	c.world.Lock()
	defer c.world.Unlock()
	_, err := c.cloud.EMR().RunJobFlow(context.Background(), &awsemr.RunJobFlowInput{
		Name: aws.String(name.String()), ReleaseLabel: aws.String("emr-7.10.0"), ServiceRole: aws.String("s"), JobFlowRole: aws.String("p"),
		Instances: &emrtypes.JobFlowInstancesConfig{KeepJobFlowAliveWhenNoSteps: aws.Bool(true), InstanceFleets: []emrtypes.InstanceFleetConfig{{
			InstanceFleetType: emrtypes.InstanceFleetTypeMaster, TargetOnDemandCapacity: aws.Int32(1),
			InstanceTypeConfigs: []emrtypes.InstanceTypeConfig{{InstanceType: aws.String("m6g.xlarge")}},
		}}},
	})
	ts.Check(err)
}

// serveObjects is as much of the S3 protocol as lamplighter speaks.
func serveObjects(api *conformance.Memory, w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	header := func(name string) *string {
		if v := r.Header.Get(name); v != "" {
			return &v
		}
		return nil
	}
	var err error
	switch {
	case r.Method == http.MethodGet && key == "":
		err = list(api, w, r, bucket)
	case r.Method == http.MethodGet:
		var out *awss3.GetObjectOutput
		if out, err = api.GetObject(r.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key}); err == nil {
			w.Header().Set("ETag", *out.ETag)
			_, _ = io.Copy(w, out.Body)
		}
	case r.Method == http.MethodHead:
		var out *awss3.HeadObjectOutput
		if out, err = api.HeadObject(r.Context(), &awss3.HeadObjectInput{Bucket: &bucket, Key: &key}); err == nil {
			w.Header().Set("ETag", *out.ETag)
			w.Header().Set("Content-Length", fmt.Sprint(*out.ContentLength))
		}
	case r.Method == http.MethodPut:
		var out *awss3.PutObjectOutput
		if out, err = api.PutObject(r.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: r.Body, IfMatch: header("If-Match"), IfNoneMatch: header("If-None-Match")}); err == nil {
			w.Header().Set("ETag", *out.ETag)
		}
	case r.Method == http.MethodDelete:
		_, err = api.DeleteObject(r.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	}
	if err != nil {
		refuseObject(w, err)
	}
}

func refuseObject(w http.ResponseWriter, err error) {
	code := "InternalError"
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	status := map[string]int{"NoSuchKey": 404, "NotFound": 404, "PreconditionFailed": 412}[code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func list(api *conformance.Memory, w http.ResponseWriter, r *http.Request, bucket string) error {
	q := r.URL.Query()
	in := &awss3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(q.Get("prefix")), StartAfter: aws.String(q.Get("start-after"))}
	if token := q.Get("continuation-token"); token != "" {
		in.ContinuationToken = &token
	}
	out, err := api.ListObjectsV2(r.Context(), in)
	if err != nil {
		return err
	}
	type object struct {
		Key, ETag string
		Size      int64
	}
	answer := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []object
	}{IsTruncated: aws.ToBool(out.IsTruncated), NextContinuationToken: aws.ToString(out.NextContinuationToken)}
	for _, o := range out.Contents {
		answer.Contents = append(answer.Contents, object{*o.Key, *o.ETag, *o.Size})
	}
	w.Header().Set("Content-Type", "application/xml")
	return xml.NewEncoder(w).Encode(answer)
}

// wallWorld is simcloud.World on the wall clock: timers run one after the
// other, under one lock.
type wallWorld struct {
	sync.Mutex
	timers chan timer
	closed chan struct{}
	ended  chan struct{}
}

type timer struct {
	at time.Time
	fn func()
}

func newWallWorld() *wallWorld {
	w := &wallWorld{timers: make(chan timer, 1024), closed: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

func (w *wallWorld) Now() time.Time { return time.Now().UTC() }

func (w *wallWorld) At(t time.Time, fn func()) { w.timers <- timer{t, fn} }

func (w *wallWorld) run() {
	defer close(w.ended)
	var queue []timer
	for {
		wait := time.Hour
		if len(queue) > 0 {
			wait = time.Until(queue[0].at)
		}
		select {
		case t := <-w.timers:
			queue = append(queue, t)
			slices.SortStableFunc(queue, func(a, b timer) int { return a.at.Compare(b.at) })
		case <-w.closed:
			return
		case <-time.After(wait):
			next := queue[0]
			queue = queue[1:]
			w.Lock()
			next.fn()
			w.Unlock()
		}
	}
}

func (w *wallWorld) close() {
	close(w.closed)
	<-w.ended
}
