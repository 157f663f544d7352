package crashtest

import (
	"sync"
	"testing"

	"lamplighter/controller/report"
)

// fixture is a data folder that tests copy, and what is known of it. The first
// test that wants it makes it.
type fixture struct {
	once     sync.Once
	folder   string // "": it could not be made
	history  history
	dates    []string
	base     string          // the snapshot that is promoted in the folder
	before   *report.Summary // of the last night in the folder
	expected contents        // after one more night, undisturbed
	events   []report.Event  // of that night
	summary  *report.Summary // and its end
}

// get makes the fixture, once. make sets folder last.
func (f *fixture) get(t *testing.T, make func()) *fixture {
	t.Helper()
	f.once.Do(make)
	if f.folder == "" {
		t.Fatal("the nights that this test starts from did not come to their end: see the first failure")
	}
	return f
}
