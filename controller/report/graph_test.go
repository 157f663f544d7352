package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/controller/journal/journaltest"
	"lamplighter/controller/report"
)

// A plan as it ran, in each form.
func TestGraph(t *testing.T) {
	for name, records := range map[string][]journal.Record{"night": journaltest.Night(), "failed": journaltest.Failed()} {
		g := report.RanGraph(records, report.Look{Zone: zone})
		golden(t, "graph-"+name+".mmd", g.Mermaid())
		golden(t, "graph-"+name+".dot", g.DOT())
		golden(t, "graph-"+name+".html", g.HTML())
		text, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "graph-"+name+".json", string(text)+"\n")
	}
}

// hostile is a text that each of the forms would take for more than text.
const hostile = `"]; <script>alert(1)</script> & \" #quot; {{x}} end` + "\n```"

// Whatever a name or a reason holds, it stays text.
func TestGraphEscapes(t *testing.T) {
	tape := journaltest.NewTape(journaltest.Opens)
	tape.Took()
	tape.Open(journal.Opening{Pipeline: "p", Run: hostile, Notes: []string{hostile}, Plan: []journal.Node{
		{Name: "emr-1", Kind: controller.KindEMR, Derived: true}, {Name: hostile, Kind: "spark", Uses: "emr-1"}, {Name: "b", Kind: "publish", Needs: []string{hostile}}}})
	tape.Settle(hostile, journal.Failed, hostile, nil)
	g := report.RanGraph(tape.Records, report.Look{})
	page := g.HTML()
	if strings.Contains(page, "<script") || strings.Count(page, "&lt;script&gt;") < 4 {
		t.Errorf("it is not escaped in\n%s", page)
	}
	_, picture, _ := strings.Cut(page, "<main>")
	picture, _, _ = strings.Cut(picture, "</main>")
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
	}
	for _, line := range strings.Split(g.Mermaid(), "\n") {
		if body, ok := strings.CutSuffix(strings.TrimSpace(line), `"]`); ok {
			_, body, _ = strings.Cut(body, `["`)
			if strings.ContainsAny(strings.ReplaceAll(body, "<br/>", ""), "\"<>`\n") {
				t.Errorf("Mermaid would misread %s", line)
			}
		}
	}
	dot := g.DOT()
	if n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(dot, `\\`, ""), `\"`, ""), `"`); n%2 != 0 || strings.Contains(dot, "\n```") {
		t.Errorf("DOT would misread\n%s", dot)
	}
}

// What others imply is not drawn, and no step stands before what it waits for.
func TestGraphOfADeclaredPipeline(t *testing.T) {
	work := []controller.Work{{Name: "a", Kind: "load"}, {Name: "b", Kind: "load"}, {Name: "u", Kind: "unload"}, {Name: "s", Kind: "spark", Reads: []string{"u"}, Publishes: true}}
	g, err := report.DeclaredGraph("p", work, controller.Typical)
	if err != nil {
		t.Fatal(err)
	}
	text := g.Mermaid()
	for _, edge := range []string{"n0 --> n1", "n1 --> n2", "n2 --> n5"} {
		if !strings.Contains(text, edge+"\n") {
			t.Errorf("no %s in\n%s", edge, text)
		}
	}
	if strings.Contains(text, "n0 --> n2") {
		t.Errorf("an edge that others imply is drawn:\n%s", text)
	}
	if _, err := report.DeclaredGraph("p", []controller.Work{{Name: "a", Kind: "spark", Reads: []string{"a"}}}, controller.Typical); err == nil {
		t.Error("a circle is drawn")
	}
}
