package rsql

// Bind puts literals in place of the parameters; values[0] is $1. A literal is
// SQL text.
func Bind(tokens []Token, values []string) ([]Token, error) {
	var out []Token
	for _, t := range tokens {
		if t.Kind != Param {
			out = append(out, t)
			continue
		}
		n := 0
		for _, c := range t.Text {
			if n = n*10 + int(c-'0'); n > len(values) {
				break
			}
		}
		if n < 1 || n > len(values) {
			return nil, &Error{Code: "42P02", Msg: "there is no parameter $" + t.Text}
		}
		lit, err := Lex("(" + values[n-1] + ")")
		if err != nil {
			return nil, err
		}
		lit[0].Space = t.Space
		for i := range lit {
			lit[i].Pos = t.Pos
		}
		out = append(out, lit...)
	}
	return out, nil
}

// Params is the highest parameter in tokens.
func Params(tokens []Token) int {
	highest := 0
	for _, t := range tokens {
		if t.Kind != Param || len(t.Text) > 5 {
			continue
		}
		n := 0
		for _, c := range t.Text {
			n = n*10 + int(c-'0')
		}
		highest = max(highest, n)
	}
	return highest
}
