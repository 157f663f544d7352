package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// What this program knows of lamplighter's commands is in this file: their
// documented JSON, and nothing of the packages behind it.

// runArgs runs the night of a date, with one JSON object a line on stdout.
func runArgs(date string) []string {
	return []string{"run", "-e", environment, "--date", date, "-o", "json"}
}

// environment is the name of the embedded cloud's environment file.
const environment = "local"

// event is a line of `run -o json`.
type event struct {
	Event  string          `json:"event"`
	Step   string          `json:"step"`
	State  string          `json:"state"`
	Verb   string          `json:"verb"`
	Kind   string          `json:"kind"`
	Why    string          `json:"why"`
	Hint   string          `json:"hint"`
	Result json.RawMessage `json:"result"`
}

// summary is its last line.
type summary struct {
	Event         string                        `json:"event"`
	ExitCode      int                           `json:"exit_code"`
	StateLine     string                        `json:"state_line"`
	NothingToDo   bool                          `json:"nothing_to_do"`
	Steps         []stepSummary                 `json:"steps"`
	RowsLoaded    map[string]int64              `json:"rows_loaded"`
	ObjectsLoaded int64                         `json:"objects_loaded"`
	Datasets      []dataset                     `json:"datasets"`
	Metrics       map[string]map[string]float64 `json:"metrics"`
	Snapshots     []string                      `json:"snapshots"`
	CostMicroUSD  int64                         `json:"cost_micro_usd"`
	Costs         []cost                        `json:"costs"`
	AlwaysOn      int64                         `json:"always_on_micro_usd"`
}

type stepSummary struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Derived bool    `json:"derived"`
	State   string  `json:"state"`
	Why     string  `json:"why"`
	Seconds float64 `json:"seconds"`
}

type dataset struct {
	Name    string `json:"name"`
	Rows    int64  `json:"rows"`
	Objects int64  `json:"objects"`
	URI     string `json:"uri"`
}

type cost struct {
	Kind          string `json:"kind"`
	Name          string `json:"name"`
	BilledSeconds int64  `json:"billed_s"`
	MicroUSD      int64  `json:"micro_usd"`
}

// duringCopy is the moment that night 4's controller is killed at: the COPY of
// the ratings was just asked for.
func duringCopy(e event) bool {
	return e.Event == "effect" && e.State == "asked" && e.Kind == "table" && e.Step == "ratings"
}

// readRun reads what a run says until it ends; each event goes to see. With
// no summary, which a killed run has none of, the result is nil.
func readRun(out io.Reader, see func(event)) (*summary, error) {
	lines := bufio.NewReader(out)
	var last *summary
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); err == nil && len(line) > 0 {
			if last, err = readLine(line, see); err != nil {
				return nil, err
			}
		}
		if err == io.EOF {
			return last, nil // a line that was cut off by a kill says nothing
		}
		if err != nil {
			return last, err
		}
	}
}

func readLine(line []byte, see func(event)) (*summary, error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("run -o json printed what is no JSON object: %q: %w", line, err)
	}
	if e.Event != "summary" {
		see(e)
		return nil, nil
	}
	var s summary
	if err := json.Unmarshal(line, &s); err != nil {
		return nil, fmt.Errorf("the summary of run -o json: %w", err)
	}
	return &s, nil
}

// pointer is published/NAME/current.json: what readers of a dataset follow.
type pointer struct {
	URI   string   `json:"uri"`
	Files []string `json:"files"`
}
