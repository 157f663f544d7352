package steps

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// unread is how long an edition's files stay that no list names: a copy may be
// under way, and clocks differ.
const unread = time.Hour

// tidy removes dates that are older than the shelf keeps, lists first, and
// then the editions that no list names. It never touches tonight's.
func (s shelving) tidy(ctx context.Context, p *controller.Pass, e Edition) (tidy bool, next controller.Next, err error) {
	latest, err := readEdition(ctx, s.S3, s.at.latest())
	if err != nil {
		return false, next, err
	}
	lists, err := s.S3.List(ctx, s.at.dates(), "")
	if err != nil {
		return false, next, err
	}
	gone := s.at.outdated(lists, latest, e.Of.Date)
	if len(gone) == 0 {
		if gone, err = s.unnamed(ctx, lists, latest, e, p.Now.Add(-unread)); err != nil {
			return false, next, err
		}
	}
	if len(gone) == 0 {
		return true, next, nil
	}
	gone = gone[:min(len(gone), s3.MaxDelete)]
	err = p.Do(ctx, journal.Effect{Verb: "remove", Ref: resources.Ref{Kind: resources.KindDataset, Name: gone[0]}}, func(ctx context.Context) (any, error) {
		return map[string]int{"objects": len(gone)}, s.S3.DeleteAll(ctx, gone)
	})
	return false, controller.Next{Look: p.Now, Why: "removing old dates"}, err
}

// outdated are the lists of dates that have had their time.
func (s Shelf) outdated(lists []s3.Info, latest *Edition, ours string) (gone []string) {
	if s.Keep == 0 || latest == nil || len(latest.Of.Date) < len(time.DateOnly) {
		return nil
	}
	newest, err := time.Parse(time.DateOnly, latest.Of.Date[:len(time.DateOnly)])
	if err != nil {
		return nil
	}
	first := newest.Add(-s.Keep).Format(time.DateOnly)
	for _, o := range lists {
		date, name, _ := strings.Cut(strings.TrimPrefix(o.URI, s.dates()), "/")
		if ours := date == ours || date == latest.Of.Date; !ours && date < first && (name == manifestName || name == "files.txt") {
			gone = append(gone, o.URI)
		}
	}
	return gone
}

// unnamed are the files of editions that no list names, and that were all there
// before an instant.
func (s shelving) unnamed(ctx context.Context, lists []s3.Info, latest *Edition, e Edition, before time.Time) (gone []string, err error) {
	named := map[string]bool{e.Of.Folder: true, e.Of.Previous: true}
	if latest != nil {
		named[latest.Of.Folder] = true
	}
	uris := make([]string, len(lists))
	for i, o := range lists {
		uris[i] = o.URI
	}
	bodies, err := s.S3.GetAll(ctx, uris)
	if err != nil {
		return nil, err
	}
	for i, body := range bodies {
		var other Edition
		if !strings.HasSuffix(uris[i], "/"+manifestName) {
			first, _, _ := strings.Cut(string(body), "\n")
			named[s.at.folderOf(first)] = true
		} else if err := json.Unmarshal(body, &other); err != nil {
			return nil, notOurs(s.at, "a list that cannot be read: "+uris[i])
		}
		named[other.Of.Folder], named[other.Of.Previous] = true, true
	}
	data, err := s.S3.List(ctx, s.at.data(), "")
	if err != nil {
		return nil, err
	}
	return s.at.orphans(data, named, before), nil
}

// folderOf is the folder of the edition that a file belongs to.
func (s Shelf) folderOf(uri string) string {
	parts := strings.SplitN(strings.TrimPrefix(uri, s.data()), "/", 3)
	return s.data() + strings.Join(parts[:min(2, len(parts))], "/") + "/"
}

// orphans are the files of folders that are not named, whose newest file is
// older than an instant; oldest folder first.
func (s Shelf) orphans(data []s3.Info, named map[string]bool, before time.Time) (gone []string) {
	newest := map[string]time.Time{}
	for _, o := range data {
		if f := s.folderOf(o.URI); newest[f].Before(o.Modified) {
			newest[f] = o.Modified
		}
	}
	for _, o := range data {
		if f := s.folderOf(o.URI); !named[f] && newest[f].Before(before) {
			gone = append(gone, o.URI)
		}
	}
	return gone
}
