package report

import (
	"fmt"
	"strings"
	"time"

	"lamplighter/controller/journal"
)

// DatasetStanding is a dataset: the newest that its step made, and what readers
// follow. Either may be nil.
type DatasetStanding struct {
	Name              string
	Newest, Published *DatasetMade
	Copies            string // of what is published, under a prefix
}

// DatasetMade is one dataset and the attempt that made it.
type DatasetMade struct {
	URI                  string
	Rows, Objects, Bytes int64
	ID                   journal.AttemptID
	At                   time.Time // zero: not known
	Through              string    // the last day that it covers
}

// Datasets tells what datasets there are and where readers find them.
func Datasets(all []DatasetStanding, now time.Time, l Look) string {
	if len(all) == 0 {
		return "no step writes a dataset\n"
	}
	var b strings.Builder
	for _, d := range all {
		for i, line := range datasetLines(d, now) {
			if i == 0 {
				line = l.fit(line) // URIs are for copying: they are never cut
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func datasetLines(d DatasetStanding, now time.Time) (lines []string) {
	name := clean(d.Name)
	shown, p := d.Newest, d.Published
	if p != nil {
		if shown == nil {
			shown = p
		}
		if shown.URI != p.URI {
			lines = []string{"    " + shown.URI, "    not published; readers follow that of " + whose(*p)}
		}
		lines = append(lines, "    published "+p.URI)
		if d.Copies != "" {
			lines = append(lines, "    copies    "+d.Copies)
		}
	} else if shown != nil {
		lines = []string{"    " + shown.URI, "    not published"}
	}
	if shown == nil {
		return []string{name + "  never written"}
	}
	head := fmt.Sprintf("%s  %s, %s, %s · %s", name, count(shown.Rows, "row"), count(shown.Objects, "object"), size(shown.Bytes), whose(*shown))
	if !shown.At.IsZero() {
		head += ", " + span(now.Sub(shown.At)) + " ago"
	}
	return append([]string{head}, lines...)
}

func whose(m DatasetMade) string {
	return fmt.Sprintf("run %s attempt %d, data through %s", m.ID.Run, m.ID.Attempt, m.Through)
}
