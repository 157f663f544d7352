package warehouse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lamplighter/resources/simcloud"
)

// Layout:
//
//	clusters/<id>/cluster.json, <database>.duckdb, <database>.duckdb.wal, stage/, tmp/
//	snapshots/<id>/cluster.json, <database>.duckdb[.wal]      made as <id>.tmp and renamed
const (
	metaName   = "cluster.json"
	stageName  = "stage"
	tmpName    = "tmp"
	unfinished = ".tmp"
)

// clusterMeta is what a cluster is besides its database file.
type clusterMeta struct {
	Database   string           `json:"database"`
	MasterUser string           `json:"master_user"`
	Users      map[string]*user `json:"users"`
	Port       int              `json:"port,omitempty"` // of the last time it was served
	Base       string           `json:"base,omitempty"` // the snapshot it was restored from, or that was taken last
	TakenAt    time.Time        `json:"taken_at,omitzero"`
}

func (p *Plane) clusterDir(id string) string { return filepath.Join(p.clustersDir(), id) }

func databaseFile(dir string, m *clusterMeta) string {
	return filepath.Join(dir, m.Database+".duckdb")
}

func loadMeta(dir string) (*clusterMeta, error) {
	b, err := os.ReadFile(filepath.Join(dir, metaName))
	if err != nil {
		return nil, err
	}
	m := &clusterMeta{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", metaName, err)
	}
	if m.Users == nil {
		m.Users = map[string]*user{}
	}
	return m, nil
}

// saveMeta replaces cluster.json in one step.
func saveMeta(dir string, m *clusterMeta) error {
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, metaName)
	f, err := os.OpenFile(name+unfinished, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(name+unfinished, name); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeDir removes a folder so that a crash leaves it whole or marked as
// rubbish.
func removeDir(dir string) error {
	rubbish := dir + ".gone" + unfinished
	if err := os.RemoveAll(rubbish); err != nil {
		return err
	}
	if err := os.Rename(dir, rubbish); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.RemoveAll(rubbish)
}

// sweep removes what a process that died left unfinished.
func (p *Plane) sweep() error {
	for _, parent := range []string{p.clustersDir(), p.snapshotsDir()} {
		entries, err := os.ReadDir(parent)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), unfinished) {
				err = os.RemoveAll(filepath.Join(parent, e.Name()))
			} else if parent == p.clustersDir() {
				err = errors.Join(os.RemoveAll(filepath.Join(parent, e.Name(), stageName)), os.RemoveAll(filepath.Join(parent, e.Name(), tmpName)))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// restoreFiles makes a cluster's folder of a snapshot's.
func (p *Plane) restoreFiles(id, snapshot string, spec simcloud.ClusterSpec) error {
	if !identifier.MatchString(snapshot) {
		return fmt.Errorf("snapshot %q: not an identifier", snapshot)
	}
	from := filepath.Join(p.snapshotsDir(), snapshot)
	m, err := loadMeta(from)
	if err != nil {
		return fmt.Errorf("snapshot %s: %w", snapshot, err)
	}
	if spec.Database != "" && spec.Database != m.Database {
		p.log.Warn("a restore keeps the snapshot's database", "cluster", id, "asked", spec.Database, "kept", m.Database)
	}
	dir := p.clusterDir(id) + unfinished
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := copyDatabase(dir, from, m); err != nil {
		return err
	}
	m.Port, m.Base, m.TakenAt = 0, snapshot, time.Time{}
	if err := saveMeta(dir, m); err != nil {
		return err
	}
	if err := os.Rename(dir, p.clusterDir(id)); err != nil {
		return err
	}
	return syncDir(p.clustersDir())
}

// copyFile copies and syncs a file and returns its length in bytes.
func copyFile(to, from string) (int64, error) {
	src, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(dst, src)
	return n, errors.Join(err, dst.Sync(), dst.Close())
}

// blockSize is DuckDB's: what differs between two files is counted in blocks.
const blockSize = 256 << 10

// changedBytes counts the blocks of file that are not the same in base; all of
// them when there is no base.
func changedBytes(file, base string) (int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	b, err := os.Open(base)
	if err != nil {
		st, err := f.Stat()
		if err != nil {
			return 0, err
		}
		return st.Size(), nil
	}
	defer func() { _ = b.Close() }()
	var changed int64
	one, two := make([]byte, blockSize), make([]byte, blockSize)
	for {
		n, err := io.ReadFull(f, one)
		m, _ := io.ReadFull(b, two)
		if !bytes.Equal(one[:n], two[:m]) {
			changed += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return changed, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
