package sqlserver

import (
	"context"
	"database/sql"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
)

// program is a plan as one or two texts.
type program struct {
	plan  *sqlstore.Plan
	write string
	seal  string // empty when write holds it too
}

// Compile writes the texts of a plan.
func (d *dialect) Compile(p *sqlstore.Plan) (sqlstore.Program, error) {
	if len(p.Returns) == 0 {
		return &program{plan: p, write: writeText(p, true)}, nil
	}
	return &program{plan: p, write: writeText(p, false), seal: sealText()}, nil
}

// Run commits the items in one transaction.
func (p *program) Run(ctx context.Context, ss sqlstore.Session, items []*sqlstore.Item) error {
	s := ss.(*session)
	if p.seal == "" {
		return p.atOnce(ctx, s, items)
	}
	if err := s.Begin(ctx); err != nil {
		return err
	}
	failpoint.Hit("commit-begun")
	clash, err := p.send(ctx, s, items, p.write, rowsParameter(p.plan, items))
	if err != nil {
		return err
	}
	if clash {
		s.Rollback()
		return nil
	}
	failpoint.Hit("commit-written")
	if !render(items) {
		s.Rollback()
		return nil
	}
	failpoint.Hit("commit-rendered")
	if err := p.record(ctx, s, items); err != nil {
		return err
	}
	failpoint.Hit("commit-sealed")
	if err := s.Commit(ctx); err != nil {
		return err
	}
	failpoint.Hit("commit-done")
	return nil
}

// render makes replies and deliveries. A message whose reply cannot be made has
// rows in the transaction already: it is set aside, and the rest goes again.
func render(items []*sqlstore.Item) bool {
	all := true
	for _, it := range items {
		if it.Going() && !it.Render() {
			it.SetAside(it.Outcome.Err)
			all = false
		}
	}
	return all
}

func (p *program) record(ctx context.Context, s *session, items []*sqlstore.Item) error {
	meta, blob := sealParameters(items)
	if meta == "" {
		return nil
	}
	_, err := s.ExecContext(ctx, p.seal, sql.Named("meta", mssql.NVarCharMax(meta)), sql.Named("blob", blob))
	return err
}

// atOnce sends everything as one text. Replies are made first: they need
// nothing that is stored.
func (p *program) atOnce(ctx context.Context, s *session, items []*sqlstore.Item) error {
	var ready []*sqlstore.Item
	for _, it := range items {
		if it.Render() {
			ready = append(ready, it)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	failpoint.Hit("commit-rendered")
	meta, blob := sealParameters(ready)
	_, err := p.send(ctx, s, ready, p.write, rowsParameter(p.plan, ready), sql.Named("meta", mssql.NVarCharMax(meta)), sql.Named("blob", blob))
	if err == nil {
		failpoint.Hit("commit-done")
	}
	return err
}

func rowsParameter(p *sqlstore.Plan, items []*sqlstore.Item) sql.NamedArg {
	return sql.Named("rows", mssql.NVarCharMax(rowsDocument(p, items)))
}

// send runs the first statement and takes its answer. clash says that it has to
// be rolled back and sent again without the items now set aside.
func (p *program) send(ctx context.Context, s *session, items []*sqlstore.Item, text string, args ...any) (clash bool, err error) {
	rows, err := s.QueryContext(ctx, text, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	a := newAnswer(p.plan, items)
	for rows.Next() {
		if err := a.take(rows); err != nil {
			return false, err
		}
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return a.settle()
}
