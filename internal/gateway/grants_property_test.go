package gateway

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

var (
	someGroups    = []string{"cn=a,dc=corp", "cn=b,dc=corp", "cn=c,dc=corp", "a", "b", "c", "S-1-5-21-1-2-3-500"}
	someRoles     = []string{"r0", "r1", "r2", "r3"}
	someResources = []string{"route/in", "route/in-2", "message/in", "message/", "channel/out", "view/orders", "view/customers", OnConsole, OnAccess, OnConfiguration}
	somePatterns  = append([]string{"*", "route/*", "route/in*", "view/*", "mess*", "message/*"}, someResources...)
	someColumns   = []string{"no", "country", "owner"}
	someValues    = []string{"FI", "SE", "u", "$principal/login", "$principal/partner", "$$5"}
)

// drawn is an Access with what it was made of.
type drawn struct {
	roles  []Role
	grants []Grant
}

func (d drawn) access() *Access { return NewAccess(d.roles, d.grants) }

func drawAccess(t *rapid.T) drawn {
	var d drawn
	for _, name := range someRoles {
		r := Role{Name: name, Partner: rapid.SampledFrom([]string{"", "acme", "globex"}).Draw(t, "partner")}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			if rapid.IntRange(0, 4).Draw(t, "is user") == 0 {
				r.Members = append(r.Members, Member{User: rapid.SampledFrom([]string{"u", "U", "v", "uid=u,dc=corp"}).Draw(t, "user")})
			} else {
				r.Members = append(r.Members, Member{Group: rapid.SampledFrom(someGroups).Draw(t, "group")})
			}
		}
		d.roles = append(d.roles, r)
	}
	for range rapid.IntRange(0, 8).Draw(t, "grants") {
		g := Grant{
			Role: rapid.SampledFrom(someRoles).Draw(t, "role"),
			May:  rapid.SliceOfNDistinct(rapid.SampledFrom(Verbs), 1, 3, rapid.ID).Draw(t, "may"),
			On:   rapid.SampledFrom(somePatterns).Draw(t, "on"),
		}
		if rapid.Bool().Draw(t, "columns") {
			g.Columns = rapid.SliceOfNDistinct(rapid.SampledFrom(someColumns), 1, 2, rapid.ID).Draw(t, "columns")
		}
		for range rapid.IntRange(0, 2).Draw(t, "rows") {
			g.Rows = append(g.Rows, RowFilter{Column: rapid.SampledFrom(someColumns).Draw(t, "column"), Values: rapid.SliceOfN(rapid.SampledFrom(someValues), 1, 2).Draw(t, "values")})
		}
		d.grants = append(d.grants, g)
	}
	return d
}

// drawIdentity is u in some of the groups; which of them it has a name or an
// identifier of is up to the directory.
func drawIdentity(t *rapid.T) *Identity {
	id := &Identity{DN: "uid=u,dc=corp", Login: "u"}
	for i, n := range []string{"a", "b", "c"} {
		if rapid.Bool().Draw(t, "in "+n) {
			id = joined(id, i)
		}
	}
	return id
}

func joined(id *Identity, group int) *Identity {
	c := *id
	name := []string{"a", "b", "c"}[group]
	c.Groups, c.GroupNames = append(slices.Clone(c.Groups), "cn="+name+",dc=corp"), append(slices.Clone(c.GroupNames), strings.ToUpper(name))
	if name == "c" {
		c.GroupSIDs = append(slices.Clone(c.GroupSIDs), "s-1-5-21-1-2-3-500")
	}
	return &c
}

// The oracle: the rules of docs/grants.md, told once more and naively, as a set of
// everything that is allowed.

type right struct {
	role     string
	verb     Verb
	resource string
}

func has(id *Identity, r Role) bool {
	for _, m := range r.Members {
		for _, mine := range []string{"uid=u,dc=corp", "u"} {
			if strings.ToLower(m.User) == mine {
				return true
			}
		}
		for i := range id.Groups {
			if strings.ToLower(m.Group) == id.Groups[i] || strings.EqualFold(m.Group, id.GroupNames[i]) {
				return true
			}
		}
		for _, sid := range id.GroupSIDs {
			if strings.EqualFold(sid, m.Group) {
				return true
			}
		}
	}
	return false
}

func (d drawn) rights(id *Identity) map[right][]Grant {
	out := map[right][]Grant{}
	for _, r := range d.roles {
		for _, g := range d.grants {
			for _, resource := range someResources {
				matches := g.On == resource
				if n := len(g.On); n > 0 && g.On[n-1] == '*' {
					matches = len(resource) >= n-1 && resource[:n-1] == g.On[:n-1]
				}
				for _, v := range g.May {
					if matches && g.Role == r.Name && has(id, r) {
						out[right{r.Name, v, resource}] = append(out[right{r.Name, v, resource}], g)
					}
				}
			}
		}
	}
	return out
}

func TestGrantsAgreeWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, id := drawAccess(t), drawIdentity(t)
		access, rights := d.access(), d.rights(id)
		for _, verb := range Verbs {
			for _, resource := range someResources {
				first := ""
				for _, r := range d.roles {
					if len(rights[right{r.Name, verb, resource}]) > 0 && first == "" {
						first = r.Name
					}
				}
				p, err := access.Authorize(id, verb, resource)
				if (err == nil) != (first != "") || p.Role != first {
					t.Fatalf("%s on %s: %v by %q, want by %q", verb, resource, err, p.Role, first)
				}
				if err != nil && fault.KindOf(err) != fault.Forbidden {
					t.Fatalf("refused with %v", err)
				}
				if covered := access.Scope(id, verb).Covers(resource); covered != (first != "") {
					t.Fatalf("%s on %s: the scope says %v", verb, resource, covered)
				}
			}
		}
	})
}

// One more group never takes a right away, and of no view a cell.
func TestGroupsOnlyAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		access, id := drawAccess(t).access(), drawIdentity(t)
		more := joined(id, rapid.IntRange(0, 2).Draw(t, "joins"))
		for _, verb := range Verbs {
			for _, resource := range someResources {
				if _, err := access.Authorize(id, verb, resource); err != nil {
					continue
				}
				if _, err := access.Authorize(more, verb, resource); err != nil {
					t.Fatalf("%s on %s is lost: %v", verb, resource, err)
				}
			}
		}
		row := drawRow(t)
		before, err := access.Sight(id, "orders")
		after, later := access.Sight(more, "orders")
		if err == nil && later != nil {
			t.Fatalf("the view is lost: %v", later)
		}
		for _, c := range before.Of(someColumns, row) {
			if !slices.Contains(after.Of(someColumns, row), c) {
				t.Fatalf("column %s of a row is lost", c)
			}
		}
	})
}

func drawRow(t *rapid.T) func(string) (string, bool) {
	row := map[string]string{}
	for _, c := range someColumns {
		if rapid.Bool().Draw(t, "not null") {
			row[c] = rapid.SampledFrom([]string{"FI", "SE", "u", "$5", "acme", ""}).Draw(t, c)
		}
	}
	return func(name string) (string, bool) { text, ok := row[name]; return text, ok }
}

// A cell of a view is seen when one grant shows both its row and its column.
func TestSightAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, id := drawAccess(t), drawIdentity(t)
		row := drawRow(t)
		rights := d.rights(id)
		var want []string
		granted := false
		for _, c := range someColumns {
			seen := false
			for _, r := range d.roles {
				for _, g := range rights[right{r.Name, Read, "view/orders"}] {
					granted = true
					shows := g.Columns == nil || slices.Contains(g.Columns, c)
					for _, f := range g.Rows {
						shows = shows && oracleHolds(f, row, id.Login, r.Partner)
					}
					seen = seen || shows
				}
			}
			if seen {
				want = append(want, c)
			}
		}
		s, err := d.access().Sight(id, "orders")
		if (err == nil) != granted {
			t.Fatalf("granted is %v, and the answer %v", granted, err)
		}
		if got := s.Of(someColumns, row); !slices.Equal(got, want) {
			t.Fatalf("seen are %v, want %v", got, want)
		}
		for _, c := range want {
			if !slices.Contains(s.Columns(someColumns), c) {
				t.Fatalf("%s is seen of a row and of no row", c)
			}
		}
	})
}

func oracleHolds(f RowFilter, row func(string) (string, bool), login, partner string) bool {
	text, ok := row(f.Column)
	for _, v := range f.Values {
		want := map[string]string{"$principal/login": login, "$principal/partner": partner, "$$5": "$5"}[v]
		if !strings.HasPrefix(v, "$") {
			want = v
		}
		if ok && want == text && (want != "" || v == "") {
			return true
		}
	}
	return false
}

// FuzzSight: whatever stands in a filter, only rows are shown that have the value,
// and nobody sees what is another's.
func FuzzSight(f *testing.F) {
	f.Add("country", "FI", "FI", "alice", "")
	f.Add("owner", "$principal/login", "alice", "alice", "acme")
	f.Add("owner", "$principal/partner", "", "alice", "")
	f.Add("owner", "$principal/nothing", "$principal/nothing", "alice", "acme")
	f.Add("owner", "$$principal/login", "$principal/login", "alice", "acme")
	f.Fuzz(func(t *testing.T, column, value, text, login, partner string) {
		id := &Identity{DN: "uid=x,dc=corp", Login: login, GroupNames: []string{"g"}}
		access := NewAccess([]Role{{Name: "r", Members: []Member{{Group: "g"}}, Partner: partner}},
			[]Grant{{Role: "r", May: []Verb{Read}, On: "view/*", Rows: []RowFilter{{Column: column, Values: []string{value}}}}})
		s, err := access.Sight(id, "orders")
		if err != nil || len(s.Windows) != 1 || s.Windows[0].whole() {
			t.Fatalf("%v, %v", s, err)
		}
		want := value
		switch {
		case value == "$principal/login":
			want = login
		case value == "$principal/dn":
			want = id.DN
		case value == "$principal/partner":
			want = partner
		case value == "$principal/group":
			want = "g"
		case strings.HasPrefix(value, "$$"):
			want = value[1:]
		}
		stands := slices.Contains(PrincipalValues, value)
		shown := s.Windows[0].Shows(func(name string) (string, bool) { return text, name == column })
		if expected := want == text && (!stands || want != "") && CheckRowValue(value) == nil; shown != expected {
			t.Fatalf("value %q, text %q: shown is %v", value, text, shown)
		}
		if s.Windows[0].Shows(func(string) (string, bool) { return "", false }) {
			t.Fatal("a row is shown that has nothing in the column")
		}
	})
}
