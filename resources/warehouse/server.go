package warehouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lamplighter/resources"
)

// Server opens sessions on clusters over the PostgreSQL protocol, always with
// TLS and a verified certificate. It implements Opener. Its fields are set
// before the first Open; it may be used from several goroutines.
type Server struct {
	// Locate finds a cluster's endpoint, Login makes a fresh login for the
	// admin user. Both return Faults; theirs are passed on.
	Locate func(ctx context.Context, cluster string) (host string, port int, err error)
	Login  func(ctx context.Context, cluster string) (user, password string, err error)

	Database    string // dev
	Admin       string // the user that owns everything (warehouse.admin)
	Application string // application_name, for people: pipeline/run/epoch

	// Host and Port replace what Locate says (a tunnel). The certificate must
	// be the cluster's all the same: TLSServerName is the name in it, by
	// default what Locate says.
	Host          string
	Port          int
	TLSServerName string
	// CAFile is a PEM file of the authorities to trust instead of RootCAs, read
	// at each Open. RootCAs nil are the system's, which hold Amazon's.
	CAFile  string
	RootCAs *x509.CertPool

	// Get reads an object, Put writes one, Head sees objects as they are, in
	// order. All return Faults; an absent object is Gone. Get and Head serve
	// Unload, Put serves the ledger rows of large loads, under Scratch
	// (s3://bucket/prefix/); without Put, large loads insert row by row.
	Get     func(ctx context.Context, uri string) ([]byte, error)
	Put     func(ctx context.Context, uri string, body []byte) error
	Head    func(ctx context.Context, uris []string) ([]Object, error)
	Scratch string

	mu    sync.Mutex
	alone map[string]*alone
}

// alone remembers whether this process has ended the other sessions on a
// cluster. Its lock is held while that is done: no session of ours may be open.
type alone struct {
	mu   sync.Mutex
	done bool
}

// dialTimeout bounds how long one address may take to answer.
const dialTimeout = 20 * time.Second

// Open implements Opener.
func (s *Server) Open(ctx context.Context, cluster string) (Session, error) {
	a := s.aloneOn(cluster)
	a.mu.Lock()
	if a.done {
		a.mu.Unlock()
		return s.greeted(ctx, cluster, nil)
	}
	defer a.mu.Unlock()
	c, err := s.greeted(ctx, cluster, func(c *session) error { return c.endOthers(ctx, s.Admin) })
	a.done = err == nil
	return c, err
}

// greeted connects, runs first, and sets up the session.
func (s *Server) greeted(ctx context.Context, cluster string, first func(*session) error) (Session, error) {
	c, err := s.connect(ctx, cluster)
	if err != nil {
		return nil, err
	}
	if first != nil {
		err = first(c)
	}
	if err == nil {
		err = c.greet(ctx)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (s *Server) aloneOn(cluster string) *alone {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alone == nil {
		s.alone = map[string]*alone{}
	}
	if s.alone[cluster] == nil {
		s.alone[cluster] = &alone{}
	}
	return s.alone[cluster]
}

func (s *Server) connect(ctx context.Context, cluster string) (*session, error) {
	name, port, err := s.Locate(ctx, cluster)
	if err != nil {
		return nil, err
	}
	user, password, err := s.Login(ctx, cluster)
	if err != nil {
		return nil, err
	}
	host := name
	if s.Host != "" {
		host = s.Host
	}
	if s.Port != 0 {
		port = s.Port
	}
	if s.TLSServerName != "" {
		name = s.TLSServerName
	}
	config, err := s.config(host, port, name)
	if err != nil {
		return nil, err
	}
	config.User, config.Password, config.Database = user, password, s.Database
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, judgeConnect(err, cluster, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return &session{server: s, conn: conn, cluster: cluster}, nil
}

// config is pgconn's, with nothing taken from PG… variables or files: where a
// night connects to is written in the environment file only.
func (s *Server) config(host string, port int, certName string) (*pgconn.Config, error) {
	if port < 1 || port > 65535 {
		return nil, resources.Faultf(resources.Permanent, "connect to %s: port %d is none", host, port)
	}
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	config, err := pgconn.ParseConfig("host=localhost port=5439 user=none password=none dbname=none sslmode=disable connect_timeout=" +
		strconv.Itoa(int(dialTimeout/time.Second)) + " target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0")
	if err != nil {
		return nil, &resources.Fault{Class: resources.Permanent, Msg: "PostgreSQL settings of this machine: " + brief(err.Error()), Err: err,
			Hint: "unset the PG… environment variables"}
	}
	config.Host, config.Port, config.Fallbacks = host, uint16(port), nil
	config.TLSConfig = &tls.Config{ServerName: certName, RootCAs: roots, MinVersion: tls.VersionTLS12}
	config.SSLNegotiation, config.KerberosSrvName, config.KerberosSpn = "", "", ""
	// Redshift announces UNICODE unless it is asked for UTF8 here.
	config.RuntimeParams = map[string]string{"client_encoding": "UTF8"}
	return config, nil
}

func (s *Server) roots() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return s.RootCAs, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, &resources.Fault{Class: resources.Permanent, Msg: "connect.ca_file: " + err.Error(), Err: err, Hint: "name a PEM file that can be read"}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("connect.ca_file %s holds no certificate", s.CAFile), Hint: "name a PEM file of certificates"}
	}
	return pool, nil
}

// endOthers ends every session of the admin user but this one: a controller
// that vanished keeps its locks for as long as its idle transaction lives (six
// hours), and nothing of ours runs in this process yet.
func (s *session) endOthers(ctx context.Context, admin string) error {
	own, others, err := s.adminSessions(ctx, admin)
	if err != nil {
		return err
	}
	failed := map[string]error{}
	for _, pid := range others {
		if _, err := s.ask(ctx, "end session "+pid, "SELECT pg_terminate_backend("+pid+")"); err != nil {
			failed[pid] = err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	_, left, err := s.adminSessions(ctx, admin)
	if err != nil {
		return err
	}
	for _, pid := range left { // one that ended by itself cannot be ended, and need not
		if cause := failed[pid]; cause != nil {
			return notCommitted(cause, "another session of "+admin+" (process "+pid+", own "+own+") may hold locks and cannot be ended")
		}
	}
	return nil
}

// adminSessions are the process ids of this session and of the admin user's
// others. With a temporary login the name shows a prefix (IAM:, IAMA:) and may
// show groups behind it (RSD r_STV_SESSIONS).
func (s *session) adminSessions(ctx context.Context, admin string) (own string, others []string, err error) {
	rows, err := s.ask(ctx, "own process id", "SELECT pg_backend_pid()")
	if err != nil {
		return "", nil, err
	}
	if len(rows) != 1 {
		return "", nil, resources.Faultf(resources.Unknown, "own process id: %d rows", len(rows))
	}
	own = rows[0][0]
	rows, err = s.ask(ctx, "list sessions", "SELECT process, user_name FROM stv_sessions")
	if err != nil {
		return "", nil, err
	}
	for _, r := range rows {
		pid, err := strconv.Atoi(strings.TrimSpace(r[0]))
		if err == nil && strconv.Itoa(pid) != own && userOf(r[1]) == admin {
			others = append(others, strconv.Itoa(pid))
		}
	}
	return own, others, nil
}

func userOf(shown string) string {
	shown = strings.TrimSpace(shown)
	for _, prefix := range []string{"IAMA:", "IAM:"} {
		if rest, ok := strings.CutPrefix(shown, prefix); ok {
			user, _, _ := strings.Cut(rest, ":")
			return user
		}
	}
	return shown
}
