package simcloud

import (
	"context"
	"fmt"
	"time"

	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// Unload implements warehouse.Session. It is not atomic: a file is there
// before the manifest, and stays when the statement is cut off.
func (s *session) Unload(ctx context.Context, u warehouse.Unload) (warehouse.Unloaded, error) {
	s.f.p.check()
	sim, prefix := s.f.s, key(u.Prefix)
	sim.point("warehouse.Unload", prefix, "before")
	if err := s.spend(ctx, sim.take(sim.work.Statement)); err != nil {
		return warehouse.Unloaded{}, err
	}
	if err := s.fails(u.Query); err != nil {
		return warehouse.Unloaded{}, err
	}
	done := warehouse.Unloaded{Prefix: u.Prefix}
	body, rows := s.db.text()
	if rows == 0 || sim.opts.Empty[u.Query] {
		sim.point("warehouse.Unload", prefix, "after")
		return done, nil
	}
	if sim.store.used(prefix) {
		sim.violate(RuleUsedPrefix, "%s", prefix)
		return done, &resources.Fault{Class: resources.Permanent, Code: "XX000", Msg: "unload to " + u.Prefix + ": Specified unload destination on S3 is not empty"}
	}
	took := sim.take(sim.work.Unload)
	late := u.Timeout > 0 && took > u.Timeout
	if late {
		took = u.Timeout
	}
	complete := s.write(u, body, rows, took, late)
	if err := s.spend(ctx, took); err != nil || !*complete {
		f := lostFault(resources.Unknown, err).(*resources.Fault)
		if late {
			f.Code, f.Msg = "57014", "unload to "+u.Prefix+": canceling statement due to statement timeout"
		}
		return done, f
	}
	sim.point("warehouse.Unload", prefix, "after")
	if sim.roll(sim.opts.Faults.Lost) {
		s.end()
		return done, lostFault(resources.Unknown, nil)
	}
	part := sim.store.objects[prefix+partName]
	done.Manifest, done.Rows, done.Columns = u.Prefix+"manifest", rows, []string{"object"}
	done.Objects = []warehouse.Object{{URI: u.Prefix + partName, ETag: part.etag, Size: part.size}}
	return done, nil
}

const partName = "0000_part_00.parquet"

// write is UNLOAD on the server: the file half-way, the manifest at the end.
func (s *session) write(u warehouse.Unload, body []byte, rows int64, took time.Duration, cut bool) (complete *bool) {
	sim, prefix := s.f.s, key(u.Prefix)
	complete = new(bool)
	a := s.f.attempt("warehouse.Unload", prefix)
	stopped := func() bool { return s.over || s.f.p.dead && !sim.opts.Faults.ServerGoesOn }
	start := sim.Sim.now
	sim.Sim.At(start.Add(took/2), func() {
		if !stopped() {
			if sim.store.used(prefix) { // another UNLOAD at the same time
				sim.violate(RuleUsedPrefix, "%s", prefix)
			}
			sim.store.put(prefix+partName, body, int64(len(body)), sim.Sim.now)
			sim.note(a, true, nil)
		}
	})
	sim.Sim.At(start.Add(took), func() {
		if !stopped() && !cut && sim.store.used(prefix) {
			m := unloadManifest(u.Prefix, int64(len(body)), rows)
			sim.store.put(prefix+"manifest", m, int64(len(m)), sim.Sim.now)
			*complete = true
		}
	})
	return complete
}

// unloadManifest is what MANIFEST VERBOSE writes.
func unloadManifest(prefix string, size, rows int64) []byte {
	meta := fmt.Sprintf(`{"content_length":%d,"record_count":%d}`, size, rows)
	return []byte(`{"entries":[{"url":"` + prefix + partName + `","meta":` + meta + `}],` +
		`"schema":{"elements":[{"name":"object","type":{"base":"character varying","max_length":256}}]},` +
		`"meta":` + meta + `,"author":{"name":"Amazon Redshift","version":"1.0.0"}}`)
}
