// Package viewtest is the suite that both SQL dialects pass as sources of views.
package viewtest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Base is a database with nothing but the suite's tables, which are in the schema
// dbo.
type Base interface {
	Views() *sqlview.Database
	// Exec runs a statement in which tables stand as {dbo.name}.
	Exec(t testing.TB, statement string)
	// Literal writes a value of a type; the text is as sqlview tells it.
	Literal(native, text string) string
	// Takes reports whether there are columns of a type.
	Takes(native string) bool
	// Queries is how many queries are made up.
	Queries() int
	// IgnoresCase reports whether texts compare so unless declared otherwise.
	IgnoresCase() bool
}

// everybody sees everything.
type everybody struct{}

func (everybody) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// sight is somebody with these windows.
type sight []view.Window

func (s sight) Sight(string) ([]view.Window, error) { return s, nil }

// open declares views over the tables as they are.
func open(t testing.TB, b Base, declarations ...string) (*sqlview.Searcher, *sqlview.Tables) {
	t.Helper()
	var parsed []*view.Declaration
	var names []mapping.TableName
	for i, text := range declarations {
		d, err := view.Parse("view"+strconv.Itoa(i)+".yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		parsed, names = append(parsed, d), append(names, d.Tables()...)
	}
	tables, err := b.Views().Tables(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	var views []*view.View
	for _, d := range parsed {
		v, warnings, err := view.Check(d, tables, tables)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			t.Logf("warning: %v", w)
		}
		views = append(views, v)
	}
	return tables.Searcher(views...), tables
}

// value reads what a column tells.
func value(t testing.TB, kind mapping.ColumnKind, text string) view.Value {
	t.Helper()
	v := view.Value{Kind: kind, Present: true}
	var err error
	switch kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		v.Int, err = strconv.ParseInt(text, 10, 64)
	case mapping.FloatColumn:
		v.Float, err = strconv.ParseFloat(text, 64)
	case mapping.DateColumn:
		v.Instant, err = time.Parse(time.DateOnly, text)
	case mapping.DateTimeColumn:
		v.Instant, err = time.Parse("2006-01-02T15:04:05", text)
	case mapping.BytesColumn:
		v.Bytes, err = hex.DecodeString(text)
	default:
		v.Text = text
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// told writes a value so that it can be compared.
func told(v view.Value) string {
	switch {
	case !v.Present:
		return "NULL"
	case v.Kind == mapping.IntegerColumn, v.Kind == mapping.BoolColumn:
		return strconv.FormatInt(v.Int, 10)
	case v.Kind == mapping.FloatColumn:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case v.Kind == mapping.DateColumn, v.Kind == mapping.DateTimeColumn:
		return v.Instant.Format("2006-01-02T15:04:05.9999999")
	case v.Kind == mapping.BytesColumn:
		return hex.EncodeToString(v.Bytes)
	}
	return v.Text
}

func tellRow(r *view.Row) string {
	var out []string
	for _, v := range r.Values {
		out = append(out, told(v))
	}
	return strings.Join(out, " ")
}

// pages reads a query to its end, page by page.
func pages(t testing.TB, s view.Searcher, who view.Viewer, name string, q view.Query) ([]view.Row, int) {
	t.Helper()
	var out []view.Row
	for n := 1; ; n++ {
		page, err := s.Search(t.Context(), who, name, &q)
		if err != nil {
			t.Fatalf("%s: %+v: page %d: %v", name, q, n, err)
		}
		if len(page.Rows) > q.Top {
			t.Fatalf("%s: %+v: page %d has %d rows", name, q, n, len(page.Rows))
		}
		out = append(out, page.Rows...)
		if page.More == nil {
			return out, n
		}
		if q.After != nil && slices.EqualFunc(q.After.Values, page.More.Values, func(a, b view.Value) bool { return told(a) == told(b) }) {
			t.Fatalf("%s: %+v: page %d does not go on", name, q, n)
		}
		q.After = page.More
		if n > 10_000 {
			t.Fatalf("%s: %+v does not end", name, q)
		}
	}
}

// insert fills a table.
func insert(t testing.TB, b Base, table string, natives []string, columns []string, rows [][]string) {
	t.Helper()
	for part := range slices.Chunk(rows, 200) {
		var lines []string
		for _, row := range part {
			var values []string
			for i, text := range row {
				if text == "NULL" {
					values = append(values, text)
				} else {
					values = append(values, b.Literal(natives[i], text))
				}
			}
			lines = append(lines, "("+strings.Join(values, ", ")+")")
		}
		b.Exec(t, fmt.Sprintf("INSERT INTO {%s} (%s) VALUES %s", table, strings.Join(columns, ", "), strings.Join(lines, ", ")))
	}
}

// search wants an answer.
func search(t testing.TB, s view.Searcher, who view.Viewer, name string, q view.Query) *view.Page {
	t.Helper()
	page, err := s.Search(context.WithoutCancel(t.Context()), who, name, &q)
	if err != nil {
		t.Fatalf("%s: %+v: %v", name, q, err)
	}
	return page
}
