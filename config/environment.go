package config

// Environment is environments/NAME.yaml: where a pipeline runs.
type Environment struct {
	Name        string                    `yaml:"-" json:"name"`
	Account     string                    `yaml:"account" json:"account"` // 12 digits; refuses to act in any other
	Region      string                    `yaml:"region" json:"region"`
	Bucket      string                    `yaml:"bucket" json:"bucket"` // journal, datasets, published results
	Logs        string                    `yaml:"logs" json:"logs"`     // s3://bucket/prefix/ for EMR's logs
	Database    string                    `yaml:"database" json:"database"`
	EndpointURL string                    `yaml:"endpoint_url" json:"endpoint_url,omitempty"`
	Credentials *Credentials              `yaml:"credentials" json:"credentials,omitempty"` // required with endpoint_url
	Connect     Connect                   `yaml:"connect" json:"connect,omitzero"`
	Roles       Roles                     `yaml:"roles" json:"roles"`
	Network     Network                   `yaml:"network" json:"network,omitzero"`
	Warehouse   WarehousePlace            `yaml:"warehouse" json:"warehouse,omitzero"`
	KillSwitch  KillSwitch                `yaml:"kill_switch" json:"kill_switch,omitzero"`
	Timing      Timing                    `yaml:"timing" json:"timing,omitzero"`
	Connections map[string]map[string]any `yaml:"connections" json:"connections,omitempty"`

	Dir  string `yaml:"-" json:"-"` // folder of the file: relative paths start there
	File string `yaml:"-" json:"-"` // the file as it was named to the loader
}

// Credentials are a profile of a shared credentials file.
type Credentials struct {
	File    string `yaml:"file" json:"file"` // relative to the environment file
	Profile string `yaml:"profile" json:"profile"`
}

// Connect overrides how the warehouse is reached; empty: its own endpoint.
type Connect struct {
	CAFile        string `yaml:"ca_file" json:"ca_file,omitempty"` // relative to the environment file
	Host          string `yaml:"host" json:"host,omitempty"`
	Port          int    `yaml:"port" json:"port,omitempty"`
	TLSServerName string `yaml:"tls_server_name" json:"tls_server_name,omitempty"`
}

// Roles are IAM roles by ARN.
type Roles struct {
	Warehouse            string `yaml:"warehouse" json:"warehouse"`
	SparkService         string `yaml:"spark_service" json:"spark_service"`
	SparkInstanceProfile string `yaml:"spark_instance_profile" json:"spark_instance_profile"`
	KillSwitch           string `yaml:"kill_switch" json:"kill_switch"`
}

// Network places clusters.
type Network struct {
	WarehouseSubnetGroup    string              `yaml:"warehouse_subnet_group" json:"warehouse_subnet_group,omitempty"`
	WarehouseSecurityGroups []string            `yaml:"warehouse_security_groups" json:"warehouse_security_groups,omitempty"`
	SparkSubnets            []string            `yaml:"spark_subnets" json:"spark_subnets,omitempty"`
	SparkSecurityGroups     SparkSecurityGroups `yaml:"spark_security_groups" json:"spark_security_groups,omitzero"`
}

// SparkSecurityGroups are EMR's managed groups.
type SparkSecurityGroups struct {
	Primary string `yaml:"primary" json:"primary,omitempty"`
	Workers string `yaml:"workers" json:"workers,omitempty"`
	Service string `yaml:"service" json:"service,omitempty"`
}

// WarehousePlace is what a create or restore sets besides the network.
type WarehousePlace struct {
	ParameterGroup   string `yaml:"parameter_group" json:"parameter_group,omitempty"`
	SnapshotSchedule string `yaml:"snapshot_schedule" json:"snapshot_schedule,omitempty"`
	KMSKey           string `yaml:"kms_key" json:"kms_key,omitempty"`
	Port             int    `yaml:"port" json:"port,omitempty"` // default 5439
}

// KillSwitch names where schedules live and where their failures go.
type KillSwitch struct {
	Group           string `yaml:"group" json:"group,omitempty"` // default "default"
	DeadLetterQueue string `yaml:"dead_letter_queue" json:"dead_letter_queue,omitempty"`
}

// Timing is how this place behaves; AWS needs none of it set.
type Timing struct {
	// Grace is how long after a create an absence proves nothing: the longest
	// lag of a read and a call's deadline. Default 5m.
	Grace Duration `yaml:"grace" json:"grace,omitempty"`
	// Poll is how long to wait between two looks at a state that is expected to
	// change. Default 5s.
	Poll Duration `yaml:"poll" json:"poll,omitempty"`
	// KillSwitchMargin is how long after the hard stop the kill switch first
	// fires: a controller that is alive has ended everything by then. Default 30m.
	KillSwitchMargin Duration `yaml:"kill_switch_margin" json:"kill_switch_margin,omitempty"`
}
