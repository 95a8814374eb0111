package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Question asks whether a user may do something.
type Question struct {
	Login string `json:"user"`
	Verb  Verb   `json:"verb"`
	On    string `json:"on"`
}

// Check finds what no answer could be given to: a verb that does not exist, or
// means nothing on the resource. The fault is fault.Invalid.
func (q Question) Check() error {
	var details []fault.Detail
	if q.Login == "" {
		details = append(details, fault.Detail{Path: "user", Message: "whose rights are asked for is missing"})
	}
	switch known := VerbsOn(q.On); {
	case !slices.Contains(Verbs, q.Verb):
		details = append(details, fault.Detail{Path: "verb", Message: fmt.Sprintf("%q is nothing a grant can allow; it is one of %v", q.Verb, Verbs)})
	case known == nil:
		details = append(details, fault.Detail{Path: "on", Message: fmt.Sprintf("%q is nothing a grant can be on; that is route/<name>, channel/<name>, view/<name>, message/<route>, configuration, access, audit or console", q.On)})
	case !slices.Contains(known, q.Verb):
		details = append(details, fault.Detail{Path: "verb", Message: fmt.Sprintf("%s means nothing on %s; what can be allowed there is %v", q.Verb, q.On, known)})
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeRequest, "the question cannot be answered").With(details...)
}

// Standing is what the directory says of a user, and what follows from it.
type Standing struct {
	DN     string     `json:"dn"`
	Login  string     `json:"login"`
	State  string     `json:"state,omitempty"` // of the account, when the entry tells of something
	At     time.Time  `json:"at"`              // when the directory said so
	Groups []Group    `json:"groups"`
	Roles  []HeldRole `json:"roles"`
}

// Group is one group of a user, nested ones included.
type Group struct {
	Name string `json:"name"`
	DN   string `json:"dn"`
	// Path is the shortest way into it: the names of the groups from the one that the
	// user is directly in to this one. Only an Explanation has it.
	Path []string `json:"path,omitempty"`
	// Unexplained says that the directory counts the user in, and nothing that it
	// tells of members leads there.
	Unexplained bool `json:"unexplained,omitempty"`
}

// HeldRole is a role of a user.
type HeldRole struct {
	Role    string  `json:"role"`
	Through Member  `json:"through"` // the member that admitted him
	Partner string  `json:"partner,omitempty"`
	Grants  []Grant `json:"grants"`
}

// Explanation tells why a user may do something, or why not.
type Explanation struct {
	Question
	Allowed bool `json:"allowed"`
	// Unknown is why the directory lets nobody in under the login; then nothing
	// follows but Ways.
	Unknown  string    `json:"unknown,omitempty"`
	Standing *Standing `json:"standing,omitempty"`
	// Missing says that nothing of the resource's name is configured.
	Missing bool `json:"missing,omitempty"`
	// Grant is the one that decides, when there is one, with the role that it
	// is given to. Partner and Sender are whose identities a message is compared
	// with.
	Grant   *Grant `json:"grant,omitempty"`
	Partner string `json:"partner,omitempty"`
	Sender  string `json:"sender,omitempty"`
	// Ways are what would allow it, when it is denied.
	Ways []Way `json:"ways,omitempty"`
	// Proposal is a grant to add, when none allows it to anybody.
	Proposal string `json:"proposal,omitempty"`
	// Limits are those that his messages fall under, when he may send.
	Limits []LimitState `json:"limits,omitempty"`
	// Untold is why neither paths nor the groups of Ways could be looked up.
	Untold string `json:"untold,omitempty"`
}

// Way is a grant that would allow what is asked for, and who has its role.
type Way struct {
	Grant   Grant    `json:"grant"`
	Members []Member `json:"members"`
	// Meanings are the members as the directory has them; nil when it was not asked.
	Meanings []Meaning `json:"meanings,omitempty"`
}

// Standing tells what id is and may do.
func (a *Access) Standing(id *Identity) *Standing {
	s := &Standing{DN: id.DN, Login: id.Login, State: id.State, At: id.At, Groups: []Group{}, Roles: []HeldRole{}}
	for i, dn := range id.Groups {
		g := Group{DN: dn}
		if i < len(id.GroupNames) {
			g.Name = id.GroupNames[i]
		}
		s.Groups = append(s.Groups, g)
	}
	for _, r := range a.roles {
		member := r.through(id)
		if member == nil {
			continue
		}
		held := HeldRole{Role: r.Name, Through: *member, Partner: r.Partner, Grants: []Grant{}}
		for _, g := range a.grants {
			if g.Role == r.Name {
				held.Grants = append(held.Grants, g)
			}
		}
		s.Roles = append(s.Roles, held)
	}
	return s
}

// Explain answers a question with what directory says of the user now. census, which
// may be nil, adds by which groups he is in his groups, and which he would have to join.
func (a *Access) Explain(ctx context.Context, directory Directory, census Census, q Question) (*Explanation, error) {
	e, err := a.explain(ctx, directory, q)
	if err != nil {
		return nil, err
	}
	if !e.Allowed && e.Ways == nil {
		e.Proposal = e.proposal()
	}
	if e.Allowed && q.Verb == Send {
		e.Limits = a.limitsOf(e.Grant.Role, e.Partner)
	}
	if census == nil {
		return e, nil
	}
	if err := e.enrich(ctx, census); err != nil {
		e.Untold = fault.Of(err).Message
	}
	return e, nil
}

// enrich adds what only a census knows.
func (e *Explanation) enrich(ctx context.Context, census Census) error {
	if e.Standing != nil {
		if err := e.Standing.trace(ctx, census); err != nil {
			return err
		}
	}
	for i := range e.Ways {
		var err error
		if e.Ways[i].Meanings, err = meanings(ctx, census, e.Ways[i].Members); err != nil {
			return err
		}
	}
	return nil
}

// limitsOf are the limits of who sends by a role, with nothing used.
func (a *Access) limitsOf(role, partner string) []LimitState {
	var out []LimitState
	all := a.scopes()
	for _, scope := range []string{"role/" + role, "partner/" + partner} {
		if l, limited := all[scope]; limited {
			out = append(out, stateOf(scope, l))
		}
	}
	return out
}

func (a *Access) explain(ctx context.Context, directory Directory, q Question) (*Explanation, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	e := &Explanation{Question: q}
	id, err := directory.Lookup(ctx, q.Login)
	if err != nil {
		if e.Unknown, err = lookedUp(err); err != nil {
			return nil, err
		}
		e.Ways = a.ways(q)
		return e, nil
	}
	e.Standing = a.Standing(id)
	p, err := a.Authorize(id, q.Verb, q.On)
	if err != nil {
		e.Ways = a.ways(q)
		return e, nil
	}
	e.Allowed, e.Partner, e.Sender = true, p.Partner, p.Sender
	for _, role := range p.Roles {
		if e.Grant = a.granting(role, q.Verb, q.On); e.Grant != nil {
			break
		}
	}
	return e, nil
}

// lookedUp tells apart a user whom the directory does not let in, which is an
// answer, from a directory that gives none.
func lookedUp(err error) (refusal string, other error) {
	f := fault.Of(err)
	switch {
	case f == nil:
		return "", nil
	case f.Kind() != fault.Unauthenticated:
		return "", f
	case f.Cause != nil:
		return f.Cause.Error(), nil
	}
	return f.Message, nil
}

// ways lists what would allow the act, the first grant of each role.
func (a *Access) ways(q Question) []Way {
	var out []Way
	for _, r := range a.roles {
		if g := a.granting(r.Name, q.Verb, q.On); g != nil {
			out = append(out, Way{Grant: *g, Members: r.Members})
		}
	}
	return out
}

// String names the member with what it is.
func (m Member) String() string {
	if m.User != "" {
		return "the user " + m.User
	}
	return "the group " + m.Group
}

// String renders the grant as a sentence's part.
func (g Grant) String() string {
	verbs := make([]string, len(g.May))
	for i, v := range g.May {
		verbs[i] = string(v)
	}
	text := fmt.Sprintf("%s on %s", strings.Join(verbs, ", "), g.On)
	if len(g.Columns) > 0 {
		text += " the columns " + strings.Join(g.Columns, ", ")
	}
	for i, f := range g.Rows {
		word := " and "
		if i == 0 {
			word = " where "
		}
		text += word + f.String()
	}
	if len(g.Classes) > 0 {
		text += " with what is " + strings.Join(g.Classes, ", ")
	}
	return text
}

// String tells it in sentences, one a line.
func (s *Standing) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s.\n", s.Login, s.DN)
	if s.State != "" {
		fmt.Fprintf(&b, "The account: %s.\n", s.State)
	}
	if len(s.Groups) == 0 {
		fmt.Fprintf(&b, "The directory has %s in no group.\n", s.Login)
	}
	for _, g := range s.Groups {
		fmt.Fprintln(&b, g.words())
	}
	if len(s.Roles) == 0 {
		fmt.Fprintf(&b, "No role follows from that.\n")
	}
	for _, r := range s.Roles {
		partner := ""
		if r.Partner != "" {
			partner = " of partner " + r.Partner
		}
		fmt.Fprintf(&b, "Has the role %s%s through %s", r.Role, partner, r.Through)
		for i, g := range r.Grants {
			if i == 0 {
				b.WriteString(": may")
			} else {
				b.WriteString(";")
			}
			fmt.Fprintf(&b, " %s", g)
		}
		b.WriteString(".\n")
	}
	return b.String()
}

// String tells it in sentences, one a line, the verdict last.
func (e *Explanation) String() string {
	var b strings.Builder
	if e.Standing != nil {
		b.WriteString(e.Standing.String())
	}
	if e.Unknown != "" {
		fmt.Fprintf(&b, "The directory lets nobody in as %q: %s.\n", e.Login, e.Unknown)
	}
	if e.Missing {
		fmt.Fprintf(&b, "Nothing is called %s.\n", e.On)
	}
	if e.Untold != "" {
		fmt.Fprintf(&b, "Groups could not be looked into: %s.\n", e.Untold)
	}
	if e.Allowed {
		e.tellAllowed(&b)
	} else {
		e.tellDenied(&b)
	}
	return b.String()
}

func (e *Explanation) tellAllowed(b *strings.Builder) {
	fmt.Fprintf(b, "ALLOWED: %s may %s on %s, because the role %s may %s.\n", e.Standing.Login, e.Verb, e.On, e.Grant.Role, e.Grant)
	if e.Verb != Send {
		return
	}
	if e.Partner != "" {
		fmt.Fprintf(b, "Messages are compared with all of partner %s (sender %s).\n", e.Partner, e.Sender)
	} else {
		fmt.Fprintf(b, "Messages are compared with those of this user alone (sender %s).\n", e.Sender)
	}
	for _, l := range e.Limits {
		fmt.Fprintf(b, "Limited by %s.\n", l)
	}
}

func (e *Explanation) tellDenied(b *strings.Builder) {
	login := e.Login
	if e.Standing != nil {
		login = e.Standing.Login
	}
	fmt.Fprintf(b, "DENIED: %s may not %s on %s.\n", login, e.Verb, e.On)
	if len(e.Ways) == 0 {
		fmt.Fprintf(b, "No grant allows it to anybody.\nOne that would: %s\n", e.Proposal)
	}
	for _, w := range e.Ways {
		members := make([]string, len(w.Members))
		for i, m := range w.Members {
			members[i] = m.String()
		}
		fmt.Fprintf(b, "The role %s may %s; it has %s.\n", w.Grant.Role, w.Grant, strings.Join(members, ", "))
		for _, line := range w.joins(login) {
			fmt.Fprintln(b, line)
		}
	}
}
