package journals3

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"lamplighter/controller/journal"
	"lamplighter/resources/s3"
)

// Archive writes the records of an attempt, all of them, as one object, one
// record a line: what reads a year of runs then reads one object for each.
// Repeats write the same.
func (s *Store) Archive(ctx context.Context, uri string, records []journal.Record) error {
	var lines bytes.Buffer
	for _, r := range records {
		line, err := s.line(r)
		if err != nil {
			return err
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	return retry(ctx, s.Clock, func() (done bool, err error) {
		_, err = s.S3.Put(ctx, uri, lines.Bytes(), "")
		return !passing(err), err
	})
}

// line is a record as JSON: what Append wrote of it, or, of those that another
// process wrote, encoded anew.
func (s *Store) line(r journal.Record) ([]byte, error) {
	if line, ok := s.lines[r.Seq]; ok {
		return line, nil
	}
	return encode(r)
}

// ReadArchive reads what Archive wrote. An absent one is a Gone fault.
func ReadArchive(ctx context.Context, client *s3.Client, uri string) ([]journal.Record, error) {
	body, _, err := client.Get(ctx, uri)
	if err != nil {
		return nil, err
	}
	var records []journal.Record
	decoder := json.NewDecoder(bytes.NewReader(body))
	for decoder.More() {
		var r journal.Record
		if err := decoder.Decode(&r); err != nil {
			return nil, corrupt(uri, err.Error())
		}
		if r.Seq != len(records)+1 {
			return nil, corrupt(uri, fmt.Sprintf("record %d stands where %d should", r.Seq, len(records)+1))
		}
		records = append(records, r)
	}
	return records, nil
}
