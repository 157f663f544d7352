package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"lamplighter/resources"
)

// Finding is one thing in SQL text that a session would refuse tonight.
type Finding struct {
	Line int    // of the text, counted from 1; 0: the text as a whole
	What string // what is wrong
	Hint string // the mend; may be empty
}

// LintScript finds, without a warehouse, what Script would refuse: text that
// never ends, statements that commit by themselves, parameters that are not
// known. params says whether the script may use :date, :day_start and :day_end;
// migrations may not. Nil: nothing was found.
func LintScript(script string, params bool) []Finding {
	tokens, err := lex(script)
	if err != nil {
		return []Finding{findingOf(err)}
	}
	found := lintParams(script, tokens, params)
	statements := spans(tokens)
	for _, at := range statements {
		statement := script[at.from:at.to]
		ws, _ := words(statement) // the whole script was read already
		if i := slices.IndexFunc(implicit, func(r implicitRule) bool { return r.matches(ws) }); i >= 0 {
			found = append(found, Finding{at.line, head(statement) + ": " + implicit[i].why, implicit[i].mend})
		}
	}
	if len(statements) == 0 {
		found = append(found, Finding{0, "holds no statement", "write one, or leave it out"})
	}
	return found
}

// LintUnload finds what Unload would refuse of a query; ordered says that it is
// to be wrapped by an order of rows. Nil: nothing was found.
func LintUnload(query string, ordered bool) []Finding {
	found := LintQuery(query)
	if len(found) > 0 || ordered {
		return found
	}
	if err := outerLimit("", query); err != nil {
		found = append(found, findingOf(err))
	}
	return found
}

// LintQuery finds, without a warehouse, what Query would refuse of a query.
// Nil: nothing was found.
func LintQuery(query string) []Finding {
	tokens, err := lex(query)
	if err != nil {
		return []Finding{findingOf(err)}
	}
	found := lintParams(query, tokens, true)
	if _, err := reads("", query); err != nil {
		found = append(found, findingOf(err))
	}
	return found
}

// lintParams finds the parameters that nobody will fill in.
func lintParams(sql string, tokens []token, allowed bool) (found []Finding) {
	for _, t := range tokens {
		if t.kind != param {
			continue
		}
		switch name := sql[t.from+1 : t.to]; {
		case !allowed:
			found = append(found, Finding{t.line, fmt.Sprintf(":%s has no value here", name), "a migration is the same in every night; what depends on the day belongs into a sql step"})
		case !slices.Contains(paramNames, name):
			found = append(found, findingOf(badParam(name, t.line)))
		}
	}
	return found
}

// findingOf takes the line out of the message of a fault of this package.
func findingOf(err error) Finding {
	f := Finding{What: strings.TrimPrefix(err.Error(), ": "), Hint: resources.HintOf(err)}
	if place, what, ok := strings.Cut(f.What, ": "); ok {
		if n, _ := fmt.Sscanf(place, "line %d", &f.Line); n == 1 {
			f.What = what
		}
	}
	return f
}
