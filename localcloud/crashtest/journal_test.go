package crashtest

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"lamplighter/controller/journal/s3/conformance"
)

// TestJournalOnRealS3 runs the suite of the journal and the lease against the
// S3 of the embedded cloud, by the SDK.
func TestJournalOnRealS3(t *testing.T) {
	t.Parallel()
	c := open(t, filepath.Join(t.TempDir(), "cloud"), usual)
	var n atomic.Int32
	conformance.Run(t, func(t *testing.T) conformance.Cloud {
		return conformance.Cloud{API: c.s3, Base: fmt.Sprintf("s3://%s/conformance/%d", ownBucket, n.Add(1)), Pause: func() { time.Sleep(time.Millisecond) }}
	})
}
