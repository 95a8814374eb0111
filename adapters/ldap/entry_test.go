package ldap_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestEntry finds the sender of an old message by the name of his entry, and
// judges him as he is now.
func TestEntry(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	now, err := d.Lookup(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.Entry(t.Context(), now.DN)
	if err != nil || id.DN != now.DN || !strings.EqualFold(id.Login, alice) || len(id.Groups) != len(now.Groups) {
		t.Errorf("got %+v, %v", id, err)
	}
	for _, dn := range []string{"uid=nobody,ou=people," + base, "no name at all", "", "ou=people," + base, strings.Repeat("uid=x,", 1000) + base} {
		if id, err := d.Entry(t.Context(), dn); err == nil || fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%.40q: %+v, %v", dn, id, err)
		}
	}
	s.Close()
	other := dial(t, settings(s.URL()))
	if _, err := other.Entry(t.Context(), now.DN); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a directory: %v", err)
	}
}
