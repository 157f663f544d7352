package warehouse

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestDecimals: types, scales and values of arithmetic on exact numbers. The
// rules are those of
// https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
// and r_AVG, r_SUM; numeric(p,s) stands for the type modifier sent.
func TestDecimals(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	exec(t, c, "CREATE TABLE sales (pricepaid DECIMAL(8,2), commission DECIMAL(8,2), qty SMALLINT, n INT, b BIGINT, f FLOAT)")
	exec(t, c, "INSERT INTO sales VALUES (728.00, 109.20, 4, 3, 7, 2.5), (76.00, 11.40, 2, 3, NULL, 0.5), (-10.00, 3.00, 1, 4, 9, 1)")
	exec(t, c, "CREATE VIEW ratios AS SELECT n, pricepaid / commission AS r FROM sales")
	exec(t, c, "CREATE TABLE kept AS SELECT pricepaid / commission AS r, avg(n) OVER () AS a FROM sales")
	for _, k := range []struct{ query, typ, want string }{
		{"SELECT pricepaid / commission FROM sales ORDER BY 1", "numeric(17,9)", "-3.333333333|6.666666666|6.666666666"}, // the page's own example
		{"SELECT 2 / 3.0", "numeric(15,4)", "0.6666"},
		{"SELECT 1.0 / 3", "numeric(13,12)", "0.333333333333"},
		{"SELECT pricepaid / 2 FROM sales WHERE qty = 4", "numeric(19,13)", "364.0000000000000"},
		{"SELECT pricepaid / qty / n FROM sales WHERE qty = 4", "numeric(25,19)", "60.6666666666666666666"},
		{"SELECT 2 * pricepaid / commission + 1 FROM sales WHERE qty = 4", "numeric(28,9)", "14.333333333"},
		{"SELECT (n + 1) / 2 * 1.5 FROM sales WHERE qty = 4", "numeric(12,1)", "3.0"},
		{"SELECT -pricepaid / -commission FROM sales WHERE qty = 1", "numeric(17,9)", "-3.333333333"},
		{"SELECT pricepaid / f FROM sales WHERE qty = 4", "float8", "291.2"},
		{"SELECT sum(pricepaid) / count(*) FROM sales", "numeric(38,4)", "264.6666"},
		{"SELECT sum(pricepaid) / sum(qty), n FROM sales GROUP BY n ORDER BY n", "numeric(38,4)", "134.0000|-10.0000"},
		{"SELECT pricepaid / 2, count(*) FROM sales GROUP BY pricepaid / 2 HAVING sum(pricepaid / 2) > 50", "numeric(19,13)", "364.0000000000000"},
		{"SELECT n, r / 2 FROM (SELECT n, pricepaid / commission AS r FROM sales) x WHERE n = 4", "int4", "4"},
		{"SELECT r / 2 FROM (SELECT n, pricepaid / commission AS r FROM sales) x WHERE n = 4", "numeric(28,20)", "-1.66666666650000000000"},
		{"WITH q AS (SELECT avg(n) AS m FROM sales) SELECT m / 2 FROM q", "int8", "1"},
		{"SELECT avg(pricepaid), avg(n) FROM sales", "numeric(38,2)", "264.66"},
		{"SELECT avg(qty * 1.5) FROM sales WHERE qty < 3", "numeric(38,1)", "2.2"},
		{"SELECT avg(DISTINCT n), sum(b), sum(n) FROM sales", "int8", "3"},
		{"SELECT avg(sum(n)) OVER () FROM sales GROUP BY qty", "int8", "3|3|3"},
		{"SELECT avg(n) FROM sales WHERE n > 9", "int8", "NULL"},
		{"SELECT avg(pricepaid) OVER (PARTITION BY n ORDER BY qty ROWS UNBOUNDED PRECEDING) FROM sales ORDER BY qty", "numeric(38,2)", "-10.00|76.00|402.00"},
		{"SELECT row_number() OVER (ORDER BY qty) / 2 FROM sales ORDER BY 1", "int8", "0|1|1"},
		{"SELECT sum(n) OVER ()::varchar(2) FROM sales LIMIT 1", "varchar", "10"},
		{"SELECT CASE WHEN n = 3 THEN pricepaid ELSE commission END / 3 FROM sales WHERE qty = 1", "numeric(19,13)", "1.0000000000000"},
		{"SELECT r FROM ratios WHERE n = 4", "numeric(17,9)", "-3.333333333"},
		{"SELECT a FROM kept LIMIT 1", "int8", "3"},
		{"SELECT r FROM kept ORDER BY 1 LIMIT 1", "numeric(17,9)", "-3.333333333"},
		{"SELECT (SELECT avg(pricepaid) FROM sales) / 2", "numeric(38,4)", "132.3300"},
		{"SELECT 1.5 / 2 UNION ALL SELECT n / 2 FROM sales WHERE n = 4", "numeric(22,12)", "0.750000000000|2.000000000000"},
	} {
		t.Run(k.query[:min(len(k.query), 60)], func(t *testing.T) {
			rows, err := c.Query(context.Background(), k.query)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var all []string
			typ := ""
			for rows.Next() {
				f := rows.FieldDescriptions()[0]
				typ = map[uint32]string{23: "int4", 20: "int8", 701: "float8", 1043: "varchar"}[f.DataTypeOID]
				if f.DataTypeOID == 1700 {
					typ = fmt.Sprintf("numeric(%d,%d)", (f.TypeModifier-4)>>16, (f.TypeModifier-4)&0xffff)
				}
				v := "NULL"
				if b := rows.RawValues()[0]; b != nil {
					v = string(b)
				}
				all = append(all, v)
			}
			if got := strings.Join(all, "|"); rows.Err() != nil || got != k.want || typ != k.typ {
				t.Errorf("got %s %q, want %s %q, %v", typ, got, k.typ, k.want, rows.Err())
			}
		})
	}
	refuse(t, c, "22012", "SELECT pricepaid / (qty - qty) FROM sales")
	refuse(t, c, "42703", "SELECT nosuch / 2.0 FROM sales")
	refuse(t, c, "22003", "SELECT sum(b * 1000000000000000000) FROM sales")
}

// TestDivisionOracle: quotients of random decimals are those of exact
// arithmetic, cut at the scale that the formula gives.
func TestDivisionOracle(t *testing.T) {
	_, d := served(t)
	c := dial(t, d, pgx.QueryExecModeSimpleProtocol)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		s1, s2 := rnd.IntN(5), rnd.IntN(5)
		p1, p2 := s1+1+rnd.IntN(8), s2+1+rnd.IntN(8)
		a, b := digits(rnd, p1), digits(rnd, p2)
		if b.Sign() == 0 {
			continue
		}
		scale := max(4, s1+p2-s2+1)
		want := new(big.Int).Mul(a, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-s1+s2)), nil))
		want.Quo(want, b)
		q := fmt.Sprintf("SELECT %s::decimal(%d,%d) / %s::decimal(%d,%d)", point(a, s1), p1, s1, point(b, s2), p2, s2)
		if got := one(t, c, q); got != strings.Trim(point(want, scale), "()") {
			t.Errorf("%s: got %s, want %s", q, got, point(want, scale))
		}
	}
}

func digits(rnd *rand.Rand, p int) *big.Int {
	n := new(big.Int)
	for range p {
		n.Add(n.Mul(n, big.NewInt(10)), big.NewInt(rnd.Int64N(10)))
	}
	if rnd.IntN(2) == 0 {
		n.Neg(n)
	}
	return n
}

// point writes digits with a decimal point, in parentheses for its sign.
func point(n *big.Int, scale int) string {
	s := new(big.Int).Abs(n).String()
	if scale > 0 {
		s = strings.Repeat("0", max(0, scale+1-len(s))) + s
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if n.Sign() < 0 {
		s = "-" + s
	}
	return "(" + s + ")"
}

// TestTypedParameters: parameters meet arithmetic in every mode of a driver.
func TestTypedParameters(t *testing.T) {
	_, d := served(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			c := dial(t, d, mode)
			exec(t, c, "CREATE TEMP TABLE m (d DECIMAL(8,2), n INT)")
			exec(t, c, "INSERT INTO m VALUES (10.00, $1)", 3)
			for q, want := range map[string]string{
				"SELECT d / n FROM m WHERE n = $1":             "3.3333333333333",
				"SELECT sum(n + $1) FROM m":                    "6",
				"SELECT avg(d) FROM m WHERE n = $1":            "10.00",
				"SELECT n / $1 FROM m":                         "1",
				"SELECT sum(n)::varchar FROM m HAVING $1 >= 0": "3",
			} {
				if got := one(t, c, q, 3); got != want {
					t.Errorf("%s: got %s, want %s", q, got, want)
				}
			}
		})
	}
}
