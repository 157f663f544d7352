package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// later are keys that the format keeps a place for and that this version does
// not act on: by struct and key, what works now. They are refused rather than
// ignored.
var later = map[string]string{
	"Warehouse.start_from":       "a pipeline starts with `run --bootstrap` on an empty warehouse",
	"Warehouse.via":              "the warehouse is reached over its own port",
	"WarehouseEngine.serverless": "write {provisioned: {node_type: ra3.large, nodes: 2}}",
	"SparkEngine.serverless":     "write {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge], count: 2}}}",
	"Format.orc":                 "write ORC files anew as Parquet: {parquet: {}}; or {csv: {…}}, {json: {…}}",
	"Format.avro":                "write {csv: {…}}, {json: {…}} or {parquet: {}}",
	"Format.fixedwidth":          "write {csv: {…}}, {json: {…}} or {parquet: {}}",
	"CSV.escape":                 "leave it out: COPY reads CSV without escapes, a quote within quotes is doubled",
	"SQL.transaction":            "a script is one transaction",
	"Environment.via":            "the warehouse is reached over its own port; connect: {host, port} leads through a tunnel",
}

// laterKinds are step kinds with a place in the format and no code yet.
var laterKinds = []string{"extract", "wait", "external", "report", "export", "run"}

// nearest is the word most like what was written, or "" when none is.
func nearest(word string, words []string) string {
	best, least := "", len(word)/3+2
	for _, w := range slices.Sorted(slices.Values(words)) {
		if d := distance(word, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be changed, added, dropped or swapped with
// their neighbour to turn a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// DidYouMean is the hint for a word that is none of those known.
func DidYouMean(word string, words []string) string { return didYouMean(word, words) }

// didYouMean is the hint for a word that is none of those known.
func didYouMean(word string, words []string) string {
	if n := nearest(word, words); n != "" {
		return fmt.Sprintf("did you mean %s?", n)
	}
	return "known: " + strings.Join(words, ", ")
}

// either lists words as a choice: append or replace.
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// longest of what the user wrote that a message repeats, in characters.
const longest = 60

// short is s, cut when it is long.
func short(s string) string {
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	return string([]rune(s)[:longest]) + "…"
}

// quote is s in quotes, cut when it is long.
func quote(s string) string { return strconv.Quote(short(s)) }
