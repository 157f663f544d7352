package architecture

import (
	"bytes"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Everything exported is documented, and every package says what it is.
func TestExportedThingsAreDocumented(t *testing.T) {
	documented, seen := map[string]bool{}, map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		seen[s.pkg] = s.path
		documented[s.pkg] = documented[s.pkg] || s.file.Doc.Text() != ""
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s is exported and has no comment: say what it is, its units, what nil means, which errors", s.at(name.Pos()), name.Name)
			}
		}
	}
	for pkg, file := range seen {
		if !documented[pkg] {
			t.Errorf("%s: no file of the package %s says what the package is", file, pkg)
		}
	}
}

// undocumented are the exported names of a declaration without a comment.
// Methods are documented by what they implement, or by themselves; those of an
// unexported type are no one's to read but the package's.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc.Text() == "" && d.Recv == nil {
			names = append(names, d.Name)
		}
		if d.Recv != nil && d.Name.IsExported() && d.Doc.Text() == "" && ast.IsExported(receiver(d)) && !obvious[d.Name.Name] {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc.Text() == "" && spec.Doc.Text() == "" && spec.Comment.Text() == "" {
					names = append(names, spec.Name)
				}
			case *ast.ValueSpec:
				if d.Doc.Text() != "" || spec.Doc.Text() != "" || spec.Comment.Text() != "" {
					continue // a comment on a block speaks for its members
				}
				for _, name := range spec.Names {
					if name.IsExported() {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// obvious are methods whose meaning is the interface's they belong to.
var obvious = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true}

func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// paths of some machine, as they slip in from error messages and notes. They
// are put together here so that this file does not hold one.
var machine = regexp.MustCompile(`(^|[^A-Za-z0-9_.\-/])/(` + strings.Join([]string{"work", "root", "tmp/w", "home/[a-z]+"}, "|") + `)/`)

// No file names a path of the machine that it was written on.
func TestNoPathsOfSomeMachine(t *testing.T) {
	err := walk(func(name string) error {
		body, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || bytes.IndexByte(body, 0) >= 0 { // a zero byte: not text
			return err
		}
		for i, line := range bytes.Split(body, []byte("\n")) {
			if hit := machine.Find(line); hit != nil {
				t.Errorf("%s:%d names a path of some machine: %s", name, i+1, bytes.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No unfinished business: what cannot be done is refused with an error that
// names the mend.
func TestNothingIsLeftForLater(t *testing.T) {
	marker := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if marker.MatchString(c.Text) {
					t.Errorf("%s: %s: do it, or refuse it with an error that names the mend", s.at(c.Pos()), strings.TrimSpace(c.Text))
				}
			}
		}
	}
}

// The longest a file may be, in lines: what no longer fits into a head is cut.
const longest = 500

func TestFilesFitIntoAHead(t *testing.T) {
	for _, s := range sources(t) {
		if lines := s.set.Position(s.file.FileEnd).Line; lines > longest {
			t.Errorf("%s has %d lines, more than %d: cut it by what it does", s.path, lines, longest)
		}
	}
}
