package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lamplighter/config"
	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// Limits of a batch: each is one transaction and one intent, and a small part
// of a night.
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

// list looks for the objects of a load. A loaded object that changed since is
// an error: its rows are in the table, and cannot be told from the others.
func (r *planned) list(ctx context.Context, l *config.Load, ledger []warehouse.Entry) (found source, err error) {
	p, err := config.ParsePattern(l.From)
	if err != nil {
		return found, resources.Faultf(resources.Permanent, "%v", err)
	}
	d, err := r.daysOf(l, p, ledger)
	if err != nil {
		return found, err
	}
	if found.listing, err = look(ctx, r.S3, p, d); err != nil {
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
	found.held = held(found, l.Mode == "replace" && l.PartitionColumn == "", ledger)
	return found, nil
}

// fresh are the objects that a load has to bring.
func fresh(l *config.Load, objects []warehouse.Object, ledger []warehouse.Entry) ([]warehouse.Object, error) {
	known := make(map[string]string, len(ledger))
	for _, e := range ledger {
		known[e.Object.URI] = e.Object.ETag
	}
	var out []warehouse.Object
	for _, o := range objects {
		etag, loaded := known[o.URI]
		if loaded && etag != o.ETag && l.Mode != "replace" {
			return nil, &resources.Fault{Class: resources.Permanent, Code: "ObjectChanged",
				Msg:  fmt.Sprintf("%s was loaded with ETag %s and has %s now", o.URI, etag, o.ETag),
				Hint: "its rows are in the table already: restore the object, or give the new content a new key"}
		}
		if !loaded || etag != o.ETag {
			out = append(out, o)
		}
	}
	if l.Mode == "replace" && (len(out) > 0 || len(objects) != len(ledger)) {
		out = objects // the table is to hold exactly these
	}
	return out, nil
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
func held(found source, whole bool, ledger []warehouse.Entry) []warehouse.Object {
	if whole {
		return found.objects
	}
	all := slices.Clone(found.fresh)
	anew := make(map[string]bool, len(found.fresh))
	for _, o := range found.fresh {
		anew[o.URI] = true
	}
	for _, e := range ledger {
		if !anew[e.Object.URI] {
			all = append(all, e.Object)
		}
	}
	return all
}

func compression(uri string) string {
	if strings.HasSuffix(uri, ".gz") {
		return "gzip"
	}
	return ""
}

// batches cuts objects into batches of whole partitions, one compression each;
// partitions that are known already (late ones) are apart from new ones. A
// replace is one batch, whatever its size.
func batches(objects []warehouse.Object, mode string, known map[string]bool) [][]warehouse.Object {
	var out [][]warehouse.Object
	var bytes int64
	for i, o := range objects {
		n := len(out) - 1
		newDay := i == 0 || o.Partition != objects[i-1].Partition || o.Partition == ""
		full := n < 0 || newDay && mode != "replace" && (len(out[n]) >= batchObjects || bytes+o.Size > batchBytes)
		if full || compression(o.URI) != compression(objects[i-1].URI) || known[o.Partition] != known[objects[i-1].Partition] {
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
func seal(ctx context.Context, client *s3.Client, base string, objects []warehouse.Object) (BatchRef, error) {
	body, err := json.Marshal(objects)
	if err != nil {
		return BatchRef{}, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	base += "-" + hash[:12]
	ref := BatchRef{List: base + ".json", SHA256: hash, Objects: len(objects), Compression: compression(objects[0].URI),
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
