package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lamplighter/controller/journal"
	"lamplighter/controller/steps"
	"lamplighter/localcloud/demo/host"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// plan measures `lamplighter plan` over many objects: when all are new, when
// all are loaded, and when the ledger's copy holds many more.
func (b *bencher) plan(ctx context.Context, objects, ledger int) (err error) {
	w, err := b.open(ctx, "select count(*) from ratings")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	const aDay = 14
	days := (objects + aDay - 1) / aDay
	numbers := make([]int, objects)
	for i := range numbers {
		numbers[i] = i
	}
	body, err := ratings(0, 1, header)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := host.Each(ctx, numbers, func(ctx context.Context, i int) error {
		return put(ctx, w.objects, eventsBucket, firstDay.AddDate(0, 0, i/aDay).Format("ratings/2006/01/02/")+fmt.Sprintf("part-%06d.csv.gz", i), body)
	}); err != nil {
		return err
	}
	line("objects put", time.Since(began), fmt.Sprintf("%d objects in %d days", objects, days))
	date := firstDay.AddDate(0, 0, days).Format(time.DateOnly)
	tell := func(what string) error {
		p, err := w.lamplighter(ctx, "plan", "--date", date)
		if err == nil {
			line("plan, "+what, p.wall, fmt.Sprintf("controller at most %d MB", p.rss/1e6))
		}
		return err
	}
	if err := tell("all objects new"); err != nil {
		return err
	}
	if err := w.promote(ctx, date, 0); err != nil {
		return err
	}
	if err := tell("all objects in the ledger"); err != nil {
		return err
	}
	if err := w.promote(ctx, date, ledger-objects); err != nil {
		return err
	}
	return tell(fmt.Sprintf("and %d rows in the ledger", ledger))
}

// promote writes a pointer and a ledger's copy as a night would have left them
// that loaded every object there is, and so many more that are there no longer.
func (w *world) promote(ctx context.Context, date string, more int) error {
	client := &s3.Client{API: w.objects.API, Parallel: 1}
	infos, err := client.List(ctx, "s3://"+eventsBucket+"/ratings/", "")
	if err != nil {
		return err
	}
	entry := func(i int, uri, etag string) warehouse.Entry {
		return warehouse.Entry{LoadID: int64(i/2000 + 1), Rows: 2000, Run: date, Attempt: 1, Step: "ratings", At: firstDay,
			Object: warehouse.Object{URI: uri, ETag: etag, Size: 100, Partition: firstDay.AddDate(0, 0, i/14).Format(time.DateOnly)}}
	}
	l := warehouse.Ledger{Watermark: warehouse.Watermark{}, Tables: map[string][]warehouse.Entry{}}
	for i, info := range infos {
		l.Tables["ratings"] = append(l.Tables["ratings"], entry(i, info.URI, info.ETag))
	}
	for i := range max(more, 0) {
		l.Tables["ratings"] = append(l.Tables["ratings"], entry(i, fmt.Sprintf("s3://%s/gone/part-%07d.csv.gz", eventsBucket, i), hex.EncodeToString(sum(fmt.Sprint(i))[:16])))
	}
	body, err := warehouse.EncodeLedger(l)
	if err != nil {
		return err
	}
	copied := steps.FileRef{URI: layout.Root() + fmt.Sprintf("ledger-%d.tsv.gz", more), SHA256: hex.EncodeToString(sum(string(body)))}
	pointer, err := json.Marshal(steps.Promoted{Snapshot: "bench", Cluster: "bench", Ledger: copied,
		DataThrough: date, Made: journal.AttemptID{Run: date, Attempt: 1}, At: firstDay})
	if err != nil {
		return err
	}
	if _, err := client.Put(ctx, copied.URI, body, ""); err != nil {
		return err
	}
	_, err = client.Put(ctx, layout.Promoted(), pointer, "")
	return err
}

func sum(text string) []byte {
	s := sha256.Sum256([]byte(text))
	return s[:]
}
