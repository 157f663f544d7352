package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/resources"
	"lamplighter/resources/s3"
	"lamplighter/resources/simcloud"
)

// simulated runs fn as a process on a simulated S3.
func simulated(t *testing.T, faults simcloud.Faults, fn func(context.Context, *simcloud.Simulation, *s3.Client)) {
	t.Helper()
	sim := simcloud.NewSim(time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC))
	cloud := simcloud.Simulate(sim, simcloud.SimOptions{Seed: 1, Faults: faults})
	proc := sim.NewProc("p")
	ended := false
	proc.Go(func() {
		fn(context.Background(), cloud, &s3.Client{API: cloud.Client(proc).S3, PartSize: 10})
		ended = true
	})
	sim.Run(sim.Now().Add(time.Hour))
	if !ended {
		t.Fatal("it never ended")
	}
}

// Small objects go by one request, large ones in parts; what changed since it
// was listed is not copied.
func TestCopy(t *testing.T) {
	simulated(t, simcloud.Faults{}, func(ctx context.Context, cloud *simcloud.Simulation, c *s3.Client) {
		for i, body := range []string{"", "small", "0123456789", "0123456789a", strings.Repeat("x", 95)} {
			from := fmt.Sprintf("s3://b/from/%d/a+b c%%20'\"ü", i)
			cloud.Put(from, []byte(body))
			info, err := c.Head(ctx, from)
			if err != nil {
				t.Fatal(err)
			}
			to := fmt.Sprintf("s3://other/to/%d", i)
			for range 2 {
				if err := c.Copy(ctx, info, to); err != nil {
					t.Fatalf("%d bytes: %v", len(body), err)
				}
			}
			if got, ok := cloud.Object(to); !ok || string(got) != body {
				t.Errorf("%d bytes became %q", len(body), got)
			}
			cloud.Put(from, []byte(body+" changed"))
			if err := c.Copy(ctx, info, to+"x"); resources.CodeOf(err) != s3.PreconditionFailed || resources.ClassOf(err) != resources.Permanent {
				t.Errorf("changed: %v", err)
			}
			cloud.Remove(from)
			if err := c.Copy(ctx, info, to+"x"); resources.ClassOf(err) != resources.Gone || !strings.Contains(err.Error(), from) {
				t.Errorf("gone: %v", err)
			}
			if _, ok := cloud.Object(to + "x"); ok || len(cloud.Uploads()) > 0 {
				t.Errorf("left %v", cloud.Uploads())
			}
		}
		parts := 0
		for _, e := range cloud.Audit() {
			if e.Call == "s3.UploadPartCopy" && e.Effect {
				parts++
			}
		}
		if parts != 2*(2+10) {
			t.Errorf("%d parts", parts)
		}
	})
}

// What a copy that was broken off left behind is ended, and nothing else.
func TestAbortUploads(t *testing.T) {
	simulated(t, simcloud.Faults{}, func(ctx context.Context, cloud *simcloud.Simulation, c *s3.Client) {
		cloud.Put("s3://b/from", []byte(strings.Repeat("x", 30)))
		info, _ := c.Head(ctx, "s3://b/from")
		for _, to := range []string{"s3://b/p/1", "s3://b/p/2", "s3://b/q/1"} {
			broken := *c
			broken.API = breaks{c.API}
			if err := broken.Copy(ctx, info, to); err == nil {
				t.Fatal("it went well")
			}
		}
		if got := cloud.Uploads(); len(got) != 3 {
			t.Fatalf("uploads %v", got)
		}
		if err := c.AbortUploads(ctx, "s3://b/p/"); err != nil {
			t.Fatal(err)
		}
		if got := cloud.Uploads(); !slices.Equal(got, []string{"b/q/1"}) {
			t.Errorf("uploads %v", got)
		}
	})
}

func TestDeleteAll(t *testing.T) {
	simulated(t, simcloud.Faults{}, func(ctx context.Context, cloud *simcloud.Simulation, c *s3.Client) {
		cloud.Put("s3://b/1", nil)
		cloud.Put("s3://b/2", nil)
		for _, uris := range [][]string{nil, {"s3://b/1", "s3://b/0"}, {"s3://b/1"}} {
			if err := c.DeleteAll(ctx, uris); err != nil {
				t.Error(err)
			}
		}
		if got := cloud.Objects("s3://b/"); !slices.Equal(got, []string{"s3://b/2"}) {
			t.Errorf("left %v", got)
		}
		for _, uris := range [][]string{{"s3://b/2", "s3://c/2"}, slices.Repeat([]string{"s3://b/2"}, s3.MaxDelete+1), {"b/2"}} {
			if err := c.DeleteAll(ctx, uris); resources.ClassOf(err) != resources.Permanent {
				t.Errorf("%d: %v", len(uris), err)
			}
		}
	})
}

// What the SDK sends, and how refusals are judged.
func TestCopyRequest(t *testing.T) {
	from := s3.Info{URI: "s3://b/a+b c%20ü/'x", ETag: "e", Size: 3}
	client, requests := serve(t, answer{200, nil, `<CopyObjectResult><ETag>"n"</ETag></CopyObjectResult>`})
	if err := client.Copy(t.Context(), from, "s3://c/k"); err != nil {
		t.Fatal(err)
	}
	r := (*requests)[0]
	if got := r.Header.Get("X-Amz-Copy-Source"); got != "b/a%2Bb%20c%2520%C3%BC/%27x" {
		t.Errorf("source %s", got)
	}
	if got := r.Header.Get("X-Amz-Copy-Source-If-Match"); got != `"e"` {
		t.Errorf("if-match %s", got)
	}
	client, _ = serve(t, answer{403, nil, failure("AccessDenied")})
	err := client.Copy(t.Context(), from, "s3://c/k")
	if resources.ClassOf(err) != resources.Denied || resources.HintOf(err) == "" || !strings.Contains(err.Error(), "s3://c/k") {
		t.Errorf("%v, hint %q", err, resources.HintOf(err))
	}
	client, requests = serve(t, answer{200, nil, `<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`})
	if err := client.DeleteAll(t.Context(), []string{"s3://b/k", "s3://b/l"}); resources.ClassOf(err) != resources.Denied || !strings.Contains(err.Error(), "k: no") {
		t.Errorf("%v", err)
	}
	if body, _ := io.ReadAll((*requests)[0].Body); !strings.Contains(string(body), "<Key>l</Key>") {
		t.Errorf("sent %s", body)
	}
}

// breaks is an S3 whose uploads can neither be completed nor ended.
type breaks struct{ s3.API }

func (breaks) CompleteMultipartUpload(context.Context, *awss3.CompleteMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error) {
	return nil, errors.New("broken")
}
