package mapping_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// batches is a mapping that makes a message of each order of a batch.
const batches = `mapping: batch
contract: batch/batch.wsdl#SubmitBatch
namespaces: {b: urn:gatehouse:test:batch}
split: b:Order
identity: concat(b:Number, '@', ../b:Site)
ordering_key: b:Sku
business_keys: {order: b:Number}
rows:
  - table: sales.item
    as: item
    match: [number]
    columns:
      number: string(b:Number)
      place: $part/number
      site: ../b:Site
      quantity: b:Quantity
publish:
  - channel: events
    routing_key: item.{../b:Site}
    body: {no: b:Number, id: $item/id, orders: count(../b:Order)}
reply: {BatchId: b:BatchId, Count: $parts/count, Stored: $parts/stored, Repeated: $parts/repeated}
`

func batchContract(t testing.TB) *contract.Contract {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../testdata/soap"), "batch/batch.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compileBatch(t testing.TB, src string) (*mapping.Mapping, error) {
	t.Helper()
	f, err := mapping.Parse("batch.yaml", []byte(src))
	if err != nil {
		return nil, err
	}
	return mapping.Compile(f, batchContract(t))
}

func mustBatch(t testing.TB, changes ...string) *mapping.Mapping {
	t.Helper()
	m, err := compileBatch(t, strings.NewReplacer(changes...).Replace(batches))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// batch is a message with orders between what surrounds them.
func batch(around string, orders ...string) string {
	return `<b:SubmitBatch xmlns:b="urn:gatehouse:test:batch"><b:BatchId>B-1</b:BatchId>` + around + strings.Join(orders, "\n") + `</b:SubmitBatch>`
}

func partOf(number string) string {
	return fmt.Sprintf(`<b:Order><b:Number>%s</b:Number><b:Sku>BOLT</b:Sku><b:Quantity>2</b:Quantity></b:Order>`, number)
}

// single is a message of which one part is left.
func single(t testing.TB, m *mapping.Mapping, src string) *mapping.Input {
	t.Helper()
	in := input(t, src)
	in.Number = 1
	if err := m.Single(in); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestSplit(t *testing.T) {
	m := mustBatch(t)
	if !m.Splits() || m.Split() != "b:Order" {
		t.Errorf("splits %v by %q", m.Splits(), m.Split())
	}
	whole := input(t, batch("<b:Site>HEL</b:Site>", partOf("1"), partOf("2")))
	parts, err := m.Parts(whole)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	if err := m.Single(whole); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeMapping {
		t.Errorf("two parts where one stands alone: %v", err)
	}
	in := single(t, m, batch("<b:Site>HEL</b:Site>", partOf("2")))
	in.Number = 17
	c, err := m.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	if c.Identity != "2@HEL" || c.OrderingKey != "BOLT" || c.Keys[0].Value != "2" {
		t.Errorf("%+v", c)
	}
	var cells []string
	for _, cell := range c.Rows[0][0].Cells {
		cells = append(cells, cell.Value.Lexical())
	}
	if got := strings.Join(cells, " "); got != "2 17 HEL 2" {
		t.Errorf("cells %s", got)
	}
	rendered, err := m.Render(in, []mapping.Value{{Class: mapping.Integer, Number: number(5)}})
	if err != nil || rendered.Reply != nil || rendered.Publications[0].RoutingKey != "item.HEL" || string(rendered.Publications[0].Body) != `{"no":"2","id":5,"orders":1}` {
		t.Errorf("%+v, %v", rendered, err)
	}
	reply, err := m.Reply(whole, mapping.Tally{Count: 2, Stored: 1, Repeated: 1})
	if err != nil || !strings.Contains(string(reply), "BatchId>B-1<") || !strings.Contains(string(reply), "Repeated>1<") {
		t.Errorf("%s, %v", reply, err)
	}
}

// TestSplitIdentity: a part has the one the mapping names, or the message's own
// with its place, or none.
func TestSplitIdentity(t *testing.T) {
	const named = "identity: concat(b:Number, '@', ../b:Site)\n"
	src := batch("<b:Site>HEL</b:Site>", partOf("2"))
	m := mustBatch(t, named, "")
	in := input(t, src)
	if _, err := m.Parts(in); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeIdentity {
		t.Errorf("no id: %v", err)
	}
	if _, err := m.Parts(input(t, batch("<b:Site/>"))); err != nil {
		t.Errorf("no parts need no id: %v", err)
	}
	in.Message.MessageID, in.Number = "m-1", 3
	if err := m.Single(in); err != nil {
		t.Fatal(err)
	}
	if c, err := m.Apply(in); err != nil || c.Identity != "m-1/3" {
		t.Errorf("%+v, %v", c, err)
	}
	in.Message.MessageID = strings.Repeat("m", 399)
	if _, err := m.Apply(in); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeNarrowing {
		t.Errorf("a long id: %v", err)
	}
	in.Message.MessageID = "m-1"
	if err := mustBatch(t, named, "identity: none\n").Single(in); err != nil {
		t.Fatal(err)
	}
	if c, err := mustBatch(t, named, "identity: none\n").Apply(in); err != nil || c.Identity != "" {
		t.Errorf("none: %+v, %v", c, err)
	}
	in = single(t, mustBatch(t), batch("<b:Site>HEL</b:Site>", strings.Replace(partOf("2"), "<b:Number>2</b:Number>", "", 1)))
	absent := mustBatch(t, "identity: concat(b:Number, '@', ../b:Site)", "identity: b:Number")
	if _, err := absent.Apply(in); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeIdentity {
		t.Errorf("an absent one: %v", err)
	}
}

// TestAround: two parts are the same when they are, and what the mapping reads
// around them.
func TestAround(t *testing.T) {
	around := func(m *mapping.Mapping, src string) string { return string(m.AppendAround(nil, single(t, m, src))) }
	site := func(s string) string { return "<b:Site>" + s + "</b:Site>" }
	tree := "<b:Tree><b:Id>1</b:Id><b:Tree><b:Id>%s</b:Id></b:Tree></b:Tree>"
	m := mustBatch(t)
	for _, tt := range []struct {
		name    string
		m       *mapping.Mapping
		a, b    string
		differs bool
	}{
		{"what is not read", m, batch(site("HEL"), partOf("1")), batch(site("HEL")+"<b:Remark>x</b:Remark>", partOf("1")), false},
		{"another batch", m, batch(site("HEL"), partOf("1")), strings.Replace(batch(site("HEL"), partOf("1")), "B-1", "B-2", 1), false},
		{"what is read", m, batch(site("HEL"), partOf("1")), batch(site("TMP"), partOf("1")), true},
		{"written otherwise", m, batch(site("HEL"), partOf("1")), batch(site("<![CDATA[HEL]]><!-- -->"), partOf("1")), false},
		{"from the root", mustBatch(t, "site: ../b:Site", "site: /b:SubmitBatch/b:BatchId"), batch(site("HEL"), partOf("1")), strings.Replace(batch(site("HEL"), partOf("1")), "B-1", "B-2", 1), true},
		{"the reply reads", mustBatch(t, "Count: $parts/count", "Count: count(b:Remark)"), batch(site("HEL"), partOf("1")), batch(site("HEL")+"<b:Remark>x</b:Remark>", partOf("1")), false},
		{"a condition reads", mustBatch(t, "quantity: b:Quantity", "quantity: if (../b:Remark = 'x') then 1.5 else b:Quantity"), batch(site("HEL"), partOf("1")), batch(site("HEL")+"<b:Remark>x</b:Remark>", partOf("1")), true},
		{"counted", mustBatch(t, "quantity: b:Quantity", "quantity: count(../b:Tree)"), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "1")), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "2")), false},
		{"as text", mustBatch(t, "site: ../b:Site", "site: string(../b:Tree)"), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "1")), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "2")), true},
		{"deep below", mustBatch(t, "site: ../b:Site", "site: string-join(..//b:Tree/b:Id)"), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "1")), batch(site("HEL"), partOf("1")+fmt.Sprintf(tree, "2")), true},
		{"not a part", mustBatch(t, "split: b:Order", "split: b:Order[@kind = 'x']"), batch(site("HEL"), `<b:Order kind="x"><b:Sku>S</b:Sku><b:Quantity>1</b:Quantity></b:Order>`, partOf("1")), batch(site("HEL"), `<b:Order kind="x"><b:Sku>S</b:Sku><b:Quantity>1</b:Quantity></b:Order>`, partOf("2")), false},
	} {
		if a, b := around(tt.m, tt.a), around(tt.m, tt.b); (a != b) != tt.differs {
			t.Errorf("%s: differs %v\n%q\n%q", tt.name, a != b, a, b)
		}
	}
}

// TestHostileParts are refused whole, and quickly.
func TestHostileParts(t *testing.T) {
	many := make([]string, mapping.MaxParts+1)
	for i := range many {
		many[i] = partOf("1")
	}
	if parts, err := mustBatch(t).Parts(input(t, batch("<b:Site/>", many[1:]...))); err != nil || len(parts) != mapping.MaxParts {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	_, err := mustBatch(t).Parts(input(t, batch("<b:Site/>", many...)))
	if f := fault.Of(err); f == nil || f.Code != fault.CodeTooLarge || f.Message != "the message has 10001 parts; at most 10000 are taken at once" {
		t.Errorf("%v", err)
	}
	trees := mustBatch(t, "split: b:Order", "split: .//b:Tree", "concat(b:Number, '@', ../b:Site)", "b:Id", "b:Sku", "b:Id", "order: b:Number", "order: b:Id",
		"string(b:Number)", "b:Id", "../b:Site", "string(/b:SubmitBatch/b:Site)", "b:Quantity", "1", "no: b:Number", "no: b:Id", ", orders: count(../b:Order)", "", "item.{../b:Site}", "item")
	_, err = trees.Parts(input(t, batch("<b:Site/>", "<b:Tree><b:Id>1</b:Id><b:Tree><b:Id>2</b:Id></b:Tree></b:Tree>")))
	f := fault.Of(err)
	if f == nil || f.Code != fault.CodeMapping || f.Details[0].Path != "/b:SubmitBatch/b:Tree/b:Tree" || f.Details[0].Line != 1 || f.Details[0].Source != "batch.yaml:4:8" {
		t.Errorf("%v", err)
	}
	if _, err := trees.Parts(input(t, batch("<b:Site/>", "<b:Tree><b:Id>1</b:Id></b:Tree>"))); err != nil {
		t.Error(err)
	}
}

// unkeyed matches the key that a complaint names after its place.
var unkeyed = regexp.MustCompile(`: (split|reply|rows|business_keys)[a-zA-Z0-9_.\[\]]*: `)

// TestWrongSplits has each mapping complained of once, in its one place.
func TestWrongSplits(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"split: b:Order", "split: b:Ordr", `batch.yaml:4:8: b:SubmitBatch has no child b:Ordr; did you mean b:Order?`},
		{"split: b:Order", "split: b:Order/b:Sku || 'x'", `batch.yaml:4:8: || takes one value, and this may be several; pick one with [1] or use an aggregate such as sum or string-join`},
		{"split: b:Order", "split: b:Order/@kind", `batch.yaml:4:8: expected a path to elements`},
		{"split: b:Order", "split: count(b:Order)", `batch.yaml:4:8: expected a path to elements`},
		{"split: b:Order", "split: b:BatchId", `batch.yaml:4:8: a message has no more than one b:BatchId; split needs a path that may occur several times`},
		{"split: b:Order", "split: .", `batch.yaml:4:8: a message has no more than one .; split needs a path that may occur several times`},
		{"split: b:Order", "split: b:Order[2]", `batch.yaml:4:8: the parts of a message cannot be told by position: one that is tried again stands alone`},
		{"split: b:Order", "split: b:Order[position() > 1]", `batch.yaml:4:8: the parts of a message cannot be told by position: one that is tried again stands alone`},
		{"split: b:Order", "split: (b:Order)[last()]", `batch.yaml:4:8: the parts of a message cannot be told by position: one that is tried again stands alone`},
		{"split: b:Order", "split: b:Pair/b:Half", `batch.yaml:4:8: the contract demands at least 2 on the way to b:Pair/b:Half; a part that is tried again stands alone, and would break it`},
		{"split: b:Order", "split: b:Order[$principal/login = 'x']", `batch.yaml:4:16: the parts are found in the payload alone; there is no $principal here`},
		{"split: b:Order", "split: {from: b:Order}", `batch.yaml:4:8: expected an expression, found a map`},
		{"split: b:Order", "split: ''", `batch.yaml:4:9: `},
		{"place: $part/number", "place: $part/nmber", `batch.yaml:14:20: $part has no value nmber; did you mean $part/number?`},
		{"place: $part/number", "place: $parts/count", `batch.yaml:14:14: there is no variable $parts; did you mean $part?`},
		{"as: item", "as: part", `the name $part is taken`},
		{"{order: b:Number}", "{arrival: b:Number}", `batch.yaml:7:26: the key arrival is taken: parts are found under it by the message they came with`},
		{"BatchId: b:BatchId", "BatchId: $item/id", `batch.yaml:21:18: $item is a row of a part, and the reply is to the whole message; $parts/count, $parts/stored and $parts/repeated tell what became of its parts`},
		{"Count: $parts/count", "Count: $part/number", `the reply is to the whole message; there is no $part in it`},
		{"Count: $parts/count", "Count: $parts/refused", `$parts has no value refused`},
		{"BatchId: b:BatchId", "BatchId: b:Number", `batch.yaml:21:18: b:SubmitBatch has no child b:Number; it has b:BatchId, b:Site, b:Remark, b:Order, b:Group, b:Pair, b:Tree`},
		{"quantity: b:Quantity", "quantity: b:Order/b:Quantity", `b:Order has no child b:Order; it has b:Number, b:Sku, b:Quantity, b:Line`},
	} {
		_, err := compileBatch(t, strings.Replace(batches, tt.old, tt.new, 1))
		if err == nil || !strings.Contains(unkeyed.ReplaceAllString(err.Error(), ": "), tt.want) || strings.Contains(err.Error(), "\n") && !strings.Contains(tt.new, "as: part") {
			t.Errorf("%s:\n%v\nwant %s", tt.new, err, tt.want)
		}
	}
	m := mustBatch(t, "split: b:Order\n", "split: b:Group/b:Order\n", "../b:Site", "/b:SubmitBatch/b:Site", "count(../b:Order)", "count(../b:Name)")
	if len(m.Warnings) != 0 {
		t.Errorf("warnings %v", m.Warnings)
	}
	// A mapping that does not split has other names for its rows.
	if _, err := mapping.Parse("m.yaml", []byte(strings.Replace(right, "as: line", "as: part", 1))); err != nil {
		t.Error(err)
	}
}

// TestExcerptsOfParts are read as the message was, each with one part.
func TestExcerptsOfParts(t *testing.T) {
	m := mustBatch(t)
	in := input(t, batch("<b:Site>HEL</b:Site>", partOf("1"), partOf("2"), partOf("3")))
	parts, err := m.Parts(in)
	if err != nil {
		t.Fatal(err)
	}
	cut := document.NewExcerpts(in.Payload, parts, nil)
	for i := range parts {
		c, err := m.Apply(single(t, m, string(cut.Excerpt(i).Text)))
		if want := fmt.Sprintf("%d@HEL", i+1); err != nil || c.Identity != want {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
