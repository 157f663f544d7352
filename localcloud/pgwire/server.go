package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Server accepts connections for one cluster.
type Server struct {
	TLS *tls.Config // required
	// Connect checks the password and makes the session. ctx ends with the
	// connection.
	Connect func(ctx context.Context, s Startup, c Client) (Session, error)
	Log     *slog.Logger

	mu     sync.Mutex
	conns  map[int]*conn
	next   int
	closed bool
	wg     sync.WaitGroup
}

// firstPID is above what people take for a process of their machine.
const firstPID = 1073741825

// Serve accepts until l is closed. It returns nil after Close.
func (s *Server) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.closed {
				return nil
			}
			return err
		}
		if !s.start(c) {
			_ = c.Close()
		}
	}
}

func (s *Server) start(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.conns == nil {
		s.conns, s.next = map[int]*conn{}, firstPID
	}
	c := &conn{server: s, raw: nc, nc: nc, pid: s.next, key: make([]byte, 4)}
	_, _ = rand.Read(c.key)
	c.ctx, c.end = context.WithCancel(context.Background())
	s.next++
	s.conns[c.pid] = c
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer s.forget(c)
		c.serve()
	}()
	return true
}

// forget takes a connection that ended off the list. A panic while it was
// served ends this connection only.
func (s *Server) forget(c *conn) {
	if p := recover(); p != nil {
		s.Log.Error("a connection failed", "pid", c.pid, "panic", p, "stack", string(debug.Stack()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.pid)
}

// Close ends all sessions as an administrator does (57P01) and returns when
// they are gone. The listener is the caller's to close, before.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.conns {
		c.kill()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// cancel serves a CancelRequest; a wrong key does nothing, silently, as in
// PostgreSQL.
func (s *Server) cancel(m *pgproto3.CancelRequest) {
	s.mu.Lock()
	c := s.conns[int(m.ProcessID)]
	s.mu.Unlock()
	if c == nil || len(m.SecretKey) != 4 || binary.BigEndian.Uint32(m.SecretKey) != binary.BigEndian.Uint32(c.key) {
		return
	}
	c.cancel()
}

var (
	errCancelled  = &Error{Code: "57014", Msg: "Query cancelled on user's request"}
	errTerminated = &Error{Severity: "FATAL", Code: "57P01", Msg: "terminating connection due to administrator command"}
)

// isClosed says that the peer or we hung up.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
