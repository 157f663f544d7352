package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// BuildLamplighter builds the static binary.
func (p Place) BuildLamplighter(ctx context.Context, say io.Writer) error {
	return build(ctx, say, p.Root, "CGO_ENABLED=0", "-trimpath", "-ldflags", "-s -w", "-o", p.In("bin", "lamplighter"), "./cmd/lamplighter")
}

// BuildCloud builds the embedded cloud and the program that drives the nights.
func (p Place) BuildCloud(ctx context.Context, say io.Writer) error {
	return build(ctx, say, filepath.Join(p.Root, "localcloud"), "CGO_ENABLED=1", "-o", p.In("bin")+string(filepath.Separator), ".", "./demo/nights")
}

func build(ctx context.Context, say io.Writer, dir, cgo string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-buildvcs=false"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), cgo)
	cmd.Stdout, cmd.Stderr = say, say
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build %v: %w", args, err)
	}
	return nil
}

// Run runs a program of ours with our own streams. A signal that ends ctx is
// passed on, and the program waited for: it has a cloud to stop.
func Run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	return cmd.Run()
}
