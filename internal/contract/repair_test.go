package contract

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestRepair breaks the schemas of a contract: what is said of it, and that no
// more than what is broken goes unchecked.
func TestRepair(t *testing.T) {
	const base = `<xs:complexType name="Base">`
	tests := []struct {
		name, from, to string
		degraded       string
		taken, refused string // passages of the message
	}{
		{"strange attributes", base, `<xs:complexType name="Base" nillable="true" label="x">`, "", `<base><a>1</a></base>`, `<base><a>x</a></base>`},
		{"element of an unknown type", `<xs:element name="default" type="xs:int"`, "\n" + `<xs:element name="default" type="t:Nowhere"`,
			`a.wsdl:15:1: type {urn:t}Nowhere is not declared by any schema of the contract: add its schema, or correct the name; not checked is what stands in default, all else is`,
			`<default><anything/></default>`, `<fixed>no</fixed>`},
		{"reference to an unknown element", `<xs:element ref="t:Head"/>`, "\n" + `<xs:element ref="t:Nowhere"/>`,
			`a.wsdl:10:1: element {urn:t}Nowhere is not declared by any schema of the contract: add its schema, or correct the name; not checked is what stands in t:Nowhere, all else is`,
			`<head><Nowhere><x/></Nowhere></head>`, `<fixed>no</fixed>`},
		{"unused type that is broken", base, "<xs:complexType name=\"Odd\"><xs:sequence>\n<xs:element name=\"x\" type=\"t:Nowhere\"/></xs:sequence></xs:complexType>" + base, "",
			`<base><a>1</a></base>`, `<base><a>x</a></base>`},
		{"ambiguous content", `<xs:element name="twice"><xs:complexType>`, "<xs:element name=\"twice\">\n<xs:complexType><xs:sequence><xs:any minOccurs=\"0\"/><xs:element name=\"b\" type=\"xs:int\" minOccurs=\"0\"/></xs:sequence></xs:complexType></xs:element><xs:element name=\"twice2\"><xs:complexType>",
			`a.wsdl:7:1: the content model is ambiguous (duplicate element in sequence {urn:t}b): an element must belong to one place of it (Unique Particle Attribution)`,
			`<twice><b>1</b></twice>`, ``},
		{"a type that others are derived from", base, "<xs:complexType name=\"Base\"><xs:attribute name=\"q\" type=\"t:Nowhere\"/>" + "</xs:complexType>\n<xs:complexType name=\"Base2\">", "", `<base/>`, ``},
		{"a broken type that others are derived from", base, `<xs:complexType name="Base"><xs:all maxOccurs="2"/></xs:complexType>` + "\n" + `<xs:complexType name="Base1">`,
			"a.wsdl:22:", `<base i:type="t:Wider"><a>1</a><b>2</b></base>`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := everyKindService(t, strings.Replace(everyKind, tt.from, tt.to, 1))
			t.Log(s.Degraded())
			if (tt.degraded == "") != (s.Degraded() == "") && tt.refused != "" || !strings.Contains(s.Degraded(), tt.degraded) {
				t.Errorf("degraded: %q, want %q", s.Degraded(), tt.degraded)
			}
			if details, _, err := s.Validate(wrapped(tt.taken), 0); err != nil || len(details) > 0 {
				t.Errorf("%s is refused: %v, %s", tt.taken, err, lines(details))
			}
			if details, _, err := s.Validate(wrapped(tt.refused), 0); tt.refused != "" && (err != nil || len(details) != 1) {
				t.Errorf("%s: %v, %s", tt.refused, err, lines(details))
			}
		})
	}
}

// TestModelJudges: where the compiler alone is to blame, the model judges in its
// place, and finds what the engine finds, but for keys, ids and wildcards.
func TestModelJudges(t *testing.T) {
	engine, s := everyKindService(t, everyKind), everyKindService(t, beyondRepair)
	s.modelled = true
	for _, tt := range everyKindTests {
		if strings.Contains(tt.body, "<keyed>") || strings.Contains(tt.body, "<ids>") || strings.Contains(tt.body, "<open") {
			continue
		}
		want, _, err := engine.Validate(wrapped(tt.body), 0)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := s.Validate(wrapped(tt.body), 0)
		if err != nil || lines(got) != lines(want) {
			t.Errorf("%s: %v\ngot\n%swant\n%s", tt.body, err, lines(got), lines(want))
		}
	}
	for _, broken := range []string{"<empty>", "<q:empty/>", `<empty a="1" a="2"/>`} {
		if _, _, err := s.Validate(wrapped(broken), 0); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

func TestMending(t *testing.T) {
	for said, want := range map[string]string{
		"namespace is not imported: urn:x":                  `no schema of namespace "urn:x" is imported: add it to the contract, or correct the prefix`,
		"UPA violation: overlapping particles in choice":    "the content model is ambiguous (overlapping particles in choice): an element must belong to one place of it (Unique Particle Attribution)",
		"something that nobody has thought of, at the end ": "something that nobody has thought of, at the end",
	} {
		if got := toMend(said); got != want {
			t.Errorf("%q\ngot  %s\nwant %s", said, got, want)
		}
	}
}
