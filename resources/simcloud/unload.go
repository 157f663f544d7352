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
		body, rows = nil, 0
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
	if rows == 0 {
		return done, nil
	}
	part := sim.store.objects[prefix+partName(u.Files)]
	done.Manifest, done.Rows, done.Columns = u.Prefix+"manifest", rows, []string{"object"}
	done.Objects = []warehouse.Object{{URI: u.Prefix + partName(u.Files), ETag: part.etag, Size: part.size}}
	return done, nil
}

// partName is what UNLOAD calls its first file (RSD r_UNLOAD).
func partName(f warehouse.Files) string {
	name := "0000_part_00"
	if f.Single {
		name = "000"
	}
	for _, column := range f.PartitionBy {
		name = column + "=1/" + name
	}
	switch {
	case f.Format == "parquet":
		return name + ".parquet"
	case f.Compression != "":
		return name + map[string]string{"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}[f.Compression]
	}
	return name
}

// write is UNLOAD on the server: the file half-way, the manifest at the end. Of
// no rows it writes an empty file and no manifest, as older versions do.
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
			sim.store.put(prefix+partName(u.Files), body, int64(len(body)), sim.Sim.now)
			sim.note(a, true, nil)
		}
	})
	sim.Sim.At(start.Add(took), func() {
		if !stopped() && !cut && sim.store.used(prefix) {
			if rows > 0 {
				m := unloadManifest(u.Prefix+partName(u.Files), int64(len(body)), rows)
				sim.store.put(prefix+"manifest", m, int64(len(m)), sim.Sim.now)
			}
			*complete = true
		}
	})
	return complete
}

// unloadManifest is what MANIFEST VERBOSE writes.
func unloadManifest(uri string, size, rows int64) []byte {
	meta := fmt.Sprintf(`{"content_length":%d,"record_count":%d}`, size, rows)
	return []byte(`{"entries":[{"url":"` + uri + `","meta":` + meta + `}],` +
		`"schema":{"elements":[{"name":"object","type":{"base":"character varying","max_length":256}}]},` +
		`"meta":` + meta + `,"author":{"name":"Amazon Redshift","version":"1.0.0"}}`)
}
