package s3node

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestOneWinner: of 32 who create a key, one does.
func TestOneWinner(t *testing.T) {
	c := served(t)
	for i := range 20 {
		key := fmt.Sprintf("journal/%06d", i)
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for w := range 32 {
			wg.Go(func() {
				_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(strconv.Itoa(w)), IfNoneMatch: aws.String("*")})
				switch code(err) {
				case "<nil>":
					won.Add(1)
				case "PreconditionFailed", "ConditionalRequestConflict":
					lost.Add(1)
				default:
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 31 {
			t.Errorf("%s: %d won, %d lost", key, won.Load(), lost.Load())
		}
	}
}

// TestCounter: eight writers count to 200 by If-Match.
func TestCounter(t *testing.T) {
	c := served(t)
	put(t, c, "counter", "0")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 25; {
				out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("counter")})
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(out.Body)
				n, _ := strconv.Atoi(string(body))
				_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("counter"),
					Body: strings.NewReader(strconv.Itoa(n + 1)), IfMatch: out.ETag})
				switch code(err) {
				case "<nil>":
					done++
				case "PreconditionFailed", "ConditionalRequestConflict":
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := get(t, c, "counter"); got != "200" {
		t.Errorf("counted to %s", got)
	}
}

func TestPreconditions(t *testing.T) {
	c := served(t)
	put(t, c, "k", "1")
	cases := []struct {
		name string
		in   s3.PutObjectInput
		want string
	}{
		{"exists", s3.PutObjectInput{Key: aws.String("k"), IfNoneMatch: aws.String("*")}, "PreconditionFailed"},
		{"stale", s3.PutObjectInput{Key: aws.String("k"), IfMatch: aws.String(`"stale"`)}, "PreconditionFailed"},
		{"missing", s3.PutObjectInput{Key: aws.String("other"), IfMatch: aws.String(`"stale"`)}, "NoSuchKey"},
	}
	for _, tc := range cases {
		tc.in.Bucket, tc.in.Body = aws.String("bucket"), strings.NewReader("2")
		if _, err := c.PutObject(t.Context(), &tc.in); code(err) != tc.want {
			t.Errorf("%s: want %s, got %v", tc.name, tc.want, err)
		}
	}
	if got := get(t, c, "k"); got != "1" {
		t.Errorf("the object became %q", got)
	}
}
