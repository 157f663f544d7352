package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lamplighter/resources/simcloud"
)

// takeSnapshot copies a cluster's file while no transaction commits. Open
// transactions go on and are not in the copy; statements that want to commit
// wait for some tenths of a second.
func (p *Plane) takeSnapshot(id, snapshot string) (simcloud.SnapshotSize, error) {
	var size simcloud.SnapshotSize
	if !identifier.MatchString(id) {
		return size, fmt.Errorf("cluster %q: not an identifier", id)
	}
	final := filepath.Join(p.snapshotsDir(), snapshot)
	dir := final + unfinished
	for _, d := range []string{final, dir} {
		if err := os.RemoveAll(d); err != nil {
			return size, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return size, err
	}
	meta, bytes, err := p.copyCluster(id, dir)
	if err != nil {
		return size, err
	}
	base := ""
	if meta.Base != "" {
		base = databaseFile(filepath.Join(p.snapshotsDir(), meta.Base), meta)
	}
	changed, err := changedBytes(databaseFile(dir, meta), base)
	if err != nil {
		return size, err
	}
	changed += bytes.wal
	meta.Port, meta.Base, meta.TakenAt = 0, "", time.Now().UTC()
	for _, u := range meta.Users {
		u.Logins = nil
	}
	if err := saveMeta(dir, meta); err != nil {
		return size, err
	}
	if err := os.Rename(dir, final); err != nil {
		return size, err
	}
	if c := p.cluster(id); c != nil {
		if err := c.setBase(snapshot); err != nil {
			return size, err
		}
	}
	const mb = 1 << 20
	size = simcloud.SnapshotSize{Incremental: float64(changed) / mb, Total: float64(bytes.file+bytes.wal) / mb}
	return size, syncDir(p.snapshotsDir())
}

// copyCluster copies the files of a cluster, served or paused, into dir.
func (p *Plane) copyCluster(id, dir string) (*clusterMeta, copied, error) {
	if c := p.cluster(id); c != nil {
		c.use.RLock() // it is not closed under our hands
		defer c.use.RUnlock()
		if !c.closed {
			return c.copyOpen(dir)
		}
	}
	meta, err := loadMeta(p.clusterDir(id))
	if err != nil {
		return nil, copied{}, err
	}
	n, err := copyDatabase(dir, p.clusterDir(id), meta)
	return meta, n, err
}

func (c *cluster) copyOpen(dir string) (*clusterMeta, copied, error) {
	meta := c.copyMeta()
	c.commits.Lock()
	defer c.commits.Unlock()
	// A checkpoint may be refused while transactions are open; then the log is
	// copied too, which is as good.
	if err := c.exec(context.Background(), "CHECKPOINT"); err != nil {
		c.plane.log.Debug("snapshot without a checkpoint", "cluster", c.id, "error", err)
	}
	n, err := copyDatabase(dir, c.dir, meta)
	return meta, n, err
}

// copied is how many bytes a copy has, in the file and in the log beside it.
type copied struct{ file, wal int64 }

func copyDatabase(to, from string, m *clusterMeta) (n copied, err error) {
	if n.file, err = copyFile(databaseFile(to, m), databaseFile(from, m)); err != nil {
		return n, err
	}
	n.wal, err = copyFile(databaseFile(to, m)+".wal", databaseFile(from, m)+".wal")
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return n, err
}
