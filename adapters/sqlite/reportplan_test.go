package sqlite_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/view"
)

// TestReportPlans asks SQLite how it reads: the rows of a report are sought in the index
// that a search would use, and what they refer to by its key.
func TestReportPlans(t *testing.T) {
	b := newBase(t)
	b.bulk(t, 20_000)
	v, tables := b.declared(t, bulkView)
	d, err := view.Parse("report.yaml", []byte("report: sums\nof: bulk\ngroup: [customer, {field: ordered_at, by: week, as: week}]\nmeasures: {orders: count, statuses: {distinct: status}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := view.CheckReport(d, v)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		where view.Expr
		uses  []string
	}{
		"a status":     {is(1, view.Equal, textValue("OPEN")), []string{"SEARCH t USING COVERING INDEX dbo.ix_bulk_status_no (status=?)"}},
		"since":        {is(2, view.GreaterOrEqual, instantValue(t, "2023-11-15T00:00:00Z")), []string{"SEARCH t USING COVERING INDEX dbo.ix_bulk_at (ordered_at>?)"}},
		"two statuses": {view.In{Field: 1, Values: []view.Value{textValue("OPEN"), textValue("SENT")}}, []string{"SEARCH t USING COVERING INDEX dbo.ix_bulk_status_no (status=?)"}},
		"a customer":   {is(5, view.Equal, textValue("c1")), []string{"SEARCH t USING COVERING INDEX dbo.ix_bulk_customer (customer_id=?)"}},
	} {
		plan, err := r.Plan(t.Context(), &view.ReportQuery{Where: c.where}, []view.Window{{}}, tables)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, ok, err := tables.ReportStatement(plan)
		if err != nil || !ok {
			t.Fatalf("%s: %v", name, err)
		}
		text := ""
		for _, step := range b.steps(t, s) {
			text += "\n  " + step.detail
			if alias, whole := strings.CutPrefix(step.detail, "SCAN "); whole && (strings.HasPrefix(alias, "t") || strings.HasPrefix(alias, "j")) {
				t.Errorf("%s reads a table as a whole: %s", name, step.detail)
			}
		}
		for _, want := range append(c.uses, "SEARCH j0 USING INTEGER PRIMARY KEY") {
			if !strings.Contains(strings.ReplaceAll(text, "INDEX ix", "INDEX dbo.ix"), want) {
				t.Errorf("%s does not: %s%s", name, want, text)
			}
		}
	}
}
