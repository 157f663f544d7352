// Package journals3 keeps a pipeline's memory in S3: the records of an attempt
// as one object each, and the lease that says who may act. Both stand on
// conditional writes; neither needs any other service.
package journals3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/s3"
)

// Store is a journal.Store: the records of one attempt under Base, each in an
// object named by its sequence number (Base/000001.json, …), which is written
// once and never again. Every error is a *resources.Fault.
type Store struct {
	S3    *s3.Client
	Base  string // s3://bucket/…/journal; with or without a slash at the end
	Clock resources.Clock

	lines map[int][]byte // records as Append wrote them, for Archive
}

var _ journal.Store = (*Store)(nil)

// maxSeq is the highest number that six digits, and so the order of keys, hold.
const maxSeq = 999999

var recordKey = regexp.MustCompile(`^([0-9]{6})\.json$`)

// Append writes a record under its sequence number, only where none is. When
// one is there it is read back: the same bytes are our own earlier put whose
// answer got lost, which is success; anything else is another controller's, a
// Fenced fault. Refusals and lost answers are asked again for about half a
// minute, always with the same bytes; then the fault of the last one is
// returned, as Unknown when the record may still be there.
func (s *Store) Append(ctx context.Context, r journal.Record) error {
	if r.Seq < 1 || r.Seq > maxSeq {
		return resources.Faultf(resources.Permanent, "record %d: a journal holds the records 1 to %d", r.Seq, maxSeq)
	}
	body, err := encode(r)
	if err != nil {
		return err
	}
	uri, mayBeThere := s.uri(r.Seq), false
	err = retry(ctx, s.Clock, func() (done bool, err error) {
		_, err = s.S3.Put(ctx, uri, body, "*")
		switch {
		case resources.CodeOf(err) == s3.PreconditionFailed:
			done, err = s.whose(ctx, uri, body)
			mayBeThere = !done
		case resources.ClassOf(err) == resources.Unknown:
			mayBeThere = true
		}
		return done || !passing(err), err
	})
	if class := resources.ClassOf(err); mayBeThere && class.NoEffect() {
		return &resources.Fault{Class: resources.Unknown, Msg: fmt.Sprintf("record %d may be written or not: %v", r.Seq, err), Hint: resources.HintOf(err), Err: err}
	}
	if err == nil {
		s.keep(r.Seq, body)
	}
	return err
}

func (s *Store) keep(seq int, line []byte) {
	if s.lines == nil {
		s.lines = map[int][]byte{}
	}
	s.lines[seq] = line
}

func encode(r journal.Record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("encoding record %d: %v", r.Seq, err), Err: err}
	}
	return body, nil
}

// whose reads back what is where our record should go.
func (s *Store) whose(ctx context.Context, uri string, ours []byte) (done bool, err error) {
	got, _, err := s.S3.Get(ctx, uri)
	switch {
	case resources.ClassOf(err) == resources.Gone:
		return false, resources.Faultf(resources.Retry, "%s: there, and not there", uri)
	case err != nil:
		return false, err
	case bytes.Equal(got, ours):
		return true, nil
	}
	var other journal.Record
	_ = json.Unmarshal(got, &other) // what cannot be read is another's all the same
	return true, &resources.Fault{Class: resources.Fenced,
		Msg:  fmt.Sprintf("another controller (epoch %d, writer %s) has written %s", other.Epoch, other.Writer, uri),
		Hint: "it goes on with this run; `lamplighter status` shows it"}
}

// Since reads the records after seq, in order. A missing one is a Permanent
// fault: records are written one after the other and never deleted.
func (s *Store) Since(ctx context.Context, seq int) ([]journal.Record, error) {
	var records []journal.Record
	err := retry(ctx, s.Clock, func() (done bool, err error) {
		records, err = s.since(ctx, seq)
		return !passing(err), err
	})
	return records, err
}

func (s *Store) since(ctx context.Context, seq int) ([]journal.Record, error) {
	uris, err := s.list(ctx, seq)
	if err != nil {
		return nil, err
	}
	bodies, err := s.S3.GetAll(ctx, uris)
	if err != nil {
		return nil, err
	}
	records := make([]journal.Record, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(body, &records[i]); err != nil {
			return nil, corrupt(uris[i], err.Error())
		}
		if want := seq + 1 + i; records[i].Seq != want {
			return nil, corrupt(uris[i], fmt.Sprintf("it holds record %d", records[i].Seq))
		}
	}
	return records, nil
}

// list finds the records after seq and checks that none is missing. What is
// not named like a record is left alone.
func (s *Store) list(ctx context.Context, seq int) ([]string, error) {
	_, after, err := s3.Split(s.uri(seq))
	if err != nil {
		return nil, err
	}
	infos, err := s.S3.List(ctx, s.base(), after)
	if err != nil {
		return nil, err
	}
	var uris []string
	for _, info := range infos {
		match := recordKey.FindStringSubmatch(strings.TrimPrefix(info.URI, s.base()))
		if match == nil {
			continue
		}
		next := seq + 1 + len(uris)
		if n, _ := strconv.Atoi(match[1]); n != next {
			return nil, corrupt(s.uri(next), "it is missing, though later records are there")
		}
		uris = append(uris, info.URI)
	}
	return uris, nil
}

func corrupt(uri, why string) error {
	return &resources.Fault{Class: resources.Permanent, Msg: "journal " + uri + ": " + why,
		Hint: "nothing of ours changes or deletes records: restore the object from the bucket's versions"}
}

func (s *Store) base() string { return strings.TrimSuffix(s.Base, "/") + "/" }

func (s *Store) uri(seq int) string { return fmt.Sprintf("%s%06d.json", s.base(), seq) }
