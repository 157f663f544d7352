package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// LoadPipeline reads a pipeline file and the SQL files it names. env looks up
// the variables that ${NAME} in notify stands for (os.Getenv); nil: they are
// not looked up. The error is Problems, all that was found.
func LoadPipeline(path string, env func(string) string) (*Pipeline, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, unreadable(path, err, "`lamplighter init --template movielens` writes one to start from")
	}
	dir := filepath.Dir(path)
	p, err := ParsePipeline(path, data, os.DirFS(dir), env)
	if err != nil {
		return nil, err
	}
	p.Dir = dir
	return p, nil
}

// ParsePipeline reads a pipeline from its bytes, and the files it names from
// files, whose root is the folder of the pipeline file. name is what messages
// call the file; env is as in LoadPipeline. The error is Problems.
func ParsePipeline(name string, data []byte, files fs.FS, env func(string) string) (*Pipeline, error) {
	c := &pipelineCheck{reader: newReader(name, data), p: &Pipeline{}, files: files, env: env}
	if root := c.parse(); root != nil {
		c.readPipeline(root)
		c.defaults()
		c.check()
	}
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	c.p.Hash = hash(data)
	return c.p, nil
}

// LoadEnvironment reads environments/NAME.yaml. The error is Problems.
func LoadEnvironment(path string) (*Environment, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, unreadable(path, err, "environments/prod.yaml.example of the movielens template shows one; -e NAME means environments/NAME.yaml")
	}
	e, err := ParseEnvironment(path, data)
	if err != nil {
		return nil, err
	}
	e.Dir = filepath.Dir(path)
	return e, nil
}

// ParseEnvironment reads an environment from its bytes. Its name is the file's
// without the ending. The error is Problems.
func ParseEnvironment(file string, data []byte) (*Environment, error) {
	c := &environmentCheck{reader: newReader(file, data), e: &Environment{}}
	if root := c.parse(); root != nil {
		c.read(root, "", reflect.ValueOf(c.e).Elem(), false)
		c.defaults()
		c.check()
	}
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	return c.e, nil
}

// Path is where a path of the environment file leads: relative ones start at
// its folder.
func (e *Environment) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, filepath.FromSlash(name))
}

// largest is how large a file may be: a hundred times what people write.
const largest = 1 << 20

var errLarge = errors.New("it is larger than 1 MB")

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err == nil && len(data) > largest {
		err = errLarge
	}
	return data, err
}

func unreadable(path string, err error, mend string) Problems {
	p := Problem{File: path, What: "cannot be read: " + cause(err)}
	if errors.Is(err, fs.ErrNotExist) {
		p.What, p.Hint = "there is no such file", mend
	}
	if errors.Is(err, errLarge) {
		p.Hint = "is this the right file?"
	}
	return Problems{p}
}

// cause is an error without the path that a message names already.
func cause(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Names. The pipeline's are resources.PipelineName and MaxPipelineName, which
// this package must not import; a test compares them.
var (
	pipelineName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	identifier   = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
)

const (
	maxPipelineName = 19
	// maxIdentifier leaves room for a prefix of ours within Redshift's 127 bytes.
	maxIdentifier = 63
)

// isIdentifier says whether a name needs no quotes in SQL and fits.
func isIdentifier(s string) bool { return identifier.MatchString(s) && len(s) <= maxIdentifier }

// isTable says whether a name is [schema.]table.
func isTable(s string) bool {
	schema, table, two := strings.Cut(s, ".")
	return isIdentifier(schema) && (!two || isIdentifier(table))
}
