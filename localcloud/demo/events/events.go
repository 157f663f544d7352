// Package events is the demo's data: ratings, movies and reviews, generated
// from a seed or read from files, and the objects that they are published as,
// one a day.
package events

import (
	"cmp"
	"slices"
	"time"
)

// Rating is what a user gave a movie.
type Rating struct {
	User, Movie int64
	Stars       float64 // 0.5 to 5 by half
	At          int64   // Unix seconds
}

// Movie is a title with its genres, joined by a bar.
type Movie struct {
	ID            int64
	Title, Genres string
}

// Review is a short text with a score.
type Review struct {
	ID, Movie int64
	Score     float64
	Body      string
	Day       Day
}

// Data is a whole set of events.
type Data struct {
	Ratings []Rating
	Movies  []Movie
	Reviews []Review
}

// Day is a day of UTC, counted from 1970-01-01.
type Day int

const secondsADay = 24 * 60 * 60

// DayOf is the day of an instant in Unix seconds; none is before 1970.
func DayOf(unix int64) Day { return Day(unix / secondsADay) }

// DayFrom reads 2006-01-02.
func DayFrom(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	return DayOf(t.Unix()), err
}

// Time is the day's beginning.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }

func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// Days are all days with a rating or a review, oldest first.
func (d *Data) Days() []Day {
	seen := map[Day]bool{}
	for _, r := range d.Ratings {
		seen[DayOf(r.At)] = true
	}
	for _, r := range d.Reviews {
		seen[r.Day] = true
	}
	days := make([]Day, 0, len(seen))
	for day := range seen {
		days = append(days, day)
	}
	slices.Sort(days)
	return days
}

// sort puts ratings and reviews in the order of time.
func (d *Data) sort() {
	slices.SortFunc(d.Ratings, func(a, b Rating) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.User, b.User), cmp.Compare(a.Movie, b.Movie))
	})
	slices.SortFunc(d.Reviews, func(a, b Review) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.ID, b.ID))
	})
}
