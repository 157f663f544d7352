// Package warehouse is the data plane of the embedded Redshift: each cluster
// is one DuckDB file, served by a gateway of its own that speaks Redshift's
// SQL over the PostgreSQL protocol.
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lamplighter/localcloud/copyload"
	"lamplighter/resources/simcloud"
)

// Config says where a Plane lives and what it may use.
type Config struct {
	Dir         string                  // absolute; clusters and snapshots are kept below it
	TLSDir      string                  // CA and server certificate; "" is Dir/tls
	Host        string                  // to listen on; "" is 127.0.0.1
	S3Endpoint  string                  // URL of the S3 service that COPY and UNLOAD use
	Region      string                  // "" is us-east-1
	Credentials aws.CredentialsProvider // of COPY and UNLOAD, whatever role a statement names
	MemoryLimit string                  // per cluster, as DuckDB writes it; "" is 1GB
	Threads     int                     // per cluster; 0 is 2
	DiskLimit   int64                   // bytes that one cluster's files may take; 0 is no limit
	Logger      *slog.Logger            // nil discards
}

// Plane holds all clusters and snapshots. It implements
// simcloud.WarehousePlane; every method may be called repeatedly.
type Plane struct {
	cfg   Config
	log   *slog.Logger
	tls   *certificates
	store *copyload.Store

	mu       sync.Mutex
	clusters map[string]*cluster // open or opening
	slots    map[string]*sync.Mutex
	closed   bool
	wg       sync.WaitGroup
}

var _ simcloud.WarehousePlane = (*Plane)(nil)

// New makes a Plane in cfg.Dir, makes its certificates and sweeps what an
// earlier process left half done. It opens no cluster: the control plane says
// which by Reopen.
func New(cfg Config) (*Plane, error) {
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fmt.Errorf("warehouse folder %q: want an absolute path", cfg.Dir)
	}
	if cfg.TLSDir == "" {
		cfg.TLSDir = filepath.Join(cfg.Dir, "tls")
	}
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.MemoryLimit == "" {
		cfg.MemoryLimit = "1GB"
	}
	if cfg.Threads == 0 {
		cfg.Threads = 2
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Plane{cfg: cfg, log: cfg.Logger, clusters: map[string]*cluster{}, slots: map[string]*sync.Mutex{}}
	for _, d := range []string{p.clustersDir(), p.snapshotsDir(), cfg.TLSDir} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := p.sweep(); err != nil {
		return nil, err
	}
	var err error
	if p.tls, err = loadCertificates(cfg.TLSDir); err != nil {
		return nil, err
	}
	p.store = copyload.NewStore(copyload.StoreConfig{Endpoint: cfg.S3Endpoint, Region: cfg.Region, Credentials: cfg.Credentials})
	return p, nil
}

// CAFile is the PEM file of the authority that signs every cluster's
// certificate.
func (p *Plane) CAFile() string { return filepath.Join(p.cfg.TLSDir, caName) }

func (p *Plane) clustersDir() string  { return filepath.Join(p.cfg.Dir, "clusters") }
func (p *Plane) snapshotsDir() string { return filepath.Join(p.cfg.Dir, "snapshots") }

// identifier is what names of clusters and snapshots look like; they are names
// of folders here.
var identifier = regexp.MustCompile(`^[a-z][a-z0-9-]{0,254}$`)

// run does slow work on one cluster or snapshot in the background: one thing
// at a time for each.
func (p *Plane) run(what, id string, work func() error, done func(error)) {
	if !identifier.MatchString(id) {
		done(fmt.Errorf("%s %q: not an identifier", what, id))
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		done(errors.New("the embedded warehouse is shutting down"))
		return
	}
	slot := p.slots[id]
	if slot == nil {
		slot = &sync.Mutex{}
		p.slots[id] = slot
	}
	p.wg.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.wg.Done()
		slot.Lock()
		err := work()
		slot.Unlock()
		if err != nil {
			p.log.Error(what+" failed", "id", id, "error", err)
			err = fmt.Errorf("%s %s: %w", what, id, err)
		}
		done(err)
	}()
}

// Create implements simcloud.WarehousePlane.
func (p *Plane) Create(id string, spec simcloud.ClusterSpec, done func(error)) {
	p.run("create cluster", id, func() error {
		if err := p.remove(id); err != nil {
			return err
		}
		meta := &clusterMeta{Database: spec.Database, MasterUser: spec.MasterUser, Users: map[string]*user{}}
		if meta.Database == "" {
			meta.Database = "dev"
		}
		if !databaseName.MatchString(meta.Database) {
			return fmt.Errorf("database %q: want a letter, then letters, digits and _", meta.Database)
		}
		if meta.MasterUser == "" {
			return errors.New("no master user")
		}
		meta.Users[meta.MasterUser] = &user{Password: hashPassword(spec.MasterPassword), Super: true}
		if err := os.MkdirAll(p.clusterDir(id), 0o700); err != nil {
			return err
		}
		if err := saveMeta(p.clusterDir(id), meta); err != nil {
			return err
		}
		return p.open(id)
	}, done)
}

// databaseName is also the name of a file and a DuckDB catalog.
var databaseName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Restore implements simcloud.WarehousePlane.
func (p *Plane) Restore(id, snapshot string, spec simcloud.ClusterSpec, done func(error)) {
	p.run("restore cluster", id, func() error {
		if err := p.remove(id); err != nil {
			return err
		}
		if err := p.restoreFiles(id, snapshot, spec); err != nil {
			return err
		}
		return p.open(id)
	}, done)
}

// Snapshot implements simcloud.WarehousePlane.
func (p *Plane) Snapshot(id, snapshot string, done func(simcloud.SnapshotSize, error)) {
	var size simcloud.SnapshotSize
	p.run("snapshot", snapshot, func() (err error) {
		size, err = p.takeSnapshot(id, snapshot)
		return err
	}, func(err error) { done(size, err) })
}

// DropSnapshot implements simcloud.WarehousePlane.
func (p *Plane) DropSnapshot(snapshot string, done func(error)) {
	p.run("drop snapshot", snapshot, func() error {
		return removeDir(filepath.Join(p.snapshotsDir(), snapshot))
	}, done)
}

// Pause implements simcloud.WarehousePlane.
func (p *Plane) Pause(id string, done func(error)) {
	p.run("pause cluster", id, func() error { return p.shut(id) }, done)
}

// Resume implements simcloud.WarehousePlane.
func (p *Plane) Resume(id string, done func(error)) {
	p.run("resume cluster", id, func() error { return p.open(id) }, done)
}

// Reopen implements simcloud.WarehousePlane.
func (p *Plane) Reopen(id string, done func(error)) {
	p.run("reopen cluster", id, func() error { return p.open(id) }, done)
}

// Drop implements simcloud.WarehousePlane.
func (p *Plane) Drop(id string, done func(error)) {
	p.run("drop cluster", id, func() error { return p.remove(id) }, done)
}

// Endpoint implements simcloud.WarehousePlane.
func (p *Plane) Endpoint(id string) (host string, port int, ok bool) {
	c := p.cluster(id)
	if c == nil {
		return "", 0, false
	}
	return p.cfg.Host, c.port, true
}

// AddLogin implements simcloud.WarehousePlane.
func (p *Plane) AddLogin(id string, login simcloud.Login) error {
	c := p.cluster(id)
	if c == nil {
		return fmt.Errorf("cluster %s is not available", id)
	}
	return c.addLogin(login)
}

func (p *Plane) cluster(id string) *cluster {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clusters[id]
}

// open serves a cluster whose files are there. One that is served already
// stays as it is.
func (p *Plane) open(id string) error {
	if p.cluster(id) != nil {
		return nil
	}
	c, err := openCluster(p, id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.clusters[id] = c
	p.mu.Unlock()
	p.log.Info("cluster is served", "cluster", id, "address", net.JoinHostPort(p.cfg.Host, fmt.Sprint(c.port)))
	return nil
}

// shut ends a cluster's sessions and closes its file.
func (p *Plane) shut(id string) error {
	p.mu.Lock()
	c := p.clusters[id]
	delete(p.clusters, id)
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.close()
}

func (p *Plane) remove(id string) error {
	if err := p.shut(id); err != nil {
		p.log.Warn("closing a cluster that is removed", "cluster", id, "error", err)
	}
	return removeDir(p.clusterDir(id))
}

// Close ends everything that is served, when what is under way is done or ctx
// has ended. All that committed stays.
func (p *Plane) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	idle := make(chan struct{})
	go func() { p.wg.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	p.mu.Lock()
	ids := make([]string, 0, len(p.clusters))
	for id := range p.clusters {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, p.shut(id))
	}
	return errors.Join(errs...)
}

// broken opens a cluster again after DuckDB gave it up.
func (p *Plane) broken(c *cluster) {
	p.mu.Lock()
	same := p.clusters[c.id] == c
	p.mu.Unlock()
	if !same {
		return
	}
	p.log.Error("the database is invalid: opening it again", "cluster", c.id)
	p.run("reopen cluster", c.id, func() error {
		if p.cluster(c.id) != c {
			return nil
		}
		return errors.Join(p.shut(c.id), p.open(c.id))
	}, func(error) {})
}
