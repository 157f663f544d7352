package simcloud

import (
	"slices"
	"time"

	"lamplighter/resources"
)

func (c *Cloud) snapshot(id string) *Snapshot {
	for _, s := range c.state.Snapshots {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (c *Cloud) setSnapshot(s *Snapshot, status string) {
	s.Status, s.Since = status, c.now()
	c.keepSnapshot(s)
	c.announce(resources.KindSnapshot, s.ID, "", status)
}

func (c *Cloud) keepSnapshot(s *Snapshot) {
	c.dirty = true
	if c.past != nil {
		c.past.snapshots.add(s.ID, c.now(), s.clone())
	}
}

func (c *Cloud) removeSnapshot(s *Snapshot) {
	s.Move, s.Status = nil, ""
	c.state.Snapshots = remove(c.state.Snapshots, s)
	if c.past != nil {
		c.past.snapshots.add(s.ID, c.now(), nil)
	}
	c.announce(resources.KindSnapshot, s.ID, "", "")
	c.forget(s.ID)
}

// forget drops a snapshot's data, after the restores that still read them.
func (c *Cloud) forget(id string) {
	w := c.opts.Planes.Warehouse
	if w == nil || c.snapshot(id) != nil {
		return
	}
	for _, x := range c.state.Clusters {
		if x.From == id && x.Status == creating {
			c.at(c.now().Add(10*time.Second), func() { c.forget(id) })
			return
		}
	}
	w.DropSnapshot(id, func(error) {})
}

// snapshotAllowed refuses a name that is taken, and one too many.
func (c *Cloud) snapshotAllowed(id string) error {
	if c.snapshot(id) != nil {
		return errSnapshotExists(id)
	}
	manual := 0
	for _, s := range c.state.Snapshots {
		if s.Type == "manual" {
			manual++
		}
	}
	if manual >= c.opts.Rules.quota() {
		return errSnapshotQuota()
	}
	return nil
}

func (c *Cloud) createSnapshot(id, cluster string, retention int32, tags []Tag) error {
	x, err := c.ready(cluster)
	if err != nil {
		return err
	}
	if x.From != "" && c.now().Before(x.Created.Add(c.opts.Rules.StreamingRestore)) {
		return errClusterState(x)
	}
	if err := c.snapshotAllowed(id); err != nil {
		return err
	}
	s := c.newSnapshot(id, x, retention, tags)
	c.takeSnapshot(s, &Move{Phase: PhaseSnapshot, Due: c.due(PhaseSnapshot)})
	return nil
}

// automatedSnapshot is one that nobody asked for; it goes with its cluster.
func (c *Cloud) automatedSnapshot(x *Cluster) {
	s := c.newSnapshot("rs:"+x.ID+"-"+c.now().Format("2006-01-02-15-04-05"), x, x.Settings.AutomatedRetention, nil)
	s.Type = "automated"
	c.keepSnapshot(s)
	c.takeSnapshot(s, &Move{Phase: PhaseSnapshot, Due: c.due(PhaseSnapshot)})
}

func (c *Cloud) newSnapshot(id string, x *Cluster, retention int32, tags []Tag) *Snapshot {
	s := &Snapshot{
		ID: id, Cluster: x.ID, ClusterGen: x.Gen, Type: "manual", Created: c.now(),
		Spec: x.Spec, Settings: x.Settings, Retention: retention, Tags: tags,
	}
	c.state.Snapshots = append(c.state.Snapshots, s)
	c.setSnapshot(s, creating)
	return s
}

// takeSnapshot carries out a snapshot's move, and its cluster's deletion after
// it when it is a final one.
func (c *Cloud) takeSnapshot(s *Snapshot, m *Move) {
	s.Move = m
	var data func(done func(error))
	if w := c.opts.Planes.Warehouse; w != nil {
		data = func(done func(error)) {
			w.Snapshot(s.Cluster, s.ID, func(size SnapshotSize, err error) {
				c.at(c.now(), func() { s.Size = size })
				done(err)
			})
		}
	}
	c.both(m.Due, data, func(err error) {
		if s.Move != m {
			return
		}
		s.Move = nil
		x := c.cluster(s.Cluster)
		if x != nil && x.Gen != s.ClusterGen {
			x = nil
		}
		if err != nil || x == nil || c.fate(FateSnapshot, s.ID) {
			c.setSnapshot(s, failed)
		} else {
			c.setSnapshot(s, available)
			c.expire(s)
		}
		if s.Final && x != nil && x.Status == finalSnapshot {
			c.afterFinal(x, s)
		}
	})
}

// afterFinal deletes a cluster behind its final snapshot; without one it is
// available again.
func (c *Cloud) afterFinal(x *Cluster, s *Snapshot) {
	x.Move = nil
	if s.Status == available {
		c.end(x)
		return
	}
	c.setCluster(x, available)
}

// expire removes a snapshot whose retention is over.
func (c *Cloud) expire(s *Snapshot) {
	if s.Retention < 1 || s.Status != available {
		return
	}
	c.at(s.Created.Add(time.Duration(s.Retention)*24*time.Hour), func() {
		if s.Status == available {
			c.removeSnapshot(s)
		}
	})
}

func (c *Cloud) deleteSnapshot(id, cluster string) error {
	s := c.snapshot(id)
	switch {
	case s == nil || (cluster != "" && s.Cluster != cluster):
		return errSnapshotNotFound(id)
	case s.Type != "manual":
		return errSnapshotState("Only manual snapshots may be deleted: " + id + ".")
	case s.Status != available && s.Status != failed:
		return errSnapshotState("Cannot delete the snapshot " + id + " because it is in state " + s.Status + ".")
	}
	if by := c.needs(s); by != "" {
		return errSnapshotState("You can't delete snapshot " + id + " because it is used by cluster " + by +
			". The snapshot can be deleted after a newer backup is created.")
	}
	c.removeSnapshot(s)
	return nil
}

// needs names a cluster, deleted ones too, that was restored from the snapshot
// and has no newer backup yet.
func (c *Cloud) needs(s *Snapshot) string {
	if !c.opts.Rules.KeepUsedSnapshots {
		return ""
	}
	for _, id := range s.UsedBy {
		newer := slices.ContainsFunc(c.state.Snapshots, func(n *Snapshot) bool {
			return n.Cluster == id && n.Status == available && n.Created.After(s.Created)
		})
		if !newer {
			return id
		}
	}
	return ""
}
