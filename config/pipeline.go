// Package config holds what the user writes, lamplighter.yaml and
// environments/NAME.yaml, and reads it strictly: all problems at once, each
// with its place and its mend. It imports no package of ours.
package config

// Pipeline is lamplighter.yaml: what to do each night.
type Pipeline struct {
	Version   int               `yaml:"version" json:"version"`
	Pipeline  string            `yaml:"pipeline" json:"pipeline"`
	Schedule  Schedule          `yaml:"schedule" json:"schedule"`
	Partition string            `yaml:"partition_zone" json:"partition_zone,omitempty"` // zone of {yyyy}/{mm}/{dd}; default UTC
	Budget    Budget            `yaml:"budget" json:"budget,omitzero"`
	Tags      map[string]string `yaml:"tags" json:"tags,omitempty" read:"scalar"`
	Notify    []map[string]any  `yaml:"notify" json:"notify,omitempty"`
	Warehouse *Warehouse        `yaml:"warehouse" json:"warehouse,omitempty"` // nil: no step needs one
	Spark     *Spark            `yaml:"spark" json:"spark,omitempty"`         // nil: no step needs one
	Steps     []Step            `yaml:"steps" json:"steps"`

	// MigrationFiles are the files of warehouse.migrations, by number.
	MigrationFiles []Migration `yaml:"-" json:"migration_files,omitempty"`

	Dir  string `yaml:"-" json:"-"` // folder of the file: relative paths start there
	Hash string `yaml:"-" json:"-"` // sha256 of the file's bytes, hex
}

// A field of text takes only text in the file: a number there is an error that
// asks for quotes. Fields tagged `read:"scalar"` take numbers and booleans too,
// character by character as they are written.

// Schedule says when a run's window opens and how long it is.
type Schedule struct {
	Cron     string   `yaml:"cron" json:"cron"` // five fields
	Timezone string   `yaml:"timezone" json:"timezone"`
	LastCall Duration `yaml:"last_call" json:"last_call"` // from opens: nothing begins after it
	HardStop Duration `yaml:"hard_stop" json:"hard_stop"` // from opens: everything is gone
	ReadyBy  string   `yaml:"ready_by" json:"ready_by,omitempty"`
}

// Budget limits what a run and a month may cost, in US dollars; 0: no limit.
type Budget struct {
	RunUSD   float64 `yaml:"run_usd" json:"run_usd,omitempty"`
	MonthUSD float64 `yaml:"month_usd" json:"month_usd,omitempty"`
}

// Warehouse is the Redshift side.
type Warehouse struct {
	Engine        WarehouseEngine `yaml:"engine" json:"engine"`
	Admin         string          `yaml:"admin" json:"admin,omitempty"`           // default lamplighter
	Migrations    string          `yaml:"migrations" json:"migrations,omitempty"` // folder of NNN_name.sql
	KeepSnapshots int             `yaml:"keep_snapshots" json:"keep_snapshots"`   // default 7
}

// Migration is one numbered SQL file, applied once to a warehouse, for ever.
type Migration struct {
	Number int    `json:"number"`
	Name   string `json:"name"` // file name, 001_tables.sql
	Text   string `json:"text"`
	SHA256 string `json:"sha256"` // of the file's bytes, hex
}

// WarehouseEngine is exactly one of its members.
type WarehouseEngine struct {
	Provisioned *Provisioned `yaml:"provisioned" json:"provisioned,omitempty"`
}

// Provisioned is a cluster of nodes.
type Provisioned struct {
	NodeType    string `yaml:"node_type" json:"node_type"`
	Nodes       int    `yaml:"nodes" json:"nodes"`
	BetweenRuns string `yaml:"between_runs" json:"between_runs"` // delete (default); pause is to come
}

// Step is one work step: exactly one of the pointers is set, and Name and
// Kind say which.
type Step struct {
	Kind   string    `yaml:"-" json:"kind"` // load sql check unload spark
	Name   string    `yaml:"-" json:"name"`
	Line   int       `yaml:"-" json:"line"` // in lamplighter.yaml, for messages
	Needs  []string  `yaml:"-" json:"needs,omitempty"`
	Load   *Load     `yaml:"-" json:"load,omitempty"`
	SQL    *SQL      `yaml:"-" json:"sql,omitempty"`
	Check  *Check    `yaml:"-" json:"check,omitempty"`
	Unload *Unload   `yaml:"-" json:"unload,omitempty"`
	Spark  *SparkJob `yaml:"-" json:"spark,omitempty"`
}

// Load copies S3 objects into a table. Its source is From (a pattern, see
// Pattern) or Reads (a dataset of this run: step, or step/folder).
type Load struct {
	Into         string       `yaml:"into" json:"into"` // default: the step's name
	From         string       `yaml:"from" json:"from,omitempty"`
	Reads        string       `yaml:"reads" json:"reads,omitempty"`
	Since        string       `yaml:"since" json:"since,omitempty"` // 2006-01-02; required for a dated From
	CompleteWhen CompleteWhen `yaml:"complete_when" json:"complete_when,omitzero"`
	LookBack     Duration     `yaml:"look_back" json:"look_back,omitempty"` // how long before data through late objects are looked for; 0: since
	Fresh        Duration     `yaml:"fresh" json:"fresh,omitempty"`
	OnFail       string       `yaml:"on_fail" json:"on_fail,omitempty"` // fail (default), warn, quarantine: what a batch that fails does
	Mode         string       `yaml:"mode" json:"mode"`                 // append (default), replace, upsert
	Columns      []string     `yaml:"columns" json:"columns,omitempty"`
	Format       Format       `yaml:"format" json:"format,omitzero"`
	Compression  string       `yaml:"compression" json:"compression,omitempty"` // see Compressions

	Key             []string `yaml:"key" json:"key,omitempty"`                           // of an upsert
	PartitionColumn string   `yaml:"partition_column" json:"partition_column,omitempty"` // holds a row's day, or an instant of it
	OnChange        string   `yaml:"on_change" json:"on_change,omitempty"`               // fail (default) or replace: what a loaded object that changed does
	MaxErrors       int      `yaml:"max_errors" json:"max_errors,omitempty"`             // rows of a COPY that may be refused; 0: none

	Checks  []LoadCheck `yaml:"checks" json:"checks,omitempty"`
	Timeout Duration    `yaml:"timeout" json:"timeout,omitempty"`
}

// CompleteWhen says when a partition (a day or an hour) may be read: so long
// after it ended, or when its folder holds a marker. An undated source is read
// when it changed. Exactly one member.
type CompleteWhen struct {
	DayEnded Duration `yaml:"day_ended" json:"day_ended,omitempty"` // default 30m
	Marker   string   `yaml:"marker" json:"marker,omitempty"`       // name of an object in the partition's folder: _SUCCESS
	Changed  bool     `yaml:"changed" json:"changed,omitempty"`
}

// SQL runs a script in the warehouse.
type SQL struct {
	File    string   `yaml:"file" json:"file,omitempty"`
	Query   string   `yaml:"query" json:"query,omitempty"`
	Text    string   `yaml:"-" json:"text"` // what File or Query holds, filled in by the loader
	Timeout Duration `yaml:"timeout" json:"timeout,omitempty"`
}

// Check compares the one value of a query with what is expected.
type Check struct {
	Query    string   `yaml:"query" json:"query"`
	Expect   string   `yaml:"expect" json:"expect" read:"scalar"` // as written: 0
	Severity string   `yaml:"severity" json:"severity,omitempty"` // error (default), warn
	Timeout  Duration `yaml:"timeout" json:"timeout,omitempty"`
}
