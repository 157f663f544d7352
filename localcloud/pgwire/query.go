package pgwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"lamplighter/localcloud/rsql"
)

// flushEvery is how many rows are buffered before they are sent.
const flushEvery = 5000

// message answers one message of the client. An error ends the connection.
func (c *conn) message() error {
	msg, err := c.be.Receive()
	var large *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &large) {
		return tooLarge(large.ActualBodyLen)
	}
	if err != nil {
		return err
	}
	switch m := msg.(type) {
	case *pgproto3.Query:
		return c.simple(m.String)
	case *pgproto3.Terminate:
		return io.EOF
	case *pgproto3.Sync:
		return c.sync(nil)
	case *pgproto3.Flush:
		return c.flush()
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return nil
	}
	if err := c.extended(msg); err != nil {
		return c.skip(err)
	}
	return nil
}

// skip reports an error and ignores what comes before the next Sync.
func (c *conn) skip(cause error) error {
	if c.wasKilled() {
		return errTerminated
	}
	c.send(response(cause))
	for {
		msg, err := c.be.Receive()
		if err != nil {
			return err
		}
		switch msg.(type) {
		case *pgproto3.Sync:
			return c.sync(cause)
		case *pgproto3.Terminate:
			return io.EOF
		}
	}
}

// sync ends the implicit transaction and says that we are ready.
func (c *conn) sync(cause error) error {
	ctx, done := c.running()
	err := c.session.Sync(ctx, cause != nil)
	done()
	if c.wasKilled() {
		return errTerminated
	}
	if err != nil && cause == nil {
		c.send(response(err))
	}
	if c.session.Status() == 'I' {
		for name, p := range c.portals {
			p.close()
			delete(c.portals, name)
		}
	}
	c.send(&pgproto3.ReadyForQuery{TxStatus: c.session.Status()})
	return c.flush()
}

// simple runs a script; without a BEGIN of its own it is one transaction.
func (c *conn) simple(script string) error {
	err := c.script(script)
	if c.wasKilled() {
		return errTerminated
	}
	if err != nil {
		c.send(response(err))
	}
	return c.sync(err)
}

func (c *conn) script(script string) error {
	all, err := sources(script)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	if len(all) > 1 {
		c.session.Implicit()
	}
	for _, source := range all {
		if err := c.one(source); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) one(source rsql.Source) error {
	ctx, done := c.running()
	defer done()
	p, err := c.prepare(ctx, source, nil)
	if err != nil {
		return c.cause(ctx, err)
	}
	defer p.Close()
	if n := len(p.Params()); n > 0 {
		return Errorf("42P02", "there is no parameter $1")
	}
	res, err := p.Run(ctx, nil)
	if err != nil {
		return c.cause(ctx, err)
	}
	run := &portal{result: res}
	defer run.close()
	if res.Rows != nil {
		c.send(describe(res.Columns, nil))
	}
	return c.rows(ctx, run, 0)
}

// cause tells a cancelled statement's error by who cancelled it.
func (c *conn) cause(ctx context.Context, err error) error {
	var e *Error
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &e) {
		return e
	}
	return err
}

// portal is a bound statement, and its rows once it runs.
type portal struct {
	stmt    *statement
	args    []Arg
	formats []int16
	result  *Result
	sent    int
	done    bool
}

func (p *portal) close() {
	if p.result != nil && p.result.Rows != nil {
		_ = p.result.Rows.Close()
		p.result.Rows = nil
	}
}

// rows sends up to max rows (0: all) and the command tag when there are none
// left.
func (c *conn) rows(ctx context.Context, p *portal, max uint32) error {
	res := p.result
	if res.Rows == nil {
		c.send(&pgproto3.CommandComplete{CommandTag: []byte(res.Tag)})
		return nil
	}
	row := make([]any, len(res.Columns))
	values := make([][]byte, len(res.Columns))
	for n := uint32(0); max == 0 || n < max; n++ {
		if err := ctx.Err(); err != nil {
			return c.cause(ctx, err)
		}
		err := res.Rows.Next(row)
		if errors.Is(err, io.EOF) {
			tag := res.Tag
			if tag == "SELECT" {
				tag = fmt.Sprintf("SELECT %d", p.sent)
			}
			p.done = true
			c.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
			return nil
		}
		if err != nil {
			return c.cause(ctx, err)
		}
		for i, v := range row {
			if values[i], err = c.encode(res.Columns[i], format(p.formats, i), v); err != nil {
				return err
			}
		}
		c.send(&pgproto3.DataRow{Values: values})
		p.sent++
		if p.sent%flushEvery == 0 {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	c.send(&pgproto3.PortalSuspended{})
	return nil
}

func describe(cols []Column, formats []int16) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for i, col := range cols {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(col.Name), DataTypeOID: col.OID, DataTypeSize: typeSize(col.OID), TypeModifier: col.Mod, Format: format(formats, i),
		})
	}
	return d
}

// format of column or parameter i: none is text, one is for all.
func format(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return 0
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return 0
}

// extended answers a message of the extended protocol other than Sync.
func (c *conn) extended(msg pgproto3.FrontendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.Parse:
		return c.parse(m)
	case *pgproto3.Bind:
		return c.bind(m)
	case *pgproto3.Describe:
		return c.describe(m)
	case *pgproto3.Execute:
		return c.execute(m)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			c.drop(m.Name)
		} else if p := c.portals[m.Name]; p != nil {
			p.close()
			delete(c.portals, m.Name)
		}
		c.send(&pgproto3.CloseComplete{})
		return nil
	}
	return Errorf("08P01", "message %T is not supported", msg)
}

func (c *conn) parse(m *pgproto3.Parse) error {
	all, err := sources(strings.Clone(m.Query))
	if err != nil {
		return err
	}
	if len(all) > 1 {
		return Errorf("42601", "cannot insert multiple commands into a prepared statement")
	}
	if m.Name != "" && c.stmts[m.Name] != nil {
		return Errorf("42P05", "prepared statement %q already exists", m.Name)
	}
	s := &statement{}
	if len(all) == 1 {
		ctx, done := c.running()
		defer done()
		oids := append([]uint32{}, m.ParameterOIDs...)
		if s.prepared, err = c.prepare(ctx, all[0], oids); err != nil {
			return c.cause(ctx, err)
		}
		s.oids = s.prepared.Params()
	}
	c.stmts[m.Name].close()
	c.stmts[m.Name] = s
	c.send(&pgproto3.ParseComplete{})
	return nil
}

func (c *conn) bind(m *pgproto3.Bind) error {
	s, ok := c.stmts[m.PreparedStatement]
	if !ok {
		return Errorf("26000", "prepared statement %q does not exist", m.PreparedStatement)
	}
	if len(m.Parameters) != len(s.oids) {
		return Errorf("08P01", "bind message supplies %d parameters, but prepared statement %q requires %d", len(m.Parameters), m.PreparedStatement, len(s.oids))
	}
	p := &portal{stmt: s, formats: append([]int16{}, m.ResultFormatCodes...)}
	for i, raw := range m.Parameters {
		a, err := c.decode(s.oids[i], format(m.ParameterFormatCodes, i), raw)
		if err != nil {
			return parameterError(i+1, err)
		}
		p.args = append(p.args, a)
	}
	if old := c.portals[m.DestinationPortal]; old != nil {
		old.close()
	}
	c.portals[m.DestinationPortal] = p
	c.send(&pgproto3.BindComplete{})
	return nil
}

func (c *conn) describe(m *pgproto3.Describe) error {
	var s *statement
	var formats []int16
	if m.ObjectType == 'S' {
		if s = c.stmts[m.Name]; s == nil {
			return Errorf("26000", "prepared statement %q does not exist", m.Name)
		}
		c.send(&pgproto3.ParameterDescription{ParameterOIDs: s.oids})
	} else {
		p := c.portals[m.Name]
		if p == nil {
			return Errorf("34000", "portal %q does not exist", m.Name)
		}
		s, formats = p.stmt, p.formats
	}
	if s.prepared == nil || s.prepared.Columns() == nil {
		c.send(&pgproto3.NoData{})
		return nil
	}
	c.send(describe(s.prepared.Columns(), formats))
	return nil
}

func (c *conn) execute(m *pgproto3.Execute) error {
	p := c.portals[m.Portal]
	if p == nil {
		return Errorf("34000", "portal %q does not exist", m.Portal)
	}
	if p.stmt.prepared == nil {
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	ctx, done := c.running()
	defer done()
	if p.result == nil {
		c.session.Implicit()
		res, err := p.stmt.prepared.Run(ctx, p.args)
		if err != nil {
			return c.cause(ctx, err)
		}
		p.result = res
		if res.Rows != nil {
			cols := p.stmt.prepared.Columns()
			if len(cols) != len(res.Columns) {
				return Errorf("0A000", "cached plan must not change result type")
			}
			res.Columns = cols // what was described is what is sent
		}
	}
	if p.done {
		c.send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 0")})
		return nil
	}
	return c.rows(ctx, p, m.MaxRows)
}
