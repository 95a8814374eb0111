package gatewaytest_test

import (
	"context"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func TestFakePublisher(t *testing.T) {
	gatewaytest.TestPublisher(t, func(t *testing.T) *gatewaytest.PublisherRig {
		p := &gatewaytest.Publisher{}
		p.SetUnroutable("nowhere", true)
		received := 0
		return &gatewaytest.PublisherRig{
			Publisher: p, Routable: "orders", Unroutable: "nowhere", SetDown: p.SetDown,
			Rest: func(*testing.T) int { return len(p.Taken()) - received },
			Receive: func(t *testing.T, n int) []gateway.Delivery {
				taken := p.Taken()[received:]
				if len(taken) < n {
					t.Fatalf("%d deliveries were taken, want %d", len(taken), n)
				}
				received += n
				return taken[:n]
			},
		}
	})
}

func TestFakePublisherHolds(t *testing.T) {
	p := &gatewaytest.Publisher{}
	release := p.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := p.Publish(ctx, gatewaytest.Deliveries(1, "k")); fault.KindOf(got[0]) != fault.Unavailable {
		t.Errorf("a held call whose context ended: %v", got[0])
	}
	done := make(chan []error)
	go func() { done <- p.Publish(t.Context(), gatewaytest.Deliveries(1, "k")) }()
	release()
	if got := <-done; got[0] != nil {
		t.Errorf("after release: %v", got[0])
	}
	if taken, calls := len(p.Taken()), p.Calls(); taken != 1 || calls != 2 {
		t.Errorf("taken %d in %d calls, want 1 in 2", taken, calls)
	}
}
