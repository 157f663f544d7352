package warehouse

import (
	"context"
	"database/sql/driver"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"

	"lamplighter/localcloud/rsql"
)

// probes are statements whose types are being asked for; see rsql.Types.
type probes struct {
	last atomic.Int64
	mu   sync.Mutex
	seen map[int64]map[int][2]string
}

// siteBits leaves room for the sites of a statement below a probe's number.
const siteBits = 24

// maxRounds bounds how often types are asked for: each round settles one level
// of subqueries at least.
const maxRounds = 32

// typed writes a statement once more, with the types of its operands known.
func (s *session) typed(ctx context.Context, tokens []rsql.Token, st *rsql.Statement) (*rsql.Statement, error) {
	if st.Sites == 0 || st.SQL == "" || len(st.Before) > 0 {
		return st, nil
	}
	nulls := make([]string, rsql.Params(tokens))
	for i := range nulls {
		nulls[i] = "NULL"
	}
	bound, err := rsql.Bind(tokens, nulls)
	if err != nil {
		return nil, err
	}
	defer func() { s.env.Types = nil }()
	known := map[int][2]string{}
	for range maxRounds {
		seen, err := s.probe(ctx, bound, known)
		if err != nil && len(nulls) > 0 {
			return st, nil // the values will tell
		}
		if err != nil {
			return nil, err
		}
		if maps.Equal(seen, known) {
			break
		}
		known = seen
	}
	s.env.Types = &rsql.Types{Known: known}
	return rsql.Rewrite(tokens, &s.env)
}

// probe binds a statement with witnesses and returns what they saw.
func (s *session) probe(ctx context.Context, tokens []rsql.Token, known map[int][2]string) (map[int][2]string, error) {
	p := &s.cluster.probes
	id := p.last.Add(1)
	s.env.Types = &rsql.Types{Probe: id << siteBits, Known: known}
	st, err := rsql.Rewrite(tokens, &s.env)
	if err != nil {
		return nil, err
	}
	seen := map[int][2]string{}
	p.mu.Lock()
	p.seen[id] = seen
	p.mu.Unlock()
	stmt, err := s.stmt(ctx, st.SQL)
	p.mu.Lock()
	delete(p.seen, id)
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return seen, stmt.Close()
}

// typeWitness is the function rs_type: it does its work when it is bound.
func (p *probes) typeWitness() duckdb.ScalarFunc {
	bind := func(ctx context.Context, args []duckdb.ScalarUDFArg) (context.Context, error) {
		id, ok := wide(args[0].Value)
		first, ok1 := args[1].Value.(string)
		second, ok2 := args[2].Value.(string)
		if ok && ok1 && ok2 {
			p.mu.Lock()
			defer p.mu.Unlock()
			if seen := p.seen[id>>siteBits]; seen != nil {
				seen[int(id&(1<<siteBits-1))] = [2]string{first, second}
			}
		}
		return ctx, nil
	}
	return &scalar{
		in: []duckdb.Type{duckdb.TYPE_BIGINT, duckdb.TYPE_VARCHAR, duckdb.TYPE_VARCHAR}, out: duckdb.TYPE_BOOLEAN, bind: bind,
		run: func([]driver.Value) (any, error) { return nil, nil },
	}
}

// wide reads a small or a large integer: arguments are seen before their casts.
func wide(v driver.Value) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}
