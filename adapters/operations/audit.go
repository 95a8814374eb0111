package operations

import "github.com/gatehouse/gatehouse/internal/gateway"

// head reads the parameter that names an entry, chain:seq:hash; a chain's
// beginning is 0 with a hash of zeros.
func (p *parameters) head(name string) (h gateway.AuditHead) {
	if err := h.UnmarshalText([]byte(p.get(name))); err != nil {
		p.refuse(name, "%v", err)
	}
	return h
}

// auditSpan tells where a verification of the audit trail begins.
func (h *Handler) auditSpan(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "since")
	since := p.time("since")
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAudit); err != nil {
		return nil, err
	}
	return h.Core.AuditBegin(c.ctx, since)
}

// auditVerify verifies a piece of a chain behind an entry.
func (h *Handler) auditVerify(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "after", "from", "until")
	after := p.head("after")
	span := &gateway.AuditSpan{From: p.time("from"), Until: p.time("until")}
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAudit); err != nil {
		return nil, err
	}
	return h.Core.AuditVerify(c.ctx, after, span)
}

// AuditHeads are the last entries of the chains.
type AuditHeads struct {
	Heads []gateway.AuditHead `json:"heads"`
}

// auditHeads shows the last entry of each chain, without a verification.
func (h *Handler) auditHeads(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAudit); err != nil {
		return nil, err
	}
	heads, err := h.Core.AuditHeads(c.ctx)
	if err != nil {
		return nil, err
	}
	return AuditHeads{append([]gateway.AuditHead{}, heads...)}, nil
}

// AuditFound is the entry at a place of a chain; nil when there is none.
type AuditFound struct {
	Entry *gateway.AuditEntry `json:"entry"`
}

// auditEntry shows the entry that a noted head names, whatever its hash is now.
func (h *Handler) auditEntry(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "at")
	at := p.head("at")
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAudit); err != nil {
		return nil, err
	}
	e, err := h.Core.AuditEntry(c.ctx, at.Chain, at.Seq)
	if err != nil {
		return nil, err
	}
	return AuditFound{e}, nil
}
