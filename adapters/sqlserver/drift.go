package sqlserver

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// changedTable is the number of the error by which the first statement ends its
// transaction when a table is not the one that it was written for. Servers and
// owners of triggers leave it alone, as far as anybody knows.
const changedTable = 1947050112

// unchanged ends the transaction when a table of the plan was altered, or another
// one has its name, since the statement was written. The server would refuse what
// is too long, but turn characters into question marks, round decimals and cut
// seconds without a word. It is asked after the rows are written: from then on
// their locks keep everybody from altering the tables until the commit.
func (s *script) unchanged() {
	var terms []string
	seen := map[string]bool{}
	add := func(t *sqlstore.Table) {
		id, modified, ok := strings.Cut(t.Stamp, " ")
		if !ok || seen[t.Name.String()] {
			return
		}
		seen[t.Name.String()] = true
		terms = append(terms, fmt.Sprintf("o.object_id = %s AND OBJECT_ID(N%s, N'U') = %s AND CONVERT(varchar(23), o.modify_date, 126) = '%s'", id, literal(table(t.Name)), id, modified))
	}
	for _, step := range s.plan.Order {
		add(step.Model)
		for i := range step.Columns {
			if found := step.Columns[i].Found; found != nil {
				add(found.Table)
			}
		}
	}
	if len(terms) == 0 {
		return
	}
	s.line("IF (SELECT COUNT(*) FROM sys.objects AS o WHERE %s) <> %d THROW %d, 'a table was changed', 1;", strings.Join(terms, "\n  OR "), len(terms), changedTable)
}
