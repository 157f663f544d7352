// Package setup gets ready what the demo stands on: it checks what must be on
// the machine, fetches Spark, and builds the binaries. It stands on Go's own
// library alone, so that it runs before anything was downloaded.
package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Place is the folder that everything of the demo lies in.
//
//	bin/           lamplighter, localcloud, nights
//	venv/ jars/    Spark, and what lets it read s3://
//	cloud/         the embedded cloud's data
//	movielens/     the pipeline, as init made it
//	results/       what the last night published
//	summary.json   how the nights went
type Place struct{ Root string } // of the repository

// Dot is the folder.
func (p Place) Dot() string { return filepath.Join(p.Root, ".demo") }

// In is a path in the folder.
func (p Place) In(parts ...string) string {
	return filepath.Join(append([]string{p.Dot()}, parts...)...)
}

// Find checks that root is the repository.
func Find(root string) (Place, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Place{}, err
	}
	for _, needed := range []string{"go.mod", "localcloud/go.mod", "cmd/lamplighter"} {
		if _, err := os.Stat(filepath.Join(root, needed)); err != nil {
			return Place{}, fmt.Errorf("%s is not lamplighter's repository: %w", root, err)
		}
	}
	return Place{root}, nil
}

// Lock makes the folder and keeps a second demo out of it until this process
// ends.
func (p Place) Lock() error {
	if err := os.MkdirAll(p.Dot(), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(p.In("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another demo is at work in %s: %w", p.Dot(), errors.Join(err, file.Close()))
	}
	held = append(held, file)
	return nil
}

// held keeps locked files from being collected, which would close them.
var held []*os.File

// Clean removes the folder, after what may run in it was ended by stop.
func (p Place) Clean(stop func() error) error {
	if _, err := os.Stat(p.Dot()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := p.Lock(); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	return os.RemoveAll(p.Dot())
}
