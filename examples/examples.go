// Package examples holds the pipelines that a user may start from: one folder
// each, embedded, written out by `init --template`. It imports no package of
// ours.
package examples

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed movielens
var folders embed.FS

// Templates are the names that Get takes, sorted.
func Templates() []string {
	entries, err := folders.ReadDir(".")
	if err != nil {
		panic("examples: " + err.Error()) // the folder is inside the binary
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// Get is a template's files, lamplighter.yaml at their root. The error lists
// the templates there are.
func Get(name string) (fs.FS, error) {
	if !slices.Contains(Templates(), name) {
		return nil, fmt.Errorf("there is no template %q: there are %s", name, strings.Join(Templates(), ", "))
	}
	return fs.Sub(folders, name)
}

// Write writes a template's files into a folder, which it makes if needed, and
// returns their paths, in order. No file is ever overwritten: if one is there
// already, the error (fs.ErrExist) names it and nothing is written.
func Write(name, folder string) ([]string, error) {
	files, err := Get(name)
	if err != nil {
		return nil, err
	}
	var paths []string
	err = fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if _, err := os.Lstat(filepath.Join(folder, path)); err == nil {
			return fmt.Errorf("%s is not overwritten: %w", filepath.Join(folder, path), fs.ErrExist)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		paths = append(paths, path)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		if paths[i], err = writeFile(files, path, folder); err != nil {
			return paths[:i], err
		}
	}
	return paths, nil
}

// writeFile copies one file; O_EXCL keeps one that appeared in the meantime.
func writeFile(files fs.FS, path, folder string) (string, error) {
	data, err := fs.ReadFile(files, path)
	if err != nil {
		return "", err
	}
	to := filepath.Join(folder, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	return to, errors.Join(err, f.Close())
}
