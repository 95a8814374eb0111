package sqlserver

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// The states of a message within the first statement (column st of @m).
const (
	going    = 0 // on its way to be stored
	known    = 1 // the inbox has it
	overtook = 2 // superseded: its rows are older than what is stored
	refused  = 4 // a look-up found nothing, or a key is there twice
	deferred = 5 // collides with an earlier message of the batch
	clashed  = 6 // found out after rows were written: everything is rolled back

	// What the lot decided; see textheld.go.

	waits  = 7  // it waits already, under the id in first
	lies   = 8  // it is parked already, under the id in first
	behind = 9  // an earlier message of its key waits
	gone   = 10 // what it releases is not held any more
	only   = 11 // it is to be held, and nothing else
)

// Why a row is refused (column why of @f; its column c is NULL when it is about
// the whole row).
const (
	whyMissing = 1
	whyTwice   = 2
	whyExists  = 3
	// whyEmptied is about a row r of the parent of step t: the message has no row
	// of t there, and c are stored.
	whyEmptied = 4
	whyCircle  = 5
)

// script writes the first statement of a plan.
//
// Each step's rows are in a table variable @t<step> with the columns n
// (message), r (row), p (the row it belongs to), ab (an 'a' for each absent
// column), g (its natural key's place among all of the batch), lead (it writes
// the row for all that share its key), stale; then for each column c<i> its
// value, q<i> and h<i> the row a reference points at and that row's g, k<i>_<j>
// and f<i> the keys and the state of a look-up (1 asked, 2 stored, 3 row s<i> of
// the message's own); lvl how deep it hangs below other rows of its step; then
// v<i>, what is read back.
type script struct {
	plan *sqlstore.Plan
	b    strings.Builder
	// doomed counts the table variables of rows to be deleted.
	doomed int
	told   []told // the answers about live tables, behind the first
}

func (s *script) line(format string, args ...any) {
	fmt.Fprintf(&s.b, format, args...)
	s.b.WriteByte('\n')
}

const preamble = `SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @m TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, claim binary(32) NOT NULL, body binary(32) NOT NULL, st int NOT NULL, first binary(16) NULL);
DECLARE @f TABLE (n int NOT NULL, t int NOT NULL, r int NOT NULL, c int NULL, why int NOT NULL);`

const readMessages = `INSERT INTO @m (n, id, claim, body, st)
SELECT j.n, CONVERT(binary(16), j.id, 2), CONVERT(binary(32), j.claim, 2), CONVERT(binary(32), j.body, 2), 0
FROM OPENJSON(@rows, '$.m') WITH (n int '$[0]', id char(32) '$[1]', claim char(64) '$[2]', body char(64) '$[3]') AS j;`

// A claim's place in the inbox's key is anywhere. SQL Server logs rows, not pages,
// and writes a page that is hot once for each of its checkpoints; so it has no use for
// what the SQLite store does about that (migration 00010).
const (
	knowMessages  = `UPDATE m SET st = 1, first = b.message_id FROM @m AS m INNER JOIN gateway.inbox AS b ON b.claim = m.claim WHERE m.st = 0;`
	claimMessages = `INSERT INTO gateway.inbox (claim, body, message_id) SELECT m.claim, m.body, m.id FROM @m AS m WHERE m.st = 0 ORDER BY m.claim;`
)

const releaseClaims = `DELETE b FROM gateway.inbox AS b INNER JOIN @m AS m ON m.claim = b.claim AND m.id = b.message_id WHERE m.st IN (4, 5);`

// writeText is the whole first statement; when combined it holds the second
// one too and is a transaction by itself, in which nothing can be held.
func writeText(p *sqlstore.Plan, combined bool) (text string, changes []told) {
	s := &script{plan: p}
	s.line(preamble)
	for _, step := range p.Steps {
		s.declare(step)
	}
	if combined {
		s.line(sealDeclarations)
	} else {
		s.line(lotDeclaration)
	}
	s.line(readMessages)
	for _, step := range p.Steps {
		s.read(step)
	}
	if combined {
		s.line(sealReading)
		s.line("BEGIN TRANSACTION;")
	}
	s.claim(combined)
	s.resolve()
	s.group()
	for _, step := range p.Order {
		s.write(step)
	}
	s.unchanged()
	s.line(releaseClaims)
	if combined {
		s.line("IF EXISTS (SELECT 1 FROM @m WHERE st = %d) ROLLBACK TRANSACTION;\nELSE\nBEGIN", clashed)
		s.line(sealSelection)
		s.line(sealWriting)
		s.line("%s", sealChaining)
		s.line("COMMIT TRANSACTION;\nEND")
	}
	s.answer()
	s.tell()
	return s.b.String(), s.told
}

// claim enters the messages in the inbox, but for those that it knows and those
// that the lot decides about.
func (s *script) claim(combined bool) {
	if combined {
		s.line(knowMessages)
		s.line(claimMessages)
		return
	}
	for _, part := range []string{lotLocking, knowMessages, lotDeciding, claimMessages} {
		s.line("%s", part)
	}
}

// declared is a column's type as a table variable declares it.
func declared(n sqlstore.Native) string {
	switch {
	case n.Type == "timestamp":
		return "binary(8)"
	case n.Collation != "":
		return n.Type + " COLLATE " + n.Collation
	}
	return n.Type
}

func (s *script) declare(step *sqlstore.Step) {
	columns := []string{"n int NOT NULL", "r int NOT NULL", "p int NULL", "ab varchar(1024) NULL", "g int NULL", "lead bit NOT NULL DEFAULT 0", "stale bit NOT NULL DEFAULT 0"}
	for i := range step.Columns {
		c := &step.Columns[i]
		columns = append(columns, fmt.Sprintf("c%d %s NULL", i, declared(c.Native)))
		if c.Ref != nil {
			columns = append(columns, fmt.Sprintf("q%d int NULL", i), fmt.Sprintf("h%d int NULL", i))
		}
		if c.Found != nil {
			columns = append(columns, fmt.Sprintf("f%d int NULL", i))
			for k, w := range c.Found.Keys() {
				columns = append(columns, fmt.Sprintf("k%d_%d %s NULL", i, k, declared(w.Native)))
			}
			if len(c.Lookup.Own) > 0 {
				columns = append(columns, fmt.Sprintf("s%d int NULL", i))
			}
		}
	}
	if len(step.Own) > 0 {
		columns = append(columns, "lvl int NULL")
	}
	if step.Noted {
		columns = append(columns, "told bit NOT NULL DEFAULT 0")
	}
	for i, r := range step.Reads {
		columns = append(columns, fmt.Sprintf("v%d %s NULL", i, declared(r.Native)))
	}
	s.line("DECLARE @t%d TABLE (%s, PRIMARY KEY (n, r));", step.Index, strings.Join(columns, ", "))
}

// slots maps the JSON array of a row to the columns of its table variable. The
// order is that of appendRow.
type slots struct {
	names, values, with []string
}

func (l *slots) add(name string, n sqlstore.Native, kind mapping.ColumnKind) {
	path := len(l.with)
	l.names = append(l.names, name)
	typ, value := n.Type, "j."+name
	if kind == mapping.BytesColumn {
		typ, value = "varchar(max)", "CONVERT(varbinary(max), j."+name+", 2)"
	}
	l.values = append(l.values, value)
	l.with = append(l.with, fmt.Sprintf("%s %s '$[%d]'", name, typ, path))
}

func (l *slots) number(name string) {
	l.add(name, sqlstore.Native{Type: "int"}, mapping.IntegerColumn)
}

func (s *script) read(step *sqlstore.Step) {
	l := &slots{}
	l.number("n")
	l.number("r")
	l.number("p")
	l.add("ab", sqlstore.Native{Type: "varchar(1024)"}, mapping.StringColumn)
	for i := range step.Columns {
		c := &step.Columns[i]
		switch {
		case c.Sequence != nil: // is drawn when the row is written
		case c.Ref != nil:
			l.number(fmt.Sprintf("q%d", i))
		case c.Found != nil:
			l.number(fmt.Sprintf("f%d", i))
			for k, w := range c.Found.Keys() {
				l.add(fmt.Sprintf("k%d_%d", i, k), w.Native, w.Model.Kind)
			}
			if c.Lookup.NotFound == mapping.ValueMissing {
				l.add(fmt.Sprintf("c%d", i), c.Native, c.Model.Kind)
			}
		default:
			l.add(fmt.Sprintf("c%d", i), c.Native, c.Model.Kind)
		}
	}
	s.line("INSERT INTO @t%d (%s)\nSELECT %s\nFROM OPENJSON(@rows, '$.t%d') WITH (%s) AS j;",
		step.Index, strings.Join(l.names, ", "), strings.Join(l.values, ", "), step.Index, strings.Join(l.with, ", "))
}

// resolve runs the look-ups of the whole batch and takes out the messages that
// lack something, before anything is written.
func (s *script) resolve() {
	for _, step := range s.plan.Steps {
		for i := range step.Columns {
			if step.Columns[i].Found != nil {
				s.lookup(step, i)
			}
		}
	}
	for _, step := range s.plan.Steps {
		s.levels(step)
		if step.Early {
			found := "" // a key that a look-up has not found is told of already
			for _, c := range step.Match {
				if step.Columns[c].Found != nil {
					found += fmt.Sprintf(" AND t.c%d IS NOT NULL", c)
				}
			}
			s.line("INSERT INTO @f (n, t, r, c, why) SELECT t.n, %d, t.r, NULL, %d FROM @t%d AS t WHERE NOT EXISTS (SELECT 1 FROM %s AS x WHERE %s)%s;",
				step.Index, whyMissing, step.Index, table(step.Name), keyed(step, "x", "t"), found)
		}
	}
	s.line("UPDATE @m SET st = %d WHERE st = %d AND n IN (SELECT f.n FROM @f AS f);", refused, going)
	s.sweep()
}

func (s *script) lookup(step *sqlstore.Step, i int) {
	c := &step.Columns[i]
	terms := make([]string, len(c.Found.Where))
	for k, w := range c.Found.Where {
		terms[k] = fmt.Sprintf("x.%s = t.k%d_%d", bracket(w.Name), i, k)
	}
	name := table(c.Found.Table.Name)
	s.line("UPDATE t SET c%d = x.%s, f%d = 2 FROM @t%d AS t INNER JOIN %s AS x ON %s%s WHERE t.f%d = 1;",
		i, bracket(c.Found.Column.Name), i, step.Index, name, strings.Join(terms, " AND "), valid(c.Found, name, i), i)
	if len(c.Lookup.Own) > 0 {
		s.ownRows(step, i)
	}
	switch c.Lookup.NotFound {
	case mapping.NullMissing, mapping.ValueMissing: // the value came with the row
	case mapping.KeepMissing:
		s.line("UPDATE t SET ab = STUFF(CONVERT(char(%d), COALESCE(t.ab, '')), %d, 1, 'a') FROM @t%d AS t WHERE t.f%d = 1;", len(step.Columns), i+1, step.Index, i)
	default:
		s.line("INSERT INTO @f (n, t, r, c, why) SELECT t.n, %d, t.r, %d, %d FROM @t%d AS t WHERE t.f%d = 1;", step.Index, i, whyMissing, step.Index, i)
	}
}

// valid is what makes row x of a table of codes the one that counts at the time
// asked about: it is valid then, and no other that is began later. Without
// periods it is nothing.
func valid(t *sqlstore.LookupTarget, name string, i int) string {
	if t.From == nil {
		return ""
	}
	at, from := fmt.Sprintf("t.k%d_%d", i, len(t.Where)), bracket(t.From.Name)
	terms := make([]string, len(t.Where))
	for k, w := range t.Where {
		terms[k] = fmt.Sprintf("y.%s = t.k%d_%d", bracket(w.Name), i, k)
	}
	return fmt.Sprintf(" AND %s AND NOT EXISTS (SELECT 1 FROM %s AS y WHERE %s AND %s AND (y.%s > x.%s OR x.%s IS NULL AND y.%s IS NOT NULL))",
		t.Valid("x.", at, bracket), name, strings.Join(terms, " AND "), t.Valid("y.", at, bracket), from, from, from, from)
}

// sweep takes the rows of messages that are not going out of the way.
func (s *script) sweep() {
	s.line("IF EXISTS (SELECT 1 FROM @m WHERE st <> %d)\nBEGIN", going)
	for _, step := range s.plan.Steps {
		s.line("DELETE t FROM @t%d AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> %d;", step.Index, going)
	}
	s.line("END")
}

// group finds the rows that share a natural key, by the columns' own
// collations: twice in one message is refused; in two messages equal images
// become one row and differing ones make the later message wait.
func (s *script) group() {
	for _, step := range s.plan.Order {
		for i := range step.Columns {
			if ref := step.Columns[i].Ref; ref != nil {
				s.line("UPDATE t SET h%d = b.g FROM @t%d AS t INNER JOIN @t%d AS b ON b.n = t.n AND b.r = t.q%d;", i, step.Index, ref.Index, i)
			}
		}
		rank := "ROW_NUMBER() OVER (ORDER BY a.n, a.r)"
		if len(step.Match) > 0 {
			rank = "DENSE_RANK() OVER (ORDER BY " + strings.Join(sameness(step, "a"), ", ") + ")"
		}
		s.line("UPDATE t SET g = d.g FROM @t%d AS t INNER JOIN (SELECT a.n, a.r, %s AS g FROM @t%d AS a) AS d ON d.n = t.n AND d.r = t.r;", step.Index, rank, step.Index)
		if len(step.Match) > 0 && !step.Stub {
			s.line("INSERT INTO @f (n, t, r, c, why) SELECT d.n, %d, d.r, NULL, %d FROM (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.n, a.g ORDER BY a.r) AS k FROM @t%d AS a) AS d WHERE d.k > 1;",
				step.Index, whyTwice, step.Index)
		}
	}
	s.line("UPDATE @m SET st = %d WHERE st = %d AND n IN (SELECT f.n FROM @f AS f);", refused, going)
	for _, step := range s.plan.Order {
		s.collide(step)
	}
	s.sweep()
	for _, step := range s.plan.Order {
		if step.Stub {
			continue // who leads depends on what is stale
		}
		s.line("UPDATE t SET lead = 1 FROM @t%d AS t INNER JOIN (SELECT a.g, MIN(a.n) AS n FROM @t%d AS a GROUP BY a.g) AS d ON d.g = t.g AND d.n = t.n;", step.Index, step.Index)
	}
}

// sameness lists what makes two rows of a step the same: the key's values, and
// for a reference the group of the row it points at.
func sameness(step *sqlstore.Step, alias string) []string {
	out := make([]string, len(step.Match))
	for i, c := range step.Match {
		out[i] = fmt.Sprintf("%s.c%d", alias, c)
		if step.Columns[c].Ref != nil {
			out[i] = fmt.Sprintf("%s.h%d", alias, c)
		}
	}
	return out
}

func (s *script) collide(step *sqlstore.Step) {
	if len(step.Match) == 0 || step.OnMatch == mapping.Keep && !step.Shared {
		return
	}
	differs := ""
	if step.OnMatch == mapping.Update && !step.Shared {
		differs = fmt.Sprintf(" AND EXISTS (SELECT %s EXCEPT SELECT %s)", image(step, "a"), image(step, "b"))
	}
	s.line("UPDATE m SET st = %d FROM @m AS m WHERE m.st = %d AND EXISTS (SELECT 1 FROM @t%d AS b INNER JOIN @t%d AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (%d, %d)%s);",
		deferred, going, step.Index, step.Index, going, deferred, differs)
}

// image lists everything a row would write, exactly.
func image(step *sqlstore.Step, alias string) string {
	out := []string{alias + ".ab"}
	for i := range step.Columns {
		if step.Columns[i].Ref != nil {
			out = append(out, fmt.Sprintf("%s.h%d", alias, i))
			continue
		}
		out = append(out, exact(fmt.Sprintf("%s.c%d", alias, i), step.Columns[i].Model.Kind))
		if found := step.Columns[i].Found; found != nil && len(step.Columns[i].Lookup.Own) > 0 {
			for k, w := range found.Where { // the value may not be known yet
				out = append(out, exact(fmt.Sprintf("%s.k%d_%d", alias, i, k), w.Model.Kind))
			}
		}
	}
	return strings.Join(out, ", ")
}

// exact makes comparisons see case, accents and trailing spaces, whatever the
// column's collation.
func exact(expression string, kind mapping.ColumnKind) string {
	if kind == mapping.StringColumn {
		return "CONVERT(varbinary(max), " + expression + ")"
	}
	return expression
}
