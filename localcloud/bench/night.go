package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lamplighter/controller/journal"
)

// night measures a bootstrap of many days and the night after it, which finds
// one day more.
func (b *bencher) night(ctx context.Context, rows, days int, postgres bool) (err error) {
	w, err := b.open(ctx, "select user_id, movie_id, rating, rated_at from ratings")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	began := time.Now()
	if err := publish(ctx, w.objects, 0, days, rows); err != nil {
		return err
	}
	line("objects put", time.Since(began), fmt.Sprintf("%d rows in %d gz objects", rows, days))
	p, records, err := w.night(ctx, days-1)
	if err != nil {
		return err
	}
	w.tell("bootstrap", p, records)
	if err := publish(ctx, w.objects, days, days+1, rows/days); err != nil {
		return err
	}
	if p, records, err = w.night(ctx, days); err != nil {
		return err
	}
	w.tell("one more day", p, records)
	if !postgres {
		return nil
	}
	return w.postgres(ctx, days, rows)
}

// tell prints how a night went: SQL and transitions, each by its name.
func (w *world) tell(what string, p process, records []journal.Record) {
	line(what+": whole night", p.wall, fmt.Sprintf("%d journal records, controller at most %d MB", len(records), p.rss/1e6))
	took := phases(records)
	for _, name := range slices.Sorted(maps.Keys(took)) {
		if took[name] >= 50*time.Millisecond || strings.HasSuffix(name, "available") {
			line(what+": "+name, took[name], "")
		}
	}
}
