package journals3_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/journal/s3/conformance"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// street is a few controllers that fight for one lease. Whatever one of them
// does, the others may act, and time may pass, before any of its requests
// reaches the store.
type street struct {
	s3.API // what a lease never asks for: nil

	t     *rapid.T
	now   time.Time
	store *conformance.Memory
	all   []*rival
	born  int
	depth int
	epoch int // the highest that the object ever showed
}

type rival struct {
	lease *journals3.Lease
	busy  bool // in the middle of a call
}

func (s *street) Now() time.Time { return s.now }
func (s *street) Go(func())      {}
func (s *street) Wait(_ context.Context, until time.Time, _ <-chan struct{}) {
	s.meanwhile()
	if until.After(s.now) {
		s.now = until
	}
	s.check("after a wait")
}

// PutObject and GetObject let others act while the request is under way.
func (s *street) PutObject(ctx context.Context, in *awss3.PutObjectInput, o ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	s.meanwhile()
	out, err := s.store.PutObject(ctx, in, o...)
	s.meanwhile() // the answer takes its time too
	return out, err
}

func (s *street) GetObject(ctx context.Context, in *awss3.GetObjectInput, o ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	s.meanwhile()
	return s.store.GetObject(ctx, in, o...)
}

func (s *street) HeadObject(context.Context, *awss3.HeadObjectInput, ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	panic("a lease heads nothing")
}

func (s *street) ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	panic("a lease lists nothing")
}

func (s *street) DeleteObject(context.Context, *awss3.DeleteObjectInput, ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error) {
	panic("a lease deletes nothing")
}

func (s *street) meanwhile() {
	if s.depth >= 3 || rapid.IntRange(0, 2).Draw(s.t, "undisturbed") > 0 {
		return
	}
	s.depth++
	s.step()
	s.depth--
}

func (s *street) step() {
	r := s.all[rapid.IntRange(0, len(s.all)-1).Draw(s.t, "who")]
	act := rapid.SampledFrom([]string{"sleep", "acquire", "watch", "ensure", "ensure", "release", "crash"}).Draw(s.t, "act")
	if act == "sleep" || r.busy {
		s.now = s.now.Add(time.Duration(rapid.IntRange(0, 150).Draw(s.t, "seconds")) * time.Second)
		s.check("sleep")
		return
	}
	r.busy = true
	defer func() { r.busy = false }()
	ctx := context.Background()
	switch act {
	case "acquire", "watch":
		r.lease.NoWait = act == "acquire"
		if err := r.lease.Acquire(ctx); err == nil && s.depth == 0 && r.lease.Left() <= 0 {
			s.t.Logf("took the lease too late to use it")
		}
	case "ensure":
		err := r.lease.Ensure(ctx, 45*time.Second, "x")
		if err == nil && r.lease.Left() < 45*time.Second {
			s.t.Fatalf("ensured 45 s, %v left", r.lease.Left())
		}
	case "release":
		_ = r.lease.Release(ctx)
		if r.lease.Left() > 0 {
			s.t.Fatal("released, and some left")
		}
	case "crash":
		r.lease = s.birth()
	}
	s.check(act)
}

func (s *street) birth() *journals3.Lease {
	s.born++
	return &journals3.Lease{S3: &s3.Client{API: s}, URI: base + "/lease.json", Clock: s, RefuseLive: true,
		Me: journals3.Holder{Owner: fmt.Sprint("w", s.born), Pipeline: "p"}}
}

// check: at most one controller may act, and the epoch only grows.
func (s *street) check(after string) {
	acting := 0
	for _, r := range s.all {
		if r.lease.Left() > 0 {
			acting++
		}
	}
	if acting > 1 {
		s.t.Fatalf("after %s: %d controllers may act", after, acting)
	}
	client := &s3.Client{API: s.store}
	body, _, err := client.Get(context.Background(), base+"/lease.json")
	if resources.ClassOf(err) == resources.Gone {
		return
	}
	var h journals3.Holder
	if err := json.Unmarshal(body, &h); err != nil {
		s.t.Fatal(err)
	}
	if h.Epoch < s.epoch {
		s.t.Fatalf("after %s: epoch %d after %d", after, h.Epoch, s.epoch)
	}
	s.epoch = h.Epoch
}

func TestAtMostOneMayAct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &street{t: t, now: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
		s.store = &conformance.Memory{Delay: 3, Fate: func() conformance.Fate {
			return rapid.SampledFrom([]conformance.Fate{conformance.Fine, conformance.Fine, conformance.Fine,
				conformance.Refused, conformance.Conflict, conformance.Lost, conformance.Late}).Draw(t, "fate")
		}}
		for range 3 {
			s.all = append(s.all, &rival{lease: s.birth()})
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			s.step()
		}
	})
}

// TestEnsureWithoutStore: a store that does not answer is no reason to stop while the
// lease lasts, and one to do nothing once it has run out.
func TestEnsureWithoutStore(t *testing.T) {
	for _, test := range []struct {
		passed time.Duration
		want   resources.Class
	}{
		{0, resources.OK},
		{90 * time.Second, resources.OK},
		{3*time.Minute - 45*time.Second, resources.Retry}, // the tries take time too
		{4 * time.Minute, resources.Retry},
	} {
		down := false
		store := &conformance.Memory{Fate: func() conformance.Fate {
			if down {
				return conformance.Refused
			}
			return conformance.Fine
		}}
		clock := &stepped{now: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
		l := &journals3.Lease{S3: &s3.Client{API: store}, URI: base + "/lease.json", Clock: clock, Me: journals3.Holder{Owner: "a"}}
		if err := l.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		down = true
		clock.now = clock.now.Add(test.passed)
		if err := l.Ensure(t.Context(), 45*time.Second, "x"); resources.ClassOf(err) != test.want {
			t.Errorf("%v after the last renewal: %v (%s), want %s", test.passed, err, resources.ClassOf(err), test.want)
		}
		down = false
		if err := l.Ensure(t.Context(), 45*time.Second, "x"); err != nil {
			t.Errorf("the store is back: %v", err)
		}
	}
}

type stepped struct{ now time.Time }

func (c *stepped) Now() time.Time { return c.now }
func (c *stepped) Go(func())      {}
func (c *stepped) Wait(_ context.Context, until time.Time, _ <-chan struct{}) {
	if until.After(c.now) {
		c.now = until
	}
}
