package contract

import (
	"strings"
	"testing"
)

// headed is the contract of every kind with header blocks: an element, one that
// is required, and a part with a type.
func headed() string {
	return strings.NewReplacer(
		`<xs:element name="Session" type="xs:int"/>`, `<xs:element name="Session" type="xs:int"><xs:annotation><xs:documentation>The session's number.</xs:documentation></xs:annotation></xs:element>
<xs:element name="Trace"><xs:complexType><xs:sequence><xs:element name="hop" type="xs:int" maxOccurs="2"/></xs:sequence></xs:complexType></xs:element>`,
		`<w:portType`, `<w:message name="H"><w:part name="s" element="t:Session"/><w:part name="r" element="t:Trace"/></w:message><w:portType`,
		`<s:body use="literal"/>`, `<s:header message="t:H" part="s" use="literal"/><s:header message="t:H" part="r" use="literal" w:required="true"/><s:body use="literal"/>`,
	).Replace(everyKind)
}

// TestHeader: paths and words of what is wrong in a Header.
func TestHeader(t *testing.T) {
	s := everyKindService(t, headed())
	const trace = `<t:Trace><hop>1</hop></t:Trace>`
	tests := []struct{ header, want string }{
		{`<t:Session>1</t:Session>` + trace, ""},
		{trace, ""},
		{trace + `<t:Unheard-of/><u:Session xmlns:u="urn:u"><x/></u:Session>`, ""},
		{trace + `<t:Tail>1</t:Tail>`, ""},
		{trace + `<t:Tail>x</t:Tail>`, `/t:Tail: the value is not a number; "x"`},
		{`<t:Session>x</t:Session>` + trace, `/t:Session: the value is not a number; "x"`},
		{`<t:Trace><hop>1</hop><hop>1</hop><hop>1</hop><Hop/></t:Trace>`, `/t:Trace/hop[3]: the element occurs more than 2 times; <hop> | /t:Trace/Hop: the element is not known here; <Hop>`},
		{``, `: a required header block is missing; the end of e:Header`},
		{`<t:Session>1</t:Session>`, `: a required header block is missing; the end of e:Header`},
		{`<t:Session>1</t:Session>` + trace + `<t:Session>2</t:Session>`, `/t:Session[2]: the header block occurs twice; <t:Session>`},
		{`<t:Session>1</t:Session>` + trace + `<t:Session e:actor="http://another">2</t:Session>`, ""},
		{`<t:Session e:actor="">1</t:Session>` + trace + `<t:Session e:mustUnderstand="1">2</t:Session>`, `/t:Session[2]: the header block occurs twice; <t:Session>`},
		{`<t:Trace e:actor="http://another"><hop>1</hop></t:Trace>`, `: a required header block is missing; the end of e:Header`},
		// SOAP's own attributes stand on any block, whatever its type says.
		{`<t:Session e:mustUnderstand="1" e:actor = 'http://schemas.xmlsoap.org/soap/actor/next' e:encodingStyle="">1</t:Session>` + trace, ""},
		{`<t:Session xmlns:u="` + nsWSU + `" u:Id="x">1</t:Session>` + trace, ""},
		{"<t:Session\n e:mustUnderstand\t=\r\n\"1\"\n>x</t:Session>" + trace, `/t:Session: the value is not a number; "x"`},
		{`<t:Session e:unheard-of="1">1</t:Session>` + trace, `/t:Session/@e:unheard-of: the attribute is not known here; e:unheard-of`},
		{`<t:Session mustUnderstand="1">1</t:Session>` + trace, `/t:Session/@mustUnderstand: the attribute is not known here; mustUnderstand`},
		{`<t:Trace><hop e:mustUnderstand="1">1</hop></t:Trace>`, `/t:Trace/hop/@e:mustUnderstand: the attribute is not known here; e:mustUnderstand`},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			src := strings.Replace(string(wrapped(`<empty/>`)), "<e:Body>", "<e:Header>"+tt.header+"</e:Header><e:Body>", 1)
			for _, version := range []string{src, strings.NewReplacer(nsEnv11, nsEnv12, "e:actor", "e:role").Replace(src)} {
				details, _, err := s.Validate([]byte(version), 0)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, d := range details {
					got = append(got, strings.TrimPrefix(d.Path, "/e:Envelope/e:Header")+": "+d.Message+"; "+d.Found)
				}
				if said := strings.Join(got, " | "); said != tt.want {
					t.Errorf("got  %s\nwant %s", said, tt.want)
				}
			}
		})
	}
	details, _, err := s.Validate(wrapped(`<empty/>`), 0)
	if err != nil || len(details) != 1 || details[0].Message != "a required header block is missing" || details[0].Found != "no Header" {
		t.Errorf("without a Header: %v, %v", details, err)
	}
	src := strings.Replace(string(wrapped(`<empty/>`)), "<e:Body>", "<e:Header><t:Session>1</t:Session></e:Header><e:Body>", 1)
	if details, _, err := everyKindService(t, everyKind).Validate([]byte(src), 0); err != nil || len(details) > 0 {
		t.Errorf("a block that no binding declares: %v, %v", details, err)
	}
}
