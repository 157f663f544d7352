package warehouse

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// BenchmarkCopy loads two million ratings from 739 gzipped objects, a tenth of
// what a bootstrap of twenty years has:
//
//	go test ./warehouse -run xxx -bench Copy -benchtime 3x
func BenchmarkCopy(b *testing.B) {
	const objects, rows = 739, 2706
	s3 := newS3(b)
	for o := range objects {
		var body bytes.Buffer
		z := gzip.NewWriter(&body)
		fmt.Fprintln(z, "user_id,movie_id,rating,rated_at")
		for i := range rows {
			n := o*rows + i
			fmt.Fprintf(z, "%d,%d,%d.%d,2026-%02d-%02d %02d:%02d:%02d\n", n%162541, n%59047, n%5, n%2*5, n%12+1, n%28+1, n%24, n%60, n%59)
		}
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
		s3.put(fmt.Sprintf("b/in/%04d.csv.gz", o), body.String())
	}
	p := newPlane(b, b.TempDir(), s3.URL)
	create(b, p, "c1")
	conn := dial(b, dsn(b, p, "c1"), pgx.QueryExecModeSimpleProtocol)
	exec(b, conn, "CREATE TABLE ratings (user_id INT, movie_id INT, rating DECIMAL(2,1), rated_at TIMESTAMP)")
	before := cpu()
	for b.Loop() {
		exec(b, conn, "COPY ratings FROM 's3://b/in/'"+role+"CSV GZIP IGNOREHEADER 1")
	}
	b.ReportMetric(float64(objects*rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric((cpu()-before).Seconds()/float64(b.N), "cpu-s/op") // a busy machine does not change it much
}

// cpu is the time that this process has computed for.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkUnload unloads two million ratings in each format.
func BenchmarkUnload(b *testing.B) {
	s3 := newS3(b)
	p := newPlane(b, b.TempDir(), s3.URL)
	create(b, p, "c1")
	conn := dial(b, dsn(b, p, "c1"), pgx.QueryExecModeSimpleProtocol)
	exec(b, conn, "CREATE TABLE ratings AS SELECT i % 162541 AS user_id, i % 59047 AS movie_id, (i % 10)::DECIMAL(3,1) AS rating, TIMESTAMP '2026-01-01' AS rated_at FROM generate_series(1, 2000000) g(i)")
	for _, format := range []string{"PARQUET", "CSV", "JSON", "CSV GZIP"} {
		b.Run(format, func(b *testing.B) {
			before := cpu()
			for b.Loop() {
				exec(b, conn, "UNLOAD ('SELECT * FROM ratings') TO 's3://b/out/'"+role+"ALLOWOVERWRITE "+format)
			}
			b.ReportMetric((cpu()-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
