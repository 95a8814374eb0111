package gatewaytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestTogether invents orders that meet each other in every way there is, and
// commits the same ones to two stores: to one in batches, to the other one by one.
// Outcomes and tables have to be equal, but for the numbers that the database
// draws. It is for stores that settle each message where it stands in its batch.
func TestTogether(t *testing.T, open StoreOpener, seeds int) {
	for seed := range seeds {
		p := newPlan([][]edit{nil, {guarded}, {guarded, deleteLines, deleteFeatures}}[seed%3]...)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { compareTogether(t, open, p, uint64(seed)) })
	}
}

func compareTogether(t *testing.T, open StoreOpener, p *plan, seed uint64) {
	pick := rand.New(rand.NewPCG(seed, 0)).IntN
	inBatches, oneByOne := newTogether(t, open, p), newTogether(t, open, p)
	known := map[string]order{} // by identity
	for range 12 {
		var batch []wish
		for range 1 + pick(10) {
			w := inventWish(pick, known)
			if !slices.ContainsFunc(batch, func(o wish) bool { return o.identity == w.identity }) {
				batch = append(batch, w)
			}
		}
		got := inBatches.commit(t, batch...)
		var want []string
		for _, w := range batch {
			want = append(want, oneByOne.commit(t, w)...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("outcomes\n got %q\nwant %q\nof %+v", got, want, batch)
		}
		for _, query := range togetherTables {
			if got, want := inBatches.probe.Query(t, query), oneByOne.probe.Query(t, query); !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("%s\n got %q\nwant %q\nof %+v", query, got, want, batch)
			}
		}
	}
}

// togetherTables read everything that is stored, by natural keys.
var togetherTables = []string{
	`SELECT customer_no, name, email FROM {crm.customer} ORDER BY customer_no`,
	`SELECT o.order_no, c.customer_no, o.revision, o.status, o.note FROM {sales.sales_order} o JOIN {crm.customer} c ON c.id = o.customer_id ORDER BY o.order_no`,
	`SELECT o.order_no, l.line_no, p.sku, l.quantity FROM {sales.order_line} l JOIN {sales.sales_order} o ON o.id = l.order_id JOIN {catalog.product} p ON p.id = l.product_id ORDER BY o.order_no, l.line_no`,
	`SELECT o.order_no, l.line_no, f.name, f.value FROM {sales.order_line_feature} f JOIN {sales.order_line} l ON l.id = f.line_id JOIN {sales.sales_order} o ON o.id = l.order_id ORDER BY o.order_no, l.line_no, f.name`,
	`SELECT sku, name FROM {catalog.product} ORDER BY sku`,
	`SELECT "identity", outcome, ordering_key FROM {gateway.message} ORDER BY "identity"`,
	`SELECT m."identity", k.name, k.value FROM {gateway.message_key} k JOIN {gateway.message} m ON m.id = k.message_id ORDER BY m."identity", k.name`,
	`SELECT count(*), count(DISTINCT message_id) FROM {gateway.inbox}`,
	`SELECT count(*), count(DISTINCT message_id) FROM {gateway.payload}`,
	`SELECT count(*), count(DISTINCT message_id) FROM {gateway.reply}`,
	`SELECT m."identity", d.channel, d.shard, d.seq FROM {gateway.delivery} d JOIN {gateway.message} m ON m.id = d.message_id ORDER BY d.channel, d.shard, d.seq`,
	`SELECT count(*) FROM {gateway.outbox} o JOIN {gateway.delivery} d ON d.message_id = o.message_id AND d.channel = o.channel AND d.shard = o.shard AND d.seq = o.seq AND d.wire_id = o.wire_id`,
	`SELECT "identity", state, code FROM {gateway.held} ORDER BY "identity", body`,
}

// wish is a message to be made for each of the stores.
type wish struct {
	identity string
	order    order
	queued   bool // it comes by an asynchronous door
}

func inventWish(pick func(int) int, known map[string]order) wish {
	w := wish{identity: fmt.Sprint("m", pick(80)), queued: pick(4) == 0}
	if earlier, ok := known[w.identity]; ok && pick(3) > 0 {
		w.order = earlier
		return w
	}
	w.order = order{no: fmt.Sprint("PO-", pick(8)), customer: fmt.Sprint("C-", pick(4)), name: fmt.Sprint("Acme ", pick(2)), revision: fmt.Sprint(1 + pick(4))}
	if pick(2) == 0 {
		w.order.note = fmt.Sprint("note ", pick(3))
	}
	for i := range pick(4) {
		l := line{no: i + 1 - pick(8)/7, sku: []string{"NUT-M8", "BOLT-M8"}[pick(2)]}
		switch pick(40) {
		case 0:
			l.sku = "NO-SUCH"
		case 1:
			l.quantity = "0" // the table has something against it
		}
		for f := range pick(3) {
			l.features = append(l.features, fmt.Sprintf("f%d=%d", f, pick(3)))
		}
		w.order.lines = append(w.order.lines, l)
	}
	known[w.identity] = w.order
	return w
}

// together is a store and its writer.
type together struct {
	writer gateway.Writer
	probe  Probe
	plan   *plan
}

func newTogether(t *testing.T, open StoreOpener, p *plan) *together {
	t.Helper()
	store, probe := open(t)
	w, err := store.Writer(t.Context(), p.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	return &together{w, probe, p}
}

// commit tells the outcomes. What goes with others is prepared before, as the gateway
// does it.
func (s *together) commit(t *testing.T, batch ...wish) []string {
	t.Helper()
	entries := make([]*gateway.Entry, len(batch))
	for i, w := range batch {
		entries[i] = s.plan.entry(w.identity, w.order)
		if w.queued {
			entries[i] = async(entries[i])
		}
		if p, ok := s.writer.(gateway.Preparer); ok && len(batch) > 1 {
			p.Prepare(entries[i])
		}
	}
	outcomes, err := s.writer.Commit(t.Context(), 0, entries)
	if err != nil {
		t.Fatal(err)
	}
	told := make([]string, len(outcomes))
	for i, o := range outcomes {
		told[i] = fmt.Sprint(o.Status, " ", strings.Join(o.Channels, ","))
		if o.Err != nil {
			told[i] += string(fault.Of(o.Err).Code)
		}
	}
	return told
}
