package events

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// table reads a CSV by the names of its columns.
type table struct {
	name    string
	csv     *csv.Reader
	columns map[string]int
	row     []string
	close   func() error
}

// openTable opens a CSV file with a header, gzipped if its name ends in .gz.
func openTable(path string, required ...string) (*table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &table{name: path, close: file.Close, columns: map[string]int{}}
	var in io.Reader = bufio.NewReaderSize(file, 1<<20)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
		}
	}
	t.csv = csv.NewReader(in)
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: its header: %w", path, err), file.Close())
	}
	for i, name := range header {
		t.columns[strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "\ufeff"))] = i
	}
	for _, name := range required {
		if _, ok := t.columns[strings.ToLower(name)]; !ok {
			err := fmt.Errorf("%s has no column %s: it has %s", path, name, strings.Join(header, ", "))
			return nil, errors.Join(err, file.Close())
		}
	}
	return t, nil
}

// next reads the next row; io.EOF after the last.
func (t *table) next() (err error) {
	if t.row, err = t.csv.Read(); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return err
}

// has says whether there is such a column.
func (t *table) has(column string) bool { _, ok := t.columns[column]; return ok }

// text of a column that is there. It is valid until next.
func (t *table) text(column string) string { return t.row[t.columns[strings.ToLower(column)]] }

func (t *table) wrong(column string, err error) error {
	line, _ := t.csv.FieldPos(t.columns[strings.ToLower(column)])
	return fmt.Errorf("%s:%d %s: %w", t.name, line, column, err)
}

func (t *table) whole(column string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(t.text(column)), 10, 64)
	if err != nil {
		return 0, t.wrong(column, err)
	}
	return n, nil
}

func (t *table) number(column string) (float64, error) {
	x, err := strconv.ParseFloat(strings.TrimSpace(t.text(column)), 64)
	if err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
		err = fmt.Errorf("%v is not a number", x)
	}
	if err != nil {
		return 0, t.wrong(column, err)
	}
	return x, nil
}

// each calls fn for every row and closes the file.
func (t *table) each(fn func() error) error {
	for {
		err := t.next()
		if err == nil {
			err = fn()
		}
		if err == io.EOF {
			return t.close()
		}
		if err != nil {
			return errors.Join(err, t.close())
		}
	}
}

// ReadMovieLens reads ratings.csv and movies.csv of a folder in MovieLens
// format. Every row must be right; the error names the first that is not.
func ReadMovieLens(dir string) (*Data, error) {
	data := &Data{}
	movies, err := openTable(filepath.Join(dir, "movies.csv"), "movieId", "title", "genres")
	if err != nil {
		return nil, err
	}
	known := map[int64]bool{}
	err = movies.each(func() error {
		id, err := movies.whole("movieId")
		known[id] = true
		data.Movies = append(data.Movies, Movie{id, strings.Clone(movies.text("title")), strings.Clone(movies.text("genres"))})
		return err
	})
	if err != nil {
		return nil, err
	}
	ratings, err := openTable(filepath.Join(dir, "ratings.csv"), "userId", "movieId", "rating", "timestamp")
	if err != nil {
		return nil, err
	}
	err = ratings.each(func() error {
		r, err := ratings.rating()
		if err == nil && !known[r.Movie] {
			err = ratings.wrong("movieId", fmt.Errorf("movies.csv has no movie %d", r.Movie))
		}
		data.Ratings = append(data.Ratings, r)
		return err
	})
	if err == nil && len(data.Ratings) == 0 {
		err = fmt.Errorf("%s holds no rating", ratings.name)
	}
	data.sort()
	return data, err
}

func (t *table) rating() (r Rating, err error) {
	if r.User, err = t.whole("userId"); err != nil {
		return r, err
	}
	if r.Movie, err = t.whole("movieId"); err != nil {
		return r, err
	}
	if r.Stars, err = t.number("rating"); err != nil {
		return r, err
	}
	if r.At, err = t.whole("timestamp"); err == nil && r.At < 0 {
		err = t.wrong("timestamp", fmt.Errorf("%d is before 1970", r.At))
	}
	return r, err
}

// WriteMovieLens writes ratings.csv and movies.csv in MovieLens format.
func (d *Data) WriteMovieLens(dir string) error {
	err := writeTable(filepath.Join(dir, "movies.csv"), func(put func(...string) error) error {
		err := put("movieId", "title", "genres")
		for _, m := range d.Movies {
			err = errors.Join(err, put(whole(m.ID), m.Title, m.Genres))
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeTable(filepath.Join(dir, "ratings.csv"), func(put func(...string) error) error {
		err := put("userId", "movieId", "rating", "timestamp")
		for _, r := range d.Ratings {
			err = errors.Join(err, put(whole(r.User), whole(r.Movie), number(r.Stars), whole(r.At)))
		}
		return err
	})
}

func writeTable(path string, rows func(put func(...string) error) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(file)
	err = rows(func(cells ...string) error { return w.Write(cells) })
	w.Flush()
	return errors.Join(err, w.Error(), file.Close())
}

func whole(n int64) string    { return strconv.FormatInt(n, 10) }
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
