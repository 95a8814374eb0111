package gateway

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Verb is something a grant allows.
type Verb string

// The verbs.
const (
	Send    Verb = "send"    // deliver messages to a route
	Cause   Verb = "cause"   // have messages published to a channel that demands it
	Read    Verb = "read"    // see messages in the ledger
	Replay  Verb = "replay"  // have a message processed again
	Discard Verb = "discard" // give up a parked message
)

// Verbs lists every verb that a grant may name.
var Verbs = []Verb{Send, Cause, Read, Replay, Discard}

// Role is a set of people and systems of the directory.
type Role struct {
	Name    string
	Members []Member
	// Partner is the counterpart the role belongs to: the scope in which
	// message identities are compared. Empty: each user is a scope of its own.
	Partner string
}

// Member admits a group or a single user to a role. Exactly one field is set.
// A value with an "=" is a normalised distinguished name, any other a short name.
type Member struct {
	Group string
	User  string
}

// Grant allows a role to do something on a resource such as route/submit-order;
// On may end in "*".
type Grant struct {
	Role string
	May  []Verb
	On   string
}

// Principal is who a message comes from: the directory's answer and what it
// follows from it. It is immutable.
type Principal struct {
	*Identity
	// Roles are the names of the principal's roles, in configured order.
	Roles []string
	// Partner is the counterpart that the granting role belongs to, or empty.
	Partner string
	// Sender is the scope of message identities: a partner or the entry's DN.
	Sender string
}

// Access decides who may do what. It is immutable and safe for concurrent use.
type Access struct {
	roles  []Role
	grants []Grant
}

// NewAccess returns the decisions that follow from roles and grants. Nothing is
// allowed that no grant names.
func NewAccess(roles []Role, grants []Grant) *Access {
	return &Access{roles: slices.Clone(roles), grants: slices.Clone(grants)}
}

// Authorize returns the principal that id is when it does verb on resource, or
// a forbidden fault. The partner is taken from the first role, in configured
// order, whose grant allows it.
func (a *Access) Authorize(id *Identity, verb Verb, resource string) (*Principal, error) {
	p := &Principal{Identity: id, Sender: id.DN}
	allowed := false
	for _, r := range a.roles {
		if !r.has(id) {
			continue
		}
		p.Roles = append(p.Roles, r.Name)
		if !allowed && a.granted(r.Name, verb, resource) {
			allowed = true
			if r.Partner != "" {
				p.Partner, p.Sender = r.Partner, "partner:"+r.Partner
			}
		}
	}
	if !allowed {
		return p, fault.New(fault.CodeForbidden, "%s may not %s on %s", id.Login, verb, resource)
	}
	return p, nil
}

func (a *Access) granted(role string, verb Verb, resource string) bool {
	return slices.ContainsFunc(a.grants, func(g Grant) bool {
		return g.Role == role && slices.Contains(g.May, verb) && covers(g.On, resource)
	})
}

func covers(pattern, resource string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(resource, prefix)
	}
	return pattern == resource
}

func (r Role) has(id *Identity) bool {
	return slices.ContainsFunc(r.Members, func(m Member) bool { return m.matches(id) })
}

// Directory names are compared without case (RFC 4517 §4.2.11).
func (m Member) matches(id *Identity) bool {
	switch {
	case m.User != "":
		return strings.EqualFold(m.User, id.DN) || strings.EqualFold(m.User, id.Login)
	case strings.Contains(m.Group, "="):
		return containsFold(id.Groups, m.Group)
	default:
		return containsFold(id.GroupNames, m.Group)
	}
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, s) })
}
