package mapping_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// asked is a query that uses all that there is.
const asked = `query: find-orders
contract: ask.wsdl#FindOrders
namespaces: {t: urn:test:ask}
view: orders
where:
  - {field: customer, eq: t:Customer}
  - {field: status, in: t:Status}
  - {field: status, ne: {value: DRAFT}, when: not(t:Status)}
  - {field: ordered_at, ge: {from: t:From, zone: Europe/Helsinki}, lt: {from: t:To, zone: UTC}}
  - {field: total, ge: t:AtLeast}
order: [ordered_at desc, order_no]
page: {rows: t:PageSize, default: 5, most: 50, after: t:After}
count: true
expand: {lines: {rows: 7}}
reply:
  Order:
    $each: $page/row
    Number: order_no
    Status: status
    OrderedAt: ordered_at
    Note: note
    Total: sum(lines/row/amount)
    Line: {$each: lines/row, Sku: sku, Quantity: quantity}
    MoreLines: lines/cut
  Count: {$when: not($page/at_least), Whole: ""}
  After: $page/next
faults:
  - {fault: Problem, when: t:From > t:To, reason: "from {t:From}", body: {Code: {$value: PERIOD}}}
  - {fault: Problem, on: stale_page, body: {Code: {$value: PAGE}}}
`

// finding is asked, with a Count that can be written.
var finding = strings.Replace(asked, `{$when: not($page/at_least), Whole: ""}`, "$page/count", 1)

const getting = `query: get-order
contract: ask.wsdl#GetOrder
namespaces: {t: urn:test:ask}
view: orders
key: {order_no: t:Number}
reply:
  Order: {Number: $page/row/order_no, Status: $page/row/status}
faults:
  - {fault: Problem, on: not_found, reason: "there is no order {t:Number}", body: {Code: {$value: UNKNOWN}}}
`

func askContract(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../testdata/ask"), "ask.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// viewed is the view that the queries are of: with the types of its fields, or not.
func viewed(typed bool) *mapping.Viewed {
	field := func(name string, t mapping.ColumnType) mapping.ViewedField {
		if !typed {
			t = mapping.ColumnType{}
		}
		return mapping.ViewedField{Name: name, Type: t, Nullable: t.Nullable, Filter: name != "note", Sort: name == "ordered_at" || name == "order_no"}
	}
	text := mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true, Length: 40}
	decimal := mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 18, Scale: 2}
	note := text
	note.Nullable = true
	lines := &mapping.Viewed{Name: "orders/lines", Typed: typed, Key: []string{"line_no"}, Fields: []mapping.ViewedField{
		field("line_no", mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 1 << 31}), field("sku", text), field("quantity", decimal), field("amount", decimal)}}
	return &mapping.Viewed{Name: "orders", Typed: typed, Key: []string{"order_no"}, Fields: []mapping.ViewedField{
		field("order_no", text), field("status", text), field("ordered_at", mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 3}), field("note", note),
		field("customer", text), field("total", decimal), field("open", mapping.ColumnType{Kind: mapping.BoolColumn})},
		Children: []mapping.ViewedChild{{Name: "lines", View: lines}}}
}

func compileQuery(t *testing.T, src string, typed bool) *mapping.Query {
	t.Helper()
	f, err := mapping.ParseQuery("q.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	q, err := mapping.CompileQuery(f, askContract(t), viewed(typed))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func queryInput(t *testing.T, payload string) *mapping.Input {
	t.Helper()
	tree, err := document.Read([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return &mapping.Input{Payload: tree.Root(), Principal: mapping.Principal{Login: "erp.alice"}}
}

func selection(s mapping.Selection) string {
	text := strings.Join(s.Fields, " ") + " !" + strings.Join(s.Demanded, " ")
	for _, c := range s.Children {
		text += " " + c.Name + "(" + selection(c.Shown) + ")"
	}
	return text
}

// TestCompileQuery finds out what is asked for, and what of it a row has to show:
// what the contract demands and the key is not.
func TestCompileQuery(t *testing.T) {
	q := compileQuery(t, finding, true)
	if got, want := selection(q.Shown), "order_no status ordered_at note !status lines(sku quantity amount !sku quantity)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var conditions []string
	for _, c := range q.Conditions {
		conditions = append(conditions, c.String())
	}
	if got := strings.Join(conditions, ", "); got != "customer eq, status in, status ne, ordered_at ge, ordered_at lt, total ge" || len(q.Optional()) != 6 {
		t.Errorf("%s, optional %v", got, q.Optional())
	}
	if q.Rows != 5 || q.Most != 50 || q.Shown.Children[0].Rows != 7 || len(q.Warnings) != 0 {
		t.Errorf("%+v", q)
	}
	for expression, want := range map[string]string{
		"string((note | status)[1])": "order_no status ordered_at note ! lines", "string(count(*))": "order_no status ordered_at note customer total open ! lines", "(note, 'none')[1]": "order_no ordered_at note ! lines",
	} {
		q := compileQuery(t, strings.Replace(finding, "Status: status\n", "Status: \""+expression+"\"\n", 1), true)
		if got := selection(q.Shown); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
	if q := compileQuery(t, getting, true); selection(q.Shown) != "order_no status !status" || q.Most != 1 {
		t.Errorf("%+v", q)
	}
}

// TestUntypedQuery judges names before the tables are known, and no types.
func TestUntypedQuery(t *testing.T) {
	if q := compileQuery(t, finding, false); q.Operation.Name != "FindOrders" || len(q.Conditions) != 6 || len(q.Faults) != 2 {
		t.Errorf("%+v", q)
	}
	for from, to := range map[string]string{"amount": "amont", "Note: note": "Note: noet", "t:AtLeast}": "t:Atleast}", "$page/next": "$page/nxt", "field: total": "field: totl", "key": "key"} {
		f, err := mapping.ParseQuery("q.yaml", []byte(strings.Replace(finding, from, to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = mapping.CompileQuery(f, askContract(t), viewed(false)); (err == nil) != (from == to) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestQueryFaults names what is wrong, where it stands.
func TestQueryFaults(t *testing.T) {
	for name, test := range map[string]struct{ from, to, want string }{
		"unknown field":     {"Number: order_no", "Number: oder_no", `q.yaml:18:13: reply.Order.Number: row has no child oder_no; did you mean order_no?`},
		"unknown condition": {"field: total", "field: totl", `q.yaml:10:13: where[4].field: the view orders has no field totl; did you mean total?`},
		"not filtered":      {"field: total", "field: note", `it is not in filter: of the view`},
		"not sorted":        {"order: [ordered_at desc, order_no]", "order: [status]", "it is not in sort: of the view"},
		"direction":         {"ordered_at desc", "ordered_at down", "expected a field, or a field and desc"},
		"type":              {"{field: total, ge: t:AtLeast}", "{field: total, ge: t:From}", "total: the field is decimal and the value is xs:dateTime"},
		"several":           {"{field: customer, eq: t:Customer}", "{field: customer, eq: t:Status}", "compare with in:"},
		"ordering":          {"{field: total, ge: t:AtLeast}", "{field: open, ge: {value: true}}", "the field open is bool, which is equal or not"},
		"constant":          {"{field: total, ge: t:AtLeast}", "{field: total, ge: {value: many}}", `"many"`},
		"no comparison":     {", ge: t:AtLeast", "", "a condition says how the field compares"},
		"rows":              {"rows: t:PageSize", "rows: t:AtLeast", "a page has a whole number of rows"},
		"most":              {"most: 50", "most: 5000", "from 1 to 1000"},
		"default":           {"default: 5,", "default: 51,", "from 1 to 50"},
		"required missing":  {"    Status: status\n", "", "Order/Status: a required element is missing"},
		"nullable":          {"    Status: status\n", "    Status: note\n", "Order/Status: a required element may be missing"},
		"reply type":        {"OrderedAt: ordered_at", "OrderedAt: total", "the contract takes xs:dateTime here, and this is xs:decimal"},
		"unknown child":     {"{lines: {rows: 7}}", "{line: {rows: 7}}", "the view orders has no child line; did you mean lines?"},
		"request field":     {"t:Customer}", "t:Custmer}", "t:FindOrders has no child t:Custmer; did you mean t:Customer?"},
		"page in where":     {"eq: t:Customer", "eq: $page/count", "$page"},
		"outcome":           {"on: stale_page", "on: superseded", `"superseded" is no outcome that a fault can answer`},
		"whole row":         {"Note: note", "Note: string(.)", "a row has no text of its own"},
		"look-up":           {"eq: t:Customer", "eq: {lookup: a.b, where: {c: t:Customer}, column: d}", "what a field is compared with"},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.Replace(finding, test.from, test.to, 1)
			if src == finding {
				t.Fatal("the query does not have that")
			}
			f, err := mapping.ParseQuery("q.yaml", []byte(src))
			if err == nil {
				_, err = mapping.CompileQuery(f, askContract(t), viewed(true))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// TestAsk reads requests.
func TestAsk(t *testing.T) {
	q := compileQuery(t, finding, true)
	question, err := q.Ask(queryInput(t, `<FindOrders xmlns="urn:test:ask"><Customer>C-1</Customer><Status>A</Status><Status>B</Status><From>2026-03-01T00:00:00</From><To>2026-04-01T00:00:00Z</To><AtLeast>12.50</AtLeast><PageSize>999999999999999999999</PageSize><After>tok</After></FindOrders>`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range question.Conditions {
		text := q.Conditions[a.Condition].String()
		for _, v := range a.Values {
			text += " " + v.Lexical()
		}
		got = append(got, text)
	}
	want := "customer eq C-1, status in A B, ordered_at ge 2026-03-01T00:00:00+02:00, ordered_at lt 2026-04-01T00:00:00Z, total ge 12.5"
	if s := strings.Join(got, ", "); s != want || question.Rows != 50 || question.After != "tok" {
		t.Errorf("%s\nwant %s\n%+v", s, want, question)
	}
	question, err = q.Ask(queryInput(t, `<FindOrders xmlns="urn:test:ask"><Customer xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></FindOrders>`))
	if err != nil || len(question.Conditions) != 2 || !question.Conditions[0].Null || question.Conditions[1].Values[0].Text != "DRAFT" || question.Rows != 5 {
		t.Errorf("%+v, %v", question, err)
	}
	for _, size := range []string{"0", "-3", "-99999999999999999999"} {
		_, err = q.Ask(queryInput(t, `<FindOrders xmlns="urn:test:ask"><PageSize>`+size+`</PageSize></FindOrders>`))
		if f := fault.Of(err); f == nil || f.Code != fault.CodeQuery || len(f.Details) != 1 || f.Details[0].Path == "" {
			t.Errorf("%s: %v", size, err)
		}
	}
	_, err = q.Ask(queryInput(t, `<FindOrders xmlns="urn:test:ask"><From>2026-03-02T00:00:00Z</From><To>2026-03-01T00:00:00Z</To></FindOrders>`))
	if _, d := rejected(t, err); d.Reason != "from 2026-03-02T00:00:00Z" {
		t.Errorf("%+v", d)
	}
	// A local time that the clocks skipped is the sender's to mend.
	_, err = q.Ask(queryInput(t, `<FindOrders xmlns="urn:test:ask"><From>2026-03-29T03:30:00</From></FindOrders>`))
	if f := fault.Of(err); f == nil || f.Code != fault.CodeMapping {
		t.Errorf("%v", err)
	}
}

// TestQueryReply writes the contract's element of a page.
func TestQueryReply(t *testing.T) {
	q := compileQuery(t, finding, true)
	page := queryInput(t, `<page><row><order_no>PO-1</order_no><status></status><lines><row><sku>S</sku><quantity>2.00</quantity><amount>5.00</amount></row><cut>true</cut></lines></row><row><order_no>PO-2</order_no><status>X</status><note> n </note></row><next>tok</next><count>17</count><at_least>false</at_least></page>`).Payload
	got, err := q.Reply(queryInput(t, `<FindOrders xmlns="urn:test:ask"/>`), page)
	want := `<ns1:FindOrdersResponse xmlns:ns1="urn:test:ask"><ns1:Order><ns1:Number>PO-1</ns1:Number><ns1:Status/><ns1:Total>5</ns1:Total><ns1:Line><ns1:Sku>S</ns1:Sku><ns1:Quantity>2</ns1:Quantity></ns1:Line><ns1:MoreLines>true</ns1:MoreLines></ns1:Order><ns1:Order><ns1:Number>PO-2</ns1:Number><ns1:Status>X</ns1:Status><ns1:Note> n </ns1:Note><ns1:Total>0</ns1:Total></ns1:Order><ns1:Count>17</ns1:Count><ns1:After>tok</ns1:After></ns1:FindOrdersResponse>`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}
