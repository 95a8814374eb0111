package ldap_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/fault"
)

func (s slapd) settings() ldap.Config { return settings("ldap://" + s.address) }

func TestSlapdAccountStates(t *testing.T) {
	real := realDirectory(t)
	for login, want := range map[string]ldap.Reason{
		"state.mustchange": ldap.ReasonMustChange, // the directory itself says yes
		"state.locked":     ldap.ReasonLocked,
		"state.expired":    ldap.ReasonExpired,
	} {
		d := dial(t, real.settings())
		for range 2 {
			_, err := d.Authenticate(t.Context(), login, login+"-secret")
			if r := reasonOf(err); r != want && r != ldap.ReasonRepeated {
				t.Errorf("%s: %v, want %s", login, err, want)
			}
		}
	}
}

// A thousand calls with stale passwords leave the account open: it locks itself
// after three.
func TestSlapdAccountIsNotLocked(t *testing.T) {
	real := realDirectory(t)
	d := dial(t, real.settings())
	for i := range 1000 {
		if _, err := d.Authenticate(t.Context(), "state.guarded", fmt.Sprint("stale", i%7)); reasonOf(err) == "" {
			t.Fatal("let in")
		}
	}
	if _, err := dial(t, real.settings()).Authenticate(t.Context(), "state.guarded", "state.guarded-secret"); err != nil {
		t.Errorf("the account is locked: %v", err)
	}
}

func TestSlapdTLS(t *testing.T) {
	real := realDirectory(t)
	if real.tlsPort == "" || real.caFile == "" {
		t.Fatal("GATEHOUSE_TEST_LDAP names no tls_port and ca_file")
	}
	host, _, err := net.SplitHostPort(real.address)
	if err != nil {
		t.Fatal(err)
	}
	ldaps := "ldaps://" + net.JoinHostPort(host, real.tlsPort)
	for name, c := range map[string]struct {
		url      string
		startTLS bool
		tls      ldap.TLS
		complain string
	}{
		"ldaps":          {ldaps, false, ldap.TLS{CAFile: caPath(real)}, ""},
		"StartTLS":       {"ldap://" + real.address, true, ldap.TLS{CAFile: caPath(real)}, ""},
		"unknown CA":     {ldaps, false, ldap.TLS{}, "set tls.ca_file"},
		"unknown CA, St": {"ldap://" + real.address, true, ldap.TLS{}, "set tls.ca_file"},
		"wrong name":     {ldaps, false, ldap.TLS{CAFile: caPath(real), ServerName: "dc1.corp.example"}, "set tls.server_name"},
		"wrong name, St": {"ldap://" + real.address, true, ldap.TLS{CAFile: caPath(real), ServerName: "dc1.corp.example"}, "set tls.server_name"},
		"not TLS":        {"ldaps://" + real.address, false, ldap.TLS{CAFile: caPath(real)}, "TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(c.url)
			s.AllowPlaintext, s.StartTLS, s.TLS = false, c.startTLS, c.tls
			_, err := dial(t, s).Authenticate(t.Context(), alice, alicesPass)
			if c.complain == "" && err != nil {
				t.Errorf("%v", err)
			}
			if c.complain != "" && (err == nil || fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), c.complain)) {
				t.Errorf("%v, want unavailable: %s", err, c.complain)
			}
		})
	}
}

func TestSlapdTemplateAndCheck(t *testing.T) {
	real := realDirectory(t)
	c := real.settings()
	c.UserDNTemplate = "uid={{.Username}},ou=People," + base
	id, err := dial(t, c).Authenticate(t.Context(), "ERP.alice ", alicesPass)
	if err != nil || id.Login != alice || len(id.Groups) != 3 {
		t.Errorf("template: %+v, %v", id, err)
	}
	lines, err := dial(t, real.settings()).Check(t.Context(), "joerg")
	if text := strings.Join(lines, "\n"); err != nil || !strings.Contains(text, "groups by recursive") || !strings.Contains(text, "Einkauf, Süd (EDI)") {
		t.Errorf("check: %s\n%v", text, err)
	}
	c = real.settings()
	c.GroupSearch.Strategy = "in_chain"
	if _, err := dial(t, c).Check(t.Context(), alice); err == nil || !strings.Contains(err.Error(), "Active Directory only") {
		t.Errorf("in_chain: %v", err)
	}
	c = real.settings()
	c.GroupSearch.Strategy = "member_of"
	if id, err := dial(t, c).Authenticate(t.Context(), alice, alicesPass); err != nil || strings.Join(id.GroupNames, " ") != "erp-clerks-north" {
		t.Errorf("member_of: %+v, %v", id, err)
	}
}

// manager is a connection that may change the directory.
func (s slapd) manager(t *testing.T) *goldap.Conn {
	t.Helper()
	conn, err := goldap.DialURL("ldap://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetTimeout(20 * time.Second)
	if err := conn.Bind("cn=manager,"+base, "manager-secret"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A referral is no entry: who is found beside it comes in, who lies behind it is
// nobody, and a base that lies there is a misfit. Nobody is asked there.
func TestSlapdReferral(t *testing.T) {
	real := realDirectory(t)
	elsewhere := serve(t, directory.Config{})
	manager := real.manager(t)
	const dn = "ou=Elsewhere,ou=People," + base
	add := goldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"referral", "extensibleObject"})
	add.Attribute("ou", []string{"Elsewhere"})
	add.Attribute("ref", []string{elsewhere.URL() + "/ou=People," + base})
	remove := goldap.NewDelRequest(dn, []goldap.Control{goldap.NewControlManageDsaIT(true)})
	_ = manager.Del(remove) // of a run that was cut off
	if err := manager.Add(add); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := manager.Del(remove); err != nil {
			t.Error(err)
		}
	})
	d := dial(t, real.settings())
	if _, err := d.Authenticate(t.Context(), alice, alicesPass); err != nil {
		t.Errorf("beside it: %v", err)
	}
	if _, err := d.Authenticate(t.Context(), "frank", "frank-secret"); reasonOf(err) != ldap.ReasonUnknown {
		t.Errorf("behind it: %v", err)
	}
	c := real.settings()
	c.UserSearch.BaseDN = dn
	if _, err := dial(t, c).Authenticate(t.Context(), alice, alicesPass); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "referrals are not followed") {
		t.Errorf("as a base: %v", err)
	}
	if n := elsewhere.Requests(); n != 0 {
		t.Errorf("%d requests went there", n)
	}
}

// The group has 5,000 members, which cost nothing: they are never asked for.
func TestSlapdLargeGroup(t *testing.T) {
	real := realDirectory(t)
	manager := real.manager(t)
	const dn = "cn=crowd,ou=Groups," + base
	add := goldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"groupOfNames"})
	members := []string{"uid=carol,ou=People," + base}
	for i := range 4999 {
		members = append(members, fmt.Sprintf("uid=u%d,ou=People,%s", i, base))
	}
	add.Attribute("member", members)
	_ = manager.Del(goldap.NewDelRequest(dn, nil)) // of a run that was cut off
	if err := manager.Add(add); err != nil {
		t.Fatal(err)
	}
	defer manager.Del(goldap.NewDelRequest(dn, nil))
	began := time.Now()
	id, err := dial(t, real.settings()).Authenticate(t.Context(), "carol", "carol-secret")
	if err != nil || strings.Join(id.GroupNames, " ") != "crowd" {
		t.Errorf("%+v, %v", id, err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func BenchmarkSlapd(b *testing.B) {
	d := dial(b, realDirectory(b).settings())
	b.ReportAllocs()
	for b.Loop() {
		d.Flush()
		if _, err := d.Authenticate(b.Context(), alice, alicesPass); err != nil {
			b.Fatal(err)
		}
	}
}
