package simnight_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var withMutants = flag.Bool("mutants", false, "break the engine in known ways and see that the tests notice (takes minutes)")

// mutant is one way to break a rule: a text in a file of ours, and what stands
// there instead. It is compiled in by the go command's -overlay, so that the
// engine holds no switches for it.
type mutant struct{ name, file, old, new string }

var mutants = []mutant{
	{"the reply of an intent's call is trusted, nothing is looked at: a delete that returned is taken for gone",
		"controller/steps/warehouse.go", `			return controller.Again(at, "delete asked for")`, `			return controller.Done(nil)`},
	{"no grace: any absence ends an obligation",
		"controller/journal/fold.go", `return !seen.Exists && at.Sub(o.Created) >= f.Grace()`, `return !seen.Exists`},
	{"a 412 on an append is not read back",
		"controller/journal/s3/store.go", `			done, err = s.whose(ctx, uri, body)`, `			done, err = true, resources.Faultf(resources.Fenced, "taken")`},
	{"records are written over another controller's",
		"controller/journal/s3/store.go", `_, err = s.S3.Put(ctx, uri, body, "*")`, `_, err = s.S3.Put(ctx, uri, body, "")`},
	{"a lease that ran out while the machine slept is not noticed",
		"controller/journal/s3/lease.go", `	return between(l.Clock.Now(), l.until)`, `	return l.TTL()`},
	{"a warehouse is deleted without its gate",
		"controller/steps/warehouse.go", `	if why := w.shut(p); why != "" {
		return w.deleteSaving`, `	if why := ""; why != "" {
		return w.deleteSaving`},
	{"a lost warehouse is created anew as if nothing had been in it",
		"controller/steps/warehouse.go", `if owed != nil && owed.Seen != nil && wanted && w.unsaved(p) {`, `if owed != nil && owed.Seen != nil && wanted && w.unsaved(p) && false {`},
	{"a snapshot that exists is taken for good",
		"controller/steps/snapshot.go", `	case "available":
		return s.proven`, `	case "available", "creating":
		return s.proven`},
	{"promoted although a check failed",
		"controller/plan.go", `Needs: append([]string{last}, checks...), After: writers`, `Needs: []string{last}, After: append(writers, checks...)`},
	{"a name is used again by the next try",
		"controller/door.go", `N: p.Facts.Creating + 1,`, `N: 1,`},
	{"an unload's prefix is used again by the next try",
		"controller/steps/unload.go", `prefix := u.Layout.Data(at.id, u.n.Name, try)`, `prefix := u.Layout.Data(at.id, u.n.Name, min(try, 1))`},
	{"the kill switch is not armed",
		"controller/steps/warehouse.go", `		return nil, w.Switches.Arm(ctx, name, p.Window().HardStop.Add(w.SwitchMargin))`, `		return nil, nil`},
	{"a Spark cluster is asked for again when it does not show",
		"controller/steps/emr.go", `	case !seen.Exists:
		return controller.Again`, `	case !seen.Exists && owed.Seen == nil && p.Wanted():
		return e.launch(ctx, p)
	case !seen.Exists:
		return controller.Again`},
	{"steps that read each other's datasets run side by side",
		"controller/steps/emr.go", `			if slices.Contains(n.Needs, other.Name) {
				return 1
			}`, `			if slices.Contains(n.Needs, other.Name) {
				continue
			}`},
	{"clusters are lost without end",
		"controller/steps/judge.go", `	case lost > retriesOf(n):`, `	case lost > retriesOf(n)+1:`},
	{"prune takes the promoted snapshot too",
		"controller/steps/prune.go", `i < len(ours)-keep && s.Ref.Name != promoted`, `i < len(ours)-keep || s.Ref.Name == promoted`},
	{"the plan is made again by every process",
		"controller/loop.go", `	if l.facts.Opening == nil {
		if err := l.open`, `	if true {
		if err := l.open`},
	{"editions of one date share a folder",
		"controller/steps/shelf.go", `fmt.Sprintf("%s%s/%s.%d/", s.data(), e.Date, e.Made.Run, e.Made.Attempt)`, `fmt.Sprintf("%s%s/now/", s.data(), e.Date)`},
	{"lists name files before they are copied",
		"controller/steps/shelf.go", `	if !done || err != nil {
		return e, false, next, err
	}`, `	if !done && e.Of.Date == "" || err != nil {
		return e, false, next, err
	}`},
	{"an edition goes although a list names it",
		"controller/steps/shelf_tidy.go", `!named[f] && newest`, `newest`},
	{"a lifetime ends while a user of it is unsettled",
		"controller/door.go", `return n.Uses == p.Node.Name && !settled`, `return n.Uses == p.Node.Name && !settled && n.Kind != "unload"`},
	{"a day that changed gives way to its new objects only",
		"controller/steps/fresh.go", `if whole || changed && l.PartitionColumn != "" {`, `if false && (whole || changed) {`},
	{"a loaded object that changed is loaded beside its old rows",
		"controller/steps/fresh.go", `if loaded && !again {`, `if false && loaded && !again {`},
	{"an object that was set aside stays so when it was mended",
		"controller/steps/skips.go", `if skip.Object == o.URI && skip.Content == o.ETag {`, `if skip.Object == o.URI {`},
}

// probe is the tests that a mutant has to get past.
var probe = []string{"-run", "TestShapes|TestEveryCrashPoint|TestSwarm|TestFrozenController|TestLoneController|TestAStepFails|TestAnExpectation|TestTheSecondNight|TestAbandoned|TestTheNextDay|TestWhatNoSnapshot|TestAFinalSnapshot|TestLostCapacity|TestSideBySide|TestPublished|TestRedelivered|TestALoadedObject|Quarantine|SetAside|Mended",
	"-every", "9", "-swarm", "600", "-failfast"}

func TestMutants(t *testing.T) {
	if !*withMutants {
		t.Skip("breaks the engine and compiles it many times: -mutants, or make mutants")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	caught := 0
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			out, err := tested(t, root, m)
			switch {
			case err == nil:
				t.Errorf("nothing noticed that %s", m.name)
			case strings.Contains(out, "[build failed]") || !strings.Contains(out, "--- FAIL"):
				t.Fatalf("it did not come to a test:\n%s", out)
			default:
				caught++
				t.Log(firstFailure(out))
			}
		})
	}
	t.Logf("mutants caught %d/%d", caught, len(mutants))
}

// tested runs the probe with a mutant compiled in.
func tested(t *testing.T, root string, m mutant) (string, error) {
	t.Helper()
	original := filepath.Join(root, m.file)
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s: the text to break is there %d times: %s", m.file, n, m.old)
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.go")
	overlay := filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{broken: strings.Replace(string(source), m.old, m.new, 1), overlay: string(replace)} {
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"test", "-overlay", overlay, "-vet=off", "."}, probe...)
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(root, "controller", "simnight")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func firstFailure(out string) string {
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "_test.go:") {
			if len(line) > 240 {
				line = line[:240] + "…"
			}
			return strings.TrimSpace(line)
		}
	}
	return ""
}
