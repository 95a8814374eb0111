package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Change is what a simulation tries out.
type Change struct {
	// Config, when set, are roles and grants in the place of those that run.
	Config *Rules `json:"config,omitempty"`
	// Join and Leave are memberships, of users directly in groups, that begin or end.
	Join  []Membership `json:"join,omitempty"`
	Leave []Membership `json:"leave,omitempty"`
	// Admit and Expel are members that roles get or lose.
	Admit []RoleMember `json:"admit,omitempty"`
	Expel []RoleMember `json:"expel,omitempty"`
	// Days is how far back messages are looked at; none: not at all.
	Days int `json:"days,omitempty"`
	// Limit is how many people are looked at; 0: DefaultPeople.
	Limit int `json:"limit,omitempty"`
}

// Rules are roles and grants as a configuration has them.
type Rules struct {
	Roles     []Role   `json:"roles"`
	Grants    []Grant  `json:"grants"`
	Resources []string `json:"resources"` // that grants can be on there
}

// Rules returns the roles and grants that the decisions follow from.
func (a *Access) Rules() *Rules {
	return &Rules{Roles: slices.Clone(a.roles), Grants: slices.Clone(a.grants)}
}

// Membership is of a user, by login, in a group, by name or distinguished name.
type Membership struct {
	User  string `json:"user"`
	Group string `json:"group"`
}

// RoleMember is a member of a role.
type RoleMember struct {
	Role   string `json:"role"`
	Member Member `json:"member"`
}

// How many people a survey looks at, unless told otherwise and at most, and how many
// days back it may look.
const (
	DefaultPeople = 1000
	MaxPeople     = 10_000
	MaxDays       = 400
)

// Check finds what nothing could be tried out with. The fault is fault.Invalid.
func (c Change) Check() error {
	var details []fault.Detail
	refuse := func(path, format string, args ...any) {
		details = append(details, fault.Detail{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if c.Config == nil && len(c.Join)+len(c.Leave)+len(c.Admit)+len(c.Expel) == 0 {
		refuse("", "no change is named: another configuration, memberships that begin or end, or members of roles")
	}
	if c.Days < 0 || c.Days > MaxDays {
		refuse("days", "is not between 0 and %d", MaxDays)
	}
	if c.Limit < 0 || c.Limit > MaxPeople {
		refuse("limit", "is not between 1 and %d", MaxPeople)
	}
	if n := len(c.Join) + len(c.Leave) + len(c.Admit) + len(c.Expel); n > 200 {
		refuse("", "%d changes are more than the 200 that are looked at together", n)
	}
	for _, m := range append(slices.Clone(c.Join), c.Leave...) {
		if m.User == "" || m.Group == "" {
			refuse("join, leave", "a membership names a user and a group")
		}
	}
	for _, m := range append(slices.Clone(c.Admit), c.Expel...) {
		if m.Role == "" || (m.Member.Group == "") == (m.Member.User == "") {
			refuse("admit, expel", "a change of a role names the role, and a group or a user")
		}
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeRequest, "the change cannot be tried out").With(details...)
}

// Simulation is what a change would come to.
type Simulation struct {
	People int `json:"people"` // how many were looked at
	// Cut are the groups with more people than that, of whom nothing is said; Missing
	// are groups that are not there.
	Cut     []string `json:"cut,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Shifts  []Shift  `json:"shifts"`

	Since    time.Time `json:"since,omitzero"` // from when on messages were looked at
	Messages int64     `json:"messages"`       // how many those were
	// Refused were taken then and would not be any more; Moved would be compared with
	// others' messages when they come again, since their partner is another.
	Refused []Verdict `json:"refused"`
	Moved   []Verdict `json:"moved,omitempty"`
	// Gone are of senders whom the directory does not let in any more, whatever is
	// changed. More says that not all messages were looked at.
	Gone []Verdict `json:"gone,omitempty"`
	More bool      `json:"more,omitempty"`
}

// Shift is what a change means for somebody.
type Shift struct {
	Person
	Gains []Right `json:"gains,omitempty"`
	Loses []Right `json:"loses,omitempty"`
}

// Verdict is on messages of the last days.
type Verdict struct {
	Usage
	Login  string `json:"login,omitempty"`
	Reason string `json:"reason"`
}

// Harms reports whether somebody loses a right, or a message would be refused.
func (s *Simulation) Harms() bool {
	return len(s.Refused) > 0 || slices.ContainsFunc(s.Shifts, func(one Shift) bool { return len(one.Loses) > 0 })
}

// trial is a change on its way.
type trial struct {
	*Survey
	change    Change
	after     *Access
	resources []string
	joins     map[string][]GroupEntry // by login, in lower case: what he would be in
	leaves    map[string][]string     // by login, in lower case: the groups he leaves
}

// Simulate tries a change out: who would gain and lose what, among the people whom
// roles name before and after, and which messages of the last days would have been
// refused. Nothing is changed.
func (s *Survey) Simulate(ctx context.Context, c Change) (*Simulation, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Limit == 0 {
		c.Limit = DefaultPeople
	}
	t := &trial{Survey: s, change: c, after: s.Access, resources: s.Resources, joins: map[string][]GroupEntry{}, leaves: map[string][]string{}}
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	people, err := s.people(ctx, t.members(), c.Limit)
	if err != nil {
		return nil, err
	}
	out := &Simulation{People: len(people.people), Cut: people.cut, Missing: people.missing, Shifts: []Shift{}, Refused: []Verdict{}}
	later := map[string]*Identity{} // by DN: who somebody would be
	for _, p := range people.people {
		changed, err := t.as(ctx, p.identity)
		if err != nil {
			return nil, err
		}
		later[p.DN] = changed
		before, after := s.Access.rights(p.identity, t.resources), t.after.rights(changed, t.resources)
		shift := Shift{Person: p, Gains: lacking(after, before), Loses: lacking(before, after)}
		if shift.Gains != nil || shift.Loses != nil {
			out.Shifts = append(out.Shifts, shift)
		}
	}
	if c.Days == 0 {
		return out, nil
	}
	return out, t.replay(ctx, out, people.people)
}

// prepare finds out what the change is made of.
func (t *trial) prepare(ctx context.Context) error {
	c := t.change
	if c.Config != nil {
		t.after = NewAccess(c.Config.Roles, c.Config.Grants)
		t.resources = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(t.resources), c.Config.Resources...))))
	}
	if err := t.recast(); err != nil {
		return err
	}
	for _, m := range c.Join {
		group, err := t.one(ctx, m.Group)
		if err != nil {
			return err
		}
		e := edges{}
		if _, err := e.climb(ctx, t.Census, group.DN); err != nil {
			return err
		}
		above, _ := e.from(group.DN)
		login := strings.ToLower(m.User)
		t.joins[login] = append(append(t.joins[login], group), above...)
	}
	for _, m := range c.Leave {
		group, err := t.one(ctx, m.Group)
		if err != nil {
			return err
		}
		login := strings.ToLower(m.User)
		t.leaves[login] = append(t.leaves[login], group.DN)
	}
	return nil
}

// recast gives roles other members.
func (t *trial) recast() error {
	roles := slices.Clone(t.after.roles)
	find := func(name string) (*Role, error) {
		i := slices.IndexFunc(roles, func(r Role) bool { return r.Name == name })
		if i < 0 {
			return nil, fault.New(fault.CodeRequest, "there is no role %q", name)
		}
		roles[i].Members = slices.Clone(roles[i].Members)
		return &roles[i], nil
	}
	for _, m := range t.change.Admit {
		r, err := find(m.Role)
		if err != nil {
			return err
		}
		r.Members = append(r.Members, m.Member)
	}
	for _, m := range t.change.Expel {
		r, err := find(m.Role)
		if err != nil {
			return err
		}
		same := func(o Member) bool {
			return strings.EqualFold(o.Group, m.Member.Group) && strings.EqualFold(o.User, m.Member.User)
		}
		if !slices.ContainsFunc(r.Members, same) {
			return fault.New(fault.CodeRequest, "the role %s does not have %s", m.Role, m.Member)
		}
		r.Members = slices.DeleteFunc(r.Members, same)
	}
	t.after = NewAccess(roles, t.after.grants)
	return nil
}

// one finds the group of a membership.
func (t *trial) one(ctx context.Context, name string) (GroupEntry, error) {
	if t.Census == nil {
		return GroupEntry{}, fault.New(fault.CodeIncomplete, "this directory tells nobody what is in a group")
	}
	found, err := t.Census.Find(ctx, name)
	switch {
	case err != nil:
		return GroupEntry{}, err
	case len(found) == 0:
		return GroupEntry{}, fault.New(fault.CodeRequest, "there is no group %q in %s", name, t.Census.Place())
	case len(found) > 1:
		return GroupEntry{}, fault.New(fault.CodeRequest, "%d groups are called %q; name the one that is meant by its distinguished name", len(found), name)
	}
	return found[0], nil
}

// members are all whom a role names before or after, and whose memberships change.
func (t *trial) members() []Member {
	var out []Member
	add := func(m Member) {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	for _, a := range []*Access{t.Access, t.after} {
		for _, r := range a.roles {
			for _, m := range r.Members {
				add(m)
			}
		}
	}
	for _, m := range append(slices.Clone(t.change.Join), t.change.Leave...) {
		add(Member{User: m.User})
	}
	return out
}

// as is who somebody would be after the change of memberships.
func (t *trial) as(ctx context.Context, id *Identity) (*Identity, error) {
	if id == nil {
		return nil, nil
	}
	login := strings.ToLower(id.Login)
	left, joined := t.leaves[login], t.joins[login]
	if left == nil && joined == nil {
		return id, nil
	}
	c := *id
	c.Groups, c.GroupNames = nil, nil
	lost, err := t.lost(ctx, id, left)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, g := range lost {
		if gone[g.DN] = true; g.SID != "" {
			c.GroupSIDs = slices.DeleteFunc(slices.Clone(c.GroupSIDs), func(sid string) bool { return strings.EqualFold(sid, g.SID) })
		}
	}
	for i, dn := range id.Groups {
		if !gone[dn] {
			c.Groups, c.GroupNames = append(c.Groups, dn), append(c.GroupNames, id.GroupNames[i])
		}
	}
	for _, g := range joined {
		c.Groups, c.GroupNames = append(c.Groups, g.DN), append(c.GroupNames, g.Name)
		if g.SID != "" {
			c.GroupSIDs = append(slices.Clone(c.GroupSIDs), g.SID)
		}
	}
	return &c, nil
}

// lost are the groups that somebody is in no more once he has left some: those that
// nothing else leads to.
func (t *trial) lost(ctx context.Context, id *Identity, left []string) ([]GroupEntry, error) {
	if left == nil {
		return nil, nil
	}
	e := edges{}
	whole, err := e.climb(ctx, t.Census, id.DN)
	if err != nil {
		return nil, err
	}
	if !whole {
		return nil, fault.New(fault.CodeIncomplete, "%s is in more groups than are looked into; what leaving one means is not known", id.Login)
	}
	before, _ := e.from(id.DN)
	for _, dn := range left {
		if !slices.ContainsFunc(e[id.DN], func(g GroupEntry) bool { return g.DN == dn }) {
			return nil, fault.New(fault.CodeRequest, "%s is not directly a member of %s", id.Login, dn)
		}
	}
	e[id.DN] = slices.DeleteFunc(slices.Clone(e[id.DN]), func(g GroupEntry) bool { return slices.Contains(left, g.DN) })
	_, after := e.from(id.DN)
	return slices.DeleteFunc(before, func(g GroupEntry) bool { _, stays := after[g.DN]; return stays }), nil
}

// replay judges the messages of the last days anew.
func (t *trial) replay(ctx context.Context, out *Simulation, people []Person) error {
	lines, since, cut, err := t.usage(ctx, t.change.Days)
	if err != nil {
		return err
	}
	out.Since, out.More = since, cut
	senders, err := t.senders(ctx, lines, people)
	if err != nil {
		return err
	}
	for _, u := range lines {
		out.Messages += u.Messages
		sender := senders[u.Principal]
		changed, err := t.as(ctx, sender.identity)
		if err != nil {
			return err
		}
		v := Verdict{Usage: u, Login: sender.Login}
		if sender.identity == nil {
			v.Reason = sender.State
			out.Gone = append(out.Gone, v)
			continue
		}
		before, refused := t.Access.Authorize(sender.identity, Send, OnRoute(u.Route))
		if refused != nil {
			continue // it is refused already
		}
		after, refused := t.after.Authorize(changed, Send, OnRoute(u.Route))
		switch {
		case refused != nil:
			v.Reason = fault.Of(refused).Message
			out.Refused = append(out.Refused, v)
		case after.Sender != before.Sender:
			v.Reason = fmt.Sprintf("compared with messages of %s, before with those of %s", after.Sender, before.Sender)
			out.Moved = append(out.Moved, v)
		}
	}
	return nil
}
