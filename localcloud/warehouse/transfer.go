package warehouse

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"lamplighter/localcloud/pgwire"
	"lamplighter/localcloud/rsql"
)

// transfer runs COPY and UNLOAD, with a folder of their own for what is on its
// way.
func (s *session) transfer(ctx context.Context, verb rsql.Verb, tokens []rsql.Token) (*pgwire.Result, error) {
	dir := filepath.Join(s.cluster.stageDir(), strconv.FormatInt(s.cluster.stages.Add(1), 10))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var err error
	if verb == rsql.Copy {
		err = s.copyFrom(ctx, tokens, dir)
	} else {
		err = s.unload(ctx, tokens, dir)
	}
	if err != nil {
		return nil, s.undo(err)
	}
	return &pgwire.Result{Tag: map[rsql.Verb]string{rsql.Copy: "COPY", rsql.Unload: "UNLOAD"}[verb]}, nil
}
