package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// grown is a night of one new day on top of a history.
type grown struct {
	rows int
	took time.Duration
	usd  float64
}

// growth measures a night of one new day on histories of several sizes. The
// new day is the same in all, and so is what is unloaded: that day.
func (b *bencher) growth(ctx context.Context, sizes []int, days int, svg string) error {
	var all []grown
	for _, rows := range sizes {
		g, err := b.grow(ctx, rows, days)
		if err != nil {
			return err
		}
		line(fmt.Sprintf("one new day on %d rows", rows), g.took, fmt.Sprintf("$%.4f at list prices for the seconds it took here", g.usd))
		all = append(all, g)
	}
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, []byte(draw(all)), 0o644)
}

func (b *bencher) grow(ctx context.Context, rows, days int) (g grown, err error) {
	w, err := b.open(ctx, "select user_id, movie_id, rating from ratings where rated_at >= :day_start and rated_at < :day_end")
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := publish(ctx, w.objects, 0, days, rows); err != nil {
		return g, err
	}
	if _, _, err := w.night(ctx, days-1); err != nil {
		return g, err
	}
	const newDay = 2_700
	if err := publish(ctx, w.objects, days, days+1, newDay); err != nil {
		return g, err
	}
	p, _, err := w.night(ctx, days)
	if err != nil {
		return g, err
	}
	var summary struct {
		MicroUSD int64 `json:"cost_micro_usd"`
	}
	if err := json.Unmarshal(p.summary, &summary); err != nil {
		return g, err
	}
	return grown{rows, p.wall, float64(summary.MicroUSD) / 1e6}, nil
}

// draw is a small picture: seconds over rows of history, one bar each.
func draw(all []grown) string {
	var most time.Duration
	for _, g := range all {
		most = max(most, g.took)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 %d" font-family="sans-serif" font-size="14">`+"\n", 50+40*len(all))
	fmt.Fprintln(&b, `<style>text{fill:#333}rect{fill:#c77d0a}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>`)
	fmt.Fprintln(&b, `<text x="10" y="22" font-weight="bold">A night of one new day, by rows already in the warehouse</text>`)
	for i, g := range all {
		y := 40 + 40*i
		width := 300 * g.took.Seconds() / most.Seconds()
		fmt.Fprintf(&b, `<text x="120" y="%d" text-anchor="end">%s</text><rect x="130" y="%d" width="%.0f" height="24"/><text x="%.0f" y="%d">%.1f s</text>`+"\n",
			y+17, grouped(g.rows), y, width, 138+width, y+17, g.took.Seconds())
	}
	fmt.Fprintln(&b, `</svg>`)
	return b.String()
}

// grouped writes a number with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
