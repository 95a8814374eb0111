package amqp_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func TestCheck(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		conf := r.config()
		good := map[string]amqp.Channel{"order-events": {Exchange: r.exchange}}
		if _, err := newClient(t, conf, r.log).Check(t.Context(), good, nil); err != nil {
			t.Errorf("everything there: %v", err)
		}
		dead := deadURL(t)
		conf.URLs = append([]string{dead}, conf.URLs...)
		bad := map[string]amqp.Channel{"a": {Exchange: "gatehouse.test.missing"}, "b": {Exchange: r.exchange}, "c": {Exchange: "gatehouse.test.too"}}
		_, err := newClient(t, conf, r.log).Check(t.Context(), bad, nil)
		f := fault.Of(err)
		if f == nil || f.Code != fault.CodeChannelUnavailable || len(f.Details) != 3 {
			t.Fatalf("fault: %v", f)
		}
		for i, want := range []string{dead, `channel a: the exchange "gatehouse.test.missing" does not exist`, `channel c: the exchange "gatehouse.test.too"`} {
			if !strings.Contains(f.Details[i].Message, want) {
				t.Errorf("detail %d lacks %q: %s", i, want, f.Details[i].Message)
			}
		}
	})
}

func TestCheckEndsWithContext(t *testing.T) {
	b, s := startBroker(t, broker.Config{})
	r := newRig(t, s, nil)
	b.Freeze(true)
	defer b.Freeze(false)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := newClient(t, r.config(), r.log).Check(ctx, nil, nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestDeclare(t *testing.T) {
	everyBroker(t, nil, func(t *testing.T, r *rig) {
		c := newClient(t, r.config(), r.log)
		name := r.exchange + ".declared"
		t.Cleanup(func() { r.admin.QueueDelete(name, false, false, false); r.admin.ExchangeDelete(name, false, false) })
		topology := amqp.Topology{
			Exchanges: []amqp.Exchange{{Name: name, Kind: "topic"}},
			Queues:    []amqp.Queue{{Name: name, Args: map[string]any{"x-max-length": int32(10)}}},
			Bindings:  []amqp.Binding{{Exchange: name, Queue: name, Key: "orders.#"}},
		}
		for range 2 { // a second time changes nothing
			if err := c.Declare(t.Context(), topology); err != nil {
				t.Fatal(err)
			}
		}
		p := c.Publisher("x", amqp.Channel{Exchange: name})
		t.Cleanup(func() { closePublisher(t, p) })
		if err := p.Publish(t.Context(), gatewaytest.Deliveries(1, routable))[0]; err != nil {
			t.Errorf("publishing to it: %v", err)
		}
		topology.Queues[0].Args = nil
		if err := c.Declare(t.Context(), topology); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), name) {
			t.Errorf("declaring it differently: %v", err)
		}
	})
}

// deadURL is an address where nothing listens.
func deadURL(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "amqp://" + ln.Addr().String()
}
