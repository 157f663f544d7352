package crashtest

import (
	"math/rand/v2"
	"os/exec"
	"testing"

	"lamplighter/controller/report"
)

// TestLocalcloudKilled kills the embedded cloud itself with -9 in the middle of
// a COPY and starts it again: no committed row is lost, none is there twice.
func TestLocalcloudKilled(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]bool{"with the controller": true, "the controller lives": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := afterNightOne(t)
			at := within(rand.New(rand.NewPCG(*seed, 1)), f.events, inCOPY, answered("ratings", "copy-1"))
			t.Logf("-seed %d: killed %s", *seed, at)
			c := open(t, copyFolder(t, f.folder), usual)
			came := false
			e := c.watch(t, func(p *exec.Cmd, ev report.Event) {
				if came || !at.is(ev) {
					return
				}
				came = true
				at.pause()
				port := c.port(t)
				c.kill()
				if both {
					_ = p.Process.Kill()
				}
				c.start(t, port)
			}, "--date", f.dates[1])
			if !came {
				t.Fatalf("the moment never came\n%s%s", e.tail(), e.said)
			}
			if both {
				e = c.run(t, f.dates[1])
			}
			e.check(t, "the run", 0)
			c.audit(t, f.base, c.promoted(t).Snapshot)
			same(t, c.contents(t, allTables, allDatasets), f.expected)
		})
	}
}
