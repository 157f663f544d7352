package warehouse

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"

	"lamplighter/resources/simcloud"
)

const password = "Master-Pass-1"

// wait turns a call of the plane into a synchronous one.
func wait(t testing.TB, call func(done func(error))) {
	t.Helper()
	if err := try(call); err != nil {
		t.Fatal(err)
	}
}

func try(call func(done func(error))) error {
	c := make(chan error, 1)
	call(func(err error) { c <- err })
	return <-c
}

// newPlane is a plane in dir, with an S3 stand-in when endpoint is "".
func newPlane(t testing.TB, dir, endpoint string) *Plane {
	t.Helper()
	p, err := New(Config{Dir: dir, S3Endpoint: endpoint, Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", ""), MemoryLimit: "512MB"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func create(t testing.TB, p *Plane, id string) {
	t.Helper()
	wait(t, func(done func(error)) {
		p.Create(id, simcloud.ClusterSpec{Database: "dev", MasterUser: "lamplighter", MasterPassword: password}, done)
	})
}

// dsn of a cluster's master user.
func dsn(t testing.TB, p *Plane, id string) string {
	t.Helper()
	host, port, ok := p.Endpoint(id)
	if !ok {
		t.Fatalf("cluster %s has no endpoint", id)
	}
	return fmt.Sprintf("host=%s port=%d user=lamplighter password=%s database=dev sslmode=verify-full sslrootcert=%s client_encoding=UTF8", host, port, password, p.CAFile())
}

func dial(t testing.TB, dsn string, mode pgx.QueryExecMode) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, q string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

// one is the only value of a query, as text.
func one(t testing.TB, conn *pgx.Conn, q string, args ...any) string {
	t.Helper()
	rows, err := conn.Query(context.Background(), q, append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, args...)...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	out := ""
	for rows.Next() {
		if v := rows.RawValues()[0]; v == nil {
			out = "NULL"
		} else {
			out = string(v)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return out
}
