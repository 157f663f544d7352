package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/pgwire"
)

// cluster is a served one: an open file, a listener, its sessions.
type cluster struct {
	plane *Plane
	id    string
	dir   string
	port  int

	connector *duckdb.Connector
	listener  net.Listener
	server    *pgwire.Server

	locks *locks
	// commits is held for reading while a transaction commits, for writing
	// while a snapshot copies the file.
	commits sync.RWMutex
	// use is held for reading by work beside sessions, for writing to close.
	use    sync.RWMutex
	closed bool

	queries atomic.Int64 // the last statement's id
	stages  atomic.Int64 // counts staging folders
	probes  probes

	statements statements   // that ran and run
	xids       atomic.Int64 // the last transaction
	mu         sync.Mutex
	meta       *clusterMeta
	sessions   map[int]*session
}

func openCluster(p *Plane, id string) (*cluster, error) {
	c := &cluster{plane: p, id: id, dir: p.clusterDir(id), locks: newLocks(), sessions: map[int]*session{}, probes: probes{seen: map[int64]map[int][2]string{}}}
	var err error
	if c.meta, err = loadMeta(c.dir); err != nil {
		return nil, err
	}
	c.queries.Store(time.Now().Unix())
	for _, d := range []string{c.stageDir(), filepath.Join(c.dir, tmpName)} {
		if err := errors.Join(os.RemoveAll(d), os.MkdirAll(d, 0o700)); err != nil {
			return nil, err
		}
	}
	if c.connector, err = duckdb.NewConnector(c.dsn(), nil); err != nil {
		return nil, err
	}
	if err := c.bootstrap(); err != nil {
		return nil, errors.Join(err, c.connector.Close())
	}
	if err := c.listen(); err != nil {
		return nil, errors.Join(err, c.connector.Close())
	}
	return c, nil
}

// dsn opens the file with Redshift's habits: integers divide to integers,
// NULLs sort as larger than everything, identifiers fold to lower case, and
// nothing is ever downloaded.
func (c *cluster) dsn() string {
	q := url.Values{}
	for k, v := range map[string]string{
		"memory_limit": c.plane.cfg.MemoryLimit, "threads": strconv.Itoa(c.plane.cfg.Threads),
		"storage_compatibility_version": "v1.5.0", "temp_directory": filepath.Join(c.dir, tmpName),
		"integer_division": "true", "default_null_order": "nulls_last_on_asc_first_on_desc",
		"preserve_identifier_case": "false", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
	} {
		q.Set(k, v)
	}
	return databaseFile(c.dir, c.meta) + "?" + q.Encode()
}

func (c *cluster) stageDir() string { return filepath.Join(c.dir, stageName) }

// keepOpen hands a connector to database/sql without letting it close it.
type keepOpen struct{ *duckdb.Connector }

func (keepOpen) Close() error { return nil }

// bootstrap makes functions, system tables and settings; it changes nothing
// that is there.
func (c *cluster) bootstrap() error {
	ctx := context.Background()
	db := sql.OpenDB(keepOpen{c.connector})
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := registerFunctions(conn, c); err != nil {
		return err
	}
	for _, q := range bootstrapSQL() {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("bootstrap: %w in %s", err, q)
		}
	}
	// The SQL of clients must not reach the machine's files.
	for _, q := range []string{
		fmt.Sprintf("SET GLOBAL allowed_directories=[%s]", quote(c.stageDir())),
		"SET GLOBAL enable_external_access=false",
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("bootstrap: %w in %s", err, q)
		}
	}
	return nil
}

// listen takes the port of the last time when it is free.
func (c *cluster) listen() error {
	var err error
	if c.meta.Port != 0 {
		c.listener, err = net.Listen("tcp", net.JoinHostPort(c.plane.cfg.Host, strconv.Itoa(c.meta.Port)))
	}
	if c.meta.Port == 0 || err != nil {
		if c.listener, err = net.Listen("tcp", net.JoinHostPort(c.plane.cfg.Host, "0")); err != nil {
			return err
		}
	}
	c.port = c.listener.Addr().(*net.TCPAddr).Port
	if c.meta.Port != c.port {
		c.meta.Port = c.port
		if err := saveMeta(c.dir, c.meta); err != nil {
			return errors.Join(err, c.listener.Close())
		}
	}
	c.server = &pgwire.Server{TLS: c.plane.tls.config, Connect: c.connect, Log: c.plane.log.With("cluster", c.id)}
	go func() {
		if err := c.server.Serve(c.listener); err != nil {
			c.plane.log.Error("cluster stopped accepting", "cluster", c.id, "error", err)
		}
	}()
	return nil
}

// close ends the sessions, writes everything into the file and closes it.
func (c *cluster) close() error {
	_ = c.listener.Close()
	c.server.Close()
	c.use.Lock()
	defer c.use.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if err := c.exec(context.Background(), "CHECKPOINT"); err != nil {
		c.plane.log.Warn("closing without a checkpoint", "cluster", c.id, "error", err)
	}
	return c.connector.Close()
}

// open makes a connection to the database.
func (c *cluster) open(ctx context.Context) (*duckdb.Conn, error) {
	dc, err := c.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := dc.(*duckdb.Conn)
	if _, err := conn.ExecContext(ctx, "SET search_path='public,main'", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// exec runs a statement on a connection of its own. The cluster must be kept
// from closing: by use, or by a session that is open.
func (c *cluster) exec(ctx context.Context, statement string) error {
	conn, err := c.open(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, statement, nil)
	return errors.Join(err, conn.Close())
}

// copyMeta is a copy that nobody changes.
func (c *cluster) copyMeta() *clusterMeta {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := *c.meta
	m.Users = map[string]*user{}
	for n, u := range c.meta.Users {
		m.Users[n] = &user{Password: u.Password, Super: u.Super}
	}
	return &m
}

func (c *cluster) setBase(snapshot string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meta.Base = snapshot
	return saveMeta(c.dir, c.meta)
}

// connect makes the session of a client that knows a password.
func (c *cluster) connect(ctx context.Context, s pgwire.Startup, client pgwire.Client) (pgwire.Session, error) {
	name, err := c.authenticate(s)
	if err != nil {
		return nil, err
	}
	conn, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	ses := newSession(c, conn, s, name, client)
	c.mu.Lock()
	c.sessions[s.PID] = ses
	c.mu.Unlock()
	return ses, nil
}

// forget takes a session that ended off the list.
func (c *cluster) forget(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, pid)
}

// session is another session by its process number.
func (c *cluster) session(pid int) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[pid]
}

// terminate ends another session.
func (c *cluster) terminate(pid int) bool {
	s := c.session(pid)
	if s != nil {
		s.kill()
	}
	return s != nil
}

// cancel interrupts what another session runs.
func (c *cluster) cancel(pid int) bool {
	s := c.session(pid)
	if s != nil {
		s.cancel()
	}
	return s != nil
}
