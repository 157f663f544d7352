package events

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"time"
)

// Object is what one S3 object holds.
type Object struct {
	Key  string
	Body []byte
}

// Late is a part of one day's ratings that comes in when the day was loaded
// long ago.
type Late struct {
	Day   Day
	Every int // each Every-th rating of the day, beginning with the first
}

// holds says whether the day's i-th rating is late. The zero Late holds none.
func (l Late) holds(day Day, i int) bool { return l.Every > 0 && day == l.Day && i%l.Every == 0 }

// MovieObject is movies/movies.csv.
func (d *Data) MovieObject() (Object, error) {
	body, err := rowsOf([]string{"movie_id", "title", "genres"}, len(d.Movies), func(i int) []string {
		m := d.Movies[i]
		return []string{whole(m.ID), m.Title, m.Genres}
	})
	return Object{"movies/movies.csv", body}, err
}

// Objects are those of the days after `after` up to and with `through`: one
// for the ratings of each day, one for its reviews, without what is late. The
// same events give the same bytes.
func (d *Data) Objects(after, through Day, late Late) ([]Object, error) {
	ratings, reviews := map[Day][]Rating{}, map[Day][]Review{}
	at := map[Day]int{}
	for _, r := range d.Ratings {
		day := DayOf(r.At)
		if day > after && day <= through && !late.holds(day, at[day]) {
			ratings[day] = append(ratings[day], r)
		}
		at[day]++
	}
	for _, r := range d.Reviews {
		if r.Day > after && r.Day <= through {
			reviews[r.Day] = append(reviews[r.Day], r)
		}
	}
	var objects []Object
	for day := after + 1; day <= through; day++ {
		if rows := ratings[day]; len(rows) > 0 {
			object, err := ratingObject(dayKey("ratings", day, "ratings"), rows)
			if err != nil {
				return nil, err
			}
			objects = append(objects, object)
		}
		if rows := reviews[day]; len(rows) > 0 {
			object, err := reviewObject(dayKey("reviews", day, "reviews"), rows)
			if err != nil {
				return nil, err
			}
			objects = append(objects, object)
		}
	}
	return objects, nil
}

// LateObject is what Objects left out.
func (d *Data) LateObject(late Late) (Object, error) {
	var rows []Rating
	i := 0
	for _, r := range d.Ratings {
		if DayOf(r.At) != late.Day {
			continue
		}
		if late.holds(late.Day, i) {
			rows = append(rows, r)
		}
		i++
	}
	return ratingObject(dayKey("ratings", late.Day, "ratings-late"), rows)
}

func dayKey(folder string, day Day, name string) string {
	return fmt.Sprintf("%s/%s/%s.csv.gz", folder, day.Time().Format("2006/01/02"), name)
}

func ratingObject(key string, rows []Rating) (Object, error) {
	return zipped(key, []string{"user_id", "movie_id", "rating", "rated_at"}, len(rows), func(i int) []string {
		r := rows[i]
		return []string{whole(r.User), whole(r.Movie), number(r.Stars), time.Unix(r.At, 0).UTC().Format(time.DateTime)}
	})
}

func reviewObject(key string, rows []Review) (Object, error) {
	return zipped(key, []string{"review_id", "movie_id", "score", "body"}, len(rows), func(i int) []string {
		r := rows[i]
		return []string{whole(r.ID), whole(r.Movie), number(r.Score), r.Body}
	})
}

func zipped(key string, header []string, n int, row func(int) []string) (Object, error) {
	plain, err := rowsOf(header, n, row)
	if err != nil {
		return Object{}, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b) // with no time in its header
	if _, err := z.Write(plain); err != nil {
		return Object{}, err
	}
	err = z.Close() // writes the last bytes
	return Object{key, b.Bytes()}, err
}

// rowsOf writes a CSV with a header.
func rowsOf(header []string, n int, row func(int) []string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.Write(header)
	for i := 0; i < n && err == nil; i++ {
		err = w.Write(row(i))
	}
	w.Flush()
	return b.Bytes(), err
}
