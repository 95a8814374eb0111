package operations

import "github.com/gatehouse/gatehouse/internal/gateway"

// explain tells why somebody may do something, or why not.
func (h *Handler) explain(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "user", "verb", "on")
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAccess); err != nil {
		return nil, err
	}
	return h.Core.Explain(c.ctx, gateway.Question{Login: p.get("user"), Verb: gateway.Verb(p.get("verb")), On: p.get("on")})
}

// whoAmI tells an operator about himself, which takes no grant.
func (h *Handler) whoAmI(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	return c.Standing(), nil
}
