package view_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

func TestCheckedView(t *testing.T) {
	v, warnings := checked(t, ordersView, shop())
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	if len(v.Key) != 1 || v.Fields[v.Key[0]].Name != "order_no" {
		t.Errorf("key %v", v.Key)
	}
	region := v.Joins[v.Fields[at(t, v, "region")].Join]
	if region.Name != "customer.region" || v.Joins[region.From].Name != "customer" || !region.Optional || v.Joins[region.From].Optional {
		t.Errorf("joins %+v", v.Joins)
	}
	if f := v.Fields[at(t, v, "customer_name")]; f.Class != view.Personal || f.Filter || f.Type.Kind != mapping.StringColumn {
		t.Errorf("customer_name is %+v", f)
	}
	lines := v.Children[0]
	if lines.View.Name != "orders/lines" || lines.By[0] != "order_id" || lines.Refers[0] != "id" || !lines.View.Joins[0].Optional {
		t.Errorf("lines are %+v of %+v", lines, lines.View)
	}
}

// complaints lists what Parse and Check refuse, with what they say.
var complaints = []struct{ name, old, new, want string }{
	{"unknown key", "doc: Orders", "dok: Orders", `orders.yaml:2:1: dok: unknown key; did you mean doc?`},
	{"no key", "key: [order_no]\njoin", "join", `the key "key" is missing`},
	{"key given twice", "doc: Orders", "view: orders\ndoc: Orders", "orders.yaml:2:1:"},
	{"a name with a dash", "view: orders", "view: big-orders", `orders.yaml:1:7: view: "big-orders" is no name`},
	{"a field in capitals", "  status: {}", "  Status: {column: status}", `"Status" is no name`},
	{"a long name", "  status: {}", "  " + strings.Repeat("s", 65) + ": {column: status}", "64 characters at most"},
	{"unknown field to filter", "filter: [order_no, status", "filter: [order_no, statsu", `there is no field "statsu"; did you mean status?`},
	{"a filter twice", "filter: [order_no, status", "filter: [order_no, order_no", "order_no stands in filter twice"},
	{"a class of its own", "class: secret}\n  urgent", "class: hidden}\n  urgent", `expected personal or secret, found "hidden"`},
	{"a child named as a field", "  lines:\n", "  total:\n", "total is a field already"},
	{"no schema", "from: sales.sales_order", "from: sales_order", `expected schema.table, found "sales_order"`},
	{"no table", "from: sales.sales_order", "from: sales.orders", "there is no table sales.orders"},
	{"no column", "  status: {}", "  status: {column: stats}", `sales.sales_order has no column "stats"; did you mean status?`},
	{"no join", "{column: customer.customer_no}", "{column: custmer.customer_no}", `there is no join "custmer"; did you mean customer?`},
	{"no foreign key", "customer: {by: customer_id}", "customer: {by: status}", "sales.sales_order has no foreign key with exactly the columns status; those that could be meant have (customer_id)"},
	{"a join before its beginning", "customer.region: {by: region_id}", "client.region: {by: region_id}", `there is no join "client" before this one`},
	{"a key that is not unique", "key: [order_no]\njoin", "key: [status]\njoin", "no unique index of sales.sales_order has exactly the columns status; its unique ones are (id), (order_no)"},
	{"a key that can be null", "key: [order_no]\njoin", "key: [total]\njoin", "total can be null, and a row without a key"},
	{"a key of a join", "key: [order_no]\njoin", "key: [customer]\njoin", "customer is of another table; a key is of the view's own"},
	{"a filter without an index", "filter: [order_no", "filter: [urgent, order_no", "no index serves a condition on urgent: this one would: CREATE INDEX ON sales.sales_order (urgent, order_no);"},
	{"a filter of a join without a unique index", "filter: [order_no", "filter: [customer_name, order_no", "customer_name is of another table"},
	{"a filter two joins away", "filter: [order_no", "filter: [region, order_no", "region is of another table"},
	{"a sort without an index", "sort: [order_no", "sort: [status, order_no", "no index has the rows in the order of status: this one would: CREATE INDEX ON sales.sales_order (status, order_no);"},
	{"a sort of a join", "sort: [order_no", "sort: [customer, order_no", "customer is of another table; rows are in the order of an index of their own"},
	{"children that refer elsewhere", "by: order_id", "by: product_id", "sales.order_line has no foreign key to sales.sales_order with exactly the columns product_id"},
	{"children without a key", "key: [line_no]", "key: [amount]", "the key would not tell the children of one row apart"},
	{"children in the order of what is hidden", "fields: {line_no: {}, ", "fields: {line_no: {class: personal}, ", "line_no is personal and of the key, whose order the lines of a row come in"},
	{"looking at no number", "sort: [", "looks_at: many\nsort: [", "expected a number of rows from 1 to 1000000"},
	{"live as a text", "sort: [", "live: maybe\nsort: [", "maybe"},
	{"live by nothing", "sort: [", "live: {}\nsort: [", `the key "rowversion" is missing`},
	{"live by something else", "sort: [", "live: {timestamp: changed}\nsort: [", "timestamp: unknown key"},
	{"live without a rowversion", "sort: [", "live: {rowversion: changed}\nsort: [", "orders.yaml:19:20: live.rowversion: sales.sales_order has no column of type rowversion, by which alone it is found what others write"},
	{"nothing", ordersView, "", `the key "view" is missing`},
	{"a list", ordersView, "- a\n- b\n", "expected a map"},
}

func TestComplaints(t *testing.T) {
	for _, tt := range complaints {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(ordersView, tt.old) {
				t.Fatalf("the view has no %q", tt.old)
			}
			d, err := view.Parse("orders.yaml", []byte(strings.Replace(ordersView, tt.old, tt.new, 1)))
			if err == nil {
				_, _, err = view.Check(d, shop(), dialect{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestWatch: what others write is found by an index that begins with the rowversion.
func TestWatch(t *testing.T) {
	for _, tt := range []struct{ index, column, want string }{
		{"", "changed", "no index begins with changed, and each look at the table would read all of it; this one would do: CREATE INDEX"},
		{"ix_status: status, changed", "changed", "no index begins with changed"},
		{"ix_changed: changed desc", "status", "status is no rowversion; the column of sales.sales_order that is one is changed"},
		{"ix_changed: changed desc", "changed", ""},
	} {
		tables := shop()
		orders := tables[mapping.TableName{Schema: "sales", Name: "sales_order"}]
		orders.Version = "changed"
		if tt.index != "" {
			orders.Indexes = append(orders.Indexes, index(tt.index))
		}
		d, err := view.Parse("orders.yaml", []byte(strings.Replace(ordersView, "sort: [", "live: {rowversion: "+tt.column+"}\nsort: [", 1)))
		if err != nil {
			t.Fatal(err)
		}
		table, live := d.LiveTable()
		if !live || table.Version != tt.column {
			t.Errorf("the store is to note %+v, %t", table, live)
		}
		v, _, err := view.Check(d, tables, dialect{})
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.index, err, tt.want)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.index, err)
		case !v.Live || v.Watch == nil || *v.Watch != view.Watch{Column: "changed", Index: "ix_changed"}:
			t.Errorf("the view is watched by %+v", v.Watch)
		}
	}
}

// TestReservedNames: what conditions could not ask for is no field, of children
// neither.
func TestReservedNames(t *testing.T) {
	for _, name := range []string{"null", "true", "false", "not", "and", "or", "in"} {
		for _, tt := range []string{"  status: {}", "fields: {line_no: {}"} {
			src := strings.Replace(ordersView, tt, tt+map[bool]string{true: "\n  ", false: ", "}[strings.HasPrefix(tt, " ")]+name+": {column: id}", 1)
			if _, err := view.Parse("orders.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), name+" is a word of conditions") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := view.Parse("orders.yaml", []byte(strings.Replace(ordersView, "  status: {}", "  status: {}\n  order: {column: id}\n  nothing: {column: id}", 1))); err != nil {
		t.Errorf("names that begin so: %v", err)
	}
}

func TestForeignKeysNotEnforced(t *testing.T) {
	ts := shop()
	order, _ := ts.Table(mapping.TableName{Schema: "sales", Name: "sales_order"})
	order.ForeignKeys[0].Untrusted = true
	v, warnings := checked(t, ordersView, ts)
	if !v.Joins[0].Optional || !strings.Contains(warnings.Error(), "orders.yaml:6:13: join.customer: the foreign key fk_customer_id is untrusted") {
		t.Errorf("optional %v, warnings %v", v.Joins[0].Optional, warnings)
	}
	order.ForeignKeys[0].Disabled = true
	_, _, err := view.Check(declared(t, ordersView), ts, dialect{})
	if err == nil || !strings.Contains(err.Error(), "is disabled: rows may refer to nothing") {
		t.Errorf("a disabled foreign key: %v", err)
	}
}

func TestLookingAtIsWarnedOf(t *testing.T) {
	_, warnings := checked(t, strings.Replace(ordersView, "filter: [", "looks_at: 5000\nfilter: [urgent, ", 1), shop())
	if !strings.Contains(warnings.Error(), "up to 5000 rows are looked at for each page: this one would: CREATE INDEX") {
		t.Errorf("warnings: %v", warnings)
	}
}

const totals = `report: order_totals
of: orders
group: [status, {field: ordered_at, by: month, as: month}]
measures: {orders: count, amount: {sum: total}, first: {min: ordered_at}, customers: {distinct: customer}}
`

func TestReport(t *testing.T) {
	v, _ := checked(t, ordersView, shop())
	r, err := view.CheckReport(declared(t, totals), v)
	if err != nil {
		t.Fatal(err)
	}
	if r.Group[1].By != view.Month || r.Group[1].Name != "month" || r.Measures[0].Field != -1 {
		t.Errorf("report %+v", r)
	}
	if m := r.Measures[1]; m.Of != view.Sum || m.Type.Kind != mapping.DecimalColumn || m.Type.Precision != 38 || m.Type.Scale != 2 {
		t.Errorf("the sum is %+v", m)
	}
	if r.Rows != 100_000 || r.Scans {
		t.Errorf("it reads %d rows, and may scan: %v", r.Rows, r.Scans)
	}
	if names := r.Columns(); len(names) != 6 || names[1].Name != "month" || names[1].Type.Kind != mapping.DateColumn || names[3].Name != "amount" {
		t.Errorf("columns %+v", names)
	}
	unasked := *v
	unasked.Fields = slices.Clone(v.Fields)
	for i := range unasked.Fields {
		unasked.Fields[i].Filter = false
	}
	if _, err := view.CheckReport(declared(t, totals), &unasked); err == nil || !strings.Contains(err.Error(), "scans: true lets it read every row") {
		t.Errorf("a report that nobody can ask: %v", err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"status,", "stats,", `the view orders has no field "stats"; did you mean status?`},
		{"field: ordered_at, by: month", "field: status, by: month", "status is string, which has no month"},
		{"by: month", "by: moon", "expected day, week, month, quarter or year"},
		{"as: month", "as: status", "status stands here twice"},
		{"{sum: total}", "{sum: status}", "only integers and decimals have an exact sum"},
		{"{sum: total}", "{add: total}", "expected distinct, sum, min or max"},
		{"{sum: total}", "total", "expected count, or one of distinct"},
		{"of: orders", "of: orders\nrows: 5000001", "expected a number of rows from 1 to 5000000"},
		{"of: orders", "of: orders\nrows: many", "expected a number of rows"},
		{"of: orders", "of: orders\nscans: perhaps", "scans"},
	} {
		d, err := view.Parse("totals.yaml", []byte(strings.Replace(totals, tt.old, tt.new, 1)))
		if err == nil {
			_, err = view.CheckReport(d, v)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.new, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(ordersView))
	f.Add([]byte(totals))
	for _, tt := range complaints {
		f.Add([]byte(strings.Replace(ordersView, tt.old, tt.new, 1)))
	}
	ts := shop()
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := view.Parse("view.yaml", src)
		if err == nil && !d.IsReport() {
			_, _, err = view.Check(d, ts, nil)
		}
		if err == nil {
			return
		}
		faults, ok := err.(config.Faults)
		if !ok {
			t.Fatalf("%T: %v", err, err)
		}
		for _, one := range faults {
			if one.Message == "" || one.File == "" {
				t.Fatalf("a fault without place or words: %+v", one)
			}
		}
	})
}
