package events

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Size is how much Generate makes.
type Size struct {
	Users, Movies, Ratings, Reviews int
	From                            time.Time // the first day
	Days                            int       // between the first and the last
}

// DemoSize is about that of MovieLens latest-small, over as many years.
var DemoSize = Size{Users: 600, Movies: 1500, Ratings: 90_000, Reviews: 9_000, From: time.Date(1996, 3, 29, 0, 0, 0, 0, time.UTC), Days: 8_200}

// taste is how many latent factors ratings have. A user's and a movie's have
// the same length on average; their product is what a recommender can learn
// beyond "this user is generous" and "this movie is good".
const taste = 6

// The spread of what a rating is made of, in stars. ratings of MovieLens have
// biases of about this size; the noise is smaller than people's, so that the
// structure shows in a small set.
const (
	overall     = 3.4
	userSpread  = 0.40
	movieSpread = 0.45
	tasteSpread = 0.65 // of the product of factors
	noise       = 0.55
	session     = 18.0 // ratings in one sitting, on average
)

type generator struct {
	random *rand.Rand
	size   Size
	users  []mind
	movies []mind
	draw   weighted // movies by popularity
}

// mind is the hidden side of a user or movie.
type mind struct {
	bias    float64
	factors [taste]float64
}

// Generate makes a set of events with structure that can be learned: factors
// and biases of users and movies, a long tail of popularity, sittings spread
// over years. The same seed gives the same events.
func Generate(seed uint64, size Size) *Data {
	g := &generator{random: rand.New(rand.NewPCG(seed, 0x6c616d70)), size: size}
	g.users, g.movies = g.minds(size.Users, userSpread), g.minds(size.Movies, movieSpread)
	data := &Data{}
	for i := range size.Movies {
		data.Movies = append(data.Movies, Movie{ID: int64(i + 1), Title: g.title(i), Genres: genres(g.movies[i])})
	}
	g.draw = popularity(g.random, size.Movies)
	g.rate(data)
	g.review(data)
	data.sort()
	return data
}

func (g *generator) minds(n int, spread float64) []mind {
	all := make([]mind, n)
	// A product of `taste` pairs has the variance taste·s⁴.
	s := math.Sqrt(tasteSpread / math.Sqrt(taste))
	for i := range all {
		all[i].bias = spread * g.random.NormFloat64()
		for f := range taste {
			all[i].factors[f] = s * g.random.NormFloat64()
		}
	}
	return all
}

// opinion is what a user thinks of a movie, in stars, before rounding.
func (g *generator) opinion(user, movie int) float64 {
	u, m := g.users[user], g.movies[movie]
	stars := overall + u.bias + m.bias
	for f := range taste {
		stars += u.factors[f] * m.factors[f]
	}
	return stars
}

// stars rounds to a half, within 0.5 and 5.
func stars(x float64) float64 { return min(5, max(0.5, math.Round(x*2)/2)) }

// rate gives every user ratings in a number that has a long tail, in sittings
// of some minutes each.
func (g *generator) rate(data *Data) {
	shares := make([]float64, g.size.Users)
	total := 0.0
	for i := range shares {
		shares[i] = math.Exp(g.random.NormFloat64())
		total += shares[i]
	}
	for user, share := range shares {
		// Nobody rates more than half of what there is, and nobody less than 5.
		want := min(g.size.Movies/2, max(5, int(share/total*float64(g.size.Ratings))))
		at := int64(0)
		for i, movie := range g.draw.distinct(g.random, want) {
			if i == 0 || g.random.Float64() < 1/session {
				at = g.sitting()
			}
			at += 5 + g.random.Int64N(60)
			given := stars(g.opinion(user, movie) + noise*g.random.NormFloat64())
			data.Ratings = append(data.Ratings, Rating{User: int64(user + 1), Movie: int64(movie + 1), Stars: given, At: at})
		}
	}
}

// sitting is an instant within the years, before 22:00 so that its ratings
// stay within the day.
func (g *generator) sitting() int64 {
	return g.size.From.AddDate(0, 0, g.random.IntN(g.size.Days)).Unix() + g.random.Int64N(22*60*60)
}

// review lets some who rated also write, on the day they rated.
func (g *generator) review(data *Data) {
	for id := range min(g.size.Reviews, len(data.Ratings)) {
		r := data.Ratings[g.random.IntN(len(data.Ratings))]
		data.Reviews = append(data.Reviews, Review{ID: int64(id + 1), Movie: r.Movie, Score: r.Stars, Body: g.text(r.Stars), Day: DayOf(r.At)})
	}
}

// weighted draws indices in proportion to their weights.
type weighted []float64 // running sums

// popularity is a long tail: the k-th most popular of a shuffled list weighs
// 1/(k+8).
func popularity(random *rand.Rand, n int) weighted {
	w := make(weighted, n)
	for k, i := range random.Perm(n) {
		w[i] = 1 / float64(k+8)
	}
	for i := 1; i < n; i++ {
		w[i] += w[i-1]
	}
	return w
}

func (w weighted) one(random *rand.Rand) int {
	i, _ := slices.BinarySearch(w, random.Float64()*w[len(w)-1])
	return min(i, len(w)-1)
}

// distinct draws n different indices, at most as many as there are.
func (w weighted) distinct(random *rand.Rand, n int) []int {
	seen, drawn := make(map[int]bool, n), make([]int, 0, n)
	for len(drawn) < min(n, len(w)) {
		if i := w.one(random); !seen[i] {
			seen[i] = true
			drawn = append(drawn, i)
		}
	}
	return drawn
}
