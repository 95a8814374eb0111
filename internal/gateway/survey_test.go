package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// town is a directory with groups: who is in what, directly. Names of groups begin
// with g.
type town struct {
	in     map[string][]string // by member
	locked []string
	down   bool
}

func (d *town) dn(name string) string { return "cn=" + name + ",dc=town" }

func (d *town) entry(name string) GroupEntry { return GroupEntry{DN: d.dn(name), Name: name} }

func (d *town) unavailable() error {
	if d.down {
		return fault.New(fault.CodeDirectoryUnavailable, "")
	}
	return nil
}

func (d *town) name(text string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(text, "cn="), ",dc=town"))
}

func (d *town) Lookup(_ context.Context, login string) (*Identity, error) {
	login = d.name(login)
	_, known := d.in[login]
	switch {
	case d.down:
		return nil, d.unavailable()
	case !known, slices.Contains(d.locked, login):
		return nil, fault.New(fault.CodeUnauthenticated, "").Because(errors.New("account locked"))
	}
	id := &Identity{DN: d.dn(login), Login: login}
	var climb func(string)
	climb = func(member string) {
		for _, g := range d.in[member] {
			if !slices.Contains(id.GroupNames, g) {
				id.Groups, id.GroupNames = append(id.Groups, d.dn(g)), append(id.GroupNames, g)
				climb(g)
			}
		}
	}
	climb(login)
	return id, nil
}

func (d *town) Entry(ctx context.Context, dn string) (*Identity, error) { return d.Lookup(ctx, dn) }

func (d *town) Authenticate(context.Context, string, string) (*Identity, error) {
	return nil, errors.New("no password is asked for")
}
func (d *town) Ping(context.Context) error { return nil }
func (d *town) Place() string              { return "the town" }

func (d *town) Find(_ context.Context, group string) ([]GroupEntry, error) {
	group = d.name(group)
	for _, groups := range d.in {
		if slices.Contains(groups, group) {
			return []GroupEntry{d.entry(group)}, d.unavailable()
		}
	}
	return nil, d.unavailable()
}

func (d *town) Above(_ context.Context, dn string) (out []GroupEntry, err error) {
	for _, g := range d.in[d.name(dn)] {
		out = append(out, d.entry(g))
	}
	return out, d.unavailable()
}

func (d *town) Below(ctx context.Context, dn string, limit int) (people []string, cut bool, err error) {
	for member := range d.in {
		if strings.HasPrefix(member, "g") {
			continue
		}
		e := edges{}
		if _, err := e.climb(ctx, d, d.dn(member)); err != nil {
			return nil, false, err
		}
		if _, paths := e.from(d.dn(member)); paths[d.name2(dn)] != nil {
			people = append(people, d.dn(member))
		}
	}
	slices.Sort(people)
	if len(people) > limit {
		people, cut = people[:limit], true
	}
	return people, cut, d.unavailable()
}

func (d *town) name2(dn string) string { return d.dn(d.name(dn)) }

// sent is a ledger of what was sent.
type sent struct {
	Ledger
	lines []Usage
	since time.Time
}

func (s *sent) Usage(_ context.Context, since time.Time, limit int) ([]Usage, error) {
	s.since = since
	return s.lines[:min(len(s.lines), limit)], nil
}

var today = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func townSurvey() (*Survey, *town, *sent) {
	d := &town{in: map[string][]string{
		"alice": {"g-north"}, "bob": {"g-users", "g-north"}, "carol": nil, "dan": {"g-ops"}, "eve": {"g-users"},
		"g-north": {"g-users"}, "g-users": {"g-cycle"}, "g-cycle": {"g-users"},
	}, locked: []string{"eve"}}
	ledger := &sent{lines: []Usage{
		{Route: "in", Principal: d.dn("alice"), Messages: 70, Last: today.Add(-time.Hour)},
		{Route: "in", Principal: d.dn("bob"), Messages: 20, Last: today.Add(-2 * time.Hour)},
		{Route: "in", Principal: d.dn("eve"), Messages: 5, Last: today},
		{Route: "in", Principal: d.dn("carol"), Messages: 3, Last: today},
		{Route: "out", Principal: d.dn("alice"), Messages: 2, Last: today},
	}}
	access := NewAccess([]Role{
		{Name: "sender", Members: []Member{{Group: "g-users"}}, Partner: "acme"},
		{Name: "operator", Members: []Member{{Group: "g-ops"}}},
		{Name: "empty", Members: []Member{{Group: "g-none"}, {User: "nobody"}}},
	}, []Grant{
		{Role: "sender", May: []Verb{Send}, On: "route/in"},
		{Role: "sender", May: []Verb{Send}, On: "route/never"},
		{Role: "operator", May: []Verb{Read}, On: "message/*"},
		{Role: "empty", May: []Verb{Send}, On: "route/in"},
	})
	return &Survey{Access: access, Directory: d, Census: d, Ledger: ledger, Resources: Resources([]string{"in", "out", "never"}, []string{"ch"}), Now: func() time.Time { return today }}, d, ledger
}

func told(s *Simulation) string {
	var b strings.Builder
	for _, one := range s.Shifts {
		fmt.Fprintf(&b, "%s gains %v loses %v\n", one.Login, one.Gains, one.Loses)
	}
	for _, v := range s.Refused {
		fmt.Fprintf(&b, "refused %s %s %d\n", v.Route, v.Login, v.Messages)
	}
	for _, v := range s.Moved {
		fmt.Fprintf(&b, "moved %s %s %d\n", v.Route, v.Login, v.Messages)
	}
	return b.String()
}

func TestSimulate(t *testing.T) {
	for name, c := range map[string]struct {
		change Change
		want   string
	}{
		"leaves the one group that leads there": {Change{Leave: []Membership{{"Alice", "g-north"}}, Days: 7},
			"alice gains [] loses [send on route/in send on route/never]\nrefused in alice 70\n"},
		"leaves one of two": {Change{Leave: []Membership{{"bob", "g-users"}}, Days: 7}, ""},
		"leaves both": {Change{Leave: []Membership{{"bob", "g-users"}, {"bob", "cn=g-north,dc=town"}}, Days: 7},
			"bob gains [] loses [send on route/in send on route/never]\nrefused in bob 20\n"},
		"joins a group within another": {Change{Join: []Membership{{"carol", "g-north"}}, Days: 7},
			"carol gains [send on route/in send on route/never] loses []\n"},
		"a role loses its group": {Change{Expel: []RoleMember{{"sender", Member{Group: "g-users"}}}},
			"alice gains [] loses [send on route/in send on route/never]\nbob gains [] loses [send on route/in send on route/never]\n"},
		"a role gets a user": {Change{Admit: []RoleMember{{"operator", Member{User: "carol"}}}},
			"carol gains [read on message/in read on message/out read on message/never] loses []\n"},
		"other grants": {Change{Days: 7, Config: &Rules{
			Roles:  []Role{{Name: "sender", Members: []Member{{Group: "g-north"}}, Partner: "globex"}, {Name: "operator", Members: []Member{{Group: "g-ops"}}}},
			Grants: []Grant{{Role: "sender", May: []Verb{Send}, On: "route/in"}, {Role: "operator", May: []Verb{Read}, On: "view/v", Columns: []string{"no"}}}, Resources: []string{"view/v"}}},
			"alice gains [] loses [send on route/never]\nbob gains [] loses [send on route/never]\ndan gains [read on view/v the columns no] loses [read on message/in read on message/never read on message/out]\nmoved in alice 70\nmoved in bob 20\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, ledger := townSurvey()
			got, err := s.Simulate(t.Context(), c.change)
			if err != nil {
				t.Fatal(err)
			}
			if told(got) != c.want {
				t.Errorf("got\n%swant\n%s", told(got), c.want)
			}
			if got.Harms() != (strings.Contains(c.want, "refused") || strings.Contains(c.want, "loses [s") || strings.Contains(c.want, "loses [r")) {
				t.Errorf("harms is %v", got.Harms())
			}
			if c.change.Days > 0 && (got.Messages != 100 || !ledger.since.Equal(today.AddDate(0, 0, -7)) || len(got.Gone) != 1 || got.Gone[0].Reason != "account locked") {
				t.Errorf("%d messages since %v, gone %+v", got.Messages, ledger.since, got.Gone)
			}
			if !slices.Equal(got.Missing, []string{"g-none"}) && c.change.Config == nil {
				t.Errorf("missing are %v", got.Missing)
			}
		})
	}
}

func TestSimulateRefuses(t *testing.T) {
	for _, c := range []Change{
		{}, {Days: 7}, {Join: []Membership{{}}}, {Join: []Membership{{"alice", "g-nowhere"}}}, {Leave: []Membership{{"alice", "g-users"}}},
		{Admit: []RoleMember{{"nobody", Member{User: "x"}}}}, {Expel: []RoleMember{{"sender", Member{User: "x"}}}}, {Admit: []RoleMember{{"sender", Member{}}}},
		{Join: []Membership{{"alice", "g-ops"}}, Days: MaxDays + 1}, {Join: []Membership{{"alice", "g-ops"}}, Limit: MaxPeople + 1}, {Join: make([]Membership, 201)},
	} {
		s, _, _ := townSurvey()
		if _, err := s.Simulate(t.Context(), c); err == nil || fault.Of(err).Code != fault.CodeRequest {
			t.Errorf("%+v: %v", c, err)
		}
	}
	s, d, _ := townSurvey()
	d.down = true
	if _, err := s.Simulate(t.Context(), Change{Join: []Membership{{"alice", "g-ops"}}}); err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without the directory: %v", err)
	}
}

func TestSimulateSaysWhatItCut(t *testing.T) {
	s, _, _ := townSurvey()
	got, err := s.Simulate(t.Context(), Change{Admit: []RoleMember{{"operator", Member{User: "carol"}}}, Limit: 2})
	if err != nil || got.People != 2 || !slices.Contains(got.Cut, "cn=g-users,dc=town") || !slices.Contains(got.Cut, "all groups together") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReview(t *testing.T) {
	s, _, _ := townSurvey()
	r, err := s.Review(t.Context(), "sender", 30, 10)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Members[0]
	if len(r.Members) != 1 || len(m.Groups) != 1 || m.Groups[0].DN != "cn=g-users,dc=town" || len(m.People) != 3 || m.Cut {
		t.Fatalf("members are %+v", r.Members)
	}
	if p := m.People[2]; p.DN != "cn=eve,dc=town" || p.State != "account locked" || m.People[0].State != "" {
		t.Errorf("people are %+v", m.People)
	}
	if g := r.Grants[0]; g.Messages != 90 || !g.Last.Equal(today.Add(-time.Hour)) || g.Unused() {
		t.Errorf("used: %+v", g)
	}
	if g := r.Grants[1]; !g.Unused() {
		t.Errorf("never used: %+v", g)
	}
	if r, err = s.Review(t.Context(), "operator", 30, 10); err != nil || r.Grants[0].Unused() || r.Grants[0].Counted {
		t.Errorf("of reading nothing is known: %+v, %v", r, err)
	}
	if r, err = s.Review(t.Context(), "empty", 30, 10); err != nil || len(r.Members[0].Groups) != 0 || r.Members[1].People[0].State == "" || r.Members[1].People[0].Login != "nobody" || !r.Grants[0].Unused() {
		t.Errorf("an empty role: %+v, %v", r, err)
	}
	if _, err := s.Review(t.Context(), "nobody", 30, 10); err == nil || fault.Of(err).Code != fault.CodeRequest {
		t.Errorf("no role: %v", err)
	}
}

// An explanation tells by which groups, and which one to join.
func TestExplainLooksIntoGroups(t *testing.T) {
	s, d, _ := townSurvey()
	explain := func(login string, verb Verb, on string) string {
		t.Helper()
		e, err := s.Access.Explain(t.Context(), d, d, Question{login, verb, on})
		if err != nil {
			t.Fatal(err)
		}
		return e.String()
	}
	for _, c := range []struct {
		login string
		verb  Verb
		on    string
		lines []string
	}{
		{"alice", Send, "route/in", []string{"In the group g-users (cn=g-users,dc=town), through g-north.", "In the group g-cycle (cn=g-cycle,dc=town), through g-north, which is in g-users."}},
		{"carol", Send, "route/in", []string{"To allow it: make carol a member of cn=g-users,dc=town.", "The directory has no group g-none."}},
		{"alice", Erase, "message/in", []string{"No grant allows it to anybody.", "One that would: {role: sender, may: erase, on: message/in}"}},
		{"carol", Erase, "message/in", []string{"One that would: {role: …, may: erase, on: message/in}"}},
	} {
		text := explain(c.login, c.verb, c.on)
		for _, line := range c.lines {
			if !strings.Contains("\n"+text, "\n"+line+"\n") {
				t.Errorf("%q is missing from\n%s", line, text)
			}
		}
	}
}
