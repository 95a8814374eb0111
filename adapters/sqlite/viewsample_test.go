package sqlite_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// newSample is the sample's database with n orders of n/20 customers, of whom one has
// a tenth of them, and 3n/2 lines of n/100 products, of which one is on a tenth.
func newSample(t testing.TB, n int) *base {
	t.Helper()
	b := newBase(t)
	if _, err := openFile(t, b.path).Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	customers, products := max(20, n/20), max(20, n/100)
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	for _, text := range []string{
		fmt.Sprintf(numbers+`INSERT INTO {crm.customer} (id, customer_no, name, country)
			SELECT i, printf('C-%%07d', i), printf('Customer %%07d', i * 7919 %% 1000003), CASE i %% 4 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' ELSE 'SE' END FROM n`, customers),
		fmt.Sprintf(numbers+`INSERT INTO {catalog.product} (id, sku, name, unit, life_cycle)
			SELECT 1000 + i, printf('SKU-%%07d', i), printf('Product %%07d', i * 7919 %% 1000003), 'EA', CASE i %% 5 WHEN 0 THEN 'RETIRED' ELSE 'ACTIVE' END FROM n`, products),
		fmt.Sprintf(numbers+`INSERT INTO {sales.sales_order} (id, order_no, customer_id, status, currency, ordered_at, note)
			SELECT i, printf('PO-%%08d', i * 7919 %% 100000007), CASE i %% 10 WHEN 0 THEN 1 ELSE 1 + i %% %d END,
			CASE i %% 6 WHEN 0 THEN 'DRAFT' WHEN 1 THEN 'SUBMITTED' WHEN 2 THEN 'CONFIRMED' WHEN 3 THEN 'SHIPPED' WHEN 4 THEN 'INVOICED' ELSE 'CANCELLED' END, 'EUR',
			strftime('%%Y-%%m-%%d %%H:%%M:%%S', 1700000000 + i * 13, 'unixepoch') || '.000', CASE i %% 7 WHEN 0 THEN 'leave it at the gate' END FROM n`, n, customers),
		fmt.Sprintf(`INSERT INTO {sales.order_line} (order_id, line_no, product_id, quantity, unit, unit_price, amount)
			SELECT id, 1, CASE id %% 10 WHEN 0 THEN 1001 ELSE 1001 + id %% %d END, 2000, 'EA', 15000, 30000 FROM {sales.sales_order}`, products),
		fmt.Sprintf(`INSERT INTO {sales.order_line} (order_id, line_no, product_id, quantity, unit, unit_price, amount)
			SELECT id, 2, 1001 + id %% %d, 1000, 'EA', 15000, 15000 FROM {sales.sales_order} WHERE id %% 2 = 0`, products),
	} {
		b.Exec(t, text)
	}
	return b
}

// planned is the plan of a query, or the message of its refusal.
func planned(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) (*view.Plan, string) {
	t.Helper()
	plan, err := v.Plan(t.Context(), q, []view.Window{{}}, tables)
	if err != nil {
		if fault.Of(err).Code != fault.CodeUnserved {
			t.Fatal(err)
		}
		return nil, fault.Of(err).Message
	}
	return plan, ""
}

// timedWithin is viewtest.Timed; a page that took too long is tried again, for whatever
// else runs on the machine only adds to it.
func timedWithin(t testing.TB, limit time.Duration, v *view.View, tables *sqlview.Tables, q *view.Query) (quickest, median time.Duration) {
	t.Helper()
	for range 5 {
		if quickest, median = viewtest.Timed(t, v, tables, q); quickest <= limit {
			break
		}
	}
	return quickest, median
}

// worst is the most that any query of a view takes.
type worst struct {
	served, refused, late   int
	twenty, hundred, lately time.Duration
	first, latePages        int
}

// TestSampleCost asks the sample's views everything that can be asked of one field, in
// every order: the first page is quick, the thousandth takes as many pages of the file
// as the first, and nothing reads a table as a whole or sorts it.
func TestSampleCost(t *testing.T) {
	b := newSample(t, bulkSize(t))
	m := newMeter(t, b)
	for name, text := range viewtest.SampleViews(t) {
		v, tables := b.declared(t, text)
		var most worst
		for _, c := range viewtest.Trials(t, v) {
			c.Query.Top = 20
			plan, _ := planned(t, v, tables, c.Query)
			if plan == nil {
				most.refused++
				continue
			}
			most.served++
			b.explained(t, name+": "+c.Name, plan, tables)
			m.compare(t, name+": "+c.Name, v, tables, c.Query, &most)
		}
		t.Logf("%s: %d served, %d refused; at most: 20 rows %v and %d pages, 100 rows %v, late page %v and %d pages (%d were compared)",
			name, most.served, most.refused, most.twenty, most.first, most.hundred, most.lately, most.latePages, most.late)
		if most.late == 0 {
			t.Errorf("no query of %s has a late page", name)
		}
	}
}

// compare holds the first page, of 20 and of 100 rows, to its time, and the late one
// to the first.
func (m *meter) compare(t testing.TB, name string, v *view.View, tables *sqlview.Tables, q *view.Query, most *worst) {
	t.Helper()
	statements := must(tables.Statements(must(v.Plan(t.Context(), q, []view.Window{{}}, tables))(t)))(t)
	if len(statements) == 0 {
		return // no row can satisfy it, and nobody is asked
	}
	first, rows := m.cost(t, statements[0])
	most.first = max(most.first, first)
	hundred := *q
	hundred.Top = 100
	for _, page := range []struct {
		q    *view.Query
		most *time.Duration
	}{{q, &most.twenty}, {&hundred, &most.hundred}} {
		quickest, median := timedWithin(t, viewtest.PageTime, v, tables, page.q)
		*page.most = max(*page.most, median)
		if quickest > viewtest.PageTime {
			t.Errorf("%s: %d rows take %v", name, page.q.Top, quickest)
		}
	}
	if rows < q.Top {
		return
	}
	late := *q
	if late.After = m.ahead(t, v, tables, q); late.After == nil {
		return
	}
	pages, got := m.page(t, v, tables, &late)
	early, _ := viewtest.Timed(t, v, tables, q)
	limit := 20*early + 10*time.Millisecond
	quickest, median := timedWithin(t, limit, v, tables, &late)
	if quickest > limit {
		t.Errorf("%s: a late page takes %v, the first one %v", name, quickest, early)
	}
	most.late++
	most.lately, most.latePages = max(most.lately, median), max(most.latePages, pages)
	if got == 0 || pages > 2*first+20 {
		t.Errorf("%s: a late page of %d rows takes %d pages of the file, the first one %d", name, got, pages, first)
	}
}

// ahead is where the thousandth page begins, or the hundredth or tenth of fewer rows.
func (m *meter) ahead(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) *view.Mark {
	t.Helper()
	far := *q
	far.Select, far.Expand = v.Key, nil
	for _, n := range []int{1000, 100, 10} {
		far.Top = (n - 1) * q.Top
		page := must(tables.Page(t.Context(), must(v.Plan(t.Context(), &far, []view.Window{{}}, tables))(t)))(t)
		if page.More != nil {
			return page.More
		}
	}
	return nil
}

// TestSampleRefusals runs the statement of every refusal that has one: then the query
// is answered, by that index. What has none says why no index would do.
func TestSampleRefusals(t *testing.T) {
	b := newSample(t, 500)
	mended := 0
	for name, text := range viewtest.SampleViews(t) {
		v, tables := b.declared(t, text)
		for _, c := range viewtest.Trials(t, v) {
			c.Query.Top = 20
			_, refusal := planned(t, v, tables, c.Query)
			if refusal == "" {
				continue
			}
			_, create, names := strings.Cut(refusal, "this one would: ")
			if !names {
				if !slices.ContainsFunc([]string{"row by row", "no other order than its own", "is of another table", "in one order"}, func(s string) bool { return strings.Contains(refusal, s) }) {
					t.Errorf("%s: %s: %s", name, c.Name, refusal)
				}
				continue
			}
			if _, err := b.db.Exec(create); err != nil {
				t.Fatalf("%s: %s: %s: %v", name, c.Name, create, err)
			}
			v, after := b.declared(t, text)
			plan, still := planned(t, v, after, c.Query)
			if plan == nil {
				t.Errorf("%s: %s: after %s it is refused: %s", name, c.Name, create, still)
			} else {
				b.explained(t, name+": "+c.Name, plan, after)
				if _, err := after.Page(t.Context(), plan); err != nil {
					t.Errorf("%s: %s: %v", name, c.Name, err)
				}
			}
			mended++
			b.dropIndex(t, create)
		}
	}
	t.Logf("%d refusals were mended by their statements", mended)
	if mended == 0 {
		t.Error("no refusal names an index")
	}
}

// dropIndex takes back a CREATE INDEX.
func (b *base) dropIndex(t testing.TB, create string) {
	t.Helper()
	index, _, _ := strings.Cut(strings.TrimPrefix(create, "CREATE INDEX "), " ON ")
	if _, err := b.db.Exec("DROP INDEX " + index); err != nil {
		t.Fatal(err)
	}
}
