package simcloud

import (
	"slices"
	"time"

	"lamplighter/resources"
)

// States of Redshift clusters and snapshots that the control plane uses.
const (
	creating      = "creating"
	available     = "available"
	deleting      = "deleting"
	finalSnapshot = "final-snapshot"
	pausing       = "pausing"
	paused        = "paused"
	resuming      = "resuming"
	failed        = "failed"

	incompatibleRestore = "incompatible-restore"
	hardwareFailure     = "hardware-failure"
)

func (c *Cloud) cluster(id string) *Cluster {
	for _, x := range c.state.Clusters {
		if x.ID == id {
			return x
		}
	}
	return nil
}

// setCluster moves a cluster into a state and starts or stops its meter.
func (c *Cloud) setCluster(x *Cluster, status string) {
	x.Status, x.Since, x.Mask = status, c.now(), ""
	c.keepCluster(x)
	shape := resources.Shape{Service: "redshift", Type: x.Spec.NodeType, Market: "on-demand", Region: c.opts.Region, Count: x.Spec.Nodes}
	c.meter(clusterRef(x.ID), "", shape, c.clusterBills(status))
	c.announce(resources.KindCluster, x.ID, "", status)
}

func (c *Cloud) keepCluster(x *Cluster) {
	c.dirty = true
	if c.past != nil {
		c.past.clusters.add(x.ID, c.now(), x.clone())
	}
}

func (c *Cloud) removeCluster(x *Cluster) {
	x.Move, x.Status = nil, ""
	c.state.Clusters = remove(c.state.Clusters, x)
	if c.past != nil {
		c.past.clusters.add(x.ID, c.now(), nil)
	}
	c.meter(clusterRef(x.ID), "", resources.Shape{}, false)
	c.announce(resources.KindCluster, x.ID, "", "")
	for _, s := range slices.Clone(c.state.Snapshots) {
		if s.ClusterGen == x.Gen && s.Type == "automated" {
			c.removeSnapshot(s)
		}
	}
}

// clusterBills: from available until an accepted delete or pause
// (aws-facts B), or until gone where Rules say so.
func (c *Cloud) clusterBills(status string) bool {
	switch status {
	case available:
		return true
	case deleting, finalSnapshot:
		return c.opts.Rules.DeletingBills
	}
	return false
}

// move begins a transition. finish is called when its time is over and its
// data are there, unless the cluster has gone another way.
func (c *Cloud) move(x *Cluster, m *Move, data func(done func(error)), finish func(error)) {
	x.Move = m
	c.dirty = true
	if c.opts.Planes.Warehouse == nil {
		data = nil
	}
	c.both(m.Due, data, func(err error) {
		if x.Move == m {
			x.Move = nil
			finish(err)
		}
	})
}

// launch carries out the move of a cluster that is creating.
func (c *Cloud) launch(x *Cluster, m *Move) {
	data := func(done func(error)) { c.opts.Planes.Warehouse.Create(x.ID, x.Spec, done) }
	broken := hardwareFailure
	if x.From != "" {
		data = func(done func(error)) { c.opts.Planes.Warehouse.Restore(x.ID, x.From, x.Spec, done) }
		broken = incompatibleRestore
	}
	c.move(x, m, data, func(err error) {
		if err != nil {
			c.setCluster(x, broken)
			return
		}
		x.Created = c.now()
		c.setCluster(x, available)
		c.mask(x)
		if c.fate(FateAutomated, x.ID) {
			c.automatedSnapshot(x)
		}
		if c.fate(FateLoss, x.ID) {
			c.at(c.due(PhaseLoss), func() { c.lose(x) })
		}
	})
}

// mask shows an undocumented state for a while, under which it is available.
func (c *Cloud) mask(x *Cluster) {
	if !c.fate(FateMask, x.ID) {
		return
	}
	x.Mask = "maintenance"
	c.keepCluster(x)
	c.at(c.due(PhaseMask), func() {
		if x.Mask != "" {
			x.Mask = ""
			c.keepCluster(x)
		}
	})
}

// lose takes a running cluster with all its data.
func (c *Cloud) lose(x *Cluster) {
	if x.Status != available {
		return
	}
	c.setCluster(x, hardwareFailure)
	if w := c.opts.Planes.Warehouse; w != nil {
		w.Drop(x.ID, func(error) {})
	}
	c.removeCluster(x)
}

// ready refuses what needs a cluster that is available and at rest.
func (c *Cloud) ready(id string) (*Cluster, error) {
	x := c.cluster(id)
	switch {
	case x == nil:
		return nil, errClusterNotFound(id)
	case x.Status != available || x.Mask != "" || c.fate(FateBusy, id):
		return nil, errClusterState(x)
	}
	return x, nil
}

func (c *Cloud) deleteCluster(id, final string, retention int32) error {
	x := c.cluster(id)
	switch {
	case x == nil:
		return errClusterNotFound(id)
	case !c.deletable(x) || c.fate(FateBusy, id):
		return errClusterState(x)
	}
	for _, s := range c.state.Snapshots {
		if s.ClusterGen == x.Gen && s.Status == creating {
			return errClusterState(x)
		}
	}
	if final == "" {
		c.end(x)
		return nil
	}
	if err := c.snapshotAllowed(final); err != nil {
		return err
	}
	x.Move = &Move{Phase: PhaseFinal, Due: c.due(PhaseFinal), Snapshot: final}
	c.setCluster(x, finalSnapshot)
	s := c.newSnapshot(final, x, retention, nil)
	s.Final = true
	c.takeSnapshot(s, &Move{Phase: PhaseFinal, Due: x.Move.Due})
	return nil
}

func (c *Cloud) deletable(x *Cluster) bool {
	switch x.Status {
	case available:
		return x.Mask == ""
	case paused:
		return !c.opts.Rules.PausedUndeletable
	case incompatibleRestore, hardwareFailure:
		return true
	}
	return false
}

// end begins the deletion of a cluster; an unkind fate undoes it at its end.
func (c *Cloud) end(x *Cluster) {
	m := &Move{Phase: PhaseDelete, Due: c.due(PhaseDelete), Bounce: c.fate(FateBounce, x.ID)}
	c.setCluster(x, deleting)
	c.drop(x, m)
}

func (c *Cloud) drop(x *Cluster, m *Move) {
	data := func(done func(error)) { c.opts.Planes.Warehouse.Drop(x.ID, done) }
	if m.Bounce {
		data = nil
	}
	c.move(x, m, data, func(err error) {
		switch {
		case m.Bounce:
			c.setCluster(x, available)
		case err != nil: // the data resist: it stays deleting, and is tried again
			c.drop(x, &Move{Phase: PhaseDelete, Due: c.due(PhaseDelete).Add(time.Second)})
		default:
			c.removeCluster(x)
		}
	})
}

func (c *Cloud) pauseCluster(id string) error {
	x, err := c.ready(id)
	if err != nil {
		return err
	}
	c.setCluster(x, pausing)
	c.pause(x, &Move{Phase: PhasePause, Due: c.due(PhasePause)})
	return nil
}

func (c *Cloud) pause(x *Cluster, m *Move) {
	data := func(done func(error)) { c.opts.Planes.Warehouse.Pause(x.ID, done) }
	c.move(x, m, data, func(err error) {
		if err != nil {
			c.setCluster(x, available)
			return
		}
		c.setCluster(x, paused)
	})
}

func (c *Cloud) resumeCluster(id string) error {
	x := c.cluster(id)
	switch {
	case x == nil:
		return errClusterNotFound(id)
	case x.Status != paused:
		return errClusterState(x)
	case c.fate(FateCapacity, id):
		return errCapacity()
	}
	c.setCluster(x, resuming)
	c.resume(x, &Move{Phase: PhaseResume, Due: c.due(PhaseResume)})
	return nil
}

func (c *Cloud) resume(x *Cluster, m *Move) {
	data := func(done func(error)) { c.opts.Planes.Warehouse.Resume(x.ID, done) }
	c.move(x, m, data, func(err error) {
		if err != nil {
			c.setCluster(x, paused)
			return
		}
		c.setCluster(x, available)
	})
}

// resumeRedshift goes on with what a saved State has under way.
func (c *Cloud) resumeRedshift() {
	for _, s := range c.state.Snapshots {
		c.expire(s)
	}
	for _, x := range c.state.Clusters {
		x.Mask = ""
		switch m := x.Move; {
		case m == nil || m.Phase == PhaseFinal: // its snapshot's end moves it
			c.reopen(x)
		case m.Phase == PhaseDelete:
			c.drop(x, m)
		case m.Phase == PhasePause:
			c.pause(x, m)
		case m.Phase == PhaseResume:
			c.resume(x, m)
		default:
			c.launch(x, m)
		}
	}
	for _, s := range c.state.Snapshots {
		if x := c.cluster(s.Cluster); s.Status == creating && (x == nil || x.Gen != s.ClusterGen) {
			c.setSnapshot(s, failed)
		}
	}
}

// reopen serves a cluster again that was available, and then goes on with the
// snapshots of it.
func (c *Cloud) reopen(x *Cluster) {
	opened := func(err error) {
		if err != nil {
			c.setCluster(x, hardwareFailure)
		}
		for _, s := range c.state.Snapshots {
			if s.Status == creating && s.ClusterGen == x.Gen {
				c.takeSnapshot(s, s.Move)
			}
		}
	}
	w := c.opts.Planes.Warehouse
	if w == nil || x.Status != available && x.Status != finalSnapshot {
		opened(nil)
		return
	}
	w.Reopen(x.ID, func(err error) { c.at(c.now(), func() { opened(err) }) })
}

func clusterRef(id string) resources.Ref {
	return resources.Ref{Kind: resources.KindCluster, Name: id}
}
