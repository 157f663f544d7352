package warehouse

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// diskPoll is how often a writing statement looks at the disk.
const diskPoll = 50 * time.Millisecond

// grows says that a statement may make a cluster's files larger. What frees
// room goes through when the disk is full: DELETE, TRUNCATE, DROP, VACUUM.
func grows(st *rsql.Statement) bool {
	switch st.Verb {
	case rsql.Copy, rsql.CreateLike, rsql.AddColumn:
		return true
	case rsql.Write:
		switch st.Tag {
		case "INSERT 0", "UPDATE", "MERGE", "SELECT", "CREATE TABLE":
			return true
		}
	}
	return false
}

// guardDisk refuses a statement that grows when the cluster's disk is full,
// and ends it when it fills the disk. The returned function ends the watch. A
// transaction's last megabytes may still go over the limit when it commits.
func (c *cluster) guardDisk(ctx context.Context, st *rsql.Statement) (context.Context, func(), error) {
	if c.plane.cfg.DiskLimit <= 0 || !grows(st) {
		return ctx, func() {}, nil
	}
	if err := c.diskFull(ctx); err != nil {
		return ctx, func() {}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(diskPoll)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := c.diskFull(ctx); err != nil {
					cancel(err)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}, nil
}

// diskFull is Redshift's error when the cluster's files are over the limit,
// blocks not counted that deletes have freed: DuckDB's file does not shrink.
func (c *cluster) diskFull(ctx context.Context) error {
	limit := c.plane.cfg.DiskLimit
	if c.diskBytes() <= limit {
		return nil
	}
	if free, err := c.freeBytes(ctx); err != nil || c.diskBytes()-free <= limit {
		return nil // a cluster that closes is told so elsewhere
	}
	return &pgwire.Error{
		Code: "53100", Msg: "Disk Full",
		Detail: fmt.Sprintf("code: 1016, context: the embedded warehouse may take %d bytes for cluster %s", limit, c.id),
		Hint:   "drop or truncate tables, or start the embedded cloud with a larger --disk-limit",
	}
}

// diskBytes is the length of all files of the cluster.
func (c *cluster) diskBytes() int64 {
	var n int64
	_ = filepath.WalkDir(c.dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what goes while we look takes no room
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// freeBytes are the free blocks of the file, after a checkpoint: only that
// frees them, and it is refused while others write.
func (c *cluster) freeBytes(ctx context.Context) (int64, error) {
	conn, err := c.open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	c.commits.RLock()
	_, _ = conn.ExecContext(ctx, "CHECKPOINT", nil)
	c.commits.RUnlock()
	rows, err := query(ctx, conn, "SELECT CAST(free_blocks * block_size AS BIGINT) FROM pragma_database_size() WHERE database_name = "+quote(c.meta.Database))
	if err != nil || len(rows) != 1 {
		return 0, err
	}
	n, _ := wide(rows[0][0])
	return n, nil
}
