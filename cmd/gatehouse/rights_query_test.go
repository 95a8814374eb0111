package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/query"
	"github.com/gatehouse/gatehouse/internal/view"
)

var askContract = sync.OnceValues(func() (*contract.Contract, error) {
	return contract.Load(os.DirFS("../../testdata/ask"), "ask.wsdl")
})

// asksAlike asks two databases that differ in nothing but what alice may not see by
// queries of a contract, whose files somebody may think of; she is answered alike, page
// by page, and bob does not go on with her pages. It returns how many answers there were.
func asksAlike(t *rapid.T, a, b *guarded, s *guardSetting, keen string) (answers int) {
	for range 6 {
		src, request := drawQuery(t, s, keen), drawRequest(t)
		one, two := a.query(t, src, s), b.query(t, src, s)
		if one == nil {
			continue
		}
		after := ""
		for page := 0; page < 30; page++ {
			first, second := one.answer("alice", request+after), two.answer("alice", request+after)
			if first != second {
				t.Fatalf("the query tells two databases apart that alice may not tell apart:\n%s\n%s\n%s\n\n%s", src, request+after, first, second)
			}
			_, rest, more := strings.Cut(first, "<ns1:After>")
			if strings.HasPrefix(first, "<") {
				answers++
			}
			if !more {
				break
			}
			token, _, _ := strings.Cut(rest, "<")
			after = "<After>" + token + "</After>"
			if s := one.answer("bob", request+after); strings.HasPrefix(s, "<") {
				t.Fatalf("bob goes on with the page of alice: %s", s)
			}
		}
	}
	return answers
}

// tellsRows holds the rows that a query shows against those that alice may know of, of
// which it has to show some field: neither fewer nor more are there, and of no field is
// another value.
func (g *guarded) tellsRows(t *rapid.T, s *guardSetting, told map[string]map[string]any) {
	for _, shown := range []string{"order_no", "status", "string(margin)"} {
		q := g.query(t, strings.NewReplacer("STATUS", shown).Replace(plainQuery), s)
		field := strings.TrimSuffix(strings.TrimPrefix(shown, "string("), ")")
		want := map[string]string{}
		for key, row := range told {
			if v, seen := row[field]; seen {
				want[key] = fmt.Sprint(v)
			}
		}
		got := map[string]string{}
		for after := ""; ; {
			reply := q.answer("alice", "<PageSize>2</PageSize>"+after)
			if !strings.HasPrefix(reply, "<") {
				if len(want) > 0 {
					t.Fatalf("what alice may see of %s is not answered: %s; %v", field, reply, want)
				}
				break
			}
			for one := range strings.SplitSeq(reply, "<ns1:Number>") {
				if key, rest, ok := strings.Cut(one, "</ns1:Number><ns1:Status>"); ok {
					got[key], _, _ = strings.Cut(rest, "<")
				}
			}
			_, rest, more := strings.Cut(reply, "<ns1:After>")
			if !more {
				break
			}
			token, _, _ := strings.Cut(rest, "<")
			after = "<After>" + token + "</After>"
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("the query shows %s of %v; alice may see %v", field, got, want)
		}
	}
}

const plainQuery = `query: plain
contract: ask.wsdl#FindOrders
namespaces: {t: urn:test:ask}
view: orders
order: [order_no]
page: {rows: t:PageSize, default: 2, after: t:After}
reply:
  Order: {$each: $page/row, Number: order_no, Status: STATUS}
  After: $page/next
`

// drawQuery is the file of a query.
func drawQuery(t *rapid.T, s *guardSetting, keen string) string {
	field := func(from ...string) string {
		if slices.Contains(from, keen) && rapid.Bool().Draw(t, "of the field") {
			return keen
		}
		return rapid.SampledFrom(from).Draw(t, "shown")
	}
	var where []string
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		switch f := field("order_no", "status", "region", "amount", "note", "margin", "customer"); f {
		case "amount", "margin":
			where = append(where, fmt.Sprintf("{field: %s, %s: t:PageSize}", f, rapid.SampledFrom([]string{"eq", "ne", "ge", "lt"}).Draw(t, "comparison")))
		default:
			where = append(where, fmt.Sprintf("{field: %s, %s}", f, rapid.SampledFrom([]string{"eq: t:Customer", "ne: t:Customer", "in: t:Status", "gt: t:Customer", "starts_with: t:Customer"}).Draw(t, "comparison")))
		}
	}
	text := strings.Replace(plainQuery, "order: [order_no]\n", "where: ["+strings.Join(where, ", ")+"]\n", 1)
	if rapid.Bool().Draw(t, "ordered") {
		text = strings.Replace(text, "page:", "order: ["+field("order_no", "status", "amount", "margin")+rapid.SampledFrom([]string{"", " desc"}).Draw(t, "direction")+"]\npage:", 1)
	}
	text = strings.Replace(text, "STATUS", field("status", "order_no", "string(margin)")+", Note: "+field("note", "region", "customer_name", "customer")+", Total: "+field("amount", "margin", "count(lines/row)", "sum(lines/row/price)")+
		rapid.SampledFrom([]string{"", ", Line: {$each: lines/row, Sku: sku, Quantity: line_no}", ", Line: {$each: \"lines/row[price > 1]\", Sku: sku, Quantity: line_no}"}).Draw(t, "lines"), 1)
	if rapid.Bool().Draw(t, "counted") {
		text = strings.Replace(text, "reply:", "count: true\nreply:\n  Count: $page/count", 1)
	}
	return text
}

func drawRequest(t *rapid.T) string {
	texts := []string{"o1", "o3", "c1", "OPEN", "SENT", "south", "ring", "", "r"}
	out := ""
	if rapid.Bool().Draw(t, "customer") {
		out += "<Customer>" + rapid.SampledFrom(texts).Draw(t, "text") + "</Customer>"
	}
	for range rapid.IntRange(0, 2).Draw(t, "statuses") {
		out += "<Status>" + rapid.SampledFrom(texts).Draw(t, "text") + "</Status>"
	}
	return out + fmt.Sprintf("<PageSize>%d</PageSize>", rapid.IntRange(1, 6).Draw(t, "rows"))
}

// guardedQuery is a query over one world.
type guardedQuery struct {
	query.Served
	of *guarded
	t  *rapid.T
}

// query compiles a file; nil when the view does not offer what it asks by.
func (g *guarded) query(t *rapid.T, src string, s *guardSetting) *guardedQuery {
	c, err := askContract()
	if err != nil {
		t.Fatal(err)
	}
	f, err := mapping.ParseQuery("q.yaml", []byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	d, err := view.Parse("view.yaml", []byte(s.view()))
	if err != nil {
		t.Fatal(err)
	}
	q, err := query.New(f, c, d.Viewed())
	if err == nil {
		_, err = q.On(g.views[0])
	}
	if err != nil && !strings.Contains(err.Error(), "of the view") {
		t.Fatalf("%v\n%s", err, src)
	}
	if err != nil {
		return nil
	}
	if g.desk == nil {
		g.desk = &query.Desk{Places: query.NewPlaces(8, 8), Metrics: query.NewMetrics(prometheus.NewRegistry()), Tokens: odata.NewTokens(oneKey{}), Timeout: time.Minute}
	}
	return &guardedQuery{query.Served{Query: q, Desk: g.desk, Searches: g}, g, t}
}

// answer is the reply, or all that is said in its place.
func (q *guardedQuery) answer(user, children string) string {
	tree, err := document.Read([]byte(`<FindOrders xmlns="urn:test:ask">` + children + `</FindOrders>`))
	if err != nil {
		q.t.Fatal(err)
	}
	defer tree.Release()
	asker, err := q.of.Known(context.Background(), user)
	if err != nil {
		q.t.Fatal(err)
	}
	in := &mapping.Input{Payload: tree.Root()}
	reply, rows, err := q.Answer(context.Background(), gateway.Asker{DN: user, Viewer: asker.Viewer}, in)
	if err == nil {
		return fmt.Sprint(string(reply), rows)
	}
	f := fault.Of(err)
	if f.Kind() == fault.Internal || f.Kind() == fault.Unavailable {
		q.t.Fatalf("%s: %v", children, err)
	}
	return fmt.Sprint(f.Code, f.Message, f.Details)
}
