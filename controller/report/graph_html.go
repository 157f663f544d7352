package report

import (
	"fmt"
	"html"
	"strings"
)

// Measures of the picture, in pixels.
const (
	boxWidth, boxHeight   = 200, 58
	gapAcross, gapDown    = 56, 16
	laneHead, laneMargin  = 30, 16
	pageMargin, lineLimit = 12, 24
)

const graphStyle = `
:root { --page: #ffffff; --ink: #1c2024; --dim: #60666c; --lane: #f4f5f7; --rim: #d5d9dd; --box: #ffffff; --edge: #8b9299;
  --done: #2e7d32; --failed: #c62828; --running: #1565c0; --skipped: #9aa0a6; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --ink: #e6e8ea; --dim: #9aa1a8; --lane: #1b1f23; --rim: #343a40; --box: #22272c; --edge: #6b737b;
    --done: #66bb6a; --failed: #ef6b66; --running: #64b5f6; --skipped: #6b737b; }
}
body { margin: 24px; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 17px; font-weight: 600; margin: 0 0 16px; }
main { overflow-x: auto; }
p { color: var(--dim); margin: 8px 0 0; }
text { fill: var(--ink); font: 13px system-ui, sans-serif; }
text.dim { fill: var(--dim); font-size: 11px; }
text.name { font-weight: 600; }
.lane { fill: var(--lane); stroke: var(--rim); }
.box { fill: var(--box); stroke: var(--edge); stroke-width: 1.5; }
.done .box { stroke: var(--done); } .failed .box, .lost .box { stroke: var(--failed); stroke-width: 3; }
.running .box { stroke: var(--running); stroke-width: 2.5; } .skipped .box { stroke: var(--skipped); stroke-dasharray: 4 3; }
.done .state { fill: var(--done); } .failed .state, .lost .state { fill: var(--failed); } .running .state { fill: var(--running); }
path.edge { fill: none; stroke: var(--edge); stroke-width: 1.3; } path.soft { stroke-dasharray: 4 3; }
#arrow path { fill: var(--edge); }
`

// HTML writes the graph as one page that needs nothing else, for light and dark
// screens.
func (g Graph) HTML() string {
	var b strings.Builder
	title := html.EscapeString(g.title)
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n<style>%s</style></head>\n<body><h1>%s</h1>\n<main>\n%s</main>\n",
		title, graphStyle, title, g.svg())
	for _, note := range g.notes {
		fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(note))
	}
	b.WriteString("<p>A solid line: needs. A dashed line: comes after, whatever became of the other. Round corners: made by the planner.</p>\n</body></html>\n")
	return b.String()
}

// band is where a lane lies from above.
type band struct{ top, height int }

func (g Graph) bands() (all []band, bottom int) {
	bottom = pageMargin
	for i := range len(g.lanes) + 1 {
		rows := 0
		for _, at := range g.members(i) {
			rows = max(rows, g.places[at].slot+1)
		}
		if rows == 0 {
			all = append(all, band{top: bottom})
			continue
		}
		height := rows*boxHeight + (rows-1)*gapDown + 2*laneMargin
		if i < len(g.lanes) {
			height += laneHead - laneMargin
		}
		all = append(all, band{bottom, height})
		bottom += height + laneMargin
	}
	return all, bottom
}

func (g Graph) svg() string {
	bands, bottom := g.bands()
	layers := 0
	for _, p := range g.places {
		layers = max(layers, p.layer+1)
	}
	left := pageMargin + laneMargin
	width := left + layers*(boxWidth+gapAcross) - gapAcross + laneMargin + pageMargin
	width = max(width, 320)
	corner := func(p place) (x, y int) {
		y = bands[p.lane].top + p.slot*(boxHeight+gapDown) + laneMargin
		if p.lane < len(g.lanes) {
			y += laneHead - laneMargin
		}
		return left + p.layer*(boxWidth+gapAcross), y
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", width, bottom, width, bottom, html.EscapeString(g.title))
	b.WriteString("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n")
	for i, l := range g.lanes {
		from, to := layers, 0
		for _, at := range g.members(i) {
			from, to = min(from, g.places[at].layer), max(to, g.places[at].layer)
		}
		if from > to {
			continue
		}
		x := left + from*(boxWidth+gapAcross) - laneMargin
		fmt.Fprintf(&b, "<rect class=\"lane\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", x, bands[i].top, (to-from)*(boxWidth+gapAcross)+boxWidth+2*laneMargin, bands[i].height)
		fmt.Fprintf(&b, "<text class=\"dim\" x=\"%d\" y=\"%d\">%s</text>\n", x+laneMargin, bands[i].top+19, html.EscapeString(strings.Trim(l.label+" · "+l.at, " ·")))
	}
	for _, e := range g.edges {
		x, y := corner(g.places[e.from])
		toX, toY := corner(g.places[e.to])
		x, y, toY = x+boxWidth, y+boxHeight/2, toY+boxHeight/2
		soft := map[bool]string{true: " soft"}[e.soft]
		bend := max(gapAcross/2, (toX-x)/2)
		fmt.Fprintf(&b, "<path class=\"edge%s\" d=\"M%d %d C%d %d %d %d %d %d\" marker-end=\"url(#arrow)\"/>\n", soft, x, y, x+bend, y, toX-bend, toY, toX, toY)
	}
	for _, p := range g.places {
		x, y := corner(p)
		b.WriteString(box(p, x, y))
	}
	return b.String() + "</svg>\n"
}

func box(p place, x, y int) string {
	var b strings.Builder
	classes, rx := class(p.state), 4
	if p.derived {
		rx = 16
	}
	fmt.Fprintf(&b, "<g class=\"%s\"><title>%s</title><rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>", classes,
		html.EscapeString(strings.Trim(p.name+": "+p.why, ": ")), x, y, boxWidth, boxHeight, rx)
	fmt.Fprintf(&b, "<text class=\"dim\" x=\"%d\" y=\"%d\">%s</text>", x+10, y+17, html.EscapeString(p.kind))
	fmt.Fprintf(&b, "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>", x+10, y+34, html.EscapeString(cut(p.name, lineLimit)))
	if p.state != "" {
		fmt.Fprintf(&b, "<text class=\"dim state\" x=\"%d\" y=\"%d\">%s</text>", x+10, y+50, html.EscapeString(cut(strings.Trim(string(p.state)+" · "+p.detail, " ·"), lineLimit+6)))
	}
	return b.String() + "</g>\n"
}
