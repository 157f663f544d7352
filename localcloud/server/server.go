// Package server puts the embedded cloud together: the control planes of
// resources/simcloud on real time, their wire protocols, S3, the warehouse and
// Spark, behind one endpoint, with everything in one data folder.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/localcloud/s3node"
	"lamplighter/localcloud/spark"
	"lamplighter/resources/simcloud"
	"lamplighter/resources/simcloud/wire"
)

// Config of a Server.
type Config struct {
	Data    Folder
	Port    int // 0 is a free one
	Account string
	Region  string
	Pace    time.Duration // of each transition of a cluster or snapshot
	Buckets []string      // made if they are not there; the first is lamplighter's
	Limit   int64         // bytes that the objects of S3, and each cluster's files, may take; 0 is no limit
	Spark   spark.Config  // Home, Python, Jars, JavaHome, Memory, Cores
	S3Child []string      // starts a process that calls s3node.Serve
	Steps   []string      // starts a process that calls spark.Supervise
	// Warehouse makes the data plane of Redshift.
	Warehouse func(WarehouseConfig) (Warehouse, error)
	Logger    *slog.Logger
}

// WarehouseConfig is what the data plane of Redshift is made with.
type WarehouseConfig struct {
	Dir         string
	S3Endpoint  string
	Region      string
	Key, Secret string
	DiskLimit   int64 // bytes that one cluster's files may take; 0 is no limit
	Logger      *slog.Logger
}

// Warehouse is the data plane of Redshift.
type Warehouse interface {
	simcloud.WarehousePlane
	// CAFile is the authority that signs the clusters' certificates, as PEM.
	CAFile() string
	Close(context.Context) error
}

// Server is a running embedded cloud.
type Server struct {
	config    Config
	lock      *os.File
	account   account
	listener  net.Listener
	world     *world
	cloud     *simcloud.Cloud
	objects   *s3node.Node
	warehouse Warehouse
	spark     *spark.Plane
	http      *http.Server
	failed    chan error
}

// Start starts everything and returns when every port answers, those of
// clusters that were available before included.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	if c.Data, err = absolute(c.Data); err != nil {
		return nil, err
	}
	s := &Server{config: c, world: newWorld(), failed: make(chan error, 1)}
	if s.lock, err = c.Data.lock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err = writeOwner(s.lock, Owner{PID: os.Getpid()}); err != nil {
		return nil, err
	}
	if s.account, err = c.Data.account(); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(c.Port)); err != nil {
		return nil, fmt.Errorf("%w (choose another port, 0 is a free one)", err)
	}
	for _, part := range []func(context.Context) error{s.startObjects, s.startPlanes, s.startCloud, s.makeBuckets, s.ready} {
		if err = part(ctx); err != nil {
			return nil, err
		}
	}
	return s, writeOwner(s.lock, Owner{PID: os.Getpid(), Endpoint: s.Endpoint(), Region: s.config.Region})
}

func absolute(f Folder) (Folder, error) {
	path, err := filepath.Abs(string(f))
	return Folder(path), err
}

// Endpoint is the URL of all services.
func (s *Server) Endpoint() string { return "http://" + s.listener.Addr().String() }

// Failed tells an error that the server cannot go on with: the state cannot be
// saved. Close it then.
func (s *Server) Failed() <-chan error { return s.failed }

func (s *Server) startObjects(ctx context.Context) (err error) {
	s.objects, err = s3node.Start(ctx, s3node.Config{Dir: s.config.Data.path("s3"), Region: s.config.Region, Key: s.account.Key, Secret: s.account.Secret, Limit: s.config.Limit,
		Command: s.config.S3Child, Logger: s.config.Logger})
	return err
}

func (s *Server) startPlanes(context.Context) (err error) {
	c := s.config.Spark
	c.Dir, c.Endpoint, c.Region = s.config.Data.path("spark"), s.Endpoint(), s.config.Region
	c.Key, c.Secret = s.account.Key, s.account.Secret
	c.Supervisor, c.Upload, c.Logger = s.config.Steps, s.upload, s.config.Logger
	if s.spark, err = spark.New(c); err != nil {
		return err
	}
	w, err := s.config.Warehouse(WarehouseConfig{Dir: s.config.Data.path("warehouse"), S3Endpoint: s.Endpoint(), Region: s.config.Region,
		Key: s.account.Key, Secret: s.account.Secret, DiskLimit: s.config.Limit, Logger: s.config.Logger})
	if err != nil {
		return fmt.Errorf("start the warehouse: %w", err)
	}
	s.warehouse = w
	return nil
}

// startCloud starts the control planes, from the saved state, and the
// endpoint.
func (s *Server) startCloud(context.Context) error {
	state, err := s.config.Data.State()
	if err != nil {
		return err
	}
	s.world.save = func() {
		if err := s.config.Data.saveState(s.cloud.State()); err != nil {
			s.fail(fmt.Errorf("save the state: %w", err))
		}
	}
	// The endpoint serves before the control planes do: reopened clusters and
	// steps may want S3.
	serve := make(chan struct{})
	var control http.Handler
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if scope := wire.Scope(r); scope == "s3" || scope == "" {
			s.objects.ServeHTTP(w, r)
			return
		}
		<-serve
		control.ServeHTTP(w, r)
	})
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn)}
	go s.http.Serve(s.listener)

	s.world.Lock()
	s.cloud = simcloud.New(s.world, simcloud.Options{
		Account: s.config.Account, Region: s.config.Region, Pace: simcloud.FixedPace(s.config.Pace),
		Planes:   simcloud.Planes{Warehouse: s.warehouse, Spark: s.spark},
		OnChange: s.world.changed,
	}, state)
	s.world.Unlock()
	go s.world.run()
	control = s.control()
	close(serve)
	return nil
}

func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// control serves the control planes.
func (s *Server) control() http.Handler {
	return wire.New(wire.Backend{Redshift: s.cloud.Redshift(), EMR: s.cloud.EMR(), Scheduler: s.cloud.Scheduler(), STS: s.cloud.STS()},
		wire.Options{Keys: map[string]string{s.account.Key: s.account.Secret}, Region: s.config.Region, Lock: s.world, Now: s.world.Now})
}

// client is an S3 client of this cloud.
func (s *Server) client() *s3.Client {
	endpoint := s.Endpoint()
	return s3.New(s3.Options{Region: s.config.Region, BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.account.Key, s.account.Secret, "")})
}

func (s *Server) upload(ctx context.Context, bucket, key string, body []byte) error {
	_, err := s.client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return err
}

func (s *Server) makeBuckets(ctx context.Context) error {
	for _, name := range s.config.Buckets {
		_, err := s.client().HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		if err == nil {
			continue
		}
		if _, err := s.client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
			return fmt.Errorf("make the bucket %s: %w", name, err)
		}
	}
	return nil
}

// ready waits until clusters that are available answer. One that does not
// within a minute is left to say so itself.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		waits := s.unreachable()
		if len(waits) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			s.config.Logger.Warn("clusters do not answer", "clusters", waits)
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) unreachable() (ids []string) {
	s.world.Lock()
	defer s.world.Unlock()
	for _, c := range s.cloud.State().Clusters {
		if _, _, ok := s.warehouse.Endpoint(c.ID); c.Status == "available" && !ok {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Close ends everything: steps first, so that they can still keep their logs.
// Clusters stay what they are and go on with the next Start.
func (s *Server) Close() {
	if s.spark != nil {
		s.spark.Close()
	}
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			s.http.Close()
		}
	} else if s.listener != nil {
		s.listener.Close()
	}
	if s.cloud != nil {
		s.world.close()
	}
	if s.warehouse != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.warehouse.Close(ctx); err != nil {
			s.config.Logger.Warn("the warehouse did not close well", "error", err)
		}
	}
	if s.objects != nil {
		s.objects.Close()
	}
	s.lock.Close()
}
