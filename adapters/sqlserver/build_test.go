package sqlserver

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestBuild keeps every kind of statement that is proposed where the grammar's test
// finds it, and knows where one statement does not do.
func TestBuild(t *testing.T) {
	name := mapping.TableName{Schema: "sales", Name: "order_line"}
	line := func() *sqlstore.Table {
		for _, table := range tables(t, false) {
			if table.Name == name {
				return table
			}
		}
		t.Fatal("no such table")
		return nil
	}
	to := func(column, native string, nullable bool) mapping.Alteration {
		typ, err := sqlstore.ParseType(native, "windows-1252")
		if err != nil {
			t.Fatal(err)
		}
		typ.Nullable = nullable
		return mapping.Alteration{Table: name, Column: &mapping.ColumnModel{Name: column, ColumnType: typ}}
	}
	added := to("note]s", "nvarchar(60)", true)
	added.New = true
	var statements strings.Builder
	for _, tt := range []struct {
		what  string
		a     mapping.Alteration
		spoil func(*sqlstore.Table)
		want  string
		exact bool
	}{
		{"longer", to("unit", "nvarchar(60)", false), nil, "ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(60) COLLATE SQL_Latin1_General_CP1_CI_AS NOT NULL", true},
		{"without limit", to("unit", "nvarchar(max)", true), nil, "ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(max) COLLATE SQL_Latin1_General_CP1_CI_AS NULL", true},
		{"digits", to("quantity", "decimal(15,3)", false), nil, "ALTER TABLE [sales].[order_line] ALTER COLUMN [quantity] decimal(15,3) NOT NULL", true},
		{"null", to("amount", "decimal(19,4)", true), nil, "ALTER TABLE [sales].[order_line] ALTER COLUMN [amount] decimal(19,4) NULL", true},
		{"another type", to("quantity", "bigint", false), nil, "ALTER TABLE [sales].[order_line] ALTER COLUMN [quantity] bigint NOT NULL", true},
		{"column", added, nil, "ALTER TABLE [sales].[order_line] ADD [note]]s] nvarchar(60) NULL", true},
		{"index", mapping.Alteration{Table: name, Unique: []string{"order_id", "line_no"}}, nil, "CREATE UNIQUE INDEX [ux_order_line_order_id_line_no] ON [sales].[order_line] ([order_id], [line_no])", true},
		{"sequence", mapping.Alteration{Table: mapping.TableName{Schema: "sales", Name: "line_id"}, Sequence: true}, nil, "CREATE SEQUENCE [sales].[line_id] AS bigint START WITH 1", true},
		{"key", to("line_no", "bigint", false), nil, "drop and make again what leans on it: the unique index on (order_id, line_no)", false},
		{"foreign key", to("order_id", "decimal(38,0)", false), nil, "the unique index on (order_id, line_no) and the foreign key fk_line", false},
		{"checked", to("quantity", "decimal(15,3)", false), func(t *sqlstore.Table) {
			t.Checks = []mapping.Constraint{{Name: "ck_quantity", Text: "([quantity]>(0))"}}
		}, "what leans on it: the CHECK ck_quantity", false},
		{"indexed", to("quantity", "decimal(15,3)", false), func(t *sqlstore.Table) { t.Indexed = []string{"quantity"} }, "what leans on it: an index", false},
		{"indexed and longer", to("unit", "nvarchar(61)", false), func(t *sqlstore.Table) { t.Indexed = []string{"unit"} },
			"ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(61) COLLATE SQL_Latin1_General_CP1_CI_AS NOT NULL", true},
	} {
		table := line()
		table.ForeignKeys[0].Name = "fk_line"
		if tt.spoil != nil {
			tt.spoil(table)
		}
		text, exact := (&dialect{}).Build(table, tt.a)
		if exact != tt.exact || exact && text != tt.want || !strings.HasSuffix(text, tt.want) {
			t.Errorf("%s: got %s, %v", tt.what, text, exact)
		}
		if exact {
			statements.WriteString(text + ";\n")
		}
	}
	golden(t, "mends.sql", statements.String())
}
