package ldap_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestADLogins: every way to write a login leads to one identity.
func TestADLogins(t *testing.T) {
	a := activeDirectory(t)
	dn := a.user("anna", "66048", nil)
	normal, err := ldap.NormalizeDN(dn)
	if err != nil {
		t.Fatal(err)
	}
	search, template := a.settings(), a.settings()
	template.UserDNTemplate = "{{.Username}}@corp.example"
	for _, c := range []struct {
		settings ldap.Config
		names    []string
	}{
		{search, []string{a.login("anna"), strings.ToUpper(a.login("anna")), " " + a.login("anna") + " ", a.login("anna") + "@corp.example", `CORP\` + a.login("anna")}},
		{template, []string{a.login("anna"), strings.ToUpper(a.login("anna"))}},
	} {
		d := dial(t, c.settings)
		for _, name := range c.names {
			id, err := d.Authenticate(t.Context(), name, a.pass("anna"))
			if err != nil || id.DN != normal || id.Login != a.login("anna") {
				t.Errorf("%q: %+v, %v %v", name, id, err, fault.Of(err))
			}
		}
		for _, name := range []string{"*", a.login("anna") + ")(x=*", a.login("anna") + "*", `\2a`} {
			if _, err := d.Authenticate(t.Context(), name, a.pass("anna")); fault.KindOf(err) != fault.Unauthenticated {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// TestADAccountStates: the sub-codes of a refused bind reach the audit trail, and
// the caller reads one sentence. 532, an expired password, takes more than a day
// on Samba, and is left to the embedded directory.
func TestADAccountStates(t *testing.T) {
	a := activeDirectory(t)
	const day = 864_000_000_000
	yesterday := strconv.FormatInt((time.Now().Unix()+11_644_473_600)*10_000_000-day, 10)
	a.user("good", "66048", nil)
	a.user("disabled", "66050", nil)
	a.user("ended", "66048", map[string]string{"accountExpires": yesterday})
	a.user("hours", "66048", map[string]string{"logonHours": string(make([]byte, 21))})
	a.user("change", "512", map[string]string{"pwdLastSet": "0"})
	a.user("locked", "66048", nil)
	a.policy("lockoutThreshold", "3")
	a.policy("lockoutDuration", "-18000000000")
	a.policy("lockOutObservationWindow", "-18000000000")
	for _, flags := range []bool{true, false} {
		c := a.settings()
		c.AccountState.CheckUserAccountControl = &flags
		c.LockoutGuard.Disabled, c.Cache.Disabled = true, true
		d := dial(t, c)
		for range 4 { // past the threshold
			if _, err := d.Authenticate(t.Context(), a.login("locked"), "wrong"); fault.KindOf(err) != fault.Unauthenticated {
				t.Fatal(err)
			}
		}
		sentence := fault.New(fault.CodeUnauthenticated, "").Message
		for _, s := range []struct {
			user, password string
			want           ldap.Reason
		}{
			{"good", a.pass("good"), ""},
			{"good", "wrong", ldap.ReasonPassword},                // 52e
			{"nobody", "wrong", ldap.ReasonUnknown},               // not found: no bind
			{"hours", a.pass("hours"), ldap.ReasonHours},          // 530
			{"disabled", a.pass("disabled"), ldap.ReasonDisabled}, // 533, or the flag
			{"ended", a.pass("ended"), ldap.ReasonAccountEnd},     // 701
			{"change", a.pass("change"), ldap.ReasonMustChange},   // 773
			{"locked", a.pass("locked"), ldap.ReasonLocked},       // 775
			{"ended", "wrong", ldap.ReasonPassword},               // a guesser learns no state
			{"hours", "wrong", ldap.ReasonPassword},
		} {
			_, err := d.Authenticate(t.Context(), a.login(s.user), s.password)
			if got := reasonOf(err); got != s.want {
				t.Errorf("%s with %q: %q, want %q (%v)", s.user, s.password, got, s.want, fault.Of(err))
			}
			if err != nil && fault.Of(err).Message != sentence {
				t.Errorf("%s: the caller reads %q", s.user, fault.Of(err).Message)
			}
		}
	}
}

// TestADStateIsTold: what the entry of an account says is told of who is looked up.
func TestADStateIsTold(t *testing.T) {
	a := activeDirectory(t)
	a.user("good", "66048", nil)
	a.user("change", "512", map[string]string{"pwdLastSet": "0"})
	a.user("leaving", "66048", map[string]string{"accountExpires": "156000000000000000"})
	a.user("locked", "66048", nil)
	a.policy("lockoutThreshold", "2")
	a.policy("lockoutDuration", "-18000000000")
	a.policy("lockOutObservationWindow", "-18000000000")
	c := a.settings()
	c.LockoutGuard.Disabled = true
	d := dial(t, c)
	for i := range 4 {
		if _, err := d.Authenticate(t.Context(), a.login("locked"), fmt.Sprint("wrong-", i)); fault.KindOf(err) != fault.Unauthenticated {
			t.Fatal(err)
		}
	}
	for user, want := range map[string]string{"good": "", "change": "password must be changed", "leaving": "expires at 2095-05-06", "locked": "locked after wrong passwords at "} {
		id, err := d.Lookup(t.Context(), a.login(user))
		if err != nil || !strings.HasPrefix(id.State, want) || (want == "") != (id.State == "") {
			t.Errorf("%s: %+v, want %q: %v", user, id, want, fault.Of(err))
		}
	}
}

// TestADAccountIsNotLocked: a sender with a stale password calls a thousand times.
func TestADAccountIsNotLocked(t *testing.T) {
	a := activeDirectory(t)
	dn := a.user("erp", "66048", nil)
	a.policy("lockoutThreshold", "3")
	a.policy("lockoutDuration", "-18000000000")
	a.policy("lockOutObservationWindow", "-18000000000")
	d := dial(t, a.settings())
	var all sync.WaitGroup
	for worker := range 20 {
		all.Go(func() {
			for i := range 50 {
				password := fmt.Sprintf("stale-%d", (worker+i)%3)
				if _, err := d.Authenticate(context.Background(), a.login("erp"), password); fault.KindOf(err) != fault.Unauthenticated {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	r := goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"badPwdCount", "lockoutTime"}, nil)
	result, err := a.admin.Search(r)
	if err != nil {
		t.Fatal(err)
	}
	if e := result.Entries[0]; e.GetAttributeValue("badPwdCount") != "2" || e.GetAttributeValue("lockoutTime") != "" && e.GetAttributeValue("lockoutTime") != "0" {
		t.Errorf("badPwdCount %s, lockoutTime %q", e.GetAttributeValue("badPwdCount"), e.GetAttributeValue("lockoutTime"))
	}
	d.clock.forward(6 * time.Minute) // past the guard's window
	if _, err := d.Authenticate(t.Context(), a.login("erp"), a.pass("erp")); err != nil {
		t.Errorf("the account is locked: %v", fault.Of(err))
	}
}

// TestADGroups: what each strategy sees of nested groups, a cycle, the primary
// group and a name with a comma, over several pages.
func TestADGroups(t *testing.T) {
	a := activeDirectory(t)
	dn := a.user("anna", "66048", nil)
	prime := a.group("prime", dn)
	direct := a.group("direct, of ü", dn)
	middle := a.group("middle", direct)
	top := a.group("top", middle)
	a.modify(middle, "member", direct, top) // a cycle
	above := a.group("above", prime)
	a.modify(dn, "primaryGroupID", a.rid(prime))
	t.Cleanup(func() { a.modify(dn, "primaryGroupID", "513") }) // or nobody could delete prime
	names := func(dns ...string) []string {
		var out []string
		for _, dn := range dns {
			normal, err := ldap.NormalizeDN(dn)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, normal)
		}
		slices.Sort(out)
		return out
	}
	nested := names(direct, middle, top)
	for strategy, want := range map[string][]string{
		"auto":         names(direct, middle, top, prime, above),
		"token_groups": names(direct, middle, top, prime, above),
		"in_chain":     nested,
		"recursive":    nested,
		"search":       names(direct),
		"member_of":    names(direct),
	} {
		c := a.settings()
		c.GroupSearch.Strategy, c.GroupSearch.PageSize = strategy, 1
		id, err := dial(t, c).Authenticate(t.Context(), a.login("anna"), a.pass("anna"))
		if err != nil {
			t.Errorf("%s: %v", strategy, fault.Of(err))
			continue
		}
		// token_groups lists what is built in, too.
		got := slices.DeleteFunc(slices.Clone(id.Groups), func(dn string) bool { return !strings.HasSuffix(dn, strings.ToLower(a.unit)) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", strategy, got, want)
		}
		for _, dn := range []string{prime, direct, middle, top, above} {
			in := slices.Contains(want, names(dn)[0])
			if has := slices.ContainsFunc(id.GroupSIDs, func(sid string) bool { return strings.HasSuffix(sid, "-"+a.rid(dn)) }); has != in {
				t.Errorf("%s: the identifiers %q, of %s: %v", strategy, id.GroupSIDs, dn, has)
			}
		}
		if len(id.GroupSIDs) != len(id.Groups) || !slices.ContainsFunc(id.GroupSIDs, gateway.IsSID) {
			t.Errorf("%s: %d groups have the identifiers %q", strategy, len(id.Groups), id.GroupSIDs)
		}
	}
	lines, err := dial(t, a.settings()).Check(t.Context(), a.login("anna"))
	if text := strings.Join(lines, "\n"); err != nil || !strings.Contains(text, "Active Directory") || !strings.Contains(text, "groups by token_groups") {
		t.Errorf("check: %s\n%v", text, err)
	}
}

// TestADNames: whatever stands in the names of users and groups, the groups are
// found; whatever is typed for a login, it finds nothing that it does not spell.
func TestADNames(t *testing.T) {
	a := activeDirectory(t)
	for _, name := range []string{`Doe, John`, `a+b=c`, `"x" <y>`, `back\slash`, `#hash`, `semi;colon`, `star*(paren)`, `Müller Ünal 日本`, `o'brien/é`} {
		dn := a.user(name, "66048", nil)
		normalUser, err := ldap.NormalizeDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := dial(t, a.settings()).Entry(t.Context(), normalUser); err != nil || id.DN != normalUser {
			t.Errorf("%s by its normalised name: %+v, %v", name, id, fault.Of(err))
		}
		group := a.group("of "+name, dn)
		top := a.group("above "+name, group)
		for _, strategy := range []string{"auto", "recursive", "in_chain", "search", "member_of"} {
			c := a.settings()
			c.GroupSearch.Strategy = strategy
			id, err := dial(t, c).Authenticate(t.Context(), a.account(name), a.pass(name))
			if err != nil {
				t.Errorf("%s, %s: %v", name, strategy, fault.Of(err))
				continue
			}
			for i, want := range []string{group, top} {
				normal, err := ldap.NormalizeDN(want)
				if err != nil {
					t.Fatal(err)
				}
				direct := strategy == "search" || strategy == "member_of"
				if slices.Contains(id.Groups, normal) != (i == 0 || !direct) {
					t.Errorf("%s, %s: %q among %q", name, strategy, normal, id.Groups)
				}
			}
		}
	}
	d := dial(t, a.settings())
	for _, typed := range []string{"*", "*)(objectClass=*", `\2a`, "(", a.account("Doe, John") + "*", a.account("Doe, John") + ")(|(cn=*", `CORP\*`, `CORP\`, "@corp.example", "#", "\xff"} {
		if _, err := d.Authenticate(t.Context(), typed, a.pass("Doe, John")); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// TestADLimits: the server sends more than it is asked for, and no more is taken.
func TestADLimits(t *testing.T) {
	a := activeDirectory(t)
	dn := a.user("anna", "66048", nil)
	for i := range 12 {
		a.group(fmt.Sprint("group", i), dn)
	}
	for _, strategy := range []string{"token_groups", "recursive", "in_chain", "search", "member_of"} {
		c := a.settings()
		c.GroupSearch.Strategy, c.GroupSearch.MaxGroups, c.GroupSearch.PageSize = strategy, 5, 4
		d := dial(t, c)
		id, err := d.Authenticate(t.Context(), a.login("anna"), a.pass("anna"))
		if err != nil || len(id.Groups) != 5 || d.log.count("max_groups") != 1 {
			t.Errorf("%s: %+v, %v", strategy, id, fault.Of(err))
		}
	}
}

// TestADTransport: LDAPS and StartTLS work, what is in clear is refused by the
// server and told in words, and whoever has another authority is not believed.
func TestADTransport(t *testing.T) {
	a := activeDirectory(t)
	a.user("anna", "66048", nil)
	plain, starttls, stranger := a.settings(), a.settings(), a.settings()
	plain.URLs, plain.AllowPlaintext = []string{"ldap://" + a.address}, true
	starttls.URLs, starttls.StartTLS = []string{"ldap://" + a.address}, true
	stranger.TLS.CAFile = ""
	for name, c := range map[string]struct {
		settings ldap.Config
		words    string
	}{
		"ldaps":             {a.settings(), ""},
		"StartTLS":          {starttls, ""},
		"in clear":          {plain, "TLS"},
		"another authority": {stranger, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dial(t, c.settings)
			_, err := d.Authenticate(t.Context(), a.login("anna"), a.pass("anna"))
			if c.words == "" {
				if err != nil {
					t.Error(fault.Of(err))
				}
				return
			}
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("got %v, want unavailable", err)
			}
			lines, err := d.Check(t.Context(), "")
			if err == nil || !strings.Contains(strings.Join(lines, "\n"), c.words) {
				t.Errorf("check does not say %q: %q", c.words, lines)
			}
		})
	}
}

// TestADCertificates: a certificate leads to its account by principal name, and by
// the mapping that Active Directory itself keeps.
func TestADCertificates(t *testing.T) {
	a := activeDirectory(t)
	cert := certificate(t, func(c *x509.Certificate) {
		c.SubjectKeyId = []byte{1, 2, 0xab, 0xcd}
		c.ExtraExtensions = append(c.ExtraExtensions, alternative(t, "", a.login("anna")+"@corp.example"))
	})
	dn := a.user("anna", "66048", map[string]string{"altSecurityIdentities": "X509:<SKI>0102abcd"})
	a.modify(dn, "userCertificate", string(cert.Raw))
	for _, rule := range []ldap.ClientCertificates{{By: []string{"upn"}, Pinned: true}, {Filter: "(altSecurityIdentities=X509:<SKI>{{.SubjectKeyID}})"}} {
		c := a.settings()
		c.ClientCertificates = &rule
		id, err := dial(t, c).Holder(t.Context(), cert)
		if err != nil || !strings.EqualFold(id.DN, dn) {
			t.Errorf("%+v: %+v, %v", rule, id, fault.Of(err))
		}
	}
	a.modify(dn, "userAccountControl", "66050")
	c := a.settings()
	c.ClientCertificates = &ldap.ClientCertificates{By: []string{"upn"}}
	if _, err := dial(t, c).Holder(t.Context(), cert); reasonOf(err) != ldap.ReasonDisabled {
		t.Errorf("a disabled account: %v", err)
	}
}

var _ gateway.Certificates = (*ldap.Directory)(nil)
