// Package clienttest runs lamplighter's own warehouse sessions against the
// embedded warehouse: the SQL of resources/warehouse is proven here, end to
// end, over TLS.
package clienttest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	embedded "lamplighter/localcloud/warehouse"
	"lamplighter/resources"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/warehouse"
)

const (
	cluster = "lamplighter-movielens-abcde-20261122-1-1-00000"
	admin   = "lamplighter"
	role    = "arn:aws:iam::000000000000:role/warehouse"
)

var background = context.Background()

// cloud is an embedded warehouse with one cluster, and its S3.
type cloud struct {
	t     *testing.T
	s3    *store
	plane *embedded.Plane
	dir   string
	n     atomic.Int64
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, s3: newStore(t), dir: t.TempDir()}
	c.start()
	c.wait(func(done func(error)) {
		c.plane.Create(cluster, simcloud.ClusterSpec{NodeType: "ra3.large", Nodes: 2, Database: "dev", MasterUser: admin, MasterPassword: "Unused-1234567890"}, done)
	})
	return c
}

func (c *cloud) start() {
	c.t.Helper()
	plane, err := embedded.New(embedded.Config{Dir: c.dir, S3Endpoint: c.s3.url, Region: "us-east-1", MemoryLimit: "512MB", Threads: 1,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
	if err != nil {
		c.t.Fatal(err)
	}
	c.plane = plane
	c.t.Cleanup(func() { c.stop(plane) })
}

func (c *cloud) stop(plane *embedded.Plane) {
	ctx, cancel := context.WithTimeout(background, 30*time.Second)
	defer cancel()
	if err := plane.Close(ctx); err != nil {
		c.t.Log("close:", err)
	}
}

// wait runs something of the plane to its end.
func (c *cloud) wait(start func(done func(error))) {
	c.t.Helper()
	ended := make(chan error, 1)
	start(func(err error) { ended <- err })
	if err := <-ended; err != nil {
		c.t.Fatal(err)
	}
}

// controller is a fresh process of lamplighter: its first session on a cluster
// ends all others.
func (c *cloud) controller() *warehouse.Server {
	return &warehouse.Server{
		Locate: func(_ context.Context, id string) (string, int, error) {
			host, port, ok := c.plane.Endpoint(id)
			if !ok {
				return "", 0, resources.Faultf(resources.Gone, "no cluster %s", id)
			}
			return host, port, nil
		},
		Login: func(_ context.Context, id string) (string, string, error) {
			password := fmt.Sprintf("Temporary-%d", c.n.Add(1))
			err := c.plane.AddLogin(id, simcloud.Login{User: admin, Password: password, Until: time.Now().Add(time.Hour)})
			return "IAM:" + admin, password, err
		},
		Database: "dev", Admin: admin, Application: "movielens/2026-11-22/1", CAFile: c.plane.CAFile(),
		Get: c.s3.Get, Put: c.s3.Put, Head: c.s3.Head, Scratch: "s3://lake/scratch/",
	}
}

func (c *cloud) open(s *warehouse.Server) warehouse.Session {
	c.t.Helper()
	session, err := s.Open(background, cluster)
	if err != nil {
		c.t.Fatalf("open: %v", err)
	}
	c.t.Cleanup(func() { session.Close() })
	return session
}

// ready is a session on a warehouse with the tables of the tests.
func (c *cloud) ready() warehouse.Session {
	c.t.Helper()
	s := c.open(c.controller())
	ran, err := s.Script(background, migration("001_tables", `
		create table ratings (user_id integer, movie_id integer, rating decimal(2,1), rated_at timestamp) distkey(user_id) sortkey(movie_id);
		create table movies (movie_id integer, title varchar(20));
		create schema sales;
		create table sales.orders (id integer)`))
	if err != nil || ran.Already {
		c.t.Fatalf("migration: %+v, %v", ran, err)
	}
	return s
}

func migration(step, text string) warehouse.Script {
	statements, err := warehouse.Cut(text)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256([]byte(strings.Join(statements, ";")))
	return warehouse.Script{Statements: statements, Receipt: warehouse.Receipt{Run: warehouse.MigrationRun, Step: step, SHA256: hex.EncodeToString(sum[:])}}
}

// day writes one object of ratings of a day.
func (c *cloud) day(day, name string, lines ...string) warehouse.Object {
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	fmt.Fprintf(w, "user_id,movie_id,rating,rated_at\n%s\n", strings.Join(lines, "\n"))
	w.Close()
	return c.s3.put("events/ratings/"+strings.ReplaceAll(day, "-", "/")+"/"+name+".csv.gz", body.String(), day)
}

// batch is a load of ratings.
func (c *cloud) batch(objects ...warehouse.Object) warehouse.Batch {
	id := c.n.Add(1)
	return warehouse.Batch{
		Table: "ratings", Mode: warehouse.Append, Format: warehouse.Format{Kind: "csv", Header: true, Compression: "gzip"},
		Objects: objects, Manifest: c.s3.manifest(fmt.Sprintf("lake/manifests/%d.json", id), objects),
		Rest: func(_ context.Context, rest []warehouse.Object) (string, error) {
			return c.s3.manifest(fmt.Sprintf("lake/manifests/%d-rest.json", id), rest), nil
		},
		Role: role, Region: "us-east-1", Run: "2026-11-22", Attempt: 1, Step: "ratings", Timeout: time.Minute,
	}
}

// movies is a load that replaces the table.
func (c *cloud) movies(body string) warehouse.Batch {
	o := c.s3.put("events/movies.csv", body, "")
	b := c.batch(o)
	b.Table, b.Mode, b.Format, b.Step = "movies", warehouse.Replace, warehouse.Format{Kind: "csv"}, "movies"
	return b
}

func (c *cloud) load(s warehouse.Session, b warehouse.Batch, want warehouse.Loaded) {
	c.t.Helper()
	got, err := s.Load(background, b)
	if err != nil || !reflect.DeepEqual(got, want) {
		c.t.Fatalf("load of %s: got %+v, %v, want %+v", b.Table, got, err, want)
	}
}

// is checks a query's value.
func (c *cloud) is(s warehouse.Session, query, want string) {
	c.t.Helper()
	got, null, err := s.Query(background, query)
	if null {
		got = "NULL"
	}
	if err != nil || got != want {
		c.t.Fatalf("%s: got %q, %v, want %q", query, got, err, want)
	}
}
