package operations

import (
	"strconv"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

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

// maxChange is how many bytes a change has that is tried out: roles and grants of a
// whole configuration.
const maxChange = 1 << 20

// simulate tries out a change of roles, grants or memberships. It changes nothing.
func (h *Handler) simulate(c *call) (any, error) {
	if err := h.allow(c, gateway.Read, gateway.OnAccess); err != nil {
		return nil, err
	}
	var change gateway.Change
	if err := h.body(c, maxChange, &change, `{"join": [{"user": "erp.alice", "group": "erp-users"}], "days": 7}`); err != nil {
		return nil, err
	}
	return h.Core.Simulate(c.ctx, change)
}

// Roles are the names of the roles that run.
type Roles struct {
	Roles []string `json:"roles"`
}

// showRoles lists the roles, each of which can be reviewed.
func (h *Handler) showRoles(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAccess); err != nil {
		return nil, err
	}
	return Roles{h.Core.RoleNames()}, nil
}

// review tells who has one role, and how it was used.
func (h *Handler) review(c *call) (any, error) {
	p := parse(c.r.URL.RawQuery, "role", "days", "people")
	days, people := p.number("days", 90, gateway.MaxDays), p.number("people", gateway.DefaultPeople, gateway.MaxPeople)
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAccess); err != nil {
		return nil, err
	}
	return h.Core.Review(c.ctx, p.get("role"), days, people)
}

// Limits tells how much of the limits of roles and partners is used.
type Limits struct {
	Limits []gateway.LimitState `json:"limits"`
}

// showLimits tells how much of each limit is used.
func (h *Handler) showLimits(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnAccess); err != nil {
		return nil, err
	}
	limits, err := h.Core.Limits(c.ctx)
	return Limits{limits}, err
}

// number reads a whole number between 1 and most.
func (p *parameters) number(name string, otherwise, most int) int {
	text := p.get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		p.refuse(name, "%q is not between 1 and %d", clip(text), most)
	}
	return n
}
