package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"lamplighter/resources"
)

// Unload implements Session: it unloads the query and proves what is in S3 by
// three witnesses that must agree: the rows the server says it unloaded, the
// rows and bytes in UNLOAD's own manifest, and the sizes of the objects. The
// query runs once: a COUNT(*) beside it would double what the warehouse bills
// for, and would say nothing about the files.
//
// The class of an error after which files may lie under the prefix is Unknown:
// take a fresh one.
func (s *session) Unload(ctx context.Context, u Unload) (Unloaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query, err := checkUnload(u)
	if err != nil {
		return Unloaded{}, err
	}
	sql, err := unloadStatement(s.dialect, u, query)
	if err != nil {
		return Unloaded{}, err
	}
	var count int64
	err = s.transaction(ctx, u.Timeout, nil, func() (err error) {
		count, err = s.unload(ctx, "unload to "+u.Prefix, sql)
		return err
	})
	if err != nil {
		return Unloaded{}, err
	}
	return s.prove(ctx, u, count)
}

func checkUnload(u Unload) (query string, err error) {
	what := "unload to " + u.Prefix
	if !strings.HasPrefix(u.Prefix, "s3://") || !strings.HasSuffix(u.Prefix, "/") {
		return "", resources.Faultf(resources.Permanent, "%s: want s3://bucket/…/", what)
	}
	if u.Role == "" {
		return "", resources.Faultf(resources.Permanent, "%s: no IAM role", what)
	}
	if err := storable(what, u.Prefix, u.Role, u.Region); err != nil {
		return "", err
	}
	if query, err = reads(what, u.Query); err != nil || len(u.Files.OrderBy) > 0 {
		return query, err
	}
	return query, outerLimit(what, query)
}

// unload runs inside the transaction. What it counts are rows; whether header
// lines are among them is not documented.
// https://docs.aws.amazon.com/redshift/latest/dg/PG_LAST_UNLOAD_COUNT.html
func (s *session) unload(ctx context.Context, what, sql string) (count int64, err error) {
	if _, _, err := s.send(ctx, what, sql, writesS3); err != nil {
		return 0, err
	}
	rows, err := s.ask(ctx, what+": count unloaded rows", "SELECT pg_last_unload_count()")
	if err != nil {
		return 0, afterUnload(err)
	}
	return number(what+": count unloaded rows", rows)
}

// afterUnload says of an error that follows a finished UNLOAD what it means
// for the prefix: it is used.
func afterUnload(err error) error {
	f := judge(err, "unload", writesS3)
	used := *f
	used.Class = resources.Unknown
	return &used
}

// manifest is what UNLOAD … MANIFEST VERBOSE writes last (RSD
// r_UNLOAD_command_examples).
type manifest struct {
	Entries []struct {
		URL  string `json:"url"`
		Meta *meta  `json:"meta"`
	} `json:"entries"`
	Schema struct {
		Elements []struct {
			Name string `json:"name"`
		} `json:"elements"`
	} `json:"schema"`
	Meta *meta `json:"meta"`
}

type meta struct {
	Length int64 `json:"content_length"`
	Rows   int64 `json:"record_count"`
}

// prove reads UNLOAD's manifest and compares it with the count and with what
// lies in S3. Of no rows there may be no files at all, or empty ones, and a
// manifest or none (RSD r_UNLOAD: "When zero rows are unloaded, Amazon Redshift
// might write empty Amazon S3 objects"): all of it is an empty dataset.
func (s *session) prove(ctx context.Context, u Unload, count int64) (Unloaded, error) {
	empty, uri := Unloaded{Prefix: u.Prefix}, u.Prefix+"manifest"
	if s.server.Get == nil || s.server.Head == nil {
		return empty, resources.Faultf(resources.Permanent, "unload to %s: nobody can read its manifest", u.Prefix)
	}
	body, err := s.server.Get(ctx, uri)
	if count == 0 && resources.ClassOf(err) == resources.Gone {
		return empty, nil
	}
	if err != nil {
		return empty, unread(u, uri, err)
	}
	done, err := readManifest(u, body, count)
	if err != nil || done.Rows == 0 {
		return empty, err
	}
	done.Prefix, done.Manifest = u.Prefix, uri
	return done, s.weigh(ctx, u, done.Objects)
}

// weigh compares the manifest's files with the objects in S3 and takes their
// ETags.
func (s *session) weigh(ctx context.Context, u Unload, objects []Object) error {
	uris := make([]string, len(objects))
	for i, o := range objects {
		uris[i] = o.URI
	}
	found, err := s.server.Head(ctx, uris)
	if err != nil {
		return unread(u, "its files", err)
	}
	if len(found) != len(objects) {
		return unproven(u, "%d of the manifest's %d files are there", len(found), len(objects))
	}
	for i, f := range found {
		if f.Size != objects[i].Size {
			return unproven(u, "%s has %d bytes, the manifest says %d", objects[i].URI, f.Size, objects[i].Size)
		}
		objects[i].ETag = f.ETag
	}
	return nil
}

// readManifest checks a manifest in itself and against the count. With HEADER
// its row counts include the header lines (RSD r_UNLOAD, MANIFEST).
func readManifest(u Unload, body []byte, count int64) (done Unloaded, err error) {
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return done, unproven(u, "its manifest cannot be read: %v", err)
	}
	if m.Meta == nil {
		return done, unproven(u, "its manifest says no rows in all")
	}
	var sum meta
	seen := map[string]bool{}
	for _, e := range m.Entries {
		if e.Meta == nil || !strings.HasPrefix(e.URL, u.Prefix) || seen[e.URL] {
			return done, unproven(u, "its manifest's entry %q has no size, is twice there, or lies elsewhere", e.URL)
		}
		seen[e.URL] = true
		sum.Rows += e.Meta.Rows
		sum.Length += e.Meta.Length
		done.Objects = append(done.Objects, Object{URI: e.URL, Size: e.Meta.Length})
	}
	if sum != *m.Meta {
		return done, unproven(u, "its manifest's entries hold %d rows and %d bytes, their total says %d and %d", sum.Rows, sum.Length, m.Meta.Rows, m.Meta.Length)
	}
	for _, c := range m.Schema.Elements {
		done.Columns = append(done.Columns, c.Name)
	}
	if done.Rows = sum.Rows; u.Files.Header {
		done.Rows -= int64(len(done.Objects))
	}
	if count != done.Rows && count != sum.Rows {
		return done, unproven(u, "Redshift says that it unloaded %d rows, its manifest says %d", count, sum.Rows)
	}
	if u.Files.Single && len(done.Objects) > 1 {
		return done, tooLarge(u, len(done.Objects))
	}
	return done, nil
}

func tooLarge(u Unload, files int) error {
	return &resources.Fault{Class: resources.Permanent, Code: CodeUnloaded,
		Msg:  fmt.Sprintf("unload to %s: single_file became %d files: one holds 6.2 GB at most", u.Prefix, files),
		Hint: "compress it, unload fewer rows, or leave single_file out"}
}

// unread is an error of reading what was unloaded: the prefix is used.
func unread(u Unload, what string, err error) error {
	f := notCommitted(err, "unload to "+u.Prefix+": "+what)
	f.Class = resources.Unknown
	return f
}

func unproven(u Unload, format string, args ...any) error {
	return &resources.Fault{Class: resources.Permanent, Code: CodeUnloaded,
		Msg:  "unload to " + u.Prefix + ": " + fmt.Sprintf(format, args...),
		Hint: "does something else write there?"}
}
