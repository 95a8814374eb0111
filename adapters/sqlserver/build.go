package sqlserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Build writes what would change a table, as T-SQL where one statement does.
func (d *dialect) Build(t *sqlstore.Table, a mapping.Alteration) (text string, exact bool) {
	switch {
	case a.Sequence:
		return "CREATE SEQUENCE " + table(a.Table) + " AS bigint START WITH 1", true
	case len(a.Unique) > 0:
		names := make([]string, len(a.Unique))
		for i, n := range a.Unique {
			names[i] = bracket(n)
		}
		return fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s (%s)", bracket(sqlstore.IndexName(a)), table(a.Table), strings.Join(names, ", ")), true
	case a.New:
		return fmt.Sprintf("ALTER TABLE %s ADD %s %s NULL", table(a.Table), bracket(a.Column.Name), sqlstore.TypeText(a.Column.ColumnType)), true
	}
	return alterColumn(t, a)
}

// alterColumn keeps what ALTER COLUMN would else forget: collation and NOT NULL.
func alterColumn(t *sqlstore.Table, a mapping.Alteration) (text string, exact bool) {
	was, native, ok := t.Find(a.Column.Name)
	if !ok {
		return "", false
	}
	typ := native.Type
	if !sameType(was.ColumnType, a.Column.ColumnType) {
		typ = sqlstore.TypeText(a.Column.ColumnType)
	}
	declared := typ
	if native.Collation != "" && a.Column.Kind == mapping.StringColumn && !a.Column.UUID {
		declared += " COLLATE " + native.Collation
	}
	if a.Column.Nullable {
		declared += " NULL"
	} else {
		declared += " NOT NULL"
	}
	if by := leaning(t, a.Column.Name, native.Type, typ); len(by) > 0 {
		return fmt.Sprintf("a migration has to give %s.%s the type %s, and for that to drop and make again what leans on it: %s", a.Table, a.Column.Name, declared, sentence(by)), false
	}
	return fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s %s", table(a.Table), bracket(a.Column.Name), declared), true
}

// sameType compares types without what else is said of a column.
func sameType(a, b mapping.ColumnType) bool { return sqlstore.TypeText(a) == sqlstore.TypeText(b) }

// leaning lists what keeps the server from altering a column (ALTER TABLE, ALTER
// COLUMN): keys and foreign keys always; other indexes, defaults and CHECKs unless
// the type stays and only becomes longer.
func leaning(t *sqlstore.Table, column, from, to string) []string {
	var out []string
	has := func(columns []string) bool { return slices.Contains(columns, column) }
	for _, index := range t.Unique {
		if has(index) {
			out = append(out, "the unique index on ("+strings.Join(index, ", ")+")")
		}
	}
	for _, fk := range t.ForeignKeys {
		if has(fk.Columns) {
			out = append(out, "the foreign key "+fk.Name)
		}
	}
	if from == to || grows(from, to) {
		return out
	}
	for _, index := range t.Unusable {
		if has(index.Columns) {
			out = append(out, "the index "+index.Name)
		}
	}
	if has(t.Indexed) {
		out = append(out, "an index")
	}
	for _, check := range t.Checks {
		if strings.Contains(check.Text, bracket(column)) {
			out = append(out, "the CHECK "+check.Name)
		}
	}
	if _, native, _ := t.Find(column); native.Default != "" && family(from) != family(to) {
		out = append(out, "its default")
	}
	return out
}

func family(typ string) string {
	name, _, _ := strings.Cut(typ, "(")
	return name
}

// grows reports a type of variable length that only gets longer.
func grows(from, to string) bool {
	return family(from) == family(to) && slices.Contains([]string{"varchar", "nvarchar", "varbinary"}, family(from)) && !strings.HasSuffix(to, "(max)")
}
