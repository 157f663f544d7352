package events

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// ReadReviews adds the reviews of a CSV file, gzipped if its name ends in .gz,
// with the columns text and score, or text and mean_rating (see
// ScoreOfMeanRating). Columns movie_id and date (2006-01-02, or an instant of
// RFC 3339) are taken if they are there; else a review goes to the movie and
// day of a rating drawn from the seed, so that popular movies get most. Reviews
// are numbered by their rows.
func (d *Data) ReadReviews(path string, seed uint64) error {
	t, err := openTable(path, "text")
	if err != nil {
		return err
	}
	if !t.has("score") && !t.has("mean_rating") {
		return fmt.Errorf("%s has neither a column score nor mean_rating", path)
	}
	random := rand.New(rand.NewPCG(seed, 0x72657669))
	d.Reviews = nil
	err = t.each(func() error {
		like := d.Ratings[random.IntN(len(d.Ratings))]
		r := Review{ID: int64(len(d.Reviews) + 1), Movie: like.Movie, Day: DayOf(like.At), Body: strings.Clone(t.text("text"))}
		if err := t.review(&r); err != nil {
			return err
		}
		d.Reviews = append(d.Reviews, r)
		return nil
	})
	d.sort()
	return err
}

// Reassign gives every review the movie and day of a rating drawn from the
// seed.
func (d *Data) Reassign(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0x72657669))
	for i := range d.Reviews {
		like := d.Ratings[random.IntN(len(d.Ratings))]
		d.Reviews[i].Movie, d.Reviews[i].Day = like.Movie, DayOf(like.At)
	}
	d.sort()
}

// review fills in what the row says.
func (t *table) review(r *Review) (err error) {
	if t.has("score") {
		if r.Score, err = t.number("score"); err != nil {
			return err
		}
	} else {
		mean, err := t.number("mean_rating")
		if err != nil {
			return err
		}
		r.Score = ScoreOfMeanRating(mean)
	}
	if t.has("movie_id") {
		if r.Movie, err = t.whole("movie_id"); err != nil {
			return err
		}
	}
	if t.has("date") {
		text := strings.TrimSpace(t.text("date"))
		if r.Day, err = DayFrom(text); err != nil {
			instant, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return t.wrong("date", err)
			}
			r.Day = DayOf(instant.Unix())
		}
	}
	return nil
}

// The cuts of Hutto and Gilbert on their scale of -4 to 4, and those of the
// sentiment job on stars.
const (
	paperCut              = 0.2
	negativeMax           = 2.0
	positiveMin           = 3.5
	lowestStar, mostStars = 0.5, 5.0
)

// ScoreOfMeanRating turns a mean rating of -4 to 4 into stars, 0.5 to 5, so
// that the job's cuts (up to 2 negative, from 3.5 positive) fall exactly on the
// paper's (-0.2 and 0.2): three straight lines that meet at the cuts, to two
// decimals. A neutral rating never rounds onto a cut.
func ScoreOfMeanRating(mean float64) float64 {
	mean = min(4, max(-4, mean))
	line := func(x0, x1, y0, y1 float64) float64 {
		return math.Round(100*(y0+(mean-x0)/(x1-x0)*(y1-y0))) / 100
	}
	switch {
	case mean <= -paperCut:
		return min(negativeMax, line(-4, -paperCut, lowestStar, negativeMax))
	case mean >= paperCut:
		return max(positiveMin, line(paperCut, 4, positiveMin, mostStars))
	}
	return min(positiveMin-0.01, max(negativeMax+0.01, line(-paperCut, paperCut, negativeMax, positiveMin)))
}
