package simcloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources/warehouse"
)

func TestMutationsAreRefusedLostOrLate(t *testing.T) {
	tests := []struct {
		name   string
		faults Faults
		code   string // of the error; "" for a time-out
		at     string // the cluster when the error came
		later  string // and ten minutes later
	}{
		{"refused", Faults{Refuse: 1}, "Throttling", "gone", "gone"},
		{"lost", Faults{Lost: 1}, "", "creating", "available"},
		{"late", Faults{Late: 1}, "", "", "available"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := simulate(t, SimOptions{Seed: 3, Faults: test.faults})
			s.do(func() {
				err := s.create(wh1)
				if got := code(err); test.code != "" && got != test.code || test.code == "" && !strings.Contains(got, "i/o timeout") {
					t.Errorf("error %v", err)
				}
				if test.code == "" && s.Sim.Now().Sub(start) < 30*time.Second {
					t.Errorf("gave up after %v", s.Sim.Now().Sub(start))
				}
				state := "gone"
				if x := s.cluster(wh1); x != nil {
					state = x.Status
				}
				if test.at != "" && state != test.at {
					t.Errorf("then the cluster was %s, want %s", state, test.at)
				}
			})
			s.Sim.Drain(s.Sim.Now().Add(10 * time.Minute))
			state := "gone"
			if x := s.cluster(wh1); x != nil {
				state = x.Status
			}
			if state != test.later {
				t.Errorf("later the cluster was %s, want %s", state, test.later)
			}
		})
	}
}

func TestARetryingClientLaunchesTwice(t *testing.T) {
	for _, retries := range []bool{false, true} {
		s := simulate(t, SimOptions{Seed: 3, Faults: Faults{Lost: 1}})
		s.do(func() {
			_, err := s.cl.EMR.RunJobFlow(s.ctx, sparkInput(wh2, "s3://b/x/", "s3://b/y/"), func(o *awsemr.Options) {
				if !retries {
					o.Retryer = aws.NopRetryer{}
				}
			})
			if (err == nil) != retries {
				t.Errorf("retries %v: %v", retries, err)
			}
		})
		if n := len(s.State().Flows); n != map[bool]int{false: 1, true: 2}[retries] {
			t.Errorf("retries %v: %d clusters", retries, n)
		}
	}
}

func TestALostPut(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 3, Faults: Faults{LostPut: 1}})
	s.do(func() {
		if err := s.put("s3://b/k", "mine", "*"); code(err) != "PreconditionFailed" {
			t.Errorf("the SDK's retry of an own success says %v", err)
		}
		_, err := s.cl.S3.PutObject(s.ctx, &awss3.PutObjectInput{Bucket: ptr("b"), Key: ptr("l"), Body: strings.NewReader("x"), IfNoneMatch: ptr("*")},
			func(o *awss3.Options) { o.Retryer = aws.NopRetryer{} })
		if err == nil || !strings.Contains(err.Error(), "i/o timeout") {
			t.Errorf("without retries: %v", err)
		}
	})
	for _, uri := range []string{"s3://b/k", "s3://b/l"} {
		if _, ok := s.Object(uri); !ok {
			t.Errorf("%s is not there", uri)
		}
	}
}

func TestALatePut(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 3, Faults: Faults{LatePut: 1, LateBy: time.Hour}})
	s.do(func() {
		if err := s.put("s3://b/k", "1", "*"); err == nil {
			t.Error("a late put was answered")
		}
	})
	if _, ok := s.Object("s3://b/k"); ok {
		t.Error("there already")
	}
	s.Put("s3://b/k", []byte("theirs"))
	s.Sim.Drain(s.Sim.Now().Add(time.Hour))
	if b, _ := s.Object("s3://b/k"); string(b) != "theirs" {
		t.Errorf("a late conditional put wrote %q over another", b)
	}
}

func TestAConflict(t *testing.T) {
	s := simulate(t, SimOptions{Faults: Faults{Conflict: 1}})
	s.do(func() {
		if err := s.put("s3://b/k", "1", "*"); code(err) != "ConditionalRequestConflict" {
			t.Error(err)
		}
		s.must(s.put("s3://b/k", "1", ""))
	})
}

func TestReadsLagAndFlap(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1, Faults: Faults{Lag: 30 * time.Second}})
	var seen []string
	s.do(func() {
		s.must(s.create(wh1))
		s.until(wh1, "available")
		_, err := s.cl.Redshift.DeleteCluster(s.ctx, &awsredshift.DeleteClusterInput{ClusterIdentifier: ptr(wh1), SkipFinalClusterSnapshot: ptr(true)})
		s.must(err)
		for range 40 {
			seen = append(seen, s.status(wh1))
			s.p.Wait(s.ctx, s.p.Now().Add(500*time.Millisecond), nil)
		}
	})
	i := slices.Index(seen, "deleting")
	if i < 0 || !slices.Contains(seen[:i+1], "deleting") || !slices.Contains(seen[i:], "available") {
		t.Errorf("reads neither lag nor flap: %v", seen)
	}
	absent := false
	s.do(func() {
		_, err := s.cl.EMR.RunJobFlow(s.ctx, sparkInput(wh2, "s3://b/x/", "s3://b/y/"))
		s.must(err)
		for range 20 {
			out, err := s.cl.EMR.ListClusters(s.ctx, &awsemr.ListClustersInput{})
			s.must(err)
			absent = absent || len(out.Clusters) == 0
		}
	})
	if !absent {
		t.Error("a fresh cluster is always listed at once")
	}
}

func TestSparkSteps(t *testing.T) {
	run := func(opts SimOptions, in *awsemr.RunJobFlowInput) (*simulated, *Flow) {
		opts.Seed = 1
		s := simulate(t, opts)
		s.Put("s3://b/in/part-1.parquet", []byte("one"))
		s.Put("s3://b/in/manifest", []byte("not a part"))
		s.do(func() {
			_, err := s.cl.EMR.RunJobFlow(s.ctx, in)
			s.must(err)
		})
		s.Sim.Drain(s.Sim.Now().Add(2 * time.Hour))
		return s, s.State().Flows[0]
	}
	good := func() *awsemr.RunJobFlowInput { return sparkInput(wh2, "s3://b/in/", "s3://b/out/") }
	limited := good()
	limited.Steps[0].HadoopJarStep.Args[3] = "1"
	tests := []struct {
		name   string
		opts   SimOptions
		in     *awsemr.RunJobFlowInput
		status string
		exit   int
		files  int
	}{
		{"good", SimOptions{}, good(), "COMPLETED", 0, 3},
		{"folders", SimOptions{Folders: map[string][]string{"recommendations": {"a", "b"}}}, good(), "COMPLETED", 0, 5},
		{"nothing to read", SimOptions{}, sparkInput(wh2, "s3://b/none/", "s3://b/out/"), "FAILED", 1, 0},
		{"too slow", SimOptions{}, limited, "FAILED", 124, 1},
		{"bad luck", SimOptions{Faults: Faults{SparkFail: 1}}, good(), "FAILED", 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, f := run(test.opts, test.in)
			if step := f.Steps[0]; step.Status != test.status || step.Exit != test.exit {
				t.Errorf("step %+v", step)
			}
			if f.Status != "TERMINATED" || f.Code != "ALL_STEPS_COMPLETED" {
				t.Errorf("flow %s %s", f.Status, f.Code)
			}
			if got := s.Objects("s3://b/out/"); len(got) != test.files {
				t.Errorf("wrote %v", got)
			}
		})
	}
	s, _ := run(SimOptions{}, good())
	if b, _ := s.Object("s3://b/out/part-00000.snappy.parquet"); string(b) != "als(one)" {
		t.Errorf("wrote %q", b)
	}
	if b, _ := s.Object("s3://b/out/metrics.json"); string(b) != `{"rows":100,"rmse":0.88}` {
		t.Errorf("metrics %q", b)
	}
}

// TestRulesAreWatched breaks each rule once.
func TestRulesAreWatched(t *testing.T) {
	snapshot := func(s *simulated) {
		s.must(s.create(wh1))
		s.until(wh1, "available")
		_, err := s.cl.Redshift.CreateClusterSnapshot(s.ctx, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: ptr(wh1 + "-s"), ClusterIdentifier: ptr(wh1)})
		s.must(err)
	}
	promote := func(s *simulated) { s.must(s.put("s3://b/m/promoted.json", `{"snapshot":"`+wh1+`-s"}`, "")) }
	tests := []struct {
		rule string
		do   func(*simulated)
	}{
		{RuleTwoWarehouses, func(s *simulated) { s.must(s.create(wh1)); s.must(s.create(wh2)) }},
		{RuleTwoFlows, func(s *simulated) {
			for range 2 {
				_, err := s.cl.EMR.RunJobFlow(s.ctx, runInput(wh1, "CONTINUE", "a"))
				s.must(err)
			}
			s.p.Wait(s.ctx, s.p.Now().Add(11*time.Minute), nil)
		}},
		{RulePromotedBad, func(s *simulated) { snapshot(s); promote(s) }},
		{RulePromotedGone, func(s *simulated) {
			snapshot(s)
			s.p.Wait(s.ctx, s.p.Now().Add(time.Hour), nil)
			promote(s)
			_, err := s.cl.Redshift.DeleteClusterSnapshot(s.ctx, &awsredshift.DeleteClusterSnapshotInput{SnapshotIdentifier: ptr(wh1 + "-s")})
			s.must(err)
		}},
		{RuleNotOurs, func(s *simulated) { s.must(s.create("somebody-elses")) }},
		{RuleRewritten, func(s *simulated) {
			s.must(s.put("s3://b/m/runs/2026-11-22/1/journal/000001.json", "{}", ""))
			s.must(s.put("s3://b/m/runs/2026-11-22/1/journal/000001.json", "{}", ""))
		}},
		{RuleStale, func(s *simulated) {
			s.must(s.put("s3://b/m/lease.json", `{"epoch":1,"owner":"a"}`, ""))
			s.epoch = 2 // somebody else took the lease
			s.must(s.create(wh1))
		}},
		{RuleStaleRecord, func(s *simulated) {
			s.must(s.put("s3://b/m/lease.json", `{"epoch":1,"owner":"a"}`, ""))
			s.epoch = 2
			s.must(s.put("s3://b/m/runs/2026-11-22/1/journal/000001.json", "{}", "*"))
		}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			s := simulate(t, SimOptions{Seed: 1})
			s.do(func() { test.do(s) })
			if v := s.Violations(); len(v) != 1 || v[0].Rule != test.rule {
				t.Errorf("violations %v", v)
			}
			if n := len(s.Violations()); n != 1 {
				t.Errorf("asked again: %d", n)
			}
		})
	}
}

func TestAStaleControllerIsSeen(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	q := s.Sim.NewProc("p2")
	client := s.Client(q)
	s.p.Go(func() {
		s.must(s.put("s3://b/m/lease.json", `{"epoch":1,"owner":"p1"}`, ""))
		s.p.Freeze(time.Hour)
		_ = s.create(wh1)
	})
	q.Go(func() {
		q.Wait(s.ctx, start.Add(time.Minute), nil)
		_, err := client.S3.PutObject(s.ctx, &awss3.PutObjectInput{Bucket: ptr("b"), Key: ptr("m/lease.json"), Body: strings.NewReader(`{"epoch":2,"owner":"p2"}`)})
		s.must(err)
	})
	s.Sim.Run(start.Add(3 * time.Hour))
	if v := s.Violations(); len(v) != 1 || v[0].Rule != RuleStale || s.p.Epoch() != 1 || q.Epoch() != 2 {
		t.Errorf("violations %v, epochs %d and %d", v, s.p.Epoch(), q.Epoch())
	}
}

func TestCancelledCalls(t *testing.T) {
	s := simulate(t, SimOptions{Seed: 1})
	s.do(func() { s.must(s.create(wh1)); s.until(wh1, "available") })
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	began := s.Sim.Now()
	s.p.Go(func() {
		_, err = s.open(s.cl, wh1).Load(ctx, s.batch("ratings", 1))
	})
	s.Sim.At(began.Add(10*time.Second), cancel)
	s.Sim.Run(began.Add(time.Hour))
	if err == nil || len(s.TableObjects(wh1)["ratings"]) != 0 || s.memory.dbs[wh1].locks["ratings"] != nil {
		t.Errorf("cancelled load: %v, %v", err, s.TableObjects(wh1))
	}
	s.do(func() {
		if _, err := s.cl.Redshift.DescribeClusters(ctx, &awsredshift.DescribeClustersInput{}); err == nil {
			t.Error("a cancelled read was answered")
		}
	})
}

// TestEveryFaultIsDeterministic runs stumbling processes through a hostile
// cloud, twice with each seed.
func TestEveryFaultIsDeterministic(t *testing.T) {
	hostile := Faults{
		Lag: 20 * time.Second, Flaky: 0.1, Refuse: 0.1, Lost: 0.1, Late: 0.1, RefusePut: 0.1, LostPut: 0.1, LatePut: 0.1, Conflict: 0.1,
		Bounce: 0.2, Busy: 0.1, NoCapacity: 0.1, LoseCluster: 0.2, Mask: 0.3, SnapFail: 0.2, FlowFail: 0.2, SparkFail: 0.2,
		Automated: 0.3, LoseFlow: 0.2, Interrupted: 0.5, LostInvoke: 0.2, ServerGoesOn: true, KeepSessions: true,
	}
	trace := func(seed uint64) string {
		s := simulate(t, SimOptions{Seed: seed, Faults: hostile, Rules: Rules{SchedulerGivesUp: seed%2 == 0, KeepUsedSnapshots: seed%3 == 0}})
		if seed%4 == 0 {
			s.CrashAt(5+int(seed), s.p.Kill)
		}
		s.do(func() { stumble(s) })
		s.Sim.Drain(s.Sim.Now().Add(3 * time.Hour))
		return fmt.Sprint(s.Audit(), s.Violations(), s.Billed(), s.Points)
	}
	for seed := range uint64(60) {
		if a, b := trace(seed), trace(seed); a != b {
			t.Fatalf("seed %d is not deterministic:\n%s\n%s", seed, a, b)
		}
	}
}

// stumble tries one thing after another and minds no error.
func stumble(s *simulated) {
	in := killSwitch(wh1+"-d", wh1, "rate(5 minutes)", s.Sim.Now().Add(time.Hour))
	_, _ = s.cl.Scheduler.CreateSchedule(s.ctx, in)
	for i := range 6 {
		_ = s.create(wh1)
		s.p.Wait(s.ctx, s.p.Now().Add(4*time.Minute), nil)
		if session, err := s.cl.Warehouse.Open(s.ctx, wh1); err == nil {
			_, _ = session.Load(s.ctx, s.batch("ratings", i+1))
			_, _ = session.Unload(s.ctx, warehouse.Unload{Query: "q", Prefix: fmt.Sprintf("s3://b/u/%d/", i)})
			_ = session.Close()
		}
		_ = s.put(fmt.Sprintf("s3://b/m/runs/1/%06d.json", i), "{}", "*")
		_, _ = s.cl.Redshift.CreateClusterSnapshot(s.ctx, &awsredshift.CreateClusterSnapshotInput{SnapshotIdentifier: ptr(fmt.Sprintf("%s-%d", wh1, i)), ClusterIdentifier: ptr(wh1)})
		_, _ = s.cl.EMR.RunJobFlow(s.ctx, sparkInput(wh2, "s3://b/u/", "s3://b/out/"))
		_ = s.status(wh1)
		_, _ = s.cl.Redshift.DeleteCluster(s.ctx, &awsredshift.DeleteClusterInput{ClusterIdentifier: ptr(wh1), SkipFinalClusterSnapshot: ptr(true)})
	}
}

func BenchmarkNight(b *testing.B) {
	t := &testing.T{}
	for i := range b.N {
		s := simulate(t, SimOptions{Seed: uint64(i)})
		s.do(s.night)
	}
	if t.Failed() {
		b.Fatal("a night failed")
	}
}
