package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Survey is what a review of access is made of: the decisions, who there is, and what
// was sent. It is safe for concurrent use.
type Survey struct {
	Access    *Access
	Directory Directory
	Census    Census // nil: groups are not looked into
	Ledger    Ledger
	Trail     AuditTrail // nil: acts are not counted
	Resources []string   // that grants can be on
	Now       func() time.Time
}

// Survey returns a survey of the running generation, which is held until done is
// called.
func (g *Gateway) Survey() (s *Survey, done func()) {
	generation := g.hold()
	return &Survey{
		Access: generation.Access, Directory: generation.Directory, Census: generation.Census, Ledger: g.store, Trail: g.store,
		Resources: generation.resources(), Now: g.now,
	}, generation.letGo
}

// surveyors is how many people are looked up at the same time.
const surveyors = 4

// maxUsage is how many lines of usage one survey reads.
const maxUsage = 5000

// Person is a user as the directory has him now.
type Person struct {
	DN    string `json:"dn"`
	Login string `json:"login,omitempty"`
	// State is empty for somebody whom the directory lets in, else why it does not.
	State string `json:"state,omitempty"`
	// Note is what the entry tells of the account of somebody who is let in.
	Note string `json:"note,omitempty"`

	identity *Identity // nil unless State is empty
}

// population is who is meant by members of roles.
type population struct {
	people  []Person
	cut     []string // groups that have more people than were looked at
	missing []string // groups that are not there
}

// people looks up who members are: the people of every group, nested, and users, each
// once, limit at most of each group and of all.
func (s *Survey) people(ctx context.Context, members []Member, limit int) (*population, error) {
	p := &population{}
	seen := map[string]bool{}
	var entries, logins []string
	for _, m := range members {
		switch {
		case m.User != "" && strings.Contains(m.User, "="):
			entries = append(entries, m.User)
		case m.User != "":
			logins = append(logins, m.User)
		default:
			if err := s.gather(ctx, m.Group, limit, p, &entries); err != nil {
				return nil, err
			}
		}
	}
	var ask []func(context.Context) (Person, error)
	for _, dn := range entries {
		if !seen[dn] {
			seen[dn] = true
			ask = append(ask, func(ctx context.Context) (Person, error) { return s.entry(ctx, dn) })
		}
	}
	for _, login := range logins {
		ask = append(ask, func(ctx context.Context) (Person, error) {
			p, err := s.person(s.Directory.Lookup(ctx, login))
			p.Login = cmp.Or(p.Login, login)
			return p, err
		})
	}
	if len(ask) > limit {
		ask = ask[:limit]
		p.cut = append(p.cut, "all groups together")
	}
	var err error
	p.people, err = each(ctx, ask)
	p.unite()
	return p, err
}

// gather adds the entries of the people in a group.
func (s *Survey) gather(ctx context.Context, group string, limit int, p *population, entries *[]string) error {
	if s.Census == nil {
		return fault.New(fault.CodeIncomplete, "this directory tells nobody who is in a group")
	}
	found, err := s.Census.Find(ctx, group)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		p.missing = append(p.missing, group)
	}
	for _, g := range found {
		below, cut, err := s.Census.Below(ctx, g.DN, limit)
		if err != nil {
			return err
		}
		if cut {
			p.cut = append(p.cut, g.DN)
		}
		*entries = append(*entries, below...)
	}
	return nil
}

// unite has everybody once, in the order of names.
func (p *population) unite() {
	slices.SortFunc(p.people, func(a, b Person) int { return strings.Compare(a.DN+"\x00"+a.Login, b.DN+"\x00"+b.Login) })
	p.people = slices.CompactFunc(p.people, func(a, b Person) bool { return a.DN == b.DN && a.Login == b.Login })
	slices.Sort(p.cut)
	p.cut = slices.Compact(p.cut)
}

// entry looks somebody up by his entry.
func (s *Survey) entry(ctx context.Context, dn string) (Person, error) {
	directory, able := s.Directory.(Entries)
	if !able {
		return Person{}, fault.New(fault.CodeIncomplete, "this directory finds nobody by the name of an entry")
	}
	p, err := s.person(directory.Entry(ctx, dn))
	p.DN = dn
	return p, err
}

// person is what a directory's answer says of somebody. An outage is no answer.
func (s *Survey) person(id *Identity, err error) (Person, error) {
	if err == nil {
		return Person{DN: id.DN, Login: id.Login, Note: id.State, identity: id}, nil
	}
	refusal, err := lookedUp(err)
	return Person{State: refusal}, err
}

// each asks about everybody, a few at a time, and ends with the first outage.
func each(ctx context.Context, ask []func(context.Context) (Person, error)) ([]Person, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := make([]Person, len(ask))
	places := make(chan struct{}, surveyors)
	var all sync.WaitGroup
	for i, fn := range ask {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			var err error
			if out[i], err = fn(ctx); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		if f := fault.Of(err); f.Kind() != fault.Internal {
			return nil, f
		}
		return nil, fault.New(fault.CodeDirectoryUnavailable, "").Because(err) // the time is over
	}
	return out, nil
}

// Right is one thing that somebody may do; of a view, with what it shows.
type Right struct {
	Verb Verb   `json:"verb"`
	On   string `json:"on"`
}

// String renders the right as a sentence's part.
func (r Right) String() string { return string(r.Verb) + " on " + r.On }

// rights are everything that id may do on resources.
func (a *Access) rights(id *Identity, resources []string) []Right {
	var out []Right
	if id == nil {
		return nil
	}
	for _, resource := range resources {
		for _, verb := range VerbsOn(resource) {
			if _, err := a.Authorize(id, verb, resource); err != nil {
				continue
			}
			view, isView := strings.CutPrefix(resource, "view/")
			if !isView {
				out = append(out, Right{verb, resource})
				continue
			}
			sight, _ := a.Sight(id, view) // he may read it
			for _, w := range sight.Windows {
				g := Grant{May: []Verb{verb}, On: resource, Columns: w.Columns, Rows: w.Rows, Classes: w.Classes}
				_, on, _ := strings.Cut(g.String(), " on ")
				out = append(out, Right{verb, on})
			}
		}
	}
	return out
}

// lacking are the rights of one list that another has not.
func lacking(has, other []Right) []Right {
	var out []Right
	for _, r := range has {
		if !slices.Contains(other, r) {
			out = append(out, r)
		}
	}
	return out
}

// usage reads what was sent in the last days, by senders' entries.
func (s *Survey) usage(ctx context.Context, days int) (lines []Usage, since time.Time, cut bool, err error) {
	since = s.Now().UTC().AddDate(0, 0, -days)
	lines, err = s.Ledger.Usage(ctx, since, maxUsage)
	return lines, since, len(lines) == maxUsage, err
}

// senders looks up the entries that usage names.
func (s *Survey) senders(ctx context.Context, lines []Usage, known []Person) (map[string]Person, error) {
	out := map[string]Person{}
	for _, p := range known {
		out[p.DN] = p
	}
	var ask []func(context.Context) (Person, error)
	for _, u := range lines {
		if _, there := out[u.Principal]; !there {
			out[u.Principal] = Person{}
			ask = append(ask, func(ctx context.Context) (Person, error) { return s.entry(ctx, u.Principal) })
		}
	}
	found, err := each(ctx, ask)
	for _, p := range found {
		out[p.DN] = p
	}
	return out, err
}

// Simulate tries a change of the running configuration, or of who is in which group.
func (g *Gateway) Simulate(ctx context.Context, c Change) (*Simulation, error) {
	s, done := g.Survey()
	defer done()
	return s.Simulate(ctx, c)
}

// Review looks at one role of the running configuration.
func (g *Gateway) Review(ctx context.Context, role string, days, limit int) (*RoleReview, error) {
	s, done := g.Survey()
	defer done()
	r, err := s.Review(ctx, role, days, limit)
	if err != nil {
		return nil, err
	}
	for i := range r.Limits {
		if err := r.Limits[i].ask(ctx, g.store, DayBegins(g.now())); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// RoleNames lists the roles of the running configuration.
func (g *Gateway) RoleNames() []string { return g.generation.Load().Access.Roles() }
