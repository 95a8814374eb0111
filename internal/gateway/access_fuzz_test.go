package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzGrants: nothing is allowed that no grant names, whatever the names look
// like, and everything that one does.
func FuzzGrants(f *testing.F) {
	f.Add("erp-users", "cn=erp-users,dc=corp", "erp.alice", "route/*", "route/submit-order")
	f.Add("*", "*", "*", "*", "*")
	f.Add("", "", "", "", "")
	f.Add("a=b", "A=B", "x", "message/*", "message/")
	f.Fuzz(func(t *testing.T, member, group, login, on, resource string) {
		id := &Identity{DN: "uid=" + login + ",dc=corp", Login: login, Groups: []string{group}, GroupNames: []string{"short of " + group}}
		access := NewAccess(
			[]Role{{Name: "by-group", Members: []Member{{Group: member}}}, {Name: "by-user", Members: []Member{{User: member}}}},
			[]Grant{{Role: "by-group", May: []Verb{Send}, On: on}, {Role: "by-user", May: []Verb{Send}, On: on}},
		)
		_, err := access.Authorize(id, Send, resource)
		prefix, open := strings.CutSuffix(on, "*")
		covered := on == resource || open && strings.HasPrefix(resource, prefix)
		in := member != "" && (strings.EqualFold(member, login) || strings.EqualFold(member, id.DN)) ||
			strings.Contains(member, "=") && strings.EqualFold(member, group) ||
			!strings.Contains(member, "=") && strings.EqualFold(member, "short of "+group)
		if allowed := err == nil; allowed != (covered && in) {
			t.Fatalf("member %q, group %q, login %q, on %q, resource %q: allowed is %v", member, group, login, on, resource, allowed)
		}
		if err != nil && fault.KindOf(err) != fault.Forbidden {
			t.Fatalf("got %v", err)
		}
		if _, err := access.Authorize(id, Discard, resource); err == nil {
			t.Fatal("a verb is allowed that no grant names")
		}
		if _, err := NewAccess(nil, nil).Authorize(id, Send, resource); err == nil {
			t.Fatal("something is allowed to everybody")
		}
		if covers := access.Scope(id, Send).Covers(resource); covers != (covered && in) {
			t.Fatalf("the scope differs: %v", covers)
		}
	})
}
