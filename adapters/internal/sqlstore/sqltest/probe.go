// Package sqltest is how the tests of both SQL stores look into a database
// behind the store's back. It knows no dialect: Probe.Quote says how one writes a
// table's name.
package sqltest

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"
)

var tableName = regexp.MustCompile(`\{([a-z_.]+)\}`)

// Probe is the part of gatewaytest.Probe that both dialects share. Statements
// name tables as {schema.table}.
type Probe struct {
	DB       *sql.DB
	Quote    string // replaces {$1}: "$1" in quotes on SQLite, bare on SQL Server
	Identity string // replaces {identity}
}

func (p *Probe) text(statement string) string {
	return tableName.ReplaceAllString(strings.ReplaceAll(statement, "{identity}", p.Identity), p.Quote)
}

// Query returns the rows of a query as text, NULL for null.
func (p *Probe) Query(t testing.TB, query string) [][]string {
	t.Helper()
	rows, err := p.DB.QueryContext(t.Context(), p.text(query))
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		out = append(out, scan(t, rows, len(columns)))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func scan(t testing.TB, rows *sql.Rows, columns int) []string {
	t.Helper()
	values, into := make([]sql.NullString, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatal(err)
	}
	row := make([]string, columns)
	for i, v := range values {
		if row[i] = v.String; !v.Valid {
			row[i] = "NULL"
		}
	}
	return row
}

// Exec runs a statement, also while the test cleans up.
func (p *Probe) Exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := p.DB.Exec(p.text(statement)); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
