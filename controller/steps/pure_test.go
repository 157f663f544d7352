package steps

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"lamplighter/config"
	"lamplighter/resources"
	"lamplighter/resources/redshift"
	"lamplighter/resources/warehouse"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Batches hold every object once and in order, never cut a partition, never
// mix compressed with plain, and stay near their limit.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var objects []warehouse.Object
		for day := range rapid.IntRange(1, 60).Draw(t, "days") {
			for i := range rapid.IntRange(1, 200).Draw(t, "objects") {
				suffix := rapid.SampledFrom([]string{".csv", ".csv.gz"}).Draw(t, "suffix")
				if rapid.Bool().Draw(t, "all alike") {
					suffix = ".csv.gz"
				}
				objects = append(objects, warehouse.Object{URI: fmt.Sprintf("s3://b/%02d/%03d%s", day, i, suffix), Size: 10, Partition: fmt.Sprintf("2026-01-%02d", day)})
			}
		}
		got := batches(&config.Load{Mode: "append"}, objects, nil, batchBytes)
		if !slices.EqualFunc(slices.Concat(got...), objects, func(a, b warehouse.Object) bool { return a == b }) {
			t.Fatal("the batches are not the objects, in order")
		}
		for _, b := range got {
			for _, o := range b {
				if compression(&config.Load{}, o.URI) != compression(&config.Load{}, b[0].URI) {
					t.Fatalf("%s and %s are in one batch", b[0].URI, o.URI)
				}
			}
			if len(b) >= batchObjects+200 {
				t.Fatalf("a batch of %d objects", len(b))
			}
		}
	})
}

func TestBatchesAreCutBetweenPartitions(t *testing.T) {
	var objects []warehouse.Object
	for i := range batchObjects + 5 {
		objects = append(objects, warehouse.Object{URI: fmt.Sprintf("s3://b/%05d.csv", i), Partition: fmt.Sprint(i / 3)})
	}
	got := batches(&config.Load{Mode: "append"}, objects, nil, batchBytes)
	if len(got) != 2 || got[0][len(got[0])-1].Partition == got[1][0].Partition {
		t.Errorf("%d batches; the first ends in partition %s, the second begins in %s", len(got), got[0][len(got[0])-1].Partition, got[1][0].Partition)
	}
	if got := batches(&config.Load{Mode: "replace"}, objects, nil, batchBytes); len(got) != 1 {
		t.Errorf("a replace is %d batches", len(got))
	}
}

func TestFingerprints(t *testing.T) {
	a := []warehouse.Object{{URI: "s3://b/1", ETag: "x"}, {URI: "s3://b/2", ETag: "y"}}
	b := []warehouse.Object{a[1], a[0]}
	if hashObjects(a) != hashObjects(b) {
		t.Error("the order of objects changes their hash")
	}
	b[0].ETag = "z"
	if hashObjects(a) == hashObjects(b) {
		t.Error("another ETag is the same hash")
	}
	if fingerprint("a", "bc") == fingerprint("ab", "c") {
		t.Error("parts run into each other")
	}
}

func TestMissedExpectations(t *testing.T) {
	low, high := 0.5, 0.9
	metrics := json.RawMessage(`{"rmse":0.95,"f1":0.4,"name":"x"}`)
	got := missed(map[string]config.Bounds{"rmse": {Max: &high}, "f1": {Min: &low}, "name": {Max: &high}, "mae": {Min: &low}}, metrics)
	want := []string{"f1 is 0.4, below 0.5", "rmse is 0.95, above 0.9", "there is no metric mae", "there is no metric name"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := missed(map[string]config.Bounds{"rmse": {Min: &low}}, metrics); got != nil {
		t.Errorf("met, yet %v", got)
	}
	if got := missed(nil, json.RawMessage(`nonsense`)); got != nil {
		t.Errorf("nothing is expected, yet %v", got)
	}
}

// Rotation never takes the promoted snapshot, nor what is not ours or not
// whole, and leaves the newest.
func TestSurplus(t *testing.T) {
	name := func(n int) string {
		return resources.Name{Pipeline: "m", Hash: "aaaaa", Run: "20261122", Attempt: 1, N: n, Stop: time.Unix(1_800_000_000, 0)}.String()
	}
	snapshot := func(id string, day int, state, kind string) redshift.Snapshot {
		return redshift.Snapshot{Observation: resources.Observation{Ref: resources.Ref{Kind: resources.KindSnapshot, Name: id}, State: state},
			Type: kind, Created: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)}
	}
	all := []redshift.Snapshot{
		snapshot(name(4), 4, "available", "manual"), snapshot(name(1), 1, "available", "manual"), snapshot(name(2), 2, "available", "manual"),
		snapshot(name(3), 3, "available", "manual"), snapshot("lamplighter-m-by-hand", 1, "available", "manual"),
		snapshot(name(9), 1, "creating", "manual"), snapshot(name(8), 1, "available", "automated"),
	}
	for _, c := range []struct {
		keep     int
		promoted string
		want     []string
	}{
		{2, name(4), []string{name(1), name(2)}},
		{2, name(1), []string{name(2)}},
		{7, name(4), nil},
		{1, name(2), []string{name(1), name(3)}},
	} {
		var got []string
		for _, s := range surplus(all, c.promoted, c.keep) {
			got = append(got, s.Ref.Name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("keep %d, promoted %s:\n%s", c.keep, c.promoted, diff)
		}
	}
}
