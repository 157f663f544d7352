package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"lamplighter/config"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// Limits of a batch: each is one transaction and one intent. See batchLimit.
const (
	batchObjects = 2_000
	batchBytes   = 20 << 30
)

// source is what a load found.
type source struct {
	listing
	fresh []warehouse.Object // of its objects: not in the ledger
	held  []warehouse.Object // what the table holds once all of it is loaded
}

// list looks for the objects of a load.
func (r *planned) list(ctx context.Context, name string, l *config.Load, ledger []warehouse.Entry) (found source, err error) {
	p, err := config.ParsePattern(l.From)
	if err != nil {
		return found, resources.Faultf(resources.Permanent, "%v", err)
	}
	d, err := r.daysOf(name, l, p, ledger)
	if err != nil {
		return found, err
	}
	skipped := of(r.skips, name)
	if found.listing, err = look(ctx, r.S3, p, d, skipped); err != nil {
		return found, err
	}
	if err := stale(l, found.listing, d.through, r.Covers); err != nil {
		return found, err
	}
	if p.Hourly() {
		found.notes = append([]string{"read by the hour, through " + d.through}, found.notes...)
	}
	if found.fresh, err = fresh(l, found.objects, ledger); err != nil {
		return found, err
	}
	rest, notes := skipped.leaveOut(found.fresh)
	found.fresh, found.notes = rest, append(found.notes, notes...)
	found.held = held(l, found, ledger)
	return found, nil
}

// vanished refuses to empty a table, or to leave it as it is for ever, because
// all of what it was loaded from is gone.
func vanished(l *config.Load, found source, ledger []warehouse.Entry) error {
	if l.Mode != "replace" || l.PartitionColumn != "" || len(found.objects) > 0 || len(ledger) == 0 {
		return nil
	}
	return &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
		Msg:  fmt.Sprintf("%s: no object with content is there any more, and the table holds the rows of %s", l.From, count(len(ledger), "object")),
		Hint: "look after the producer, or correct from; to empty the table, write so in a migration"}
}

// held is what the table holds once all that was found is loaded: the same,
// whichever days a night looked at.
func held(l *config.Load, found source, ledger []warehouse.Entry) []warehouse.Object {
	if l.Mode == warehouse.Replace && l.PartitionColumn == "" {
		return found.objects
	}
	all := slices.Clone(found.fresh)
	anew, days := make(map[string]bool, len(found.fresh)), map[string]bool{}
	for _, o := range found.fresh {
		anew[o.URI] = true
		days[o.Partition] = l.Mode == warehouse.Replace
	}
	for _, e := range ledger {
		if !anew[e.Object.URI] && !days[e.Object.Partition] {
			all = append(all, e.Object)
		}
	}
	return all
}

// batches cuts objects into batches of whole partitions, one compression each;
// partitions that are known already (late ones) are apart from new ones. A
// replace of a table is one batch, whatever its size.
func batches(l *config.Load, objects []warehouse.Object, known map[string]bool, limit int64) [][]warehouse.Object {
	var out [][]warehouse.Object
	var bytes int64
	for i, o := range objects {
		n := len(out) - 1
		newDay := i == 0 || o.Partition != objects[i-1].Partition || o.Partition == ""
		full := n < 0 || newDay && !(l.Mode == warehouse.Replace && l.PartitionColumn == "") && (len(out[n]) >= batchObjects || bytes+o.Size > limit)
		if full || compression(l, o.URI) != compression(l, objects[i-1].URI) || known[o.Partition] != known[objects[i-1].Partition] {
			out, bytes = append(out, nil), 0
			n++
		}
		out[n] = append(out[n], o)
		bytes += o.Size
	}
	return out
}

// seal writes a batch down: from here the night loads exactly these objects.
// The names hold the content's hash, so that a controller that slept and plans
// the same attempt again cannot change what another one sealed.
func seal(ctx context.Context, client *s3.Client, base, compression string, objects []warehouse.Object) (BatchRef, error) {
	body, err := json.Marshal(objects)
	if err != nil {
		return BatchRef{}, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	base += "-" + hash[:12]
	ref := BatchRef{List: base + ".json", SHA256: hash, Objects: len(objects), Compression: compression,
		From: objects[0].Partition, To: objects[len(objects)-1].Partition}
	for _, o := range objects {
		ref.Bytes += o.Size
	}
	if _, err := client.Put(ctx, ref.List, body, ""); err != nil {
		return ref, err
	}
	ref.Manifest, err = putManifest(ctx, client, base+".manifest", objects)
	return ref, err
}

// hashObjects tells two sets of objects apart, in whatever order.
func hashObjects(objects []warehouse.Object) string {
	lines := make([]string, len(objects))
	for i, o := range objects {
		lines[i] = o.URI + "\x00" + o.ETag
	}
	slices.Sort(lines)
	return fingerprint(lines)
}

// fingerprint is the hash of what a result depends on.
func fingerprint(of ...any) string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(of); err != nil {
		panic(fmt.Sprintf("a fingerprint's parts cannot be written as JSON: %v", err)) // plain values of ours only
	}
	return hex.EncodeToString(h.Sum(nil))
}
