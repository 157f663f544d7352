package controller

import (
	"fmt"

	"lamplighter/controller/journal"
)

// Layout says where a pipeline's objects lie in its bucket, as s3:// URIs.
//
//	PIPELINE/lease.json                       who may act
//	PIPELINE/promoted.json                    the snapshot the next run restores from
//	PIPELINE/latest.json                      the newest attempt
//	PIPELINE/skips.json                       partitions and objects that loads leave out
//	PIPELINE/published/NAME/current.json      what readers of a dataset follow
//	PIPELINE/jobs/HASH/…                      Spark code, by the hash of its content
//	PIPELINE/runs/RUN/ATTEMPT/journal/000001.json
//	PIPELINE/runs/RUN/ATTEMPT/journal.json    the same records as one object, once closed
//	PIPELINE/runs/RUN/ATTEMPT/batches/…       sealed batches and their COPY manifests
//	PIPELINE/runs/RUN/ATTEMPT/ledger-….tsv.gz  what the snapshot's warehouse holds
//	PIPELINE/runs/RUN/ATTEMPT/data/STEP/TRY/  a dataset, one prefix for each try
type Layout struct{ Bucket, Pipeline string }

// Root is what all URIs of the pipeline begin with; it ends in a slash.
func (l Layout) Root() string { return "s3://" + l.Bucket + "/" + l.Pipeline + "/" }

// Lease is the object that says who may act.
func (l Layout) Lease() string { return l.Root() + "lease.json" }

// Promoted is the pointer to the snapshot that the next run restores from.
func (l Layout) Promoted() string { return l.Root() + "promoted.json" }

// Latest is the pointer to the newest attempt.
func (l Layout) Latest() string { return l.Root() + "latest.json" }

// Skips is the list of what loads leave out.
func (l Layout) Skips() string { return l.Root() + "skips.json" }

// Published is the pointer that readers of a dataset follow.
func (l Layout) Published(dataset string) string {
	return l.Root() + "published/" + dataset + "/current.json"
}

// Job is the folder of Spark code with a content hash.
func (l Layout) Job(hash string) string { return l.Root() + "jobs/" + hash + "/" }

// Attempt is the folder of an attempt.
func (l Layout) Attempt(id journal.AttemptID) string {
	return fmt.Sprintf("%sruns/%s/%d/", l.Root(), id.Run, id.Attempt)
}

// Journal is the folder of an attempt's records, without a trailing slash.
func (l Layout) Journal(id journal.AttemptID) string { return l.Attempt(id) + "journal" }

// Archive is the one object with all records of a closed attempt.
func (l Layout) Archive(id journal.AttemptID) string { return l.Attempt(id) + "journal.json" }

// Batches is the folder of an attempt's sealed batches.
func (l Layout) Batches(id journal.AttemptID) string { return l.Attempt(id) + "batches/" }

// Data is the prefix for one try of a dataset.
func (l Layout) Data(id journal.AttemptID, step string, try int) string {
	return fmt.Sprintf("%sdata/%s/%d/", l.Attempt(id), step, try)
}
