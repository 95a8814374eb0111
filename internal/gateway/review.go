package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// RoleReview is one role as somebody has to approve of it: who has it, and what it is
// good for.
type RoleReview struct {
	Role    string         `json:"role"`
	Partner string         `json:"partner,omitempty"`
	Limits  []LimitState   `json:"limits,omitempty"`
	Members []MemberReview `json:"members"`
	Grants  []GrantReview  `json:"grants"`
	Since   time.Time      `json:"since"`          // from when on use was counted
	More    bool           `json:"more,omitempty"` // not all use was looked at
}

// MemberReview is a member of a role, and who that is.
type MemberReview struct {
	Meaning
	People []Person `json:"people"`
	Cut    bool     `json:"cut,omitempty"` // there are more
}

// GrantReview is a grant and how it was used.
type GrantReview struct {
	Grant
	// Counted says that messages are counted: those that a grant to send let in, by the
	// ledger.
	Counted  bool      `json:"counted"`
	Messages int64     `json:"messages"`
	Last     time.Time `json:"last,omitzero"`
	// ActsCounted says that acts are counted: those of the role's people that take a
	// verb of the grant, by the audit trail, on whatever route. ActsWhole says that no
	// other use is possible, and that all of them were looked at.
	ActsCounted bool      `json:"acts_counted,omitempty"`
	ActsWhole   bool      `json:"acts_whole,omitempty"`
	Acts        int64     `json:"acts,omitempty"`
	LastAct     time.Time `json:"last_act,omitzero"`
}

// Unused reports whether it is known that nobody has used the grant.
func (g GrantReview) Unused() bool {
	if g.ActsCounted {
		return g.ActsWhole && g.Acts == 0
	}
	return g.Counted && g.Messages == 0
}

// Roles lists the names of the roles, in configured order.
func (a *Access) Roles() []string {
	out := []string{}
	for _, r := range a.roles {
		out = append(out, r.Name)
	}
	return out
}

// Review looks at one role: who has it through each of its members, limit people of
// each at most, and how its grants were used in the last days.
func (s *Survey) Review(ctx context.Context, role string, days, limit int) (*RoleReview, error) {
	i := slices.IndexFunc(s.Access.roles, func(r Role) bool { return r.Name == role })
	if i < 0 {
		return nil, fault.New(fault.CodeRequest, "there is no role %q", role)
	}
	r := &s.Access.roles[i]
	out := &RoleReview{Role: r.Name, Partner: r.Partner, Limits: s.Access.limitsOf(r.Name, r.Partner), Members: []MemberReview{}, Grants: []GrantReview{}}
	var people []Person
	for _, m := range r.Members {
		one, err := s.member(ctx, m, limit)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, *one)
		people = append(people, one.People...)
	}
	for _, g := range s.Access.grants {
		if g.Role == r.Name {
			out.Grants = append(out.Grants, GrantReview{Grant: g, Counted: slices.Contains(g.May, Send)})
		}
	}
	if err := s.count(ctx, out, days, people); err != nil {
		return nil, err
	}
	return out, s.countActs(ctx, out, out.Since, people)
}

// member looks at one member of a role.
func (s *Survey) member(ctx context.Context, m Member, limit int) (*MemberReview, error) {
	out := &MemberReview{Meaning: Meaning{Member: m}}
	if s.Census != nil {
		found, err := meanings(ctx, s.Census, []Member{m})
		if err != nil {
			return nil, err
		}
		out.Meaning = found[0]
	}
	p, err := s.people(ctx, []Member{m}, limit)
	if err != nil {
		return nil, err
	}
	out.People, out.Cut = p.people, len(p.cut) > 0
	return out, nil
}

// count puts messages to the grants that they were let in by, as the decision would be
// today: a sender of several roles uses the grant of the first that lets him.
func (s *Survey) count(ctx context.Context, r *RoleReview, days int, people []Person) error {
	lines, since, cut, err := s.usage(ctx, days)
	if err != nil {
		return err
	}
	r.Since, r.More = since, cut
	senders, err := s.senders(ctx, lines, people)
	if err != nil {
		return err
	}
	for _, u := range lines {
		id := senders[u.Principal].identity
		if id == nil {
			continue
		}
		p, err := s.Access.Authorize(id, Send, OnRoute(u.Route))
		if err != nil || p.Role != r.Role {
			continue
		}
		i := slices.IndexFunc(r.Grants, func(g GrantReview) bool { return g.allows(Send, OnRoute(u.Route)) })
		g := &r.Grants[i]
		g.Messages += u.Messages
		if u.Last.After(g.Last) {
			g.Last = u.Last
		}
	}
	return nil
}
