// Package warehouse speaks SQL to a Redshift cluster. Its seam is a Session
// that is asked for whole things, each one transaction: load this batch, run
// this script, answer this query, unload this. The simulated cloud stands in
// at this seam; the SQL behind it is proven on the embedded cloud.
//
// What the warehouse itself remembers lives in its schema "lamplighter", and
// so travels inside its snapshots: one ledger table per loaded table (which
// objects are in it), receipts (which scripts ran) and migrations.
package warehouse

import (
	"context"
	"time"
)

// Opener opens sessions on a cluster by its identifier.
type Opener interface {
	// Open finds the cluster's endpoint, gets a fresh login and connects. The
	// first Open of a process on a cluster ends every other session of the
	// admin user there, so that nothing waits for the locks of a controller
	// that vanished (DESIGN: sessions of an older epoch are ended first).
	// Errors are Faults: Retry when nothing answers yet, Gone when there is no
	// such cluster.
	Open(ctx context.Context, cluster string) (Session, error)
}

// Session is one connection. All methods block for as long as the SQL takes
// and honour ctx; each is one transaction unless it says otherwise. Errors are
// Faults; Unknown means that a commit may or may not have happened: ask again,
// the ledger and receipts make every method repeatable.
type Session interface {
	// Load loads a batch once: objects already in the ledger are left out, and
	// when none is left the recorded result is returned with Already set.
	Load(ctx context.Context, b Batch) (Loaded, error)
	// Script runs the statements of a script once per Receipt and returns
	// Already when its receipt is there.
	Script(ctx context.Context, s Script) (Ran, error)
	// Query returns the single value of a query's only row and column, as text;
	// "" with null=true for NULL. More or less than one value is Permanent.
	Query(ctx context.Context, sql string) (value string, null bool, err error)
	// Unload writes a query's rows under a fresh prefix and verifies its
	// manifest. Zero rows are an outcome: Unloaded.Rows is 0, Manifest is "".
	Unload(ctx context.Context, u Unload) (Unloaded, error)
	// Analyze refreshes statistics of tables. Not in a transaction.
	Analyze(ctx context.Context, tables []string) error
	// Ledger reads the whole ledger and its watermark in one snapshot.
	Ledger(ctx context.Context) (Ledger, error)
	// Watermark reads what Ledger would, without the entries.
	Watermark(ctx context.Context) (Watermark, error)
	// Close ends the connection. Repeat calls do nothing.
	Close() error
}

// Object is one S3 object as it was when the batch was sealed.
type Object struct {
	URI       string `json:"uri"` // s3://bucket/key
	ETag      string `json:"etag"`
	Size      int64  `json:"size"`                // bytes
	Partition string `json:"partition,omitempty"` // 2026-11-21, or "" for undated sources
}

// Batch is what one Load does, as one transaction.
type Batch struct {
	Table    string   `json:"table"`             // [schema.]table
	Mode     string   `json:"mode"`              // append, replace or upsert
	Columns  []string `json:"columns,omitempty"` // of the file, in order; empty: the table's own
	Format   Format   `json:"format"`
	Manifest string   `json:"manifest"` // URI of the COPY manifest that lists exactly Objects
	// Rest is called instead of using Manifest when one COPY is to read other
	// objects than all of the batch: it writes their manifest and returns its URI.
	Rest    func(context.Context, []Object) (string, error) `json:"-"`
	Objects []Object                                        `json:"objects"` // by partition; of a partition that is replaced all there are
	// Key are the columns by which an upsert finds a row again.
	Key []string `json:"key,omitempty"`
	// PartitionColumn says of which partition a row is: it holds the day or hour,
	// or an instant within it. With it, replace takes out the rows of the batch's
	// partitions only, and not those of the whole table.
	PartitionColumn string `json:"partition_column,omitempty"`
	// Anew: an object that was loaded with another ETag is loaded anew: its
	// partition is replaced, or its rows upserted. Else it fails the load.
	Anew      bool          `json:"anew,omitempty"`
	MaxErrors int           `json:"max_errors,omitempty"` // rows that may be refused; 0: none
	Checks    []Check       `json:"checks,omitempty"`
	Rows      []RowsBound   `json:"rows,omitempty"`
	Role      string        `json:"role"` // IAM role ARN for COPY
	Region    string        `json:"region,omitempty"`
	Run       string        `json:"run"`
	Attempt   int           `json:"attempt"`
	Step      string        `json:"step"`
	Timeout   time.Duration `json:"timeout,omitempty"` // statement_timeout; 0: none
	// Unchanged is called right before COMMIT; an error rolls back. It heads
	// every object again, because COPY reads what is there, not what was listed.
	Unchanged func(context.Context) error `json:"-"`
}

// Loaded is what a batch put into its table.
type Loaded struct {
	Rows     int64    `json:"rows"`    // rows this batch committed (from the ledger when Already)
	Objects  int      `json:"objects"` // objects this batch committed
	LoadID   int64    `json:"load_id"` // highest load id of the table's ledger after it
	Already  bool     `json:"already,omitempty"`
	Rejected *Rejects `json:"rejected,omitempty"` // nil: no row was refused
	// Warnings are the checks of severity warn that were not met.
	Warnings []Unmet `json:"warnings,omitempty"`
}

// Script is a sql step or a migration.
type Script struct {
	Receipt    Receipt
	Statements []string // cut and with :parameters filled in, in order
	Timeout    time.Duration
	Role       string
}

// Receipt says once for all that a script ran: for a sql step per run and
// attempt, for a migration (Run "migration", Attempt 0) once for ever.
type Receipt struct {
	Run     string `json:"run"`
	Attempt int    `json:"attempt"`
	Step    string `json:"step"`
	SHA256  string `json:"sha256"` // of the statements, hex
}

// Ran is what a script did.
type Ran struct {
	Rows    int64 `json:"rows"` // affected, summed over its statements
	Already bool  `json:"already,omitempty"`
}

// Unload is one UNLOAD with MANIFEST VERBOSE.
type Unload struct {
	Query   string        `json:"query"`
	Prefix  string        `json:"prefix"` // s3://bucket/…/ fresh, ends in /
	Files   Files         `json:"files"`
	Role    string        `json:"role"`
	Region  string        `json:"region,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Files is how an unload's files are written and how the rows are shared out
// among them.
type Files struct {
	Format      string   `json:"format"`                 // parquet, csv, json
	Header      bool     `json:"header,omitempty"`       // csv: the first line of each file names the columns
	Delimiter   string   `json:"delimiter,omitempty"`    // csv: one character, default ","
	NullAs      string   `json:"null_as,omitempty"`      // csv: how NULL is written; "": as an empty field
	Compression string   `json:"compression,omitempty"`  // csv, json: "" or gzip, bzip2, zstd
	PartitionBy []string `json:"partition_by,omitempty"` // columns
	MaxMB       int64    `json:"max_mb,omitempty"`       // of one file
	Single      bool     `json:"single,omitempty"`       // one file
	OrderBy     []string `json:"order_by,omitempty"`     // with Single: column, or column desc
}

// Unloaded is a complete, verified dataset as the warehouse wrote it.
type Unloaded struct {
	Prefix   string   `json:"prefix"`
	Manifest string   `json:"manifest,omitempty"` // URI of UNLOAD's own manifest, "" when there were no rows
	Rows     int64    `json:"rows"`
	Objects  []Object `json:"objects,omitempty"`
	Columns  []string `json:"columns,omitempty"`
}

// Entry is one loaded object in the ledger.
type Entry struct {
	LoadID  int64     `json:"load_id"` // one per committed batch of a table, growing
	Object  Object    `json:"object"`
	Rows    int64     `json:"rows"` // of the whole batch, the same in each of its entries
	Run     string    `json:"run"`
	Attempt int       `json:"attempt"`
	Step    string    `json:"step"`
	At      time.Time `json:"at"` // the warehouse's clock
}

// Mark is how far one table of the ledger has come.
type Mark struct {
	Rows int64 `json:"rows"`
	Max  int64 `json:"max"` // highest load id; of receipts and migrations, their count
}

// Watermark says which state of the warehouse this is: per ledger table (by
// the loaded table's name, and "receipts") how far it has come.
type Watermark map[string]Mark

// Equal compares two watermarks.
func (w Watermark) Equal(o Watermark) bool {
	if len(w) != len(o) {
		return false
	}
	for k, m := range w {
		if n, ok := o[k]; !ok || n != m {
			return false
		}
	}
	return true
}

// Ledger is what a warehouse knows of itself.
type Ledger struct {
	Watermark Watermark          `json:"watermark"`
	Tables    map[string][]Entry `json:"tables"` // by loaded table, ordered by load id then URI
	Receipts  []Receipt          `json:"receipts"`
}
