package ldap_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestStateIsTold: who is looked up is let in, and what his entry says of his account
// is told.
func TestStateIsTold(t *testing.T) {
	entry := func(uid string, more ...string) directory.Entry {
		e := directory.Entry{DN: "uid=" + uid + ",ou=People," + base, Attributes: map[string][]string{
			"objectClass": {"inetOrgPerson", "person"}, "uid": {uid}, "cn": {uid}, "sn": {uid}}}
		for i := 0; i < len(more); i += 2 {
			e.Attributes[more[i]] = []string{more[i+1]}
		}
		return e
	}
	all := append(corp(t),
		entry("guessed", "pwdAccountLockedTime", "20261122100000Z"), entry("reset", "pwdReset", "TRUE"),
		entry("locked", "userAccountControl", "512", "lockoutTime", "133500000000000000", "pwdLastSet", "133400000000000000"),
		entry("unlocked", "lockoutTime", "0", "accountExpires", "0", "pwdLastSet", "1", "pwdReset", "FALSE"),
		entry("new", "userAccountControl", "512", "pwdLastSet", "0"), entry("technical", "userAccountControl", "66048", "pwdLastSet", "0"),
		entry("leaving", "accountExpires", "156000000000000000"), entry("staying", "accountExpires", "9223372036854775807"),
		entry("odd", "lockoutTime", "-1", "accountExpires", "soon", "pwdAccountLockedTime", "yesterday"),
		entry("both", "userAccountControl", "514", "pwdReset", "true"))
	c := settings(serve(t, directory.Config{Entries: all}).URL())
	c.AccountState.CheckUserAccountControl = new(false)
	d := dial(t, c)
	for login, want := range map[string]string{
		alice: "", "unlocked": "", "technical": "", "staying": "", "odd": "",
		"guessed": "locked after wrong passwords at 2026-11-22T10:00:00Z, unless that is over",
		"locked":  "locked after wrong passwords at 2024-01-17T21:20:00Z, unless that is over",
		"reset":   "password must be changed", "new": "password must be changed",
		"leaving": "expires at 2095-05-06T13:20:00Z",
		"both":    "disabled, which account_state.check_user_account_control says to pass over; password must be changed",
	} {
		if id, err := d.Lookup(t.Context(), login); err != nil || id.State != want {
			t.Errorf("%s: %+v, want %q: %v", login, id, want, fault.Of(err))
		}
	}
}
