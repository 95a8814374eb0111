package sqlserver

import (
	"context"
	"database/sql"
	"slices"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
)

// program is a plan as two texts, or as one.
type program struct {
	plan        *sqlstore.Plan
	write, seal string
	changes     []told // the answers of write about live tables, behind the first
	combined    string // both, when replies and events name nothing that is stored, and nobody hears of changes
}

// Compile writes the texts of a plan.
func (d *dialect) Compile(p *sqlstore.Plan) (sqlstore.Program, error) {
	out := &program{plan: p, seal: sealText(p.Notes(), p.Versions())}
	out.write, out.changes = writeText(p, false)
	if len(p.Returns) == 0 && !p.Notes() {
		out.combined, _ = writeText(p, true)
	}
	return out, nil
}

// Run commits the items in one transaction. What can be held takes two
// statements: between them the entry says how.
func (p *program) Run(ctx context.Context, ss sqlstore.Session, items []*sqlstore.Item) error {
	s := ss.(*session)
	lot := slices.ContainsFunc(items, (*sqlstore.Item).UsesLot)
	rehearsal := sqlstore.RehearsalOf(items)
	if p.combined != "" && !lot && rehearsal == nil {
		return p.atOnce(ctx, s, items)
	}
	if err := s.Begin(ctx); err != nil {
		return err
	}
	failpoint.Hit("commit-begun")
	if rehearsal != nil {
		return p.rehearse(ctx, s, rehearsal, items)
	}
	clash, err := p.send(ctx, s, items, p.write, rowsParameter(p.plan, items, lot), whether(lot))
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
	if err := p.record(ctx, s, items, lot); err != nil {
		return err
	}
	if lot {
		failpoint.Hit("commit-held")
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

func (p *program) record(ctx context.Context, s *session, items []*sqlstore.Item, lot bool) error {
	meta, blob := sealParameters(s.number(), items, lot, s.gone)
	if meta == "" {
		return nil
	}
	_, err := s.ExecContext(ctx, p.seal, sql.Named("meta", mssql.NVarCharMax(meta)), sql.Named("blob", blob), whether(lot))
	return err
}

// whether is @lot: it says whether the parts about the lot are run.
func whether(lot bool) sql.NamedArg {
	n := 0
	if lot {
		n = 1
	}
	return sql.Named("lot", n)
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
	meta, blob := sealParameters(s.number(), ready, false, nil)
	_, err := p.send(ctx, s, ready, p.combined, rowsParameter(p.plan, ready, false), sql.Named("meta", mssql.NVarCharMax(meta)), sql.Named("blob", blob))
	if err == nil {
		failpoint.Hit("commit-done")
	}
	return err
}

func rowsParameter(p *sqlstore.Plan, items []*sqlstore.Item, lot bool) sql.NamedArg {
	return sql.Named("rows", mssql.NVarCharMax(rowsDocument(p, items, lot)))
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
	if err := p.hear(s, rows, items); err != nil {
		return false, err
	}
	return a.settle()
}
