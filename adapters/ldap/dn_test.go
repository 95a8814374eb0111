package ldap_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/ldap"
)

func TestNormalizeDN(t *testing.T) {
	for in, want := range map[string]string{
		"CN=erp-users,OU=Groups,DC=corp,DC=example": "cn=erp-users,ou=groups,dc=corp,dc=example",
		" cn = Erp  Users , ou=Groups":              "cn=erp users,ou=groups",
		`cn=Smith\2C John,o=X`:                      `cn=smith\, john,o=x`,
		`CN=Smith\, John,O=x`:                       `cn=smith\, john,o=x`,
		`cn=J\C3\B6rg`:                              "cn=jörg",
		"cn=JÖRG":                                   "cn=jörg",
		"2.5.4.3=a,0.9.2342.19200300.100.1.25=b":    "cn=a,dc=b",
		"OID.2.5.4.3=a":                             "cn=a",
		"commonName=a,userid=b":                     "cn=a,uid=b",
		"uid=b+CN=a,o=x":                            "cn=a+uid=b,o=x",
		`cn=\#1\+2\"3\\4\;5\<6\>7=8`:                `cn=\#1\+2\"3\\4\;5\<6\>7\=8`,
		`cn=a\0Ab`:                                  "cn=a b",
		`cn=\20a\20`:                                "cn=a",
		"cn=a;o=b":                                  "cn=a,o=b",
		"cn=":                                       "cn=",
		"cn=" + strings.Repeat("a", 10_000):         "cn=" + strings.Repeat("a", 10_000),
		`cn=\FFa`:                                   `cn=\ff\61`,
		"l=Zürich,c=CH":                             "l=zürich,c=ch",
		`cn=` + "Gruppe (1)*" + `,dc=corp,dc=example`: "cn=gruppe (1)*,dc=corp,dc=example",
	} {
		got, err := ldap.NormalizeDN(in)
		if err != nil || got != want {
			t.Errorf("NormalizeDN(%.40q) = %.60q, %v; want %.60q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "  ", "erp-users", "cn=a,b", "cn=a,,o=b", `cn=a\`, `cn=a\zz`, "=a", "cn=a\xff", "cn=a\x00", `cn="a"`} {
		if got, err := ldap.NormalizeDN(in); err == nil {
			t.Errorf("NormalizeDN(%q) = %q, want an error", in, got)
		}
	}
}

func FuzzNormalizeDN(f *testing.F) {
	for _, s := range []string{"CN=a,O=b", `cn=a\2c b+uid=c`, `cn=\#x\20`, "2.5.4.3=#04024869", `cn=\FF\C3\B6`, "cn= a  b ;o="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := ldap.NormalizeDN(in)
		if err != nil {
			return
		}
		twice, err := ldap.NormalizeDN(once)
		if err != nil || twice != once {
			t.Fatalf("%q becomes %q, and that %q, %v", in, once, twice, err)
		}
	})
}

func BenchmarkNormalizeDN(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ldap.NormalizeDN(`CN=Smith\, John,OU=People,DC=corp,DC=example`); err != nil {
			b.Fatal(err)
		}
	}
}
