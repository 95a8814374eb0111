package sqlserver

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// ownRows finds what a look-up in the step's own table has not found stored among
// the rows of the same message. Where an earlier message of the batch brings it,
// the later one waits for the next batch.
func (s *script) ownRows(step *sqlstore.Step, i int) {
	c := &step.Columns[i]
	terms := make([]string, len(c.Lookup.Own))
	for k, m := range c.Lookup.Own {
		terms[k] = fmt.Sprintf("b.c%d = t.k%d_%d", m, i, k)
	}
	same := strings.Join(terms, " AND ")
	s.line("UPDATE t SET s%d = b.r, f%d = 3 FROM @t%d AS t INNER JOIN @t%d AS b ON b.n = t.n AND %s WHERE t.f%d = 1;", i, i, step.Index, step.Index, same, i)
	s.line("UPDATE m SET st = %d FROM @m AS m WHERE m.st = %d AND EXISTS (SELECT 1 FROM @t%d AS t INNER JOIN @t%d AS b ON b.n < t.n AND %s INNER JOIN @m AS o ON o.n = b.n WHERE t.n = m.n AND t.f%d = 1 AND o.st IN (%d, %d));",
		deferred, going, step.Index, step.Index, same, i, going, deferred)
}

// levels finds out how deep each row hangs below others of its message, and
// refuses what hangs in a circle.
func (s *script) levels(step *sqlstore.Step) {
	if len(step.Own) == 0 {
		return
	}
	n := step.Index
	terms := make([]string, len(step.Own))
	for k, i := range step.Own {
		terms[k] = fmt.Sprintf("(t.f%d IS NULL OR t.f%d <> 3 OR EXISTS (SELECT 1 FROM @t%d AS b WHERE b.n = t.n AND b.r = t.s%d AND b.lvl < @level%d))", i, i, n, i, n)
	}
	s.line("DECLARE @level%d int = 0, @grown%d int = 1;\nWHILE @grown%d > 0 AND @level%d <= %d\nBEGIN", n, n, n, n, sqlstore.MaxDepth)
	s.line("UPDATE t SET lvl = @level%d FROM @t%d AS t WHERE t.lvl IS NULL AND %s;", n, n, strings.Join(terms, " AND "))
	s.line("SET @grown%d = @@ROWCOUNT;\nSET @level%d = @level%d + 1;\nEND", n, n, n)
	s.line("INSERT INTO @f (n, t, r, c, why) SELECT t.n, %d, t.r, NULL, %d FROM @t%d AS t WHERE t.lvl IS NULL;", n, whyCircle, n)
}

// byLevel writes the rows of a step from the top of their trees down: what a row
// refers to is stored before it.
func (s *script) byLevel(step *sqlstore.Step, write func()) {
	if len(step.Own) == 0 {
		write()
		return
	}
	n := step.Index
	s.line("SET @level%d = 0;\nWHILE @level%d <= (SELECT MAX(a.lvl) FROM @t%d AS a)\nBEGIN", n, n, n)
	for _, i := range step.Own {
		s.line("UPDATE t SET c%d = b.v%d FROM @t%d AS t INNER JOIN @t%d AS b ON b.n = t.n AND b.r = t.s%d WHERE t.f%d = 3 AND t.lvl = @level%d;",
			i, step.Columns[i].RefGet, n, n, i, i, n)
	}
	write()
	s.line("SET @level%d = @level%d + 1;\nEND", n, n)
}

// level narrows rows t of a step to the level being written.
func level(step *sqlstore.Step) string {
	if len(step.Own) == 0 {
		return ""
	}
	return fmt.Sprintf(" AND t.lvl = @level%d", step.Index)
}
