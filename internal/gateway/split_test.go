package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const partsMapping = `mapping: parts
contract: batch/batch.wsdl#SubmitBatch
namespaces: {b: urn:gatehouse:test:batch}
split: b:Order
identity: b:Number
ordering_key: b:Sku
rows:
  - table: sales.item
    match: [number]
    columns: {number: string(b:Number), quantity: round(b:Quantity) idiv 1}
reply: {BatchId: b:BatchId, Count: $parts/count, Stored: $parts/stored, Repeated: $parts/repeated}
`

// newPartsBench is a gateway on fakes with a mapping that splits.
func newPartsBench(t testing.TB) *bench {
	t.Helper()
	return newPartsBenchWith(t, gateway.Config{})
}

func newPartsBenchWith(t testing.TB, config gateway.Config) *bench {
	t.Helper()
	return newPartsBenchOf(t, config, partsMapping)
}

// newPartsBenchOf has a mapping of its own, and channels.
func newPartsBenchOf(t testing.TB, config gateway.Config, text string, channels ...gateway.Channel) *bench {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../testdata/soap"), "batch/batch.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	f, err := mapping.Parse("parts.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Compile(f, c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: &memoryStore{writerUp: true}, service: c.Services[0], mapping: m}
	access := gateway.NewAccess([]gateway.Role{{Name: "sender", Members: []gateway.Member{{Group: "erp-users"}}, Partner: "erp"}},
		[]gateway.Grant{{Role: "sender", May: []gateway.Verb{gateway.Send}, On: "route/parts"}})
	b.parts = gateway.Parts{Version: "test", Contracts: []*contract.Contract{c}, Access: access, Directory: gatewaytest.NewDirectory(time.Now, gatewaytest.Corp()...), Channels: channels}
	g, err := gateway.NewGeneration(b.parts, []*gateway.Route{gateway.NewRoute("parts", []string{"soap:orders/OrderService.SubmitBatch", queue}, m, b.store)})
	if err != nil {
		t.Fatal(err)
	}
	b.Gateway = gateway.New(config, b.store, g, time.Now, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return b
}

func part(number int, sku string) string {
	return fmt.Sprintf("\n<b:Order><b:Number>%d</b:Number><b:Sku>%s</b:Sku><b:Quantity>1</b:Quantity></b:Order>", number, sku)
}

func parts(n int) string {
	var text strings.Builder
	for i := range n {
		text.WriteString(part(i+1, fmt.Sprint("S-", i%7)))
	}
	return text.String()
}

func batch(site, orders string) string {
	return `<b:SubmitBatch xmlns:b="urn:gatehouse:test:batch"><b:BatchId>B</b:BatchId><b:Site>` + site + `</b:Site>` + orders + `</b:SubmitBatch>`
}

func (b *bench) batch(body string) *gateway.Arrival {
	return b.arrival([]byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+body+`</s:Body></s:Envelope>`), "erp.alice", "erp.alice-secret")
}

// TestPartsKeepTheirOrder: the parts of a key go the same way in the order of the
// document, under ids that rise with it and are the same when they come again.
func TestPartsKeepTheirOrder(t *testing.T) {
	b := newPartsBench(t)
	defer b.stop()
	a := queued(batch("HEL", parts(500)), "erp.alice")
	a.ID = uuid.Must(uuid.NewV7())
	for range 2 {
		if r, err := b.take(t, a); err != nil || r.Status != gateway.Stored || !strings.Contains(string(r.Reply), "Stored>500<") {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if len(b.store.entries) != 1000 {
		t.Fatalf("%d entries", len(b.store.entries))
	}
	first, second := b.store.entries[:500], b.store.entries[500:]
	ids := map[string]gateway.ID{}
	last := map[string]gateway.ID{}
	for _, m := range first {
		if m.ID.String() <= last[m.OrderingKey].String() || m.ID.String() <= a.ID.String()[:18] {
			t.Errorf("%s follows %s", m.ID, last[m.OrderingKey])
		}
		last[m.OrderingKey], ids[m.Identity] = m.ID, m.ID
		if want := (mapping.Key{Name: "arrival", Value: a.ID.String()}); !slices.Contains(m.Keys, want) {
			t.Errorf("keys %v", m.Keys)
		}
	}
	for _, m := range second {
		if ids[m.Identity] != m.ID {
			t.Errorf("%s had the id %s, and has %s", m.Identity, ids[m.Identity], m.ID)
		}
	}
	next := uuid.Must(uuid.NewV7())
	for _, m := range first {
		if m.ID.String() >= next.String() {
			t.Errorf("%s is not before what comes next, %s", m.ID, next)
		}
	}
}

// TestPartsAreBounded: what would cost more than it is worth is refused whole,
// and nothing of it is stored.
func TestPartsAreBounded(t *testing.T) {
	b := newPartsBench(t)
	for name, body := range map[string]string{
		"too many":      batch("HEL", parts(mapping.MaxParts+1)),
		"a huge around": batch(strings.Repeat("x", 1<<20), parts(70)),
		"many pieces":   batch("HEL", strings.ReplaceAll(strings.Repeat("<b:Remark>0123456789</b:Remark>", 300), "", "")+parts(9000)),
	} {
		began := time.Now()
		r, err := b.Accept(t.Context(), b.batch(body))
		if f := fault.Of(err); f == nil || f.Code != fault.CodeTooLarge {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if r, err := b.take(t, queued(body, "erp.alice")); err != nil || r.Status != gateway.Parked || r.Fault.Code != fault.CodeTooLarge {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	b.stop()
	if len(b.store.refusals) != 3 || len(b.store.entries) != 3 || len(b.store.holds) != 3 {
		t.Errorf("%d refusals, %d entries, %d holds", len(b.store.refusals), len(b.store.entries), len(b.store.holds))
	}
	b = newPartsBench(t)
	if r, err := b.Accept(t.Context(), b.batch(batch("HEL", parts(mapping.MaxParts)))); err != nil || r.Status != gateway.Stored {
		t.Errorf("as many as are taken: %+v, %v", r, err)
	}
	b.stop()
}

// TestPartsUnavailable: a run that breaks off in the middle comes again as a
// whole, by either door.
func TestPartsUnavailable(t *testing.T) {
	b := newPartsBench(t)
	defer b.stop()
	commits := 0
	b.store.commit = func(int) error {
		if commits++; commits%3 == 2 {
			return fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("cut"))
		}
		return nil
	}
	r, err := b.Accept(t.Context(), b.batch(batch("HEL", parts(1000))))
	f := fault.Of(err)
	if f == nil || f.Code != fault.CodePartsLater || !strings.Contains(f.Message, " of the 1000 parts of the message ") || !strings.HasSuffix(f.Message, " stored; what is stored stays so, and the whole may be sent again") || len(f.Details) != 50 {
		t.Errorf("%+v, %v", r, err)
	}
	stored := 0
	if _, err := fmt.Sscan(f.Message, &stored); err != nil || stored != len(b.store.entries) || stored+len(f.Details)+f.More != 1000 {
		t.Errorf("%q, with %d entries and %d more", f.Message, len(b.store.entries), f.More)
	}
	commits = 0
	if _, err := b.take(t, queued(batch("HEL", parts(1000)), "erp.alice")); fault.Of(err) == nil || !fault.KindOf(err).Retryable() {
		t.Errorf("by the queue: %v", err)
	}
}

// TestPartsOutliveTheirCaller: who hangs up does not stop what he has begun.
func TestPartsOutliveTheirCaller(t *testing.T) {
	b := newPartsBench(t)
	b.store.gate = make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := b.Accept(ctx, b.batch(batch("HEL", parts(5000))))
		done <- err
	}()
	b.store.gate <- struct{}{} // the first batch is under way
	leave()
	if err := <-done; fault.Of(err) == nil || fault.Of(err).Code != fault.CodeStoreUnavailable {
		t.Errorf("%v", err)
	}
	close(b.store.gate)
	b.stop() // waits for what is in flight
	if len(b.store.entries) != 5000 || len(b.store.refusals) != 0 {
		t.Errorf("%d entries, %d refusals", len(b.store.entries), len(b.store.refusals))
	}
}

// TestPartsLeaveRoom: a long message does not fill the lanes against others.
func TestPartsLeaveRoom(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newPartsBenchWith(t, gateway.Config{Metrics: gateway.NewMetrics(registry)})
	defer b.stop()
	waiting := func() float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Error(err)
		}
		for _, f := range families {
			if f.GetName() == "gatehouse_lane_messages" {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Error("nobody counts what waits")
		return 0
	}
	most := 0.0
	b.store.commit = func(int) error {
		most = max(most, waiting())
		return nil
	}
	orders := strings.Repeat(part(1, "S"), 5000) // one key, one lane
	if _, err := b.Accept(t.Context(), b.batch(batch("HEL", orders))); err != nil {
		t.Error(err)
	}
	if _, err := b.take(t, queued(batch("HEL", orders), "erp.alice")); err != nil {
		t.Error(err)
	}
	if most == 0 || most > 512 {
		t.Errorf("up to %v messages waited in the lanes", most)
	}
}

// TestPartsDemandCause: a part that publishes what its sender may not cause is
// refused, and the others are stored.
func TestPartsDemandCause(t *testing.T) {
	const publishing = partsMapping + `publish:
  - channel: items
    when: b:Quantity > 1
    format: json
    body: {number: b:Number}
`
	b := newPartsBenchOf(t, gateway.Config{}, publishing, gateway.Channel{Name: "items", DemandsCause: true})
	defer b.stop()
	several := strings.Replace(part(2, "S"), "<b:Quantity>1<", "<b:Quantity>2<", 1)
	r, err := b.take(t, queued(batch("HEL", part(1, "S")+several+part(3, "S")), "erp.alice"))
	if err != nil || r.Status != gateway.Parked || r.Fault.Code != fault.CodeParts {
		t.Fatalf("%+v, %v", r, err)
	}
	if d := r.Fault.Details; len(d) != 1 || !strings.HasSuffix(d[0].Path, "Order[2]") || !strings.Contains(d[0].Message, string(fault.CodeForbidden)) {
		t.Errorf("%+v", d)
	}
	if len(b.store.entries) != 3 || len(b.store.holds) != 1 || b.store.holds[0].State != gateway.Parked {
		t.Errorf("%d entries; holds %+v", len(b.store.entries), b.store.holds)
	}
}

// TestPartsAsJSON are kept as XML, and complained of where the text has them.
func TestPartsAsJSON(t *testing.T) {
	b := newPartsBench(t)
	defer b.stop()
	a := queued("{\"BatchId\":\"B\",\"Site\":\"HEL\",\"Order\":[\n{\"Number\":\"1\",\"Sku\":\"S\",\"Quantity\":1},\n{\"Sku\":\"S\",\"Quantity\":1}]}", "erp.alice")
	a.Format, a.ContentType = gateway.JSON, "application/json"
	r, err := b.take(t, a)
	if err != nil || r.Status != gateway.Parked || r.Fault.Code != fault.CodeParts {
		t.Fatalf("%+v, %v", r, err)
	}
	if d := r.Fault.Details[0]; d.Path != "/Order/1" || d.Line != 3 || !strings.Contains(d.Message, "GH-4003") {
		t.Errorf("%+v", d)
	}
	i := slices.IndexFunc(b.store.entries, func(m gateway.Message) bool { return m.Identity == "m-1/2" })
	if i < 0 {
		t.Fatalf("%+v", b.store.entries)
	}
	if m := b.store.entries[i]; m.ContentType != "application/xml" || strings.Count(string(m.Payload), "<Sku>") != 1 || !strings.HasSuffix(m.Properties["part of"], "/2") {
		t.Errorf("kept as %+v\n%s", m, m.Payload)
	}
	answer, err := r.Answer()
	if err != nil || !strings.Contains(string(answer.Body), "1 of the 2 parts") {
		t.Errorf("%s, %v", answer.Body, err)
	}
}
