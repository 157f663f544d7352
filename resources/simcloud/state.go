package simcloud

import (
	"slices"
	"time"

	"lamplighter/resources"
)

// State is everything the control planes know, as JSON. Secrets are not in it.
// What is under way is told by a Move's Due and by instants, so that New can
// go on from any saved State.
type State struct {
	Seq       int         `json:"seq"` // numbers everything that needs a number
	Clusters  []*Cluster  `json:"clusters"`
	Snapshots []*Snapshot `json:"snapshots"`
	Flows     []*Flow     `json:"flows"` // ended ones too, oldest first
	Schedules []*Schedule `json:"schedules"`
	Usage     []Usage     `json:"usage"`
	Events    []Event     `json:"events,omitempty"` // of Redshift, oldest first
}

// Move is a transition under way.
type Move struct {
	Phase    Phase     `json:"phase"`
	Due      time.Time `json:"due"` // not before
	Snapshot string    `json:"snapshot,omitempty"`
	Bounce   bool      `json:"bounce,omitempty"` // the delete will come to nothing
}

// Cluster is a Redshift cluster that exists.
type Cluster struct {
	ID       string      `json:"id"`
	Gen      int         `json:"gen"` // tells it from a former cluster of the same name
	Status   string      `json:"status"`
	Mask     string      `json:"mask,omitempty"` // shown instead of Status
	Spec     ClusterSpec `json:"spec"`
	From     string      `json:"from,omitempty"` // the snapshot it was restored from
	Created  time.Time   `json:"created,omitzero"`
	Since    time.Time   `json:"since"` // of Status
	Settings Settings    `json:"settings"`
	Tags     []Tag       `json:"tags,omitempty"`
	Move     *Move       `json:"move,omitempty"`
}

// Settings of a cluster that the control plane only keeps and shows.
type Settings struct {
	SubnetGroup          string   `json:"subnet_group,omitempty"`
	SecurityGroups       []string `json:"security_groups,omitempty"`
	ParameterGroup       string   `json:"parameter_group,omitempty"`
	Roles                []string `json:"roles,omitempty"`
	DefaultRole          string   `json:"default_role,omitempty"`
	KMSKey               string   `json:"kms_key,omitempty"`
	Encrypted            bool     `json:"encrypted,omitempty"`
	Public               bool     `json:"public,omitempty"`
	EnhancedVPC          bool     `json:"enhanced_vpc,omitempty"`
	AllowVersionUpgrade  bool     `json:"allow_version_upgrade,omitempty"`
	Track                string   `json:"track,omitempty"`
	Zone                 string   `json:"zone,omitempty"`
	MaintenanceWindow    string   `json:"maintenance_window,omitempty"`
	AutomatedRetention   int32    `json:"automated_retention,omitempty"` // days
	ManualRetention      int32    `json:"manual_retention,omitempty"`    // days, -1 is for ever
	SnapshotSchedule     string   `json:"snapshot_schedule,omitempty"`
	ManageMasterPassword bool     `json:"manage_master_password,omitempty"`
}

// Tag is an AWS tag.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Snapshot is a Redshift snapshot that exists.
type Snapshot struct {
	ID         string       `json:"id"`
	Cluster    string       `json:"cluster"`
	ClusterGen int          `json:"cluster_gen"`
	Status     string       `json:"status"`
	Type       string       `json:"type"` // manual, automated
	Created    time.Time    `json:"created"`
	Since      time.Time    `json:"since"`
	Size       SnapshotSize `json:"size"`
	Spec       ClusterSpec  `json:"spec"` // of its cluster
	Settings   Settings     `json:"settings"`
	Retention  int32        `json:"retention"`         // days, -1 is for ever
	UsedBy     []string     `json:"used_by,omitempty"` // clusters that were restored from it
	Tags       []Tag        `json:"tags,omitempty"`
	Final      bool         `json:"final,omitempty"` // of a DeleteCluster
	Move       *Move        `json:"move,omitempty"`
}

// Flow is an EMR cluster.
type Flow struct {
	Spec        FlowSpec      `json:"spec"`
	Status      string        `json:"status"`
	Code        string        `json:"code,omitempty"` // StateChangeReason
	Message     string        `json:"message,omitempty"`
	Created     time.Time     `json:"created"`
	Ready       time.Time     `json:"ready,omitzero"`
	Ended       time.Time     `json:"ended,omitzero"`
	Fleets      []Fleet       `json:"fleets"`
	Steps       []FlowStep    `json:"steps"`
	KeepAlive   bool          `json:"keep_alive,omitempty"`
	Groups      bool          `json:"groups,omitempty"` // not fleets
	Bootstrap   []Bootstrap   `json:"bootstrap,omitempty"`
	Idle        time.Duration `json:"idle,omitempty"`   // of the auto-termination policy; 0 is none
	Waiting     time.Time     `json:"waiting,omitzero"` // since when it waits for steps
	Protected   bool          `json:"protected,omitempty"`
	Concurrency int           `json:"concurrency"`
	Subnets     []string      `json:"subnets,omitempty"`
	ServiceRole string        `json:"service_role,omitempty"`
	Tags        []Tag         `json:"tags,omitempty"`
	Move        *Move         `json:"move,omitempty"`
}

// Live says that the flow has not ended.
func (f *Flow) Live() bool { return f.Ended.IsZero() }

// Fleet is what one instance fleet or group of a flow got.
type Fleet struct {
	Role  string          `json:"role"` // MASTER, CORE, TASK
	Shape resources.Shape `json:"shape"`
}

// Bootstrap is a bootstrap action of a flow. Nothing runs it.
type Bootstrap struct {
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"`
}

// FlowStep is a step of a flow.
type FlowStep struct {
	Spec      StepSpec  `json:"spec"`
	OnFailure string    `json:"on_failure"`
	Status    string    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	LogFile   string    `json:"log_file,omitempty"`
	Exit      int       `json:"exit,omitempty"`
	Created   time.Time `json:"created"`
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
}

// Schedule is an EventBridge Scheduler schedule.
type Schedule struct {
	Group       string    `json:"group"`
	Name        string    `json:"name"`
	Gen         int       `json:"gen"`
	Expression  string    `json:"expression"`
	Zone        string    `json:"zone,omitempty"`
	State       string    `json:"state"` // ENABLED, DISABLED
	Start       time.Time `json:"start,omitzero"`
	End         time.Time `json:"end,omitzero"`
	DeleteAfter bool      `json:"delete_after,omitempty"`
	Target      Target    `json:"target"`
	Token       string    `json:"token,omitempty"`
	Created     time.Time `json:"created"`
	Next        time.Time `json:"next,omitzero"` // zero: never again
	Fired       int       `json:"fired,omitempty"`
}

// Target is what a schedule calls.
type Target struct {
	ARN           string `json:"arn"`
	RoleARN       string `json:"role_arn"`
	Input         string `json:"input"`
	DeadLetterARN string `json:"dead_letter_arn,omitempty"`
	MaxAge        int32  `json:"max_age,omitempty"` // seconds
	MaxRetries    int32  `json:"max_retries,omitempty"`
}

// Usage is something that billed, or still does when To is zero.
type Usage struct {
	Ref   resources.Ref   `json:"ref"`
	ID    string          `json:"id,omitempty"` // EMR: j-…
	Shape resources.Shape `json:"shape"`
	From  time.Time       `json:"from"`
	To    time.Time       `json:"to,omitzero"`
}

// Event is something that became of a Redshift cluster or snapshot.
type Event struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"` // resources.KindCluster, resources.KindSnapshot
	Name  string    `json:"name"`
	State string    `json:"state"`
}

// Alive is a cluster or flow that exists.
type Alive struct {
	Ref   resources.Ref `json:"ref"`
	ID    string        `json:"id,omitempty"` // EMR: j-…
	State string        `json:"state"`
	Bills bool          `json:"bills"`
}

func (a Alive) String() string {
	s := a.Ref.String() + " " + a.State
	if a.Bills {
		s += " (bills)"
	}
	return s
}

// The copies below are for views of the past: deep where something is changed
// in place, shared where it is only replaced.

func (c *Cluster) clone() *Cluster   { d := *c; return &d }
func (s *Snapshot) clone() *Snapshot { d := *s; return &d }
func (s *Schedule) clone() *Schedule { d := *s; return &d }
func (f *Flow) clone() *Flow {
	d := *f
	d.Steps = slices.Clone(f.Steps)
	return &d
}
