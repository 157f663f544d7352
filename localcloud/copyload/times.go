package copyload

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How the database reads dates and times.
const (
	dateText = "2006-01-02"
	timeText = "2006-01-02 15:04:05.999999"
)

// Layouts in Go's way of writing. The default takes ISO; 'auto' more (RSD
// automatic-recognition).
var (
	defaultDates = []string{"2006-01-02", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00"}
	defaultTimes = []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999 MST", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04", "2006-01-02"}
	autoDates    = append(append([]string{}, defaultDates...), "2006/01/02", "2006.01.02", "2006-1-2", "2006/1/2", "01/02/2006", "1/2/2006", "01-02-2006", "01.02.2006", "20060102", "02 Jan 2006", "2 Jan 2006", "Jan 2 2006", "Jan 02 2006", "January 2, 2006", "January 2 2006", "Jan 2, 2006", "2006-Jan-02", "02-Jan-2006", "2006 Jan 02")
	autoTimes    = autoTimeLayouts()
)

func autoTimeLayouts() []string {
	out := append([]string{}, defaultTimes...)
	for _, d := range autoDates {
		if strings.Contains(d, "15:04") {
			continue
		}
		for _, t := range []string{" 15:04:05.999999999", " 15:04:05.999999999Z07:00", " 15:04:05.999999999 MST", " 03:04:05.999999999 PM", " 3:04:05 PM", " 15:04", " 03:04 PM", "T15:04:05.999999999", "T15:04:05.999999999Z07:00", "T15:04", ""} {
			out = append(out, d+t)
		}
	}
	return append(out, time.ANSIC, time.UnixDate, time.RFC1123, time.RFC1123Z, time.RFC822, "20060102 150405", "20060102T150405", "060102 150405", "2006.002")
}

// formatElements are Redshift's elements of DATEFORMAT and TIMEFORMAT.
var formatElements = []struct{ redshift, golang string }{
	{"YYYY", "2006"}, {"HH24", "15"}, {"HH12", "03"}, {"MON", "Jan"}, {"YY", "06"}, {"MM", "01"}, {"DD", "02"},
	{"HH", "15"}, {"MI", "04"}, {"SS", "05"}, {"US", "000000"}, {"MS", "000"}, {"AM", "PM"}, {"PM", "PM"},
}

// layouts turns a DATEFORMAT or TIMEFORMAT into Go's layouts; nil for "",
// which is the default, and for the words that are no layouts.
func layouts(format string) ([]string, error) {
	switch strings.ToLower(format) {
	case "", "epochsecs", "epochmillisecs":
		return nil, nil
	}
	if format == "auto" { // in lower case only (RSD copy-parameters-data-conversion)
		return autoTimes, nil
	}
	var b strings.Builder
	rest := format
next:
	for rest != "" {
		for _, e := range formatElements {
			if len(rest) >= len(e.redshift) && strings.EqualFold(rest[:len(e.redshift)], e.redshift) {
				b.WriteString(e.golang)
				rest = rest[len(e.redshift):]
				continue next
			}
		}
		c := rest[0]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' && c != 'Z' {
			return nil, fmt.Errorf("%q is not an element known here", rest)
		}
		b.WriteByte(c)
		rest = rest[1:]
	}
	layout := b.String()
	if strings.HasSuffix(layout, "05") { // fractions of seconds are always allowed
		return []string{layout + ".999999999", layout}, nil
	}
	return []string{layout}, nil
}

func (c *Copy) timeConverter(format string, standard []string, to string, bad reason) (converter, error) {
	list, err := layouts(format)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = standard
	}
	epoch := map[string]time.Duration{"epochsecs": time.Second, "epochmillisecs": time.Millisecond}[strings.ToLower(format)]
	clock := to == timeText
	iso := epoch == 0 && (clock && slices.Contains(list, defaultTimes[0]) || to == dateText && slices.Contains(list, defaultDates[0]))
	last := 0 // most files use one layout throughout
	return func(dst, f []byte) ([]byte, *reason) {
		if iso && plainTime(f, clock) {
			return append(dst, f...), nil
		}
		var t time.Time
		var ok bool
		s := string(bytes.TrimSpace(f))
		if epoch != 0 {
			t, ok = fromEpoch(s, epoch)
		} else {
			t, last, ok = parseTime(s, list, last, to)
		}
		switch {
		case ok:
			return t.UTC().AppendFormat(dst, to), nil
		case c.AnyDate:
			return append(dst, `\N`...), nil
		}
		return dst, &bad
	}, nil
}

// parseTime tries the layouts, the one that fitted last first.
func parseTime(s string, list []string, last int, to string) (time.Time, int, bool) {
	if t, err := time.Parse(list[last], s); err == nil && zoned(t, to) {
		return t, last, true
	}
	for i, l := range list {
		if t, err := time.Parse(l, s); err == nil && zoned(t, to) {
			return t, i, true
		}
	}
	return time.Time{}, last, false
}

// zoned says that the zone a value names is one we can be sure of: UTC, or for
// a column with a zone any offset in digits. Go takes unknown abbreviations
// for UTC.
func zoned(t time.Time, to string) bool {
	name, offset := t.Zone()
	if offset != 0 {
		return strings.Contains(to, "Z07:00") && (name == "" || name[0] == '+' || name[0] == '-')
	}
	return name == "" || name == "UTC" || name == "GMT" || name[0] == '+' || name[0] == '-'
}

func fromEpoch(s string, unit time.Duration) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > 253402300799000 || n < -62135596800000 {
		return time.Time{}, false
	}
	t := time.UnixMilli(n)
	if unit == time.Second {
		if n > 253402300799 || n < -62135596800 {
			return time.Time{}, false
		}
		t = time.Unix(n, 0)
	}
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return time.Time{}, false
		}
		t = t.Add(time.Duration(f * float64(unit)))
	}
	return t, true
}

// plainTime says that a field is a date or a time as ISO writes it, and so
// fine as it is: YYYY-MM-DD, with HH:MM:SS behind it when clock is set.
func plainTime(f []byte, clock bool) bool {
	const date, both = "dddd-dd-dd", "dddd-dd-dd dd:dd:dd"
	shape := date
	if clock {
		shape = both
	}
	if len(f) != len(shape) {
		return false
	}
	for i := range f {
		if shape[i] == 'd' && (f[i] < '0' || f[i] > '9') || shape[i] != 'd' && f[i] != shape[i] {
			return false
		}
	}
	two := func(i int) int { return int(f[i]-'0')*10 + int(f[i+1]-'0') }
	if m, d := two(5), two(8); m < 1 || m > 12 || d < 1 || d > 28 || two(0) == 0 && two(2) == 0 {
		return false // or the end of a month: the slow way knows
	}
	return !clock || two(11) < 24 && two(14) < 60 && two(17) < 60
}
