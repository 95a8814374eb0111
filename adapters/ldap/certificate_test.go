package ldap_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// certificate makes one that signs itself: who vouches for it is the handshake's
// business.
func certificate(t testing.TB, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(0x4711), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// alternative makes an extension of user principal names and one mail address.
func alternative(t testing.TB, mail string, names ...string) pkix.Extension {
	t.Helper()
	var all []asn1.RawValue
	for _, name := range names {
		text, err := asn1.MarshalWithParams(name, "utf8")
		if err != nil {
			t.Fatal(err)
		}
		kind, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: text})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(kind, wrapped...)})
	}
	if mail != "" {
		all = append(all, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte(mail)})
	}
	value, err := asn1.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// people are who certificates are issued to.
func people(pinned *x509.Certificate) directory.Config {
	user := func(dn, uid string, more ...string) directory.Entry {
		e := directory.Entry{DN: dn, Attributes: map[string][]string{"objectClass": {"person"}, "uid": {uid}, "cn": {uid}}}
		for i := 0; i < len(more); i += 2 {
			e.Attributes[more[i]] = append(e.Attributes[more[i]], more[i+1])
		}
		return e
	}
	entries := []directory.Entry{
		{DN: base, Attributes: map[string][]string{"objectClass": {"domain"}}},
		{DN: service, Attributes: map[string][]string{"objectClass": {"device"}, "userPassword": {"gatehouse-secret"}}},
		{DN: "ou=people," + base, Attributes: map[string][]string{"objectClass": {"organizationalUnit"}}},
		{DN: "cn=printer,ou=people," + base, Attributes: map[string][]string{"objectClass": {"device"}, "cn": {"printer"}, "mail": {"printer@corp.example"}}},
		user("uid=alice,ou=people,"+base, "alice", "mail", "alice@corp.example", "userPrincipalName", "alice@corp.example"),
		user("uid=bob,ou=people,"+base, "bob", "mail", "bob@corp.example"),
		user(`uid=m*\,x,ou=people,`+base, "m*,x", "mail", "m*@corp.example"),
		user("uid=twin1,ou=people,"+base, "twin1", "mail", "twin@corp.example"),
		user("uid=twin2,ou=people,"+base, "twin2", "mail", "twin@corp.example"),
		user("uid=off,ou=people,"+base, "off", "userAccountControl", "514"),
		user("uid=past,ou=people,"+base, "past", "accountExpires", "130000000000000000"),
		user("uid=never,ou=people,"+base, "never", "accountExpires", "9223372036854775807"),
		user("uid=locked,ou=people,"+base, "locked", "pwdAccountLockedTime", "000001010000Z"),
		user("uid=inactive,ou=people,"+base, "inactive", "nsAccountLock", "TRUE"),
		user("uid=guessed,ou=people,"+base, "guessed", "pwdAccountLockedTime", "20261122100000Z"),
	}
	if pinned != nil {
		entries[4].Attributes["userCertificate;binary"] = []string{"other", string(pinned.Raw)}
	}
	return directory.Config{Entries: entries}
}

func named(cn string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName = cn }
}

func TestHolder(t *testing.T) {
	const at = ",ou=people," + base
	subject := func(last string, more ...pkix.AttributeTypeAndValue) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			dc := asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
			uid := asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
			names := []pkix.AttributeTypeAndValue{{Type: dc, Value: "example"}, {Type: dc, Value: "corp"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 11}, Value: "people"}, {Type: uid, Value: last}}
			var rdns pkix.RDNSequence
			for _, n := range append(names, more...) {
				rdns = append(rdns, pkix.RelativeDistinguishedNameSET{n})
			}
			der, err := asn1.Marshal(rdns)
			if err != nil {
				t.Fatal(err)
			}
			c.RawSubject = der
		}
	}
	names := func(mail string, upns ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{alternative(t, mail, upns...)} }
	}
	for name, c := range map[string]struct {
		by     []string
		filter string
		make   func(*x509.Certificate)
		dn     string
		reason ldap.Reason
	}{
		"subject":                  {[]string{"subject"}, "", subject("Alice"), "uid=alice" + at, ""},
		"subject of nobody":        {[]string{"subject"}, "", subject("mallory"), "", ldap.ReasonUnknown},
		"subject of no user":       {[]string{"subject"}, "", func(c *x509.Certificate) { subject("x")(c); c.RawSubject = nil; c.Subject.CommonName = "printer" }, "", ldap.ReasonUnknown},
		"subject with commas":      {[]string{"subject"}, "", subject("m*,x"), `uid=m*\,x` + at, ""},
		"subject is the base":      {[]string{"subject"}, "", subject("bob", pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "deeper"}), "", ldap.ReasonUnknown},
		"common name":              {[]string{"common_name"}, "", named("ALICE"), "uid=alice" + at, ""},
		"common name, a filter":    {[]string{"common_name"}, "", named("*"), "", ldap.ReasonUnknown},
		"common name, injected":    {[]string{"common_name"}, "", named("x)(uid=alice"), "", ldap.ReasonUnknown},
		"mail":                     {[]string{"email"}, "", names("bob@corp.example"), "uid=bob" + at, ""},
		"mail with a star":         {[]string{"email"}, "", names("m*@corp.example"), `uid=m*\,x` + at, ""},
		"mail of two":              {[]string{"email"}, "", names("twin@corp.example"), "", ldap.ReasonAmbiguous},
		"mail of what is no user":  {[]string{"email"}, "", names("printer@corp.example"), "", ldap.ReasonUnknown},
		"principal":                {[]string{"upn"}, "", names("bob@corp.example", "alice@corp.example"), "uid=alice" + at, ""},
		"principal decides":        {[]string{"upn", "email"}, "", names("bob@corp.example", "nobody@corp.example"), "", ldap.ReasonUnknown},
		"mail where no principal":  {[]string{"upn", "email"}, "", names("bob@corp.example"), "uid=bob" + at, ""},
		"nothing of it":            {[]string{"upn", "email"}, "", named("alice"), "", ldap.ReasonCertificate},
		"filter":                   {nil, "(mail={{.Email}})", names("bob@corp.example"), "uid=bob" + at, ""},
		"filter with nothing":      {nil, "(mail={{.Email}})", named("bob"), "", ldap.ReasonCertificate},
		"filter with several":      {nil, "(userPrincipalName={{.UPN}})", names("", "alice@corp.example", "bob@corp.example"), "", ldap.ReasonCertificate},
		"disabled":                 {[]string{"common_name"}, "", named("off"), "", ldap.ReasonDisabled},
		"account expired":          {[]string{"common_name"}, "", named("past"), "", ldap.ReasonAccountEnd},
		"account never expires":    {[]string{"common_name"}, "", named("never"), "uid=never" + at, ""},
		"locked by administrator":  {[]string{"common_name"}, "", named("locked"), "", ldap.ReasonLocked},
		"inactivated":              {[]string{"common_name"}, "", named("inactive"), "", ldap.ReasonDisabled},
		"locked by wrong guessing": {[]string{"common_name"}, "", named("guessed"), "uid=guessed" + at, ""},
		"expired":                  {[]string{"common_name"}, "", func(c *x509.Certificate) { named("alice")(c); c.NotAfter = time.Now().Add(-time.Minute) }, "", ldap.ReasonCertificate},
		"of tomorrow":              {[]string{"common_name"}, "", func(c *x509.Certificate) { named("alice")(c); c.NotBefore = time.Now().Add(time.Minute) }, "", ldap.ReasonCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, people(nil))
			settings := settings(s.URL())
			settings.UserSearch.BaseDN = "ou=people," + base
			settings.ClientCertificates = &ldap.ClientCertificates{By: c.by, Filter: c.filter}
			id, err := dial(t, settings).Holder(t.Context(), certificate(t, c.make))
			if reasonOf(err) != c.reason {
				t.Fatalf("%v, cause %v; want %q", err, fault.Of(err).Cause, c.reason)
			}
			if c.reason == "" && id.DN != c.dn {
				t.Errorf("%s, want %s", id.DN, c.dn)
			}
			if err != nil && fault.Of(err).Message != fault.New(fault.CodeUnauthenticated, "").Message {
				t.Errorf("the sender reads %q", fault.Of(err).Message)
			}
		})
	}
}

// TestPinned: with a pin it takes the very certificate that the entry holds.
func TestPinned(t *testing.T) {
	mine, other := certificate(t, named("alice")), certificate(t, named("alice"))
	s := serve(t, people(mine))
	c := settings(s.URL())
	c.ClientCertificates = &ldap.ClientCertificates{By: []string{"common_name"}, Pinned: true}
	d := dial(t, c)
	if id, err := d.Holder(t.Context(), mine); err != nil || id.Login != "alice" {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := d.Holder(t.Context(), other); reasonOf(err) != ldap.ReasonCertificate {
		t.Errorf("another certificate of that name: %v", err)
	}
	if _, err := d.Holder(t.Context(), certificate(t, named("bob"))); reasonOf(err) != ldap.ReasonCertificate {
		t.Errorf("an entry without a certificate: %v", err)
	}
}

// TestHolderIsRemembered: a certificate costs the directory one search per ttl,
// and a directory that is away is not a certificate that is refused.
func TestHolderIsRemembered(t *testing.T) {
	s := serve(t, people(nil))
	c := settings(s.URL())
	c.ClientCertificates = &ldap.ClientCertificates{By: []string{"common_name"}}
	d := dial(t, c)
	cert := certificate(t, named("alice"))
	if _, err := d.Holder(t.Context(), cert); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := d.Holder(t.Context(), cert); err != nil {
		t.Errorf("not remembered: %v", err)
	}
	if _, err := d.Holder(t.Context(), certificate(t, named("alice"))); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("another certificate of the same name: %v", err)
	}
	d.clock.forward(2 * time.Minute)
	if _, err := d.Holder(t.Context(), cert); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("past the ttl: %v", err)
	}
}

func TestClientCertificatesFaults(t *testing.T) {
	for _, c := range []struct {
		rules ldap.ClientCertificates
		words string
	}{
		{ldap.ClientCertificates{}, "either by: or filter:"},
		{ldap.ClientCertificates{By: []string{"upn"}, Filter: "(mail={{.Email}})"}, "either by: or filter:"},
		{ldap.ClientCertificates{By: []string{"mail"}}, `client_certificates.by[0]: "mail" is not one of`},
		{ldap.ClientCertificates{Filter: "(mail={{.Mail}})"}, "{{.Mail}} is not one of"},
		{ldap.ClientCertificates{Filter: "(mail=x)"}, "with something of the certificate in it"},
		{ldap.ClientCertificates{Filter: "(mail={{.Email}}"}, "is not an LDAP filter"},
	} {
		s := settings("ldaps://x")
		s.ClientCertificates = &c.rules
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%+v: %v, want %q", c.rules, err, c.words)
		}
	}
}
