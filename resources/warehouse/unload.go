package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"lamplighter/resources"
)

// Unload implements Session: it counts the query's rows and unloads them in
// one snapshot, then proves what is in S3. The class of an error after which
// files may lie under the prefix is Unknown: take a fresh one.
func (s *session) Unload(ctx context.Context, u Unload) (Unloaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query, err := checkUnload(u)
	if err != nil {
		return Unloaded{}, err
	}
	var counted, unloaded int64
	err = s.transaction(ctx, u.Timeout, nil, func() (err error) {
		counted, unloaded, err = s.unload(ctx, u, query)
		return err
	})
	if err != nil {
		return Unloaded{}, err
	}
	done := Unloaded{Prefix: u.Prefix}
	if counted == 0 && unloaded == 0 {
		return done, nil
	}
	if counted != unloaded {
		return Unloaded{}, unproven(u, "the query gave %d rows when counted and %d when unloaded", counted, unloaded)
	}
	if err := s.prove(ctx, u, &done, counted); err != nil {
		return Unloaded{}, err
	}
	return done, nil
}

func checkUnload(u Unload) (query string, err error) {
	what := "unload to " + u.Prefix
	if u.Format != "parquet" {
		f := resources.Faultf(resources.Permanent, "%s: format %q is unknown", what, u.Format)
		f.Hint = "parquet"
		return "", f
	}
	if !strings.HasPrefix(u.Prefix, "s3://") || !strings.HasSuffix(u.Prefix, "/") {
		return "", resources.Faultf(resources.Permanent, "%s: want s3://bucket/…/", what)
	}
	if u.Role == "" {
		return "", resources.Faultf(resources.Permanent, "%s: no IAM role", what)
	}
	if err := storable(what, u.Prefix, u.Role, u.Region); err != nil {
		return "", err
	}
	return reads(what, u.Query)
}

// unload runs inside the transaction. An empty result is not unloaded: what
// UNLOAD then writes differs between versions (nothing, or an empty object).
func (s *session) unload(ctx context.Context, u Unload, query string) (counted, unloaded int64, err error) {
	what := "unload to " + u.Prefix
	// The line end closes a comment that the query may end in.
	rows, err := s.ask(ctx, what+": count", "SELECT COUNT(*) FROM (\n"+query+"\n) AS counted")
	if err != nil {
		return 0, 0, err
	}
	if counted, err = number(what+": count", rows); err != nil || counted == 0 {
		return 0, 0, err
	}
	if _, _, err := s.send(ctx, what, s.unloadStatement(u, query), writesS3); err != nil {
		return 0, 0, err
	}
	rows, err = s.ask(ctx, what+": count unloaded rows", "SELECT pg_last_unload_count()")
	if err != nil {
		return 0, 0, afterUnload(err)
	}
	unloaded, err = number(what+": count unloaded rows", rows)
	return counted, unloaded, err
}

// afterUnload says of an error that follows a finished UNLOAD what it means
// for the prefix: it is used.
func afterUnload(err error) error {
	f := judge(err, "unload", writesS3)
	used := *f
	used.Class = resources.Unknown
	return &used
}

func (s *session) unloadStatement(u Unload, query string) string {
	d := s.dialect
	sql := "UNLOAD (" + d.literal(query) + ") TO " + d.literal(u.Prefix) + " IAM_ROLE " + d.role(u.Role) + " FORMAT AS PARQUET MANIFEST VERBOSE"
	if u.Region != "" {
		sql += " REGION " + d.literal(u.Region)
	}
	return sql
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

// prove reads UNLOAD's manifest and compares it with the counted rows and with
// what lies in S3.
func (s *session) prove(ctx context.Context, u Unload, done *Unloaded, rows int64) error {
	if s.server.Get == nil || s.server.Head == nil {
		return resources.Faultf(resources.Permanent, "unload to %s: nobody can read its manifest", u.Prefix)
	}
	uri := u.Prefix + "manifest"
	body, err := s.server.Get(ctx, uri)
	if err != nil {
		return unread(u, uri, err)
	}
	objects, columns, err := readManifest(u, body, rows)
	if err != nil {
		return err
	}
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
	done.Manifest, done.Rows, done.Objects, done.Columns = uri, rows, objects, columns
	return nil
}

// readManifest checks a manifest in itself and against the row count.
func readManifest(u Unload, body []byte, rows int64) (objects []Object, columns []string, err error) {
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, nil, unproven(u, "its manifest cannot be read: %v", err)
	}
	if m.Meta == nil || m.Meta.Rows != rows {
		return nil, nil, unproven(u, "its manifest does not say %d rows in all", rows)
	}
	var sum meta
	seen := map[string]bool{}
	for _, e := range m.Entries {
		if e.Meta == nil || !strings.HasPrefix(e.URL, u.Prefix) || seen[e.URL] {
			return nil, nil, unproven(u, "its manifest's entry %q has no size, is twice there, or lies elsewhere", e.URL)
		}
		seen[e.URL] = true
		sum.Rows += e.Meta.Rows
		sum.Length += e.Meta.Length
		objects = append(objects, Object{URI: e.URL, Size: e.Meta.Length})
	}
	if sum != *m.Meta {
		return nil, nil, unproven(u, "its manifest's entries hold %d rows and %d bytes, their total says %d and %d", sum.Rows, sum.Length, m.Meta.Rows, m.Meta.Length)
	}
	for _, c := range m.Schema.Elements {
		columns = append(columns, c.Name)
	}
	return objects, columns, nil
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
		Hint: "does something else write there, or does the query give other rows each time (random(), limit without order)?"}
}
