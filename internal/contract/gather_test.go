package contract

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestGather(t *testing.T) {
	s := graph(t, "bodies")
	tests := []struct{ name, op, envelope, want string }{
		{"two parts", "Two", `<e:Envelope xmlns:e="` + nsEnv11 + `" xmlns:t="urn:t"><e:Header/><e:Body>
 <t:A>1</t:A><t:B>x</t:B></e:Body></e:Envelope>`,
			`<e:Envelope xmlns:e="` + nsEnv11 + `" xmlns:t="urn:t"><e:Header/><e:Body><gathered:TwoIn xmlns:gathered="urn:w">
 <t:A>1</t:A><t:B>x</t:B></gathered:TwoIn></e:Body></e:Envelope>`},
		{"default namespace", "Two", `<Envelope xmlns="` + nsEnv12 + `"><Body><A xmlns="urn:t">1</A><B xmlns="urn:t"/></Body></Envelope>`,
			`<Envelope xmlns="` + nsEnv12 + `"><Body><gathered:TwoIn xmlns:gathered="urn:w"><A xmlns="urn:t">1</A><B xmlns="urn:t"/></gathered:TwoIn></Body></Envelope>`},
		{"mark", "Two", "\uFEFF" + `<Envelope xmlns="` + nsEnv12 + `"><Body><A xmlns="urn:t">1</A><B xmlns="urn:t"/></Body></Envelope>`,
			"\uFEFF" + `<Envelope xmlns="` + nsEnv12 + `"><Body><gathered:TwoIn xmlns:gathered="urn:w"><A xmlns="urn:t">1</A><B xmlns="urn:t"/></gathered:TwoIn></Body></Envelope>`},
		{"none", "Ping", `<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Body></e:Body></e:Envelope>`,
			`<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Body><gathered:Nothing xmlns:gathered="urn:w"></gathered:Nothing></e:Body></e:Envelope>`},
		{"none in one tag", "Ping", `<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Body id="1" /><!-- --></e:Envelope>`,
			`<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Body id="1"><gathered:Nothing xmlns:gathered="urn:w"></gathered:Nothing></e:Body><!-- --></e:Envelope>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := s.OperationNamed(tt.op).Input
			if details, _, err := s.Validate([]byte(tt.envelope), 0); err != nil || len(details) > 0 {
				t.Fatalf("error %v, details %v", err, details)
			}
			g, err := m.Gather([]byte(tt.envelope))
			if err != nil || string(g.Envelope) != tt.want {
				t.Fatalf("error %v, got\n%s\nwant\n%s", err, g.Envelope, tt.want)
			}
			whereItWas(t, m, g, tt.envelope)
		})
	}
}

// whereItWas checks that every element of the message is located where the
// sender wrote it.
func whereItWas(t *testing.T, m *Message, g *Gathered, envelope string) {
	before, after := readTree(t, envelope), readTree(t, string(g.Envelope))
	body := func(tree *document.Tree) document.Node {
		return tree.Root().Child(Name{Space: tree.Root().Name().Space, Local: "Body"})
	}
	was, is := body(before).FirstChild(), body(after).FirstChild().FirstChild()
	for ; was.Exists(); was, is = was.NextSibling(), is.NextSibling() {
		line, column := is.Position()
		d := g.Locate(fault.Detail{Path: is.Path(), Line: line, Column: column})
		if line, column = was.Position(); d.Line != line || d.Column != column || d.Path != was.Path() {
			t.Errorf("%s is said to be at %d:%d %s", was.QName(), d.Line, d.Column, d.Path)
		}
	}
	out, err := m.BodyOf(document.AppendStandalone(nil, body(after).FirstChild()))
	if err != nil || strings.Contains(string(out), "gathered:") || strings.Contains(envelope, "1<") != strings.Contains(string(out), "1<") {
		t.Errorf("error %v, Body %s", err, out)
	}
}

// TestValidatePayloadGathered takes the messages without an envelope, in the
// element that holds their parts.
func TestValidatePayloadGathered(t *testing.T) {
	s := graph(t, "bodies")
	for _, tt := range []struct{ op, payload, want string }{
		{"Two", `<w:TwoIn xmlns:w="urn:w" xmlns:t="urn:t"><t:A>1</t:A><t:B>x</t:B></w:TwoIn>`, ""},
		{"Two", `<w:TwoIn xmlns:w="urn:w" xmlns:t="urn:t"><t:A>1</t:A></w:TwoIn>`, "1:1 /w:TwoIn: a required element is missing; the end of w:TwoIn; {urn:t}B, text\n"},
		{"Two", `<t:A xmlns:t="urn:t">1</t:A>`, "1:1 /t:A: the root element is not the message of operation Two, but of operation One; {urn:t}A; {urn:w}TwoIn\n"},
		{"Ping", `<Nothing xmlns="urn:w"/>`, ""},
		{"Ping", `<Nothing xmlns="urn:w">x</Nothing>`, "1:1 /Nothing: no text is allowed here; \"x\"; an empty element\n"},
		{"Typed", `<pair><l xmlns="urn:t">1</l><r xmlns="urn:t">2</r></pair>`, ""},
		{"TypedOther", `<pair>x</pair>`, ""},
	} {
		details, _, err := s.ValidatePayload(s.OperationNamed(tt.op), []byte(tt.payload), 0)
		if err != nil || short(details) != tt.want {
			t.Errorf("%s %s: error %v\ngot\n%swant\n%s", tt.op, tt.payload, err, short(details), tt.want)
		}
	}
}
