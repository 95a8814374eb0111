package ldap

import (
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

// FuzzFilters: whatever stands in a name or a certificate, it stays one value of
// one comparison.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{"erp.alice", "*", "x)(uid=*", `\2a`, "\x00", "müller, jörg", "a\\", " ", "(", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		filled, whole := fillSlots("(mail={{.Email}})", map[string]string{"{{.Email}}": value})
		if whole == (value == "") {
			t.Fatalf("%q counts as a value: %v", value, whole)
		}
		for _, filter := range []string{equality("mail", value), binaryEquality("mail", []byte(value)), filled} {
			packet, err := goldap.CompileFilter(filter)
			if err != nil {
				t.Fatalf("%q makes %q: %v", value, filter, err)
			}
			if value == "" {
				continue
			}
			if packet.Tag != goldap.FilterEqualityMatch || len(packet.Children) != 2 || string(packet.Children[1].ByteValue) != value && packet.Children[1].Data.String() != value {
				t.Fatalf("%q makes %q, which is %s", value, filter, goldap.FilterMap[uint64(packet.Tag)])
			}
		}
		both, err := goldap.CompileFilter(allOf("(objectClass=person)", anyOf([]string{equality("uid", value), equality("mail", value)})))
		if err != nil || both.Tag != goldap.FilterAnd || len(both.Children) != 2 || len(both.Children[1].Children) != 2 {
			t.Fatalf("%q breaks out of its filter: %v", value, err)
		}
	})
}

// FuzzBindName: a user name stays one value of the name that is bound with.
func FuzzBindName(f *testing.F) {
	for _, seed := range []string{"erp.alice", "a,ou=admins", "a+cn=b", " a", "a ", "#", `\`, "a=b", `"`, "\x00", "x@y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if inadmissible(name, "-") != nil {
			return
		}
		dn, ok := bindName("uid={{.Username}},ou=people,dc=corp", name)
		parsed, err := goldap.ParseDN(dn)
		if !ok || err != nil {
			t.Fatalf("%q makes %q: %v", name, dn, err)
		}
		if len(parsed.RDNs) != 3 || len(parsed.RDNs[0].Attributes) != 1 || parsed.RDNs[0].Attributes[0].Value != name {
			t.Fatalf("%q makes %q", name, dn)
		}
		if _, err := NormalizeDN(dn); err != nil {
			t.Fatalf("%q: %v", dn, err)
		}
	})
}
