package journaltest

import (
	"time"

	"lamplighter/controller/journal"
	"lamplighter/resources"
)

// Names in the nights below.
var (
	Cluster = name("20261122", 1)
	Saved   = name("20261122", 2)
	Flow    = name("20261122", 3)
	Base    = name("20261121", 2) // last night's snapshot
	old     = name("20261115", 2) // pruned
)

func name(run string, n int) string {
	opens, err := time.Parse("20060102", run)
	if err != nil {
		panic(err)
	}
	return resources.Name{Pipeline: "movielens", Hash: "k3fpa", Run: run, Attempt: 1, N: n, Stop: opens.Add(10 * time.Hour)}.String()
}

// Shapes in the nights below.
var (
	Nodes   = resources.Shape{Service: "redshift", Type: "ra3.large", Market: "on-demand", Region: "us-east-1", Count: 2}
	Primary = resources.Shape{Service: "emr", Type: "m6g.xlarge", Market: "on-demand", Region: "us-east-1", Count: 1}
	Workers = resources.Shape{Service: "emr", Type: "m6g.xlarge", Market: "spot", Region: "us-east-1", Count: 2}
)

// Opens is when the window of the nights below opens.
var Opens = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// Refs in the nights below.
var (
	ClusterRef = resources.Ref{Kind: resources.KindCluster, Name: Cluster}
	SavedRef   = resources.Ref{Kind: resources.KindSnapshot, Name: Saved}
	FlowRef    = resources.Ref{Kind: resources.KindFlow, Name: Flow}
	SwitchRef  = resources.Ref{Kind: resources.KindSwitch, Name: Cluster}
)

// Opening is that of the nights below: the plan of the movielens example, with
// the specs that the planner and controller/steps write.
func Opening() journal.Opening {
	node := func(name, kind, uses, spec string, derived bool) journal.Node {
		return journal.Node{Name: name, Kind: kind, Uses: uses, Derived: derived, Spec: []byte(spec)}
	}
	const wh, emr = "warehouse-1", "emr-1"
	writers := `"writers":["ratings","movies","reviews","recommender_view"]`
	return journal.Opening{
		Pipeline: "movielens", Lineage: "k3fpa", Run: "2026-11-22", Attempt: 1, DataThrough: "2026-11-21", Base: Base,
		Window: journal.Window{
			Opens: Opens, LastCall: Opens.Add(150 * time.Minute), CutOff: Opens.Add(225 * time.Minute), HardStop: Opens.Add(4 * time.Hour),
		},
		Plan: []journal.Node{
			node(wh, "warehouse", "", `{"base":"`+Base+`","saves":"snapshot-1",`+writers+`,"checks":["no_orphans"]}`, true),
			node("ratings", "load", wh, `{"table":"ratings","mode":"append","batches":[{"objects":4,"bytes":1200000,"from":"2026-11-19","to":"2026-11-21"}]}`, false),
			node("movies", "load", wh, `{"table":"movies","mode":"replace","batches":[{"objects":1,"bytes":512000}]}`, false),
			node("reviews", "load", wh, `{"table":"reviews","mode":"append","batches":[{"objects":2,"bytes":30000,"from":"2026-11-19","to":"2026-11-20"},{"objects":1,"bytes":10000,"from":"2026-11-21","to":"2026-11-21"}]}`, false),
			node("no_orphans", "check", wh, `{"query":"select 1","expect":"0"}`, false),
			node("recommender_view", "sql", wh, `{"statements":["select 1"]}`, false),
			node("recommender_input", "unload", wh, `{"query":"select 1","when_empty":"skip"}`, false),
			node("review_text", "unload", wh, `{"query":"select 1","when_empty":"skip"}`, false),
			node("upkeep-1", "upkeep", wh, `{"warehouse":"warehouse-1",`+writers+`}`, true),
			node("snapshot-1", "snapshot", wh, `{"warehouse":"warehouse-1",`+writers+`}`, true),
			node(emr, "emr", "", `null`, true),
			node("recommendations", "spark", emr, `{"script":"s3://acme-lamplighter/movielens/jobs/1/main.py"}`, false),
			node("sentiment", "spark", emr, `{"script":"s3://acme-lamplighter/movielens/jobs/2/main.py"}`, false),
			node("promote-1", "promote", "", `{"snapshot":"snapshot-1",`+writers+`}`, true),
			node("publish-recommendations", "publish", "", `{"step":"recommendations"}`, true),
			node("publish-sentiment", "publish", "", `{"step":"sentiment"}`, true),
			node("prune-1", "prune", "", `{"keep":7}`, true),
		},
		Notes: []string{"the warehouse is ended while Spark runs: about 15m0s of idling, against 7m10s of snapshot, delete, detection and cold start"},
	}
}

// Night is an undisturbed night of some sixty records.
func Night() []journal.Record {
	t := NewTape(Opens.Add(2 * time.Second))
	t.Took()
	t.Open(Opening())
	Restore(t)
	Load(t)
	Unload(t)
	Spark(t)
	Publish(t)
	return t.Records
}

// Killed is the same night with the controller killed while it loads ratings,
// and started again seven minutes later.
func Killed() []journal.Record {
	t := NewTape(Opens.Add(2 * time.Second))
	t.Took()
	t.Open(Opening())
	Restore(t)
	t.Intent("ratings", table("ratings"))
	t.Wait(7 * time.Minute).Took()
	Load(t)
	Unload(t)
	Spark(t)
	Publish(t)
	return t.Records
}

// Orphaned is a night whose controller died while the warehouse was loading,
// and did not come back.
func Orphaned() []journal.Record {
	t := NewTape(Opens.Add(2 * time.Second))
	t.Took()
	t.Open(Opening())
	Restore(t)
	t.Intent("ratings", table("ratings"))
	return t.Records
}

// Failed is a night whose check finds orphans: what needs it is skipped, and
// the warehouse's content is thrown away.
func Failed() []journal.Record {
	t := NewTape(Opens.Add(2 * time.Second))
	t.Took()
	t.Open(Opening())
	Restore(t)
	loads(t)
	t.Do("no_orphans", journal.Effect{Verb: "query", Ref: resources.Ref{Kind: resources.KindScript, Name: "no_orphans"}}, 3*time.Second)
	t.Settle("no_orphans", journal.Failed, "the query gave 12, expected 0\nhint: lamplighter logs no_orphans shows the query", nil)
	for _, step := range []string{"recommender_view", "upkeep-1", "snapshot-1", "recommender_input", "review_text", "promote-1", "recommendations", "sentiment"} {
		t.Settle(step, journal.Skipped, "needs no_orphans, which failed", nil)
	}
	end(t)
	t.Settle("emr-1", journal.Done, "not needed", nil)
	t.Settle("publish-recommendations", journal.Skipped, "needs recommendations, which was skipped", nil)
	t.Settle("publish-sentiment", journal.Skipped, "needs sentiment, which was skipped", nil)
	t.Settle("prune-1", journal.Done, "", nil)
	t.Close()
	return t.Records
}

// Nothing is a night with nothing to do: an attempt without steps.
func Nothing() []journal.Record {
	o := Opening()
	o.Plan, o.Notes = nil, nil
	t := NewTape(Opens.Add(2 * time.Second))
	t.Took()
	t.Open(o)
	t.Close()
	return t.Records
}

// Restore arms the switch and restores the warehouse: 3m26s until it is
// available.
func Restore(t *Tape) {
	arm := journal.Effect{Verb: "arm", Ref: SwitchRef, Creates: true}
	t.Wait(3*time.Second).Do("warehouse-1", arm, time.Second)
	t.Saw("warehouse-1", resources.Observation{Ref: SwitchRef, Exists: true, State: "ENABLED"})
	restore := journal.Effect{Verb: "restore", Ref: ClusterRef, Creates: true, Shape: Nodes}
	t.Do("warehouse-1", restore, 2*time.Second)
	SeeCluster(t, "creating")
	t.Wait(200 * time.Second)
	SeeCluster(t, "available")
}

// SeeCluster puts a sight of the warehouse; state "" is its absence.
func SeeCluster(t *Tape, state string) {
	o := resources.Observation{Ref: ClusterRef, Exists: state != "", State: state}
	if o.Exists {
		o.Shapes = []resources.Shape{Nodes}
	}
	t.Saw("warehouse-1", o)
}

func table(name string) journal.Effect {
	return journal.Effect{Verb: "copy-1", Ref: resources.Ref{Kind: resources.KindTable, Name: name}}
}

func loads(t *Tape) {
	for _, l := range []struct {
		name          string
		took          time.Duration
		rows, objects int64
	}{{"ratings", 41 * time.Second, 5213, 4}, {"movies", 12 * time.Second, 9742, 1}, {"reviews", 9 * time.Second, 112, 3}} {
		t.Wait(time.Second).Do(l.name, table(l.name), l.took)
		t.Settle(l.name, journal.Done, "", map[string]any{"rows": l.rows, "objects": l.objects, "batches": 1, "through": "2026-11-21"})
	}
}

// Load runs the writers and the upkeep.
func Load(t *Tape) {
	loads(t)
	script := func(step, verb string, d time.Duration) {
		t.Do(step, journal.Effect{Verb: verb, Ref: resources.Ref{Kind: resources.KindScript, Name: step}}, d)
		t.Settle(step, journal.Done, "", nil)
	}
	script("no_orphans", "query", 3*time.Second)
	script("recommender_view", "script", 2*time.Second)
	script("upkeep-1", "analyze", 6*time.Second)
}

// Unload takes the snapshot beside the unloads, promotes it and ends the
// warehouse.
func Unload(t *Tape) {
	t.Do("snapshot-1", journal.Effect{Verb: "snapshot", Ref: SavedRef, Creates: true}, time.Second)
	t.Saw("snapshot-1", resources.Observation{Ref: SavedRef, Exists: true, State: "creating"})
	prefix := "s3://acme-lamplighter/pipelines/movielens/data/2026-11-22/1/"
	input := t.Intent("recommender_input", journal.Effect{Verb: "unload", Ref: resources.Ref{Kind: resources.KindDataset, Name: "recommender_input"}})
	text := t.Intent("review_text", journal.Effect{Verb: "unload", Ref: resources.Ref{Kind: resources.KindDataset, Name: "review_text"}})
	t.Wait(20*time.Second).Outcome(text, resources.OK, "", nil)
	t.Settle("review_text", journal.Done, "", map[string]any{"name": "review_text", "uri": prefix + "review_text/", "rows": 10605, "objects": 2})
	t.Wait(35*time.Second).Outcome(input, resources.OK, "", nil)
	t.Settle("recommender_input", journal.Done, "", map[string]any{"name": "recommender_input", "uri": prefix + "recommender_input/", "rows": 100836, "objects": 4})
	t.Wait(90 * time.Second)
	t.Saw("snapshot-1", resources.Observation{Ref: SavedRef, Exists: true, State: "available", Parts: map[string]string{"incremental_mb": "12", "total_mb": "2048"}})
	t.Settle("snapshot-1", journal.Done, "", map[string]any{"snapshot": Saved})
	t.Do("promote-1", journal.Effect{Verb: "point", Ref: resources.Ref{Kind: resources.KindPointer, Name: "promoted"}}, time.Second)
	t.Settle("promote-1", journal.Done, "", map[string]any{"snapshot": Saved, "keeps": Saved, "data_through": "2026-11-21"})
	end(t)
}

// end deletes the warehouse and disarms its switch.
func end(t *Tape) {
	t.Wait(2*time.Second).Do("warehouse-1", journal.Effect{Verb: "delete", Ref: ClusterRef}, 2*time.Second)
	SeeCluster(t, "deleting")
	t.Wait(100 * time.Second)
	SeeCluster(t, "")
	t.Do("warehouse-1", journal.Effect{Verb: "disarm", Ref: SwitchRef}, time.Second)
	t.Saw("warehouse-1", resources.Observation{Ref: SwitchRef})
	t.Settle("warehouse-1", journal.Done, "", nil)
}

// SeeFlow puts a sight of the Spark cluster with its steps' states.
func SeeFlow(t *Tape, state, recommendations, sentiment string) {
	o := resources.Observation{
		Ref: FlowRef, State: state, Shapes: []resources.Shape{Primary, Workers},
		Parts: map[string]string{"recommendations": recommendations, "sentiment": sentiment},
	}
	if state != "TERMINATED" {
		o.Exists, o.IDs = true, []string{"j-1ABCDEFGHIJKL"}
	}
	t.Saw("emr-1", o)
}

// Spark launches the cluster and runs both steps.
func Spark(t *Tape) {
	t.Do("emr-1", journal.Effect{Verb: "launch", Ref: FlowRef, Creates: true, Shape: Workers}, 2*time.Second)
	SeeFlow(t, "STARTING", "PENDING", "PENDING")
	t.Wait(70 * time.Second)
	SeeFlow(t, "BOOTSTRAPPING", "PENDING", "PENDING")
	t.Wait(150 * time.Second)
	SeeFlow(t, "RUNNING", "RUNNING", "PENDING")
	t.Wait(240 * time.Second)
	SeeFlow(t, "RUNNING", "COMPLETED", "RUNNING")
	prefix := "s3://acme-lamplighter/pipelines/movielens/data/2026-11-22/1/"
	t.Settle("recommendations", journal.Done, "", map[string]any{
		"name": "recommendations", "uri": prefix + "recommendations/", "rows": 6100, "objects": 4,
		"metrics": map[string]any{"rmse": 0.8791, "mae": 0.6772, "rows": 6100, "baseline": map[string]any{"rmse": 0.8641}},
	})
	t.Wait(130 * time.Second)
	SeeFlow(t, "TERMINATING", "COMPLETED", "COMPLETED")
	t.Settle("sentiment", journal.Done, "", map[string]any{
		"name": "sentiment", "uri": prefix + "sentiment/", "rows": 10605, "objects": 2, "metrics": map[string]any{"f1_weighted": 0.771},
	})
	t.Wait(60 * time.Second)
	SeeFlow(t, "TERMINATED", "COMPLETED", "COMPLETED")
	t.Settle("emr-1", journal.Done, "", nil)
}

// Publish moves the pointers, prunes and closes.
func Publish(t *Tape) {
	for _, name := range []string{"recommendations", "sentiment"} {
		t.Do("publish-"+name, journal.Effect{Verb: "point", Ref: resources.Ref{Kind: resources.KindPointer, Name: name}}, time.Second)
		t.Settle("publish-"+name, journal.Done, "", nil)
	}
	t.Do("prune-1", journal.Effect{Verb: "drop", Ref: resources.Ref{Kind: resources.KindSnapshot, Name: old}}, time.Second)
	t.Settle("prune-1", journal.Done, "", nil)
	t.Close()
}
