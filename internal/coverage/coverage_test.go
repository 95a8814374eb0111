package coverage_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/coverage"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

const order = `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">
  <o:Header><o:MessageId>m-1</o:MessageId><o:SentAt>2026-03-16T10:00:00Z</o:SentAt></o:Header>
  <o:Order revision="2"><o:OrderNumber>PO-7</o:OrderNumber><o:Status>SUBMITTED</o:Status>
    <o:OrderedAt>2026-03-16T12:30:00</o:OrderedAt><o:Currency>EUR</o:Currency>
    <o:Customer number="C-1"><o:Name>Ann</o:Name><o:Country>FI</o:Country></o:Customer>
    <o:Lines><o:Line no="1"><o:Sku>A-1</o:Sku><o:Quantity>2.5</o:Quantity><o:Unit>KG</o:Unit><o:UnitPrice>1</o:UnitPrice></o:Line>%s</o:Lines>
  </o:Order></o:SubmitOrder>`

const line = `<o:Line no="2"><o:Sku>A-2</o:Sku><o:Quantity>1</o:Quantity><o:Unit>EA</o:Unit><o:UnitPrice>1</o:UnitPrice><o:Feature name="a">b</o:Feature></o:Line>`

func compile(t *testing.T, edits ...string) *mapping.Mapping {
	t.Helper()
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	src, err := fs.ReadFile(mappings.FS, "submit-order.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := mapping.Parse("m.yaml", []byte(strings.NewReplacer(edits...).Replace(string(src))))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t *testing.T, src string) document.Node {
	t.Helper()
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Release)
	return tree.Root()
}

func gaps(s *coverage.Score) string {
	var b strings.Builder
	for _, g := range s.Gaps {
		fmt.Fprintln(&b, g.At, g.What)
	}
	return b.String()
}

func apply(t *testing.T, r *coverage.Rules, src string) {
	t.Helper()
	m := r.Mapping()
	in := &mapping.Input{Payload: read(t, src), Message: mapping.MessageFacts{ReceivedAt: time.Now()}}
	if _, err := m.Apply(in); err != nil {
		t.Fatal(err)
	}
	stored := make([]mapping.Value, len(m.Returns))
	for i := range stored {
		stored[i] = mapping.Value{Class: mapping.Integer, Number: apd.New(7, 0)}
	}
	if _, err := m.Render(in, stored); err != nil {
		t.Fatal(err)
	}
}

func TestRules(t *testing.T) {
	r := coverage.NewRules(compile(t))
	if s := r.Score(); s.Touched != 0 || s.Points < 40 || r.Touched() {
		t.Errorf("before any message %d of %d are touched", s.Touched, s.Points)
	}
	apply(t, r, fmt.Sprintf(order, ""))
	first := gaps(r.Score())
	for _, want := range []string{"column note of sales.sales_order never has a value", "each of sales.order_line_feature never finds anything",
		"column line_id of sales.order_line_feature is never written", "when of publication to order-events is never false",
		"field lines/features/value of publication to order-events never has a value"} {
		if !strings.Contains(first, want) {
			t.Errorf("not told: %s\n%s", want, first)
		}
	}
	if strings.Contains(first, "column order_id of sales.order_line is never written") {
		t.Errorf("a line was written:\n%s", first)
	}
	apply(t, r, strings.Replace(fmt.Sprintf(order, line), "SUBMITTED", "DRAFT", 1))
	apply(t, r, fmt.Sprintf(order, line))
	second := r.Score()
	if text := gaps(second); strings.Contains(text, "feature") || strings.Contains(text, "when") {
		t.Errorf("told though touched:\n%s", text)
	}
	if p := second.Percent(); p < 85 || p >= 100 || second.Points-second.Touched != len(second.Gaps) {
		t.Errorf("%.1f %%, %d gaps of %d", p, len(second.Gaps), second.Points)
	}
}

// A row of constants alone is made when what it stands under is.
func TestConstantRows(t *testing.T) {
	columns := "            columns:\n              line_id: $line/id\n"
	m := compile(t, "            each: o:Feature\n            match: [line_id, name]\n            absent: delete_all   # a line may have no feature any more\n"+columns+"              name: \"@name\"\n              value: .\n",
		"            match: [line_id, name]\n"+columns+"              name: {value: kind}\n              value: {value: plain}\n")
	r := coverage.NewRules(m)
	if text := gaps(r.Score()); !strings.Contains(text, "column value of sales.order_line_feature is never written") {
		t.Errorf("not told:\n%s", text)
	}
	apply(t, r, fmt.Sprintf(order, ""))
	if text := gaps(r.Score()); strings.Contains(text, "sales.order_line_feature") {
		t.Errorf("the row was made:\n%s", text)
	}
}

func TestBranches(t *testing.T) {
	m := compile(t)
	b := coverage.NewBranches(m.Contract, m.Operation)
	b.Note(read(t, fmt.Sprintf(order, "")))
	first := gaps(b.Score())
	for _, want := range []string{"Order/Note is never there", "Order/Lines/Line is never there more than once", "Line/Unit is never EA",
		"Order/Status is never DRAFT", "Line/Feature is never there", "orders/order-types.xsd:"} {
		if !strings.Contains(first, want) {
			t.Errorf("not told: %s\n%s", want, first)
		}
	}
	for _, wrong := range []string{"Note is never absent", "Unit is never KG", "OrderNumber is"} {
		if strings.Contains(first, wrong) {
			t.Errorf("told: %s", wrong)
		}
	}
	before := b.Score().Touched
	b.Note(read(t, fmt.Sprintf(order, line)))
	if text := gaps(b.Score()); strings.Contains(text, "Line is never there more") || strings.Contains(text, "Unit is never EA") || b.Score().Touched <= before {
		t.Errorf("a second line changes nothing:\n%s", text)
	}
}
