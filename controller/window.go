package controller

import (
	"time"

	"lamplighter/controller/journal"
)

// Teardown is how long before the hard stop running work is cancelled, so
// that a snapshot and a delete still fit: by experience of small warehouses
// (aws-facts A9), and never more than a quarter of the window.
const Teardown = 20 * time.Minute

// WindowFrom counts a run's instants from the one at which it opens.
func WindowFrom(opens time.Time, lastCall, hardStop time.Duration) journal.Window {
	cutOff := max(hardStop-min(Teardown, hardStop/4), lastCall)
	return journal.Window{
		Opens:    opens,
		LastCall: opens.Add(lastCall),
		CutOff:   opens.Add(cutOff),
		HardStop: opens.Add(hardStop),
	}
}

// DataThrough is the last day of a zone that had ended for at least `ended`
// when the window opened, as 2026-11-21.
func DataThrough(opens time.Time, ended time.Duration, zone *time.Location) string {
	at := opens.Add(-ended).In(zone)
	return time.Date(at.Year(), at.Month(), at.Day()-1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) // not every zone has each midnight
}

// HoursThrough is the last hour of a zone that had ended for at least `ended`
// when the window opened, as 2026-11-21T13. An hour that a clock runs through
// twice ends with the second time.
func HoursThrough(opens time.Time, ended time.Duration, zone *time.Location) string {
	at := opens.Add(-ended).In(zone)
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour()-1, 0, 0, 0, time.UTC).Format("2006-01-02T15")
}
