package amqp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestAdopt takes what a broker has dead-lettered: on the broker that comes with
// us, and on RabbitMQ where there is one.
func TestAdopt(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		_, s := startBroker(t, broker.Config{})
		testAdopt(t, s)
	})
	t.Run("rabbitmq", func(t *testing.T) { testAdopt(t, realBroker(t)) })
}

func testAdopt(t *testing.T, s server) {
	r := newRig(t, s, nil)
	r.bury(t, 5)
	r.put(t, driver.Publishing{MessageId: "by hand", Body: []byte("<order/>")}, driver.Publishing{Body: []byte("no order"), ContentType: "text/plain"})
	client := r.client(t, r.config(), amqp.SystemClock{})
	e := amqp.Endpoint{Queue: "in.orders", Sender: amqp.Sender{Fixed: "erp"}}

	// Looking gives everything back.
	core := newCore(t)
	looked, err := client.Adopt(t.Context(), e, r.queue, 6, true, core)
	if err != nil || looked.Looked != 6 || looked.Left != 7 || looked.Parked != 0 || len(core.ids()) != 0 {
		t.Fatalf("looked: %+v, %v", looked, err)
	}
	if d := looked.Deaths; len(d) != 2 || d[0].Reason != "rejected" || d[0].Count != 5 || d[0].RoutingKey != r.queue+".alive" || d[1].Queue != "" {
		t.Errorf("deaths %+v", d)
	}

	// An outage at the third: what is before it is done, the rest goes back.
	core.answer = func(a *gateway.Arrival, r *gateway.Receipt) { r.MessageID, r.Status = a.ID, gateway.Parked }
	core.onCommit = func(a *gateway.Arrival) error {
		if a.MessageID == "dead 3" {
			return errAway
		}
		return nil
	}
	var got *gateway.Adopted
	await(t, "what was looked at to be back", func() bool {
		got, err = client.Adopt(t.Context(), e, r.queue, 100, false, core)
		return got.Looked > 0
	})
	if fault.KindOf(err) != fault.Unavailable || got.Parked != 2 || got.Looked != 7 {
		t.Errorf("with an outage: %+v, %v", got, err)
	}
	core.onCommit = nil
	core.answer = func(a *gateway.Arrival, r *gateway.Receipt) {
		if r.MessageID, r.Status = a.ID, gateway.Parked; a.MessageID == "dead 4" {
			r.MessageID = gateway.ID{1} // as that of an earlier attempt
		}
	}
	await(t, "the rest to be back", func() bool {
		got, err = client.Adopt(t.Context(), e, r.queue, 100, false, core)
		return got.Looked > 0
	})
	if err != nil || got.Looked != 5 || got.Parked != 4 || got.Known != 1 || got.Left != 0 {
		t.Errorf("the rest: %+v, %v", got, err)
	}
	if left := r.left(t); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	ids := slices.Compact(core.ids())
	if want := []string{"dead 1", "dead 2", "dead 3", "dead 4", "dead 5", "by hand", ""}; !slices.Equal(ids, want) {
		t.Errorf("taken %q, want %q", ids, want)
	}

	a := core.arrivals[0]
	f := fault.Of(a.Refusal)
	if f.Code != fault.CodeDeadLetter || f.Message != fmt.Sprintf("dead-lettered by %s.alive: rejected", r.queue) {
		t.Errorf("why it is there: %v", a.Refusal)
	}
	if a.Endpoint != "amqp:in.orders" || a.Sender != "erp" || a.Properties["routing-key"] != r.queue+".alive" || a.ContentType != "application/xml" || !a.Redelivered || string(a.Body) != "<order n='0'/>" {
		t.Errorf("the arrival: %+v", a)
	}
	last := core.arrivals[len(core.arrivals)-1]
	if f := fault.Of(last.Refusal); f.Message != "dead-lettered by "+r.queue || len(f.Details) == 0 || last.ContentType != "text/plain" || last.Redelivered {
		t.Errorf("what nobody can read: %+v, %v", last, last.Refusal)
	}

	_, err = client.Adopt(t.Context(), e, r.queue+".none", 1, false, core)
	if f := fault.Of(err); f == nil || !strings.Contains(f.Message, "there is no queue") {
		t.Errorf("of no queue: %v", err)
	}
}

// bury has the broker dead-letter n messages into the rig's queue.
func (r *rig) bury(t *testing.T, n int) {
	t.Helper()
	alive := r.queue + ".alive"
	if _, err := r.admin.QueueDeclare(alive, true, false, false, false, driver.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": r.queue}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.admin.QueueDelete(alive, false, false, false) })
	for i := range n {
		m := driver.Publishing{MessageId: fmt.Sprintf("dead %d", i+1), ContentType: "text/xml", Body: fmt.Appendf(nil, "<order n='%d'/>", i)}
		if err := r.admin.PublishWithContext(t.Context(), "", alive, true, false, m); err != nil {
			t.Fatal(err)
		}
		await(t, "the message to be rejected", func() bool {
			d, ok, err := r.admin.Get(alive, false)
			return err == nil && ok && d.Reject(false) == nil
		})
	}
	await(t, "the dead letters", func() bool {
		q, err := r.admin.QueueDeclarePassive(r.queue, true, false, false, false, nil)
		return err == nil && q.Messages == n
	})
}
