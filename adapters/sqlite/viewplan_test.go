package sqlite_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

const bulkView = `view: bulk
from: dbo.bulk
key: [order_no]
looks_at: 10000
join: {customer: {by: customer_id}}
fields:
  order_no: {}
  status: {}
  ordered_at: {}
  note: {}
  shipped_at: {}
  customer: {column: customer.customer_no}
  customer_name: {column: customer.name}
filter: [order_no, status, ordered_at, customer, shipped_at, note]
sort: [order_no, ordered_at, shipped_at]
children:
  lines: {from: dbo.bulk_line, by: order_id, key: [line_no], fields: {line_no: {}, amount: {}}}
`

// bulk makes n orders, of a thousandth as many customers.
func (b *base) bulk(t testing.TB, n int) {
	t.Helper()
	for _, text := range []string{
		"CREATE TABLE {dbo.bulk_customer} (id INTEGER PRIMARY KEY, customer_no nvarchar(20) NOT NULL UNIQUE, name nvarchar(40) NOT NULL)",
		"CREATE TABLE {dbo.bulk} (id INTEGER PRIMARY KEY, order_no nvarchar(20) NOT NULL UNIQUE, status nvarchar(12) NOT NULL, ordered_at datetime2(3) NOT NULL, shipped_at datetime2(3) NULL, note nvarchar(200) NULL, customer_id bigint NOT NULL REFERENCES {dbo.bulk_customer} (id))",
		"CREATE TABLE {dbo.bulk_line} (id INTEGER PRIMARY KEY, order_id bigint NOT NULL REFERENCES {dbo.bulk} (id), line_no int NOT NULL, amount decimal(19,4) NOT NULL, UNIQUE (order_id, line_no))",
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO {dbo.bulk_customer} SELECT i, 'c' || i, 'name ' || i FROM n", max(1, n/1000)),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO {dbo.bulk}
			SELECT i, printf('PO-%%08d', i * 7919 %% 100000007), CASE i %% 10 WHEN 0 THEN 'OPEN' ELSE 'SENT' END, strftime('%%Y-%%m-%%d %%H:%%M:%%S', 1700000000 + i * 13, 'unixepoch') || '.000',
			CASE i %% 3 WHEN 0 THEN NULL ELSE strftime('%%Y-%%m-%%d %%H:%%M:%%S', 1710000000 + i * 7, 'unixepoch') || '.000' END, CASE i %% 5000 WHEN 0 THEN 'a rare note' END, 1 + i %% %d FROM n`, n, max(1, n/1000)),
		"INSERT INTO {dbo.bulk_line} (order_id, line_no, amount) SELECT id, 1, id * 10000 FROM {dbo.bulk}",
		"INSERT INTO {dbo.bulk_line} (order_id, line_no, amount) SELECT id, 2, id * 10000 FROM {dbo.bulk} WHERE id % 2 = 0",
		"CREATE INDEX {ix_bulk_status} ON {dbo.bulk} (status, ordered_at, order_no)",
		"CREATE INDEX {ix_bulk_status_no} ON {dbo.bulk} (status, order_no)",
		"CREATE INDEX {ix_bulk_at} ON {dbo.bulk} (ordered_at, order_no)",
		"CREATE INDEX {ix_bulk_shipped} ON {dbo.bulk} (shipped_at, order_no)",
		"CREATE INDEX {ix_bulk_customer} ON {dbo.bulk} (customer_id, order_no)",
		"CREATE INDEX {ix_bulk_customer_at} ON {dbo.bulk} (customer_id, ordered_at, order_no)",
		"ANALYZE",
	} {
		b.Exec(t, text)
	}
}

// declared is a view over the tables as they are.
func (b *base) declared(t testing.TB, text string) (*view.View, *sqlview.Tables) {
	t.Helper()
	return viewtest.Declared(t, b, text)
}

func textValue(s string) view.Value {
	return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
}

func is(field int, op view.Operator, v view.Value) view.Expr {
	return view.Compare{Field: field, Op: op, Value: v}
}

func instantValue(t testing.TB, s string) view.Value {
	t.Helper()
	at, err := timeOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return view.Value{Kind: mapping.DateTimeColumn, Present: true, Instant: at}
}

// bulkQueries are what may be asked of bulkView, with the indexes that serve it.
func bulkQueries(t testing.TB) map[string]*view.Query {
	at := instantValue(t, "2023-11-15T00:00:00Z")
	every := []view.Expand{{Child: 0}}
	return map[string]*view.Query{
		"all":                {Expand: every},
		"by key":             {Key: []view.Value{textValue("PO-00007919")}},
		"by status":          {Where: is(1, view.Equal, textValue("OPEN"))},
		"by status, falling": {Where: is(1, view.Equal, textValue("OPEN")), Order: []view.Order{{Field: 2, Desc: true}}, Expand: every},
		"since":              {Where: is(2, view.GreaterOrEqual, at), Order: []view.Order{{Field: 2}}},
		"status since":       {Where: view.And{is(1, view.Equal, textValue("SENT")), is(2, view.Greater, at)}, Order: []view.Order{{Field: 2}}},
		"of a customer":      {Where: is(5, view.Equal, textValue("c3"))},
		"of two customers":   {Where: view.In{Field: 5, Values: []view.Value{textValue("c3"), textValue("c5")}}, Order: []view.Order{{Field: 2, Desc: true}}},
		"not shipped":        {Where: view.IsNull{Field: 4}},
		"shipped":            {Where: view.Not{Of: view.IsNull{Field: 4}}, Order: []view.Order{{Field: 4}}},
		"by shipment":        {Order: []view.Order{{Field: 4, Desc: true}}},
		"begins":             {Where: view.StartsWith{Field: 0, Text: "PO-0001"}},
		"looked for":         {Where: view.And{is(1, view.Equal, textValue("SENT")), view.Contains{Field: 3, Text: "rare"}}},
	}
}

// TestViewPlans asks SQLite how it reads: each branch seeks in the index that the
// plan names and has its rows in order, no table is read as a whole, and nothing is
// sorted but what a page has.
func TestViewPlans(t *testing.T) {
	b := newBase(t)
	b.bulk(t, 5000)
	v, tables := b.declared(t, bulkView)
	for name, q := range bulkQueries(t) {
		q.Top = 20
		for page := range 3 {
			plan, err := v.Plan(t.Context(), q, []view.Window{{}}, tables)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b.explained(t, fmt.Sprintf("%s, page %d", name, page+1), plan, tables)
			answer, err := tables.Page(t.Context(), plan)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if q.After = answer.More; q.After == nil {
				break
			}
		}
	}
}

// readingStep is a line of EXPLAIN QUERY PLAN.
type readingStep struct {
	id, parent int
	detail     string
}

func (b *base) explained(t testing.TB, name string, plan *view.Plan, tables *sqlview.Tables) {
	t.Helper()
	statements, err := tables.Statements(plan)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range statements {
		steps := b.steps(t, s)
		text := ""
		for _, p := range steps {
			text += "\n  " + p.detail
		}
		for _, p := range steps {
			if scanned(p.detail, plan) {
				t.Errorf("%s: statement %d reads a table as a whole: %s%s", name, i, p.detail, text)
			}
			if !strings.HasPrefix(p.detail, "SEARCH t ") && !strings.HasPrefix(p.detail, "SCAN t ") || i > 0 {
				continue
			}
			beside := func(word string) bool {
				return slices.ContainsFunc(steps, func(o readingStep) bool { return o.parent == p.parent && strings.HasPrefix(o.detail, word) })
			}
			if beside("USE TEMP B-TREE") && !beside("SCAN p") {
				t.Errorf("%s: a branch is sorted%s", name, text)
			}
		}
		if i > 0 {
			continue
		}
		for _, branch := range plan.Branches {
			if branch.Index == rowNumber {
				continue // SQLite names it only where it seeks
			}
			if !strings.Contains(text, "INDEX "+branch.Index+" ") && !strings.Contains(text, "INDEX "+branch.Index+"\n") && !strings.HasSuffix(text, "INDEX "+branch.Index) {
				t.Errorf("%s: the index %s is not used%s", name, branch.Index, text)
			}
		}
	}
}

func (b *base) steps(t testing.TB, s sqlview.Statement) []readingStep {
	t.Helper()
	rows, err := b.db.Query("EXPLAIN QUERY PLAN "+s.Text, s.Args...)
	if err != nil {
		t.Fatalf("%s: %v", s.Text, err)
	}
	defer rows.Close()
	var out []readingStep
	for rows.Next() {
		var p readingStep
		var unused int
		if err := rows.Scan(&p.id, &p.parent, &unused, &p.detail); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// rowNumber is the name of the order that a table itself is in.
const rowNumber = "PRIMARY KEY"

// scanned reports a table that is read as a whole. Where nothing is demanded, an index
// is read from its beginning.
func scanned(detail string, plan *view.Plan) bool {
	rest, ok := strings.CutPrefix(detail, "SCAN ")
	if !ok {
		return false
	}
	alias, _, _ := strings.Cut(rest, " ")
	if alias == "t" {
		return !slices.ContainsFunc(plan.Branches, func(b view.Branch) bool {
			return len(b.Equal) == 0 && b.From == nil && b.To == nil && b.Starts == nil && (strings.Contains(detail, b.Index) || b.Index == rowNumber && detail == "SCAN t")
		})
	}
	return alias != "p" && alias != "q" && alias != "u" && alias != "json_each" && !strings.HasPrefix(alias, "b") && !strings.HasPrefix(alias, "(subquery")
}
