package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/demo/host"
)

// results are what the last night published, downloaded and asked by SQL.
type results struct {
	db  *sql.DB
	dir string
	say io.Writer
}

// fetchResults downloads what a dataset's pointer says is published.
func fetchResults(ctx context.Context, o *host.Objects, current, dir string) error {
	body, err := o.Get(ctx, current)
	if err != nil {
		return err
	}
	var p pointer
	if err := json.Unmarshal(body, &p); err != nil {
		return fmt.Errorf("%s: %w", current, err)
	}
	return o.Download(ctx, p.URI, p.Files, dir)
}

// openResults opens what lies in a folder, with titles from the events'
// movies.csv.
func openResults(dir, movies string, say io.Writer) (*results, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	r := &results{db, dir, say}
	for name, from := range map[string]string{
		"movies":          fmt.Sprintf("select movieId as movie_id, title from read_csv(%s, header = true)", quoted(movies)),
		"recommendations": r.parquet("recommendations", "recommendations"),
		"reviews":         r.parquet("sentiment", "reviews"),
		"summaries":       r.parquet("sentiment", "movies"),
	} {
		if _, err := db.Exec("create view " + name + " as " + from); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), db.Close())
		}
	}
	return r, nil
}

func (r *results) parquet(parts ...string) string {
	return "select * from read_parquet(" + quoted(filepath.Join(append(append([]string{r.dir}, parts...), "*.parquet")...)) + ")"
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// print runs a query and writes its rows, columns aligned.
func (r *results) print(ctx context.Context, query string) error {
	rows, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	table := [][]string{names}
	for rows.Next() {
		cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = c.String
		}
		table = append(table, row)
	}
	writeAligned(r.say, table)
	return rows.Err()
}

// writeAligned writes a table whose first row is its head.
func writeAligned(w io.Writer, table [][]string) {
	width := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range table {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString("  " + cell + strings.Repeat(" ", width[i]-len([]rune(cell))))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// The first user, the last and one in the middle: the same each time.
const someRecommendations = `
with chosen as (
    select user_id, row_number() over (order by user_id) as n, count(*) over () as users
    from (select distinct user_id from recommendations))
select user_id as "user", rank, format('{:.2f}', score) as score, title
from recommendations join chosen using (user_id) join movies using (movie_id)
where n in (1, users // 2 + 1, users) and rank <= 3
order by user_id, rank`

const someSentiments = `
select title, reviews, format('{:+.2f}', sentiment) as sentiment, positive, neutral, negative
from summaries join movies using (movie_id)
order by reviews desc, movie_id limit 5`

// show prints a few recommendations with titles and the sentiment of a few
// movies.
func (r *results) show(ctx context.Context) error {
	fmt.Fprintln(r.say, "\nA few recommendations")
	if err := r.print(ctx, someRecommendations); err != nil {
		return err
	}
	fmt.Fprintln(r.say, "\nThe movies with the most reviews (sentiment: -1 to 1, by their words)")
	return r.print(ctx, someSentiments)
}

// showMetrics prints the models' figures beside what they must be compared
// with.
func showMetrics(w io.Writer, metrics map[string]map[string]float64, snippets bool) {
	fmt.Fprintln(w, "\nThe models, on ratings and reviews they never saw")
	m := metrics["recommendations"]
	writeAligned(w, [][]string{
		{"ratings", "RMSE", "MAE", ""},
		{"ALS", decimals(m["rmse"]), decimals(m["mae"]), fmt.Sprintf("predicts %.1f %% of %.0f held-out ratings", 100*m["coverage"], m["held_out"])},
		{"baseline", decimals(m["baseline_rmse"]), decimals(m["baseline_mae"]), "user and movie biases alone, on the same rows"},
	})
	s := metrics["sentiment"]
	table := [][]string{
		{"reviews", "weighted F1", "macro F1", "accuracy", ""},
		{"naive Bayes", decimals(s["f1_weighted"]), decimals(s["f1_macro"]), decimals(s["accuracy"]), fmt.Sprintf("on %.0f held-out reviews", s["held_out"])},
		{"baseline", "", "", decimals(s["baseline_accuracy"]), "always the most frequent label"},
	}
	if snippets {
		table = append(table, []string{"the paper", "0.750", "", "", "Hutto and Gilbert 2014, naive Bayes"}, []string{"the paper", "0.610", "", "", "Hutto and Gilbert 2014, VADER"})
	}
	fmt.Fprintln(w)
	writeAligned(w, table)
}

func decimals(x float64) string { return fmt.Sprintf("%.3f", x) }

// showPlan prints a night's plan as it ran, with times and cost.
func showPlan(w io.Writer, date string, s summary) {
	fmt.Fprintf(w, "\nThe plan of %s as it ran (◇ derived by the planner)\n", date)
	var table [][]string
	for _, step := range s.Steps {
		mark := " "
		if step.Derived {
			mark = "◇"
		}
		table = append(table, []string{mark + " " + step.Kind, step.Name, step.State, fmt.Sprintf("%.1f s", step.Seconds)})
	}
	if len(table) > 0 {
		writeAligned(w, table)
	}
	for _, c := range s.Costs {
		fmt.Fprintf(w, "  %s %s: billed %d s, %s\n", c.Kind, c.Name, c.BilledSeconds, dollars(c.MicroUSD))
	}
	fmt.Fprintf(w, "  together %s; the same machines left on for a day: %s\n", dollars(s.CostMicroUSD), dollars(s.AlwaysOn))
}

func dollars(micro int64) string { return fmt.Sprintf("$%.4f", float64(micro)/1e6) }
