package config

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func in(t interface {
	Helper()
	Fatal(...any)
}, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestCronNext(t *testing.T) {
	cases := []struct{ name, line, zone, after, want string }{
		{"nightly", "0 1 * * *", "UTC", "2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z"},
		{"never the instant itself", "0 1 * * *", "UTC", "2026-11-22T01:00:00Z", "2026-11-23T01:00:00Z"},
		{"in its zone", "0 1 * * *", "America/New_York", "2026-11-22T00:30:00Z", "2026-11-22T06:00:00Z"},
		{"list and range", "15,45 8-9 * * *", "UTC", "2026-11-22T08:45:00Z", "2026-11-22T09:15:00Z"},
		{"step", "0 */6 * * *", "UTC", "2026-11-22T06:00:00Z", "2026-11-22T12:00:00Z"},
		{"step from a number", "0 20/2 * * *", "UTC", "2026-11-22T20:00:00Z", "2026-11-22T22:00:00Z"},
		{"names", "0 1 * feb SUN", "UTC", "2026-11-22T00:00:00Z", "2027-02-07T01:00:00Z"},
		{"7 is Sunday", "0 1 * * 7", "UTC", "2026-11-23T00:00:00Z", "2026-11-29T01:00:00Z"},
		{"both days restricted: either", "0 1 13 * fri", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T01:00:00Z"},
		{"both days restricted: the other", "0 1 14 * fri", "UTC", "2026-11-13T02:00:00Z", "2026-11-14T01:00:00Z"},
		{"a starred weekday does not widen", "0 1 13 * */1", "UTC", "2026-11-14T00:00:00Z", "2026-12-13T01:00:00Z"},
		{"29 February", "0 1 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T01:00:00Z"},
		{"spring: the skipped hour, once a day", "30 2 * * *", "America/New_York", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"spring: an hour that exists", "30 3 * * *", "America/New_York", "2026-03-08T00:00:00-05:00", "2026-03-08T03:30:00-04:00"},
		{"spring: the skipped hour, several a day", "30 * * * *", "America/New_York", "2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"},
		{"spring at midnight", "30 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00+02:00", "2026-04-24T01:00:00+03:00"},
		{"autumn: the first of two", "30 1 * * *", "America/New_York", "2026-11-01T00:00:00-04:00", "2026-11-01T01:30:00-04:00"},
		{"autumn: not the second", "30 1 * * *", "America/New_York", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"},
		{"autumn: hourly goes on after both", "0 * * * *", "America/New_York", "2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00"},
		{"half an hour of summer", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
		{"a day that never was", "0 1 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-31T01:00:00+14:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cron, err := ParseCron(c.line, in(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			after, want := instantOf(t, c.after), instantOf(t, c.want)
			if got := cron.Next(after); !got.Equal(want) {
				t.Errorf("Next(%s) = %s, want %s", c.after, got, c.want)
			}
			if got := cron.Prev(want.Add(time.Second)); !got.Equal(want) {
				t.Errorf("Prev just after %s = %s", c.want, got)
			}
		})
	}
}

func instantOf(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Until 2011 clocks in St John's went back from 00:01 to 23:01 of the day
// before: what came first on the next date is past already on the former one.
func TestCronPrevAcrossADateShownTwice(t *testing.T) {
	cron, err := ParseCron("0 0 * * *", in(t, "America/St_Johns"))
	if err != nil {
		t.Fatal(err)
	}
	want := instantOf(t, "2010-11-07T02:30:00Z")
	if got := cron.Prev(instantOf(t, "2010-11-07T03:00:00Z")); !got.Equal(want) {
		t.Errorf("Prev = %s, want %s", got, want)
	}
}

func TestCronRefuses(t *testing.T) {
	for _, line := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
		"5-1 * * * *", "*/0 * * * *", "*/x * * * *", "a * * * *", "1,,2 * * * *", "1- * * * *", "-1 * * * *", "+1 * * * *", "001 * * * *",
		"* * * mon *", "* * jan * *", "@daily", "0 1 31 2 *", "0 1 30 feb *", "0 1 31 4,6,9,11 *", "0 1 L * *", "0 1 * * 5#2"} {
		if _, err := ParseCron(line, time.UTC); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}

var zones = []string{"UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo", "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia"}

// Next and Prev agree with a walk over every minute of some days around the
// clock changes of many zones.
func TestCronAgreesWithEveryMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"0 1 * * *", "30 2 * * *", "15 0 * * *", "0 * * * *", "30 */2 * * *", "0 1,2,3 * * *", "0 1,2 * * *", "0 0 * * *", "45 23 * * 0", "0 2 1,15 * *"}).Draw(t, "line")
		zone := in(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		cron, err := ParseCron(line, zone)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Unix(rapid.Int64Range(1262304000, 1893456000).Draw(t, "from"), 0).UTC().Truncate(time.Minute)
		if _, change := from.In(zone).ZoneBounds(); !change.IsZero() {
			from = change.UTC().Truncate(time.Minute).Add(-30 * time.Hour)
		}
		to := from.AddDate(0, 0, 2)
		var want []time.Time
		for at := from.Add(time.Minute); at.Before(to); at = at.Add(time.Minute) {
			if fires(cron, at) {
				want = append(want, at)
			}
		}
		var got []time.Time
		for at := cron.Next(from); at.Before(to); at = cron.Next(at) {
			got = append(got, at.UTC())
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s in %s from %s: Next gives %v, want %v", line, zone, from, got, want)
		}
		var back []time.Time
		for at := cron.Prev(to); at.After(from); at = cron.Prev(at) {
			back = append(back, at.UTC())
		}
		slices.Reverse(back)
		if !slices.EqualFunc(back, want, time.Time.Equal) {
			t.Fatalf("%s in %s to %s: Prev gives %v, want %v", line, zone, to, back, want)
		}
	})
}

// fires is the rule of Cron, told of one minute: its wall clock fits and was
// not shown before, or the clock jumped over the line's only time of the day.
func fires(c *Cron, at time.Time) bool {
	local := at.In(c.zone)
	wall := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	}
	fits := func(w time.Time) bool {
		return c.firesOn(w) && c.hours>>w.Hour()&1 == 1 && c.minutes>>w.Minute()&1 == 1
	}
	now, before := wall(local), wall(at.Add(-time.Minute).In(c.zone))
	if fits(now) {
		for back := time.Minute; back <= 3*time.Hour; back += time.Minute {
			if wall(at.Add(-back).In(c.zone)).Equal(now) {
				return false
			}
		}
		return true
	}
	if !now.After(before.Add(time.Minute)) {
		return false
	}
	perDay := 0
	for m := range 24 * 60 {
		if c.hours>>(m/60)&1 == 1 && c.minutes>>(m%60)&1 == 1 {
			perDay++
		}
	}
	for skipped := before.Add(time.Minute); skipped.Before(now); skipped = skipped.Add(time.Minute) {
		if perDay == 1 && fits(skipped) && skipped.YearDay() == now.YearDay() {
			return true
		}
	}
	return false
}

func TestWindowAt(t *testing.T) {
	s := Schedule{Cron: "0 1 * * *", Timezone: "America/New_York", LastCall: Duration(2 * time.Hour), HardStop: Duration(4 * time.Hour)}
	cases := []struct {
		now, opens string
		open       bool
		next       string
	}{
		{"2026-11-22T00:59:59-05:00", "2026-11-21T01:00:00-05:00", false, "2026-11-22T01:00:00-05:00"},
		{"2026-11-22T01:00:00-05:00", "2026-11-22T01:00:00-05:00", true, "2026-11-23T01:00:00-05:00"},
		{"2026-11-22T04:59:59-05:00", "2026-11-22T01:00:00-05:00", true, "2026-11-23T01:00:00-05:00"},
		{"2026-11-22T05:00:00-05:00", "2026-11-22T01:00:00-05:00", false, "2026-11-23T01:00:00-05:00"},
	}
	for _, c := range cases {
		now := instantOf(t, c.now)
		opens, open := s.WindowAt(now)
		if !opens.Equal(instantOf(t, c.opens)) || open != c.open {
			t.Errorf("WindowAt(%s) = %s, %t; want %s, %t", c.now, opens, open, c.opens, c.open)
		}
		if next := s.Next(now); !next.Equal(instantOf(t, c.next)) {
			t.Errorf("Next(%s) = %s, want %s", c.now, next, c.next)
		}
	}
	if s.SeveralADay() {
		t.Error("a nightly schedule opens once a day")
	}
	if twice := (Schedule{Cron: "0 1,13 * * *", Timezone: "UTC"}); !twice.SeveralADay() {
		t.Error("0 1,13 opens twice a day")
	}
	if _, open := (Schedule{}).WindowAt(time.Unix(0, 0)); open {
		t.Error("a schedule without a cron line is never open")
	}
}
