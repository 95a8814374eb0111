package sqlserver

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// told is an answer of the first statement about rows of a live table: those that
// messages have written, or those in a table variable that were deleted. Both have
// the column n, the message or NULL, then the columns of the key.
type told struct {
	step *sqlstore.Step
	live int    // into step.Live
	gone string // the table variable; empty for what was written
}

// note marks the rows of a step that are about to be inserted, or of which an
// update makes something else. The locks are those of the update and the insert,
// in their order.
func (s *script) note(step *sqlstore.Step) {
	if !step.Noted {
		return
	}
	if len(step.Match) == 0 {
		s.line("UPDATE @t%d SET told = 1 WHERE lead = 1 AND stale = 0;", step.Index)
		return
	}
	differs := "x." + bracket(step.Columns[step.Match[0]].Name) + " IS NULL"
	if sets, changes := changing(step); step.OnMatch == mapping.Update && len(sets) > 0 {
		differs = "(" + differs + " OR " + changes + ")"
	}
	s.line("UPDATE t SET told = 1 FROM %s LEFT JOIN %s AS x WITH (UPDLOCK, SERIALIZABLE) ON %s INNER JOIN @t%d AS t ON t.n = o.n AND t.r = o.r WHERE t.lead = 1 AND t.stale = 0%s AND %s%s;",
		byKey(step, "o"), table(step.Name), keyed(step, "x", "o"), step.Index, level(step), differs, inOrder)
}

// notePruned marks the rows below which some are about to be deleted.
func (s *script) notePruned(step *sqlstore.Step, column *sqlstore.Column) {
	s.line("UPDATE b SET told = 1 FROM @t%d AS b INNER JOIN %s AS x ON x.%s = b.v%d WHERE b.stale = 0 AND NOT EXISTS (SELECT 1 FROM @t%d AS t WHERE %s);",
		step.Parent, table(step.Name), bracket(column.Name), column.RefGet, step.Index, keyed(step, "x", "t"))
}

// tell passes on to the rows above that something below them has changed, and
// answers which rows of live tables were written and deleted.
func (s *script) tell() {
	order := s.plan.Order
	for i := len(order) - 1; i >= 0; i-- {
		for _, c := range order[i].Tells {
			s.line("UPDATE b SET told = 1 FROM @t%d AS b INNER JOIN @t%d AS t ON t.n = b.n AND t.q%d = b.r WHERE t.told = 1;",
				order[i].Columns[c].Ref.Index, order[i].Index, c)
		}
	}
	for _, step := range order {
		for i := range step.Live {
			s.told = append(s.told, told{step, i, ""})
		}
	}
	for _, t := range s.told {
		s.line("%s", t.text())
	}
}

func (t told) text() string {
	parts := t.step.Live[t.live].Parts
	columns := make([]string, len(parts))
	for i, p := range parts {
		columns[i] = fmt.Sprintf("t.c%d", p.Column)
		if p.Column < 0 {
			columns[i] = fmt.Sprintf("t.v%d", p.Read)
		}
	}
	key, from := strings.Join(columns, ", "), fmt.Sprintf("@t%d AS t", t.step.Index)
	if t.versioned() {
		live := &t.step.Live[t.live]
		on := make([]string, len(columns))
		for i, p := range parts {
			on[i] = "x." + bracket(p.Name(t.step)) + " = " + columns[i]
		}
		key += ", CONVERT(bigint, x." + bracket(live.Version) + ")"
		from += fmt.Sprintf(" LEFT JOIN %s AS x ON %s", table(t.step.Name), strings.Join(on, " AND "))
	}
	if t.gone != "" {
		return fmt.Sprintf("SELECT CONVERT(int, NULL) AS n, %s FROM %s AS t;", key, t.gone)
	}
	return fmt.Sprintf("SELECT t.n, %s FROM %s INNER JOIN @m AS m ON m.n = t.n WHERE t.told = 1 AND m.st IN (%d, %d) ORDER BY t.n, t.r;",
		key, from, going, overtook)
}

// versioned reports whether the answer ends with the number of the row's last write:
// nobody else can have written it since, for the transaction goes on.
func (t told) versioned() bool { return t.gone == "" && t.step.Live[t.live].Version != "" }

// errUntold is about a server that leaves answers out.
var errUntold = errors.New("the server did not say which rows of live tables were written")

// hear takes the answers about live tables.
func (p *program) hear(s *session, rows *sql.Rows, items []*sqlstore.Item) error {
	s.gone = nil
	for _, t := range p.changes {
		if !rows.NextResultSet() {
			return errors.Join(rows.Err(), errUntold)
		}
		if err := t.take(s, rows, items); err != nil {
			return err
		}
	}
	return nil
}

func (t told) take(s *session, rows *sql.Rows, items []*sqlstore.Item) error {
	live := t.step.Live[t.live]
	var n sql.NullInt64
	key := make([]sqlstore.Datum, len(live.Parts))
	dest := []any{&n}
	for i, p := range live.Parts {
		dest = append(dest, reading{p.Model(t.step), &key[i]})
	}
	var version sql.NullInt64
	if t.versioned() {
		dest = append(dest, &version)
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := sqlstore.Change{Subject: live.Subject, Key: sqlstore.KeyText(key), Version: version.Int64}
		switch {
		case !n.Valid:
			s.gone = append(s.gone, c)
		case n.Int64 < 0 || n.Int64 >= int64(len(items)):
			return fmt.Errorf("the answer about live tables names message %d of %d", n.Int64, len(items))
		default:
			items[n.Int64].Changes = append(items[n.Int64].Changes, c)
		}
	}
	return rows.Err()
}

// changes are what is noted of live tables: what was deleted first, since a row may
// have been inserted again.
func (d *document) changes(items []*sqlstore.Item, gone []sqlstore.Change) {
	written := sqlstore.Written(items)
	if len(written)+len(gone) == 0 {
		return // it may be a plan whose text reads none
	}
	d.key("w")
	d.open('[')
	place := int64(0)
	add := func(n int, c sqlstore.Change) {
		d.open('[')
		d.number(place)
		if n < 0 {
			d.null()
		} else {
			d.number(int64(n))
		}
		d.text(c.Subject)
		d.text(c.Key)
		if c.Version != 0 {
			subject, row := c.Own()
			d.number(c.Version)
			d.text(subject)
			d.text(row)
		}
		d.close(']')
		place++
	}
	for _, c := range gone {
		add(-1, c)
	}
	numbers := map[*sqlstore.Item]int{}
	for n, it := range items {
		numbers[it] = n
	}
	for _, c := range written {
		add(numbers[c.Item], c.Change)
	}
	d.close(']')
}
