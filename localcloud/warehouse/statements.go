package warehouse

import (
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// keptStatements is how many statements the system tables remember. Redshift
// keeps days of them (RSD c_intro_STL_tables: seven); these go with the server.
const keptStatements = 1000

// longestText is how much of a statement's text is kept.
const longestText = 65535

// statement is one that ran or runs.
type statement struct {
	id, xid int64
	pid     int
	user    string
	db      string
	label   string // query_group
	kind    string // query, ddl or utility
	text    string
	started time.Time
	ended   time.Time // zero while it runs
	fault   string    // SQLSTATE and message
}

// statements are the last ones, oldest first. Those that run are kept however
// many came after them.
type statements struct {
	mu  sync.Mutex
	all []*statement
}

// begin notes a statement that begins to run.
func (l *statements) begin(st *statement) *statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, st)
	for i := 0; len(l.all) > keptStatements && i < len(l.all); {
		if l.all[i].ended.IsZero() {
			i++
			continue
		}
		l.all = append(l.all[:i], l.all[i+1:]...)
	}
	return st
}

// end notes its end, once.
func (l *statements) end(st *statement, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !st.ended.IsZero() {
		return
	}
	st.ended = time.Now().UTC()
	if err != nil {
		st.fault = err.Error()
	}
}

// logged notes that the session begins a statement.
func (s *session) logged(p *prepared) *statement {
	if !s.explicit && !(s.implicit && s.open) {
		s.xid = s.cluster.xids.Add(1)
	}
	label, _ := s.show("query_group")
	text := p.text
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "")
	}
	return s.cluster.statements.begin(&statement{
		id: s.env.Query, xid: s.xid, pid: s.pid, user: s.user, db: s.env.Database, label: label,
		kind: kindOf(p.st), text: text, started: time.Now().UTC(),
	})
}

// kindOf sorts a statement: queries are in stl_query, definitions in
// stl_ddltext, the rest in stl_utilitytext (RSD r_STL_QUERY).
func kindOf(st *rsql.Statement) string {
	verb, _, _ := strings.Cut(st.Tag, " ")
	switch {
	case st.Verb == rsql.Truncate || st.Verb == rsql.CreateLike || st.Verb == rsql.AddColumn:
		return "ddl"
	case verb == "CREATE" || verb == "ALTER" || verb == "DROP":
		return "ddl"
	case st.Verb == rsql.Read || st.Verb == rsql.Write || st.Verb == rsql.Copy || st.Verb == rsql.Unload:
		return "query"
	}
	return "utility"
}

// loggedRows ends a statement with its rows.
type loggedRows struct {
	pgwire.Rows
	log   *statements
	entry *statement
}

// Next implements pgwire.Rows.
func (r *loggedRows) Next(dst []any) error {
	err := r.Rows.Next(dst)
	if err != nil {
		r.log.end(r.entry, cleanEnd(err))
	}
	return err
}

// Close implements pgwire.Rows.
func (r *loggedRows) Close() error {
	r.log.end(r.entry, nil)
	return r.Rows.Close()
}

// list is the table function behind the system tables.
func (l *statements) list() *listRows {
	columns := []listColumn{
		{"query", duckdb.TYPE_BIGINT}, {"xid", duckdb.TYPE_BIGINT}, {"pid", duckdb.TYPE_INTEGER}, {"user_name", duckdb.TYPE_VARCHAR}, {"db_name", duckdb.TYPE_VARCHAR}, {"label", duckdb.TYPE_VARCHAR},
		{"kind", duckdb.TYPE_VARCHAR}, {"querytxt", duckdb.TYPE_VARCHAR}, {"starttime", duckdb.TYPE_TIMESTAMP}, {"endtime", duckdb.TYPE_TIMESTAMP}, {"running", duckdb.TYPE_BOOLEAN}, {"fault", duckdb.TYPE_VARCHAR},
	}
	return &listRows{columns: columns, list: func() [][]any {
		l.mu.Lock()
		defer l.mu.Unlock()
		now := time.Now().UTC()
		rows := make([][]any, len(l.all))
		for i, s := range l.all {
			end, running := s.ended, s.ended.IsZero()
			if running {
				end = now
			}
			rows[i] = []any{s.id, s.xid, int32(s.pid), s.user, s.db, s.label, s.kind, s.text, s.started, end, running, s.fault}
		}
		return rows
	}}
}
