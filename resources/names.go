package resources

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Name is what every cluster, snapshot and schedule of ours is called. It can
// be parsed back, so that a sweep needs nothing but a listing:
//
//	lamplighter-<pipeline>-<h5>-<run>-<attempt>-<n>-<stop>
//
// It keeps Redshift's rules for identifiers: at most 63 characters, lower-case
// letters, digits and single hyphens, a letter first.
type Name struct {
	Pipeline string
	Hash     string    // Lineage: account, region, bucket and pipeline
	Run      string    // 20261122 or 20261122t13
	Attempt  int       // 1, 2, …
	N        int       // counts all creating intents of the attempt
	Stop     time.Time // hard stop, whole minutes
}

// Lineage is the five characters that keep two teams, or a pipeline in two
// accounts, from ever adopting each other's clusters.
func Lineage(account, region, bucket, pipeline string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{account, region, bucket, pipeline}, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:5]
}

// PipelineName is what a pipeline may be called, besides its length.
var PipelineName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// MaxPipelineName is the longest name of a pipeline, in characters: longer
// ones would not fit into a schedule's name.
const MaxPipelineName = 19

var namePattern = regexp.MustCompile(`^lamplighter-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)-([a-z2-7]{5})-([0-9]{8}(?:t[0-9]{2})?)-([0-9]+)-([0-9]+)-([0-9a-z]{5})$`)

func (n Name) String() string {
	stop := strconv.FormatInt(n.Stop.Unix()/60, 36)
	return fmt.Sprintf("%s%s-%d-%d-%05s", Prefix(n.Pipeline, n.Hash), n.Run, n.Attempt, n.N, stop)
}

// Prefix is what the names of all resources of one pipeline begin with.
func Prefix(pipeline, hash string) string { return "lamplighter-" + pipeline + "-" + hash + "-" }

// ParseName reads a Name back; ok is false when s is not one of ours.
func ParseName(s string) (n Name, ok bool) {
	m := namePattern.FindStringSubmatch(s)
	if m == nil || len(m[1]) > MaxPipelineName {
		return n, false
	}
	attempt, err1 := strconv.Atoi(m[4])
	count, err2 := strconv.Atoi(m[5])
	stop, err3 := strconv.ParseInt(m[6], 36, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return n, false
	}
	n = Name{Pipeline: m[1], Hash: m[2], Run: m[3], Attempt: attempt, N: count, Stop: time.Unix(stop*60, 0).UTC()}
	return n, n.String() == s
}

// CompactRun turns a run's id into the form its names hold: 2026-11-22t13
// becomes 20261122t13.
func CompactRun(run string) string { return strings.ReplaceAll(run, "-", "") }
