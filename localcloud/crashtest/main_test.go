package crashtest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "of the moments that processes are killed at; 0: a new one")

// What is under test, built once, and a folder for what tests share.
var lamplighter, localcloud, workDir string

// together is how many tests run side by side. Most of a night is waiting, and
// two of the tests only wait, for a minute; Spark has a limit of its own.
const together = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000) + 1
	}
	fmt.Printf("crashtest: -seed %d draws the same moments again\n", *seed)
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		code = 1
	}
	os.Exit(code)
}

// build makes both binaries in a folder of their own and runs the tests.
func build(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	workDir = dir
	lamplighter, localcloud = filepath.Join(dir, "lamplighter"), filepath.Join(dir, "localcloud")
	if testing.Short() {
		return 1, fmt.Errorf("these tests have no short form: they need whole nights")
	}
	for _, b := range []struct{ dir, target, out, cgo string }{
		{filepath.Join("..", ".."), "./cmd/lamplighter", lamplighter, "0"},
		{"..", ".", localcloud, "1"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		cmd := exec.CommandContext(ctx, "go", "build", "-o", b.out, b.target)
		cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "CGO_ENABLED="+b.cgo)
		said, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return 1, fmt.Errorf("go build %s: %w\n%s", b.target, err, said)
		}
	}
	if err := flag.Set("test.parallel", together); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
