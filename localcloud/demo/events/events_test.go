package events

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var small = Size{Users: 80, Movies: 120, Ratings: 4000, Reviews: 600, From: time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC), Days: 900}

func TestTheSeedDecides(t *testing.T) {
	a, b, c := Generate(7, small), Generate(7, small), Generate(8, small)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gave other events")
	}
	if reflect.DeepEqual(a.Ratings, c.Ratings) {
		t.Error("another seed gave the same ratings")
	}
}

func TestGeneratedEventsAreSound(t *testing.T) {
	data := Generate(3, DemoSize)
	type pair struct{ user, movie int64 }
	seen, times := map[pair]bool{}, map[int64]int{}
	last := DemoSize.From.AddDate(0, 0, DemoSize.Days)
	for _, r := range data.Ratings {
		if seen[pair{r.User, r.Movie}] {
			t.Fatalf("user %d rated movie %d twice", r.User, r.Movie)
		}
		seen[pair{r.User, r.Movie}] = true
		times[r.Movie]++
		if r.Stars < 0.5 || r.Stars > 5 || r.Stars*2 != math.Trunc(r.Stars*2) {
			t.Fatalf("%v stars", r.Stars)
		}
		if at := time.Unix(r.At, 0); at.Before(DemoSize.From) || at.After(last) {
			t.Fatalf("rated at %s", at)
		}
	}
	if n := len(data.Ratings); n < DemoSize.Ratings*8/10 || n > DemoSize.Ratings*11/10 {
		t.Errorf("%d ratings", n)
	}
	if n := len(data.Days()); n < 2000 {
		t.Errorf("only %d days", n)
	}
	top := 0
	for _, n := range times {
		top = max(top, n)
	}
	if mean := len(data.Ratings) / len(times); top < 4*mean {
		t.Errorf("no long tail: the most popular movie has %d ratings, a movie %d on average", top, mean)
	}
}

// What cannot be explained by biases must be there to be found by factors:
// the hidden factors explain a good part of what biases leave.
func TestRatingsHaveLatentStructure(t *testing.T) {
	data := Generate(3, small)
	mean, sums, counts := 0.0, map[int64]float64{}, map[int64]float64{}
	for _, r := range data.Ratings {
		mean += r.Stars / float64(len(data.Ratings))
	}
	users, userCounts := map[int64]float64{}, map[int64]float64{}
	for _, r := range data.Ratings {
		sums[r.Movie] += r.Stars - mean
		counts[r.Movie]++
	}
	for _, r := range data.Ratings {
		users[r.User] += r.Stars - mean - sums[r.Movie]/counts[r.Movie]
		userCounts[r.User]++
	}
	left := 0.0
	for _, r := range data.Ratings {
		off := r.Stars - mean - sums[r.Movie]/counts[r.Movie] - users[r.User]/userCounts[r.User]
		left += off * off / float64(len(data.Ratings))
	}
	// Half-star rounding adds 1/48 to the noise.
	if floor := noise*noise + 1.0/48; left < 1.3*floor {
		t.Errorf("biases leave a variance of %.3f, the noise alone has %.3f: nothing to learn", left, floor)
	}
}

func TestWordsLeanWithTheStars(t *testing.T) {
	data := Generate(5, DemoSize)
	count := func(text string, words []string) (n int) {
		for _, w := range words {
			n += strings.Count(text, w)
		}
		return n
	}
	good, bad := [2]int{}, [2]int{}
	for _, r := range data.Reviews {
		i := 0
		switch {
		case r.Score >= 4.5:
			i = 1
		case r.Score > 1.5:
			continue
		}
		good[i] += count(r.Body, goodWords)
		bad[i] += count(r.Body, badWords)
	}
	if good[1] < 2*bad[1] || bad[0] < 2*good[0] {
		t.Errorf("good and bad words: low scores %d and %d, high scores %d and %d", good[0], bad[0], good[1], bad[1])
	}
}

func TestMovieLensFilesComeBack(t *testing.T) {
	data, dir := Generate(1, small), t.TempDir()
	if err := data.WriteMovieLens(dir); err != nil {
		t.Fatal(err)
	}
	back, err := ReadMovieLens(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(data.Ratings, back.Ratings) || !reflect.DeepEqual(data.Movies, back.Movies) {
		t.Error("other ratings or movies came back")
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	movies := "movieId,title,genres\r\n1,\"Heat, The (1995)\",Action|Crime\r\n"
	for name, test := range map[string]struct{ ratings, want string }{
		"column":  {"userId,movieId,rating\n1,1,4.0\n", "no column timestamp"},
		"number":  {"userId,movieId,rating,timestamp\n1,1,four,9\n", "ratings.csv:2 rating"},
		"unknown": {"userId,movieId,rating,timestamp\n1,1,4,9\n1,2,4,9\n", "ratings.csv:3 movieId: movies.csv has no movie 2"},
		"cells":   {"userId,movieId,rating,timestamp\n1,1,4\n", "wrong number of fields"},
		"empty":   {"userId,movieId,rating,timestamp\n", "holds no rating"},
		"nan":     {"userId,movieId,rating,timestamp\n1,1,NaN,9\n", "ratings.csv:2 rating"},
		"early":   {"userId,movieId,rating,timestamp\n1,1,4,-5\n", "before 1970"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "movies.csv"), movies)
			put(t, filepath.Join(dir, "ratings.csv"), test.ratings)
			if _, err := ReadMovieLens(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReviewsTakeWhatIsThere(t *testing.T) {
	data := Generate(1, small)
	path := filepath.Join(t.TempDir(), "reviews.csv")
	put(t, path, "date,movie_id,score,text\n2011-05-06,17,4.5,\"good, \"\"really\"\" good\"\n2011-05-07T23:59:59Z,18,1,bad\n")
	if err := data.ReadReviews(path, 1); err != nil {
		t.Fatal(err)
	}
	day, _ := DayFrom("2011-05-06")
	want := []Review{{1, 17, 4.5, `good, "really" good`, day}, {2, 18, 1, "bad", day + 1}}
	if !reflect.DeepEqual(data.Reviews, want) {
		t.Errorf("got %+v", data.Reviews)
	}
}

func TestReviewsAreAssignedFromTheSeed(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte("id,mean_rating,text\n" + strings.Repeat("9,-0.6,meh\n", 50)))
	_ = z.Close()
	path := filepath.Join(t.TempDir(), "reviews.csv.gz")
	put(t, path, b.String())
	read := func(seed uint64) []Review {
		data := Generate(1, small)
		if err := data.ReadReviews(path, seed); err != nil {
			t.Fatal(err)
		}
		return data.Reviews
	}
	if one, two := read(4), read(4); !reflect.DeepEqual(one, two) {
		t.Error("the same seed assigned otherwise")
	} else if reflect.DeepEqual(one, read(5)) {
		t.Error("another seed assigned the same")
	} else if one[0].Score != ScoreOfMeanRating(-0.6) {
		t.Errorf("score %v", one[0].Score)
	}
}

func TestScoresKeepThePapersCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := float64(rapid.IntRange(-4000, 4000).Draw(t, "a")) / 1000
		b := float64(rapid.IntRange(-4000, 4000).Draw(t, "b")) / 1000
		x, y := ScoreOfMeanRating(a), ScoreOfMeanRating(b)
		if (a <= -0.2) != (x <= 2) || (a >= 0.2) != (x >= 3.5) || x < 0.5 || x > 5 {
			t.Errorf("mean rating %v became %v", a, x)
		}
		if a < b && x > y {
			t.Errorf("%v < %v, but %v > %v", a, b, x, y)
		}
	})
}

// Whatever the nights are cut into, every rating and review is in exactly one
// object, in the folder of its day.
func TestObjectsHoldEverythingOnce(t *testing.T) {
	data := Generate(2, Size{Users: 10, Movies: 50, Ratings: 200, Reviews: 60, From: small.From, Days: 60})
	days := data.Days()
	wantRatings, wantReviews := map[string]int{}, map[string]int{}
	for _, r := range data.Ratings {
		wantRatings[DayOf(r.At).Time().Format("2006/01/02")]++
	}
	for _, r := range data.Reviews {
		wantReviews[r.Day.Time().Format("2006/01/02")]++
	}
	rapid.Check(t, func(t *rapid.T) {
		cut := days[rapid.IntRange(0, len(days)-1).Draw(t, "cut")]
		late := Late{Day: days[rapid.IntRange(0, len(days)-1).Draw(t, "late")], Every: rapid.IntRange(1, 3).Draw(t, "every")}
		objects, err := data.Objects(-1, cut, late)
		if err != nil {
			t.Fatal(err)
		}
		second, err := data.Objects(cut, days[len(days)-1], late)
		if err != nil {
			t.Fatal(err)
		}
		straggler, err := data.LateObject(late)
		if err != nil {
			t.Fatal(err)
		}
		gotRatings, gotReviews, keys := map[string]int{}, map[string]int{}, map[string]bool{}
		for _, o := range append(append(objects, second...), straggler) {
			if keys[o.Key] {
				t.Fatalf("%s twice", o.Key)
			}
			keys[o.Key] = true
			kind, day := strings.Split(o.Key, "/")[0], strings.Join(strings.Split(o.Key, "/")[1:4], "/")
			if rows := rowsIn(t, o.Body); kind == "ratings" && rows > 0 {
				gotRatings[day] += rows
			} else if rows > 0 {
				gotReviews[day] += rows
			}
		}
		if !reflect.DeepEqual(gotRatings, wantRatings) || !reflect.DeepEqual(gotReviews, wantReviews) {
			t.Error("some ratings or reviews are missing, twice, or on another day")
		}
	})
}

func rowsIn(t *rapid.T, body []byte) int {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return len(rows) - 1
}

func FuzzReadReviews(f *testing.F) {
	f.Add("text,score\nfine,3\n")
	f.Add("text,mean_rating,date,movie_id\n\"a\nb\",-4,2001-01-01,5\n")
	data := Generate(1, small)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "r.csv")
		put(t, path, text)
		mine := *data
		_ = mine.ReadReviews(path, 1) // must not panic
	})
}
