package warehouse

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jackc/pgx/v5"
)

// TestDiskFull: what grows is refused on a full disk, what frees room is not,
// and nothing that was committed is lost.
func TestDiskFull(t *testing.T) {
	const limit = 12 << 20
	dir := t.TempDir()
	p, err := New(Config{Dir: dir, S3Endpoint: "http://127.0.0.1:1", Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", ""), MemoryLimit: "512MB", DiskLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(t.Context()) })
	create(t, p, "c1")
	c := dial(t, dsn(t, p, "c1"), pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE small (n INT)")
	exec(t, c, "INSERT INTO small VALUES (1)")
	exec(t, c, "CREATE TABLE big (n BIGINT, s VARCHAR(64))")
	const fill = "INSERT INTO big SELECT range, sha256(range::varchar) FROM range(%)"
	refuse(t, c, "53100", strings.ReplaceAll(fill, "%", "30000000")) // ended while it fills the disk
	if got := one(t, c, "SELECT count(*) FROM big"); got != "0" {
		t.Fatalf("half a statement stayed: %s rows", got)
	}
	full := false
	for range 20 {
		if _, err := c.Exec(t.Context(), strings.ReplaceAll(fill, "%", "150000")); err != nil {
			if code(err) != "53100" || !strings.Contains(err.Error(), "Disk Full") {
				t.Fatal(err)
			}
			full = true
			break
		}
	}
	if !full {
		t.Fatal("the disk was never full")
	}
	for _, q := range []string{"INSERT INTO small VALUES (2)", "CREATE TABLE more AS SELECT 1 AS a", "UPDATE small SET n = 2", "COPY small FROM 's3://b/k' IAM_ROLE 'arn:aws:iam::1:role/r'"} {
		refuse(t, c, "53100", q)
	}
	exec(t, c, "BEGIN")
	refuse(t, c, "53100", "INSERT INTO small VALUES (2)")
	exec(t, c, "ROLLBACK")
	if got := one(t, c, "SELECT sum(n) FROM small"); got != "1" {
		t.Errorf("small is now %s", got)
	}
	exec(t, c, "DELETE FROM big")
	exec(t, c, "DROP TABLE big")
	exec(t, c, "VACUUM")
	exec(t, c, "INSERT INTO small VALUES (2)")
	if got := one(t, c, "SELECT sum(n) FROM small"); got != "3" {
		t.Errorf("after room was made: %s", got)
	}
}
