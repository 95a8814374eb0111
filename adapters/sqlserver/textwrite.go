package sqlserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// inOrder makes the server take the rows of the first table as they come and
// look up each in turn: locks are then taken row by row.
const inOrder = " OPTION (FORCE ORDER, LOOP JOIN)"

// byKey are the rows of a step in the order of their natural keys, so that two
// batches take locks in the same order. (TOP (2147483647) is what makes the
// server keep the order of a derived table; TOP (100) PERCENT does not.)
func byKey(step *sqlstore.Step, alias string) string {
	return fmt.Sprintf("(SELECT TOP (2147483647) a.* FROM @t%d AS a ORDER BY a.g) AS %s", step.Index, alias)
}

// write puts the rows of one step where they belong.
func (s *script) write(step *sqlstore.Step) {
	for i := range step.Columns {
		if c := &step.Columns[i]; c.Ref != nil {
			s.line("UPDATE t SET c%d = b.v%d FROM @t%d AS t INNER JOIN @t%d AS b ON b.n = t.n AND b.r = t.q%d;", i, c.RefGet, step.Index, c.Ref.Index, i)
		}
	}
	if step.Parent >= 0 {
		s.line("UPDATE t SET stale = 1 FROM @t%d AS t INNER JOIN @t%d AS b ON b.n = t.n AND b.r = t.p WHERE b.stale = 1;", step.Index, step.Parent)
	}
	if step.Stub {
		s.line("UPDATE t SET lead = 1 FROM @t%d AS t INNER JOIN (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.g ORDER BY a.n, a.r) AS k FROM @t%d AS a WHERE a.stale = 0) AS d ON d.n = t.n AND d.r = t.r WHERE d.k = 1;",
			step.Index, step.Index)
	}
	s.prune(step)
	if len(step.Match) > 0 {
		s.guard(step)
		s.match(step)
	}
	s.byLevel(step, func() { s.put(step) })
}

// put updates and inserts the rows of a step, and reads what others need of them.
func (s *script) put(step *sqlstore.Step) {
	s.note(step)
	if len(step.Match) > 0 && step.OnMatch == mapping.Update {
		s.update(step)
	}
	if i := step.Drawn(); i >= 0 {
		s.line("UPDATE @t%d SET c%d = NEXT VALUE FOR %s WHERE lead = 1 AND stale = 0;", step.Index, i, table(*step.Columns[i].Sequence))
	}
	if step.OnMissing == mapping.Insert {
		s.insert(step)
	} else {
		s.missed(step)
	}
	s.readBack(step)
}

// keyed compares a stored row x with a row t of the step by what it is known by.
func keyed(step *sqlstore.Step, stored, row string) string {
	terms := make([]string, len(step.Key()))
	for i, c := range step.Key() {
		terms[i] = fmt.Sprintf("%s.%s = %s.c%d", stored, bracket(step.Columns[c].Name), row, c)
	}
	return strings.Join(terms, " AND ")
}

// guard leaves rows alone whose stored version is newer, with all below them.
func (s *script) guard(step *sqlstore.Step) {
	if step.Version < 0 {
		return
	}
	s.line("UPDATE t SET stale = 1 FROM %s INNER JOIN %s AS x WITH (UPDLOCK, SERIALIZABLE) ON %s INNER JOIN @t%d AS t ON t.n = o.n AND t.r = o.r WHERE t.stale = 0 AND x.%s > t.c%d%s;",
		byKey(step, "o"), table(step.Name), keyed(step, "x", "o"), step.Index, bracket(step.Columns[step.Version].Name), step.Version, inOrder)
	s.line("UPDATE m SET st = %d FROM @m AS m WHERE m.st = %d AND EXISTS (SELECT 1 FROM @t%d AS t WHERE t.n = m.n AND t.stale = 1);", overtook, going, step.Index)
}

// match deals with rows that are stored already.
func (s *script) match(step *sqlstore.Step) {
	if step.OnMatch == mapping.Fail {
		s.line("INSERT INTO @f (n, t, r, c, why) SELECT t.n, %d, t.r, NULL, %d FROM %s INNER JOIN %s AS x WITH (UPDLOCK, SERIALIZABLE) ON %s WHERE t.stale = 0%s;",
			step.Index, whyExists, byKey(step, "t"), table(step.Name), keyed(step, "x", "t"), inOrder)
		s.clash()
	}
}

// clash marks the messages of which something was found that is not theirs to
// write, after rows of them may have been written.
func (s *script) clash() {
	s.line("UPDATE @m SET st = %d WHERE st IN (%d, %d) AND n IN (SELECT f.n FROM @f AS f);", clashed, going, overtook)
}

// missed finds the rows that should be stored and are not, at the last moment:
// what resolve saw may have been deleted since. What was updated stays locked.
func (s *script) missed(step *sqlstore.Step) {
	s.line("INSERT INTO @f (n, t, r, c, why) SELECT t.n, %d, t.r, NULL, %d FROM %s WHERE t.stale = 0%s AND NOT EXISTS (SELECT 1 FROM %s AS x WITH (UPDLOCK, SERIALIZABLE) WHERE %s)%s;",
		step.Index, whyMissing, byKey(step, "t"), level(step), table(step.Name), keyed(step, "x", "t"), inOrder)
	s.clash()
}

// update sets the columns whose source is present, of rows that would change.
func (s *script) update(step *sqlstore.Step) {
	sets, differs := changing(step)
	if len(sets) == 0 {
		return
	}
	s.line("UPDATE x SET %s\nFROM %s INNER JOIN %s AS x WITH (UPDLOCK, SERIALIZABLE) ON %s\nWHERE t.lead = 1 AND t.stale = 0%s AND %s%s;",
		strings.Join(sets, ", "), byKey(step, "t"), table(step.Name), keyed(step, "x", "t"), level(step), differs, inOrder)
}

// changing is what an update makes of a stored row x, and the condition that it
// makes a difference.
func changing(step *sqlstore.Step) (sets []string, differs string) {
	var after, before []string
	for i := range step.Columns {
		c := &step.Columns[i]
		if c.Key {
			continue
		}
		stored := "x." + bracket(c.Name)
		next := fmt.Sprintf("CASE WHEN %s THEN %s ELSE t.c%d END", absent(i), stored, i)
		sets = append(sets, bracket(c.Name)+" = "+next)
		after = append(after, exact(next, c.Model.Kind))
		before = append(before, exact(stored, c.Model.Kind))
	}
	return sets, "EXISTS (SELECT " + strings.Join(after, ", ") + " EXCEPT SELECT " + strings.Join(before, ", ") + ")"
}

// absent tells whether the source of a column is absent in row t.
func absent(column int) string { return fmt.Sprintf("SUBSTRING(t.ab, %d, 1) = 'a'", column+1) }

func (s *script) insert(step *sqlstore.Step) {
	var names, values []string
	for i := range step.Columns {
		c := &step.Columns[i]
		value := fmt.Sprintf("t.c%d", i)
		if c.Native.Default != "" {
			value = fmt.Sprintf("CASE WHEN %s THEN %s ELSE t.c%d END", absent(i), c.Native.Default, i)
		}
		names, values = append(names, bracket(c.Name)), append(values, value)
	}
	missing := ""
	if len(step.Match) > 0 {
		missing = fmt.Sprintf(" AND NOT EXISTS (SELECT 1 FROM %s AS x WITH (UPDLOCK, SERIALIZABLE) WHERE %s)", table(step.Name), keyed(step, "x", "t"))
	}
	s.line("INSERT INTO %s (%s)\nSELECT %s FROM @t%d AS t WHERE t.lead = 1 AND t.stale = 0%s%s ORDER BY t.g;",
		table(step.Name), strings.Join(names, ", "), strings.Join(values, ", "), step.Index, level(step), missing)
}

func (s *script) readBack(step *sqlstore.Step) {
	if len(step.Reads) == 0 {
		return
	}
	sets := make([]string, len(step.Reads))
	for i, r := range step.Reads {
		sets[i] = fmt.Sprintf("v%d = x.%s", i, bracket(r.Name))
	}
	s.line("UPDATE t SET %s FROM @t%d AS t INNER JOIN %s AS x ON %s%s%s;",
		strings.Join(sets, ", "), step.Index, table(step.Name), keyed(step, "x", "t"), strings.Replace(level(step), " AND", " WHERE", 1), inOrder)
}

// prune deletes the stored children of the messages' own parents that the
// messages no longer have, with what the mapping has below them.
func (s *script) prune(step *sqlstore.Step) {
	if !step.Absent.Deletes() || step.Parent < 0 {
		return
	}
	for _, c := range step.Match {
		column := &step.Columns[c]
		if column.Ref == nil || column.Ref.Index != step.Parent {
			continue
		}
		from := fmt.Sprintf("(SELECT DISTINCT b.v%d AS ref FROM @t%d AS b WHERE b.stale = 0) AS d INNER JOIN %s AS x ON x.%s = d.ref WHERE NOT EXISTS (SELECT 1 FROM @t%d AS t WHERE %s)",
			column.RefGet, step.Parent, table(step.Name), bracket(column.Name), step.Index, keyed(step, "x", "t"))
		if step.Absent == mapping.DeleteAbsent {
			s.emptying(step, column)
		}
		if slices.Contains(step.Tells, c) {
			s.notePruned(step, column)
		}
		s.doom(step, from)
		return
	}
}

// emptying finds the rows below which a message has nothing and something is
// stored. What is deleted then comes back with the rest.
func (s *script) emptying(step *sqlstore.Step, column *sqlstore.Column) {
	s.line("INSERT INTO @f (n, t, r, c, why) SELECT b.n, %d, b.r, COUNT(*), %d FROM @t%d AS b INNER JOIN %s AS x ON x.%s = b.v%d WHERE b.stale = 0 AND NOT EXISTS (SELECT 1 FROM @t%d AS t WHERE t.n = b.n AND t.p = b.r) GROUP BY b.n, b.r;",
		step.Index, whyEmptied, step.Parent, table(step.Name), bracket(column.Name), column.RefGet, step.Index)
	s.clash()
}

// doom deletes the stored rows x of a step that from selects, after those of
// its children.
func (s *script) doom(step *sqlstore.Step, from string) {
	s.doomed++
	name := fmt.Sprintf("@d%d", s.doomed)
	var columns, values []string
	for _, c := range step.Key() {
		columns = append(columns, fmt.Sprintf("c%d %s NULL", c, declared(step.Columns[c].Native)))
		values = append(values, "x."+bracket(step.Columns[c].Name))
	}
	for i, r := range step.Reads {
		columns = append(columns, fmt.Sprintf("v%d %s NULL", i, declared(r.Native)))
		values = append(values, "x."+bracket(r.Name))
	}
	s.line("DECLARE %s TABLE (%s);", name, strings.Join(columns, ", "))
	s.line("INSERT INTO %s SELECT %s FROM %s;", name, strings.Join(values, ", "), from)
	for i := range step.Live {
		s.told = append(s.told, told{step, i, name})
	}
	s.line("IF EXISTS (SELECT 1 FROM %s)\nBEGIN", name)
	for _, child := range step.Children {
		s.doomChild(step, child, name)
	}
	s.line("DELETE x FROM %s AS t INNER JOIN %s AS x ON %s;\nEND", name, table(step.Name), keyed(step, "x", "t"))
}

func (s *script) doomChild(step, child *sqlstore.Step, parents string) {
	if child.Parent != step.Index || child.Stub {
		return
	}
	for i := range child.Columns {
		c := &child.Columns[i]
		if c.Ref != step {
			continue
		}
		from := fmt.Sprintf("%s AS d INNER JOIN %s AS x ON x.%s = d.v%d", parents, table(child.Name), bracket(c.Name), c.RefGet)
		if (len(child.Children) > 0 || len(child.Live) > 0) && len(child.Key()) > 0 {
			s.doom(child, from)
			continue
		}
		s.line("DELETE x FROM %s;", from)
	}
}

// answer returns one row for each message, or one for each of its faults.
func (s *script) answer() {
	columns := []string{"m.n", "m.st", "m.first", "b.body", "g.outcome", "rp.body", "f.t", "f.r", "f.c", "f.why"}
	joins := []string{
		"LEFT JOIN gateway.inbox AS b ON m.st = 1 AND b.claim = m.claim",
		"LEFT JOIN gateway.message AS g ON m.st = 1 AND g.id = m.first",
		"LEFT JOIN gateway.reply AS rp ON m.st = 1 AND rp.message_id = m.first",
		"LEFT JOIN @f AS f ON f.n = m.n",
	}
	joined := map[int]bool{}
	for _, r := range s.plan.Returns {
		columns = append(columns, fmt.Sprintf("t%d.v%d", r.Step, r.Read))
		if !joined[r.Step] {
			joined[r.Step] = true
			joins = append(joins, fmt.Sprintf("LEFT JOIN @t%d AS t%d ON t%d.n = m.n", r.Step, r.Step, r.Step))
		}
	}
	s.line("SELECT %s\nFROM @m AS m\n%s\nORDER BY m.n, f.t, f.r, f.c;", strings.Join(columns, ", "), strings.Join(joins, "\n"))
}
