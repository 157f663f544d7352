package rsql

import "strings"

// control reads statements about the session and the transaction.
func control(nodes []Node) (*Statement, error) {
	switch first := nodes[0]; first.Text {
	case "begin", "start":
		return &Statement{Verb: Begin, Tag: "BEGIN"}, nil
	case "commit", "end":
		return &Statement{Verb: Commit, Tag: "COMMIT"}, nil
	case "rollback", "abort":
		if len(nodes) > 1 && nodes[1].is("to") {
			return nil, Unsupported("ROLLBACK TO", "Redshift has no savepoints either")
		}
		return &Statement{Verb: Rollback, Tag: "ROLLBACK"}, nil
	case "lock":
		return lock(nodes[1:])
	case "vacuum":
		return &Statement{Verb: Vacuum, Tag: "VACUUM"}, nil
	case "analyze":
		return analyze(nodes)
	case "set", "reset":
		return setting(nodes)
	case "show":
		return show(nodes[1:])
	case "grant", "revoke", "comment": // there is one user here, who may do everything
		return &Statement{Verb: Nothing, Tag: strings.ToUpper(first.Text)}, nil
	default:
		return nil, Syntaxf("syntax error at or near %q", first.Text)
	}
}

func lock(nodes []Node) (*Statement, error) {
	if len(nodes) > 0 && nodes[0].is("table") {
		nodes = nodes[1:]
	}
	st := &Statement{Verb: Lock, Tag: "LOCK TABLE"}
	for _, part := range split(nodes, ",") {
		n, err := tableName(part)
		if err != nil {
			return nil, err
		}
		st.Tables = append(st.Tables, n.SQL())
		st.Targets = append(st.Targets, n)
	}
	if len(st.Tables) == 0 {
		return nil, Syntaxf("LOCK takes the names of tables")
	}
	return st, nil
}

// analyze checks that the table is there; DuckDB keeps its statistics itself.
func analyze(nodes []Node) (*Statement, error) {
	st := &Statement{Verb: Nothing, Tag: "ANALYZE"}
	nodes = nodes[1:]
	if len(nodes) > 0 && nodes[0].is("compression") {
		return st, nil
	}
	for len(nodes) > 0 && nodes[0].is("verbose") {
		nodes = nodes[1:]
	}
	var name []Node
	for len(nodes) > 0 && (nodes[0].is(".") || nodes[0].name() && !nodes[0].in("predicate", "all")) {
		name, nodes = append(name, nodes[0]), nodes[1:]
	}
	if len(name) > 0 {
		n, err := tableName(name)
		if err != nil {
			return nil, err
		}
		st.Tables = []string{n.SQL()}
	}
	return st, nil
}

// setting reads SET name TO value, SET name = value, RESET name.
func setting(nodes []Node) (*Statement, error) {
	st := &Statement{Verb: Set, Tag: strings.ToUpper(nodes[0].Text)}
	reset := nodes[0].is("reset")
	nodes = nodes[1:]
	for len(nodes) > 1 && nodes[0].in("session", "local") {
		if nodes[1].in("authorization") {
			return nil, Unsupported("SET SESSION AUTHORIZATION", "")
		}
		if nodes[1].in("characteristics") {
			return &Statement{Verb: Nothing, Tag: "SET"}, nil
		}
		nodes = nodes[1:]
	}
	if len(nodes) == 0 || !nodes[0].name() {
		return nil, Syntaxf("SET takes the name of a parameter")
	}
	if nodes[0].is("transaction") {
		return &Statement{Verb: Nothing, Tag: "SET"}, nil
	}
	st.Name = nodes[0].Text
	nodes = nodes[1:]
	if st.Name == "time" && len(nodes) > 0 && nodes[0].is("zone") {
		st.Name, nodes = "timezone", append([]Node{op("=")}, nodes[1:]...)
	}
	for len(nodes) > 1 && nodes[0].is(".") && nodes[1].name() { // a user's own parameter: SET my.name TO …
		st.Name += "." + nodes[1].Text
		nodes = nodes[2:]
	}
	if reset {
		st.Default = true
		return st, nil
	}
	if len(nodes) < 2 || !nodes[0].in("to", "=") {
		return nil, Syntaxf("SET %s takes TO and a value", st.Name)
	}
	st.Value, st.Default = settingValue(nodes[1:])
	return st, nil
}

func settingValue(nodes []Node) (value string, isDefault bool) {
	if len(nodes) == 1 && nodes[0].is("default") {
		return "", true
	}
	var parts []string
	for _, p := range split(nodes, ",") {
		var b strings.Builder
		for _, n := range p {
			b.WriteString(n.Text)
		}
		parts = append(parts, b.String())
	}
	return strings.Join(parts, ","), false
}

func show(nodes []Node) (*Statement, error) {
	if len(nodes) == 2 && nodes[0].is("time") && nodes[1].is("zone") {
		return &Statement{Verb: Show, Tag: "SHOW", Name: "timezone"}, nil
	}
	var b strings.Builder
	for i, n := range nodes {
		if i%2 == 0 && !n.name() || i%2 == 1 && !n.is(".") {
			return nil, Unsupported("SHOW "+sql(nodes), "ask the system tables")
		}
		b.WriteString(n.Text)
	}
	if b.Len() == 0 {
		return nil, Syntaxf("SHOW takes the name of a parameter")
	}
	return &Statement{Verb: Show, Tag: "SHOW", Name: b.String()}, nil
}
