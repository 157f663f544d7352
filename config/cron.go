package config

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cron is a five-field cron line in a time zone: minute, hour, day of the
// month, month, day of the week. Fields hold numbers, names (jan, mon), lists,
// ranges and steps. As everywhere, when both day fields are restricted a day
// that fits either one fits.
//
// Clock changes: a time that occurs twice counts once, the first time. A time
// that is skipped counts at the first instant after the gap if the line names
// one time a day, and is left out if it names several.
type Cron struct {
	minutes, hours, days, months, weekdays uint64 // bit n: n fits
	anyDay, anyWeekday                     bool   // the field begins with *
	zone                                   *time.Location
}

type cronField struct {
	name     string
	low, top int
	names    []string // of low, low+1, …
}

var cronFields = [5]cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// ParseCron reads a cron line. A line that never fires is an error, such as
// 0 0 31 2 *.
func ParseCron(line string, zone *time.Location) (*Cron, error) {
	fields := strings.Fields(line)
	if len(fields) != len(cronFields) {
		return nil, fmt.Errorf("%s has %d fields, not five", quote(line), len(fields))
	}
	c := &Cron{zone: zone}
	into := [...]*uint64{&c.minutes, &c.hours, &c.days, &c.months, &c.weekdays}
	for i, f := range cronFields {
		set, err := f.parse(fields[i])
		if err != nil {
			return nil, err
		}
		*into[i] = set
	}
	if c.weekdays>>7&1 == 1 {
		c.weekdays |= 1 // 7 is Sunday too
	}
	c.anyDay, c.anyWeekday = fields[2][0] == '*', fields[4][0] == '*'
	if c.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%s never fires", quote(line))
	}
	return c, nil
}

// parse reads a field's list into bits.
func (f cronField) parse(text string) (set uint64, err error) {
	for item := range strings.SplitSeq(text, ",") {
		span, step := item, 1
		span, by, stepped := strings.Cut(item, "/")
		if stepped {
			if step, err = strconv.Atoi(by); err != nil || step < 1 {
				return 0, fmt.Errorf("%s: the step %s is not a number above 0", f.name, quote(by))
			}
		}
		low, top := f.low, f.top
		if span != "*" {
			from, to, ranged := strings.Cut(span, "-")
			if low, err = f.number(from); err != nil {
				return 0, err
			}
			if ranged {
				if top, err = f.number(to); err != nil {
					return 0, err
				}
			} else if !stepped {
				top = low
			}
		}
		if low > top {
			return 0, fmt.Errorf("%s: %s runs backwards", f.name, quote(span))
		}
		for n := low; n <= top; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

// number reads one number or name of a field.
func (f cronField) number(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.top || len(text) > 2 || text[0] == '+' || text[0] == '-' {
		return 0, fmt.Errorf("%s: %s is not a number from %d to %d", f.name, quote(text), f.low, f.top)
	}
	return n, nil
}

// horizon is how far Next and Prev look, in days: a 29 February can be eight
// years away.
const horizon = 8*366 + 2

// Next is the first instant after an instant at which the line fires; zero
// when it never does.
func (c *Cron) Next(after time.Time) time.Time {
	return c.search(after, 1, func(t time.Time) bool { return t.After(after) })
}

// Prev is the last instant before an instant at which the line fires; zero
// when it never did.
func (c *Cron) Prev(before time.Time) time.Time {
	return c.search(before, -1, func(t time.Time) bool { return t.Before(before) })
}

// search walks day by day from an instant, and within a day in the same
// direction, to the first instant that fits.
func (c *Cron) search(from time.Time, direction int, fits func(time.Time) bool) time.Time {
	year, month, day := from.In(c.zone).Date()
	for i := -1; i <= horizon; i++ {
		date := time.Date(year, month, day+i*direction, 0, 0, 0, 0, time.UTC)
		if !c.firesOn(date) {
			continue
		}
		times := c.times(date)
		for j := range times {
			if direction < 0 {
				j = len(times) - 1 - j
			}
			if fits(times[j]) {
				return times[j]
			}
		}
	}
	return time.Time{}
}

// firesOn says whether a calendar day fits.
func (c *Cron) firesOn(date time.Time) bool {
	if c.months>>int(date.Month())&1 == 0 {
		return false
	}
	day, weekday := c.days>>date.Day()&1 == 1, c.weekdays>>int(date.Weekday())&1 == 1
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// times are the instants of a calendar day, in order.
func (c *Cron) times(date time.Time) (list []time.Time) {
	once := bits.OnesCount64(c.hours)*bits.OnesCount64(c.minutes) == 1
	for hour := range 24 {
		for minute := range 60 {
			if c.hours>>hour&1 == 0 || c.minutes>>minute&1 == 0 {
				continue
			}
			wall := date.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
			t, exists := instant(wall, c.zone)
			if exists || once && sameDay(t, wall) {
				list = append(list, t)
			}
		}
	}
	return list
}

func sameDay(a, b time.Time) bool { return a.Format(time.DateOnly) == b.Format(time.DateOnly) }

// instant is when clocks in a zone first show a wall time (given as if it were
// UTC). If they skip it, exists is false and t is the first instant after the
// gap.
func instant(wall time.Time, zone *time.Location) (t time.Time, exists bool) {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
	// Only the changes just before and just after the guess can matter.
	start, end := guess.ZoneBounds()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Second).Zone()
		_, after := change.Zone()
		from, to := change.Unix()+int64(before), change.Unix()+int64(after)
		if w := wall.Unix(); from <= w && w < to {
			return change.In(zone), false // clocks jump from `from` to `to`
		} else if to <= w && w < from {
			return time.Unix(w-int64(before), 0).In(zone), true // shown twice: the first
		}
	}
	return guess, true
}

// shortest is the shortest time between two firings on days that follow each
// other, clock changes left aside.
func (c *Cron) shortest() time.Duration {
	least, first, last := 24*time.Hour, -1, -1
	for minute := range 24 * 60 {
		if c.hours>>(minute/60)&1 == 0 || c.minutes>>(minute%60)&1 == 0 {
			continue
		}
		if first < 0 {
			first = minute
		} else {
			least = min(least, time.Duration(minute-last)*time.Minute)
		}
		last = minute
	}
	return min(least, 24*time.Hour-time.Duration(last-first)*time.Minute)
}

// zone finds a time zone by its IANA name. "Local" is not one: a run must mean
// the same on every machine.
func zone(name string) (*time.Location, error) {
	if name == "Local" || name == "" {
		return nil, errors.New("not the name of a time zone")
	}
	if known, ok := knownZones.Load(name); ok {
		return known.(*time.Location), nil
	}
	found, err := time.LoadLocation(name)
	if err == nil {
		knownZones.Store(name, found)
	}
	return found, err
}

// knownZones are those that were asked for: reading one takes as long as planning.
var knownZones sync.Map
