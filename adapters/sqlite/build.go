package sqlite

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Build writes what would change a table. SQLite adds columns and indexes, and
// alters no column.
func (d *dialect) Build(_ *sqlstore.Table, a mapping.Alteration) (text string, exact bool) {
	switch {
	case len(a.Unique) > 0:
		names := make([]string, len(a.Unique))
		for i, n := range a.Unique {
			names[i] = quote(n)
		}
		return fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s (%s)", quote(a.Table.Schema+"."+sqlstore.IndexName(a)), table(a.Table), strings.Join(names, ", ")), true
	case a.Column == nil:
		return "", false
	case a.New:
		return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s NULL", table(a.Table), quote(a.Column.Name), sqlstore.TypeText(a.Column.ColumnType)), true
	}
	null := "NOT NULL"
	if a.Column.Nullable {
		null = "NULL"
	}
	return fmt.Sprintf("a migration has to declare %s.%s as %s %s, with the CHECKs that go with it: SQLite alters no column, so it makes the table anew and copies the rows",
		a.Table, a.Column.Name, sqlstore.TypeText(a.Column.ColumnType), null), false
}
