package sqlserver_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// ordersVariable is how many orders the costs are measured over; 1000000 takes a
// SQL Server some minutes, and an emulation much longer.
const ordersVariable = "GATEHOUSE_TEST_ORDERS"

func bulkSize(t testing.TB) int {
	t.Helper()
	text := os.Getenv(ordersVariable)
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is no number", ordersVariable)
	}
	return n
}

// atOnce is how many rows one statement stores.
const atOnce = 20_000

// number counts the rows of a statement from a first one; %[1]d is that, %[2]d how many.
const number = `(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + %[1]d AS i FROM ` + digits + ` AS a CROSS JOIN ` + digits + ` AS b CROSS JOIN ` + digits + ` AS c CROSS JOIN ` + digits + ` AS d
	CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) AS e WHERE a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n < %[2]d) AS n`

const digits = `(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`

// store runs a statement for n rows, some thousands at a time.
func (b *base) store(t testing.TB, n int, statement string) {
	t.Helper()
	for first := 1; first <= n; first += atOnce {
		b.Exec(t, fmt.Sprintf(statement, first, min(atOnce, n+1-first)))
	}
}

// fillSample stores n orders of the sample as adapters/sqlite's tests do.
func (b *base) fillSample(t testing.TB, n int) {
	t.Helper()
	customers, products := max(20, n/20), max(20, n/100)
	text := func(prefix, expr string, width int) string {
		return fmt.Sprintf("N'%s' + RIGHT('00000000' + CAST(%s AS varchar(10)), %d)", prefix, expr, width)
	}
	b.store(t, customers, "INSERT INTO crm.customer (customer_no, name, country) SELECT "+text("C-", "i", 7)+", "+text("Customer ", "(CAST(i AS bigint) * 7919 %% 1000003)", 7)+
		", CASE i %% 4 WHEN 0 THEN 'DE' WHEN 1 THEN 'FR' ELSE 'SE' END FROM "+number)
	b.store(t, products, "INSERT INTO catalog.product (sku, name, unit, life_cycle) SELECT "+text("SKU-", "i", 7)+", "+text("Product ", "(CAST(i AS bigint) * 7919 %% 1000003)", 7)+
		", 'EA', CASE i %% 5 WHEN 0 THEN 'RETIRED' ELSE 'ACTIVE' END FROM "+number)
	var customer, product int64
	for query, into := range map[string]*int64{"SELECT MIN(id) FROM crm.customer WHERE customer_no = 'C-0000001'": &customer, "SELECT MIN(id) FROM catalog.product WHERE sku = 'SKU-0000001'": &product} {
		if err := b.db.QueryRow(query).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	b.store(t, n, "INSERT INTO sales.sales_order (order_no, customer_id, status, currency, ordered_at, note) SELECT "+text("PO-", "(CAST(i AS bigint) * 7919 %% 100000007)", 8)+
		fmt.Sprintf(", %d + CASE i %%%% 10 WHEN 0 THEN 0 ELSE i %%%% %d END", customer, customers)+
		", CASE i %% 6 WHEN 0 THEN 'DRAFT' WHEN 1 THEN 'SUBMITTED' WHEN 2 THEN 'CONFIRMED' WHEN 3 THEN 'SHIPPED' WHEN 4 THEN 'INVOICED' ELSE 'CANCELLED' END, 'EUR', "+
		"DATEADD(second, i * 13, CAST('2023-11-14T22:13:20' AS datetime2(3))), CASE i %% 7 WHEN 0 THEN 'leave it at the gate' END FROM "+number)
	var order int64
	if err := b.db.QueryRow("SELECT MIN(id) FROM sales.sales_order").Scan(&order); err != nil {
		t.Fatal(err)
	}
	line := "INSERT INTO sales.order_line (order_id, line_no, product_id, quantity, unit, unit_price, amount) SELECT %d + i - 1, %d, %d + CASE i %%%% 10 WHEN 0 THEN 0 ELSE i %%%% %d END, 2, 'EA', 1.5, 3 FROM "
	b.store(t, n, fmt.Sprintf(line, order, 1, product, products)+number)
	b.store(t, n, fmt.Sprintf(line, order, 2, product, products)+number+" WHERE n.i %% 2 = 0")
	if !b.emulated {
		b.Exec(t, "EXEC sp_updatestats")
	}
}

// TestSampleTime asks the sample's views everything that can be asked of one field, in
// every order: the first page is quick. An emulation's times are told and held to
// nothing: it plans as another database does.
func TestSampleTime(t *testing.T) {
	b := newBase(t)
	if _, err := openStore(t, b.dsn).Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	n, began := bulkSize(t), time.Now()
	b.fillSample(t, n)
	t.Logf("%d orders stored in %v", n, time.Since(began))
	for name, text := range viewtest.SampleViews(t) {
		v, tables := viewtest.Declared(t, b, text)
		served, refused, slow := 0, 0, 0
		var most, middle time.Duration
		worst := ""
		for _, c := range viewtest.Trials(t, v) {
			c.Query.Top = 20
			if !plannable(t, v, tables, c.Query) {
				refused++
				continue
			}
			served++
			quickest, median := viewtest.Timed(t, v, tables, c.Query)
			if middle = max(middle, median); quickest > most {
				most, worst = quickest, c.Name
			}
			if quickest <= viewtest.PageTime {
				continue
			}
			slow++
			if !b.emulated {
				t.Errorf("%s: %s: 20 rows take %v", name, c.Name, quickest)
			} else {
				t.Logf("%s: %s: 20 rows take %v, %v in the middle", name, c.Name, quickest, median)
			}
		}
		t.Logf("%s: %d served, %d refused; the quickest of five runs takes %v at most (%s), the middle one %v; %d take more than %v", name, served, refused, most, worst, middle, slow, viewtest.PageTime)
	}
}

// plannable reports whether an index serves a query.
func plannable(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) bool {
	t.Helper()
	_, err := v.Plan(t.Context(), q, []view.Window{{}}, tables)
	if err != nil && fault.Of(err).Code != fault.CodeUnserved {
		t.Fatal(err)
	}
	return err == nil
}
