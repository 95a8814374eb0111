package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// conclude is where a synchronous message's journey ends: one log line, and one
// refusal row for who was turned away.
func (g *Gateway) conclude(ctx context.Context, p *passage, err error) error {
	if err != nil && fault.KindOf(err) == fault.Unavailable && !errors.Is(err, errCallerLeft) {
		p.pass.back()
	}
	if errors.Is(err, errCallerLeft) {
		p.endSpan("caller left", nil)
		g.log.InfoContext(ctx, "caller left", append(g.attrs(p), "message", p.receipt.ID)...)
		return fault.Of(err)
	}
	g.tell(ctx, p, err)
	f := fault.Of(err)
	if f == nil {
		return nil
	}
	if p.receipt.Status != Superseded && !p.faultsElsewhere(f) { // that one is a message of the ledger, this one is stored with its answer
		g.refusals.add(p.refusal(f))
	}
	return f
}

// tell writes the one line about a message's outcome.
func (g *Gateway) tell(ctx context.Context, p *passage, err error) {
	g.config.Metrics.message(p, g.now().Sub(p.now), err)
	if err == nil {
		p.endSpan(p.receipt.Status.String(), p.receipt.Fault)
		if p.receipt.Fault == nil && !g.log.Enabled(ctx, slog.LevelInfo) {
			return
		}
		attrs := append(g.attrs(p), "outcome", p.receipt.Status.String(), "message", p.receipt.MessageID)
		if f := p.receipt.Fault; f != nil {
			attrs = append(attrs, reasons(f)...)
			g.log.Log(ctx, level(f), "message kept", attrs...)
			return
		}
		g.log.InfoContext(ctx, "message accepted", attrs...)
		return
	}
	f := fault.Of(err)
	p.endSpan(f.Kind().String(), f)
	attrs := append(g.attrs(p), "outcome", f.Kind().String(), "reference", p.receipt.ID)
	g.log.Log(ctx, level(f), "message refused", append(attrs, reasons(f)...)...)
}

func (g *Gateway) attrs(p *passage) []any {
	attrs := []any{"endpoint", p.arrival.Endpoint, "source", p.arrival.Remote, "took", g.now().Sub(p.now)}
	if name := p.named(); name != "" {
		attrs = append(attrs, "route", name)
	}
	if p.identity != nil {
		attrs = append(attrs, "user", p.identity.Login)
		if p.identity.Stale {
			attrs = append(attrs, "directory_said", p.identity.At)
		}
	}
	if p.ways != "" {
		attrs = append(attrs, "by", p.ways)
	}
	if m := p.arrival.part; m != nil {
		attrs = append(attrs, "arrival", m.arrival)
	}
	return attrs
}

func reasons(f *fault.Error) []any {
	attrs := []any{"code", string(f.Code), "reason", f.Message}
	if f.Cause != nil {
		attrs = append(attrs, "cause", f.Cause)
	}
	return attrs
}

// level is error only where a person must act on this message; an outage has a
// line of its own, from whoever noticed it.
func level(f *fault.Error) slog.Level {
	if f.Kind() == fault.Internal {
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (p *passage) refusal(f *fault.Error) Refusal {
	r := Refusal{ID: p.receipt.ID, At: p.at, Endpoint: p.arrival.Endpoint, Code: string(f.Code), Reason: f.Message, Remote: host(p.arrival.Remote), Count: 1}
	if len(f.Details) > 0 {
		first := f.Details[0]
		first.Found = "" // a refusal keeps nothing of the message
		r.Reason += ": " + first.String()
	}
	r.Reason = truncate(r.Reason, maxReason)
	if p.route != nil {
		r.Route = p.route.Name
	}
	if p.identity != nil {
		r.Principal = p.identity.DN
	}
	return r
}

// host leaves out the port, which differs for every connection of one peer.
func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
}
