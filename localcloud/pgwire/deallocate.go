package pgwire

import (
	"context"

	"lamplighter/localcloud/rsql"
)

// prepare makes one statement ready. DEALLOCATE is about the connection's own
// statements; psycopg sends it when it forgets one.
func (c *conn) prepare(ctx context.Context, source rsql.Source, oids []uint32) (Prepared, error) {
	if !source.Tokens[0].Is("deallocate") {
		return c.session.Prepare(ctx, source, oids)
	}
	names := source.Tokens[1:]
	if len(names) == 2 && names[0].Is("prepare") {
		names = names[1:]
	}
	if len(names) != 1 || !names[0].Name() {
		return nil, Errorf("42601", "DEALLOCATE takes the name of one prepared statement, or ALL")
	}
	return &deallocate{c: c, name: names[0].Text, all: names[0].Is("all")}, nil
}

// deallocate is DEALLOCATE [PREPARE] name and DEALLOCATE ALL.
type deallocate struct {
	c    *conn
	name string
	all  bool
}

// Params implements Prepared.
func (d *deallocate) Params() []uint32 { return nil }

// Columns implements Prepared.
func (d *deallocate) Columns() []Column { return nil }

// Close implements Prepared.
func (d *deallocate) Close() {}

// Run implements Prepared.
func (d *deallocate) Run(context.Context, []Arg) (*Result, error) {
	if d.c.session.Status() == 'E' {
		return nil, Errorf("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	}
	if d.all {
		for name := range d.c.stmts {
			d.c.drop(name)
		}
		return &Result{Tag: "DEALLOCATE ALL"}, nil
	}
	if d.c.stmts[d.name] == nil {
		return nil, Errorf("26000", "prepared statement %q does not exist", d.name)
	}
	d.c.drop(d.name)
	return &Result{Tag: "DEALLOCATE"}, nil
}

// drop forgets a prepared statement.
func (c *conn) drop(name string) {
	c.stmts[name].close()
	delete(c.stmts, name)
}
