package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the repository, seen from the folder that tests run in.
const root = ".."

// source is one Go file of ours.
type source struct {
	path string // from the root, with slashes
	pkg  string // its folder: cmd/lamplighter
	test bool
	file *ast.File
	set  *token.FileSet
}

// sources are all Go files of both modules.
func sources(t *testing.T) []source {
	t.Helper()
	list, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 100 {
		t.Fatalf("only %d Go files were found: this test looks in the wrong place", len(list))
	}
	return list
}

// parsed reads every file once.
var parsed = sync.OnceValues(func() (list []source, err error) {
	err = walk(func(name string) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, filepath.FromSlash(name)), nil, parser.ParseComments)
		list = append(list, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), file, set})
		return err
	})
	return list, err
})

// walk visits the files that belong to the repository, by their paths from the
// root. Folders that begin with a dot are left out but for .ci.
func walk(visit func(name string) error) error {
	return fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") && e.Name() != ".ci" || e.Name() == "bin" || e.Name() == "__pycache__"):
			return fs.SkipDir
		case e.Type().IsRegular():
			return visit(name)
		}
		return nil
	})
}

// imports are what a file imports.
func (s source) imports() (paths []string) {
	for _, i := range s.file.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

// at is a place in the file as a reader may click it.
func (s source) at(p token.Pos) string {
	return s.path + ":" + strings.TrimPrefix(s.set.Position(p).String(), s.set.Position(p).Filename+":")
}
