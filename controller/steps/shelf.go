package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Shelf is a prefix of the user's under which copies of a dataset are
// published, by the last day that they cover (docs/decisions/0007-published-prefixes.md):
//
//	PREFIX/_data/DATE/RUN.ATTEMPT/…   one edition's files, never changed
//	PREFIX/date=DATE/_manifest.json   which edition is DATE's: a COPY manifest
//	PREFIX/date=DATE/files.txt        its files, one URI a line
//	PREFIX/_latest.json               the manifest of the newest date
//
// Whoever follows a list reads one whole edition: lists are single objects,
// put when their files are complete, and moved by compare-and-set.
type Shelf struct {
	Prefix string        `json:"prefix"`         // ends in /
	Keep   time.Duration `json:"keep,omitempty"` // dates this much older than the newest go; 0: none
}

func shelf(p config.Publish) *Shelf {
	if p.Prefix == "" {
		return nil
	}
	return &Shelf{Prefix: p.Prefix, Keep: p.Keep.D()}
}

func (s Shelf) latest() string              { return s.Prefix + "_latest.json" }
func (s Shelf) data() string                { return s.Prefix + "_data/" }
func (s Shelf) dates() string               { return s.Prefix + "date=" }
func (s Shelf) manifest(date string) string { return s.dates() + date + "/" + manifestName }
func (s Shelf) listing(date string) string  { return s.dates() + date + "/files.txt" }
func (s Shelf) folder(e EditionOf) string {
	return fmt.Sprintf("%s%s/%s.%d/", s.data(), e.Date, e.Made.Run, e.Made.Attempt)
}

const manifestName = "_manifest.json"

// Edition is one publication of a dataset under a prefix. As JSON it is a
// manifest that Redshift's COPY takes.
// https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
type Edition struct {
	Entries []EditionFile `json:"entries"`
	Of      EditionOf     `json:"dataset"`
}

// EditionFile is an entry of a COPY manifest.
type EditionFile struct {
	URL       string `json:"url"`
	Mandatory bool   `json:"mandatory"`
	Meta      struct {
		Length int64 `json:"content_length"`
	} `json:"meta"`
}

// EditionOf says what an edition is.
type EditionOf struct {
	Pipeline string            `json:"pipeline"`
	Name     string            `json:"name"`
	Date     string            `json:"date"` // the last day it covers
	Format   string            `json:"format,omitempty"`
	Rows     int64             `json:"rows"`
	Bytes    int64             `json:"bytes"`
	Folder   string            `json:"folder"` // of its files
	Made     journal.AttemptID `json:"made"`
	Content  string            `json:"content"`            // hash of names, sizes and ETags: the same again is not copied again
	Previous string            `json:"previous,omitempty"` // the folder that this date's list named before: kept for those who read it
}

// shelving is a publish step at work under a prefix.
type shelving struct {
	base
	at    Shelf
	ds    Dataset
	files []s3.Info
	date  string // the last day that it covers
}

// DataFiles are a dataset's own files: not what Hadoop's readers hide, nor
// what UNLOAD and jobs write beside them, nor the empty files of no rows.
func DataFiles(ds Dataset, objects []s3.Info) (files []s3.Info) {
	for _, o := range objects {
		name := strings.TrimPrefix(o.URI, ds.URI)
		unloaded := ds.Format != "" && (name == "manifest" || ds.Rows == 0)
		hidden := slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
			return strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") && !strings.Contains(part, "=")
		})
		if !unloaded && !hidden && name != "metrics.json" {
			files = append(files, o)
		}
	}
	return files
}

// edition is what is to be published.
func (s shelving) edition(p *controller.Pass) Edition {
	o := p.Facts.Opening
	e := Edition{Entries: []EditionFile{}, Of: EditionOf{Pipeline: o.Pipeline, Name: s.ds.Name, Date: s.date, Format: s.ds.Format, Rows: s.ds.Rows, Made: s.id(p.Facts)}}
	e.Of.Folder = s.at.folder(e.Of)
	sum := sha256.New()
	for _, f := range s.files {
		name := strings.TrimPrefix(f.URI, s.ds.URI)
		fmt.Fprintf(sum, "%q %d %s\n", name, f.Size, f.ETag)
		entry := EditionFile{URL: e.Of.Folder + name, Mandatory: true}
		entry.Meta.Length = f.Size
		e.Entries, e.Of.Bytes = append(e.Entries, entry), e.Of.Bytes+f.Size
	}
	e.Of.Content = hex.EncodeToString(sum.Sum(nil))
	return e
}

// put copies the files and moves the lists: those of the date, then the newest
// one's unless a later date is there already.
func (s shelving) put(ctx context.Context, p *controller.Pass) (e Edition, there bool, next controller.Next, err error) {
	e = s.edition(p)
	was, err := readEdition(ctx, s.S3, s.at.manifest(e.Of.Date))
	if err != nil {
		return e, false, next, err
	}
	if was != nil && was.Of.Content == e.Of.Content && was.Of.Name == e.Of.Name {
		if whole, err := s.whole(ctx, *was); err != nil || whole {
			e = *was
			return s.moved(ctx, p, e, err)
		}
	}
	ref := resources.Ref{Kind: resources.KindDataset, Name: e.Of.Folder}
	_, done, next, err := untilDone(ctx, p, "copy", "copying to "+s.at.Prefix, ref, func(ctx context.Context) (any, error) {
		return map[string]int64{"objects": int64(len(e.Entries)), "bytes": e.Of.Bytes}, s.copy(ctx, e)
	})
	if !done || err != nil {
		return e, false, next, err
	}
	if was != nil && was.Of.Folder != e.Of.Folder {
		e.Of.Previous = was.Of.Folder
	}
	return s.moved(ctx, p, e, nil)
}

// moved moves the lists to an edition.
func (s shelving) moved(ctx context.Context, p *controller.Pass, e Edition, err error) (_ Edition, there bool, next controller.Next, _ error) {
	if err != nil {
		return e, false, next, err
	}
	mine := func(current []byte) error { return mayReplace(s.at, e, current) }
	any := func([]byte) error { return nil }
	if there, next, err = s.pointed(ctx, p, s.at.manifest(e.Of.Date), indent(e), mine); !there || err != nil {
		return e, false, next, err
	}
	if there, next, err = s.pointed(ctx, p, s.at.listing(e.Of.Date), e.listing(), any); !there || err != nil {
		return e, false, next, err
	}
	latest, err := readEdition(ctx, s.S3, s.at.latest())
	if err != nil || latest != nil && latest.Of.Date > e.Of.Date {
		return e, err == nil, next, err
	}
	newest := e
	newest.Of.Previous = ""
	there, next, err = s.pointed(ctx, p, s.at.latest(), indent(newest), mine)
	return e, there, next, err
}

// mayReplace refuses what another dataset published.
func mayReplace(at Shelf, e Edition, current []byte) error {
	var was Edition
	if err := json.Unmarshal(current, &was); err != nil {
		return notOurs(at, "a list that cannot be read: "+err.Error())
	}
	if was.Of.Pipeline != e.Of.Pipeline || was.Of.Name != e.Of.Name {
		return notOurs(at, fmt.Sprintf("the dataset %s of the pipeline %s", was.Of.Name, was.Of.Pipeline))
	}
	return nil
}

func notOurs(at Shelf, what string) error {
	return &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: fmt.Sprintf("%s holds %s", at.Prefix, what),
		Hint: "publish under a prefix of its own, or remove what is there"}
}

func indent(v any) []byte {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a list cannot be written as JSON: %v", err)) // plain structs of ours only
	}
	return body
}

// listing is an edition's files, one a line.
func (e Edition) listing() []byte {
	var b strings.Builder
	for _, f := range e.Entries {
		b.WriteString(f.URL + "\n")
	}
	return []byte(b.String())
}

// readEdition reads a list; nil when there is none.
func readEdition(ctx context.Context, c *s3.Client, uri string) (*Edition, error) {
	body, _, err := c.Get(ctx, uri)
	if resources.ClassOf(err) == resources.Gone {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var e Edition
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, resources.Faultf(resources.Permanent, "%s is not a list of published files: %v", uri, err)
	}
	return &e, nil
}

// copy brings an edition's files into its folder, as far as they are not there
// yet, and looks at what is there then. The folder is this attempt's alone and
// a dataset never changes: whoever copies late, or twice, writes the same.
func (s shelving) copy(ctx context.Context, e Edition) error {
	if err := s.S3.AbortUploads(ctx, s.at.data()); err != nil { // of copies that were broken off
		return err
	}
	sizes, err := s.sizes(ctx, e.Of.Folder)
	if err != nil {
		return err
	}
	target := func(f s3.Info) string { return e.Of.Folder + strings.TrimPrefix(f.URI, s.ds.URI) }
	missing := slices.DeleteFunc(slices.Clone(s.files), func(f s3.Info) bool {
		size, there := sizes[target(f)]
		return there && size == f.Size
	})
	if err := s.S3.CopyAll(ctx, missing, target); err != nil {
		return err
	}
	if whole, err := s.whole(ctx, e); err != nil || whole {
		return err
	}
	return resources.Faultf(resources.Unknown, "%s does not hold the %d files of %s: does something else write there?", e.Of.Folder, len(s.files), s.ds.Name)
}

// whole says that an edition's folder holds its files and nothing else.
func (s shelving) whole(ctx context.Context, e Edition) (bool, error) {
	sizes, err := s.sizes(ctx, e.Of.Folder)
	if err != nil || len(sizes) != len(e.Entries) {
		return false, err
	}
	for _, f := range e.Entries {
		if size, there := sizes[f.URL]; !there || size != f.Meta.Length {
			return false, nil
		}
	}
	return true, nil
}

func (s shelving) sizes(ctx context.Context, folder string) (map[string]int64, error) {
	objects, err := s.S3.List(ctx, folder, "")
	sizes := map[string]int64{}
	for _, o := range objects {
		sizes[o.URI] = o.Size
	}
	return sizes, err
}

// of is the shelf of one dataset of a step that writes several.
func (s Shelf) of(dataset string) Shelf {
	if dataset != "" {
		s.Prefix += dataset + "/"
	}
	return s
}

// unpublished says that work which is done already is still to be published,
// and finds out before anything is created whether its prefix can be.
func (r *planned) unpublished(ctx context.Context, w controller.Work, name string, to *Shelf) (missing bool, err error) {
	if !w.Publishes {
		return false, nil
	}
	missing = r.loose[name]
	datasets := w.Writes
	if len(datasets) == 0 {
		datasets = []string{""}
	}
	for _, dataset := range datasets {
		named := strings.TrimSuffix(name+"/"+dataset, "/")
		if w.Done != nil && !missing {
			_, err := r.S3.Head(ctx, r.Layout.Published(named))
			if missing = resources.ClassOf(err) == resources.Gone; err != nil && !missing {
				return false, err
			}
		}
		if to != nil {
			there, err := r.reach(ctx, to.of(dataset), named)
			if err != nil {
				return false, err
			}
			missing = missing || !there
		}
	}
	return missing && w.Done != nil && !w.Done.Empty, nil
}

// reach finds out whether a prefix can be published under, and whether
// something was.
func (r *planned) reach(ctx context.Context, to Shelf, name string) (there bool, err error) {
	if root := r.Layout.Root(); strings.HasPrefix(to.Prefix, root) || strings.HasPrefix(root, to.Prefix) {
		return false, &resources.Fault{Class: resources.Permanent, Code: CodeRefused, Msg: fmt.Sprintf("publish: %s and %s, where the pipeline keeps its own objects, lie in one another", to.Prefix, root),
			Hint: "publish under another folder, or in another bucket"}
	}
	latest, err := readEdition(ctx, r.S3, to.latest())
	if err != nil || latest == nil {
		return false, wrapped("publish", err)
	}
	return true, mayReplace(to, Edition{Of: EditionOf{Pipeline: r.Pipeline.Pipeline, Name: name}}, indent(latest))
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
