package config

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// migrationName is NNN_name.sql. Gaps are fine, equal numbers are not.
var migrationName = regexp.MustCompile(`^([0-9]{1,9})_[A-Za-z0-9_-]+\.sql$`)

// readMigrations reads warehouse.migrations into MigrationFiles, by number.
// Files that do not end in .sql are left alone.
func (c *pipelineCheck) readMigrations(folder string) {
	const at = "warehouse.migrations"
	if !c.has(at) {
		return
	}
	clean := c.inside(at, folder)
	if clean == "" {
		return
	}
	entries, err := fs.ReadDir(c.files, clean)
	if err != nil {
		c.report(at, "paths start at the folder of the pipeline file", "%s cannot be read: %s", quote(folder), cause(err))
		return
	}
	byNumber := map[int]string{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".sql") {
			continue
		}
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			c.report(at, "name it by its number: 002_"+name, "%s has no number", quote(name))
			continue
		}
		number, _ := strconv.Atoi(m[1])
		if other, twice := byNumber[number]; twice {
			c.report(at, "give the later one the next free number", "%s and %s have the same number", quote(other), quote(name))
			continue
		}
		byNumber[number] = name
		text := c.readFile(at, path.Join(clean, name))
		c.p.MigrationFiles = append(c.p.MigrationFiles, Migration{Number: number, Name: name, Text: string(text), SHA256: hash(text)})
	}
	if len(byNumber) == 0 {
		c.report(at, "write 001_tables.sql there, or leave migrations out", "%s holds no migration", quote(folder))
	}
	slices.SortFunc(c.p.MigrationFiles, func(a, b Migration) int { return cmp.Compare(a.Number, b.Number) })
}
