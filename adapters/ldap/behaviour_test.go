package ldap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestInadmissibleMakesNoPacket(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	for _, c := range [][2]string{{alice, ""}, {alice, " "}, {"", alicesPass}, {"\u00a0", alicesPass}, {alice + "\x00", alicesPass},
		{alice, alicesPass + "\x00"}, {alice, "\x7f"}, {alice + "\u0085", "x"}, {"\xff", "x"}, {strings.Repeat("x", 2000), "x"}} {
		if _, err := d.Authenticate(t.Context(), c[0], c[1]); reasonOf(err) != ldap.ReasonEmpty && reasonOf(err) != ldap.ReasonCharacters {
			t.Errorf("%.20q, %.20q: %v", c[0], c[1], err)
		}
	}
	if n := s.Requests(); n != 0 {
		t.Errorf("%d requests reached the directory", n)
	}
}

func TestAccountStates(t *testing.T) {
	states := map[string]ldap.Reason{"532": ldap.ReasonExpired, "773": ldap.ReasonMustChange, "775": ldap.ReasonLocked}
	adOnly := map[string]ldap.Reason{"52e": ldap.ReasonPassword, "525": ldap.ReasonUnknown, "533": ldap.ReasonDisabled, "701": ldap.ReasonAccountEnd, "530": ldap.ReasonHours, "531": ldap.ReasonPlace}
	try := func(t *testing.T, ad bool, state string, want ldap.Reason) {
		c := directory.Config{ActiveDirectory: ad, Entries: edit(t, aliceDN, "accountState", state)}
		settings := settings(serve(t, c).URL())
		settings.UserSearch.UsernameAttributes = []string{"uid"}
		_, err := dial(t, settings).Authenticate(t.Context(), alice, alicesPass)
		f := fault.Of(err)
		if reasonOf(err) != want || f.Code != fault.CodeUnauthenticated || f.Message != fault.New(fault.CodeUnauthenticated, "").Message {
			t.Errorf("state %s: %v, want %s and the common sentence", state, err, want)
		}
	}
	for state, want := range states {
		try(t, true, state, want)
		try(t, false, state, want)
	}
	for state, want := range adOnly {
		try(t, true, state, want)
	}
}

func TestMustChangeByChoice(t *testing.T) {
	s := serve(t, directory.Config{Entries: edit(t, aliceDN, "accountState", "773")})
	c := settings(s.URL())
	c.AccountState.RejectMustChange = new(false)
	if _, err := dial(t, c).Authenticate(t.Context(), alice, alicesPass); err != nil {
		t.Errorf("reject_must_change: false: %v", err)
	}
}

func TestDisabledByUserAccountControl(t *testing.T) {
	s := serve(t, directory.Config{Entries: edit(t, aliceDN, "userAccountControl", "514")})
	if _, err := dial(t, settings(s.URL())).Authenticate(t.Context(), alice, alicesPass); reasonOf(err) != ldap.ReasonDisabled {
		t.Errorf("%v", err)
	}
	if n := s.Binds(aliceDN); n != 0 {
		t.Errorf("%d binds", n)
	}
}

func TestTwoEntriesAreLogged(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		d := dial(t, settings(serve(t, directory.Config{IgnoreSizeLimit: ignore}).URL()))
		if _, err := d.Authenticate(t.Context(), "twin", "twin-secret"); reasonOf(err) != ldap.ReasonAmbiguous {
			t.Errorf("%v", err)
		}
		if d.log.count("several entries have one user name") != 1 {
			t.Error("nobody is told")
		}
	}
}

func TestServiceAccountRefused(t *testing.T) {
	s := serve(t, directory.Config{})
	c := settings(s.URL())
	c.BindPassword = config.NewSecret("outdated")
	d := dial(t, c)
	for i := range 100 {
		if _, err := d.Authenticate(t.Context(), fmt.Sprint("user", i), "x"); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("%v", err)
		}
	}
	if n := s.Binds(service); n != 1 {
		t.Errorf("%d binds as the service account", n)
	}
	if n := d.log.count("refuses the service account"); n != 1 {
		t.Errorf("told %d times", n)
	}
	if err := d.Ping(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "refuses the service account") {
		t.Errorf("ping: %v", err)
	}
	d.clock.forward(31 * time.Second)
	d.Ping(t.Context())
	d.clock.forward(31 * time.Second) // the second wait is twice as long
	d.Ping(t.Context())
	if n := s.Binds(service); n != 2 {
		t.Errorf("%d binds after a minute", n)
	}
}

func TestMisfitsAreNotRefusals(t *testing.T) {
	for name, change := range map[string]struct {
		change func(*ldap.Config)
		want   string
	}{
		"user base":    {func(c *ldap.Config) { c.UserSearch.BaseDN = "ou=Nowhere," + base }, "does not exist"},
		"group base":   {func(c *ldap.Config) { c.GroupSearch.BaseDN = "ou=Nowhere," + base }, "does not exist"},
		"in_chain":     {func(c *ldap.Config) { c.GroupSearch.Strategy = "in_chain" }, "Active Directory only"},
		"token_groups": {func(c *ldap.Config) { c.GroupSearch.Strategy = "token_groups" }, "Active Directory only"},
		"anonymous":    {func(c *ldap.Config) { c.BindDN, c.BindPassword = "", config.Secret{} }, "may not search"},
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(serve(t, directory.Config{}).URL())
			change.change(&c)
			d := dial(t, c)
			for range 3 {
				_, err := d.Authenticate(t.Context(), alice, alicesPass)
				if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), change.want) {
					t.Errorf("%v, want unavailable: %s", err, change.want)
				}
			}
			if n := d.log.count("does not work as configured"); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

func TestNoPasswordIsToldOrKept(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	var seen strings.Builder
	for _, password := range []string{alicesPass, "wrong-secret"} {
		id, err := d.Authenticate(t.Context(), alice, password)
		fmt.Fprintf(&seen, "%+v %v\n", id, err)
	}
	fmt.Fprintf(&seen, "%+v %#v", settings(s.URL()), settings(s.URL()))
	lines, err := d.Check(t.Context(), alice)
	fmt.Fprint(&seen, lines, err)
	s.Close()
	_, err = d.Authenticate(t.Context(), "carol", "carol-secret")
	fmt.Fprint(&seen, err)
	if text := seen.String(); strings.Contains(text, "-secret") || d.log.count("-secret") > 0 {
		t.Errorf("a password is told: %s", text)
	}
}

func TestLookup(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	for range 2 {
		id, err := d.Lookup(t.Context(), "ERP.alice")
		if err != nil || id.Login != alice || len(id.Groups) != 3 {
			t.Errorf("%+v, %v", id, err)
		}
	}
	if n := s.Binds(aliceDN); n != 0 {
		t.Errorf("%d binds", n)
	}
	if _, err := d.Lookup(t.Context(), "nobody"); reasonOf(err) != ldap.ReasonUnknown {
		t.Errorf("%v", err)
	}
	if _, err := d.Authenticate(t.Context(), alice, "-"); reasonOf(err) != ldap.ReasonPassword {
		t.Errorf("a look-up opened a login: %v", err)
	}
}

// A refusal takes as long for an unknown user as for a wrong password.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	s := serve(t, directory.Config{})
	s.SetHook(func(r directory.Request) directory.Fault {
		if r.Operation == "bind" && r.DN == aliceDN { // a slow hash
			return directory.Fault{Delay: 30 * time.Millisecond}
		}
		return directory.Fault{}
	})
	c := settings(s.URL())
	c.RefusalDelay = 200 * time.Millisecond
	d := dial(t, c)
	for _, user := range []string{alice, "nobody"} {
		began := time.Now()
		if _, err := d.Authenticate(t.Context(), user, "wrong"); reasonOf(err) == "" {
			t.Fatal("let in")
		}
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("%s was refused after %v", user, took)
		}
	}
}

func TestClose(t *testing.T) {
	s := serve(t, directory.Config{})
	d := dial(t, settings(s.URL()))
	held := make(chan struct{})
	s.SetHook(func(directory.Request) directory.Fault {
		close(held)
		s.SetHook(nil)
		return directory.Fault{Silent: true}
	})
	done := make(chan error)
	go func() {
		_, err := d.Authenticate(t.Context(), alice, alicesPass)
		done <- err
	}()
	<-held
	d.Close()
	if err := <-done; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a login under way: %v", err)
	}
	if _, err := d.Authenticate(t.Context(), alice, alicesPass); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a login after it: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}
