package journals3_test

import (
	"testing"
	"time"

	"lamplighter/controller/journal"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/journal/s3/conformance"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// script gives writes their fates in order; the last one stays.
func script(fates ...conformance.Fate) func() conformance.Fate {
	return func() conformance.Fate {
		fate := fates[0]
		if len(fates) > 1 {
			fates = fates[1:]
		}
		return fate
	}
}

// TestAppendTellsWhatItKnows: a record that may be there is never called
// refused.
func TestAppendTellsWhatItKnows(t *testing.T) {
	for _, test := range []struct {
		name  string
		fates []conformance.Fate
		want  resources.Class
	}{
		{"refused once", []conformance.Fate{conformance.Refused, conformance.Fine}, resources.OK},
		{"conflict once", []conformance.Fate{conformance.Conflict, conformance.Fine}, resources.OK},
		{"answer lost", []conformance.Fate{conformance.Lost, conformance.Fine}, resources.OK},
		{"answer lost, then refused for ever", []conformance.Fate{conformance.Lost, conformance.Refused}, resources.Unknown},
		{"late, then refused for ever", []conformance.Fate{conformance.Late, conformance.Refused}, resources.Unknown},
		{"refused for ever", []conformance.Fate{conformance.Refused}, resources.Retry},
		{"late for ever", []conformance.Fate{conformance.Late}, resources.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &conformance.Memory{Fate: script(test.fates...), Delay: 1000}
			s := &journals3.Store{S3: &s3.Client{API: store}, Base: base + "/journal/", Clock: &stepped{now: time.Unix(0, 0)}}
			err := s.Append(t.Context(), journal.Record{Seq: 1, Writer: "a"})
			if got := resources.ClassOf(err); got != test.want {
				t.Fatalf("%v (%s), want %s", err, got, test.want)
			}
		})
	}
}

func TestAppendRefusesImpossibleNumbers(t *testing.T) {
	s := &journals3.Store{S3: &s3.Client{API: &conformance.Memory{}}, Base: base, Clock: &stepped{}}
	for _, seq := range []int{-1, 0, 1_000_000} {
		if err := s.Append(t.Context(), journal.Record{Seq: seq}); resources.ClassOf(err) != resources.Permanent {
			t.Errorf("record %d: %v", seq, err)
		}
	}
}

// TestReleaseAfterLateRenewal: the object moved on by a renewal that nobody
// heard of; the release must still reach it.
func TestReleaseAfterLateRenewal(t *testing.T) {
	store := &conformance.Memory{Fate: script(conformance.Fine, conformance.Late, conformance.Refused, conformance.Refused,
		conformance.Refused, conformance.Refused, conformance.Refused, conformance.Refused, conformance.Refused, conformance.Fine), Delay: 16}
	clock := &stepped{now: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
	l := &journals3.Lease{S3: &s3.Client{API: store}, URI: base + "/lease.json", Clock: clock, Me: journals3.Holder{Owner: "a"}}
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(90 * time.Second)
	if err := l.Ensure(t.Context(), 0, "x"); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h, held, err := l.ReadHolder(t.Context()); held || err != nil {
		t.Fatalf("still held after release: %+v (%v)", h, err)
	}
}
