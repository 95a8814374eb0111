package ldap

import "testing"

func FuzzParsePart(f *testing.F) {
	for _, seed := range []string{"memberOf;range=0-1499", "memberOf;Range=1500-*", "userCertificate;binary;range=0-0", "range=0-1", "a;range=",
		"a;range=-", "a;range=5-2", "a;range=-1-3", "a;range=99999999999999999999-*", "a;range=0-*;binary", "memberOf"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, description string) {
		p, ok := parsePart(description)
		if ok && (p.name == "" || p.first < 0 || !p.whole && p.last < p.first || len(p.name) >= len(description)) {
			t.Errorf("%q is %+v", description, p)
		}
	})
}

func TestParsePart(t *testing.T) {
	for description, want := range map[string]part{
		"memberOf;range=0-1499":            {name: "memberOf", last: 1499},
		"memberOf;RANGE=1500-*":            {name: "memberOf", first: 1500, whole: true},
		"userCertificate;binary;range=3-4": {name: "userCertificate;binary", first: 3, last: 4},
		"userCertificate;range=3-4;binary": {name: "userCertificate;binary", first: 3, last: 4},
	} {
		if p, ok := parsePart(description); !ok || p != want {
			t.Errorf("%q is %+v, %v", description, p, ok)
		}
	}
	for _, none := range []string{"memberOf", "range=0-1", ";range=0-1", "a;range=", "a;range=x-y", "a;range=5-2", "a;range=1"} {
		if p, ok := parsePart(none); ok && p.name != "" {
			t.Errorf("%q is %+v", none, p)
		}
	}
}
