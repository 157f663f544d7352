package rsql

// catalogNames takes the schema pg_catalog off names, and OPERATOR() and the
// default COLLATE off operators: psql and drivers write them so that no table
// of the user's can come between. The catalog's tables are found by the search
// path here.
func catalogNames(tokens []Token) []Token {
	out := make([]Token, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		at := func(n int, texts ...string) bool {
			for k, text := range texts {
				if i+n+k >= len(tokens) || tokens[i+n+k].Text != text || tokens[i+n+k].Kind == Str {
					return false
				}
			}
			return true
		}
		switch {
		case at(0, "operator", "(", "pg_catalog", ".") && at(5, ")"):
			op := tokens[i+4]
			op.Space = true
			out = append(out, op)
			i += 5
		case at(0, "collate", "pg_catalog", ".", "default"):
			i += 3
		case at(0, "pg_catalog", ".") && t.Name() && i+2 < len(tokens) && (i == 0 || !tokens[i-1].Is(".")):
			next := tokens[i+2]
			next.Space = t.Space
			out = append(out, next)
			i += 2
		default:
			out = append(out, t)
		}
	}
	return out
}
