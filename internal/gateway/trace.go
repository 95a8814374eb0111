package gateway

import (
	"context"
	"encoding/hex"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// The spans of a message: one for its way through Accept, with one for its
// commit below it, and one for each publication, which names the first as its
// parent through the outbox. The sender's own span, when it names one, is above
// them all (W3C Trace Context).

// startSpan begins the message's span, as of its arrival, below the sender's.
func (g *Gateway) startSpan(ctx context.Context, p *passage) {
	parent := p.arrival.TraceParent
	if parent == "" && p.receipt.Head != nil {
		parent = p.receipt.Head.TraceParent
	}
	kind := trace.SpanKindServer
	if p.arrival.Asynchronous() {
		kind = trace.SpanKindConsumer
	}
	_, p.span = g.config.Tracer.Start(under(ctx, parent), p.arrival.Endpoint, trace.WithSpanKind(kind), trace.WithTimestamp(p.now))
}

// traceParent is what is stored and published with the message: its own span, or
// without tracing the sender's.
func (p *passage) traceParent() string {
	if p.span != nil {
		if sc := p.span.SpanContext(); sc.IsValid() {
			return formatTraceParent(sc)
		}
	}
	if p.arrival.TraceParent == "" && p.receipt.Head != nil {
		return p.receipt.Head.TraceParent
	}
	return p.arrival.TraceParent
}

// endSpan ends the message's span with its outcome.
func (p *passage) endSpan(outcome string, f *fault.Error) {
	if p.span == nil {
		return
	}
	if !p.span.IsRecording() {
		p.span.End()
		return
	}
	p.span.SetAttributes(attribute.String("gatehouse.outcome", outcome), attribute.String("gatehouse.message", p.receipt.ID.String()))
	if name := p.named(); name != "" {
		p.span.SetName(p.arrival.door() + " " + name)
		p.span.SetAttributes(attribute.String("gatehouse.route", name))
	}
	if f != nil {
		p.span.SetAttributes(attribute.String("gatehouse.code", string(f.Code)))
		p.span.SetStatus(codes.Error, f.Message)
	}
	p.span.End()
}

// under returns ctx with the remote span that a traceparent names.
func under(ctx context.Context, traceParent string) context.Context {
	sc, ok := parseTraceParent(traceParent)
	if !ok {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc)
}

// parseTraceParent reads version 00 of the header (W3C Trace Context §3.2.2).
func parseTraceParent(s string) (sc trace.SpanContext, ok bool) {
	var c trace.SpanContextConfig
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return sc, false
	}
	var err error
	if c.TraceID, err = trace.TraceIDFromHex(s[3:35]); err != nil {
		return sc, false
	}
	if c.SpanID, err = trace.SpanIDFromHex(s[36:52]); err != nil {
		return sc, false
	}
	flags, err := hex.DecodeString(s[53:55])
	if err != nil {
		return sc, false
	}
	c.TraceFlags, c.Remote = trace.TraceFlags(flags[0]), true
	sc = trace.NewSpanContext(c)
	return sc, sc.IsValid()
}

func formatTraceParent(sc trace.SpanContext) string {
	return fmt.Sprintf("00-%s-%s-%02x", sc.TraceID(), sc.SpanID(), byte(sc.TraceFlags()))
}
