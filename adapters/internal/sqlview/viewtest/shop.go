package viewtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

const ordersView = `view: orders
from: dbo.so
key: [order_no]
looks_at: 40
join:
  customer: {by: customer_id}
  customer.region: {by: region_id}
fields:
  order_no: {}
  status: {}
  total: {}
  note: {}
  customer: {column: customer.customer_no}
  customer_name: {column: customer.name}
  region: {column: customer.region.code}
filter: [order_no, status, total, customer, note, customer_name, region]
sort: [order_no, status, total]
children:
  lines:
    from: dbo.sl
    by: order_id
    key: [line_no]
    join: {product: {by: product_id}}
    fields: {line_no: {}, sku: {column: product.sku}, amount: {}}
    children:
      features:
        from: dbo.sf
        by: line_id
        key: [name]
        fields: {name: {}, value: {}}
`

// The fields of ordersView.
const (
	orderNo = iota
	status
	total
	note
	customer
	customerName
	region
)

// shop is the rows of the suite, as the tests know them.
type shop struct {
	s      view.Searcher
	orders [][]string // by the fields of ordersView; NULL is null
}

var regions = []string{"EU", "US", "ZZ"}

// newShop makes the tables: orders of 7 customers, of which two have no region, with
// up to 5 lines.
func newShop(t *testing.T, b Base, n int) *shop {
	t.Helper()
	for _, text := range []string{
		"CREATE TABLE {dbo.rg} (id bigint NOT NULL, code nvarchar(10) NOT NULL, CONSTRAINT pk_rg PRIMARY KEY (id), CONSTRAINT uq_rg UNIQUE (code))",
		"CREATE TABLE {dbo.cu} (id bigint NOT NULL, customer_no nvarchar(20) NOT NULL, name nvarchar(40) NOT NULL, region_id bigint NULL, CONSTRAINT pk_cu PRIMARY KEY (id), CONSTRAINT uq_cu UNIQUE (customer_no), CONSTRAINT fk_cu FOREIGN KEY (region_id) REFERENCES {dbo.rg} (id))",
		"CREATE TABLE {dbo.pr} (id bigint NOT NULL, sku nvarchar(20) NOT NULL, CONSTRAINT pk_pr PRIMARY KEY (id), CONSTRAINT uq_pr UNIQUE (sku))",
		"CREATE TABLE {dbo.so} (id bigint NOT NULL, order_no nvarchar(20) NOT NULL, status nvarchar(12) NOT NULL, total decimal(12,2) NULL, note nvarchar(200) NULL, customer_id bigint NOT NULL, CONSTRAINT pk_so PRIMARY KEY (id), CONSTRAINT uq_so UNIQUE (order_no), CONSTRAINT fk_so FOREIGN KEY (customer_id) REFERENCES {dbo.cu} (id))",
		"CREATE INDEX ix_so_status ON {dbo.so} (status, total, order_no)",
		"CREATE INDEX ix_so_status_no ON {dbo.so} (status, order_no)",
		"CREATE INDEX ix_so_total ON {dbo.so} (total, order_no)",
		"CREATE INDEX ix_so_customer ON {dbo.so} (customer_id, order_no)",
		"CREATE TABLE {dbo.sl} (id bigint NOT NULL, order_id bigint NOT NULL, line_no int NOT NULL, product_id bigint NULL, amount decimal(19,4) NOT NULL, CONSTRAINT pk_sl PRIMARY KEY (id), CONSTRAINT uq_sl UNIQUE (order_id, line_no), CONSTRAINT fk_sl FOREIGN KEY (order_id) REFERENCES {dbo.so} (id), CONSTRAINT fk_sl_pr FOREIGN KEY (product_id) REFERENCES {dbo.pr} (id))",
		"CREATE TABLE {dbo.sf} (id bigint NOT NULL, line_id bigint NOT NULL, name nvarchar(20) NOT NULL, value nvarchar(20) NOT NULL, CONSTRAINT pk_sf PRIMARY KEY (id), CONSTRAINT uq_sf UNIQUE (line_id, name), CONSTRAINT fk_sf FOREIGN KEY (line_id) REFERENCES {dbo.sl} (id))",
	} {
		b.Exec(t, text)
	}
	out := &shop{}
	fill(t, b, "rg", "id bigint, code nvarchar(10)", [][]string{{"1", "EU"}, {"2", "US"}, {"3", "ZZ"}})
	var customers [][]string
	for i := range 7 {
		reg := "NULL"
		if i < 5 {
			reg = strconv.Itoa(i%3 + 1)
		}
		customers = append(customers, []string{strconv.Itoa(i + 1), fmt.Sprintf("c%d", i), fmt.Sprintf("name %d", i%3), reg})
	}
	fill(t, b, "cu", "id bigint, customer_no nvarchar(20), name nvarchar(40), region_id bigint", customers)
	fill(t, b, "pr", "id bigint, sku nvarchar(20)", [][]string{{"1", "bolt"}, {"2", "nut"}})
	random := rand.New(rand.NewPCG(7, 7))
	notes := []string{"NULL", "", "plain", "50% off", "a_b", "[x]", "it's \"quoted\"", `back\slash`, "plain text", "^up"}
	var orders, lines, features [][]string
	for i := range n {
		no, c := fmt.Sprintf("n%05d", random.IntN(90000)*10+i%10), random.IntN(7)
		for slices.ContainsFunc(out.orders, func(o []string) bool { return o[0] == no }) {
			no += "x"
		}
		sum := "NULL"
		if random.IntN(4) > 0 {
			sum = fmt.Sprintf("%d.%02d", random.IntN(5)-2, 25*random.IntN(2))
		}
		row := []string{no, []string{"draft", "open", "sent"}[random.IntN(3)], sum, notes[random.IntN(len(notes))]}
		orders = append(orders, append([]string{strconv.Itoa(i + 1)}, append(slices.Clone(row), strconv.Itoa(c+1))...))
		reg := "NULL"
		if c < 5 {
			reg = regions[c%3]
		}
		out.orders = append(out.orders, append(row, fmt.Sprintf("c%d", c), fmt.Sprintf("name %d", c%3), reg))
		for l := range i % 6 {
			id := strconv.Itoa(len(lines) + 1)
			lines = append(lines, []string{id, strconv.Itoa(i + 1), strconv.Itoa(l + 1), []string{"NULL", "1", "2"}[l%3], fmt.Sprintf("%d.5000", l)})
			for f := range l % 3 {
				features = append(features, []string{strconv.Itoa(len(features) + 1), id, fmt.Sprintf("f%d", f), fmt.Sprintf("v%d", l)})
			}
		}
	}
	fill(t, b, "so", "id bigint, order_no nvarchar(20), status nvarchar(12), total decimal(12,2), note nvarchar(200), customer_id bigint", orders)
	fill(t, b, "sl", "id bigint, order_id bigint, line_no int, product_id bigint, amount decimal(19,4)", lines)
	fill(t, b, "sf", "id bigint, line_id bigint, name nvarchar(20), value nvarchar(20)", features)
	out.s, _ = open(t, b, ordersView)
	return out
}

func fill(t testing.TB, b Base, table, columns string, rows [][]string) {
	t.Helper()
	var names, natives []string
	for c := range strings.SplitSeq(columns, ", ") {
		name, native, _ := strings.Cut(c, " ")
		names, natives = append(names, name), append(natives, native)
	}
	insert(t, b, "dbo."+table, natives, names, rows)
}

// TestShop asks a view with joins, children and rights.
func TestShop(t *testing.T, b Base) {
	shop := newShop(t, b, 300)
	t.Run("by key", shop.byKey)
	t.Run("children", shop.children)
	t.Run("rights", shop.rights)
	t.Run("counts", shop.counts)
	t.Run("hostile texts", shop.hostile)
	t.Run("case", func(t *testing.T) { shop.ignoresCase(t, b.IgnoresCase()) })
	t.Run("scan", shop.scan)
	t.Run("random queries", func(t *testing.T) { shop.random(t, b.Queries()) })
	t.Run("ranks", func(t *testing.T) { ranks(t, b) })
}

func text(s string) view.Value {
	return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
}

func amount(s string) view.Value {
	return view.Value{Kind: mapping.DecimalColumn, Present: true, Text: s}
}

func equal(field int, s string) view.Expr {
	return view.Compare{Field: field, Op: view.Equal, Value: text(s)}
}

func (shop *shop) byKey(t *testing.T) {
	for _, o := range shop.orders[:20] {
		page := search(t, shop.s, everybody{}, "orders", view.Query{Key: []view.Value{text(o[orderNo])}})
		if len(page.Rows) != 1 || tellRow(&page.Rows[0]) != strings.Join(o, " ") || page.More != nil {
			t.Errorf("%s: %v", o[orderNo], page.Rows)
		}
	}
	if page := search(t, shop.s, everybody{}, "orders", view.Query{Key: []view.Value{text("none")}}); len(page.Rows) != 0 || page.More != nil {
		t.Errorf("an order that there is not: %+v", page)
	}
}

var lineExpand = []view.Expand{{Child: 0, Expand: []view.Expand{{Child: 0, Select: []int{0}}}}}

func (shop *shop) children(t *testing.T) {
	rows, _ := pages(t, shop.s, everybody{}, "orders", view.Query{Top: 70, Select: []int{orderNo}, Expand: lineExpand})
	if len(rows) != len(shop.orders) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		i := slices.IndexFunc(shop.orders, func(o []string) bool { return o[0] == r.Values[0].Text })
		if len(r.Children) != 1 || len(r.Children[0]) != i%6 {
			t.Fatalf("the order %d has %v", i, r.Children)
		}
		for l, line := range r.Children[0] {
			want := fmt.Sprintf("%d %s %d.5000", l+1, []string{"NULL", "bolt", "nut"}[l%3], l)
			if tellRow(&line) != want {
				t.Errorf("line %d is %s, not %s", l, tellRow(&line), want)
			}
			if len(line.Children[0]) != l%3 {
				t.Errorf("line %d has %v", l, line.Children)
			}
			for f, feature := range line.Children[0] {
				if tellRow(&feature) != fmt.Sprintf("f%d", f) {
					t.Errorf("feature %d of line %d is %+v", f, l, feature)
				}
			}
		}
	}
	few := search(t, shop.s, everybody{}, "orders", view.Query{Top: 100, Expand: []view.Expand{{Child: 0, Top: 2, Select: []int{0}}}})
	for _, r := range few.Rows {
		i := slices.IndexFunc(shop.orders, func(o []string) bool { return o[0] == r.Values[0].Text })
		if cut := r.Cut != nil && r.Cut[0]; cut != (i%6 > 2) {
			t.Errorf("order %d of %d lines: cut %v", i, i%6, r.Cut)
		}
		if len(r.Children[0]) != min(2, i%6) || len(r.Children[0]) == 2 && (r.Children[0][0].Values[0].Int != 1 || r.Children[0][1].Values[0].Int != 2) {
			t.Errorf("the first lines of order %d are %v", i, r.Children[0])
		}
	}
}

// rights: fields are seen of the rows of their windows, and a query sees the rows in
// which its fields are.
func (shop *shop) rights(t *testing.T) {
	who := sight{
		{Fields: []int{orderNo, status}, Children: []*view.Window{{Fields: []int{0}, Children: []*view.Window{nil}}}},
		{Fields: []int{orderNo, total, note}, Rows: []view.Expr{equal(status, "open")}, Children: []*view.Window{{Fields: []int{0, 2}}}},
		{Fields: []int{orderNo, region}, Rows: []view.Expr{equal(region, "EU")}, Children: []*view.Window{nil}},
	}
	rows, _ := pages(t, shop.s, who, "orders", view.Query{Top: 33, Select: []int{orderNo, status, total, note, region}, Expand: []view.Expand{{Child: 0}}})
	if len(rows) != len(shop.orders) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		o := shop.orders[slices.IndexFunc(shop.orders, func(o []string) bool { return o[0] == r.Values[0].Text })]
		open, eu := o[status] == "open", o[region] == "EU"
		if !slices.Equal(r.Seen, []bool{true, true, open, open, eu}) {
			t.Errorf("of %v is seen %v", o, r.Seen)
		}
		for i, f := range []int{orderNo, status, total, note, region} {
			want := "NULL"
			if r.Seen[i] {
				want = o[f]
			}
			if told(r.Values[i]) != want {
				t.Errorf("field %d of %v is %s", f, o, told(r.Values[i]))
			}
		}
		for _, line := range r.Children[0] {
			if !slices.Equal(line.Seen, []bool{true, false, open}) || line.Values[1].Present || line.Values[2].Present != open {
				t.Errorf("of a line of %v is seen %+v", o, line)
			}
		}
	}
	rows, _ = pages(t, shop.s, who, "orders", view.Query{Top: 33, Where: view.Compare{Field: total, Op: view.GreaterOrEqual, Value: amount("0")}})
	for _, r := range rows {
		o := shop.orders[slices.IndexFunc(shop.orders, func(o []string) bool { return o[0] == r.Values[0].Text })]
		if o[status] != "open" {
			t.Errorf("the total of %v decides, which is not seen", o)
		}
	}
	_, err := shop.s.Search(t.Context(), who, "orders", &view.Query{Select: []int{customer}})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("a field that no window has: %v", err)
	}
}

func (shop *shop) counts(t *testing.T) {
	for _, where := range []view.Expr{nil, equal(status, "open"), view.Or{equal(status, "open"), equal(status, "sent"), equal(customer, "c3")}} {
		page := search(t, shop.s, everybody{}, "orders", view.Query{Where: where, Count: true, Top: 5})
		want := int64(0)
		for _, o := range shop.orders {
			if where == nil || holdsOf(where, o) == yes {
				want++
			}
		}
		if page.Count != want || page.AtLeast {
			t.Errorf("%v: %d, at least: %v; not %d", where, page.Count, page.AtLeast, want)
		}
		second := search(t, shop.s, everybody{}, "orders", view.Query{Where: where, Count: true, Top: 5, After: page.More})
		if second.Count != want {
			t.Errorf("%v: the second page counts %d, not %d", where, second.Count, want)
		}
	}
	page := search(t, shop.s, everybody{}, "orders", view.Query{Where: view.Contains{Field: note, Text: "plain"}, Count: true, Top: 5})
	if !page.AtLeast {
		t.Errorf("%d were counted of those that were looked at, and there may be more", page.Count)
	}
}

var hostileTexts = []string{"'", "''; DROP TABLE so; --", `"`, "]", "[", "%", "_", `\`, "^", "plain", "50%", "a_b", "[x]", "it's", "x' OR '1'='1", "\u202e", strings.Repeat("a", 3000), "🙂", "?1", "@p1", "{so}", "-- ", "/*"}

// hostile texts are values, whatever they look like.
func (shop *shop) hostile(t *testing.T) {
	for _, s := range hostileTexts {
		for _, e := range []view.Expr{equal(orderNo, s), equal(customer, s), equal(note, s), view.Contains{Field: note, Text: s}, view.StartsWith{Field: note, Text: s}, view.StartsWith{Field: orderNo, Text: s},
			view.Compare{Field: orderNo, Op: view.Greater, Value: text(s)}} {
			rows, _ := pages(t, shop.s, everybody{}, "orders", view.Query{Where: e, Top: 100})
			if c, ok := e.(view.Compare); ok && (c.Op == view.Greater || s == "\u202e") {
				continue // each collation has its own order of these, and its own characters that are nothing
			}
			want := 0
			for _, o := range shop.orders {
				if holdsOf(e, o) == yes {
					want++
				}
			}
			if len(rows) != want {
				t.Errorf("%T %q: %d rows, not %d", e, s, len(rows), want)
			}
		}
	}
	for _, s := range []string{"a\x00b", "\xff"} {
		if _, err := shop.s.Search(t.Context(), everybody{}, "orders", &view.Query{Where: equal(orderNo, s)}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func (shop *shop) ignoresCase(t *testing.T, ignored bool) {
	want := 0
	for _, o := range shop.orders {
		if ignored && o[status] == "open" {
			want++
		}
	}
	for _, e := range []view.Expr{equal(status, "OPEN"), view.StartsWith{Field: status, Text: "OP"}, view.In{Field: status, Values: []view.Value{text("OPEN"), text("Open")}}} {
		rows, _ := pages(t, shop.s, everybody{}, "orders", view.Query{Where: e, Top: 50})
		if len(rows) != want {
			t.Errorf("%v: %d rows, not %d", e, len(rows), want)
		}
	}
}

func (shop *shop) scan(t *testing.T) {
	var at view.Position
	var got []string
	for row, err := range shop.s.Scan(t.Context(), everybody{}, "orders", &view.Query{Select: []int{orderNo}, Expand: lineExpand}, func(p view.Position) { at = p }) {
		if err != nil {
			t.Fatal(err)
		}
		if at == nil {
			t.Fatal("a row comes before the position")
		}
		got = append(got, row.Values[0].Text)
	}
	if len(got) != len(shop.orders) || !slices.IsSorted(got) {
		t.Errorf("%d rows", len(got))
	}
	for range shop.s.Scan(t.Context(), everybody{}, "orders", &view.Query{}, nil) {
		break // and the next one has a connection
	}
	for _, err := range shop.s.Scan(t.Context(), everybody{}, "none", &view.Query{}, nil) {
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("a view that there is not: %v", err)
		}
	}
}

func ranks(t *testing.T, b Base) {
	_, tables := open(t, b, ordersView)
	name := mapping.TableName{Schema: "dbo", Name: "so"}
	got, err := tables.Rank(t.Context(), name, "status", []string{"b", "a", "c", "a", "B"})
	if err != nil {
		t.Fatal(err)
	}
	if got[1] != got[3] || got[1] >= got[0] || got[0] >= got[2] || (got[4] == got[0]) != b.IgnoresCase() {
		t.Errorf("the ranks are %v", got)
	}
}
