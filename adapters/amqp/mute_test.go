package amqp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestMuteBroker: a broker that falls silent behind any byte of what it is told,
// on a connection that lives on, costs the time for connecting and an error. That
// is so for whatever is asked of it; heartbeats come too seldom here to help.
func TestMuteBroker(t *testing.T) {
	e := amqp.Endpoint{Queue: "in.orders", Sender: amqp.Sender{Fixed: "erp"}}
	for name, ask := range map[string]func(t *testing.T, r *rig, c *amqp.Client) error{
		"check": func(t *testing.T, r *rig, c *amqp.Client) error {
			_, err := c.Check(t.Context(), map[string]amqp.Channel{"events": {Exchange: r.exchange}}, []amqp.Endpoint{{Queue: r.queue, Sender: e.Sender}})
			return err
		},
		"declare": func(t *testing.T, r *rig, c *amqp.Client) error {
			return c.Declare(t.Context(), amqp.Topology{Exchanges: []amqp.Exchange{{Name: r.exchange, Kind: "topic"}}, Queues: []amqp.Queue{{Name: r.queue}}})
		},
		"adopt": func(t *testing.T, r *rig, c *amqp.Client) error {
			_, err := c.Adopt(t.Context(), e, r.queue, 1, true, newCore(t))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := startBroker(t, broker.Config{})
			r := newRig(t, s, nil)
			conf := r.config()
			conf.Heartbeat, conf.ConnectTimeout = time.Minute, 300*time.Millisecond
			heard := 0
			for after := 1; ; after += 100 {
				tripped := r.proxy.breakAfter(after, r.proxy.goSilent)
				err := endsSoon(t, fmt.Sprintf("%s, silent after %d bytes", name, after), func() error { return ask(t, r, r.client(t, conf, amqp.SystemClock{})) })
				r.proxy.freeze(false)
				r.proxy.setDown(true)
				r.proxy.setDown(false)
				select {
				case <-tripped:
				default: // it says less
					if heard < 4 || err != nil && name != "check" {
						t.Errorf("silent %d times, then %v", heard, err)
					}
					return
				}
				if heard++; err != nil && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("silent after %d bytes: %v", after, err)
				}
			}
		})
	}
}

// TestMuteWhileAdopting: the broker falls silent between two looks.
func TestMuteWhileAdopting(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	r.put(t, numbered(1, 70)...)
	conf := r.config()
	conf.Heartbeat, conf.ConnectTimeout = time.Minute, 500*time.Millisecond
	core := newCore(t)
	core.onPrepare = func(*gateway.Arrival) { r.proxy.freeze(true) }
	err := endsSoon(t, "adopting", func() error {
		_, err := r.client(t, conf, amqp.SystemClock{}).Adopt(t.Context(), amqp.Endpoint{Queue: "in.orders", Sender: amqp.Sender{Fixed: "erp"}}, r.queue, 70, false, core)
		return err
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("adopting: %v", err)
	}
}

// endsSoon fails the test when do waits for ever.
func endsSoon(t *testing.T, what string, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: it waits for ever", what)
		return nil
	}
}
