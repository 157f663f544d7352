package simcloud

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

const (
	wh1 = "lamplighter-m-abcde-20261122-1-1-abcde"
	wh2 = "lamplighter-m-abcde-20261122-1-2-abcde"
)

// simulated runs one process against a simulated cloud.
type simulated struct {
	*Simulation
	t   *testing.T
	p   *Proc
	cl  Client
	ctx context.Context
}

func simulate(t *testing.T, opts SimOptions) *simulated {
	s := Simulate(NewSim(start), opts)
	p := s.Sim.NewProc("p1")
	return &simulated{s, t, p, s.Client(p), context.Background()}
}

// as lets a process do something until it is done.
func (s *simulated) as(p *Proc, fn func(cl Client)) {
	s.t.Helper()
	p.Go(func() { fn(s.Client(p)) })
	if !s.Sim.Run(s.Sim.Now().Add(48 * time.Hour)) {
		s.t.Fatal("still running after two days")
	}
}

func (s *simulated) do(fn func()) { s.t.Helper(); s.as(s.p, func(Client) { fn() }) }

func (s *simulated) put(uri, body, match string) error {
	bucket, k, _ := strings.Cut(key(uri), "/")
	in := &awss3.PutObjectInput{Bucket: &bucket, Key: &k, Body: strings.NewReader(body)}
	switch match {
	case "":
	case "*":
		in.IfNoneMatch = ptr("*")
	default:
		in.IfMatch = &match
	}
	_, err := s.cl.S3.PutObject(s.ctx, in)
	return err
}

func (s *simulated) create(id string) error {
	_, err := s.cl.Redshift.CreateCluster(s.ctx, &awsredshift.CreateClusterInput{
		ClusterIdentifier: &id, NodeType: ptr("ra3.large"), NumberOfNodes: ptr(int32(2)), MasterUsername: ptr("lamplighter"), MasterUserPassword: ptr("Secret123"),
	}, once)
	return err
}

func once(o *awsredshift.Options) { o.Retryer = aws.NopRetryer{} }

func (s *simulated) status(id string) string {
	out, err := s.cl.Redshift.DescribeClusters(s.ctx, &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		return code(err)
	}
	return *out.Clusters[0].ClusterStatus
}

func (s *simulated) until(id, want string) {
	for range 1000 {
		if s.status(id) == want {
			return
		}
		s.p.Wait(s.ctx, s.p.Now().Add(5*time.Second), nil)
	}
	s.t.Errorf("%s never became %s", id, want)
}

func (s *simulated) open(cl Client, id string) warehouse.Session {
	for range 1000 {
		session, err := cl.Warehouse.Open(s.ctx, id)
		if err == nil {
			return session
		}
		if c := resources.ClassOf(err); c != resources.Retry && c != resources.Gone {
			s.t.Fatal(err)
		}
		s.p.Wait(s.ctx, s.p.Now().Add(5*time.Second), nil)
	}
	s.t.Fatal("nothing answers")
	return nil
}

// batch seals n objects of a table, placed in S3 with their manifest.
func (s *simulated) batch(table string, n int) warehouse.Batch {
	b := warehouse.Batch{Table: table, Mode: "append", Run: "2026-11-22", Attempt: 1, Step: table}
	for i := range n {
		uri := fmt.Sprintf("s3://events/%s/2026/11/%02d/part.csv", table, i+1)
		s.PutSized(uri, int64(400*(i+1)))
		b.Objects = append(b.Objects, warehouse.Object{URI: uri, ETag: s.store.objects[key(uri)].etag, Size: int64(400 * (i + 1)), Partition: fmt.Sprintf("2026-11-%02d", i+1)})
	}
	b.Manifest = s.manifest(b.Objects)
	b.Rest = func(_ context.Context, rest []warehouse.Object) (string, error) { return s.manifest(rest), nil }
	return b
}

func (s *simulated) manifest(objects []warehouse.Object) string {
	var entries []string
	for _, o := range objects {
		entries = append(entries, `{"url":"`+o.URI+`","mandatory":true}`)
	}
	uri := fmt.Sprintf("s3://b/m/batches/%d-%s", len(objects), strings.ReplaceAll(key(objects[0].URI), "/", "-"))
	s.Put(uri, []byte(`{"entries":[`+strings.Join(entries, ",")+`]}`))
	return uri
}

func sparkInput(name string, reads, writes string) *awsemr.RunJobFlowInput {
	in := runInput(name, "CONTINUE", "recommendations")
	in.Steps[0].HadoopJarStep.Args = []string{
		"timeout", "-k", "60", "2400", "spark-submit", "--deploy-mode", "client", "--conf", "spark.x=y", "s3://b/jobs/als.py",
		"--reads", "ratings=" + reads, "--writes", writes, "--rank", "10",
	}
	return in
}

// night is one night without a controller: create, load, unload beside the
// snapshot, delete, Spark.
func (s *simulated) night() {
	s.must(s.create(wh1))
	s.until(wh1, "available")
	session := s.open(s.cl, wh1)
	loaded, err := session.Load(s.ctx, s.batch("ratings", 3))
	s.must(err)
	if loaded.Rows != 60 || loaded.Objects != 3 || loaded.LoadID != 1 {
		s.t.Errorf("loaded %+v", loaded)
	}
	_, err = session.Script(s.ctx, warehouse.Script{Receipt: warehouse.Receipt{Run: "2026-11-22", Attempt: 1, Step: "view"}})
	s.must(err)
	_, err = s.cl.Redshift.CreateClusterSnapshot(s.ctx, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: ptr(wh1 + "-s"), ClusterIdentifier: ptr(wh1)})
	s.must(err)
	un, err := session.Unload(s.ctx, warehouse.Unload{Query: "select 1", Prefix: "s3://b/m/runs/1/data/rec/1/", Files: warehouse.Files{Format: "parquet"}})
	s.must(err)
	if un.Rows != 60 || len(un.Objects) != 1 {
		s.t.Errorf("unloaded %+v", un)
	}
	s.must(session.Close())
	for s.snapshotStatus() != "available" {
		s.p.Wait(s.ctx, s.p.Now().Add(5*time.Second), nil)
	}
	s.must(s.put("s3://b/m/promoted.json", `{"snapshot":"`+wh1+`-s"}`, "*"))
	_, err = s.cl.Redshift.DeleteCluster(s.ctx, &awsredshift.DeleteClusterInput{ClusterIdentifier: ptr(wh1), SkipFinalClusterSnapshot: ptr(true)})
	s.must(err)
	run, err := s.cl.EMR.RunJobFlow(s.ctx, sparkInput(wh2, un.Prefix, "s3://b/m/runs/1/data/recommendations/1/"))
	s.must(err)
	for {
		out, err := s.cl.EMR.DescribeCluster(s.ctx, &awsemr.DescribeClusterInput{ClusterId: run.JobFlowId})
		if err == nil && strings.HasPrefix(string(out.Cluster.Status.State), "TERMINATED") {
			break
		}
		s.p.Wait(s.ctx, s.p.Now().Add(10*time.Second), nil)
	}
	s.until(wh1, "ClusterNotFound")
}

func (s *simulated) snapshotStatus() string {
	out, err := s.cl.Redshift.DescribeClusterSnapshots(s.ctx, &awsredshift.DescribeClusterSnapshotsInput{SnapshotIdentifier: ptr(wh1 + "-s")})
	if err != nil {
		return code(err)
	}
	return *out.Snapshots[0].Status
}

func (s *simulated) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
}
