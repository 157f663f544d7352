package pgwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"lamplighter/localcloud/rsql"
)

// maxMessage is the longest message taken: Redshift's statements end at 16 MB.
const maxMessage = 17 << 20

// startupTime is how long a client may take to log in.
const startupTime = 60 * time.Second

// conn is one TCP connection.
type conn struct {
	server *Server
	raw    net.Conn // the TCP connection
	nc     net.Conn // raw, and TLS on it once that is agreed
	be     *pgproto3.Backend
	pid    int
	key    []byte
	ctx    context.Context
	end    context.CancelFunc
	types  *pgtype.Map

	session Session
	stmts   map[string]*statement
	portals map[string]*portal

	mu     sync.Mutex
	stop   context.CancelCauseFunc // of the running statement
	killed bool

	out sync.Mutex // messages to the client
}

// statement is a parsed one; prepared is nil for an empty query.
type statement struct {
	prepared Prepared
	oids     []uint32
}

// serve is the life of a connection.
func (c *conn) serve() {
	defer c.end()
	defer func() { _ = c.nc.Close() }()
	if err := c.startup(); err != nil {
		c.fatal(err)
		return
	}
	defer c.closeAll()
	c.types = pgtype.NewMap()
	c.stmts, c.portals = map[string]*statement{}, map[string]*portal{}
	for {
		if err := c.message(); err != nil {
			if !isClosed(err) {
				c.server.Log.Debug("connection ends", "pid", c.pid, "error", err)
			}
			c.fatal(err)
			return
		}
	}
}

func (c *conn) closeAll() {
	for _, p := range c.portals {
		p.close()
	}
	for _, s := range c.stmts {
		s.close()
	}
	c.session.Close()
}

func (s *statement) close() {
	if s != nil && s.prepared != nil {
		s.prepared.Close()
	}
}

// kill ends the connection from elsewhere: the running statement is
// interrupted, the client is told why.
func (c *conn) kill() {
	c.mu.Lock()
	c.killed = true
	if c.stop != nil {
		c.stop(errTerminated)
	}
	c.mu.Unlock()
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes a connection that waits for its client
}

// cancel interrupts the running statement from elsewhere.
func (c *conn) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop(errCancelled)
	}
}

func (c *conn) wasKilled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

// fatal tells the client why the connection ends, if it still listens.
func (c *conn) fatal(err error) {
	if c.wasKilled() {
		err = errTerminated
	}
	var e *Error
	if c.be == nil || !errors.As(err, &e) {
		return
	}
	e = &Error{Severity: "FATAL", Code: e.Code, Msg: e.Msg, Detail: e.Detail, Hint: e.Hint}
	_ = c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	c.out.Lock()
	defer c.out.Unlock()
	c.be.Send(response(e))
	_ = c.be.Flush()
}

// startup does TLS, the password and the parameters.
func (c *conn) startup() error {
	_ = c.nc.SetDeadline(time.Now().Add(startupTime))
	c.be = pgproto3.NewBackend(c.nc, c.nc)
	secure := false
	for {
		msg, err := c.be.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch m := msg.(type) {
		case *pgproto3.SSLRequest:
			if _, err := c.nc.Write([]byte{'S'}); err != nil {
				return err
			}
			t := tls.Server(c.nc, c.server.TLS)
			if err := t.Handshake(); err != nil {
				return fmt.Errorf("TLS: %w", err)
			}
			c.nc, c.be, secure = t, pgproto3.NewBackend(t, t), true
			c.be.SetMaxBodyLen(maxMessage)
		case *pgproto3.GSSEncRequest:
			if _, err := c.nc.Write([]byte{'N'}); err != nil {
				return err
			}
		case *pgproto3.CancelRequest:
			c.server.cancel(m)
			return net.ErrClosed
		case *pgproto3.StartupMessage:
			if !secure {
				return &Error{Code: "28000", Msg: "no pg_hba.conf entry for this host: SSL off", Hint: "connect with sslmode=verify-full"}
			}
			return c.login(m)
		}
	}
}

func (c *conn) login(m *pgproto3.StartupMessage) error {
	s := Startup{User: m.Parameters["user"], Database: m.Parameters["database"], Params: m.Parameters, PID: c.pid, Kill: c.kill, Cancel: c.cancel}
	if s.Database == "" {
		s.Database = s.User
	}
	c.be.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := c.be.Flush(); err != nil {
		return err
	}
	if err := c.be.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	msg, err := c.be.Receive()
	if err != nil {
		return err
	}
	p, ok := msg.(*pgproto3.PasswordMessage)
	if !ok {
		return Errorf("08P01", "expected a password, got %T", msg)
	}
	s.Password = p.Password
	if c.session, err = c.server.Connect(c.ctx, s, c); err != nil {
		return err
	}
	_ = c.nc.SetDeadline(time.Time{})
	if c.wasKilled() {
		c.session.Close()
		return errTerminated
	}
	c.out.Lock()
	defer c.out.Unlock()
	c.be.Send(&pgproto3.AuthenticationOk{})
	for _, p := range serverParams(m.Parameters) {
		c.be.Send(&pgproto3.ParameterStatus{Name: p[0], Value: p[1]})
	}
	c.be.Send(&pgproto3.BackendKeyData{ProcessID: uint32(c.pid), SecretKey: c.key})
	c.be.Send(&pgproto3.ReadyForQuery{TxStatus: c.session.Status()})
	return c.be.Flush()
}

// serverParams are what Redshift reports. client_encoding is UNICODE unless
// the client asks for UTF8, which is what pgx's simple protocol needs.
func serverParams(asked map[string]string) [][2]string {
	encoding := "UNICODE"
	if v := asked["client_encoding"]; v != "" {
		encoding = v
	}
	return [][2]string{
		{"server_version", "8.0.2"}, {"server_encoding", "UNICODE"}, {"client_encoding", encoding},
		{"DateStyle", "ISO, MDY"}, {"integer_datetimes", "on"}, {"standard_conforming_strings", "on"},
		{"TimeZone", "UTC"}, {"is_superuser", "on"}, {"session_authorization", asked["user"]},
		{"application_name", asked["application_name"]},
	}
}

// Notice implements Client.
func (c *conn) Notice(severity, code, msg string) {
	c.out.Lock()
	defer c.out.Unlock()
	c.be.Send(&pgproto3.NoticeResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: msg})
}

// Report implements Client.
func (c *conn) Report(name, value string) {
	c.out.Lock()
	defer c.out.Unlock()
	c.be.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
}

func (c *conn) send(m pgproto3.BackendMessage) {
	c.out.Lock()
	defer c.out.Unlock()
	c.be.Send(m)
}

func (c *conn) flush() error {
	c.out.Lock()
	defer c.out.Unlock()
	return c.be.Flush()
}

// running gives a statement its context, which a cancel request ends.
func (c *conn) running() (context.Context, func()) {
	ctx, stop := context.WithCancelCause(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = stop
	if c.killed {
		stop(errTerminated)
	}
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stop = nil
		stop(nil)
	}
}

// response makes an ErrorResponse of any error.
func response(err error) *pgproto3.ErrorResponse {
	e := asError(err)
	severity := e.Severity
	if severity == "" {
		severity = "ERROR"
	}
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: e.Code, Message: e.Msg, Detail: e.Detail, Hint: e.Hint}
}

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var r *rsql.Error
	if errors.As(err, &r) {
		return &Error{Code: r.Code, Msg: r.Msg, Hint: r.Hint}
	}
	return &Error{Code: "XX000", Msg: err.Error()}
}
