package directory_test

import (
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
)

const base = "dc=corp,dc=example"

func corp(t testing.TB) []directory.Entry {
	t.Helper()
	src, err := os.ReadFile("../../../testdata/ldap/corp.ldif")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := directory.ParseLDIF(src)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func start(t testing.TB, c directory.Config) *directory.Server {
	t.Helper()
	c.Base, c.Entries = base, corp(t)
	s, err := directory.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func bound(t testing.TB, s *directory.Server) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind("uid=carol,ou=People,"+base, "carol-secret"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFilters(t *testing.T) {
	c := bound(t, start(t, directory.Config{}))
	for filter, want := range map[string]int{
		"(objectClass=*)": 24, "(objectClass=PERSON)": 9, "(uid=ERP.Alice)": 1, "(uid= erp.alice )": 1, "(uid=*)": 9,
		"(uid=erp*)": 1, "(uid=*.*)": 4, "(uid=*alice)": 1, "(uid=e*.*e)": 1, "(uid=alice*)": 0, "(uid=erp.alice*erp.alice)": 0,
		"(&(objectClass=person)(!(uid=twin)))": 7, "(|(uid=carol)(uid=dora)(uid=nobody))": 2, "(!(objectClass=*))": 0,
		"(member=UID=wms.bob, ou=people," + base + ")": 1, "(memberOf=cn=cycle-a,ou=Groups," + base + ")": 2,
		"(member:1.2.840.113556.1.4.1941:=uid=erp.alice,ou=People," + base + ")": 0, // OpenLDAP's answer
		`(cn=m\c3\bcller, j\c3\b6rg \28EDI\29 +"1"\5c\2a#)`:                      1,
		"(userPassword=*)": 0, "(nonsense=1)": 0, "(uid:=carol)": 1, "(uid>=a)": 0,
	} {
		r, err := c.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, 0, 0, 0, false, filter, []string{"1.1"}, nil))
		if err != nil || len(r.Entries) != want {
			t.Errorf("%s: %d entries, %v; want %d", filter, len(r.Entries), err, want)
		}
	}
}

func TestScopesAndLimits(t *testing.T) {
	c := bound(t, start(t, directory.Config{}))
	search := func(base string, scope, limit int) (int, error) {
		r, err := c.Search(ldap.NewSearchRequest(base, scope, 0, limit, 0, false, "(objectClass=*)", nil, nil))
		return len(r.Entries), err
	}
	for _, x := range []struct{ scope, limit, want, code int }{
		{ldap.ScopeBaseObject, 0, 1, 0}, {ldap.ScopeSingleLevel, 0, 3, 0}, {ldap.ScopeWholeSubtree, 5, 5, ldap.LDAPResultSizeLimitExceeded},
	} {
		if n, err := search(base, x.scope, x.limit); n != x.want || x.code != 0 && !ldap.IsErrorWithCode(err, uint16(x.code)) {
			t.Errorf("scope %d, limit %d: %d entries, %v", x.scope, x.limit, n, err)
		}
	}
	if n, _ := search("ou=People,"+base, ldap.ScopeSingleLevel, 0); n != 9 {
		t.Errorf("%d people: a comma in a name counts as a level", n)
	}
	if _, err := search("ou=Nowhere,"+base, ldap.ScopeWholeSubtree, 0); !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		t.Errorf("no such base: %v", err)
	}
	r, err := c.SearchWithPaging(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(objectClass=*)", nil, nil), 4)
	if err != nil || len(r.Entries) != 24 {
		t.Errorf("paged: %d, %v", len(r.Entries), err)
	}
	for _, e := range r.Entries {
		if e.GetAttributeValue("userPassword") != "" {
			t.Error("a password is told")
		}
	}
}

func TestBinds(t *testing.T) {
	s := start(t, directory.Config{})
	c := bound(t, s)
	who := func() string {
		r, err := c.WhoAmI(nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.AuthzID
	}
	if got := who(); got != "dn:uid=carol,ou=People,"+base {
		t.Errorf("who am I: %q", got)
	}
	for dn, password := range map[string]string{"uid=carol,ou=People," + base: "x", "uid=nobody," + base: "carol-secret", "nonsense": "x",
		"ou=People," + base: "x"} {
		if err := c.Bind(dn, password); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
			t.Errorf("%s: %v", dn, err)
		}
		if got := who(); got != "" {
			t.Errorf("after a refused bind: %q", got)
		}
	}
	if err := c.UnauthenticatedBind("uid=carol,ou=People," + base); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Errorf("without a password: %v", err)
	}
	if _, err := c.Search(ldap.NewSearchRequest(base, 2, 0, 0, 0, false, "(uid=*)", nil, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		t.Errorf("an anonymous search: %v", err)
	}
	if err := c.Add(ldap.NewAddRequest("o=x", nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Errorf("a write: %v", err)
	}
	if n := s.Binds("UID=carol, ou=people," + base); n != 3 {
		t.Errorf("%d binds counted, want 3", n)
	}
}

func TestStartRefuses(t *testing.T) {
	entry := directory.Entry{DN: "cn=a," + base}
	for want, c := range map[string]directory.Config{
		"no base":            {},
		"there twice":        {Base: base, Entries: []directory.Entry{entry, {DN: "CN=A, " + base}}},
		"not a loopback":     {Base: base, Address: "0.0.0.0:0"},
		"without a certific": {Base: base, Implicit: true},
		"address":            {Base: base, Address: "127.0.0.1:99999"},
	} {
		s, err := directory.Start(c)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s := start(t, directory.Config{Hook: func(r directory.Request) directory.Fault {
		return directory.Fault{Silent: r.Operation == "search", Delay: map[bool]time.Duration{true: time.Hour}[r.Operation == "extended"]}
	}})
	var all sync.WaitGroup
	for i := range 20 {
		c := bound(t, s)
		all.Go(func() {
			if i%2 == 0 {
				c.WhoAmI(nil)
			} else {
				c.Search(ldap.NewSearchRequest(base, 2, 0, 0, 0, false, "(uid=*)", nil, nil))
			}
		})
	}
	for s.Requests() < 40 { // each has bound and asked
		runtime.Gosched()
	}
	s.Close()
	all.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
	if s.Close() != nil {
		t.Error("closing twice")
	}
}

// Bytes that are no LDAP end the connection and nothing else.
func FuzzRequests(f *testing.F) {
	s := start(f, directory.Config{})
	for _, seed := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00",
		"\x30\x05\x02\x01\x01\x63\x00", "\x30\x84\xff\xff\xff\xff", "\x30\x05\x02\x01\x01\x77\x00", "\x30\x80\x02\x01\x01\x60\x80"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(src)
		c.Close()
		bound(t, s).Close()
	})
}

func TestParseLDIF(t *testing.T) {
	src := "version: 1\r\n# comment\r\n with a tail\r\ndn: cn=a,\r\n dc=b\r\ncn: a\r\ncn::w6Q=\r\nempty:\r\n\r\n\r\ndn:: Y249w6Q=\ncn: ä\n"
	entries, err := directory.ParseLDIF([]byte(src))
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	if e := entries[0]; e.DN != "cn=a,dc=b" || strings.Join(e.Attributes["cn"], "|") != "a|ä" || e.Attributes["empty"][0] != "" {
		t.Errorf("%+v", e)
	}
	if entries[1].DN != "cn=ä" {
		t.Errorf("%+v", entries[1])
	}
	for src, want := range map[string]string{
		"cn: a\n": "line 1: an entry begins with dn:", "dn: a\nnonsense\n": "line 2: \"nonsense\" is not", "dn: a\nx:: !\n": "line 2: x: illegal base64",
		"dn: a\nx:< file:///etc/passwd\n": "URL as a value", "dn: a\nchangetype: delete\n": "no place", "dn: a\ndn: b\n": "no place",
	} {
		if _, err := directory.ParseLDIF([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

func FuzzParseLDIF(f *testing.F) {
	for _, s := range []string{"dn: a\nb: c\n", "dn:: YQ==\n", "# x\n y\ndn: a\n", "version: 1\n\n\ndn: a\n b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		entries, err := directory.ParseLDIF(src)
		if err != nil && entries != nil {
			t.Fatal("entries and an error")
		}
	})
}
