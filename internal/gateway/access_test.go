package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestAuthorize(t *testing.T) {
	access := NewAccess([]Role{
		{Name: "observer", Members: []Member{{Group: "everyone"}}},
		{Name: "erp-sender", Members: []Member{{Group: "cn=erp-users,ou=groups,dc=corp"}}, Partner: "erp"},
		{Name: "tester", Members: []Member{{User: "Carol"}}},
		{Name: "operator", Members: []Member{{Group: "gh-operators"}}},
	}, []Grant{
		{Role: "erp-sender", May: []Verb{Send}, On: "route/submit-order"},
		{Role: "tester", May: []Verb{Send}, On: "route/*"},
		{Role: "operator", May: []Verb{Read, Replay}, On: "message/*"},
		{Role: "observer", May: []Verb{Read}, On: "message/*"},
	})
	alice := &Identity{DN: "cn=alice,dc=corp", Login: "alice", Groups: []string{"CN=ERP-Users,OU=Groups,DC=corp"}, GroupNames: []string{"ERP-Users"}}
	carol := &Identity{DN: "cn=carol,dc=corp", Login: "carol"}
	olga := &Identity{DN: "cn=olga,dc=corp", Login: "olga", Groups: []string{"cn=gh-operators,ou=x,dc=corp"}, GroupNames: []string{"gh-operators"}}
	fake := &Identity{DN: "cn=fake,dc=corp", Login: "fake", Groups: []string{"cn=erp-users,ou=private,dc=corp"}, GroupNames: []string{"erp-users"}}

	for name, c := range map[string]struct {
		id       *Identity
		verb     Verb
		resource string
		sender   string // empty: forbidden
	}{
		"group by DN, case apart":            {alice, Send, "route/submit-order", "partner:erp"},
		"another route":                      {alice, Send, "route/cancel-order", ""},
		"another verb":                       {alice, Replay, "route/submit-order", ""},
		"user by login":                      {carol, Send, "route/anything", "cn=carol,dc=corp"},
		"a star covers only its prefix":      {carol, Send, "channel/orders", ""},
		"group by name":                      {olga, Replay, "message/42", "cn=olga,dc=corp"},
		"same short name, other DN":          {fake, Send, "route/submit-order", ""},
		"the star's prefix is no substring":  {olga, Read, "a-message/42", ""},
		"a resource that looks like pattern": {alice, Send, "route/*", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := access.Authorize(c.id, c.verb, c.resource)
			switch {
			case c.sender == "" && fault.KindOf(err) != fault.Forbidden:
				t.Errorf("got %v, want forbidden", err)
			case c.sender != "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.sender != "" && p.Sender != c.sender:
				t.Errorf("sender %q, want %q", p.Sender, c.sender)
			}
		})
	}
}

func TestAuthorizeDeniesWithoutGrants(t *testing.T) {
	id := &Identity{DN: "cn=alice,dc=corp", Login: "alice"}
	if _, err := NewAccess(nil, nil).Authorize(id, Send, "route/x"); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("got %v, want forbidden", err)
	}
}

// A partner is given by the role that was granted the deed, not by any other
// role the sender happens to have.
func TestPartnerComesFromTheGrantingRole(t *testing.T) {
	access := NewAccess([]Role{
		{Name: "warehouse", Members: []Member{{User: "bob"}}, Partner: "wms"},
		{Name: "erp", Members: []Member{{User: "bob"}}, Partner: "erp"},
	}, []Grant{{Role: "erp", May: []Verb{Send}, On: "route/submit-order"}})
	p, err := access.Authorize(&Identity{DN: "cn=bob", Login: "bob"}, Send, "route/submit-order")
	if err != nil || p.Sender != "partner:erp" {
		t.Errorf("sender %q, %v", p.Sender, err)
	}
}

func TestScope(t *testing.T) {
	access := NewAccess([]Role{
		{Name: "desk", Members: []Member{{Group: "order-desk"}}},
		{Name: "all", Members: []Member{{User: "root"}}},
		{Name: "prefix", Members: []Member{{User: "pat"}}},
	}, []Grant{
		{Role: "desk", May: []Verb{Read}, On: "message/orders"},
		{Role: "desk", May: []Verb{Replay}, On: "message/invoices"},
		{Role: "all", May: []Verb{Read}, On: "*"},
		{Role: "prefix", May: []Verb{Read}, On: "mess*"},
	})
	scope := func(login string, groups ...string) Scope {
		return access.Scope(&Identity{DN: "cn=" + login, Login: login, GroupNames: groups}, Read)
	}
	for _, c := range []struct {
		name     string
		scope    Scope
		resource string
		covers   bool
		meets    bool // message/
	}{
		{"one route", scope("nora", "order-desk"), OnMessage("orders"), true, true},
		{"a route of another verb", scope("nora", "order-desk"), OnMessage("invoices"), false, true},
		{"of no route", scope("nora", "order-desk"), OnMessage(""), false, true},
		{"a longer name", scope("nora", "order-desk"), OnMessage("orders-2"), false, true},
		{"everything", scope("root"), OnMessage(""), true, true},
		{"part of the word", scope("pat"), OnMessage("x"), true, true},
		{"nobody", scope("carol"), OnMessage("orders"), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.scope.Covers(c.resource); got != c.covers {
				t.Errorf("covers %s: %v", c.resource, got)
			}
			if got := c.scope.Meets(OnMessage("")); got != c.meets {
				t.Errorf("meets messages: %v", got)
			}
		})
	}
	if scope("pat").Meets("access") || !scope("root").Meets("access") {
		t.Error("a prefix meets what it does not cover")
	}
}

// Every resource has verbs, and every verb a resource that it means something on.
func TestVerbsMeanSomething(t *testing.T) {
	used := map[Verb]bool{}
	for _, resource := range Resources([]string{"a"}, []string{"b"}, "c") {
		if len(VerbsOn(resource)) == 0 {
			t.Errorf("nothing can be allowed on %s", resource)
		}
		for _, v := range VerbsOn(resource) {
			used[v] = true
		}
	}
	for _, v := range Verbs {
		if !used[v] {
			t.Errorf("%s means nothing on anything", v)
		}
	}
	if got := Resources([]string{"a"}, []string{"b"}, "c"); !slices.Equal(got, []string{"console", "view/c", "route/a", "message/a", "channel/b", "configuration", "access", "audit"}) {
		t.Errorf("resources are %v", got)
	}
}

// lookups is a directory that is asked about others only.
type lookups map[string]*Identity

func (l lookups) Lookup(_ context.Context, login string) (*Identity, error) {
	if login == "down" {
		return nil, fault.New(fault.CodeDirectoryUnavailable, "").Because(errors.New("connection refused"))
	}
	if id := l[login]; id != nil {
		return id, nil
	}
	return nil, fault.New(fault.CodeUnauthenticated, "").Because(errors.New("account locked"))
}

func (lookups) Authenticate(context.Context, string, string) (*Identity, error) {
	return nil, errors.New("explaining asks for no password")
}

func (lookups) Ping(context.Context) error { return nil }

func TestExplain(t *testing.T) {
	access := NewAccess([]Role{
		{Name: "observer", Members: []Member{{Group: "everyone"}}},
		{Name: "erp-sender", Members: []Member{{User: "someone"}, {Group: "cn=erp-users,dc=corp"}}, Partner: "erp"},
		{Name: "tester", Members: []Member{{User: "carol"}}},
	}, []Grant{
		{Role: "observer", May: []Verb{Read}, On: "message/*"},
		{Role: "erp-sender", May: []Verb{Cause}, On: "channel/events"},
		{Role: "erp-sender", May: []Verb{Send}, On: "route/submit-order"},
		{Role: "tester", May: []Verb{Send, Read}, On: "route/*"},
	})
	directory := lookups{
		"alice": {DN: "cn=alice,dc=corp", Login: "alice", Groups: []string{"cn=erp-users,dc=corp", "cn=everyone,dc=corp"}, GroupNames: []string{"erp-users", "everyone"}},
		"carol": {DN: "cn=carol,dc=corp", Login: "carol"},
	}
	for name, c := range map[string]struct {
		question Question
		allowed  bool
		lines    []string // of the text
		never    string
	}{
		"allowed by a group's DN, for a partner": {Question{"alice", Send, "route/submit-order"}, true, []string{
			"alice is cn=alice,dc=corp.",
			"In the group erp-users (cn=erp-users,dc=corp).",
			"Has the role observer through the group everyone: may read on message/*.",
			"Has the role erp-sender of partner erp through the group cn=erp-users,dc=corp: may cause on channel/events; send on route/submit-order.",
			"ALLOWED: alice may send on route/submit-order, because the role erp-sender may send on route/submit-order.",
			"Messages are compared with all of partner erp (sender partner:erp).",
		}, "DENIED"},
		"allowed by name, without a partner": {Question{"carol", Send, "route/submit-order"}, true, []string{
			"The directory has carol in no group.",
			"Has the role tester through the user carol: may send, read on route/*.",
			"Messages are compared with those of this user alone (sender cn=carol,dc=corp).",
		}, "DENIED"},
		"allowed, and not a message": {Question{"alice", Read, "message/submit-order"}, true, []string{
			"ALLOWED: alice may read on message/submit-order, because the role observer may read on message/*.",
		}, "compared"},
		"denied, with ways": {Question{"alice", Send, "route/cancel-order"}, false, []string{
			"DENIED: alice may not send on route/cancel-order.",
			"The role tester may send, read on route/*; it has the user carol.",
		}, "ALLOWED"},
		"denied to everybody": {Question{"alice", Replay, "message/submit-order"}, false, []string{
			"No grant allows it to anybody.",
		}, "The role tester may"},
		"without a role": {Question{"carol", Read, "message/submit-order"}, false, []string{
			"The role observer may read on message/*; it has the group everyone.",
		}, "ALLOWED"},
		"nobody of that name": {Question{"mallory", Send, "route/submit-order"}, false, []string{
			`The directory lets nobody in as "mallory": account locked.`,
			"DENIED: mallory may not send on route/submit-order.",
			"The role erp-sender may send on route/submit-order; it has the user someone, the group cn=erp-users,dc=corp.",
		}, "ALLOWED"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := access.Explain(t.Context(), directory, nil, c.question)
			if err != nil || e.Allowed != c.allowed {
				t.Fatalf("got %+v, %v", e, err)
			}
			text := "\n" + e.String()
			for _, line := range c.lines {
				if !strings.Contains(text, "\n"+line+"\n") {
					t.Errorf("%q is missing from\n%s", line, text)
				}
			}
			if strings.Contains(text, c.never) {
				t.Errorf("%q is in\n%s", c.never, text)
			}
			agrees(t, access, directory, e)
		})
	}
}

// agrees holds an explanation against the decision that it explains.
func agrees(t *testing.T, access *Access, directory lookups, e *Explanation) {
	t.Helper()
	id := directory[e.Login]
	if id == nil {
		return
	}
	p, err := access.Authorize(id, e.Verb, e.On)
	if (err == nil) != e.Allowed || e.Allowed && (e.Sender != p.Sender || e.Partner != p.Partner) {
		t.Errorf("the explanation %+v is not the decision %+v, %v", e, p, err)
	}
	if e.Allowed == (e.Grant == nil) || e.Allowed && len(e.Ways) > 0 {
		t.Errorf("grant %v, ways %v", e.Grant, e.Ways)
	}
}

// What the entry says of the account is told beside what follows from its groups.
func TestExplainTellsTheState(t *testing.T) {
	a := NewAccess(nil, nil)
	for state, want := range map[string]string{"": "alice is cn=alice.\nThe directory has", "password must be changed": "alice is cn=alice.\nThe account: password must be changed.\n"} {
		s := a.Standing(&Identity{DN: "cn=alice", Login: "alice", State: state})
		if s.State != state || !strings.HasPrefix(s.String(), want) {
			t.Errorf("%q is told as %q", state, s)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	access := NewAccess(nil, nil)
	for _, q := range []Question{{}, {"", Read, OnAccess}, {"alice", "fly", OnAccess}, {"alice", Read, "moon/1"}, {"alice", Send, OnAccess}, {"alice", Read, "route/x"}} {
		if _, err := access.Explain(t.Context(), lookups{}, nil, q); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeRequest {
			t.Errorf("%+v: %v", q, err)
		}
	}
	// An outage is no answer.
	if _, err := access.Explain(t.Context(), lookups{}, nil, Question{"down", Read, OnAccess}); fault.Of(err) == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}
