package crashtest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	_ "github.com/duckdb/duckdb-go/v2" // reads Parquet
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"lamplighter/controller"
	"lamplighter/controller/steps"
	"lamplighter/resources/warehouse"
)

var layout = controller.Layout{Bucket: ownBucket, Pipeline: "crash"}

// contents is what nights have made: what must be the same whatever died.
type contents struct {
	Tables   map[string][]string // every row as text, sorted
	Ledger   map[string][]string // what the ledger copy says is loaded: URI, ETag, bytes
	Inside   map[string][]string // the same, by the ledger in the restored warehouse
	Datasets map[string][]string // rows of published Parquet files, sorted
	Counts   map[string]int64    // of rows, by the published pointers
}

// contents reads everything; it restores the promoted snapshot by the SDK and
// asks it.
func (c *cloud) contents(t *testing.T, tables, datasets []string) contents {
	t.Helper()
	out := contents{map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string]int64{}}
	promoted := c.promoted(t)
	ledger, err := warehouse.DecodeLedger(c.get(t, promoted.Ledger.URI))
	if err != nil {
		t.Fatalf("%s: %v", promoted.Ledger.URI, err)
	}
	for table, entries := range ledger.Tables {
		for _, e := range entries {
			out.Ledger[table] = append(out.Ledger[table], fmt.Sprint(e.Object.URI, " ", e.Object.ETag, " ", e.Object.Size))
		}
		slices.Sort(out.Ledger[table])
	}
	for _, name := range datasets {
		out.Datasets[name], out.Counts[name] = c.dataset(t, name)
	}
	c.restored(t, promoted.Snapshot, func(ask func(sql string) []string) {
		for _, table := range tables {
			out.Tables[table] = ask("select * from " + table)
		}
		for table := range out.Ledger {
			out.Inside[table] = ask("select uri, etag, bytes from lamplighter.ledger_" + table)
		}
	})
	return out
}

// same fails the test where two contents differ.
func same(t *testing.T, got, want contents) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("it differs from the night that nothing disturbed (-undisturbed +this):\n%s", d)
	}
	for table, rows := range want.Ledger {
		if !slices.Equal(rows, want.Inside[table]) {
			t.Errorf("the ledger copy of %s is not the ledger: %s", table, cmp.Diff(want.Inside[table], rows))
		}
	}
	for _, all := range []map[string][]string{want.Tables, want.Ledger, want.Datasets} {
		for name, rows := range all {
			if len(rows) == 0 {
				t.Errorf("%s is empty: nothing was compared", name)
			}
		}
	}
}

func (c *cloud) promoted(t *testing.T) (p steps.Promoted) {
	t.Helper()
	c.json(t, layout.Promoted(), &p)
	return p
}

// json reads an object.
func (c *cloud) json(t *testing.T, uri string, into any) {
	t.Helper()
	if err := json.Unmarshal(c.get(t, uri), into); err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
}

func (c *cloud) get(t *testing.T, uri string) []byte {
	t.Helper()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	out, err := c.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", uri, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	fatal(t, err)
	return body
}

// dataset reads what readers of a dataset would.
func (c *cloud) dataset(t *testing.T, name string) (rows []string, count int64) {
	t.Helper()
	var p steps.Published
	c.json(t, layout.Published(name), &p)
	dir, files := t.TempDir(), []string{}
	for i, uri := range p.Files {
		if !strings.HasPrefix(uri, p.URI) {
			t.Errorf("dataset %s: %s does not lie under %s", name, uri, p.URI)
		}
		if strings.HasSuffix(uri, ".parquet") {
			files = append(files, fmt.Sprintf("'%s'", filepath.Join(dir, fmt.Sprint(i, ".parquet"))))
			fatal(t, os.WriteFile(strings.Trim(files[len(files)-1], "'"), c.get(t, uri), 0o644))
		}
	}
	db, err := sql.Open("duckdb", "")
	fatal(t, err)
	defer db.Close()
	found, err := db.QueryContext(t.Context(), "select found::varchar from read_parquet(["+strings.Join(files, ",")+"]) as found")
	fatal(t, err)
	defer found.Close()
	for found.Next() {
		var row string
		fatal(t, found.Scan(&row))
		rows = append(rows, row)
	}
	fatal(t, found.Err())
	slices.Sort(rows)
	return rows, p.Rows
}

// restored restores a snapshot as a person would, by the SDK, and lets use ask
// it; then the cluster is deleted. Rows come sorted.
func (c *cloud) restored(t *testing.T, snapshot string, use func(ask func(sql string) []string)) {
	t.Helper()
	id := aws.String("crashtest-look")
	_, err := c.redshift.RestoreFromClusterSnapshot(t.Context(), &awsredshift.RestoreFromClusterSnapshotInput{ClusterIdentifier: id, SnapshotIdentifier: &snapshot})
	fatal(t, err)
	var shown *awsredshift.DescribeClustersOutput
	until(t, "the restored cluster", func() bool {
		shown, err = c.redshift.DescribeClusters(t.Context(), &awsredshift.DescribeClustersInput{ClusterIdentifier: id})
		fatal(t, err)
		return *shown.Clusters[0].ClusterStatus == "available"
	})
	login, err := c.redshift.GetClusterCredentials(t.Context(), &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: id, DbUser: aws.String("lamplighter"), DbName: aws.String("dev")})
	fatal(t, err)
	at := shown.Clusters[0].Endpoint
	settings, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=dev sslmode=verify-full sslrootcert='%s'", *at.Address, *at.Port, c.env.Path(c.env.Connect.CAFile)))
	fatal(t, err)
	settings.User, settings.Password = *login.DbUser, *login.DbPassword
	conn, err := pgx.ConnectConfig(t.Context(), settings)
	fatal(t, err)
	use(func(sql string) []string { return ask(t, conn, sql) })
	fatal(t, conn.Close(context.WithoutCancel(t.Context())))
	_, err = c.redshift.DeleteCluster(t.Context(), &awsredshift.DeleteClusterInput{ClusterIdentifier: id, SkipFinalClusterSnapshot: aws.Bool(true)})
	fatal(t, err)
}

func ask(t *testing.T, conn *pgx.Conn, sql string) (rows []string) {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	for _, row := range results[0].Rows {
		var text []string
		for _, value := range row {
			if value == nil {
				text = append(text, "NULL")
				continue
			}
			text = append(text, string(value))
		}
		rows = append(rows, strings.Join(text, "|"))
	}
	slices.Sort(rows)
	// The ledger's separator is a space: one text for both.
	if strings.HasPrefix(sql, "select uri") {
		for i := range rows {
			rows[i] = strings.ReplaceAll(rows[i], "|", " ")
		}
	}
	return rows
}
