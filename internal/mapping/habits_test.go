package mapping_test

// habits are slips of people who know other languages, or YAML a little.
var habits = []wrongMapping{
	{"forgot each", "country: o:Order/o:Customer/o:Country", "country: o:Sku", `m.yaml:13:16: rows[0].columns.country: o:SubmitOrder has no child o:Sku; it has o:Header, o:Order; o:Sku stands in o:Order/o:Lines/o:Line`},
	{"path from the root in each", "quantity: o:Quantity", "quantity: o:Order/o:Lines/o:Line/o:Quantity", `m.yaml:32:21: rows[1].children[0].columns.quantity: o:Line has no child o:Order; it has o:Sku, o:Description, o:Quantity, o:Unit, o:UnitPrice, o:Feature; paths begin at o:Line here, and from the top of the message it is /o:SubmitOrder/o:Order`},
	{"root named", "name: o:Order/o:Customer/o:Name", "name: o:SubmitOrder/o:Order/o:Customer/o:Name", `m.yaml:12:13: rows[0].columns.name: o:SubmitOrder has no child o:SubmitOrder; it has o:Header, o:Order; a path begins with its children, or is written /o:SubmitOrder`},
	{"dollar brace", "name: o:Order/o:Customer/o:Name", "name: ${o:Order/o:Customer/o:Name}", `m.yaml:12:14: rows[0].columns.name: found "{" where a name should be; an expression stands without braces`},
	{"constant unquoted", "country: o:Order/o:Customer/o:Country", "country: FI", `m.yaml:13:16: rows[0].columns.country: o:SubmitOrder has no child FI; it has o:Header, o:Order; a constant is written {value: FI} in a column, {$value: FI} in a body`},
	{"string vs number", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/@revision = '2'", `m.yaml:38:29: publish[0].when: xs:integer cannot be compared with xs:string; convert one of them, as in xs:integer(…)`},
	{"number vs string", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:OrderNumber > 100", `m.yaml:38:33: publish[0].when: xs:string cannot be compared with xs:integer; convert one of them, as in xs:integer(…)`},
	{"double equals", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:Status == 'DRAFT'", `m.yaml:38:29: publish[0].when: found "=" where a path, a value or a function should be; equality is written =`},
	{"sql not equal", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:Status <> 'DRAFT'", `m.yaml:38:29: publish[0].when: found ">" where a path, a value or a function should be; inequality is written !=`},
	{"&&", "when: o:Order/o:Status != 'DRAFT'", "when: o:Order/o:Note && o:Order/o:Status = 'DRAFT'", `m.yaml:38:26: publish[0].when: '&' cannot stand in an expression; write and`},
	{"ternary", "name: o:Order/o:Customer/o:Name", "name: 'o:Order/o:Note ? o:Order/o:Note : ''none'''", `m.yaml:12:29: rows[0].columns.name: found "?" where an operator or the end of the expression should be; a choice is written if (…) then … else …`},
	{"at unquoted", "line_no: \"@no\"", "line_no: @no", `m.yaml:30:20: '@' is a reserved character; put the value in quotes`},
	{"tab", "      country: o:Order", "\tcountry: o:Order", `m.yaml:13:1: a tab; YAML is indented with spaces alone`},
	{"indent", "      country: o:Order", "     country: o:Order", `m.yaml:13:6: this does not belong to what stands above it; look at the indentation, and for a space after - and :`},
	{"duplicate key", "      country: o:Order/o:Customer/o:Country", "      country: o:Order/o:Customer/o:Country\n      country: o:Order/o:Customer/o:Name", `m.yaml:14:7: rows[0].columns.country: the key "country" is given twice; first in line 13`},
	{"anchor", "match: [customer_no]", "match: &key [customer_no]", `m.yaml:9:12: rows[0].match: anchors and aliases are not allowed; write the value where it is used`},
	{"merge key", "      name: o:Order/o:Customer/o:Name", "      <<: {name: .}", `m.yaml:12:7: rows[0].columns: merge keys are not allowed; write the keys where they are used`},
	{"colon in value", "name: o:Order/o:Customer/o:Name", "name: concat('a: ', o:Order/o:Note)", `m.yaml:12:13: a second ": " in one value, or a line below that is indented too deep; a text with ": " in it stands in quotes`},
	{"hash in value", "name: o:Order/o:Customer/o:Name", "name: concat('a #', o:Order/o:Note)", `m.yaml:12:20: rows[0].columns.name: the string is not closed; where it has a # in it, put the whole expression in quotes: YAML takes the rest for a comment`},
	{"column typo", "customer_no: o:Order/o:Customer/@number", "custmer_no: o:Order/o:Customer/@number", `m.yaml:9:13: rows[0].match[0]: match names customer_no, which is not among the columns; did you mean custmer_no?`},
	{"sql function", "name: o:Order/o:Customer/o:Name", "name: coalesce(o:Order/o:Note, 'x')", `m.yaml:12:13: rows[0].columns.name: there is no function coalesce; (a, b)[1] is the first that is there`},
	{"plus text", "name: o:Order/o:Customer/o:Name", "name: o:Order/o:Customer/o:Name + '-' + o:Order/o:Note", `m.yaml:12:13: rows[0].columns.name: + needs a number, not xs:string; texts are joined with ||
m.yaml:12:41: rows[0].columns.name: + needs a number, not xs:string; texts are joined with ||
m.yaml:12:47: rows[0].columns.name: + needs a number, not xs:string; texts are joined with ||`},
	{"each of text", "each: o:Order/o:Lines/o:Line", "each: count(o:Order/o:Lines/o:Line)", `m.yaml:26:15: rows[1].children[0].each: expected a path to elements`},
	{"parent id col", "order_id: $order/id", "order_id: $order.id", `m.yaml:29:21: rows[1].children[0].columns.order_id: there is no variable $order.id; did you mean $order/id?`},
	{"var no dollar", "order_id: $order/id", "order_id: order/id", `m.yaml:29:21: rows[1].children[0].columns.order_id: o:Line has no child order; it has o:Sku, o:Description, o:Quantity, o:Unit, o:UnitPrice, o:Feature; did you mean $order?`},
	{"unclosed quote", "line_no: \"@no\"", "line_no: \"@no", `m.yaml:30:20: the quotes are not closed`},
}
