package gatewaytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// DirectoryLab is a Directory over the entries of testdata/ldap/corp.ldif, with
// the power over the server behind it.
type DirectoryLab struct {
	Directory gateway.Directory
	Stop      func() // the server is gone, connections included
	Start     func() // it is there again, at the same place
}

// TestDirectory is what every gateway.Directory must do. make returns a lab of
// its own for each test; its caches are empty.
func TestDirectory(t *testing.T, make func(t *testing.T) DirectoryLab) {
	t.Run("right password", func(t *testing.T) { rightPassword(t, make(t).Directory) })
	t.Run("refused", func(t *testing.T) { refusedLogins(t, make(t).Directory) })
	t.Run("one identity", func(t *testing.T) { oneIdentity(t, make(t).Directory) })
	t.Run("wrong after right", func(t *testing.T) { wrongAfterRight(t, make(t).Directory) })
	t.Run("concurrent", func(t *testing.T) { concurrentLogins(t, make(t).Directory) })
	t.Run("down is not a refusal", func(t *testing.T) { downIsUnavailable(t, make(t)) })
	t.Run("heals", func(t *testing.T) { heals(t, make(t)) })
	t.Run("look-up", func(t *testing.T) { lookups(t, make(t).Directory) })
	t.Run("look-up refused", func(t *testing.T) { refusedLookups(t, make(t).Directory) })
	t.Run("ping", func(t *testing.T) { pings(t, make(t)) })
	t.Run("caller gone", func(t *testing.T) { callerGone(t, make(t).Directory) })
}

// kindOf is the kind of a fault in words; of no error it is none.
func kindOf(err error) string {
	if err == nil {
		return "none"
	}
	return fault.KindOf(err).String()
}

// identityFault says how an identity differs from the one expected, or nothing.
func identityFault(got *gateway.Identity, want gateway.Identity) string {
	if got == nil {
		return "no identity"
	}
	if got.DN != want.DN || got.Login != want.Login {
		return fmt.Sprintf("identity is %q, login %q; want %q, %q", got.DN, got.Login, want.DN, want.Login)
	}
	if g, w := groupPairs(*got), groupPairs(want); !slices.Equal(g, w) {
		return fmt.Sprintf("groups of %s are\n%s\nwant\n%s", got.Login, strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	if got.At.IsZero() {
		return "the identity has no time"
	}
	return ""
}

// groupPairs are name and DN of each group, sorted.
func groupPairs(id gateway.Identity) []string {
	if len(id.Groups) != len(id.GroupNames) {
		return []string{fmt.Sprintf("%d groups with %d names", len(id.Groups), len(id.GroupNames))}
	}
	var out []string
	for i, dn := range id.Groups {
		out = append(out, id.GroupNames[i]+" = "+dn)
	}
	slices.Sort(out)
	return out
}

func rightPassword(t *testing.T, d gateway.Directory) {
	for _, u := range Corp() {
		for range 2 { // the second may come from a cache
			id, err := d.Authenticate(t.Context(), u.Identity.Login, u.Password)
			if err != nil {
				t.Errorf("%s: %v", u.Identity.Login, err)
			} else if text := identityFault(id, u.Identity); text != "" {
				t.Error(text)
			}
		}
	}
}

func refusedLogins(t *testing.T, d gateway.Directory) {
	const password = "erp.alice-secret"
	for name, c := range map[string]struct{ user, password string }{
		"wrong password":       {"erp.alice", "wrong"},
		"another's password":   {"erp.alice", "wms.bob-secret"},
		"password in capitals": {"erp.alice", "ERP.ALICE-SECRET"},
		"unknown user":         {"nobody", password},
		"empty password":       {"erp.alice", ""},
		"blank password":       {"erp.alice", "  "},
		"empty user":           {"", password},
		"both empty":           {"", ""},
		"blank user":           {" \t", password},
		"NUL after password":   {"erp.alice", password + "\x00junk"},
		"NUL after user":       {"erp.alice\x00", password},
		"newline":              {"erp.alice\n", password},
		"wildcard":             {"*", password},
		"wildcard end":         {"erp.al*", password},
		"filter injection":     {"erp.alice)(uid=*", password},
		"filter injection 2":   {"*)(|(uid=erp.alice", password},
		"escaped wildcard":     {`\2a`, password},
		"DN as user":           {"uid=erp.alice,ou=People,dc=corp,dc=example", password},
		"DN injection":         {"erp.alice,ou=People", password},
		"parenthesis":          {"(", password},
		"backslash":            {`erp.alice\`, password},
		"not UTF-8":            {"erp.alice\xff", password},
		"huge user":            {strings.Repeat("a", 1<<20), password},
		"huge password":        {"erp.alice", strings.Repeat("a", 1<<20)},
		"two entries":          {"twin", "twin-secret"},
		"service account":      {"gatehouse", "gatehouse-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := d.Authenticate(t.Context(), c.user, c.password)
			if id != nil || err == nil {
				t.Fatalf("let in as %+v", id)
			}
			f := fault.Of(err)
			if f.Code != fault.CodeUnauthenticated || f.Message != fault.New(fault.CodeUnauthenticated, "").Message || len(f.Details) > 0 {
				t.Errorf("fault %v; want %s, the same for every reason", f, fault.CodeUnauthenticated)
			}
		})
	}
	if _, err := d.Authenticate(t.Context(), "wms.bob", "wms.bob-secret"); err != nil {
		t.Errorf("after all the refusals: %v", err)
	}
}

func oneIdentity(t *testing.T, d gateway.Directory) {
	want := Corp()[0]
	for _, typed := range []string{"erp.alice", "ERP.ALICE", "Erp.Alice", "erp.alice ", "  erp.alice"} {
		id, err := d.Authenticate(t.Context(), typed, want.Password)
		if err != nil {
			t.Errorf("%q: %v", typed, err)
		} else if text := identityFault(id, want.Identity); text != "" {
			t.Errorf("%q: %s", typed, text)
		}
	}
}

func wrongAfterRight(t *testing.T, d gateway.Directory) {
	u := Corp()[1]
	for range 3 {
		if _, err := d.Authenticate(t.Context(), u.Identity.Login, u.Password); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Authenticate(t.Context(), u.Identity.Login, "wrong"); kindOf(err) != "unauthenticated" {
			t.Fatalf("a wrong password after a right one: %v", err)
		}
	}
}

func concurrentLogins(t *testing.T, d gateway.Directory) {
	var all sync.WaitGroup
	for i := range 96 {
		u := Corp()[i%len(Corp())]
		all.Go(func() {
			if i%4 == 3 {
				if _, err := d.Authenticate(t.Context(), u.Identity.Login, "wrong"); kindOf(err) != "unauthenticated" {
					t.Errorf("%s, wrong password: %v", u.Identity.Login, err)
				}
				return
			}
			id, err := d.Authenticate(t.Context(), u.Identity.Login, u.Password)
			if err != nil {
				t.Errorf("%s: %v", u.Identity.Login, err)
			} else if text := identityFault(id, u.Identity); text != "" {
				t.Error(text)
			}
		})
	}
	all.Wait()
}

func downIsUnavailable(t *testing.T, lab DirectoryLab) {
	lab.Stop()
	defer lab.Start()
	for _, password := range []string{"erp.alice-secret", "wrong"} {
		_, err := lab.Directory.Authenticate(t.Context(), "erp.alice", password)
		if f := fault.Of(err); f == nil || f.Code != fault.CodeDirectoryUnavailable {
			t.Errorf("password %q, directory down: %v", password, err)
		}
	}
	if _, err := lab.Directory.Authenticate(t.Context(), "erp.alice", ""); kindOf(err) != "unauthenticated" {
		t.Errorf("an empty password is refused, directory or not: %v", err)
	}
	if _, err := lab.Directory.Lookup(t.Context(), "erp.alice"); kindOf(err) != "unavailable" {
		t.Errorf("a look-up, directory down: %v", err)
	}
}

// lookups: whom somebody else vouches for is told of as if he had logged in, and
// has not proved anything by that.
func lookups(t *testing.T, d gateway.Directory) {
	for _, u := range Corp() {
		for _, typed := range []string{u.Identity.Login, strings.ToUpper(u.Identity.Login), u.Identity.Login + " "} {
			id, err := d.Lookup(t.Context(), typed)
			if err != nil {
				t.Errorf("%q: %v", typed, err)
			} else if text := identityFault(id, u.Identity); text != "" {
				t.Errorf("%q: %s", typed, text)
			}
		}
		if _, err := d.Authenticate(t.Context(), u.Identity.Login, "wrong"); kindOf(err) != "unauthenticated" {
			t.Errorf("%s: a wrong password after a look-up: %v", u.Identity.Login, err)
		}
	}
}

func refusedLookups(t *testing.T, d gateway.Directory) {
	for name, user := range map[string]string{
		"unknown":          "nobody",
		"empty":            "",
		"blank":            " \t",
		"NUL":              "erp.alice\x00",
		"newline":          "erp.alice\n",
		"wildcard":         "*",
		"wildcard end":     "erp.al*",
		"filter injection": "*)(|(uid=erp.alice",
		"escaped wildcard": `\2a`,
		"DN":               "uid=erp.alice,ou=People,dc=corp,dc=example",
		"not UTF-8":        "erp.alice\xff",
		"huge":             strings.Repeat("a", 1<<20),
		"two entries":      "twin",
		"service account":  "gatehouse",
	} {
		t.Run(name, func(t *testing.T) {
			id, err := d.Lookup(t.Context(), user)
			if id != nil || kindOf(err) != "unauthenticated" {
				t.Errorf("found %+v: %v", id, err)
			}
		})
	}
}

func pings(t *testing.T, lab DirectoryLab) {
	if err := lab.Directory.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	lab.Stop()
	if err := lab.Directory.Ping(t.Context()); kindOf(err) != "unavailable" {
		t.Errorf("ping while it is down: %v", err)
	}
	lab.Start()
	if err := lab.Directory.Ping(t.Context()); err != nil {
		t.Errorf("ping after a restart: %v", err)
	}
}

func heals(t *testing.T, lab DirectoryLab) {
	login := func(u User) error {
		_, err := lab.Directory.Authenticate(t.Context(), u.Identity.Login, u.Password)
		return err
	}
	people := Corp()
	if err := login(people[0]); err != nil {
		t.Fatal(err)
	}
	lab.Stop()
	lab.Start()
	if err := login(people[1]); err != nil {
		t.Errorf("the first login after a restart nobody saw: %v", err)
	}
	lab.Stop()
	if err := login(people[2]); kindOf(err) != "unavailable" {
		t.Errorf("while it is down: %v", err)
	}
	lab.Start()
	if err := login(people[2]); err != nil {
		t.Errorf("the first login after a restart: %v", err)
	}
}

func callerGone(t *testing.T, d gateway.Directory) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	_, err := d.Authenticate(ctx, "erp.alice", "erp.alice-secret")
	if err != nil && kindOf(err) != "unavailable" {
		t.Errorf("a caller that is gone: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a caller that is gone waited %v", took)
	}
}
