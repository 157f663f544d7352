package steps

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"lamplighter/config"
	"lamplighter/resources/warehouse"
)

// This file writes a load's checks as SQL: counts of the rows that break
// them, and a few of their values. NULL breaks nothing but not_null, as in
// dbt. https://docs.getdbt.com/reference/resource-properties/data-tests

// loadChecks are a load's checks of the whole table.
func loadChecks(table string, checks []config.LoadCheck) (out []warehouse.Check) {
	t := checked{table: table}
	for _, c := range checks {
		t.warn = c.Severity == "warn"
		for _, column := range c.NotNull {
			out = append(out, t.where("not_null "+column, "", warehouse.QuoteIdentifier(column)+" is null"))
		}
		for _, column := range c.Unique {
			out = append(out, t.unique(column))
		}
		for _, column := range slices.Sorted(maps.Keys(c.Accepted)) {
			out = append(out, t.accepted(column, c.Accepted[column]))
		}
		for _, column := range slices.Sorted(maps.Keys(c.Between)) {
			b, q := c.Between[column], warehouse.QuoteIdentifier(column)
			out = append(out, t.where("between "+column, column, fmt.Sprintf("%s < %s or %s > %s", q, value(b[0]), q, value(b[1]))))
		}
		for _, column := range slices.Sorted(maps.Keys(c.References)) {
			out = append(out, t.references(column, c.References[column]))
		}
	}
	return out
}

// checked is the table that checks are written for.
type checked struct {
	table string
	warn  bool
}

// where is a check that a condition on single rows breaks. An example is a
// value of the column; "" has none.
func (t checked) where(name, column, condition string) warehouse.Check {
	from := " from " + warehouse.QuoteTable(t.table) + " where " + condition
	c := warehouse.Check{Name: name, SQL: "select count(*)" + from, Warn: t.warn}
	if column != "" {
		q := warehouse.QuoteIdentifier(column)
		c.Examples = fmt.Sprintf("select distinct %s%s order by 1 limit %d", q, from, warehouse.MaxExamples)
	}
	return c
}

// unique counts the rows whose value another row has too.
func (t checked) unique(column string) warehouse.Check {
	q := warehouse.QuoteIdentifier(column)
	twice := fmt.Sprintf(" from %s where %s is not null group by %s having count(*) > 1", warehouse.QuoteTable(t.table), q, q)
	return warehouse.Check{Name: "unique " + column, Warn: t.warn,
		SQL:      "select coalesce(sum(n), 0) from (select count(*) as n" + twice + ") as twice",
		Examples: fmt.Sprintf("select %s%s order by 1 limit %d", q, twice, warehouse.MaxExamples)}
}

func (t checked) accepted(column string, values []config.Scalar) warehouse.Check {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = value(v)
	}
	return t.where("accepted_values "+column, column, warehouse.QuoteIdentifier(column)+" not in ("+strings.Join(list, ", ")+")")
}

// references counts the rows whose value is not in another table's column.
func (t checked) references(column, to string) warehouse.Check {
	dot := strings.LastIndex(to, ".")
	child, parent := `"child".`+warehouse.QuoteIdentifier(column), `"parent".`+warehouse.QuoteIdentifier(to[dot+1:])
	from := fmt.Sprintf(` from %s as "child" left join %s as "parent" on %s = %s where %s is not null and %s is null`,
		warehouse.QuoteTable(t.table), warehouse.QuoteTable(to[:dot]), child, parent, child, parent)
	return warehouse.Check{Name: "references " + column, Warn: t.warn, SQL: "select count(*)" + from,
		Examples: fmt.Sprintf("select distinct %s%s order by 1 limit %d", child, from, warehouse.MaxExamples)}
}

// value writes a value of the pipeline file for SQL.
func value(v config.Scalar) string {
	if v.Kind == config.ScalarText {
		return warehouse.Literal(v.Text)
	}
	return v.Text
}

// usual is what the last loads of a source brought, by its unit: rows of a
// partition for a dated source, of a load for an undated one.
type usual struct {
	rows  float64 // the mean; 0: nothing is known
	loads int     // that it is the mean of
}

// usualLoads is how many loads make the usual.
const usualLoads = 7

// usually reads it from the ledger: of the last loads that brought partitions
// which were not there before. Those that only added to old ones, the late
// ones, say nothing of a day's size.
// The ledger copy is in the order of its loads.
func usually(entries []warehouse.Entry) usual {
	type past struct {
		rows       int64
		partitions map[string]bool
	}
	loads, seen := map[int64]*past{}, map[string]bool{}
	for _, e := range entries {
		p := e.Object.Partition
		if loads[e.LoadID] == nil && seen[p] && p != "" {
			continue
		}
		if loads[e.LoadID] == nil {
			loads[e.LoadID] = &past{rows: e.Rows, partitions: map[string]bool{}}
		}
		loads[e.LoadID].partitions[p] = true
		seen[p] = true
	}
	ids := slices.Sorted(maps.Keys(loads))
	ids = ids[max(0, len(ids)-usualLoads):]
	var rows, units int64
	for _, id := range ids {
		rows, units = rows+loads[id].rows, units+int64(len(loads[id].partitions))
	}
	if units == 0 {
		return usual{}
	}
	return usual{rows: float64(rows) / float64(units), loads: len(ids)}
}

// rowsBounds are the bounds of a batch of so many partitions (1 of an undated
// source). COPY says how many rows a batch brought, not which partition they
// are of: the bounds are those of the batch's mean.
func rowsBounds(checks []config.LoadCheck, partitions int, was usual) (out []warehouse.RowsBound) {
	n := int64(partitions)
	each := func(word string, bound int64) string {
		if partitions == 1 {
			return ""
		}
		return fmt.Sprintf("%d partitions of %s %d", partitions, word, bound)
	}
	for _, c := range checks {
		if c.Rows == nil {
			continue
		}
		warn := c.Severity == "warn"
		if c.Rows.Min > 0 {
			out = append(out, warehouse.RowsBound{Name: "rows min", Min: n * c.Rows.Min, Of: each("at least", c.Rows.Min), Warn: warn})
		}
		if c.Rows.Max > 0 {
			out = append(out, warehouse.RowsBound{Name: "rows max", Max: n * c.Rows.Max, Of: each("at most", c.Rows.Max), Warn: warn})
		}
		if c.Rows.MaxDrop > 0 && was.rows > 0 {
			least := int64(math.Ceil(float64(n) * was.rows * (1 - c.Rows.MaxDrop)))
			out = append(out, warehouse.RowsBound{Name: "rows max_drop", Min: least, Warn: warn,
				Of: fmt.Sprintf("max_drop %v of %.0f, the mean of the last %s, times %s", c.Rows.MaxDrop, was.rows, count(was.loads, "load"), count(partitions, "partition"))})
		}
	}
	return out
}

// partitions counts the days or hours among objects; objects of no day are of
// one.
func partitions(objects []warehouse.Object) int {
	n := 0
	for i, o := range objects {
		if i == 0 || o.Partition != objects[i-1].Partition {
			n++
		}
	}
	return n
}
