package gateway

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Verb is something a grant allows.
type Verb string

// The verbs.
const (
	Send    Verb = "send"    // deliver messages to a route
	Use     Verb = "use"     // open the console
	Cause   Verb = "cause"   // have messages published to a channel that demands it; name an address of a channel of replies
	Read    Verb = "read"    // see messages, the configuration, who may do what
	Replay  Verb = "replay"  // have a parked message processed again
	Correct Verb = "correct" // the same, with another payload than it came with
	Repeat  Verb = "repeat"  // have a stored message processed again
	Adopt   Verb = "adopt"   // park the messages of a foreign dead-letter queue
	Park    Verb = "park"    // take a waiting message out of the way
	Discard Verb = "discard" // give up a parked message
	Erase   Verb = "erase"   // take somebody's messages out of the ledger
	Reload  Verb = "reload"  // have the configuration read again
)

// Verbs lists every verb that a grant may name.
var Verbs = []Verb{Send, Use, Cause, Read, Replay, Correct, Repeat, Adopt, Park, Discard, Erase, Reload}

// The resources that are there once.
const (
	OnConfiguration = "configuration"
	OnAccess        = "access"
	OnAudit         = "audit"
)

// OnConsole is the door for people's browsers; what they may see and do behind it
// takes the grants that it takes elsewhere.
const OnConsole = "console"

// OnView names a view: a declared, permitted search over stored tables.
func OnView(name string) string { return "view/" + name }

// OnRoute, OnChannel and OnMessage name what a grant is on; messages are named
// by their route, and those that came to none by an empty one.
func OnRoute(name string) string    { return "route/" + name }
func OnChannel(name string) string  { return "channel/" + name }
func OnMessage(route string) string { return "message/" + route }

// Resources lists what grants can be on where there are these routes, channels and
// views.
func Resources(routes, channels []string, views ...string) []string {
	out := []string{OnConsole}
	for _, name := range views {
		out = append(out, OnView(name))
	}
	for _, name := range routes {
		out = append(out, OnRoute(name), OnMessage(name))
	}
	for _, name := range channels {
		out = append(out, OnChannel(name))
	}
	return append(out, OnConfiguration, OnAccess, OnAudit)
}

// meaningful lists the verbs that mean something, by kind of resource.
var meaningful = map[string][]Verb{
	OnConsole:       {Use},
	"view":          {Read},
	"route":         {Send},
	"channel":       {Cause},
	"message":       {Read, Replay, Correct, Repeat, Adopt, Park, Discard, Erase},
	OnConfiguration: {Read, Reload},
	OnAccess:        {Read},
	OnAudit:         {Read},
}

// VerbsOn lists the verbs that mean something on a resource.
func VerbsOn(resource string) []Verb {
	kind, _, _ := strings.Cut(resource, "/")
	return meaningful[kind]
}

// Role is a set of people and systems of the directory.
type Role struct {
	Name    string   `json:"role"`
	Members []Member `json:"members"`
	// Partner is the counterpart the role belongs to: the scope in which
	// message identities are compared. Empty: each user is a scope of its own.
	Partner string `json:"partner,omitempty"`
	// Limits bound what all who send through the role send together.
	Limits Limits `json:"-"`
}

// Member admits a group or a single user to a role. Exactly one field is set.
// A value with an "=" is a normalised distinguished name, a group that begins with
// S-1- a security identifier ([MS-DTYP] §2.4.2.1), any other a short name.
type Member struct {
	Group string `json:"group,omitempty"`
	User  string `json:"user,omitempty"`
}

// Grant allows a role to do something on a resource such as route/submit-order;
// On may end in "*".
type Grant struct {
	Role string `json:"role"`
	May  []Verb `json:"may"`
	On   string `json:"on"`
	// Columns and Rows are of grants on views: the fields and children that it shows, or
	// all of them, and what a row has to satisfy, every filter of it, to be shown.
	Columns []string    `json:"columns,omitempty"`
	Rows    []RowFilter `json:"rows,omitempty"`
	// Classes are those of which a view's fields are shown too.
	Classes []string `json:"classes,omitempty"`
}

// Principal is who a message comes from: the directory's answer and what it
// follows from it. It is immutable.
type Principal struct {
	*Identity
	// Roles are the names of the principal's roles, in configured order.
	Roles []string
	// Role is the one whose grant allows what the principal does.
	Role string
	// Partner is the counterpart that the granting role belongs to, or empty.
	Partner string
	// Sender is the scope of message identities: a partner or the entry's DN.
	Sender string
}

// Access decides who may do what. It is immutable and safe for concurrent use.
type Access struct {
	roles    []Role
	grants   []Grant
	partners map[string]Limits
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
		if r.through(id) == nil {
			continue
		}
		p.Roles = append(p.Roles, r.Name)
		if !allowed && a.granting(r.Name, verb, resource) != nil {
			allowed, p.Role = true, r.Name
			if r.Partner != "" {
				p.Partner, p.Sender = r.Partner, "partner:"+r.Partner
			}
		}
	}
	if !allowed {
		return p, id.mayNot(verb, resource)
	}
	return p, nil
}

// mayNot is the fault of somebody whom no grant lets do verb on resource.
func (id *Identity) mayNot(verb Verb, resource string) error {
	return fault.New(fault.CodeForbidden, "%s may not %s on %s", id.Login, verb, resource)
}

// Scope is everything on which somebody may do one thing.
type Scope struct{ patterns []string }

// Scope returns everything on which id may do verb.
func (a *Access) Scope(id *Identity, verb Verb) Scope {
	var s Scope
	for _, r := range a.roles {
		if r.through(id) == nil {
			continue
		}
		for _, g := range a.grants {
			if g.Role == r.Name && slices.Contains(g.May, verb) {
				s.patterns = append(s.patterns, g.On)
			}
		}
	}
	return s
}

// Covers reports whether resource is in the scope.
func (s Scope) Covers(resource string) bool {
	return slices.ContainsFunc(s.patterns, func(p string) bool { return covers(p, resource) })
}

// Meets reports whether anything whose name begins with prefix can be in the scope.
func (s Scope) Meets(prefix string) bool {
	return slices.ContainsFunc(s.patterns, func(p string) bool {
		stem, open := strings.CutSuffix(p, "*")
		return strings.HasPrefix(p, prefix) || open && strings.HasPrefix(prefix, stem)
	})
}

// granting returns the first grant that allows the role to do verb on resource, or nil.
func (a *Access) granting(role string, verb Verb, resource string) *Grant {
	i := slices.IndexFunc(a.grants, func(g Grant) bool { return g.Role == role && g.allows(verb, resource) })
	if i < 0 {
		return nil
	}
	return &a.grants[i]
}

func (g *Grant) allows(verb Verb, resource string) bool {
	return slices.Contains(g.May, verb) && covers(g.On, resource)
}

func covers(pattern, resource string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(resource, prefix)
	}
	return pattern == resource
}

// through returns the first member of the role that id is, or nil.
func (r *Role) through(id *Identity) *Member {
	i := slices.IndexFunc(r.Members, func(m Member) bool { return m.matches(id) })
	if i < 0 {
		return nil
	}
	return &r.Members[i]
}

// Directory names are compared without case (RFC 4517 §4.2.11).
func (m Member) matches(id *Identity) bool {
	switch {
	case m.User != "":
		return strings.EqualFold(m.User, id.DN) || strings.EqualFold(m.User, id.Login)
	case strings.Contains(m.Group, "="):
		return containsFold(id.Groups, m.Group)
	case IsSID(m.Group):
		return containsFold(id.GroupSIDs, m.Group)
	default:
		return containsFold(id.GroupNames, m.Group)
	}
}

var securityIdentifier = regexp.MustCompile(`^[Ss]-1(-[0-9]{1,20}){1,16}$`)

// IsSID reports whether text is a security identifier of Active Directory, such as
// S-1-5-21-1004336348-1177238915-682003330-512.
func IsSID(text string) bool { return securityIdentifier.MatchString(text) }

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, s) })
}
