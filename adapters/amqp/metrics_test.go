package amqp_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// outcomes are the values of settled_total by outcome.
func (r *rig) outcomes(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if f.GetName() == "gatehouse_amqp_settled_total" && label.GetName() == "outcome" && m.GetCounter().GetValue() > 0 {
					out[label.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return out
}

// TestPublisherCounts tells what was sent and what became of it, by channel.
func TestPublisherCounts(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	p := r.client(t, r.config(), amqp.SystemClock{}).Publisher("order-events", amqp.Channel{Exchange: r.exchange})
	t.Cleanup(func() { closePublisher(t, p) })
	sent := append(gatewaytest.Deliveries(5, routable), gatewaytest.Deliveries(2, nowhere)...)
	p.Publish(t.Context(), sent)
	b.HoldConfirms(true)
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), gatewaytest.Deliveries(3, routable)) }()
	await(t, "three more to be sent", func() bool { return r.measured(t, "published_total") == 10 })
	b.DropConnections()
	<-done
	b.HoldConfirms(false)
	got := r.outcomes(t)
	if len(got) != 3 || got["confirmed"] != 5 || got["returned"] != 2 || got["unknown"] != 3 {
		t.Errorf("outcomes %v", got)
	}
}
