package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// program is a plan in SQLite's statements.
type program struct {
	plan  *sqlstore.Plan
	steps []stepTexts // by step index
	group bool        // its messages can be written together
	// version is SQLite's schema version when the tables were looked at. SQLite
	// refuses nothing by type, so every transaction asks whether it still is.
	version int64
}

// stepTexts are the statements of one step. ?1 to ?n are the key, in the order
// of Match, wherever a row is found by it.
type stepTexts struct {
	lookups []lookup // by column; without text where there is none
	find    string   // rowid, newer, reads: newer says that the stored version is newer than ?n+1
	update  string   // empty when there is nothing to set
	insert  string   // returns reads when returning is set
	bulk    *bulk    // inserts many rows and returns nothing; what it has done before it fails, stays
	top     string   // the largest rowid
	byRow   string   // deletes by rowid
	draw    string   // the next number of its sequence; empty without one
	first   string   // makes the counter that draw does not find, and returns the first number
	mine    string   // the rowids of a parent's rows; empty unless absent rows are deleted
	parent  int      // the column that refers to the parent, for mine
	below   []below
	named   []string // for each of Live: the key's columns by rowid
	// returning says that something other than the number that SQLite draws is
	// read of a new row.
	returning bool
	// within says that the key holds the parent: a row is only ever found under
	// its own.
	within bool
}

// lookup is the statement of one look-up. Only what the mapping does not write
// itself stays what it is while a batch is written.
type lookup struct {
	text   string
	steady bool
}

// remember makes the key under which what a look-up finds may be kept.
func (l *lookup) remember(args []any) (lookupKey, bool) {
	if !l.steady || len(args) != 1 {
		return lookupKey{}, false
	}
	key, ok := args[0].(string)
	return lookupKey{l.text, key}, ok
}

// below finds the rows of a child step that refer to a row about to be deleted.
type below struct {
	step int
	text string
}

// Compile writes the statements of a plan.
func (d *dialect) Compile(p *sqlstore.Plan) (sqlstore.Program, error) {
	out := &program{plan: p, steps: make([]stepTexts, len(p.Steps))}
	for i, s := range p.Steps {
		version, err := strconv.ParseInt(s.Model.Stamp, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the stamp of %s: %w", s.Name, err)
		}
		if i == 0 || version < out.version { // they were looked at one after the other
			out.version = version
		}
	}
	for i, s := range p.Steps {
		out.steps[i] = textsOf(p, s)
	}
	out.group = out.groupable()
	return out, nil
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func table(n mapping.TableName) string { return quote(n.String()) }

func param(n int) string { return bound + strconv.Itoa(n) }

func textsOf(p *sqlstore.Plan, s *sqlstore.Step) stepTexts {
	t := stepTexts{lookups: make([]lookup, len(s.Columns)), parent: -1}
	for i := range s.Columns {
		if c := &s.Columns[i]; c.Found != nil {
			t.lookups[i] = lookup{lookupText(c.Found), !writes(p, c.Found.Table.Name)}
		}
	}
	if len(s.Match) > 0 {
		t.find = findText(s)
		t.update = updateText(s)
	}
	t.returning = slices.ContainsFunc(s.Reads, func(r sqlstore.Read) bool { return !r.Model.Identity })
	tail := ""
	if t.returning {
		tail = " RETURNING " + strings.TrimPrefix(readList(s), ", ")
	}
	t.bulk = insertBulk(s, "INSERT OR FAIL", "")
	t.insert = insertBulk(s, "INSERT", tail).single()
	t.top = "SELECT max(rowid) FROM " + table(s.Name)
	if i := s.Drawn(); i >= 0 {
		t.draw = `UPDATE "gateway.counter" SET next = next + 1 WHERE name = ?1 RETURNING next - 1`
		t.first = fmt.Sprintf(`INSERT INTO "gateway.counter" (name, next) SELECT ?1, max(0, coalesce(max(%s), 0)) + 2 FROM %s RETURNING next - 1`, quote(s.Columns[i].Name), table(s.Name))
	}
	t.byRow = "DELETE FROM " + table(s.Name) + " WHERE rowid = ?1"
	for _, c := range s.Match {
		if s.Parent < 0 || s.Stub || s.Columns[c].Ref == nil || s.Columns[c].Ref.Index != s.Parent {
			continue
		}
		t.within = true
		if s.Absent.Deletes() {
			t.mine = "SELECT rowid FROM " + table(s.Name) + " WHERE " + quote(s.Columns[c].Name) + " = ?1"
			t.parent = c
		}
	}
	t.below = belowOf(s)
	for _, l := range s.Live {
		t.named = append(t.named, namedText(s, l))
	}
	return t
}

func writes(p *sqlstore.Plan, name mapping.TableName) bool {
	return slices.ContainsFunc(p.Steps, func(s *sqlstore.Step) bool { return s.Name == name })
}

func lookupText(t *sqlstore.LookupTarget) string {
	terms := make([]string, len(t.Where))
	for i, w := range t.Where {
		terms[i] = quote(w.Name) + " = " + param(i+1)
	}
	text := "SELECT " + quote(t.Column.Name) + " FROM " + table(t.Table.Name) + " WHERE " + strings.Join(terms, " AND ")
	if t.From == nil {
		return text
	}
	return text + " AND " + t.Valid("", param(len(t.Where)+1), quote) + " ORDER BY " + quote(t.From.Name) + " DESC LIMIT 1"
}

func keyTerms(s *sqlstore.Step) string {
	terms := make([]string, len(s.Match))
	for i, c := range s.Match {
		terms[i] = quote(s.Columns[c].Name) + " = " + param(i+1)
	}
	return strings.Join(terms, " AND ")
}

func readList(s *sqlstore.Step) string {
	var b strings.Builder
	for _, r := range s.Reads {
		b.WriteString(", " + quote(r.Name))
	}
	return b.String()
}

func findText(s *sqlstore.Step) string {
	newer := "0"
	if s.Version >= 0 {
		newer = fmt.Sprintf("coalesce(%s > %s, 0)", quote(s.Columns[s.Version].Name), param(len(s.Match)+1))
	}
	return "SELECT rowid, " + newer + readList(s) + " FROM " + table(s.Name) + " WHERE " + keyTerms(s)
}

// updateText takes, for each column that is not part of the key, whether it is
// absent and its value: ?1, ?2, ?3, ?4 and so on; last the rowid. A row that
// would stay as it is, is left alone.
func updateText(s *sqlstore.Step) string {
	if s.OnMatch != mapping.Update {
		return ""
	}
	var sets, changes []string
	n := 0
	for i := range s.Columns {
		c := &s.Columns[i]
		if c.Key {
			continue
		}
		name, value := quote(c.Name), fmt.Sprintf("iif(%s, %s, %s)", param(n+1), quote(c.Name), param(n+2))
		sets = append(sets, name+" = "+value)
		changes = append(changes, fmt.Sprintf("(NOT %s AND %s IS NOT %s COLLATE BINARY)", param(n+1), name, param(n+2)))
		n += 2
	}
	if n == 0 {
		return ""
	}
	return "UPDATE " + table(s.Name) + " SET " + strings.Join(sets, ", ") +
		" WHERE rowid = " + param(n+1) + " AND (" + strings.Join(changes, " OR ") + ")"
}

// insertBulk takes, for each column of a row, its value; a column with a default
// takes before it whether it is absent.
func insertBulk(s *sqlstore.Step, verb, tail string) *bulk {
	var names, values []string
	for i := range s.Columns {
		c := &s.Columns[i]
		names = append(names, quote(c.Name))
		value := "?"
		if c.Native.Default != "" {
			value = fmt.Sprintf("iif(?, %s, ?)", c.Native.Default)
		}
		values = append(values, value)
	}
	return newBulk(verb+" INTO "+table(s.Name)+" ("+strings.Join(names, ", ")+")", "("+strings.Join(values, ", ")+")", tail)
}

func belowOf(s *sqlstore.Step) []below {
	var out []below
	for _, child := range s.Children {
		if child.Parent != s.Index || child.Stub {
			continue
		}
		for i := range child.Columns {
			c := &child.Columns[i]
			if c.Ref != s {
				continue
			}
			out = append(out, below{child.Index, fmt.Sprintf("SELECT rowid FROM %s WHERE %s = (SELECT %s FROM %s WHERE rowid = ?1)",
				table(child.Name), quote(c.Name), quote(s.Reads[c.RefGet].Name), table(s.Name))})
		}
	}
	return out
}

// Run commits the items in one transaction. The transaction of an error is rolled
// back with the session's Release.
func (p *program) Run(ctx context.Context, ss sqlstore.Session, items []*sqlstore.Item) error {
	s := ss.(*session)
	err := p.run(ctx, s, items)
	if err != errTorn {
		return err
	}
	p.again(s, items)
	return p.run(ctx, s, items)
}

// errTorn ends a transaction in which an errand has failed.
var errTorn = errors.New("an errand of the transaction failed")

// again undoes what an attempt has done.
func (p *program) again(s *session, items []*sqlstore.Item) {
	s.Rollback()
	for _, it := range items {
		it.Reset()
	}
}

// run writes the items together where that can be done, else with a savepoint for
// each.
func (p *program) run(ctx context.Context, s *session, items []*sqlstore.Item) error {
	if p.together(items) {
		err := p.transact(ctx, s, items, way{p.writeTogether, conclude})
		if err != errApart && classify(err) != sqlstore.Constraint {
			return err
		}
		p.again(s, items)
	}
	return p.transact(ctx, s, items, way{p.writeApart, seal})
}

// way is one of the two ways to write a batch: the messages, then of the ledger what
// that leaves to do.
type way struct {
	write func(context.Context, *session, []*sqlstore.Item) error
	seal  func(*session, []*sqlstore.Item) error
}

func (p *program) transact(ctx context.Context, s *session, items []*sqlstore.Item, w way) error {
	err := s.raw(func() error { return p.fill(ctx, s, items, w) })
	if err != nil || sqlstore.RehearsalOf(items) != nil {
		return err
	}
	failpoint.Hit("commit-sealed")
	return p.commit(ctx, s, sqlstore.BesideOf(items))
}

// fill writes the items in a transaction; a rehearsal ends there.
func (p *program) fill(ctx context.Context, s *session, items []*sqlstore.Item, w way) error {
	if err := s.Begin(ctx); err != nil {
		return err
	}
	failpoint.Hit("commit-begun")
	if err := p.unchanged(s); err != nil {
		return err
	}
	rehearsal := sqlstore.RehearsalOf(items)
	if rehearsal != nil {
		if err := s.do("SAVEPOINT rehearsal"); err != nil {
			return err
		}
	}
	if err := w.write(ctx, s, items); err != nil {
		return err
	}
	failpoint.Hit("commit-rendered")
	if rehearsal != nil {
		return rehearse(s, rehearsal)
	}
	return w.seal(s, items)
}

// commit ends the transaction, and with it the errands of those who wait for the
// writer. A constraint is only looked at now when it is deferred: then nothing came
// about, and the errands are not to blame.
func (p *program) commit(ctx context.Context, s *session, beside *sqlstore.Beside) error {
	if !beside.Do(s) {
		return errTorn
	}
	err := s.Commit(ctx)
	if err != nil && classify(err) == sqlstore.Constraint {
		beside.Undone()
		return err
	}
	beside.Committed(err)
	if err == nil {
		failpoint.Hit("commit-done")
	}
	return err
}

// writeApart claims, resolves, writes and renders one item after the other.
func (p *program) writeApart(ctx context.Context, s *session, items []*sqlstore.Item) error {
	found := lookups{}
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.message(s, it, found); err != nil {
			return err
		}
	}
	return nil
}

// unchanged fails when any table of the file was changed since the plan's were
// looked at; none can be from now until the transaction ends.
func (p *program) unchanged(s *session) error {
	row, found, err := s.row(schemaVersion)
	if err != nil {
		return err
	}
	if !found || row[0] != driver.Value(p.version) {
		return sqlstore.ErrDrifted
	}
	return nil
}

// message claims, resolves, writes and renders one item; of what is refused only
// the lot keeps anything.
func (p *program) message(s *session, it *sqlstore.Item, found lookups) error {
	if err := s.do("SAVEPOINT message"); err != nil {
		return err
	}
	if err := p.try(s, it, found); err != nil {
		return err
	}
	if it.Outcome.Err != nil || it.Kept() {
		if err := s.do("ROLLBACK TO message"); err != nil {
			return err
		}
	}
	if err := s.do("RELEASE message"); err != nil || !it.UsesLot() {
		return err
	}
	return settleLot(s, it)
}

func (p *program) try(s *session, it *sqlstore.Item, found lookups) error {
	if it.Only() {
		settled, err := inLot(s, it)
		if err == nil && !settled {
			it.AsItIs()
		}
		return err
	}
	known, err := claim(s, it)
	if err != nil {
		return err
	}
	if it.UsesLot() && (!known || it.Outcome.Err != nil) {
		settled, err := inLot(s, it)
		if err != nil || settled {
			return err
		}
	}
	if known {
		return nil
	}
	failpoint.Hit("commit-claimed")
	w := newWork(p, s, it, found)
	if err := w.write(); err != nil {
		return err
	}
	failpoint.Hit("commit-written")
	w.noted()
	if it.Going() {
		it.Stored = w.stored()
		it.Render()
	}
	return nil
}
