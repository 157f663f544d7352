package config

// Spark is the EMR side.
type Spark struct {
	Engine SparkEngine `yaml:"engine" json:"engine"`
}

// SparkEngine is exactly one of its members.
type SparkEngine struct {
	EMR *EMR `yaml:"emr" json:"emr,omitempty"`
}

// EMR is the shape of a transient cluster.
type EMR struct {
	Release        string          `yaml:"release" json:"release"` // emr-7.10.0
	Primary        string          `yaml:"primary" json:"primary"` // instance type
	Workers        Workers         `yaml:"workers" json:"workers"`
	Instances      string          `yaml:"instances" json:"instances,omitempty"`     // fleets (default), groups
	Concurrency    int             `yaml:"concurrency" json:"concurrency,omitempty"` // steps side by side, where none reads another's; default 1
	Applications   []string        `yaml:"applications" json:"applications,omitempty"`
	Bootstrap      []Bootstrap     `yaml:"bootstrap" json:"bootstrap,omitempty"`
	Configurations []Configuration `yaml:"configurations" json:"configurations,omitempty"`
}

// Workers are the core nodes.
type Workers struct {
	Types    []string `yaml:"types" json:"types"` // one CPU architecture
	Count    int      `yaml:"count" json:"count"`
	Spot     bool     `yaml:"spot" json:"spot,omitempty"`
	FallBack bool     `yaml:"fall_back" json:"fall_back,omitempty"` // to on-demand, when there is no Spot capacity; default true with spot
}

// Bootstrap is a program that each node runs before Spark is installed.
type Bootstrap struct {
	Path string   `yaml:"path" json:"path"` // s3:// URI, or a file relative to the pipeline file
	Args []string `yaml:"args" json:"args,omitempty" read:"scalar"`
	Body []byte   `yaml:"-" json:"body,omitempty"` // of a file, filled in by the loader
}

// Configuration sets properties of an application of the cluster.
type Configuration struct {
	Classification string            `yaml:"classification" json:"classification"` // spark-defaults
	Properties     map[string]string `yaml:"properties" json:"properties,omitempty" read:"scalar"`
	Configurations []Configuration   `yaml:"configurations" json:"configurations,omitempty"`
}

// SparkJob is a step on EMR. Its code is exactly one of Job (shipped), Main
// (Python), Jar with Class, and SQL.
type SparkJob struct {
	Job      string            `yaml:"job" json:"job,omitempty"`
	Main     string            `yaml:"main" json:"main,omitempty"` // path of a .py file, relative to the pipeline file, as all paths here
	Jar      string            `yaml:"jar" json:"jar,omitempty"`
	Class    string            `yaml:"class" json:"class,omitempty"` // of the jar, with its package
	SQL      string            `yaml:"sql" json:"sql,omitempty"`     // path of a .sql file in Spark's dialect
	PyFiles  []string          `yaml:"py_files" json:"py_files,omitempty"`
	Archives []string          `yaml:"archives" json:"archives,omitempty"` // env.tar.gz#env
	Packages []string          `yaml:"packages" json:"packages,omitempty"` // Maven: group:artifact:version
	Reads    []string          `yaml:"reads" json:"reads,omitempty"`       // datasets of this run: step, or step/folder
	Writes   []string          `yaml:"writes" json:"writes,omitempty"`     // the datasets below --writes, a folder each; none: one dataset
	Args     map[string]string `yaml:"args" json:"args,omitempty" read:"scalar"`
	Conf     map[string]string `yaml:"conf" json:"conf,omitempty" read:"scalar"` // Spark's own settings, as written
	Expect   map[string]Bounds `yaml:"expect" json:"expect,omitempty"`           // on metrics.json
	Publish  Publish           `yaml:"publish" json:"publish,omitzero"`
	Retries  int               `yaml:"retries" json:"retries"` // on another cluster when capacity was lost; default 2
	Timeout  Duration          `yaml:"timeout" json:"timeout"` // default 1h
}

// Bounds of a metric; nil: none.
type Bounds struct {
	Min *float64 `yaml:"min" json:"min,omitempty"`
	Max *float64 `yaml:"max" json:"max,omitempty"`
}
