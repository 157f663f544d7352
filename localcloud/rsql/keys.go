package rsql

import "strings"

// Keys are what CREATE TABLE says of a table's distribution, order and primary
// key. They change nothing here but what the catalog shows.
type Keys struct {
	Table       Name
	IfNotExists bool
	Style       string // EVEN, ALL, KEY or AUTO; "" was not said
	Dist        string
	Sort        []string
	Interleaved bool
	Primary     []string
}

// readKeys reads them from a CREATE TABLE's columns and from what follows these.
func readKeys(columns, attributes []Node) *Keys {
	k := &Keys{}
	for _, part := range split(columns, ",") {
		if len(part) == 0 {
			continue
		}
		if part[0].in("primary", "constraint") {
			k.Primary = append(k.Primary, keyColumns(part)...)
			continue
		}
		for _, n := range part[1:] {
			switch {
			case n.is("distkey"):
				k.Dist = part[0].Text
			case n.is("sortkey"):
				k.Sort = append(k.Sort, part[0].Text)
			case n.is("primary"):
				k.Primary = append(k.Primary, part[0].Text)
			}
		}
	}
	for i, n := range attributes {
		names := []string{}
		if i+1 < len(attributes) && attributes[i+1].isGroup() {
			names = nameList(attributes[i+1].Group)
		}
		switch {
		case n.is("diststyle") && i+1 < len(attributes):
			k.Style = strings.ToUpper(attributes[i+1].Text)
		case n.is("distkey") && len(names) == 1:
			k.Dist = names[0]
		case n.is("sortkey"):
			k.Sort = append(k.Sort, names...)
		case n.is("interleaved"):
			k.Interleaved = true
		}
	}
	return k
}

// nameList reads (a, b).
func nameList(nodes []Node) []string {
	var names []string
	for _, c := range split(nodes, ",") {
		if len(c) == 1 {
			names = append(names, c[0].Text)
		}
	}
	return names
}
