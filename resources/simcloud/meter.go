package simcloud

import (
	"time"

	"lamplighter/resources"
)

// meter starts or stops what bills under a reference. Repeat calls do nothing.
func (c *Cloud) meter(ref resources.Ref, id string, shape resources.Shape, on bool) {
	running := false
	for i := len(c.state.Usage) - 1; i >= 0; i-- {
		u := &c.state.Usage[i]
		if u.Ref != ref || u.ID != id || !u.To.IsZero() {
			continue
		}
		if on {
			running = true
			break
		}
		u.To = c.now()
		c.dirty = true
	}
	if on && !running {
		c.addUsage(ref, id, shape)
	}
}

func (c *Cloud) addUsage(ref resources.Ref, id string, shape resources.Shape) {
	c.state.Usage = append(c.state.Usage, Usage{Ref: ref, ID: id, Shape: shape, From: c.now()})
	c.dirty = true
}

// billing says that an EMR cluster's meter runs.
func (c *Cloud) billing(id string) bool {
	for _, u := range c.state.Usage {
		if u.ID == id && u.To.IsZero() {
			return true
		}
	}
	return false
}

// Billed is all that billed so far, in the order it began. To is zero where it
// still does.
func (c *Cloud) Billed() []Usage { return append([]Usage(nil), c.state.Usage...) }

// BilledTime sums Billed per service ("redshift", "emr"), not multiplied by
// node counts; an EMR cluster counts once, by its longest fleet.
func (c *Cloud) BilledTime() map[string]time.Duration {
	longest := map[[2]string]time.Duration{}
	sum := map[string]time.Duration{}
	for _, u := range c.state.Usage {
		to := u.To
		if to.IsZero() {
			to = c.now()
		}
		d := to.Sub(u.From)
		if u.ID == "" {
			sum[u.Shape.Service] += d
			continue
		}
		key := [2]string{u.Shape.Service, u.ID}
		longest[key] = max(longest[key], d)
	}
	for key, d := range longest {
		sum[key[0]] += d
	}
	return sum
}

// Alive is every cluster and flow that exists, paused and ending ones too.
func (c *Cloud) Alive() []Alive {
	var out []Alive
	for _, x := range c.state.Clusters {
		out = append(out, Alive{Ref: clusterRef(x.ID), State: x.Status, Bills: c.clusterBills(x.Status)})
	}
	for _, f := range c.state.Flows {
		if f.Live() {
			out = append(out, Alive{Ref: flowRef(f), ID: f.Spec.ID, State: f.Status, Bills: c.billing(f.Spec.ID)})
		}
	}
	return out
}
