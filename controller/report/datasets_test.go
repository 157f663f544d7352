package report_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lamplighter/controller/journal"
	"lamplighter/controller/report"
)

func TestDatasets(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	made := func(uri string, attempt int) *report.DatasetMade {
		return &report.DatasetMade{URI: uri, Rows: 1234, Objects: 1, Bytes: 2_500_000, ID: journal.AttemptID{Run: "2026-11-22", Attempt: attempt},
			At: now.Add(-90 * time.Minute), Through: "2026-11-21"}
	}
	one, two := made("s3://b/1/", 1), made("s3://b/2/", 2)
	got := report.Datasets([]report.DatasetStanding{
		{Name: "never"}, {Name: "kept", Newest: one}, {Name: "good", Newest: one, Published: one, Copies: "s3://lake/x/_data/2026-11-21/2026-11-22.1/"},
		{Name: "held", Newest: two, Published: one}, {Name: "old", Published: one},
	}, now, report.Look{Width: 200})
	want := `never  never written
kept  1,234 rows, 1 object, 2.5 MB · run 2026-11-22 attempt 1, data through 2026-11-21, 1h30m ago
    s3://b/1/
    not published
good  1,234 rows, 1 object, 2.5 MB · run 2026-11-22 attempt 1, data through 2026-11-21, 1h30m ago
    published s3://b/1/
    copies    s3://lake/x/_data/2026-11-21/2026-11-22.1/
held  1,234 rows, 1 object, 2.5 MB · run 2026-11-22 attempt 2, data through 2026-11-21, 1h30m ago
    s3://b/2/
    not published; readers follow that of run 2026-11-22 attempt 1, data through 2026-11-21
    published s3://b/1/
old  1,234 rows, 1 object, 2.5 MB · run 2026-11-22 attempt 1, data through 2026-11-21, 1h30m ago
    published s3://b/1/
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := report.Datasets(nil, now, report.Look{Width: 80}); got != "no step writes a dataset\n" {
		t.Error(got)
	}
}
