package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestRenderedTogether: a batch that is rendered by several goroutines gives each message
// its own reply and event, numbered without a gap in each shard. Where one cannot be
// rendered the others are stored all the same.
func TestRenderedTogether(t *testing.T) {
	store, probe := openStore(t)
	w, err := store.Writer(t.Context(), gatewaytest.OrderMapping())
	if err != nil {
		t.Fatal(err)
	}
	const size, broken = 40, 17
	replies := map[string]string{} // by order
	for round, spoilt := range []bool{false, true} {
		batch := make([]*gateway.Entry, size)
		for i := range batch {
			batch[i] = gatewaytest.OrderEntry(fmt.Sprintf("PO-%d-%02d", round, i), 2)
		}
		if spoilt {
			batch[broken].Render = func([]mapping.Value) (*mapping.Rendered, error) { return nil, fault.New(fault.CodeMapping, "") }
		}
		outcomes, err := w.Commit(t.Context(), 0, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes {
			if spoilt && i == broken {
				if o.Status != gateway.Refused || fault.Of(o.Err).Code != fault.CodeMapping {
					t.Errorf("the message that cannot be rendered: %+v", o)
				}
				continue
			}
			if o.Status != gateway.Stored {
				t.Errorf("message %d of batch %d: %v, %v", i, round, o.Status, o.Err)
			}
			replies[fmt.Sprintf("PO-%d-%02d", round, i)] = string(o.Reply)
		}
	}
	for _, row := range probe.Query(t, `SELECT order_no, id FROM {sales.sales_order}`) {
		if no, id := row[0], row[1]; replies[no] != "<reply>"+id+"</reply>" {
			t.Errorf("%s is stored as %s, reply %q", no, id, replies[no])
		}
	}
	if strays := probe.Query(t, `SELECT o.ordering_key, CAST(o.body AS TEXT) FROM {gateway.outbox} AS o WHERE instr(CAST(o.body AS TEXT), o.ordering_key) = 0`); len(strays) > 0 {
		t.Errorf("events of another message: %v", strays)
	}
	const want = 2*size - 1
	got := probe.Query(t, `SELECT count(*), count(DISTINCT message_id), (SELECT count(*) FROM {gateway.delivery}), (SELECT count(*) FROM {sales.sales_order}) FROM {gateway.outbox}`)
	if fmt.Sprint(got) != fmt.Sprintf("[[%[1]d %[1]d %[1]d %[1]d]]", want) {
		t.Errorf("events, their messages, deliveries and orders: %v, want %d each", got, want)
	}
	if gaps := probe.Query(t, `SELECT shard, count(*), max(seq) FROM {gateway.outbox} GROUP BY channel, shard HAVING count(*) <> max(seq) OR min(seq) <> 1`); len(gaps) > 0 {
		t.Errorf("shards with a gap: %v", gaps)
	}
	if odd := probe.Query(t, `SELECT o.seq FROM {gateway.outbox} AS o LEFT JOIN {gateway.delivery} AS d ON d.message_id = o.message_id AND d.wire_id = o.wire_id AND d.seq = o.seq AND d.shard = o.shard WHERE d.seq IS NULL`); len(odd) > 0 {
		t.Errorf("events without their delivery: %v", odd)
	}
}
