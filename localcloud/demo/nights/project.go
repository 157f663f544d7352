package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// leaveOutSpark does so in a project's folder.
func leaveOutSpark(project string) error {
	path := filepath.Join(project, "lamplighter.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	without, err := withoutSpark(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(without), 0o644)
}
