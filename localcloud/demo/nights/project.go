package main

import (
	"errors"
	"os"
	"regexp"
	"strings"

	"lamplighter/localcloud/demo/events"
)

// withoutSpark takes the Spark side out of a pipeline file: its section and
// its steps. All else stays, comments too.
func withoutSpark(text string) (string, error) {
	var kept []string
	inside, indent := false, 0
	found := 0
	for _, line := range strings.SplitAfter(text, "\n") {
		trimmed := strings.TrimSpace(line)
		depth := len(line) - len(strings.TrimLeft(line, " "))
		if inside && trimmed != "" && depth <= indent {
			inside = false
		}
		if !inside && (strings.HasPrefix(line, "spark:") || strings.HasPrefix(trimmed, "- spark:")) {
			inside, indent = true, depth
			found++
		}
		if !inside {
			kept = append(kept, line)
		}
	}
	if found == 0 {
		return "", errors.New("lamplighter.yaml has no Spark side to leave out")
	}
	return strings.Join(kept, ""), nil
}

var since = regexp.MustCompile(`(?m)^(\s*since: )(\d{4}-\d{2}-\d{2})$`)

// sinceFirst lets every dated source begin early enough for a day.
func sinceFirst(text string, first events.Day) string {
	return since.ReplaceAllStringFunc(text, func(line string) string {
		part := since.FindStringSubmatch(line)
		return part[1] + min(part[2], first.String())
	})
}

// fit makes the template's pipeline file fit the events: the days begin with
// the first of them. With fast it has no Spark side.
func fit(path string, first events.Day, fast bool) error {
	was, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := sinceFirst(string(was), first)
	if fast {
		if text, err = withoutSpark(text); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
