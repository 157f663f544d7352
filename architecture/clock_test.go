package architecture

import (
	"go/ast"
	"strings"
	"testing"
)

// raw are the functions of package time that read or wait for the real clock,
// and what stands in for each.
var raw = map[string]string{
	"Now":       "take a resources.Clock or a now func() time.Time",
	"Since":     "subtract from the Now of a resources.Clock",
	"Until":     "subtract the Now of a resources.Clock",
	"Sleep":     "a step never waits: return Next{Look: …}; elsewhere resources.Clock.Wait",
	"After":     "resources.Clock.Wait",
	"AfterFunc": "resources.Clock.Go and Wait",
	"NewTimer":  "resources.Clock.Wait",
	"NewTicker": "resources.Clock.Wait in a loop",
	"Tick":      "resources.Clock.Wait in a loop",
}

// The one real clock is cmd/lamplighter/clock.go: all else runs on virtual
// time too, where a night takes a millisecond. The embedded cloud and tests
// live in real time.
func TestNobodyReadsTheRealClock(t *testing.T) {
	found := 0
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "localcloud") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			mend, isRaw := raw[selector.Sel.Name]
			if !ok || pkg.Name != "time" || !isRaw {
				return true
			}
			if s.path == "cmd/lamplighter/clock.go" {
				found++
				return true
			}
			t.Errorf("%s: time.%s outside of cmd/lamplighter/clock.go: %s", s.at(selector.Pos()), selector.Sel.Name, mend)
			return true
		})
	}
	if found == 0 {
		t.Error("cmd/lamplighter/clock.go reads no clock: this test no longer sees what it looks for")
	}
}
