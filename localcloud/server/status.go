package server

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lamplighter/resources/simcloud"
)

// Status is what exists in a data folder and what it billed. Its JSON is for
// programs to read.
type Status struct {
	Running  bool   `json:"running"`
	PID      int    `json:"pid,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`

	Clusters  []ClusterStatus  `json:"clusters"` // paused ones included
	Flows     []FlowStatus     `json:"flows"`    // ended ones included
	Snapshots []SnapshotStatus `json:"snapshots"`
	Schedules []ScheduleStatus `json:"schedules"`
	Billed    []BilledStatus   `json:"billed"`
	Billing   int              `json:"billing"` // how many of Billed still are
}

// ClusterStatus is a Redshift cluster.
type ClusterStatus struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	NodeType string    `json:"node_type"`
	Nodes    int       `json:"nodes"`
	From     string    `json:"from,omitempty"` // the snapshot it was restored from
}

// FlowStatus is an EMR cluster.
type FlowStatus struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	State string            `json:"state"`
	Live  bool              `json:"live"` // exists still
	Steps map[string]string `json:"steps"`
}

// SnapshotStatus is a Redshift snapshot.
type SnapshotStatus struct {
	ID      string    `json:"id"`
	Cluster string    `json:"cluster"`
	State   string    `json:"state"`
	Type    string    `json:"type"`
	Created time.Time `json:"created"`
	MB      float64   `json:"mb"`
}

// ScheduleStatus is an EventBridge Scheduler schedule.
type ScheduleStatus struct {
	Group string    `json:"group"`
	Name  string    `json:"name"`
	State string    `json:"state"`
	Next  time.Time `json:"next,omitzero"` // zero: never again
	Fired int       `json:"fired"`
}

// BilledStatus is something that billed, or still does when To is zero.
type BilledStatus struct {
	Resource string    `json:"resource"` // cluster/NAME, flow/NAME
	ID       string    `json:"id,omitempty"`
	Type     string    `json:"type"`
	Count    int       `json:"count"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to,omitzero"`
	Seconds  float64   `json:"seconds"` // so far
}

// Status reads a data folder; nothing needs to run. now is what still bills is
// counted to.
func (f Folder) Status(now time.Time) (Status, error) {
	owner, running, err := f.Running()
	if err != nil {
		return Status{}, err
	}
	state, err := f.State()
	if err != nil {
		return Status{}, err
	}
	if state == nil {
		state = &simcloud.State{}
	}
	status := statusOf(state, now)
	if running {
		status.Running, status.PID, status.Endpoint = true, owner.PID, owner.Endpoint
	}
	return status, nil
}

func statusOf(state *simcloud.State, now time.Time) Status {
	s := Status{Clusters: []ClusterStatus{}, Flows: []FlowStatus{}, Snapshots: []SnapshotStatus{}, Schedules: []ScheduleStatus{}, Billed: []BilledStatus{}}
	for _, c := range state.Clusters {
		s.Clusters = append(s.Clusters, ClusterStatus{c.ID, c.Status, c.Since, c.Spec.NodeType, c.Spec.Nodes, c.From})
	}
	for _, f := range state.Flows {
		steps := map[string]string{}
		for _, step := range f.Steps {
			steps[step.Spec.Name] = step.Status
		}
		s.Flows = append(s.Flows, FlowStatus{f.Spec.ID, f.Spec.Name, f.Status, f.Live(), steps})
	}
	for _, x := range state.Snapshots {
		s.Snapshots = append(s.Snapshots, SnapshotStatus{x.ID, x.Cluster, x.Status, x.Type, x.Created, x.Size.Total})
	}
	for _, x := range state.Schedules {
		s.Schedules = append(s.Schedules, ScheduleStatus{x.Group, x.Name, x.State, x.Next, x.Fired})
	}
	for _, u := range state.Usage {
		to := u.To
		if to.IsZero() {
			to = now
			s.Billing++
		}
		s.Billed = append(s.Billed, BilledStatus{u.Ref.String(), u.ID, u.Shape.Type, u.Shape.Count, u.From, u.To, to.Sub(u.From).Seconds()})
	}
	return s
}

// Print writes the status for people.
func (s Status) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.Running {
		fmt.Fprintf(t, "running at %s, process %d\n", s.Endpoint, s.PID)
	} else {
		fmt.Fprintln(t, "not running")
	}
	for _, c := range s.Clusters {
		fmt.Fprintf(t, "cluster\t%s\t%s\t%d × %s\tsince %s\n", c.ID, c.State, c.Nodes, c.NodeType, clock(c.Since))
	}
	for _, f := range s.Flows {
		if f.Live {
			fmt.Fprintf(t, "flow\t%s\t%s\t%s\t%s\n", f.Name, f.State, f.ID, stepList(f.Steps))
		}
	}
	for _, x := range s.Snapshots {
		fmt.Fprintf(t, "snapshot\t%s\t%s\t%.1f MB\tof %s\n", x.ID, x.State, x.MB, clock(x.Created))
	}
	for _, x := range s.Schedules {
		fmt.Fprintf(t, "schedule\t%s\t%s\tfired %d times\tnext %s\n", x.Name, x.State, x.Fired, clock(x.Next))
	}
	for _, b := range s.Billed {
		until := "until " + clock(b.To)
		if b.To.IsZero() {
			until = "still billing"
		}
		fmt.Fprintf(t, "billed\t%s\t%d × %s\t%.0f s\t%s\n", b.Resource, b.Count, b.Type, b.Seconds, until)
	}
	if s.Billing == 0 {
		fmt.Fprintln(t, "nothing is billing")
	}
	return t.Flush()
}

func stepList(steps map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(steps)) {
		list = append(list, name+":"+steps[name])
	}
	return strings.Join(list, " ")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateTime)
}
