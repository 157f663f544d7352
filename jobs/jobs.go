// Package jobs holds the Spark jobs that are shipped with lamplighter: their
// Python files, embedded, and the hash they are uploaded under. It imports no
// package of ours. What each job reads, writes and measures is told at the top
// of its main.py.
package jobs

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// File is one file of a job.
type File struct {
	Name string // without a folder: main.py
	Data []byte
}

// Job is a Spark application as spark-submit wants it.
type Job struct {
	Name    string
	Main    File   // the application
	PyFiles []File // go with it as --py-files
	Reads   int    // how many --reads it takes
	// Args are the names of the arguments that a user may set, sorted. Any
	// other ends the job with status 2, so refuse it before a cluster exists.
	Args []string
	Hash string // of all names and bytes, hex: the folder to upload to
}

var (
	//go:embed lib/nightjob.py
	nightjob []byte
	//go:embed als/main.py
	als []byte
	//go:embed sentiment/main.py
	sentiment []byte
	//go:embed sql/main.py
	sql []byte
)

var shipped = []Job{
	oneRead("als", als, "holdout", "iterations", "min_ratings", "partitions", "rank", "reg", "seed", "top"),
	oneRead("sentiment", sentiment, "holdout", "negative_max", "partitions", "positive_min", "seed", "smoothing"),
}

// SQLRunner is the job behind a step's own file of SQL. It reads any number of
// datasets, and is told the file with --sql.
func SQLRunner() Job {
	j := oneRead("sql", sql)
	j.Reads = 0
	return j
}

// oneRead makes a job of one read that uses the shared module.
func oneRead(name string, main []byte, args ...string) Job {
	j := Job{
		Name: name, Reads: 1, Args: args,
		Main:    File{Name: "main.py", Data: main},
		PyFiles: []File{{Name: "nightjob.py", Data: nightjob}},
	}
	j.Hash = hash(append([]File{j.Main}, j.PyFiles...))
	return j
}

// Hash is the folder that files of one's own are uploaded to.
func Hash(files []File) string { return hash(files) }

// hash tells two sets of files apart: lengths go in, so that no byte can move
// from one file to the next unseen.
func hash(files []File) string {
	h := sha256.New()
	for _, f := range files {
		for _, part := range [][]byte{[]byte(f.Name), f.Data} {
			_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash never fails to write
			h.Write(part)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Lookup finds a shipped job by its name; ok is false when there is none. The
// job's bytes are shared: do not change them.
func Lookup(name string) (job Job, ok bool) {
	i := slices.IndexFunc(shipped, func(j Job) bool { return j.Name == name })
	if i < 0 {
		return Job{}, false
	}
	return shipped[i], true
}

// Names of all shipped jobs, sorted.
func Names() []string {
	names := make([]string, len(shipped))
	for i, j := range shipped {
		names[i] = j.Name
	}
	return names
}
