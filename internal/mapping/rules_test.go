package mapping_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// told renders a rule as the tests below name it.
func told(m *mapping.Mapping, r mapping.Rule) string {
	of := "reply"
	switch {
	case r.Table >= 0:
		of = m.Tables[r.Table].Name.String()
	case r.Publication >= 0:
		of = m.Publications()[r.Publication].Channel
	case r.Kind == mapping.IdentityRule || r.Kind == mapping.OrderingRule || r.Kind == mapping.KeyRule:
		of = "message"
	}
	var uses []string
	for _, u := range r.Uses {
		switch {
		case u.Shape == nil:
			uses = append(uses, "$"+u.Variable+"/"+u.Field)
		case u.Shape.Attribute != nil:
			uses = append(uses, "@"+u.Shape.Attribute.Name.Local)
		default:
			uses = append(uses, u.Shape.Element.Name.Local)
		}
	}
	return fmt.Sprintf("%d %s %s %s <- %s", r.Place.Line, of, r.Kind, r.Name, strings.Join(uses, " "))
}

func TestRules(t *testing.T) {
	src := sample(t, "submit-order.yaml")
	m := compile(t, "submit-order.yaml", src)
	var all []string
	for _, r := range m.Rules() {
		all = append(all, told(m, r))
		if r.Kind == mapping.OtherRule {
			t.Errorf("a rule of no kind: %s", told(m, r))
		}
		line := strings.Split(string(src), "\n")[r.Place.Line-1]
		if !strings.Contains(line, r.Text) {
			t.Errorf("line %d is %q, not %q", r.Place.Line, line, r.Text)
		}
	}
	for _, want := range []string{
		"message identity  <- MessageId", "message business key customer <- @number", "message ordering key  <- OrderNumber",
		"sales.sales_order column customer_id <- $customer/id", "sales.order_line each  <- Line", "sales.order_line look-up key product_id <- Sku",
		"sales.order_line column amount <- Quantity UnitPrice", "sales.order_line_feature column value <- Feature",
		"order-events when  <- Status", "order-events routing key  <- Country", "order-events each lines/features <- Feature",
		"order-events field lines/unitPrice <- UnitPrice", "reply field OrderId <- $order/id", "reply field Lines <- Line",
	} {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, " "+want) }) {
			t.Errorf("no rule %q in\n%s", want, strings.Join(all, "\n"))
		}
	}
}

func TestUsesTellConditionsApart(t *testing.T) {
	m := compile(t, "m.yaml", []byte(strings.Replace(string(sample(t, "submit-order.yaml")), "name: o:Order/o:Customer/o:Name",
		"name: if (o:Order/o:Customer/o:Email) then string(o:Order/o:Lines/o:Line[o:Unit = 'EA'][1]/o:Sku) else o:Order/o:Customer/o:Name", 1)))
	for _, r := range m.Rules() {
		if r.Name != "name" || r.Table != 0 {
			continue
		}
		var got []string
		for _, u := range r.Uses {
			got = append(got, fmt.Sprint(u.Shape.Element.Name.Local, " ", u.Condition))
		}
		if want := []string{"Email true", "Unit true", "Sku false", "Name false"}; !slices.Equal(got, want) {
			t.Errorf("uses %v, want %v", got, want)
		}
	}
}

func TestWatched(t *testing.T) {
	m := compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))
	rules := m.Rules()
	var events []string
	watched := m.Watched(func(e mapping.Event) {
		r := rules[e.Rule]
		events = append(events, fmt.Sprintf("%s %s %d line %d at %s", r.Kind, r.Name, e.Seen, e.Line, e.At().Path))
	})
	in := input(t, order)
	if _, err := watched.Apply(in); err != nil {
		t.Fatal(err)
	}
	stored := slices.Repeat([]mapping.Value{{Class: mapping.Integer, Number: number(7)}}, len(m.Returns))
	if _, err := watched.Render(in, stored); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("column note %d line 1 at /o:SubmitOrder/o:Order", xpath.SeenNothing),
		fmt.Sprintf("column quantity %d line 10 at /o:SubmitOrder/o:Order/o:Lines/o:Line[2]/o:Quantity", xpath.SeenValue),
		fmt.Sprintf("when  %d line 1 at /o:SubmitOrder/o:Order/o:Status", xpath.SeenTrue),
	} {
		if !slices.Contains(events, want) {
			t.Errorf("no event %q in\n%s", want, strings.Join(events, "\n"))
		}
	}
	before := len(events)
	if _, err := m.Apply(in); err != nil || len(events) > before {
		t.Errorf("the mapping itself is watched, or fails: %v", err)
	}
}
