package warehouse

import (
	"context"
	"fmt"
	"strings"

	"lamplighter/resources"
)

// An upsert takes out the rows with the batch's keys and puts the batch's in,
// which AWS describes as replacing existing rows
// (https://docs.aws.amazon.com/redshift/latest/dg/merge-replacing-existing-rows.html).
// It is DELETE and INSERT and not MERGE: MERGE wants every column spelled out,
// takes a NULL in a key for a new row each night, and of a key that is there
// twice says only that there is one.

// stageName is the session's temporary table that an upsert copies into. It is
// made, and dropped, inside the load's transaction.
const stageName = "lamplighter_batch"

// maxKeys is how many keys an error shows.
const maxKeys = 5

// stage makes the temporary table and returns it as SQL writes it. A temporary
// table hides others of its name, which the loaded one must not have.
func (l *load) stage(ctx context.Context) (string, error) {
	name := stageName
	if l.t.name == name {
		name += "_"
	}
	_, err := l.s.do(ctx, "stage the rows of "+l.t.key(), "CREATE TEMP TABLE "+ident(name)+" (LIKE "+l.t.sql()+" INCLUDING DEFAULTS)")
	return ident(name), err
}

// merge puts the staged rows into the table and empties the stage, or drops it.
// TRUNCATE would commit.
func (l *load) merge(ctx context.Context, stage string, part []Object, last bool) error {
	if err := l.checkKeys(ctx, stage, part); err != nil {
		return err
	}
	what := "upsert into " + l.t.key()
	same := make([]string, len(l.b.Key))
	for i, column := range l.b.Key {
		same[i] = ident(l.t.name) + "." + ident(column) + " = " + stage + "." + ident(column)
	}
	into, columns := l.t.sql(), "*"
	if len(l.b.Columns) > 0 {
		columns = idents(l.b.Columns)
		into += " (" + columns + ")"
	}
	away := "DELETE FROM " + stage
	if last {
		away = "DROP TABLE " + stage
	}
	for _, sql := range []string{
		"DELETE FROM " + l.t.sql() + " USING " + stage + " WHERE " + strings.Join(same, " AND "),
		"INSERT INTO " + into + " SELECT " + columns + " FROM " + stage,
		away,
	} {
		if _, err := l.s.do(ctx, what, sql); err != nil {
			return err
		}
	}
	return nil
}

// checkKeys refuses staged rows that an upsert cannot tell apart: which of two
// rows with one key is the newer is nowhere said, and a key with NULL never
// meets itself again.
func (l *load) checkKeys(ctx context.Context, stage string, part []Object) error {
	what := "look at the keys for " + l.t.key()
	key, nulls := idents(l.b.Key), make([]string, len(l.b.Key))
	for i, column := range l.b.Key {
		nulls[i] = ident(column) + " IS NULL"
	}
	rows, err := l.s.ask(ctx, what, "SELECT COUNT(*) FROM "+stage+" WHERE "+strings.Join(nulls, " OR "))
	if err != nil {
		return err
	}
	n, err := number(what, rows)
	if err != nil {
		return err
	}
	if n > 0 {
		return l.badKeys(part, fmt.Sprintf("%d rows have NULL in their key (%s)", n, strings.Join(l.b.Key, ", ")), "give each row its key, or name other columns in key")
	}
	twice, err := l.s.ask(ctx, what, fmt.Sprintf("SELECT %s, COUNT(*) FROM %s GROUP BY %s HAVING COUNT(*) > 1 ORDER BY %s LIMIT %d", key, stage, key, key, maxKeys+1))
	if err != nil || len(twice) == 0 {
		return err
	}
	return l.badKeys(part, "keys are there more than once: "+l.showKeys(twice), "write each key once per partition, or name more columns in key: which of two rows is the newer is nowhere said")
}

func (l *load) badKeys(part []Object, what, hint string) error {
	of := fmt.Sprintf("%d objects", len(part))
	if p := part[0].Partition; p != "" {
		of += " of " + p
	}
	return &resources.Fault{Class: resources.Permanent, Code: CodeCheck, Msg: fmt.Sprintf("load into %s rolled back: in %s %s", l.t.key(), of, what), Hint: hint}
}

// showKeys writes keys with their counts: user_id 7, movie_id 9 (2 rows).
func (l *load) showKeys(rows [][]string) string {
	var shown []string
	for i, r := range rows {
		if i == maxKeys {
			shown = append(shown, "…")
			break
		}
		values := make([]string, len(l.b.Key))
		for j, column := range l.b.Key {
			values[j] = column + " " + cut(r[j], 80)
		}
		shown = append(shown, strings.Join(values, ", ")+" ("+r[len(r)-1]+" rows)")
	}
	return strings.Join(shown, "; ")
}
