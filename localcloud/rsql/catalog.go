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
		case at(0, "information_schema", ".") && t.Name() && i+2 < len(tokens) && informationSchema[tokens[i+2].Text] && (i == 0 || !tokens[i-1].Is(".")):
			out = append(out, information(tokens, i)...)
			i += 2
		default:
			out = append(out, t)
		}
	}
	return out
}

// informationSchema are the views of information_schema that are made here:
// DuckDB's own tell DuckDB's types.
var informationSchema = set("tables columns schemata views table_constraints key_column_usage")

// afterTable are the keywords that may follow a table that has no other name.
var afterTable = set("where join left right inner cross full natural on using order group having limit offset union intersect except minus qualify window")

// information writes information_schema.name, which begins at i, as the view
// that stands for it. Without a name of its own it keeps the one it has.
func information(tokens []Token, i int) []Token {
	name := tokens[i+2]
	name.Space = tokens[i].Space
	if i+3 < len(tokens) && tokens[i+3].Is(".") { // a column of it
		return []Token{name}
	}
	view := name
	view.Text = "information_schema_" + name.Text
	if i+3 < len(tokens) && tokens[i+3].Name() && !(tokens[i+3].Kind == Word && afterTable[tokens[i+3].Text]) {
		return []Token{view}
	}
	return []Token{view, {Kind: Word, Text: "as", Space: true, Pos: name.Pos}, {Kind: Quoted, Text: name.Text, Space: true, Pos: name.Pos}}
}
