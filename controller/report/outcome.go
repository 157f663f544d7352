package report

import (
	"encoding/json"
	"fmt"
	"strings"
)

// outcome is what is read of a settled step's result, whatever its kind.
type outcome struct {
	Name        string
	URI         string
	Rows        int64
	HasRows     bool
	Objects     int64
	CaughtUp    string
	Snapshot    string
	DataThrough string
	Metrics     map[string]float64 // top-level numbers of metrics.json
	Warnings    []Warning          // checks of severity warn that were not met
}

// leftOut is what a load could not take, and was allowed to leave out.
type leftOut struct {
	What     string `json:"what"`
	Objects  int64  `json:"objects"`
	Why      string `json:"why"`
	SetAside bool   `json:"set_aside"`
}

func (l leftOut) says() string {
	until := "the next night tries again"
	if l.SetAside {
		until = "set aside until it changes, or `lamplighter skip --undo`"
	}
	return fmt.Sprintf("%s (%s) is left out, %s: %s", l.What, count(l.Objects, "object"), until, l.Why)
}

// readOutcome is tolerant: a field of another type is as if it were absent.
func readOutcome(raw json.RawMessage) outcome {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return outcome{}
	}
	var o outcome
	get := func(name string, into any) bool {
		value, ok := fields[name]
		return ok && json.Unmarshal(value, into) == nil
	}
	get("name", &o.Name)
	get("uri", &o.URI)
	get("caught_up_to", &o.CaughtUp)
	get("snapshot", &o.Snapshot)
	get("data_through", &o.DataThrough)
	get("warnings", &o.Warnings)
	var left []leftOut
	get("left_out", &left)
	for _, l := range left {
		o.Warnings = append(o.Warnings, Warning{Check: "on_fail", Says: l.says()})
	}
	o.HasRows = get("rows", &o.Rows)
	if !get("objects", &o.Objects) {
		var list []json.RawMessage
		get("objects", &list)
		o.Objects = int64(len(list))
	}
	var metrics map[string]any
	get("metrics", &metrics)
	for name, value := range metrics {
		if number, ok := value.(float64); ok {
			if o.Metrics == nil {
				o.Metrics = map[string]float64{}
			}
			o.Metrics[name] = number
		}
	}
	return o
}

// String is the part that people read: 5,213 rows, 4 objects.
func (o outcome) String() string {
	var parts []string
	if o.HasRows {
		parts = append(parts, count(o.Rows, "row"))
	}
	if o.Objects > 0 {
		parts = append(parts, count(o.Objects, "object"))
	}
	if o.CaughtUp != "" {
		parts = append(parts, "caught up to "+clean(o.CaughtUp))
	}
	if o.Snapshot != "" {
		parts = append(parts, short(o.Snapshot))
	}
	return strings.Join(parts, ", ")
}
