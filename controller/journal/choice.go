package journal

import (
	"slices"
	"strings"
)

// Choice is what of a pipeline an attempt was asked for. The zero one is the
// whole night.
type Choice struct {
	From string   `json:"from,omitempty"` // first day that is loaded, 2026-11-01
	To   string   `json:"to,omitempty"`   // last day covered
	Only []string `json:"only,omitempty"` // these steps alone
	Skip []string `json:"skip,omitempty"` // all but these, and what reads or needs them
}

// IsZero says that nothing was chosen: the whole night.
func (c Choice) IsZero() bool { return c.Equal(Choice{}) }

// Equal says that two choices ask for the same.
func (c Choice) Equal(o Choice) bool {
	return c.From == o.From && c.To == o.To && slices.Equal(c.Only, o.Only) && slices.Equal(c.Skip, o.Skip)
}

// String is the choice as flags; "" for the whole night.
func (c Choice) String() string {
	var parts []string
	for _, f := range []struct{ name, value string }{
		{"--from ", c.From}, {"--to ", c.To}, {"--only ", strings.Join(c.Only, ",")}, {"--skip ", strings.Join(c.Skip, ",")},
	} {
		if f.value != "" {
			parts = append(parts, f.name+f.value)
		}
	}
	return strings.Join(parts, " ")
}

// WhyReplanned, on the record with which a controller takes over, says that
// the attempt is to end: what has not begun is skipped, and the next attempt
// does it anew.
const WhyReplanned = "replanned"
