package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	_ "golang.org/x/crypto/x509roots/fallback" // a static binary in an empty container knows its authorities

	"lamplighter/config"
	"lamplighter/controller"
	journals3 "lamplighter/controller/journal/s3"
	"lamplighter/controller/night"
	"lamplighter/controller/steps"
	"lamplighter/jobs"
	"lamplighter/resources"
	"lamplighter/resources/redshift"
	"lamplighter/resources/s3"
	"lamplighter/resources/warehouse"
)

// parallelS3 is how many S3 requests are under way at once: heads and gets of
// small objects, far below a bucket's limits.
const parallelS3 = 32

// requestTimeout ends a hung S3 request; the objects are a few MB at most.
const requestTimeout = time.Minute

// realWorld builds the AWS clients of an environment: the only place that does.
func realWorld(ctx context.Context, p *config.Pipeline, e *config.Environment) (night.World, error) {
	cfg, err := awsConfig(ctx, e)
	if err != nil {
		return night.World{}, usage(err)
	}
	objects := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = e.EndpointURL != "" })
	process := journals3.Process()
	w := night.World{
		Clock: wallClock{}, Redshift: awsredshift.NewFromConfig(cfg), EMR: awsemr.NewFromConfig(cfg), S3: objects,
		Scheduler: awsscheduler.NewFromConfig(cfg), STS: awssts.NewFromConfig(cfg), Process: process, Alive: process.Alive,
		Writer: randomName(), Random: rand.Reader, Parallel: parallelS3, Timeout: requestTimeout,
	}
	client := &s3.Client{API: objects, Parallel: parallelS3, Timeout: requestTimeout}
	w.Warehouse = func(clusters *redshift.Clusters, application string) warehouse.Opener {
		return server(p, e, client, clusters, application)
	}
	return w, nil
}

// place is the pipeline, its environment, and the world there: what every
// command needs that looks at what exists.
func (a *app) place(ctx context.Context) (*config.Pipeline, *config.Environment, night.World, error) {
	p, e, err := a.both()
	if err != nil {
		return nil, nil, night.World{}, err
	}
	world, err := realWorld(ctx, p, e)
	return p, e, world, err
}

// awsConfig finds credentials by the SDK's own chain. At an endpoint of one's
// own only the named file counts: ambient keys are never sent there.
func awsConfig(ctx context.Context, e *config.Environment) (aws.Config, error) {
	if e.EndpointURL == "" {
		return awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(e.Region), awsconfig.WithHTTPClient(httpClient()))
	}
	file := e.Path(e.Credentials.File)
	profile, err := awsconfig.LoadSharedConfigProfile(ctx, e.Credentials.Profile, func(o *awsconfig.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{file}, []string{}
	})
	if err != nil {
		return aws.Config{}, &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("credentials of environment %s: profile %s in %s: %v", e.Name, e.Credentials.Profile, file, err),
			Hint: "the embedded cloud writes that file when it starts"}
	}
	keys := profile.Credentials
	return aws.Config{Region: e.Region, BaseEndpoint: aws.String(e.EndpointURL), HTTPClient: httpClient(),
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)}, nil
}

func server(p *config.Pipeline, e *config.Environment, client *s3.Client, clusters *redshift.Clusters, application string) *warehouse.Server {
	s := &warehouse.Server{
		Locate: func(ctx context.Context, cluster string) (string, int, error) {
			c, err := clusters.Describe(ctx, cluster)
			switch {
			case err != nil:
				return "", 0, err
			case !c.Exists:
				return "", 0, resources.Faultf(resources.Gone, "cluster %s does not exist", cluster)
			case c.Host == "":
				return "", 0, resources.Faultf(resources.Retry, "cluster %s has no endpoint yet", cluster)
			}
			return c.Host, c.Port, nil
		},
		Login:    clusters.Login,
		Database: e.Database, Application: application, Host: e.Connect.Host, Port: e.Connect.Port, TLSServerName: e.Connect.TLSServerName,
		CAFile: e.Path(e.Connect.CAFile),
		Get: func(ctx context.Context, uri string) ([]byte, error) {
			body, _, err := client.Get(ctx, uri)
			return body, err
		},
		Put: func(ctx context.Context, uri string, body []byte) error {
			_, err := client.Put(ctx, uri, body, "")
			return err
		},
		Head: func(ctx context.Context, uris []string) ([]warehouse.Object, error) {
			infos, err := client.HeadAll(ctx, uris)
			objects := make([]warehouse.Object, len(infos))
			for i, o := range infos {
				objects[i] = warehouse.Object{URI: o.URI, ETag: o.ETag, Size: o.Size}
			}
			return objects, err
		},
		Scratch: controller.Layout{Bucket: e.Bucket, Pipeline: p.Pipeline}.Root() + "scratch/",
	}
	if p.Warehouse != nil {
		s.Admin = p.Warehouse.Admin
	}
	return s
}

func randomName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// code finds the files of a Spark step: shipped ones, or those beside the
// pipeline file.
func code(p *config.Pipeline) steps.JobSource {
	return func(j config.SparkJob) (steps.Code, error) {
		var files []jobs.File
		for _, name := range ownFiles(j) {
			body, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(name)))
			if err != nil {
				return steps.Code{}, resources.Faultf(resources.Permanent, "%v", err)
			}
			files = append(files, jobs.File{Name: filepath.Base(name), Data: body})
		}
		switch {
		case j.Job != "":
			job, ok := jobs.Lookup(j.Job)
			if !ok {
				return steps.Code{}, &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf("no job called %s is shipped", j.Job), Hint: "there are: " + strings.Join(jobs.Names(), ", ")}
			}
			return shipped(job, files), nil
		case j.SQL != "":
			c := shipped(jobs.SQLRunner(), files)
			c.SQL = files[0].Name
			return c, nil
		}
		c := bundle(files)
		c.Main = files[0].Name
		for _, name := range j.PyFiles {
			c.PyFiles = append(c.PyFiles, filepath.Base(name))
		}
		return c, nil
	}
}

// ownFiles are the paths of a step's own files, its program first.
func ownFiles(j config.SparkJob) []string {
	var names []string
	for _, program := range []string{j.Main, j.Jar, j.SQL} {
		if program != "" {
			names = append(names, program)
		}
	}
	names = append(names, j.PyFiles...)
	for _, archive := range j.Archives {
		name, _, _ := strings.Cut(archive, "#")
		names = append(names, name)
	}
	return names
}

// shipped is a shipped job with a step's own files.
func shipped(job jobs.Job, own []jobs.File) steps.Code {
	c := bundle(slices.Concat([]jobs.File{job.Main}, job.PyFiles, own))
	c.Main = job.Main.Name
	for _, f := range job.PyFiles {
		c.PyFiles = append(c.PyFiles, f.Name)
	}
	return c
}

func bundle(files []jobs.File) steps.Code {
	c := steps.Code{Hash: jobs.Hash(files)}
	for _, f := range files {
		c.Files = append(c.Files, steps.CodeFile{Name: f.Name, Body: f.Data})
	}
	return c
}

// binary names this build in the journal.
func binary() string {
	name := "lamplighter " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				name += " " + s.Value
			}
		}
	}
	return name
}
