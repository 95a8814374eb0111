package ldap_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
)

// domainController is what GATEHOUSE_TEST_AD says of a real Active Directory
// (testdata/ldap/samba.sh prints it), and the unit in it that this run has made.
type domainController struct {
	t              testing.TB
	address        string
	password       string
	ca             config.Path
	admin          *goldap.Conn
	unit, suffix   string
	service        string
	people, groups map[string]string // DNs by short name
}

const adminAccount = "administrator@corp.example"

func activeDirectory(t testing.TB) *domainController {
	t.Helper()
	text := os.Getenv("GATEHOUSE_TEST_AD")
	if text == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("GATEHOUSE_TEST_AD is not set: run make test-ad, or testdata/ldap/samba.sh start")
		}
		t.Skip("set GATEHOUSE_TEST_AD to what testdata/ldap/samba.sh start prints, or run make test-ad")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatalf("GATEHOUSE_TEST_AD: %v", err)
	}
	a := &domainController{t: t, address: u.Hostname(), password: u.Query().Get("password"), ca: config.Path(u.Query().Get("ca_file")),
		people: map[string]string{}, groups: map[string]string{}}
	a.admin = a.dialAdmin()
	t.Cleanup(func() { a.admin.Close() })
	var tag [3]byte
	rand.Read(tag[:])
	a.suffix = hex.EncodeToString(tag[:])
	a.unit = "OU=gh-" + a.suffix + "," + base
	a.add(a.unit, "objectClass", "organizationalUnit")
	t.Cleanup(a.remove)
	a.service = a.user("svc", "512", nil)
	return a
}

func (a *domainController) dialAdmin() *goldap.Conn {
	a.t.Helper()
	pem, err := os.ReadFile(string(a.ca))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := goldap.DialURL("ldaps://"+a.address, goldap.DialWithTLSConfig(&tls.Config{RootCAs: pool}))
	if err != nil {
		a.t.Fatal(err)
	}
	if err := conn.Bind(adminAccount, a.password); err != nil {
		a.t.Fatal(err)
	}
	return conn
}

// remove takes the unit away with all that is in it.
func (a *domainController) remove() {
	r := goldap.NewDelRequest(a.unit, []goldap.Control{goldap.NewControlSubtreeDelete()})
	if err := a.admin.Del(r); err != nil {
		a.t.Errorf("removing %s: %v", a.unit, err)
	}
}

func (a *domainController) add(dn string, attributes ...string) {
	a.t.Helper()
	r := goldap.NewAddRequest(dn, nil)
	for i := 0; i < len(attributes); i += 2 {
		r.Attribute(attributes[i], []string{attributes[i+1]})
	}
	if err := a.admin.Add(r); err != nil {
		a.t.Fatalf("adding %s: %v", dn, err)
	}
}

func (a *domainController) modify(dn, attribute string, values ...string) {
	a.t.Helper()
	r := goldap.NewModifyRequest(dn, nil)
	r.Replace(attribute, values)
	if err := a.admin.Modify(r); err != nil {
		a.t.Fatalf("modifying %s of %s: %v", attribute, dn, err)
	}
}

func (a *domainController) login(name string) string { return name + "-" + a.suffix }

// escaped is a value in a DN as Samba takes it, which wants = escaped too.
func escaped(value string) string { return strings.ReplaceAll(goldap.EscapeDN(value), "=", `\=`) }

// account is a login without what no account name holds.
func (a *domainController) account(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"/\\[]:;|=,+*?<>@#' ", r) {
			return '_'
		}
		return r
	}, a.login(name))
}

func (a *domainController) pass(name string) string { return "Passw0rd-" + a.login(name) }

// user makes an account with a password and the flags, and returns its DN.
func (a *domainController) user(name, flags string, more map[string]string) string {
	a.t.Helper()
	dn := "CN=" + escaped(a.login(name)) + "," + a.unit
	a.add(dn, "objectClass", "user", "sAMAccountName", a.account(name), "userPrincipalName", a.account(name)+"@corp.example",
		"unicodePwd", quoted(a.pass(name)), "userAccountControl", flags)
	for attribute, value := range more {
		a.modify(dn, attribute, value)
	}
	a.people[name] = dn
	return dn
}

// group makes a group and returns its DN.
func (a *domainController) group(name string, members ...string) string {
	a.t.Helper()
	dn := "CN=" + escaped(a.login(name)) + "," + a.unit
	a.add(dn, "objectClass", "group", "sAMAccountName", a.account(name))
	if len(members) > 0 {
		a.modify(dn, "member", members...)
	}
	a.groups[name] = dn
	return dn
}

// quoted is a password as unicodePwd takes it ([MS-ADTS] §3.1.1.3.1.5.1).
func quoted(password string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// settings are a working configuration for the domain, its unit only.
func (a *domainController) settings() ldap.Config {
	c := settings("ldaps://" + a.address)
	c.AllowPlaintext = false
	c.TLS.CAFile = a.ca
	c.BindDN, c.BindPassword = a.service, config.NewSecret(a.pass("svc"))
	c.UserSearch.BaseDN, c.UserSearch.Filter = a.unit, "(objectClass=user)"
	c.GroupSearch.BaseDN = a.unit
	return c
}

// policy sets something of the domain, for the time of the test.
func (a *domainController) policy(attribute, value string) {
	a.t.Helper()
	r := goldap.NewSearchRequest(base, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{attribute}, nil)
	result, err := a.admin.Search(r)
	if err != nil {
		a.t.Fatal(err)
	}
	before := result.Entries[0].GetAttributeValue(attribute)
	a.modify(base, attribute, value)
	a.t.Cleanup(func() { a.modify(base, attribute, before) })
}

// rid is the last number of an entry's security identifier.
func (a *domainController) rid(dn string) string {
	r := goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"objectSid"}, nil)
	result, err := a.admin.Search(r)
	if err != nil {
		a.t.Fatal(err)
	}
	sid := result.Entries[0].GetRawAttributeValue("objectSid")
	return strconv.FormatUint(uint64(binary.LittleEndian.Uint32(sid[len(sid)-4:])), 10)
}
