package config

import (
	"fmt"
	"time"

	_ "time/tzdata" // a static binary in an empty container knows its zones
)

// cron is the schedule's line in its zone.
func (s Schedule) cron() (*Cron, error) {
	at, err := zone(s.Timezone)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", quote(s.Timezone), err)
	}
	return ParseCron(s.Cron, at)
}

// WindowAt is the latest window that has opened at an instant, and whether it
// is still open: its hard stop has not come. opens is in the schedule's zone;
// it is zero when no window ever opened or the schedule is not valid, which a
// loaded one always is.
func (s Schedule) WindowAt(now time.Time) (opens time.Time, open bool) {
	c, err := s.cron()
	if err != nil {
		return time.Time{}, false
	}
	opens = c.Prev(now.Add(time.Nanosecond)) // a window is open at its first instant
	return opens, !opens.IsZero() && now.Before(opens.Add(s.HardStop.D()))
}

// Next is when the next window opens after an instant, in the schedule's zone;
// zero when the schedule is not valid, which a loaded one always is.
func (s Schedule) Next(now time.Time) time.Time {
	c, err := s.cron()
	if err != nil {
		return time.Time{}
	}
	return c.Next(now)
}

// SeveralADay says whether more than one window can open on a day: runs are
// then named with their hour, 2026-11-22t13.
func (s Schedule) SeveralADay() bool {
	c, err := s.cron()
	return err == nil && c.shortest() < 24*time.Hour
}
