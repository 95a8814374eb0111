package amqp_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestBrokenLink breaks the link at many places of the stream, in the handshake
// and in the middle of windows. Nothing may be reported as taken that the broker
// does not have; the same publisher must go on; and what is sent again must keep
// its id and its place.
func TestBrokenLink(t *testing.T) {
	for _, after := range []int{1, 100, 400, 1_000, 9_000, 20_001, 41_000, 100_000} {
		for _, way := range []string{"closed", "reset", "silent"} {
			t.Run(fmt.Sprintf("%s after %d bytes", way, after), func(t *testing.T) {
				everyBroker(t, nil, func(t *testing.T, r *rig) { breakLink(t, r, way, after) })
			})
		}
	}
}

func breakLink(t *testing.T, r *rig, way string, after int) {
	p := r.publisher(t, r.config())
	sent := gatewaytest.Deliveries(400, routable)
	trip := map[string]func(client, server net.Conn){"closed": hangUp, "reset": reset, "silent": r.proxy.goSilent}[way]
	tripped := r.proxy.breakAfter(after, trip)

	left, taken := sent, map[string]bool{}
	publish := func(patience time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var again []gateway.Delivery
		for i, err := range p.Publish(ctx, left) {
			switch codeOf(err) {
			case "":
				taken[left[i].WireID] = true
			case fault.CodeChannelUnavailable:
				again = append(again, left[i])
			default:
				t.Fatalf("delivery %d: %v", i, err)
			}
		}
		left = again
	}
	publish(500 * time.Millisecond)
	select {
	case <-tripped:
	case <-time.After(10 * time.Second):
		t.Fatal("the link was not broken: the test sends too little")
	}
	if len(left) == 0 {
		t.Error("everything was confirmed over a broken link")
	}
	reported := len(taken)
	r.proxy.freeze(false)
	r.proxy.setDown(true)
	r.proxy.setDown(false)
	arrived := r.receive(t, r.rest(t))
	if got := present(arrived, taken); got != reported {
		t.Errorf("%d were reported as taken, the broker has %d of them", reported, got)
	}
	for range 10 {
		publish(5 * time.Second)
	}
	if len(left) > 0 {
		t.Fatalf("%d were never taken", len(left))
	}
	// What the broker had read of the broken link may still have arrived since.
	sameOrder(t, firsts(append(arrived, r.receive(t, r.rest(t))...)), sent)
}

// present counts the deliveries taken that are among those that arrived.
func present(arrived []gateway.Delivery, taken map[string]bool) (n int) {
	for _, d := range firsts(arrived) {
		if taken[d.WireID] {
			n++
		}
	}
	return n
}

// TestBrokenLinkUnderLoad cuts again and again while several callers publish.
func TestBrokenLinkUnderLoad(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		p := r.publisher(t, r.config())
		taken := make(chan string, 10_000)
		done := make(chan struct{}, 4)
		for range 4 {
			go func() {
				for range 20 {
					sent := gatewaytest.Deliveries(50, routable)
					for i, err := range p.Publish(t.Context(), sent) {
						if err == nil {
							taken <- sent[i].WireID
						}
					}
				}
				done <- struct{}{}
			}()
		}
		for finished, n := 0, 0; finished < 4; n++ {
			tripped := r.proxy.breakAfter(20_000+n*3_333, reset)
			select {
			case <-done:
				finished++
			case <-tripped:
			}
		}
		close(taken)
		confirmed := map[string]bool{}
		for id := range taken {
			confirmed[id] = true
		}
		if n := present(r.receive(t, r.rest(t)), confirmed); n != len(confirmed) || n == 0 {
			t.Errorf("%d were reported as taken, the broker has %d of them", len(confirmed), n)
		}
	})
}
