package gateway

import (
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
