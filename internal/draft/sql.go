package draft

import (
	"fmt"
	"strings"
)

// sqlServer is the migration for SQL Server.
func sqlServer(schema string, top *table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- +goose Up\n-- A draft: look at types, lengths and keys before it is applied.\nIF SCHEMA_ID(N'%s') IS NULL EXEC(N'CREATE SCHEMA %s');\n", schema, schema)
	for t := range top.all() {
		fmt.Fprintf(&b, "\nCREATE TABLE %s (\n  id bigint IDENTITY(1,1) NOT NULL,\n", t.full())
		for _, c := range t.columns {
			fmt.Fprintf(&b, "  %s %s %s,%s\n", c.name, c.native(), nullable(c), note(c.sqlNote))
		}
		fmt.Fprintf(&b, "  CONSTRAINT pk_%s PRIMARY KEY (id)", t.name)
		keys(&b, t, func(p *table) string { return p.full() })
		b.WriteString("\n);\n")
		index(&b, t, t.full())
	}
	down(&b, top, func(t *table) string { return t.full() })
	return b.String()
}

// sqlite is the same for SQLite, which keeps declared types but refuses nothing by
// them: checks stand in.
func sqlite(top *table) string {
	quoted := func(t *table) string { return `"` + t.full() + `"` }
	var b strings.Builder
	b.WriteString("-- +goose Up\n-- A draft: the same tables as SQL Server's, with checks for what that refuses.\n")
	for t := range top.all() {
		fmt.Fprintf(&b, "\nCREATE TABLE %s (\n  id INTEGER PRIMARY KEY AUTOINCREMENT", quoted(t))
		for _, c := range t.columns {
			fmt.Fprintf(&b, ",\n  %s %s %s", c.name, declared(c), nullable(c))
		}
		for _, c := range t.columns {
			if check := c.check(); check != "" {
				if c.nullable {
					check = c.name + " IS NULL OR " + check
				}
				fmt.Fprintf(&b, ",\n  CONSTRAINT ck_%s_%s_type CHECK (%s)", t.name, c.name, check)
			}
		}
		keys(&b, t, quoted)
		b.WriteString("\n);\n")
		index(&b, t, quoted(t))
	}
	down(&b, top, quoted)
	return b.String()
}

// declared is the type as SQLite's grammar takes it: it knows no (max).
func declared(c *column) string {
	switch text := c.native(); text {
	case "nvarchar(max)":
		return "NTEXT"
	case "varbinary(max)":
		return "BLOB"
	default:
		return strings.ToUpper(text)
	}
}

func nullable(c *column) string {
	if c.nullable {
		return "NULL"
	}
	return "NOT NULL"
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return " -- " + text
}

// keys writes the unique index of the natural key and the reference to the parent.
func keys(b *strings.Builder, t *table, name func(*table) string) {
	if len(t.match) > 0 {
		fmt.Fprintf(b, ",\n  CONSTRAINT uq_%s UNIQUE (%s)", t.name, strings.Join(t.match, ", "))
	}
	if t.parent != nil {
		fmt.Fprintf(b, ",\n  CONSTRAINT fk_%s_%s FOREIGN KEY (%s) REFERENCES %s (id)", t.name, t.parent.name, t.columns[0].name, name(t.parent))
	}
}

// index finds the rows of a parent where the natural key does not.
func index(b *strings.Builder, t *table, name string) {
	if t.parent != nil && len(t.match) == 0 {
		fmt.Fprintf(b, "CREATE INDEX ix_%s_%s ON %s (%s);\n", t.name, t.columns[0].name, name, t.columns[0].name)
	}
}

func down(b *strings.Builder, top *table, name func(*table) string) {
	var drops []string
	for t := range top.all() {
		drops = append(drops, "DROP TABLE "+name(t)+";\n")
	}
	b.WriteString("\n-- +goose Down\n")
	for i := len(drops) - 1; i >= 0; i-- {
		b.WriteString(drops[i])
	}
}

const aDay = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"

// check is what SQLite has to be told of a type.
func (c *column) check() string {
	switch c.kind {
	case textKind, timeKind:
		if c.length == 0 || c.kind == timeKind {
			return fmt.Sprintf("typeof(%s) = 'text'", c.name)
		}
		return fmt.Sprintf("typeof(%s) = 'text' AND length(%s) <= %d", c.name, c.name, c.length)
	case bytesKind:
		if c.length == 0 {
			return fmt.Sprintf("typeof(%s) = 'blob'", c.name)
		}
		return fmt.Sprintf("typeof(%s) = 'blob' AND length(%s) <= %d", c.name, c.name, c.length)
	case smallKind:
		return fmt.Sprintf("typeof(%s) = 'integer' AND %s BETWEEN -32768 AND 32767", c.name, c.name)
	case intKind:
		return fmt.Sprintf("typeof(%s) = 'integer' AND %s BETWEEN -2147483648 AND 2147483647", c.name, c.name)
	case bigKind:
		return fmt.Sprintf("typeof(%s) = 'integer'", c.name)
	case bitKind:
		return fmt.Sprintf("%s IN (0, 1)", c.name)
	case floatKind:
		return fmt.Sprintf("typeof(%s) = 'real'", c.name)
	case decimalKind:
		most := "9223372036854775807"
		if c.digits <= 18 {
			most = strings.Repeat("9", c.digits)
		}
		return fmt.Sprintf("typeof(%s) = 'integer' AND %s BETWEEN -%s AND %s", c.name, c.name, most, most)
	case momentKind:
		return fmt.Sprintf("%s GLOB '%s [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]'", c.name, aDay)
	case dateKind:
		return fmt.Sprintf("%s GLOB '%s'", c.name, aDay)
	}
	return ""
}
