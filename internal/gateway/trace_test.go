package gateway_test

import (
	"slices"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

const sendersTrace = "0af7651916cd43dd8448eb211c80319c"

// TestSpans sends a traced message by each door: its spans are below the
// sender's, and the message carries its own on.
func TestSpans(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(exporter))
	b := newBenchWith(t, gateway.Config{Tracer: provider.Tracer("test")})
	a := b.arrival(sample(t, "order-minimal.xml"), "erp.alice", "erp.alice-secret")
	q := queued(payload(t), "erp.alice")
	a.TraceParent = "00-" + sendersTrace + "-b7ad6b7169203331-01"
	q.TraceParent = a.TraceParent
	if _, err := b.Accept(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := b.take(t, q); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"soap submit-order", "amqp submit-order"} {
		spans := exporter.GetSpans()
		at := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name })
		if at < 0 {
			t.Fatalf("no span %q in %v", name, spans)
		}
		own := spans[at]
		if own.SpanContext.TraceID().String() != sendersTrace || own.Parent.SpanID().String() != "b7ad6b7169203331" {
			t.Errorf("%s: trace %s below %s", name, own.SpanContext.TraceID(), own.Parent.SpanID())
		}
		if !slices.ContainsFunc(spans, func(s tracetest.SpanStub) bool {
			return s.Name == "commit" && s.Parent.SpanID() == own.SpanContext.SpanID()
		}) {
			t.Errorf("%s: no commit below it", name)
		}
		want := "00-" + sendersTrace + "-" + own.SpanContext.SpanID().String() + "-01"
		if got := b.store.entries[i].TraceParent; got != want {
			t.Errorf("%s: the message carries %s, want %s", name, got, want)
		}
	}
}

// TestNoTracing passes the sender's own span on.
func TestNoTracing(t *testing.T) {
	b := newBench(t)
	q := queued(payload(t), "erp.alice")
	q.TraceParent = "00-" + sendersTrace + "-b7ad6b7169203331-01"
	if _, err := b.take(t, q); err != nil {
		t.Fatal(err)
	}
	if got := b.store.entries[0].TraceParent; got != q.TraceParent {
		t.Errorf("the message carries %s", got)
	}
}
