package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/view"
)

// TestViewWide: a view has 200 fields, and each is what its column has.
func TestViewWide(t *testing.T) {
	const fields = 200
	b := newBase(t)
	columns, names, values := []string{}, []string{}, []string{}
	for i := range fields {
		columns = append(columns, fmt.Sprintf("f%d nvarchar(20) NULL", i))
		names = append(names, fmt.Sprintf("f%d: {}", i))
		values = append(values, fmt.Sprintf("'v%d of ' || n.i", i))
	}
	b.Exec(t, "CREATE TABLE {dbo.wide} (no bigint NOT NULL PRIMARY KEY, "+strings.Join(columns, ", ")+")")
	b.Exec(t, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO {dbo.wide} SELECT n.i, "+strings.Join(values, ", ")+" FROM n")
	v, tables := b.declared(t, "view: wide\nfrom: dbo.wide\nkey: [no]\nfields: {no: {}, "+strings.Join(names, ", ")+"}\nfilter: [no]\nsort: [no]\n")
	check := func(row *view.Row, no int64) {
		if len(row.Values) != fields+1 || row.Values[0].Int != no {
			t.Fatalf("%d values of row %d", len(row.Values), row.Values[0].Int)
		}
		for i, got := range row.Values[1:] {
			if want := fmt.Sprintf("v%d of %d", i, no); got.Text != want {
				t.Fatalf("field %d is %q, not %q", i, got.Text, want)
			}
		}
	}
	searcher := tables.Searcher(v)
	page := must(searcher.Search(t.Context(), everyone{}, "wide", &view.Query{Top: 20}))(t)
	if len(page.Rows) != 20 || page.More == nil {
		t.Fatalf("%d rows", len(page.Rows))
	}
	for i := range page.Rows {
		check(&page.Rows[i], int64(i+1))
	}
	n := int64(0)
	for row, err := range searcher.Scan(t.Context(), everyone{}, "wide", &view.Query{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		check(row, n)
	}
	if n != 50 {
		t.Errorf("%d rows are exported", n)
	}
}
