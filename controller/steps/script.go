package steps

import (
	"context"
	"fmt"
	"time"

	"lamplighter/controller"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// ScriptSpec is a sql step, resolved: its statements with parameters filled in.
type ScriptSpec struct {
	Statements []string      `json:"statements"`
	SHA256     string        `json:"sha256"` // of the statements
	Timeout    time.Duration `json:"timeout,omitempty"`
}

// script runs a sql step in one transaction, once for each attempt.
type script struct {
	base
	spec ScriptSpec
}

func (s *script) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	at := s.place(p)
	ran, done, next, err := untilDone(ctx, p, "script", "SQL", resources.Ref{Kind: resources.KindScript, Name: s.n.Name},
		func(ctx context.Context) (warehouse.Ran, error) {
			return s.run(ctx, at, warehouse.Script{
				Receipt:    warehouse.Receipt{Run: at.id.Run, Attempt: at.id.Attempt, Step: s.n.Name, SHA256: s.spec.SHA256},
				Statements: s.spec.Statements, Timeout: at.limit, Role: s.Role,
			})
		})
	if !done || err != nil {
		return next, err
	}
	return controller.Done(ran)
}

func (b base) run(ctx context.Context, at place, s warehouse.Script) (warehouse.Ran, error) {
	var ran warehouse.Ran
	err := b.session(ctx, at.cluster, func(session warehouse.Session) (err error) {
		ran, err = session.Script(ctx, s)
		return err
	})
	return ran, err
}

// MigrateSpec is the migrations that the warehouse lacks, oldest first.
type MigrateSpec struct {
	Migrations []Migration `json:"migrations"`
}

// Migration is a numbered script that runs once for ever.
type Migration struct {
	Name       string   `json:"name"` // 001_tables
	Statements []string `json:"statements"`
	SHA256     string   `json:"sha256"`
}

// migrate runs what migrations the warehouse lacks, each in one transaction.
type migrate struct {
	base
	spec MigrateSpec
}

func (m *migrate) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	names, at := []string{}, m.place(p)
	for i, mig := range m.spec.Migrations {
		_, done, next, err := untilDone(ctx, p, fmt.Sprintf("migrate-%d", i+1), "migration "+mig.Name, resources.Ref{Kind: resources.KindScript, Name: mig.Name},
			func(ctx context.Context) (warehouse.Ran, error) {
				return m.run(ctx, at, warehouse.Script{
					Receipt:    warehouse.Receipt{Run: warehouse.MigrationRun, Step: mig.Name, SHA256: mig.SHA256},
					Statements: mig.Statements, Timeout: at.limit, Role: m.Role,
				})
			})
		if !done || err != nil {
			return next, err
		}
		names = append(names, mig.Name)
	}
	return controller.Done(map[string]any{"migrations": names})
}

// CheckSpec is a check step.
type CheckSpec struct {
	Query   string        `json:"query"`
	Expect  string        `json:"expect"`
	Warn    bool          `json:"warn,omitempty"` // severity: warn
	Timeout time.Duration `json:"timeout,omitempty"`
}

// check compares the one value of a query with what is expected.
type check struct {
	base
	spec CheckSpec
}

type answer struct {
	Value    string            `json:"value"`
	Null     bool              `json:"null,omitempty"`
	Warnings []warehouse.Unmet `json:"warnings,omitempty"`
}

func (c *check) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	at := c.place(p)
	got, done, next, err := untilDone(ctx, p, "query", "query", resources.Ref{Kind: resources.KindScript, Name: c.n.Name},
		func(ctx context.Context) (a answer, err error) {
			err = c.session(ctx, at.cluster, func(s warehouse.Session) (err error) {
				a.Value, a.Null, err = s.Query(ctx, c.spec.Query)
				return err
			})
			return a, err
		})
	if !done || err != nil {
		return next, err
	}
	value := got.Value
	if got.Null {
		value = "NULL"
	}
	says := fmt.Sprintf("the query says %s, expected is %s", value, c.spec.Expect)
	if value != c.spec.Expect && c.spec.Warn {
		got.Warnings = []warehouse.Unmet{{Check: c.n.Name, Says: says}}
		return controller.Done(got)
	}
	if value != c.spec.Expect {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
			Msg:  says,
			Hint: "nothing was promoted: tomorrow starts from the last good snapshot. `lamplighter logs " + c.n.Name + "` shows the query"}
	}
	return controller.Done(got)
}
