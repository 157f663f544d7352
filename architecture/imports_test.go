package architecture

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// may says which packages of ours each package may import. A name that ends in
// /* stands for all packages in that folder. Test files are free to import
// more, but never the embedded cloud.
var may = map[string][]string{
	"cmd/lamplighter": {"config", "controller", "controller/*", "controller/journal/s3", "examples", "jobs", "resources", "resources/*"},

	"controller":                        {"controller/journal", "resources"},
	"controller/cost":                   {"controller/journal", "resources"},
	"controller/journal":                {"resources"},
	"controller/journal/journaltest":    {"controller/journal", "resources"},
	"controller/journal/s3":             {"controller/journal", "resources", "resources/s3"},
	"controller/journal/s3/conformance": {"controller/journal", "controller/journal/s3", "resources", "resources/s3"},
	"controller/night":                  {"config", "controller", "controller/journal", "controller/journal/s3", "controller/steps", "resources", "resources/*"},
	"controller/report":                 {"controller", "controller/cost", "controller/journal", "resources"},
	"controller/simnight":               {"config", "controller", "controller/journal", "controller/journal/s3", "controller/night", "controller/steps", "resources", "resources/*"},
	"controller/steps":                  {"config", "controller", "controller/journal", "resources", "resources/*"},

	"resources":               {},
	"resources/awsfault":      {"resources"},
	"resources/emr":           {"resources", "resources/awsfault"},
	"resources/killswitch":    {"resources", "resources/awsfault"},
	"resources/redshift":      {"resources", "resources/awsfault"},
	"resources/s3":            {"resources", "resources/awsfault"},
	"resources/warehouse":     {"resources"},
	"resources/simcloud":      {"resources", "resources/emr", "resources/killswitch", "resources/redshift", "resources/s3", "resources/warehouse"},
	"resources/simcloud/wire": {"resources", "resources/simcloud"},

	"architecture": {},
	"config":       {},
	"examples":     {},
	"jobs":         {},
}

// onlySimulated are packages that a real night must not reach: who imports
// them is a simulation, a test, or cmd, which shows one.
var onlySimulated = []string{"resources/simcloud", "controller/simnight"}

// fromLocalcloud are the packages of ours that the embedded cloud stands on.
var fromLocalcloud = []string{"config", "controller", "resources", "resources/simcloud", "resources/simcloud/wire"}

// measuring is the program that measures nights: it reads what they wrote down
// as the controller does.
const measuring = "localcloud/bench"

// forTests are packages that only tests import.
var forTests = []string{"controller/journal/journaltest", "controller/journal/s3/conformance"}

const module = "lamplighter/"

func TestImportDirections(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		local := s.pkg == "localcloud" || strings.HasPrefix(s.pkg, "localcloud/")
		allowed, listed := may[s.pkg]
		if !listed && !local && !s.test {
			t.Errorf("%s: the package %s is new: say in architecture/imports_test.go, and in ARCHITECTURE.md, what it may import", s.path, s.pkg)
			continue
		}
		used[s.pkg] = true
		for _, imported := range s.imports() {
			ours, ok := strings.CutPrefix(imported, module)
			if !ok {
				continue
			}
			switch {
			case strings.HasPrefix(ours, "localcloud"):
				if !local {
					t.Errorf("%s imports %s: nothing imports the embedded cloud, which is a module of its own with cgo; reach it as an environment", s.path, ours)
				}
			case s.test:
			case slices.Contains(forTests, ours) && !slices.Contains(forTests, s.pkg):
				t.Errorf("%s imports %s, which is for tests", s.path, ours)
			case s.pkg == measuring:
			case local && !slices.Contains(fromLocalcloud, ours):
				t.Errorf("%s imports %s: the embedded cloud stands on %s only", s.path, ours, strings.Join(fromLocalcloud, ", "))
			case !local && !matches(allowed, ours):
				t.Errorf("%s imports %s: %s may import %s; declare a small interface where it is used, or let cmd hand it in", s.path, ours, s.pkg, orNothing(allowed))
			case slices.Contains(onlySimulated, ours) && !local && s.pkg != "cmd/lamplighter" && s.pkg != "resources/simcloud/wire" && s.pkg != "controller/simnight":
				t.Errorf("%s imports %s: a real night does not know the simulation", s.path, ours)
			}
		}
	}
	for pkg := range may {
		if !used[pkg] {
			t.Errorf("architecture/imports_test.go speaks of %s, which is gone", pkg)
		}
	}
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == name || strings.HasSuffix(p, "/*") && path.Dir(name) == strings.TrimSuffix(p, "/*")
	})
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "no package of ours"
	}
	return strings.Join(list, ", ")
}

// outside says where libraries of others may be used: by the beginning of
// their import path, the packages that may.
var outside = []struct {
	library string
	in      []string
	mend    string
}{
	{"github.com/aws/aws-sdk-go-v2/config", []string{"cmd/lamplighter"}, "only cmd builds AWS clients; take the narrow interface of resources/…/api.go"},
	{"github.com/aws/aws-sdk-go-v2/credentials", []string{"cmd/lamplighter"}, "only cmd builds AWS clients; take the narrow interface of resources/…/api.go"},
	{"github.com/aws/", []string{"cmd/lamplighter", "controller/night", "controller/journal/s3/conformance", "resources/awsfault", "resources/emr", "resources/killswitch",
		"resources/redshift", "resources/s3", "resources/simcloud", "resources/simcloud/wire"}, "the engine knows no AWS: put it into the service's package below resources/"},
	{"github.com/jackc/pgx", []string{"resources/warehouse"}, "ask a warehouse.Session for whole things"},
	{"github.com/goccy/go-yaml", []string{"config"}, "config reads the files"},
	{"github.com/spf13/", []string{"cmd/lamplighter"}, "commands and flags are cmd's"},
	{"golang.org/x/term", []string{"cmd/lamplighter"}, "cmd knows the terminal and hands sizes in"},
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "localcloud") {
			continue
		}
		for _, imported := range s.imports() {
			for _, rule := range outside {
				if strings.HasPrefix(imported, rule.library) {
					if !slices.Contains(rule.in, s.pkg) {
						t.Errorf("%s imports %s: %s", s.path, imported, rule.mend)
					}
					break
				}
			}
		}
	}
}

// In the service packages a reader must see whose type a type is.
func TestSDKNamesSayWhoseTheyAre(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.file.Imports {
			service, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "github.com/aws/aws-sdk-go-v2/service/")
			if ok && !strings.Contains(service, "/") && path.Base(s.pkg) == service && (i.Name == nil || i.Name.Name != "aws"+service) {
				t.Errorf("%s: import it as aws%s", s.at(i.Pos()), service)
			}
		}
	}
}
