package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// right is a mapping without a fault; each wrong one differs from it in one place.
const right = `mapping: m
contract: wsdl/orders/orders.wsdl#SubmitOrder
namespaces: {o: urn:gatehouse:samples:orders:1}
identity: o:Header/o:MessageId
business_keys: {order: o:Order/o:OrderNumber}
rows:
  - table: crm.customer
    as: customer
    match: [customer_no]
    columns:
      customer_no: o:Order/o:Customer/@number
      name: o:Order/o:Customer/o:Name
      country: o:Order/o:Customer/o:Country
  - table: sales.sales_order
    as: order
    match: [order_no]
    columns:
      order_no: o:Order/o:OrderNumber
      customer_id: $customer/id
      status: o:Order/o:Status
      currency: o:Order/o:Currency
      ordered_at: {from: o:Order/o:OrderedAt, zone: UTC}
    children:
      - table: sales.order_line
        as: line
        each: o:Order/o:Lines/o:Line
        match: [order_id, line_no]
        columns:
          order_id: $order/id
          line_no: "@no"
          product_id: {lookup: catalog.product, where: {sku: o:Sku}, column: id}
          quantity: o:Quantity
          unit: o:Unit
          unit_price: o:UnitPrice
          amount: o:Quantity * o:UnitPrice
publish:
  - channel: events
    when: o:Order/o:Status != 'DRAFT'
    routing_key: order.{o:Order/o:Currency}
    body: {no: o:Order/o:OrderNumber}
reply: {OrderId: $order/id, OrderNumber: o:Order/o:OrderNumber, Status: {$value: ACCEPTED}}
`

// orderStatus is the code set of the mappings below.
const orderStatus = `code_set: order_status
owner: sales operations
description: What an order's status is called in the books.
codes:
  - {code: SUBMITTED, value: NEW, valid_from: 2026-01-01}
  - {code: DRAFT, value: OPEN, valid_to: 2026-06-30, comment: no drafts any more}
  - {code: CONFIRMED, value: CONFIRMED}
`

// judge runs a mapping as far as it goes and returns all complaints.
func judge(c *contract.Contract, src string, ts tables) string {
	f, err := mapping.Parse("m.yaml", []byte(src))
	if err != nil {
		return err.Error()
	}
	set, err := mapping.ParseCodeSet("codes/order_status.yaml", []byte(orderStatus))
	if err != nil {
		return err.Error()
	}
	m, err := mapping.Compile(f, c, set)
	if err != nil {
		return err.Error()
	}
	if _, err := m.Check(ts); err != nil {
		var lines []string
		for _, d := range fault.Of(err).Details {
			lines = append(lines, d.String())
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

func TestRightMapping(t *testing.T) {
	if got := judge(loadContract(t), right, business()); got != "" {
		t.Error(got)
	}
}

// TestAmendedRow: a row that is never made needs no value for every column, and
// may have an absent one where it could not be left out.
func TestAmendedRow(t *testing.T) {
	const all = "      name: o:Order/o:Customer/o:Name\n      country: o:Order/o:Customer/o:Country\n"
	const some = "      name: o:Order/o:Customer/o:Email\n"
	src := strings.Replace(right, all, some, 1)
	if got := judge(loadContract(t), src, business()); got == "" {
		t.Error("a row that is made may lack what its columns need")
	}
	src = strings.Replace(src, "match: [customer_no]", "match: [customer_no]\n    on_missing: reject", 1)
	if got := judge(loadContract(t), src, business()); got != "" {
		t.Error(got)
	}
}

// TestSequences: a row without a natural key is known by a number.
func TestSequences(t *testing.T) {
	src := strings.Replace(right, "        match: [order_id, line_no]\n", "        sequence: {column: line_no, name: sales.line_no}\n", 1)
	src = strings.Replace(src, "          line_no: \"@no\"\n", "", 1)
	src = strings.Replace(src, "publish:", `        children:
          - table: sales.order_line_feature
            each: o:Feature
            columns: {line_id: $line/line_no, name: "@name", value: .}
publish:`, 1)
	c, ts := loadContract(t), business()
	named := func(schema, name string) mapping.TableName { return mapping.TableName{Schema: schema, Name: name} }
	const none = "m.yaml:27:28: the database has no such sequence; CREATE SEQUENCE sales.line_no AS bigint START WITH 1 makes it; for sales.line_no"
	if got := judge(c, src, ts); got != none {
		t.Errorf("got %s\nwant %s", got, none)
	}
	ts[named("sales", "line_no")] = ts[named("sales", "order_line")]
	if got := judge(c, src, ts); got != none {
		t.Errorf("a table for a sequence: %s", got)
	}
	ts[named("sales", "line_no")] = &mapping.TableModel{Name: named("sales", "line_no"), Sequence: true}
	const loose = "m.yaml:27:28: a row is known by the number of its sequence, which needs a unique index on (line_no); for sales.order_line.line_no"
	if got := judge(c, src, ts); got != loose {
		t.Errorf("got %s\nwant %s", got, loose)
	}
	line := ts[named("sales", "order_line")]
	line.Unique = append(line.Unique, []string{"line_no"})
	if got := judge(c, src, ts); got != "" {
		t.Error(got)
	}
}

func TestWrongMappings(t *testing.T) {
	c := loadContract(t)
	for _, tt := range slices.Concat(wrong, habits) {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(right, tt.old) != 1 {
				t.Fatalf("%q stands %d times in the right mapping", tt.old, strings.Count(right, tt.old))
			}
			got := judge(c, strings.Replace(right, tt.old, tt.new, 1), business())
			if got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

// wrongMapping differs from the right one in one place.
type wrongMapping struct{ name, old, new, want string }

var wrong = []wrongMapping{
	// Form.
	{"unknown key", "business_keys:", "business_key:", `m.yaml:5:1: business_key: unknown key; did you mean business_keys?`},
	{"no rows", "mapping: m\n", "", `m.yaml:1:1: the key "mapping" is missing`},
	{"contract without operation", "orders.wsdl#SubmitOrder", "orders.wsdl", `m.yaml:2:11: contract: expected the contract's path and operation, as in wsdl/orders/orders.wsdl#SubmitOrder`},
	{"table without schema", "table: crm.customer", "table: customer", `m.yaml:7:12: rows[0].table: expected schema.table, found "customer"`},
	{"empty column", "name: o:Order/o:Customer/o:Name", "name:", `m.yaml:12:12: rows[0].columns.name: a value is missing`},
	{"column list", "name: o:Order/o:Customer/o:Name", "name: [a]", `m.yaml:12:13: rows[0].columns.name: expected an expression, found a list`},
	{"boolean", "name: o:Order/o:Customer/o:Name", "name: true", `m.yaml:12:13: rows[0].columns.name: an expression writes a boolean as true() or false()`},
	{"from and value", "name: o:Order/o:Customer/o:Name", "name: {from: ., value: x}", `m.yaml:12:13: rows[0].columns.name: a column has from: or value:, one of them`},
	{"nothing in braces", "name: o:Order/o:Customer/o:Name", "name: {}", `m.yaml:12:13: rows[0].columns.name: a column has from: or value:, one of them`},
	{"zone on a constant", "name: o:Order/o:Customer/o:Name", "name: {value: x, zone: UTC}", `m.yaml:12:13: rows[0].columns.name: zone, default, absent and truncate go with from:, not with value:`},
	{"truncated number", "          quantity: o:Quantity", "          quantity: {from: o:Quantity, truncate: true}", `m.yaml:32:50: rows[1].children[0].columns.quantity.truncate: truncate is for text and binary values, and this is xs:decimal: it would be another value`},
	{"truncated key", "      order_no: o:Order/o:OrderNumber", "      order_no: {from: o:Order/o:OrderNumber, truncate: true}", `m.yaml:16:13: rows[1].match[0]: match names order_no, which is truncated: two keys that differ further on would be one`},
	{"truncated reference", "customer_id: $customer/id", "customer_id: {from: $customer/id, truncate: true}", `m.yaml:19:20: rows[1].columns.customer_id: zone, default and truncate do not go with a row's column`},
	{"truncate is no word", "name: o:Order/o:Customer/o:Name", "name: {from: ., truncate: end}", `m.yaml:12:33: rows[0].columns.name.truncate: expected true or false, found the text "end"`},
	{"absent is not null", "name: o:Order/o:Customer/o:Name", "name: {from: ., absent: ''}", `m.yaml:12:31: rows[0].columns.name.absent: expected null, found ""; default: gives another value`},
	{"default and absent", "name: o:Order/o:Customer/o:Name", "name: {from: ., default: x, absent: null}", `m.yaml:12:43: rows[0].columns.name.absent: give default or absent, not both`},
	{"code set by path", "status: o:Order/o:Status", "status: {code_set: codes/order_status.yaml, from: o:Order/o:Status}", `m.yaml:20:26: rows[1].columns.status.code_set: expected the name of a code set, as in order_status, or its table; found "codes/order_status.yaml"`},
	{"code set without source", "status: o:Order/o:Status", "status: {code_set: order_status}", `m.yaml:20:15: rows[1].columns.status: the key "from" is missing`},
	{"code set's key", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, unkown: keep}", `m.yaml:20:64: rows[1].columns.status.unkown: unknown key; did you mean unknown?`},
	{"instruction", "body: {no: o:Order/o:OrderNumber}", "body: {$if: a, no: o:Order/o:OrderNumber}", `m.yaml:40:12: publish[0].body.$if: there is no instruction $if; known are $each, $value, $when`},
	{"constant with fields", "body: {no: o:Order/o:OrderNumber}", "body: {$value: a, no: o:Order/o:OrderNumber}", `m.yaml:40:11: publish[0].body: $value stands alone or with $when`},
	{"open brace", "order.{o:Order/o:Currency}", "'order.{o:Order'", `m.yaml:39:25: publish[0].routing_key: { is not closed; write {{ for the character`},
	{"lone brace", "order.{o:Order/o:Currency}", "'order.}'", `m.yaml:39:25: publish[0].routing_key: } without {; write }} for the character`},
	// Syntax of expressions.
	{"unclosed string", "name: o:Order/o:Customer/o:Name", "name: concat('a, o:Order)", `m.yaml:12:20: rows[0].columns.name: the string is not closed; where it has a # in it, put the whole expression in quotes: YAML takes the rest for a comment`},
	{"missing operand", "name: o:Order/o:Customer/o:Name", "name: o:Order/o:Customer/", `m.yaml:12:32: rows[0].columns.name: found the end of the expression where a name should be`},
	{"minus in a name", "amount: o:Quantity * o:UnitPrice", "amount: o:Quantity-o:UnitPrice", `m.yaml:35:31: rows[1].children[0].columns.amount: found ":" where an operator or the end of the expression should be; a prefix, a colon and a name stand together, and a minus needs spaces around it`},
	{"two comparisons", "when: o:Order/o:Status != 'DRAFT'", "when: 1 < 2 < 3", `m.yaml:38:17: publish[0].when: "<" cannot follow another comparison; use parentheses`},
	{"digits", "name: o:Order/o:Customer/o:Name", "name: 1" + strings.Repeat("0", 100), `m.yaml:12:13: rows[0].columns.name: the number is longer than 100 digits`},
	{"loop over structure", "name: o:Order/o:Customer/o:Name", "name: for $x in o:Order return $x", `m.yaml:12:38: rows[0].columns.name: o:Order has child elements; it has no value of its own`},
	{"not yet: function", "name: o:Order/o:Customer/o:Name", "name: serialize(o:Order/o:Customer/o:Name)", `m.yaml:12:13: rows[0].columns.name: not supported yet: the function serialize`},
	{"regular expression", "name: o:Order/o:Customer/o:Name", "name: replace(o:Order/o:Customer/o:Name, '(a', 'b')", `m.yaml:12:48: rows[0].columns.name: a parenthesis of the regular expression is not closed`},
	{"descendants", "name: o:Order/o:Customer/o:Name", "name: .//o:Nmae", `m.yaml:12:16: rows[0].columns.name: o:SubmitOrder has no element below it that is o:Nmae; did you mean o:Name?`},
	{"descendants that repeat", "name: o:Order/o:Customer/o:Name", "name: .//o:Sku", `m.yaml:12:13: rows[0].columns.name: .//o:Sku may be there several times, and one value is needed: put the row under each:, pick one with [1], or use an aggregate such as sum or string-join`},
	{"several types", "name: o:Order/o:Customer/o:Name", "name: (o:Order/o:Lines/o:Line/*)[1]", `m.yaml:12:13: rows[0].columns.name: o:Sku, o:Description, o:Quantity and 3 others are of several types, xs:string and xs:decimal; name one, or take string() of each`},
	{"map to structure", "name: o:Order/o:Customer/o:Name", "name: o:Order!o:Customer", `m.yaml:12:21: rows[0].columns.name: o:Customer has child elements; it has no value of its own`},
	{"absolute", "name: o:Order/o:Customer/o:Name", "name: /o:Order/o:Customer/o:Name", `m.yaml:12:14: rows[0].columns.name: the payload element is o:SubmitOrder, never o:Order`},
	// Names.
	{"unknown operation", "#SubmitOrder", "#SubmitOrdr", `m.yaml:2:11: contract: the contract orders/orders.wsdl has no operation SubmitOrdr; did you mean SubmitOrder?`},
	{"unknown child", "name: o:Order/o:Customer/o:Name", "name: o:Order/o:Custmer/o:Name", `m.yaml:12:21: rows[0].columns.name: o:Order has no child o:Custmer; did you mean o:Customer?`},
	{"no prefix", "name: o:Order/o:Customer/o:Name", "name: o:Order/Customer/o:Name", `m.yaml:12:21: rows[0].columns.name: o:Order has no child Customer; did you mean o:Customer?`},
	{"unknown prefix", "name: o:Order/o:Customer/o:Name", "name: p:Order/o:Customer/o:Name", `m.yaml:12:13: rows[0].columns.name: the prefix "p" is not among the mapping's namespaces; did you mean o?`},
	{"unknown attribute", "o:Order/o:Customer/@number", "o:Order/o:Customer/@numbr", `m.yaml:11:39: rows[0].columns.customer_no: o:Customer has no attribute numbr; did you mean @number?`},
	{"attribute as child", "o:Order/o:Customer/@number", "o:Order/o:Customer/number", `m.yaml:11:39: rows[0].columns.customer_no: o:Customer has no child number; did you mean @number?`},
	{"below a leaf", "country: o:Order/o:Customer/o:Country", "country: o:Order/o:Customer/o:Country/o:Code", `m.yaml:13:45: rows[0].columns.country: o:Country has no child o:Code; it has none at all`},
	{"unknown variable", "customer_id: $customer/id", "customer_id: $custmer/id", `m.yaml:19:20: rows[1].columns.customer_id: there is no variable $custmer; did you mean $customer?`},
	{"unknown field", "name: o:Order/o:Customer/o:Name", "name: $principal/name", `m.yaml:12:24: rows[0].columns.name: $principal has no value name`},
	{"unknown function", "name: o:Order/o:Customer/o:Name", "name: upper(o:Order/o:Customer/o:Name)", `m.yaml:12:13: rows[0].columns.name: there is no function upper; the name is upper-case`},
	{"arity", "name: o:Order/o:Customer/o:Name", "name: upper-case()", `m.yaml:12:13: rows[0].columns.name: upper-case takes one argument, not 0`},
	{"parent of the payload", "name: o:Order/o:Customer/o:Name", "name: ../o:Name", `m.yaml:12:13: rows[0].columns.name: o:SubmitOrder has no parent here; it is the payload element or a header block`},
	{"wrong parent", "unit: o:Unit", "unit: parent::o:Order/o:Currency", `m.yaml:33:17: rows[1].children[0].columns.unit: the parent here is o:Lines, never o:Order`},
	// Types.
	{"repeats", "quantity: o:Quantity", "quantity: ../../../o:Order/o:Lines/o:Line/o:Quantity", `m.yaml:32:21: rows[1].children[0].columns.quantity: ../../../o:Order/o:Lines/o:Line/o:Quantity may be there several times, and one value is needed: put the row under each:, pick one with [1], or use an aggregate such as sum or string-join`},
	{"has children", "name: o:Order/o:Customer/o:Name", "name: o:Order/o:Customer", `m.yaml:12:13: rows[0].columns.name: o:Customer has child elements; it has no value of its own`},
	{"arithmetic on text", "amount: o:Quantity * o:UnitPrice", "amount: o:Quantity * o:Sku", `m.yaml:35:32: rows[1].children[0].columns.amount: * needs a number, not xs:string`},
	{"function on a number", "unit: o:Unit", "unit: upper-case(o:Quantity)", `m.yaml:33:28: rows[1].children[0].columns.unit: upper-case takes xs:string, not xs:decimal; convert it with string()`},
	{"comparison", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:OrderedAt > '2026-01-01'", `m.yaml:38:31: publish[0].when: xs:dateTime cannot be compared with xs:string; convert one of them, as in xs:dateTime(…)`},
	{"condition", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:OrderedAt + 1", `m.yaml:38:31: publish[0].when: there is no + of xs:dateTime and xs:integer`},
	{"date as condition", "when: o:Order/o:Status != 'DRAFT'", "when: xs:date('2026-01-01')", `m.yaml:38:11: publish[0].when: xs:date is neither true nor false`},
	{"branches", "name: o:Order/o:Customer/o:Name", "name: if (o:Order/o:Note) then 1 else 'x'", `m.yaml:12:13: rows[0].columns.name: the branches are xs:integer and xs:string; make them one type`},
	{"cast", "name: o:Order/o:Customer/o:Name", "name: xs:date(5)", `m.yaml:12:13: rows[0].columns.name: xs:integer cannot be cast to xs:date`},
	{"sum of text", "name: o:Order/o:Customer/o:Name", "name: sum(o:Order/o:Lines/o:Line/o:Sku)", `m.yaml:12:13: rows[0].columns.name: sum needs numbers, not a sequence of xs:string`},
	{"position outside", "name: o:Order/o:Customer/o:Name", "name: position()", `m.yaml:12:13: rows[0].columns.name: position() has a meaning within [ ] and behind ! only`},
	{"clock", "ordered_at: {from: o:Order/o:OrderedAt, zone: UTC}", "ordered_at: current-dateTime()", `m.yaml:22:19: rows[1].columns.ordered_at: a mapping has no clock, so that a replay gives the same; use $message/receivedAt`},
	{"each on a value", "each: o:Order/o:Lines/o:Line", "each: count(o:Order)", `m.yaml:26:15: rows[1].children[0].each: expected a path to elements`},
	{"zone", "zone: UTC", "zone: Europe/Helsinky", `m.yaml:22:53: rows[1].columns.ordered_at.zone: "Europe/Helsinky" is not a time zone such as Europe/Helsinki or UTC`},
	{"zone on text", "name: o:Order/o:Customer/o:Name", "name: {from: o:Order/o:Customer/o:Name, zone: UTC}", `m.yaml:12:53: rows[0].columns.name.zone: a zone goes with xs:dateTime, and this is xs:string`},
	{"default of another type", "ordered_at: {from: o:Order/o:OrderedAt, zone: UTC}", "ordered_at: {from: o:Order/o:RequestedDelivery, default: soon}", `m.yaml:22:64: rows[1].columns.ordered_at.default: "soon" is not a date`},
	// Rows.
	{"on_match", "match: [customer_no]", "match: [customer_no]\n    on_match: replace", `m.yaml:10:15: rows[0].on_match: "replace" is none of update, keep and fail`},
	{"on_missing", "match: [customer_no]", "match: [customer_no]\n    on_missing: ignore", `m.yaml:10:17: rows[0].on_missing: "ignore" is none of insert, reject and not_yet`},
	{"on_missing without match", "match: [customer_no]", "on_missing: reject", `m.yaml:9:17: rows[0].on_missing: on_missing needs match: it is about a row that is stored already`},
	{"never stored", "match: [customer_no]", "match: [customer_no]\n    on_match: fail\n    on_missing: reject", `m.yaml:11:17: rows[0].on_missing: with on_match: fail and on_missing: reject no message could be stored`},
	{"match unknown", "match: [customer_no]", "match: [custmer_no]", `m.yaml:9:13: rows[0].match[0]: match names custmer_no, which is not among the columns; did you mean customer_no?`},
	{"match absent", "customer_no: o:Order/o:Customer/@number", "customer_no: o:Order/o:Customer/o:Email", `m.yaml:9:13: rows[0].match[0]: match needs a value in every message, and customer_no may be absent`},
	{"insert without columns", "column: id}", "column: id, not_found: insert}", `m.yaml:31:23: rows[1].children[0].columns.product_id: not_found: insert needs insert:, the columns of the row that is made besides those of where; {} for none`},
	{"columns without insert", "column: id}", "column: id, insert: {name: {value: unknown}}}", `m.yaml:31:90: rows[1].children[0].columns.product_id.insert: insert goes with not_found: insert`},
	{"key inserted twice", "column: id}", "column: id, not_found: insert, insert: {sku: o:Sku, name: o:Unit}}", `m.yaml:31:115: rows[1].children[0].columns.product_id.insert.sku: the column sku is written twice`},
	{"stub of a row's value", "where: {sku: o:Sku}, column: id}", "where: {sku: $order/order_no}, column: id, not_found: insert, insert: {}}", `m.yaml:31:62: rows[1].children[0].columns.product_id.where.sku: where compares with values of the message`},
	{"sequence and match", "match: [customer_no]", "match: [customer_no]\n    sequence: {column: id, name: crm.customer_id}", `m.yaml:10:15: rows[0].sequence: a row has match or sequence, not both: what is found by its natural key has its number already`},
	{"sequence twice", "match: [customer_no]", "sequence: {column: name, name: crm.customer_id}", `m.yaml:9:24: rows[0].sequence.column: the column name is written twice`},
	{"sequence without schema", "match: [customer_no]", "sequence: {column: no, name: customer_id}", `m.yaml:9:34: rows[0].sequence.name: expected schema.table, found "customer_id"`},
	{"own row of its key", "customer_no: o:Order/o:Customer/@number", "customer_no: {lookup: crm.customer, where: {customer_no: o:Order/o:Customer/@number}, column: name}", `m.yaml:11:20: rows[0].columns.customer_no: customer_no is part of match, by which its own row is found`},
	{"own row of what is written", "name: o:Order/o:Customer/o:Name", "name: {lookup: crm.customer, where: {customer_no: o:Order/o:OrderNumber}, column: country}", `m.yaml:12:13: rows[0].columns.name: the row it refers to may be one of this message, which writes country; refer to a column of match or to one that the database fills`},
	{"no code set", "status: o:Order/o:Status", "status: {code_set: order_state, from: o:Order/o:Status}", `m.yaml:20:26: rows[1].columns.status.code_set: there is no code set order_state; did you mean order_status?`},
	{"unknown codes", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: ignore}", `m.yaml:20:98: rows[1].columns.status.unknown: "ignore" is none of reject, null, not_yet and keep`},
	{"value of another class", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: {value: 5}}", `m.yaml:20:98: rows[1].columns.status.unknown: the value for unknown codes is xs:integer, and those of the code set are xs:string`},
	{"code of no day", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status}", `m.yaml:20:26: rows[1].columns.status.code_set: some codes of order_status are valid for a time only: say at:, the day at which the message means them`},
	{"code of a day that may be absent", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:RequestedDelivery}", `m.yaml:20:68: rows[1].columns.status.at: o:Order/o:RequestedDelivery may be absent, and then nobody knows which day the code is meant for; give another, as in (o:Order/o:RequestedDelivery, $message/receivedAt)[1]`},
	{"code of a text", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:Currency}", `m.yaml:20:68: rows[1].columns.status.at: at: takes xs:date or xs:dateTime, not xs:string`},
	{"code table without a time", "status: o:Order/o:Status", "status: {code_set: {table: ref.status, code: code, value: id, valid_from: since}, from: o:Order/o:Status}", `m.yaml:20:26: rows[1].columns.status.code_set: the codes of ref.status are valid for a time: say at:`},
	{"code table with half a period", "status: o:Order/o:Status", "status: {code_set: {table: ref.status, code: code, value: id, valid_to: till}, from: o:Order/o:Status}", `m.yaml:20:79: rows[1].columns.status.code_set.valid_to: valid_to goes with valid_from`},
	{"keep and clear", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: keep, absent: null}", `m.yaml:20:98: rows[1].columns.status.unknown: unknown: keep leaves the column as it is and absent: null clears it; choose one of them`},
	{"as twice", "as: line", "as: order", `m.yaml:25:13: rows[1].children[0].as: the name $order is taken`},
	{"as reserved", "as: line", "as: message", `m.yaml:25:13: rows[1].children[0].as: the name $message is taken`},
	{"reference within", "customer_id: $customer/id", "customer_id: $customer/id + 1", `m.yaml:19:20: rows[1].columns.customer_id: a column takes a value of the row $customer alone, as in $customer/id: what is stored is not known yet`},
	{"reference forwards", "name: o:Order/o:Customer/o:Name", "name: $order/id", `m.yaml:12:13: rows[0].columns.name: the row $order is written later; a row can refer only to rows that stand above it`},
	{"reference to many", "body: {no: o:Order/o:OrderNumber}", "body: {no: $line/id}", `m.yaml:40:16: publish[0].body.no: a message may make several rows $line, so that their columns cannot be named here`},
	{"delete without parent", "match: [order_id, line_no]", "match: [line_no]\n        absent: delete", `m.yaml:28:17: rows[1].children[0].absent: delete needs a column of match that refers to the parent row, so that no other parent's rows are deleted`},
	{"version without match", "match: [order_no]", "version: {column: revision, from: o:Order/@revision}", `m.yaml:16:23: rows[1].version.column: version needs match: it compares with the stored row`},
	{"column twice", "match: [order_no]", "match: [order_no]\n    version: {column: status, from: o:Order/@revision}", `m.yaml:17:37: rows[1].version.from: the column status is written twice`},
	{"not_found", "column: id}", "column: id, not_found: ignore}", `m.yaml:31:93: rows[1].children[0].columns.product_id.not_found: "ignore" is none of reject, null, not_yet and insert`},
	// Publish and reply.
	{"routing key absent", "order.{o:Order/o:Currency}", "order.{o:Order/o:Note}", `m.yaml:39:25: publish[0].routing_key: o:Order/o:Note may be absent; a routing key needs all its parts: use if (…) then … else`},
	{"no body", "body: {no: o:Order/o:OrderNumber}", "format: json", `m.yaml:37:5: publish[0]: the key "body" is missing; format: original publishes the payload as it came`},
	{"body of original", "body: {no: o:Order/o:OrderNumber}", "format: original\n    body: {no: .}", `m.yaml:41:11: publish[0].body: format: original publishes the payload; it takes no body`},
	{"each in a body", "body: {no: o:Order/o:OrderNumber}", "body: {$each: o:Order/o:OrderNumbr, no: .}", `m.yaml:40:27: publish[0].body.$each: o:Order has no child o:OrderNumbr; did you mean o:OrderNumber?`},
	{"element in a body", "body: {no: o:Order/o:OrderNumber}", "body: {no: o:Order/o:Customer}", `m.yaml:40:16: publish[0].body.no: o:Customer has child elements; it has no value of its own`},
	{"xml without element", "body: {no: o:Order/o:OrderNumber}", "format: xml\n    body: {Code: '''x'''}", `m.yaml:37:5: publish[0]: format: xml needs element:, the element of the contract that is published`},
	{"unknown element", "body: {no: o:Order/o:OrderNumber}", "format: xml\n    element: o:OrderFalt\n    body: {Code: '''x'''}", `m.yaml:41:14: publish[0].element: the contract has no element o:OrderFalt`},
	{"reply misses", "reply: {OrderId: $order/id, ", "reply: {", `m.yaml:41:8: reply: SubmitOrderResponse/OrderId: a required element is missing`},
	{"reply unknown", "reply: {OrderId: $order/id, ", "reply: {OrderID: $order/id, ", `m.yaml:41:9: reply.OrderID: SubmitOrderResponse has no child OrderID; did you mean OrderId?`},
	{"reply may miss", "OrderNumber: o:Order/o:OrderNumber, ", "OrderNumber: o:Order/o:Note, ", `m.yaml:41:42: reply.OrderNumber: SubmitOrderResponse/OrderNumber: a required element may be missing`},
	{"reply type", "reply: {OrderId: $order/id, ", "reply: {OrderId: o:Order/o:Currency, ", `m.yaml:41:18: reply.OrderId: the contract takes xs:integer here, and this is xs:string`},
	{"reply constant", "{$value: ACCEPTED}", "{$value: OK}", `m.yaml:41:82: reply.Status.$value: "OK" is not one of the values allowed: ACCEPTED and PENDING`},
	{"no reply", "reply: {OrderId: $order/id, OrderNumber: o:Order/o:OrderNumber, Status: {$value: ACCEPTED}}\n", "", `m.yaml:2:11: contract: the operation SubmitOrder answers with SubmitOrderResponse, and the mapping has no reply:`},
	{"one-way", "orders.wsdl#SubmitOrder", "orders.wsdl#NotifyShipment", `m.yaml:5:24: business_keys.order: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:11:20: rows[0].columns.customer_no: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:12:13: rows[0].columns.name: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:13:16: rows[0].columns.country: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:18:17: rows[1].columns.order_no: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:20:15: rows[1].columns.status: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:21:17: rows[1].columns.currency: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:22:26: rows[1].columns.ordered_at.from: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:26:15: rows[1].children[0].each: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:38:11: publish[0].when: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:39:25: publish[0].routing_key: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:40:16: publish[0].body.no: o:NotifyShipment has no child o:Order; it has o:Header, o:Shipment
m.yaml:41:8: reply: the operation NotifyShipment is one-way; it has no reply`},
	// Faults.
	{"fault without a name", "publish:\n", "faults:\n  - {when: true(), body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:5: faults[0]: the key "fault" is missing`},
	{"unknown fault", "publish:\n", "faults:\n  - {fault: OrderFalt, when: true(), body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:13: faults[0].fault: the operation SubmitOrder declares no fault OrderFalt; did you mean OrderFault?`},
	{"fault without an occasion", "publish:\n", "faults:\n  - {fault: OrderFault, body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:5: faults[0]: a fault has when:, the condition that refuses a message, or on:, the outcome that it answers, or both`},
	{"fault without a body", "publish:\n", "faults:\n  - {fault: OrderFault, when: true()}\npublish:\n", `m.yaml:37:5: faults[0]: the key "body" is missing`},
	{"fault on what", "publish:\n", "faults:\n  - {fault: OrderFault, on: not_fund, body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:29: faults[0].on: "not_fund" is no outcome that a fault can answer; did you mean not_found?`},
	{"fault on nothing", "publish:\n", "faults:\n  - {fault: OrderFault, on: [], body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:29: faults[0].on: expected an outcome or several`},
	{"fault on an outage", "publish:\n", "faults:\n  - {fault: OrderFault, on: [exists, unavailable], body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:38: faults[0].on[1]: "unavailable" is no outcome that a fault can answer; there are invalid, conflict, superseded, exists, not_found, unknown_code, not_yet`},
	{"fault when text", "publish:\n", "faults:\n  - {fault: OrderFault, when: o:Order/o:Statuss = 'DRAFT', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:39: faults[0].when: o:Order has no child o:Statuss; did you mean o:Status?`},
	{"fault body misses", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), body: {Code: '''x'''}}\npublish:\n", `m.yaml:37:45: faults[0].body: OrderFault/Message: a required element is missing`},
	{"fault body may miss", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), body: {Code: '''x''', Message: o:Order/o:Note}}\npublish:\n", `m.yaml:37:70: faults[0].body.Message: OrderFault/Message: a required element may be missing`},
	{"fault body has more", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), body: {Code: '''x''', Message: '''y''', Mesage: '''z'''}}\npublish:\n", `m.yaml:37:79: faults[0].body.Mesage: OrderFault has no child Mesage; did you mean Message?`},
	{"fault body whole", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), body: {$when: true(), Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:45: faults[0].body: $each and $when have no meaning for the whole of OrderFault`},
	{"fault reason", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), reason: 'no {o:Order/o:Curency}', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:60: faults[0].reason: o:Order has no child o:Curency; did you mean o:Currency?`},
	{"fault reason of several", "publish:\n", "faults:\n  - {fault: OrderFault, when: true(), reason: 'no {o:Order/o:Lines/o:Line/o:Sku}', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:47: faults[0].reason: o:Order/o:Lines/o:Line/o:Sku may be there several times, and one value is needed: put the row under each:, pick one with [1], or use an aggregate such as sum or string-join`},
	{"fault of a stored value", "publish:\n", "faults:\n  - {fault: OrderFault, when: $order/id = 5, body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:31: faults[0].when: $order has no stored values here: a message that is answered with a fault is not stored`},
	{"fault of itself", "publish:\n", "faults:\n  - {fault: OrderFault, when: $fault/code = 'GH-3001', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:31: faults[0].when: $fault is known where the rule has on: only`},
	{"fault variable", "publish:\n", "faults:\n  - {fault: OrderFault, on: exists, when: $fault/kode = 'x', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:50: faults[0].when: $fault has no value kode; did you mean $fault/code?`},
	{"fault of an invalid message", "publish:\n", "faults:\n  - {fault: OrderFault, on: invalid, when: o:Order/o:Currency = 'EUR', body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:44: faults[0].when: there is no context item here; begin with a variable`},
	{"fault of an invalid header", "publish:\n", "faults:\n  - {fault: OrderFault, on: invalid, when: exists($header/o:Sender), body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:51: faults[0].when: the header of an invalid message cannot be relied on`},
	{"fault never reached", "publish:\n", "faults:\n  - {fault: OrderFault, on: exists, body: {Code: '''x''', Message: '''y'''}}\n  - {fault: OrderFault, on: [conflict, exists], body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:38:40: faults[1].on[1]: the rule at m.yaml:37:5 always answers exists; this one is never reached`},
	{"fault unknown key", "publish:\n", "faults:\n  - {fault: OrderFault, wen: true(), body: {Code: '''x''', Message: '''y'''}}\npublish:\n", `m.yaml:37:25: faults[0].wen: unknown key; did you mean when?`},
	{"row named fault", "as: line", "as: fault", `m.yaml:25:13: rows[1].children[0].as: the name $fault is taken`},
	// Tables.
	{"no table", "table: crm.customer", "table: crm.custmer", `m.yaml:7:5: the database has no such table; for crm.custmer`},
	{"no column", "country: o:Order/o:Customer/o:Country", "contry: o:Order/o:Customer/o:Country", `m.yaml:13:15: the table has no column contry; did you mean country?; for crm.customer.contry
m.yaml:7:5: the column takes no NULL, has no default, and the mapping does not write it; for crm.customer.country`},
	{"identity column", "country: o:Order/o:Customer/o:Country", "country: o:Order/o:Customer/o:Country\n      id: 5", `m.yaml:14:11: the database makes the values of this column; a mapping cannot write it; for crm.customer.id`},
	{"class", "quantity: o:Quantity", "quantity: o:Sku", `m.yaml:32:21: the column is decimal and the value is xs:string; convert it with xs:decimal(…); for sales.order_line.quantity`},
	{"not null", "country: o:Order/o:Customer/o:Country", "country: o:Order/o:Customer/o:Email", `m.yaml:13:16: the column takes no NULL, and the source may be absent; give it default:; for crm.customer.country`},
	{"null", "country: o:Order/o:Customer/o:Country", "country: {value: null}", `m.yaml:13:16: the column takes no NULL, and the value may be null; for crm.customer.country`},
	{"constant too long", "country: o:Order/o:Customer/o:Country", "country: {value: FIN}", `m.yaml:13:16: "FIN" does not fit: the column takes at most 2 UTF-16 units; for crm.customer.country`},
	{"code's value too long", "country: o:Order/o:Customer/o:Country", "country: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt}", `codes/order_status.yaml:7:5: the value "CONFIRMED" of the code "CONFIRMED" does not fit: the column takes at most 2 UTF-16 units; for crm.customer.country
codes/order_status.yaml:6:5: the value "OPEN" of the code "DRAFT" does not fit: the column takes at most 2 UTF-16 units; for crm.customer.country
codes/order_status.yaml:5:5: the value "NEW" of the code "SUBMITTED" does not fit: the column takes at most 2 UTF-16 units; for crm.customer.country`},
	{"code's class", "quantity: o:Quantity", "quantity: {code_set: order_status, from: o:Sku, at: xs:date('2026-01-01')}", `m.yaml:32:52: the column is decimal and the value is xs:string; convert it with xs:decimal(…); for sales.order_line.quantity`},
	{"unknown codes to null", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: null}", `m.yaml:20:46: the column takes no NULL, and the value may be null; for sales.sales_order.status`},
	{"unknown codes of an insert", "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: keep}", `m.yaml:20:46: the column takes no NULL, and the source may be absent; give it default:; for sales.sales_order.status`},
	{"code table", "status: o:Order/o:Status", "status: {code_set: {table: catalog.product, code: name, value: sku, valid_from: since, valid_to: till}, from: o:Order/o:Status, at: o:Order/o:OrderedAt}", `m.yaml:20:117: catalog.product.sku may hold more than this column takes: at most 12 UTF-16 units; for sales.sales_order.status
m.yaml:20:117: catalog.product has no column since; there are id, sku, name; for sales.sales_order.status
m.yaml:20:117: the codes need a unique index on (name, since); for catalog.product
m.yaml:20:117: catalog.product has no column till; there are id, sku, name; for catalog.product.till`},
	{"default too long", "country: o:Order/o:Customer/o:Country", "country: {from: o:Order/o:Customer/o:Email, default: FIN}", `m.yaml:13:23: the default "FIN" does not fit: the column takes at most 2 UTF-16 units; for crm.customer.country`},
	{"no unique index", "match: [customer_no]", "match: [name]", `m.yaml:7:5: match needs a unique index on (name); for crm.customer`},
	{"lookup table", "lookup: catalog.product", "lookup: catalog.produkt", `m.yaml:31:23: the database has no table catalog.produkt to look up; for sales.order_line.product_id`},
	{"stub lacks a column", "column: id}", "column: id, not_found: insert, insert: {}}", `m.yaml:31:23: the column takes no NULL, has no default, and the mapping does not write it; for catalog.product.name`},
	{"stub's value of another kind", "column: id}", "column: name, not_found: insert, insert: {name: o:Sku}}", `m.yaml:31:23: catalog.product.name is string, and this column is integer; for sales.order_line.product_id`},
	{"stub's value too wide", "unit: o:Unit", "unit: {lookup: catalog.product, where: {sku: o:Sku}, column: name, not_found: insert, insert: {name: o:Sku}}", `m.yaml:33:17: catalog.product.name may hold more than this column takes: at most 4 UTF-16 units; for sales.order_line.unit`},
	{"stub's value that is not there", "column: id}", "column: idd, not_found: insert, insert: {name: o:Sku}}", `m.yaml:31:23: catalog.product has no column idd; did you mean id?; for sales.order_line.product_id`},
	{"stub's column", "column: id}", "column: id, not_found: insert, insert: {nam: {value: unknown}, name: o:Sku}}", `m.yaml:31:115: the table has no column nam; did you mean name?; for catalog.product.nam`},
	{"stub without index", "where: {sku: o:Sku}, column: id}", "where: {name: o:Sku}, column: id, not_found: insert, insert: {sku: o:Sku}}", `m.yaml:31:23: a look-up needs a unique index on (name); for catalog.product`},
	{"no sequence", "match: [customer_no]", "sequence: {column: number, name: crm.number}", `m.yaml:9:24: the table has no column number; there are id, customer_no, name, country, email; for crm.customer.number`},
	{"sequence of an identity", "match: [customer_no]", "sequence: {column: id, name: crm.number}", `m.yaml:9:24: the database makes the values of this column; a mapping cannot write it; for crm.customer.id`},
	{"no key", "    match: [customer_no]\n", "", `m.yaml:7:5: other rows refer to this one, so it needs match: to be found again, or sequence: to be known by a number; for crm.customer`},
	{"lookup column", "column: id}", "column: idd}", `m.yaml:31:23: catalog.product has no column idd; did you mean id?; for sales.order_line.product_id`},
	{"reference too wide", "currency: o:Order/o:Currency", "currency: $customer/name", `m.yaml:21:17: crm.customer.name may hold more than this column takes: at most 3 UTF-16 units; for sales.sales_order.currency`},
	{"reference to NULL", "unit: o:Unit", "unit: $customer/email", `m.yaml:33:17: crm.customer.email may be NULL, and this column takes no NULL; for sales.order_line.unit
m.yaml:33:17: crm.customer.email may hold more than this column takes: at most 4 UTF-16 units; for sales.order_line.unit`},
	{"lookup too wide", "status: o:Order/o:Status", "status: {lookup: catalog.product, where: {sku: o:Order/o:Status}, column: name}", `m.yaml:20:15: catalog.product.name may hold more than this column takes: at most 12 UTF-16 units; for sales.sales_order.status`},
	{"constant with a fraction", "line_no: \"@no\"", "line_no: {value: 1.5}", `m.yaml:30:20: the column is integer and the value is xs:decimal; convert it with xs:integer(…); for sales.order_line.line_no`},
	{"lookup where", "where: {sku: o:Sku}", "where: {name: o:Sku}", `m.yaml:31:23: a look-up needs a unique index on (name); for catalog.product`},
	{"lookup class", "where: {sku: o:Sku}", "where: {id: o:Sku}", `m.yaml:31:23: the column is integer and the value is xs:string; convert it with xs:integer(…); for catalog.product.id`},
	{"lookup null", "column: id}", "column: id, not_found: 'null'}", `m.yaml:31:23: the column takes no NULL, and the value may be null; for sales.order_line.product_id`},
	{"lookup null, unquoted", "column: id}", "column: id, not_found: null}", `m.yaml:31:23: the column takes no NULL, and the value may be null; for sales.order_line.product_id`},
	{"reference column", "customer_id: $customer/id", "customer_id: $customer/idd", `m.yaml:19:20: crm.customer has no column idd; did you mean id?; for sales.sales_order.customer_id`},
	{"reference kind", "customer_id: $customer/id", "customer_id: $customer/name", `m.yaml:19:20: crm.customer.name is string, and this column is integer; for sales.sales_order.customer_id`},
	{"returned column", "body: {no: o:Order/o:OrderNumber}", "body: {no: $order/idd}", `m.yaml:14:5: reply or publish names $order/idd, and there is no such column; did you mean id?; for sales.sales_order.idd`},
}

// TestStubInEveryRow: a look-up that inserts adds a step, wherever its row
// stands among the others; what that row writes besides is not lost.
func TestStubInEveryRow(t *testing.T) {
	c := loadContract(t)
	rows := ""
	for n := 1; n <= 9; n++ {
		rows += fmt.Sprintf(`  - table: catalog.listed
    match: [no]
    columns:
      no: {value: %d}
      product_id: {lookup: catalog.product, where: {sku: o:Order/o:Currency}, column: id, not_found: insert, insert: {name: {value: n}}}
      note: o:Order/o:Note
`, n)
		f, err := mapping.Parse("m.yaml", []byte("mapping: m\ncontract: wsdl/orders/orders.wsdl#SubmitOrder\nnamespaces: {o: urn:gatehouse:samples:orders:1}\nrows:\n"+rows+"reply: {OrderId: 1, OrderNumber: o:Order/o:OrderNumber, Status: {$value: ACCEPTED}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := mapping.Compile(f, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range m.Tables {
			if table.Name.Name == "listed" && (len(table.Columns) != 3 || len(table.Match) != 1) {
				t.Fatalf("of %d rows, the one at %s has %d columns and match %v", n, table.Source, len(table.Columns), table.Match)
			}
		}
	}
}

// TestStrangeNamespace: one complaint explains the others, and stands first; a
// namespace that nothing is wrong with is none of them.
func TestStrangeNamespace(t *testing.T) {
	c := loadContract(t)
	const first = "m.yaml:3:17: namespaces.o: no element of the message is in the namespace urn:gatehouse:samples:orders:2; did you mean urn:gatehouse:samples:orders:1?\n"
	if got := judge(c, strings.Replace(right, "{o: urn:gatehouse:samples:orders:1}", "{o: urn:gatehouse:samples:orders:2}", 1), business()); !strings.HasPrefix(got, first) {
		t.Error(got)
	}
	more := strings.Replace(right, "{o: urn:gatehouse:samples:orders:1}", "{o: urn:gatehouse:samples:orders:1, x: urn:elsewhere}", 1)
	if got := judge(c, more, business()); got != "" {
		t.Error(got)
	}
	if got := judge(c, strings.Replace(more, "o:Order/o:OrderedAt", "o:Order/o:OrderAt", 1), business()); strings.Contains(got, "namespaces") || got == "" {
		t.Error(got)
	}
}
