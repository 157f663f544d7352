package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// night is one of summary.json.
type night struct {
	Date          string                        `json:"date"`
	ExitCode      int                           `json:"exit_code"`
	StateLine     string                        `json:"state_line"`
	RowsLoaded    map[string]int64              `json:"rows_loaded"`
	ObjectsLoaded int64                         `json:"objects_loaded"`
	Datasets      []dataset                     `json:"datasets"`
	Metrics       map[string]map[string]float64 `json:"metrics"`
	Snapshots     []string                      `json:"snapshots"`
	ClustersLeft  int                           `json:"clusters_left"` // from the cloud's own list
	WallSeconds   float64                       `json:"wall_s"`        // of the last process, if one was killed
}

func newNight(date string, exit int, s summary, left int, wall time.Duration) night {
	n := night{Date: date, ExitCode: exit, StateLine: s.StateLine, RowsLoaded: s.RowsLoaded, ObjectsLoaded: s.ObjectsLoaded,
		Datasets: s.Datasets, Metrics: s.Metrics, Snapshots: s.Snapshots, ClustersLeft: left, WallSeconds: float64(wall.Milliseconds()) / 1000}
	// Nothing is an empty list, not null.
	n.Datasets, n.Snapshots = append([]dataset{}, n.Datasets...), append([]string{}, n.Snapshots...)
	if n.RowsLoaded == nil {
		n.RowsLoaded = map[string]int64{}
	}
	if n.Metrics == nil {
		n.Metrics = map[string]map[string]float64{}
	}
	return n
}

// save writes summary.json whole, by a rename.
func save(path string, nights []night) error {
	body, err := json.MarshalIndent(map[string]any{"nights": nights}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", append(body, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// expectation is what a night must come to, known from what was published.
type expectation struct {
	rows        map[string]int64 // by table, of those that must be loaded to the row
	objects     int64
	nothingToDo bool
	datasets    []string
	snapshots   int
}

// check compares a night with what it must have come to.
func (want expectation) check(got night, nothingToDo bool) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if got.ExitCode != 0 {
		say("it ended with %d: %s", got.ExitCode, got.StateLine)
	}
	if got.ClustersLeft != 0 {
		say("%d clusters are left", got.ClustersLeft)
	}
	if !strings.HasPrefix(got.StateLine, "nothing is billing · $") {
		say("its state line is %q", got.StateLine)
	}
	if nothingToDo != want.nothingToDo {
		say("nothing to do: %v, want %v", nothingToDo, want.nothingToDo)
	}
	for _, table := range slices.Sorted(maps.Keys(want.rows)) {
		if got.RowsLoaded[table] != want.rows[table] {
			say("%d rows of %s were loaded, %d published", got.RowsLoaded[table], table, want.rows[table])
		}
	}
	if got.ObjectsLoaded != want.objects {
		say("%d objects were loaded, %d published", got.ObjectsLoaded, want.objects)
	}
	for _, name := range want.datasets {
		if !slices.ContainsFunc(got.Datasets, func(d dataset) bool { return d.Name == name && d.Rows > 0 }) {
			say("there is no dataset %s with rows", name)
		}
	}
	if len(got.Snapshots) != want.snapshots {
		say("snapshots %v, want %d", got.Snapshots, want.snapshots)
	}
	if len(wrong) > 0 {
		return errors.New(got.Date + ": " + strings.Join(wrong, "; "))
	}
	return nil
}
