package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as people write it: 30m, 2h30m, 45s, 1d, 500ms.
// It is never negative. A day is 24 hours.
type Duration time.Duration

// D is the duration as time's own type.
func (d Duration) D() time.Duration { return time.Duration(d) }

const durationForms = "30m, 2h30m, 45s or 1d"

// Each unit at most once, largest first.
var durationPattern = regexp.MustCompile(`^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$`)

var durationUnits = []struct {
	name string
	unit time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

// maxDuration keeps sums of durations far from overflow.
const maxDuration = 1000 * 24 * time.Hour

// ParseDuration reads what String writes.
func ParseDuration(s string) (Duration, error) {
	m := durationPattern.FindStringSubmatch(s)
	if m == nil || s == "" {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return 0, fmt.Errorf("%s has no unit: write it as %s", short(s), durationForms)
		}
		return 0, fmt.Errorf("%s is not a duration: write it as %s", quote(s), durationForms)
	}
	var sum time.Duration
	for i, u := range durationUnits {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(m[i+1], 10, 64)
		if err != nil || n > int64(maxDuration/u.unit) {
			return 0, fmt.Errorf("%s is longer than the longest duration, 1000d", short(s))
		}
		sum += time.Duration(n) * u.unit
	}
	return Duration(sum), nil
}

// String writes the duration with whole units, largest first: 2h30m. What is
// below a millisecond is left out.
func (d Duration) String() string {
	var b strings.Builder
	rest := time.Duration(d)
	for _, u := range durationUnits {
		if n := rest / u.unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			rest -= n * u.unit
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// MarshalText lets JSON hold the same form as YAML.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
