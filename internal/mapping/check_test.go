package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// one is a schema of the table dbo.t with the column a.
func one(t mapping.ColumnType) tables {
	m := &mapping.TableModel{Name: mapping.TableName{Schema: "dbo", Name: "t"}, Columns: []mapping.ColumnModel{column("a", t)}}
	return tables{m.Name: m}
}

func ascii(n int) mapping.ColumnType {
	return mapping.ColumnType{Kind: mapping.StringColumn, Length: n}
}

func coded(n int, charset string) mapping.ColumnType {
	return mapping.ColumnType{Kind: mapping.StringColumn, Length: n, Charset: charset}
}

// A value that its column would refuse or change never gets past Apply.
func TestLimits(t *testing.T) {
	const big = "9223372036854775808"
	kind := func(k mapping.ColumnKind) mapping.ColumnType { return mapping.ColumnType{Kind: k, Nullable: true} }
	scaled := func(t mapping.ColumnType, n int) mapping.ColumnType { t.Scale = n; return t }
	early := kind(mapping.DateTimeColumn)
	early.Scale, early.Earliest = 3, time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		column mapping.ColumnType
		expr   string
		body   string
		want   string // the value, or what the column expects
		narrow string // what Check says, or nothing
	}{
		{"fits", text(3), "t:text", "<t:text>abc</t:text>", "abc", "any length meets 3 UTF-16 units"},
		{"long", text(3), "t:text", "<t:text>abcd</t:text>", "! at most 3 UTF-16 units", "any length meets 3 UTF-16 units"},
		{"surrogates", text(3), "t:text", "<t:text>a𝄞b</t:text>", "! at most 3 UTF-16 units", "any length meets 3 UTF-16 units"},
		{"umlauts in UTF-16", text(3), "t:text", "<t:text>äöü</t:text>", "äöü", "any length meets 3 UTF-16 units"},
		{"no limit", text(0), "t:text", "<t:text>" + strings.Repeat("x", 9000) + "</t:text>", strings.Repeat("x", 9000), ""},
		{"ascii", ascii(3), "t:text", "<t:text>ab\u00e9</t:text>", "! only characters of the code page us-ascii", "any length meets 3 bytes"},
		{"code page", coded(3, "windows-1252"), "t:text", "<t:text>€é</t:text>", "€é", "any length meets 3 bytes"},
		{"outside the code page", coded(0, "windows-1252"), "t:text", "<t:text>Ł</t:text>", "! only characters of the code page windows-1252", "any character meets the code page windows-1252"},
		{"code page length", coded(2, "windows-1252"), "t:text", "<t:text>€éa</t:text>", "! at most 2 bytes", "any length meets 2 bytes"},
		{"utf-8 bytes", coded(3, "utf-8"), "t:text", "<t:text>éé</t:text>", "! at most 3 bytes", "any length meets 3 bytes"},
		{"number as text", text(3), "t:exact", "<t:exact>0012.50</t:exact>", "! at most 3 UTF-16 units", "xs:decimal as text meets 3 UTF-16 units"},
		{"number as text", text(4), "t:exact", "<t:exact>0012.50</t:exact>", "12.5", "xs:decimal as text meets 4 UTF-16 units"},
		{"boolean as text", text(5), "t:flag", "<t:flag>1</t:flag>", "true", ""},

		{"integer", bigint, "t:whole", "<t:whole>-9223372036854775808</t:whole>", "-9223372036854775808", "any to any meets -9223372036854775808 to 9223372036854775807"},
		{"integer", bigint, "t:whole", "<t:whole>" + big + "</t:whole>", "! a whole number from -9223372036854775808 to 9223372036854775807", "any to any meets -9223372036854775808 to 9223372036854775807"},
		{"integer", integer, "t:whole", "<t:whole>" + strings.Repeat("9", 100) + "</t:whole>", "! a whole number from -2147483648 to 2147483647", "any to any meets -2147483648 to 2147483647"},

		{"decimal", decimal(5, 2), "t:exact", "<t:exact>999.990</t:exact>", "999.99", "any number of digits meets decimal(5,2)"},
		{"decimal", decimal(5, 2), "t:exact", "<t:exact>0.999</t:exact>", "! at most 5 digits, 2 of them after the point", "any number of digits meets decimal(5,2)"},
		{"decimal", decimal(5, 2), "t:exact", "<t:exact>1000</t:exact>", "! at most 5 digits, 2 of them after the point", "any number of digits meets decimal(5,2)"},
		{"decimal", decimal(5, 2), "t:exact", "<t:exact>-000999.00000</t:exact>", "-999", "any number of digits meets decimal(5,2)"},
		{"decimal", decimal(2, 2), "t:exact", "<t:exact>0.00</t:exact>", "0", "any number of digits meets decimal(2,2)"},
		{"decimal", decimal(2, 2), "t:exact", "<t:exact>0.09</t:exact>", "0.09", "any number of digits meets decimal(2,2)"},
		{"thirds", decimal(38, 10), "1 div 3", "", "! at most 38 digits, 10 of them after the point", "any number of digits meets decimal(38,10)"},

		{"fraction is cut", scaled(kind(mapping.DateTimeColumn), 3), "{from: t:at, zone: UTC}", "<t:at>2026-12-31T23:59:59.9999999Z</t:at>", "2026-12-31T23:59:59.999Z", ""},
		{"fraction is cut before 1970", scaled(kind(mapping.DateTimeColumn), 0), "{from: t:at, zone: UTC}", "<t:at>1903-12-31T23:59:59.9Z</t:at>", "1903-12-31T23:59:59Z", ""},
		{"too early", early, "{from: t:at, zone: UTC}", "<t:at>1700-01-01T00:00:00Z</t:at>", "! a time from 1753-01-01T00:00:00Z to 9999", "any year meets 1753-01-01 to 9999"},
		{"too early in UTC", early, "{from: t:at, zone: UTC}", "<t:at>1753-01-01T00:00:00+02:00</t:at>", "! a time from 1753-01-01T00:00:00Z to 9999", "any year meets 1753-01-01 to 9999"},
		{"year 10000", scaled(kind(mapping.DateTimeColumn), 7), "{from: t:at, zone: UTC}", "<t:at>9999-12-31T23:59:59-01:00</t:at>", "! a time from 0001 to 9999", ""},
		{"negative year", kind(mapping.DateColumn), "t:on", "<t:on>-0001-01-01</t:on>", "! a day from 0001 to 9999", ""},
		{"day", kind(mapping.DateColumn), "t:on", "<t:on>2026-01-01-10:00</t:on>", "2026-01-01-10:00", ""},
		{"time", kind(mapping.TimeColumn), "t:time", "<t:time>10:00:00</t:time>", "10:00:00", ""},
		{"bit", kind(mapping.BoolColumn), "t:flag", "<t:flag>0</t:flag>", "false", ""},
		{"NaN", kind(mapping.FloatColumn), "t:approx", "<t:approx>NaN</t:approx>", "! a finite number", "NaN and INF meet finite numbers"},
		{"INF", kind(mapping.FloatColumn), "t:approx", "<t:approx>INF</t:approx>", "! a finite number", "NaN and INF meet finite numbers"},
		{"float", kind(mapping.FloatColumn), "t:approx", "<t:approx>1E300</t:approx>", "1.0E300", "NaN and INF meet finite numbers"},
		{"bytes", mapping.ColumnType{Kind: mapping.BytesColumn, Length: 2}, "t:hex", "<t:hex>010203</t:hex>", "! at most 2 bytes", "any length meets 2 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := valued(t, "a: "+tt.expr, "")
			tt.column.Nullable = true
			c, err := m.Check(one(tt.column))
			if err != nil {
				t.Fatal(err)
			}
			reasons := ""
			for _, n := range c.Narrowings {
				reasons += n.Reason
			}
			if reasons != tt.narrow {
				t.Errorf("narrowings %q, want %q", reasons, tt.narrow)
			}
			cs, err := c.Apply(input(t, post(tt.body)))
			got := ""
			if err != nil {
				if f := fault.Of(err); f.Code != fault.CodeNarrowing {
					t.Fatal(err)
				}
				got = "! " + fault.Of(err).Details[0].Expected
			} else {
				got = cell(cs.Rows[0][0].Cells[0])
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNarrowingFault(t *testing.T) {
	c, err := valued(t, "a: t:text", "").Check(one(nullable(text(3))))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Apply(input(t, post("<t:text>secret</t:text>")))
	want := "GH-4002\nv.yaml:8:10: line 1, column 79: /t:Post/t:text: the value does not fit its column; found secret; expected at most 3 UTF-16 units; for dbo.t.a"
	if got := complaints(err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	_, err = c.Apply(input(t, post("<t:text>"+strings.Repeat("s", 65)+"</t:text>")))
	if got := fault.Of(err).Details[0].Found; got != "65 characters" {
		t.Errorf("found %q", got)
	}
}

func TestMisfits(t *testing.T) {
	for _, tt := range []struct {
		expr   string
		column mapping.ColumnType
		want   string
	}{
		{"t:at", day, "the column is date and the value is xs:dateTime; convert it with xs:date(…)"},
		{"t:on", moment, "the column is datetime and the value is xs:date; convert it with xs:dateTime(…)"},
		{"t:exact", integer, "the column is integer and the value is xs:decimal; convert it with xs:integer(…)"},
		{"t:approx", decimal(5, 2), "the column is decimal and the value is xs:double; convert it with xs:decimal(…)"},
		{"t:data", text(5), "the column is string and the value is xs:base64Binary"},
		{"t:text", mapping.ColumnType{Kind: mapping.BytesColumn}, "the column is bytes and the value is xs:string"},
		{"t:whole", mapping.ColumnType{Kind: mapping.BoolColumn}, "the column is bool and the value is xs:integer; convert it with xs:boolean(…)"},
		{"{value: 2026-01-01}", day, "the column is date and the value is xs:string; convert it with xs:date(…)"},
		{"{value: 300}", mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 255}, `"300" does not fit: the column takes a whole number from 0 to 255`},
		{"t:text", mapping.ColumnType{Kind: mapping.StringColumn, Computed: true}, "the database makes the values of this column; a mapping cannot write it"},
	} {
		tt.column.Nullable = true
		_, err := valued(t, "a: "+tt.expr, "").Check(one(tt.column))
		if err == nil {
			t.Errorf("%s: no fault", tt.expr)
			continue
		}
		if got := fault.Of(err).Details[0].Message; got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.expr, got, tt.want)
		}
	}
}

func TestCheckKeysAndOrder(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right))
	customer := mapping.TableName{Schema: "crm", Name: "customer"}
	orders := mapping.TableName{Schema: "sales", Name: "sales_order"}
	for _, tt := range []struct {
		name  string
		spoil func(tables)
		want  string
	}{
		{"needed column", func(ts tables) { ts[customer].Columns = append(ts[customer].Columns, column("vat", text(5))) },
			"m.yaml:7:5: the column takes no NULL, has no default, and the mapping does not write it; for crm.customer.vat"},
		{"column with a default", func(ts tables) {
			ts[customer].Columns = append(ts[customer].Columns, column("vat", defaulted(text(5))))
		}, ""},
		{"foreign key to a later row", func(ts tables) { ts[customer].ForeignKeys = to("sales", "order_line", "name") },
			"m.yaml:7:5: the foreign key (name) refers to sales.order_line, which is written later, at m.yaml:24:9; for crm.customer"},
		{"foreign key to itself", func(ts tables) { ts[customer].ForeignKeys = to("crm", "customer", "name") }, ""},
		{"key of no index", func(ts tables) { ts[orders].Unique = nil },
			"m.yaml:14:5: match needs a unique index on (order_no); for sales.sales_order"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ts := business()
			tt.spoil(ts)
			_, err := m.Check(ts)
			got := ""
			if err != nil {
				got = fault.Of(err).Details[0].String()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKeyBytes(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right))
	ts := business()
	customer := ts[mapping.TableName{Schema: "crm", Name: "customer"}]
	customer.Columns[1] = column("customer_no", text(0))
	customer.KeyBytes = 30
	c, err := m.Check(ts)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Narrowings[len(c.Narrowings)-1].String(); got != "m.yaml:11:20: o:Order/o:Customer/@number -> crm.customer.customer_no: an index key takes 15 UTF-16 units" {
		t.Errorf("got %s", got)
	}
	_, err = c.Apply(input(t, strings.Replace(order, `number="C-1"`, `number="C-12345678901234"`, 1)))
	if fault.Of(err) == nil || fault.Of(err).Code != fault.CodeNarrowing {
		t.Errorf("got %v", err)
	}
}

// TestKeyBytesOfCopies: what another row or a look-up gives cannot be refused by
// its length; where it may be too long for an index, the mapping is.
func TestKeyBytesOfCopies(t *testing.T) {
	m := compile(t, "m.yaml", []byte(strings.Replace(right, "customer_id: $customer/id", "customer_id: $customer/id\n      copied: $customer/name", 1)))
	named := func(schema, name string) mapping.TableName { return mapping.TableName{Schema: schema, Name: name} }
	for _, tt := range []struct {
		name         string
		source, room int
		want         string
	}{
		{"fits", 200, 900, ""},
		{"the source holds less", 400, 900, ""},
		{"too long", 451, 900, "m.yaml:14:5: the key (copied) may be longer than the 900 bytes an index takes; for sales.sales_order"},
		{"room enough", 451, 1700, ""},
	} {
		ts := business()
		customer, order := ts[named("crm", "customer")], ts[named("sales", "sales_order")]
		name, _ := customer.Column("name")
		name.Length = tt.source
		order.Columns = append(order.Columns, column("copied", text(800)))
		order.Narrow = []mapping.IndexModel{{Columns: []string{"copied"}, Bytes: tt.room}}
		_, err := m.Check(ts)
		got := ""
		if err != nil {
			got = fault.Of(err).Details[0].String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Check leaves the mapping alone: two databases may differ.
func TestCheckDoesNotChangeTheMapping(t *testing.T) {
	m := valued(t, "a: t:text", "")
	if _, err := m.Check(one(nullable(text(1)))); err != nil {
		t.Fatal(err)
	}
	if got := cells(m, input(t, post("<t:text>long</t:text>"))); got != "long" {
		t.Errorf("got %q", got)
	}
}

// TestStubAmongColumns: a look-up that makes the row it misses is a step of its
// own, and none of the columns around it is lost.
func TestStubAmongColumns(t *testing.T) {
	src := `mapping: m
contract: wsdl/orders/orders.wsdl#SubmitOrder
namespaces: {o: urn:gatehouse:samples:orders:1}
identity: o:Header/o:MessageId
rows:
  - table: sales.sales_order
    as: order
    match: [order_no]
    columns:
      order_no: o:Order/o:OrderNumber
      customer_id: {lookup: crm.customer, where: {customer_no: o:Order/o:Customer/@number}, column: id, not_found: insert, insert: {name: {value: unknown}, country: {value: FI}}}
      status: o:Order/o:Status
      currency: o:Order/o:Currency
      ordered_at: {from: o:Order/o:OrderedAt, zone: UTC}
reply: {OrderId: $order/id, OrderNumber: o:Order/o:OrderNumber, Status: {$value: ACCEPTED}}
`
	if got := judge(loadContract(t), src, business()); got != "" {
		t.Error(got)
	}
	m := compile(t, "m.yaml", []byte(src))
	if n := len(m.Tables[0].Columns); n != 5 || len(m.Tables) != 2 || len(m.Tables[0].Match) != 1 {
		t.Errorf("%d columns of %d steps: %+v", n, len(m.Tables), m.Tables[0])
	}
}
