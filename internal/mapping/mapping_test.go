package mapping_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// dump renders a changeset as one line per row, for comparing.
func dump(m *mapping.Mapping, cs *mapping.Changeset) string {
	var b strings.Builder
	for i, rows := range cs.Rows {
		for _, r := range rows {
			fmt.Fprintf(&b, "%s <%d", m.Tables[i].Name, r.Parent)
			for j, c := range r.Cells {
				fmt.Fprintf(&b, " %s=%s", m.Tables[i].Columns[j].Name, cell(c))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func cell(c mapping.Cell) string {
	switch c.Kind {
	case mapping.NullCell:
		return "NULL"
	case mapping.ValueCell:
		return c.Value.Lexical()
	case mapping.Reference:
		return fmt.Sprintf("#%d", c.Row)
	case mapping.KeysCell:
		keys := make([]string, len(c.Keys))
		for i, k := range c.Keys {
			keys[i] = k.Lexical()
		}
		return "?" + strings.Join(keys, "+")
	}
	return "-"
}

// TestRelease: rows that are made of released memory are those of new memory,
// also after messages that are refused, and by several goroutines.
func TestRelease(t *testing.T) {
	m := checked(t, compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))).Mapping
	var bare []string
	for _, element := range []string{"o:Description", "o:Feature", "o:Name"} { // what is absent must not be what another message had
		pattern := regexp.MustCompile(`<` + element + `[ >].*?</` + element + `>`)
		bare = append(bare, pattern.ReplaceAllString(order, ""))
	}
	messages := append(bare, order, orderOf(3), orderOf(40), strings.ReplaceAll(order, "PO-7", strings.Repeat("7", 30)), strings.ReplaceAll(order, "2.500", strings.Repeat("9", 40)))
	want := make([]string, len(messages))
	for i, src := range messages {
		if cs, err := m.Apply(input(t, src)); err == nil {
			want[i] = dump(m, cs)
		} else {
			want[i] = err.Error()
		}
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := range 200 {
				i := (n*7 + g) % len(messages)
				tree, err := document.Read([]byte(messages[i]))
				if err != nil {
					t.Error(err)
					return
				}
				cs, err := m.Apply(&mapping.Input{Payload: tree.Root()})
				if err != nil {
					if err.Error() != want[i] {
						t.Errorf("message %d: %v, want %s", i, err, want[i])
					}
				} else if got := dump(m, cs); got != want[i] {
					t.Errorf("message %d: rows\n%s\nwant\n%s", i, got, want[i])
				}
				if cs != nil {
					cs.Release()
					cs.Release()
				}
				tree.Release()
			}
		})
	}
	all.Wait()
}

func checked(t testing.TB, m *mapping.Mapping) *mapping.Checked {
	t.Helper()
	c, err := m.Check(business())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestApplySample(t *testing.T) {
	m := checked(t, compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))).Mapping
	for _, w := range m.Warnings {
		t.Errorf("warning: %v", w)
	}
	cs, err := m.Apply(input(t, order))
	if err != nil {
		t.Fatal(err)
	}
	want := `crm.customer <-1 customer_no=C-1 name=Ann & "Co" country=FI email=-
sales.sales_order <-1 order_no=PO-7 customer_id=#0 status=SUBMITTED currency=EUR ordered_at=2026-03-16T12:30:00.123+02:00 requested_delivery=NULL note=NULL revision=2
sales.order_line <0 order_id=#0 line_no=1 product_id=?A-1 description=NULL quantity=2.5 unit=KG unit_price=0.1001 amount=0.2502
sales.order_line <0 order_id=#0 line_no=2 product_id=?B-1 description=spare quantity=1 unit=EA unit_price=10 amount=10
sales.order_line_feature <0 line_id=#0 name=colour value=red
sales.order_line_feature <0 line_id=#0 name=size value=L
`
	if got := dump(m, cs); got != want {
		t.Errorf("rows:\n%s\nwant:\n%s", got, want)
	}
	if cs.Identity != "m-1" || cs.OrderingKey != "PO-7" {
		t.Errorf("identity %q, ordering key %q", cs.Identity, cs.OrderingKey)
	}
	if got := fmt.Sprint(cs.Keys); got != "[{order PO-7} {customer C-1}]" {
		t.Errorf("keys %s", got)
	}
	if got := cs.Rows[2][1].Origin.Place(); got.Path != "/o:SubmitOrder/o:Order/o:Lines/o:Line[2]" || got.Line != 10 {
		t.Errorf("row at %s:%d", got.Path, got.Line)
	}
}

func TestRenderSample(t *testing.T) {
	m := compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))
	if got := fmt.Sprint(m.Returns); got != "[{1 id} {0 id}]" {
		t.Fatalf("returns %s", got)
	}
	one, two := mapping.Value{Class: mapping.Integer}, mapping.Value{Class: mapping.Integer}
	one.Number, two.Number = number(41), number(42)
	out, err := m.Render(input(t, order), []mapping.Value{one, two})
	if err != nil {
		t.Fatal(err)
	}
	wantReply := `<ns1:SubmitOrderResponse xmlns:ns1="urn:gatehouse:samples:orders:1"><ns1:OrderId>41</ns1:OrderId><ns1:OrderNumber>PO-7</ns1:OrderNumber><ns1:Status>ACCEPTED</ns1:Status><ns1:Lines>2</ns1:Lines></ns1:SubmitOrderResponse>`
	if got := string(out.Reply); got != wantReply {
		t.Errorf("reply\n%s\nwant\n%s", got, wantReply)
	}
	if len(out.Publications) != 1 {
		t.Fatalf("%d publications", len(out.Publications))
	}
	p := out.Publications[0]
	if p.Channel != "order-events" || p.RoutingKey != "order.accepted.FI" || p.Type != "order.accepted" || p.ContentType != "application/json" {
		t.Errorf("publication %+v", p)
	}
	wantBody := `{"orderId":41,"orderNo":"PO-7","revision":2,"status":"SUBMITTED","orderedAt":"2026-03-16T12:30:00.1234567","currency":"EUR",` +
		`"customer":{"id":42,"number":"C-1","name":"Ann & \"Co\"","country":"FI"},` +
		`"lines":[{"no":1,"sku":"A-1","quantity":2.5,"unit":"KG","unitPrice":0.1001,"features":[{"name":"colour","value":"red"},{"name":"size","value":"L"}]},` +
		`{"no":2,"sku":"B-1","quantity":1,"unit":"EA","unitPrice":10,"features":[]}]}`
	if got := string(p.Body); got != wantBody {
		t.Errorf("body\n%s\nwant\n%s", got, wantBody)
	}
}

func TestDraftIsNotPublished(t *testing.T) {
	m := compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))
	out, err := m.Render(input(t, strings.Replace(order, "SUBMITTED", "DRAFT", 1)), []mapping.Value{{Class: mapping.Integer, Number: number(1)}, {Class: mapping.Integer, Number: number(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Publications) != 0 {
		t.Errorf("published %+v", out.Publications)
	}
}

func TestNarrowings(t *testing.T) {
	var got []string
	for _, n := range checked(t, compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))).Narrowings {
		got = append(got, n.Target+": "+n.Reason)
	}
	want := []string{
		"sales.sales_order.revision: 1 to any meets -2147483648 to 2147483647",
		"sales.order_line.line_no: 1 to any meets -2147483648 to 2147483647",
		"sales.order_line.quantity: 12 digits, up to 3 after the point, meet decimal(12,3)",
		"sales.order_line.unit_price: 15 digits, up to 4 after the point, meet decimal(15,4)",
		"sales.order_line.amount: any number of digits before the point meets decimal(19,4)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestShipmentSample(t *testing.T) {
	m := checked(t, compile(t, "notify-shipment.yaml", sample(t, "notify-shipment.yaml"))).Mapping
	in := input(t, `<s:NotifyShipment xmlns:s="urn:gatehouse:samples:orders:1"><s:Header><s:MessageId>m-2</s:MessageId><s:SentAt>2026-03-17T10:00:00Z</s:SentAt></s:Header>`+
		`<s:Shipment><s:ShipmentNumber>SH-1</s:ShipmentNumber><s:OrderNumber>PO-7</s:OrderNumber><s:ShippedAt>2026-03-17T09:00:00Z</s:ShippedAt>`+
		`<s:Line no="1"><s:Quantity>2.5</s:Quantity></s:Line></s:Shipment></s:NotifyShipment>`)
	cs, err := m.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `sales.shipment <-1 shipment_no=SH-1 order_id=?PO-7 shipped_at=2026-03-17T09:00:00Z carrier=NULL
sales.shipment_line <0 shipment_id=#0 line_no=1 quantity=2.5
`
	if got := dump(m, cs); got != want {
		t.Errorf("rows:\n%s\nwant:\n%s", got, want)
	}
	out, err := m.Render(in, []mapping.Value{{Class: mapping.Integer, Number: number(7)}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Reply != nil {
		t.Errorf("a one-way operation is answered: %s", out.Reply)
	}
	wantBody := `{"shipmentId":7,"shipmentNo":"SH-1","orderNo":"PO-7","shippedAt":"2026-03-17T09:00:00Z","lines":[{"no":1,"quantity":2.5}]}`
	if got := string(out.Publications[0].Body); got != wantBody {
		t.Errorf("body %s", got)
	}
}

// A Mapping serves any number of goroutines.
func TestApplyConcurrently(t *testing.T) {
	m := checked(t, compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))).Mapping
	var group sync.WaitGroup
	for range 8 {
		in := input(t, order)
		group.Go(func() {
			for range 50 {
				if _, err := m.Apply(in); err != nil {
					t.Error(err)
				}
				if _, err := m.Render(in, []mapping.Value{{Class: mapping.Integer, Number: number(1)}, {Class: mapping.Integer, Number: number(2)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
