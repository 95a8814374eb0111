package census

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

const (
	base   = "dc=corp,dc=example"
	groups = ",ou=groups," + base
	people = ",ou=people," + base
)

// normalize is enough for the names of corp.ldif; the adapter that knows more is not
// to be imported here.
func normalize(dn string) (string, error) {
	dn = strings.ToLower(dn)
	for from, to := range map[string]string{`\2c`: `\,`, `\c3\bc`: "ü", `\c3\b6`: "ö", `\2b`: `\+`, `\22`: `\"`, `\5c`: `\\`} {
		dn = strings.ReplaceAll(dn, from, to)
	}
	if !strings.Contains(dn, "=") {
		return "", fmt.Errorf("%q is no name", dn)
	}
	return dn, nil
}

func settings(address string) Config {
	return Config{
		Servers: []Server{{URL: "ldap://" + address, Address: address, Host: "127.0.0.1"}}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Timeout: 5 * time.Second,
		BindDN: "cn=gatehouse,ou=Services," + base, BindPassword: config.NewSecret("gatehouse-secret"),
		Base: base, Filter: "(objectClass=groupOfNames)", MemberAttribute: "member", UserAttribute: "dn", NameAttribute: "cn", PageSize: 100, MaxGroups: 100,
		Normalize: normalize,
	}
}

func entries(t *testing.T) []directory.Entry {
	t.Helper()
	src, err := os.ReadFile("../../testdata/ldap/corp.ldif")
	if err != nil {
		t.Fatal(err)
	}
	all, err := directory.ParseLDIF(src)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func serve(t *testing.T, all []directory.Entry) *directory.Server {
	t.Helper()
	s, err := directory.Start(directory.Config{Base: base, Entries: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ask(t *testing.T, c Config) *Directory {
	t.Helper()
	d := New(c)
	t.Cleanup(func() { d.Close() })
	return d
}

func TestEmbedded(t *testing.T) { suite(t, serve(t, entries(t)).Addr()) }

func TestSlapd(t *testing.T) {
	text := os.Getenv("GATEHOUSE_TEST_LDAP")
	if text == "" {
		t.Skip("GATEHOUSE_TEST_LDAP is not set")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	suite(t, u.Host)
}

func suite(t *testing.T, address string) {
	d := ask(t, settings(address))
	for name, want := range map[string]string{
		"erp-users":                      "cn=erp-users" + groups,
		"ERP-Users":                      "cn=erp-users" + groups,
		"CN=erp-users,OU=Groups," + base: "cn=erp-users" + groups,
		"Einkauf, Süd (EDI)":             `cn=einkauf\, süd (edi)` + groups,
		"erp-usrs":                       "",
		"cn=erp-usrs,ou=Groups," + base:  "",
		"uid=carol,ou=People," + base:    "", // no group
		"*":                              "",
		"a)(objectClass=*":               "",
		"cn=,,,":                         "",
		"S-1-5-21-1004336348-1177238915-68200-51": "",
	} {
		found, err := d.Find(t.Context(), name)
		got := ""
		for _, g := range found {
			got += g.DN
		}
		if err != nil || got != want {
			t.Errorf("%q is %q, want %q: %v", name, got, want, err)
		}
	}
	above := func(dn string) (out []string) {
		t.Helper()
		found, err := d.Above(t.Context(), dn)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range found {
			out = append(out, g.Name)
		}
		return out
	}
	if got := above("uid=erp.alice" + people); !slices.Equal(got, []string{"erp-clerks-north"}) {
		t.Errorf("alice is directly in %v", got)
	}
	if got := above("cn=erp-clerks" + groups); !slices.Equal(got, []string{"erp-users"}) {
		t.Errorf("erp-clerks is directly in %v", got)
	}
	for group, want := range map[string][]string{
		"cn=erp-users" + groups: {"uid=erp.alice" + people},
		"cn=cycle-a" + groups:   {"uid=dora" + people},
		"cn=edi-users" + groups: {`cn=müller\, jörg (edi) \+\"1\"\\*#` + people},
		"cn=nobody" + groups:    nil,
	} {
		got, cut, err := d.Below(t.Context(), group, 10)
		if err != nil || cut || !slices.Equal(got, want) {
			t.Errorf("in %s are %q, %v: %v", group, got, cut, err)
		}
	}
	if !strings.Contains(d.Place(), "ldap://") || !strings.Contains(d.Place(), base) {
		t.Errorf("the place is %s", d.Place())
	}
}

// A group of thousands is cut where it is said, and says so; one that names itself,
// people twice and people who are gone ends.
func TestBelowIsBounded(t *testing.T) {
	all := entries(t)
	var members []string
	for i := range 300 {
		dn := fmt.Sprintf("uid=u%d,ou=People,%s", i, base)
		all = append(all, directory.Entry{DN: dn, Attributes: map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {fmt.Sprint("u", i)}}})
		members = append(members, dn)
	}
	members = append(members, members[0], "uid=gone,ou=People,"+base, "no name", "cn=large,ou=Groups,"+base)
	all = append(all, directory.Entry{DN: "cn=large,ou=Groups," + base, Attributes: map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"large"}, "member": members}})
	d := ask(t, settings(serve(t, all).Addr()))
	for limit, want := range map[int]int{10: 10, 299: 299, 300: 300, 1000: 300} {
		got, cut, err := d.Below(t.Context(), "cn=large"+groups, limit)
		if err != nil || len(got) != want || cut != (limit < 300) {
			t.Errorf("limit %d: %d, cut %v, %v", limit, len(got), cut, err)
		}
	}
}

// Whatever a server does, the question ends in time, as unavailable, and leaves
// nothing behind; the next one finds it back.
func TestOutages(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	there := serve(t, entries(t))
	before := runtime.NumGoroutine()
	c := settings(silent.Addr().String())
	c.Timeout = 100 * time.Millisecond
	d := ask(t, c)
	if _, err := d.Find(t.Context(), "erp-users"); err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a silent server: %v", err)
	}
	c.Timeout = 5 * time.Second
	c.Servers = append([]Server{{URL: "ldap://127.0.0.1:1", Address: "127.0.0.1:1"}}, settings(there.Addr()).Servers...)
	d = ask(t, c)
	if found, err := d.Find(t.Context(), "erp-users"); err != nil || len(found) != 1 {
		t.Errorf("the second server: %v, %v", found, err)
	}
	d.mu.Lock()
	d.tcp.Close() // as a server does that was restarted
	d.mu.Unlock()
	if found, err := d.Find(t.Context(), "erp-users"); err != nil || len(found) != 1 {
		t.Errorf("after the connection broke: %v, %v", found, err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.Find(ended, "erp-users"); err == nil {
		t.Error("an answer to nobody")
	}
	d.Close()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+3; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, before %d", runtime.NumGoroutine(), before)
		}
	}
}

// A wrong password of the service account is not tried with every question.
func TestServiceAccountIsNotLocked(t *testing.T) {
	s := serve(t, entries(t))
	c := settings(s.Addr())
	c.BindPassword = config.NewSecret("wrong")
	d := ask(t, c)
	for range 5 {
		if _, err := d.Find(t.Context(), "erp-users"); err == nil || fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("got %v", err)
		}
	}
	d.config.BindPassword = config.NewSecret("gatehouse-secret")
	if _, err := d.Find(t.Context(), "erp-users"); err == nil {
		t.Error("it was tried again at once")
	}
	d.until = time.Time{}
	if _, err := d.Find(t.Context(), "erp-users"); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestSID(t *testing.T) {
	raw := []byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0xdc, 0xf4, 0xdc, 0x3b, 0x83, 0x3d, 0x2b, 0x46, 0x82, 0x8b, 0xa6, 0x28, 0, 2, 0, 0}
	const text = "S-1-5-21-1004336348-1177238915-682003330-512"
	if got := sidText(raw); got != text {
		t.Errorf("written %s", got)
	}
	var want bytes.Buffer
	for _, b := range raw {
		fmt.Fprintf(&want, `\%02x`, b)
	}
	if got := sidFilter(text); got != want.String() {
		t.Errorf("compared with %s, want %s", got, want.String())
	}
	for _, broken := range [][]byte{nil, raw[:7], raw[:27], append([]byte{2}, raw[1:]...)} {
		if got := sidText(broken); got != "" {
			t.Errorf("%x is %s", broken, got)
		}
	}
	if got := sidFilter("S-1-5-99999999999"); got != `\00` {
		t.Errorf("out of range: %s", got)
	}
}
