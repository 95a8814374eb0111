package sqlite_test

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
	"github.com/gatehouse/gatehouse/mappings"
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

// sampleViews are the declarations of the sample's views, by name.
func sampleViews(t testing.TB) map[string]string {
	t.Helper()
	files, err := fs.Glob(mappings.FS, "views/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, file := range files {
		src, err := fs.ReadFile(mappings.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains("\n"+string(src), "\nreport: ") {
			out[strings.TrimSuffix(path.Base(file), ".yaml")] = string(src)
		}
	}
	return out
}

// probed are values of a field that conditions on it are tried with: one that many
// rows have, where there is one, another, and what nearly all rows are above and below.
type probed struct {
	common, another, low, high string
	prefix                     string
}

var probes = map[string]probed{
	"orders.order_no":       {"PO-00007919", "PO-00015838", "PO-00000001", "PO-99999999", "PO-0"},
	"orders.status":         {"SHIPPED", "DRAFT", "CONFIRMED", "SUBMITTED", "S"},
	"orders.ordered_at":     {"2023-11-14T22:13:33Z", "2023-11-14T22:13:46Z", "2023-11-15T00:00:00Z", "2038-01-01T00:00:00Z", ""},
	"orders.customer":       {"C-0000001", "C-0000002", "C-0000000", "C-9999999", "C-00"},
	"customers.customer_no": {"C-0000001", "C-0000002", "C-0000000", "C-9999999", "C-00"},
	"customers.name":        {"Customer 0007919", "Customer 0015838", "Customer 0", "Customer 9", "Customer 0"},
	"customers.country":     {"SE", "DE", "DE", "SE", "S"},
	"products.sku":          {"SKU-0000001", "SKU-0000002", "SKU-0000000", "SKU-9999999", "SKU-00"},
	"products.name":         {"Product 0007919", "Product 0015838", "Product 0", "Product 9", "Product 0"},
	"products.life_cycle":   {"ACTIVE", "RETIRED", "ACTIVE", "RETIRED", "A"},
	"order_lines.id":        {"7", "8", "1", "900000000", ""},
	"order_lines.order_no":  {"PO-00007919", "PO-00015838", "PO-00000001", "PO-99999999", "PO-0"},
	"order_lines.sku":       {"SKU-0000001", "SKU-0000002", "SKU-0000000", "SKU-9999999", "SKU-00"},
}

// trial is one query of a view, and what it is called.
type trial struct {
	name  string
	query *view.Query
}

// trials are every operator on each field under filter, in every order that the view
// permits, and those orders alone.
func trials(t testing.TB, v *view.View) []trial {
	t.Helper()
	type ordered struct {
		name string
		by   []view.Order
	}
	orders := []ordered{{"", nil}}
	for i, f := range v.Fields {
		if f.Sort {
			orders = append(orders, ordered{" by " + f.Name, []view.Order{{Field: i}}}, ordered{" by " + f.Name + " falling", []view.Order{{Field: i, Desc: true}}})
		}
	}
	conditions := []trial{{"all", &view.Query{}}}
	for i, f := range v.Fields {
		if !f.Filter {
			continue
		}
		for name, e := range operations(t, v.Name, i, &f) {
			conditions = append(conditions, trial{f.Name + " " + name, &view.Query{Where: e}})
		}
	}
	slices.SortFunc(conditions[1:], func(a, b trial) int { return strings.Compare(a.name, b.name) })
	var out []trial
	for _, c := range conditions {
		for _, o := range orders {
			out = append(out, trial{c.name + o.name, &view.Query{Where: c.query.Where, Order: o.by}})
		}
	}
	return out
}

func operations(t testing.TB, name string, i int, f *view.Field) map[string]view.Expr {
	t.Helper()
	p, ok := probes[name+"."+f.Name]
	if !ok {
		t.Fatalf("there is no value to try %s of %s with", f.Name, name)
	}
	value := func(text string) view.Value {
		switch f.Type.Kind {
		case mapping.DateTimeColumn:
			return instantValue(t, text)
		case mapping.IntegerColumn:
			var n int64
			if _, err := fmt.Sscan(text, &n); err != nil {
				t.Fatal(err)
			}
			return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: n}
		}
		return textValue(text)
	}
	out := map[string]view.Expr{
		"eq": is(i, view.Equal, value(p.common)), "ne": is(i, view.NotEqual, value(p.common)),
		"gt": is(i, view.Greater, value(p.low)), "ge": is(i, view.GreaterOrEqual, value(p.low)),
		"lt": is(i, view.Less, value(p.high)), "le": is(i, view.LessOrEqual, value(p.high)),
		"in":      view.In{Field: i, Values: []view.Value{value(p.common), value(p.another)}},
		"is null": view.IsNull{Field: i}, "is not null": view.Not{Of: view.IsNull{Field: i}},
	}
	if f.Type.Kind == mapping.StringColumn {
		out["startswith"] = view.StartsWith{Field: i, Text: p.prefix}
		out["contains"] = view.Contains{Field: i, Text: p.prefix}
	}
	return out
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

// timed returns the quickest and the median of five runs of a page.
func timed(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) (quickest, median time.Duration) {
	t.Helper()
	plan := must(v.Plan(t.Context(), q, []view.Window{{}}, tables))(t)
	var took []time.Duration
	for range 5 {
		began := time.Now()
		if _, err := tables.Page(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[0], took[len(took)/2]
}

// timedWithin is timed; a page that took too long is tried again, for whatever else runs
// on the machine only adds to it.
func timedWithin(t testing.TB, limit time.Duration, v *view.View, tables *sqlview.Tables, q *view.Query) (quickest, median time.Duration) {
	t.Helper()
	for range 5 {
		if quickest, median = timed(t, v, tables, q); quickest <= limit {
			break
		}
	}
	return quickest, median
}

// worst is the most that any query of a view takes.
type worst struct {
	served, refused, late       int
	twenty, hundred, lately     time.Duration
	first, lateFirst, latePages int
}

// pageTime bounds the first page of an answer, over a million orders. It holds for the
// quickest of its runs: whatever else runs on the machine only adds to it.
const pageTime = 50 * time.Millisecond

// TestSampleCost asks the sample's views everything that can be asked of one field, in
// every order: the first page is quick, the thousandth takes as many pages of the file
// as the first, and nothing reads a table as a whole or sorts it.
func TestSampleCost(t *testing.T) {
	b := newSample(t, bulkSize(t))
	m := newMeter(t, b)
	for name, text := range sampleViews(t) {
		v, tables := b.declared(t, text)
		var most worst
		for _, c := range trials(t, v) {
			c.query.Top = 20
			plan, _ := planned(t, v, tables, c.query)
			if plan == nil {
				most.refused++
				continue
			}
			most.served++
			b.explained(t, name+": "+c.name, plan, tables)
			m.compare(t, name+": "+c.name, v, tables, c.query, &most)
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
		quickest, median := timedWithin(t, pageTime, v, tables, page.q)
		*page.most = max(*page.most, median)
		if quickest > pageTime {
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
	early, _ := timed(t, v, tables, q)
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
	for name, text := range sampleViews(t) {
		v, tables := b.declared(t, text)
		for _, c := range trials(t, v) {
			c.query.Top = 20
			_, refusal := planned(t, v, tables, c.query)
			if refusal == "" {
				continue
			}
			_, create, names := strings.Cut(refusal, "this one would: ")
			if !names {
				if !slices.ContainsFunc([]string{"row by row", "no other order than its own", "is of another table", "in one order"}, func(s string) bool { return strings.Contains(refusal, s) }) {
					t.Errorf("%s: %s: %s", name, c.name, refusal)
				}
				continue
			}
			if _, err := b.db.Exec(create); err != nil {
				t.Fatalf("%s: %s: %s: %v", name, c.name, create, err)
			}
			v, after := b.declared(t, text)
			plan, still := planned(t, v, after, c.query)
			if plan == nil {
				t.Errorf("%s: %s: after %s it is refused: %s", name, c.name, create, still)
			} else {
				b.explained(t, name+": "+c.name, plan, after)
				if _, err := after.Page(t.Context(), plan); err != nil {
					t.Errorf("%s: %s: %v", name, c.name, err)
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
