package events

import (
	"fmt"
	"strings"
)

var (
	titleAdjectives = []string{"Silent", "Last", "Crimson", "Hidden", "Broken", "Golden", "Distant", "Wild", "Paper", "Burning", "Quiet", "Iron", "Northern", "Second", "Lost", "Frozen", "Bright", "Crooked", "Hollow", "Endless"}
	titleNouns      = []string{"Harbor", "Lantern", "River", "Garden", "Winter", "Stranger", "Orchard", "Railway", "Island", "Letter", "Empire", "Mirror", "Valley", "Summer", "Witness", "Carnival", "Bridge", "Station", "Kingdom", "Shadow"}
	titleForms      = []string{"The %[1]s %[2]s", "%[1]s %[2]s", "A %[1]s %[2]s", "The %[2]s of %[3]s", "%[2]s at %[3]s", "Return to the %[1]s %[2]s"}
	titlePlaces     = []string{"Avalon", "Brookfield", "Carthage", "Dover", "Elmwood", "Florence", "Granada", "Havana", "Ithaca", "Jericho", "Kyoto", "Lisbon"}

	titleUnused = "%.0[1]s%.0[2]s%.0[3]s" // a form need not use all three

	// genreNames go with the factors: a movie has those of its strongest ones.
	genreNames = [taste][2]string{{"Action", "Drama"}, {"Comedy", "Thriller"}, {"Romance", "Horror"}, {"Animation", "Documentary"}, {"Sci-Fi", "War"}, {"Adventure", "Mystery"}}

	goodWords = []string{"wonderful", "gripping", "moving", "brilliant", "charming", "funny", "beautiful", "clever", "delightful", "superb", "tender", "thrilling", "honest", "elegant", "memorable", "witty"}
	badWords  = []string{"dull", "tedious", "clumsy", "predictable", "shallow", "boring", "messy", "annoying", "lifeless", "silly", "flat", "painful", "pretentious", "forgettable", "sloppy", "tired"}
	soSoWords = []string{"uneven", "decent", "ordinary", "watchable", "passable", "mixed", "familiar", "average", "modest", "fair"}
	things    = []string{"story", "cast", "script", "camera work", "music", "ending", "first hour", "dialogue", "direction", "lead", "pacing", "humor"}
	frames    = []string{"the %[1]s is %[2]s", "a %[2]s %[1]s", "%[2]s %[1]s from start to finish", "with its %[2]s %[1]s", "I found the %[1]s %[2]s", "what a %[2]s %[1]s"}
	turned    = []string{"the %[1]s is not %[2]s", "hardly a %[2]s %[1]s", "the %[1]s is never %[2]s"}
	fillers   = []string{"I saw it on a rainy evening", "my sister chose it", "it runs for two hours", "the cinema was half empty", "a film about a family by the sea", "it begins with a train", "set in a small town"}
)

func pick[T any](g *generator, list []T) T { return list[g.random.IntN(len(list))] }

// title is a name with a year; as in MovieLens two movies may share one.
func (g *generator) title(i int) string {
	name := fmt.Sprintf(pick(g, titleForms)+titleUnused, pick(g, titleAdjectives), pick(g, titleNouns), pick(g, titlePlaces))
	if i%5 == 0 {
		name = fmt.Sprintf("%s, Part %d", name, 2+i%3)
	}
	year := g.size.From.AddDate(0, 0, g.random.IntN(max(1, g.size.Days))).Year() - g.random.IntN(30)
	return fmt.Sprintf("%s (%d)", name, year)
}

// genres of the factors that are strong in a movie.
func genres(m mind) string {
	var names []string
	for f, x := range m.factors {
		switch {
		case x > 0.5:
			names = append(names, genreNames[f][0])
		case x < -0.5:
			names = append(names, genreNames[f][1])
		}
	}
	if len(names) == 0 {
		return "(no genres listed)"
	}
	return strings.Join(names, "|")
}

// text is a short review whose words lean the way the stars do, but not each
// of them: people praise the music of a film they could not stand.
func (g *generator) text(given float64) string {
	var parts []string
	for range 2 + g.random.IntN(3) {
		parts = append(parts, g.clause(given))
	}
	if g.random.IntN(3) == 0 {
		parts = append(parts, pick(g, fillers))
	}
	g.random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	text := strings.Join(parts, ", ")
	end := pick(g, []string{".", ".", ".", "!", " ..."})
	return strings.ToUpper(text[:1]) + text[1:] + end
}

func (g *generator) clause(given float64) string {
	// 0.5 stars: one word in ten is kind; 5 stars: nine in ten are.
	kind := 0.1 + 0.8*(given-0.5)/4.5
	middling := given > 2 && given < 3.5
	if middling && g.random.Float64() < 0.6 {
		return fmt.Sprintf(pick(g, frames), pick(g, things), pick(g, soSoWords))
	}
	same, other := badWords, goodWords
	if g.random.Float64() < kind {
		same, other = goodWords, badWords
	}
	if g.random.IntN(6) == 0 { // said by denying the opposite: single words mislead, pairs do not
		return fmt.Sprintf(pick(g, turned), pick(g, things), pick(g, other))
	}
	return fmt.Sprintf(pick(g, frames), pick(g, things), pick(g, same))
}
