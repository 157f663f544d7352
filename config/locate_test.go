package config

import "testing"

func TestLocate(t *testing.T) {
	l := Locate("x.yaml", []byte(`steps:
  - sql: view
    query: |
      select 1;
      select 2
  - check: c
    query: select 1
    expect: 0
  - spark: s
    job: als
    args: {rank: 10, "a b": 2}
`))
	for _, c := range []struct {
		path         string
		line         int
		wLine, wCol  int
		whereItLooks string
	}{
		{"steps.view.query", 2, 5, 1, "a line of a block of text"},
		{"steps.view.query", 0, 3, 12, "the block itself"},
		{"steps.c.query", 1, 7, 12, "text of one line"},
		{"steps.c.nothing", 0, 6, 5, "what is not there stands where its holder does"},
		{"steps.s.args.rank", 0, 11, 18, "a value inside braces"},
		{"nowhere", 0, 1, 1, "nothing"},
	} {
		p := l.Problem(c.path, c.line, "is wrong", "")
		if p.Line != c.wLine || p.Column != c.wCol {
			t.Errorf("%s: %s is at %d:%d, want %d:%d", c.whereItLooks, c.path, p.Line, p.Column, c.wLine, c.wCol)
		}
	}
	if p := Locate("x.yaml", nil).Problem("steps", 0, "is wrong", ""); p.String() != "x.yaml:1:1 steps: is wrong" {
		t.Errorf("of an empty file: %s", p)
	}
}
