package controller

import (
	"testing"
	"time"
	_ "time/tzdata" // zones that the machine may not have
)

func TestThrough(t *testing.T) {
	for _, c := range []struct{ opens, zone, day, hour string }{
		{"2026-11-22T06:00:00Z", "UTC", "2026-11-21", "2026-11-22T04"},
		{"2026-11-22T06:30:00Z", "UTC", "2026-11-21", "2026-11-22T05"},
		{"2026-11-22T00:10:00Z", "UTC", "2026-11-20", "2026-11-21T22"},
		// 01:00 to 02:00 passes twice, and is over after the second time
		{"2026-11-01T06:40:00Z", "America/New_York", "2026-10-31", "2026-11-01T00"},
		{"2026-11-01T07:40:00Z", "America/New_York", "2026-10-31", "2026-11-01T01"},
		// there is no 02:00 to 03:00
		{"2026-03-08T07:40:00Z", "America/New_York", "2026-03-07", "2026-03-08T02"},
		// there is no midnight
		{"2026-04-25T07:00:00Z", "Africa/Cairo", "2026-04-24", "2026-04-25T08"},
	} {
		opens, err := time.Parse(time.RFC3339, c.opens)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if day, hour := DataThrough(opens, 30*time.Minute, zone), HoursThrough(opens, 30*time.Minute, zone); day != c.day || hour != c.hour {
			t.Errorf("%s in %s: through %s and %s, want %s and %s", c.opens, c.zone, day, hour, c.day, c.hour)
		}
	}
}
