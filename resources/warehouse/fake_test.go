package warehouse

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fake is a scripted server behind the real protocol: TLS, a password, simple
// queries. What no rule answers succeeds without rows.
type fake struct {
	t        *testing.T
	listener net.Listener
	cert     tls.Certificate
	roots    *x509.CertPool
	ca       []byte // PEM
	password string

	mu    sync.Mutex
	rules []*rule
	sent  []string // every statement, in order, of all sessions
}

// rule answers statements that contain what, once or always.
type rule struct {
	what   string
	rows   [][]string // nil text is given as "\x00"
	tag    string
	code   string // SQLSTATE of an error
	msg    string
	detail string
	fatal  bool // the error ends the session
	cut    bool // the connection ends without an answer
	always bool
	hook   func()
}

const null = "\x00"

func newFake(t *testing.T, rules ...*rule) *fake {
	t.Helper()
	f := &fake{t: t, password: "s3cret", rules: rules}
	f.certificate()
	var err error
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.listener.Close() })
	go func() {
		for {
			conn, err := f.listener.Accept()
			if err != nil {
				return
			}
			go f.serve(conn)
		}
	}()
	return f
}

// server is an Opener for the fake.
func (f *fake) server() *Server {
	address := f.listener.Addr().(*net.TCPAddr)
	return &Server{
		Locate: func(context.Context, string) (string, int, error) { return "127.0.0.1", address.Port, nil },
		Login:  func(context.Context, string) (string, string, error) { return "IAM:lamplighter", f.password, nil },
		Admin:  "lamplighter", Database: "dev", Application: "movielens/2026-11-22/3", RootCAs: f.roots,
	}
}

// open opens a session and forgets what that took.
func (f *fake) open(s *Server) Session {
	f.t.Helper()
	c, err := s.Open(context.Background(), "c1")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	f.mu.Lock()
	f.sent = nil
	f.mu.Unlock()
	return c
}

func (f *fake) add(rules ...*rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, rules...)
}

func (f *fake) statements() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.sent...)
}

// saw says that a statement with this in it was sent.
func (f *fake) saw(what string) bool {
	for _, s := range f.statements() {
		if strings.Contains(s, what) {
			return true
		}
	}
	return false
}

func (f *fake) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"c1.example"},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	f.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	f.roots = x509.NewCertPool()
	f.roots.AppendCertsFromPEM(f.ca)
}

func (f *fake) caFile() string {
	name := filepath.Join(f.t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, f.ca, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return name
}

func (f *fake) serve(raw net.Conn) {
	defer raw.Close()
	var request [8]byte
	if _, err := io.ReadFull(raw, request[:]); err != nil || binary.BigEndian.Uint32(request[4:]) != 80877103 {
		return // a cancel request, or a client that wants no TLS
	}
	if _, err := raw.Write([]byte{'S'}); err != nil {
		return
	}
	conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{f.cert}})
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if b.Flush() != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	m, err := b.Receive()
	if err != nil {
		return
	}
	if p, ok := m.(*pgproto3.PasswordMessage); !ok || p.Password != f.password {
		b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "password authentication failed"})
		_ = b.Flush()
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UNICODE"}) // as Redshift may
	b.Send(&pgproto3.BackendKeyData{ProcessID: 77, SecretKey: []byte{1, 2, 3, 4}})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if b.Flush() == nil {
		f.session(b)
	}
}

func (f *fake) session(b *pgproto3.Backend) {
	status := byte('I')
	for {
		m, err := b.Receive()
		q, ok := m.(*pgproto3.Query)
		if err != nil || !ok {
			return
		}
		r := f.answer(q.String)
		if r.hook != nil {
			r.hook()
		}
		verb, _, _ := strings.Cut(q.String, " ")
		switch {
		case r.cut:
			return
		case r.code != "":
			severity := "ERROR"
			if r.fatal {
				severity = "FATAL"
			}
			b.Send(&pgproto3.ErrorResponse{Severity: severity, Code: r.code, Message: r.msg, Detail: r.detail})
			if r.fatal {
				_ = b.Flush()
				return
			}
			if status == 'T' {
				status = 'E'
			}
			if verb == "COMMIT" {
				status = 'I'
			}
		default:
			tag := r.tag
			if tag == "" {
				tag = verb
			}
			if verb == "COMMIT" && status == 'E' {
				tag = "ROLLBACK"
			}
			switch verb {
			case "BEGIN":
				status = 'T'
			case "COMMIT", "ROLLBACK":
				status = 'I'
			}
			sendRows(b, r.rows)
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
		}
		b.Send(&pgproto3.ReadyForQuery{TxStatus: status})
		if b.Flush() != nil {
			return
		}
	}
}

func sendRows(b *pgproto3.Backend, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fields := make([]pgproto3.FieldDescription, len(rows[0]))
	for i := range fields {
		fields[i] = pgproto3.FieldDescription{Name: []byte("c"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1}
	}
	b.Send(&pgproto3.RowDescription{Fields: fields})
	for _, r := range rows {
		values := make([][]byte, len(r))
		for i, v := range r {
			if v != null {
				values[i] = []byte(v)
			}
		}
		b.Send(&pgproto3.DataRow{Values: values})
	}
}

// answer is the first rule that fits; ones are used up.
func (f *fake) answer(sql string) *rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, sql)
	for i, r := range f.rules {
		if strings.Contains(sql, r.what) {
			if !r.always {
				f.rules = append(f.rules[:i:i], f.rules[i+1:]...)
			}
			return r
		}
	}
	return standard(sql)
}

// standard is what a healthy, empty Redshift says.
func standard(sql string) *rule {
	switch {
	case sql == probe:
		return &rule{rows: [][]string{{"1"}}, tag: "SELECT 1"}
	case strings.Contains(sql, "pg_backend_pid()"):
		return &rule{rows: [][]string{{"77"}}, tag: "SELECT 1"}
	case strings.Contains(sql, "COALESCE(MAX(load_id), 0), GETDATE()"):
		return &rule{rows: [][]string{{"0", "2026-11-22 01:30:00"}}, tag: "SELECT 1"}
	case strings.HasPrefix(sql, "SELECT"):
		return &rule{tag: "SELECT 0"}
	}
	return &rule{}
}
