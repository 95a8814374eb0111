package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// graph loads an archive of testdata/graphs and returns its first service.
func graph(t *testing.T, name string) *Service {
	t.Helper()
	a, err := txtar.ParseFile("testdata/graphs/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(archiveFS(a), "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	if reason := c.Services[0].Degraded(); reason != "" {
		t.Fatalf("degraded: %s", reason)
	}
	return c.Services[0]
}

// inEnvelope puts content into the Body of an envelope, on a line of its own.
func inEnvelope(space, content string) []byte {
	return []byte(`<e:Envelope xmlns:e="` + space + `"><e:Body>` + "\n" + content + "\n</e:Body></e:Envelope>")
}

// short renders details as line:column path: message, found, expected.
func short(details []fault.Detail) string {
	var b strings.Builder
	for _, d := range details {
		fmt.Fprintf(&b, "%d:%d %s: %s; %s; %s\n", d.Line, d.Column, strings.TrimPrefix(d.Path, "/e:Envelope/e:Body/"), d.Message, d.Found, d.Expected)
	}
	return b.String()
}

func TestValidateRPCLiteral(t *testing.T) {
	s := graph(t, "rpc-literal")
	const good = `<c:Move xmlns:c="urn:call" xmlns:t="urn:t"><number>7</number><address><t:street>Quay 1</t:street><t:zip>00100</t:zip></address></c:Move>`
	number := "<number>7</number>"
	address := strings.TrimSuffix(good[strings.Index(good, "<address>"):], "</c:Move>")
	tests := []struct{ name, body, want string }{
		{"good", good, ""},
		{"without parts", `<Ping xmlns="urn:t"/>`, ""},
		{"part of an element", `<c:Tell xmlns:c="urn:call"><Note xmlns="urn:t">x</Note></c:Tell>`, ""},
		{"the port type's namespace", `<Nameless xmlns="urn:w"><id xmlns="">9</id></Nameless>`, ""},
		{"order", strings.Replace(strings.Replace(good, number, "", 1), "</c:Move>", number+"</c:Move>", 1),
			"2:110 c:Move/number: the element is out of place; <number>; number before address\n"},
		{"missing part", strings.Replace(good, address, "", 1),
			"2:1 c:Move: a required element is missing; the end of c:Move; address\n"},
		{"unknown part", strings.Replace(good, number, number+"<more/>", 1),
			"2:62 c:Move/more: the element is not known here; <more>; address\n"},
		{"part of the message, not of the Body", strings.Replace(good, "</c:Move>", "<trace>1</trace></c:Move>", 1),
			"2:128 c:Move/trace: the element is not known here; <trace>; the end of c:Move\n"},
		{"qualified part", strings.Replace(good, number, "<c:number>7</c:number>", 1),
			"2:44 c:Move/c:number: the element is in the wrong namespace; {urn:call}number; number in no namespace\n"},
		{"value", strings.Replace(good, ">7<", ">seven<", 1),
			"2:44 c:Move/number: the value is not a number; \"seven\"; a whole number, from -2147483648 to 2147483647\n"},
		{"value in a type of a schema", strings.Replace(good, "00100", "FI-1", 1),
			"2:98 c:Move/address/t:zip: the value does not match the pattern; \"FI-1\"; text matching [0-9]{5}\n"},
		{"nil part", strings.Replace(good, number, `<number xmlns:i="`+nsXSI+`" i:nil="true"/>`, 1),
			"2:44 c:Move/number: xsi:nil is not allowed on this element; xsi:nil=\"true\"; a whole number, from -2147483648 to 2147483647\n"},
		{"wrapper in another namespace", strings.ReplaceAll(good, "urn:call", "urn:w"),
			"2:1 c:Move: the service has no operation with this Body; {urn:w}Move; {urn:call}Move\n"},
		{"wrapper of an answer", `<c:MoveResponse xmlns:c="urn:answer"><id>1</id></c:MoveResponse>`,
			"2:1 c:MoveResponse: the service has no operation with this Body; {urn:answer}MoveResponse; one of {urn:call}Move, {urn:t}Ping, {urn:call}Tell, {urn:w}Nameless\n"},
		{"attribute of the wrapper", strings.Replace(good, "<c:Move ", `<c:Move version="1" `, 1),
			"2:1 c:Move/@version: the attribute is not known here; version; no attributes\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, space := range []string{nsEnv11, nsEnv12} {
				details, more, err := s.Validate(inEnvelope(space, tt.body), 0)
				if err != nil || more != 0 || short(details) != tt.want {
					t.Errorf("error %v, more %d\ngot\n%swant\n%s", err, more, short(details), tt.want)
				}
			}
		})
	}
}

// TestValidatePayloadRPC takes messages without their envelopes, answers too.
func TestValidatePayloadRPC(t *testing.T) {
	s := graph(t, "rpc-literal")
	op := s.OperationNamed("Move")
	details, _, err := s.ValidatePayload(op, []byte(`<Move xmlns="urn:call"><number xmlns="">x</number><address xmlns=""><street xmlns="urn:t"/></address></Move>`), 0)
	if got, want := short(details), "1:24 /Move/number: the value is not a number; \"x\"; a whole number, from -2147483648 to 2147483647\n"; err != nil || got != want {
		t.Errorf("error %v\ngot\n%swant\n%s", err, got, want)
	}
	for body, valid := range map[string]bool{"<id>1</id>": true, "<id>x</id>": false} {
		if err := s.validator.Validate([]byte(`<a:MoveResponse xmlns:a="urn:answer">` + body + `</a:MoveResponse>`)); (err == nil) != valid {
			t.Errorf("answer %s: %v", body, err)
		}
	}
}

// TestValidateRPCEncoded holds the literal form of an encoded message against
// its description.
func TestValidateRPCEncoded(t *testing.T) {
	s := graph(t, "rpc-encoded")
	in := s.OperationNamed("add").Input
	if in.Use != Encoded || in.EncodingStyle != nsSOAPEnc || in.Namespace != "urn:x" || len(in.Parts) != 3 {
		t.Errorf("use %v, style %q, namespace %q, %d parts", in.Use, in.EncodingStyle, in.Namespace, len(in.Parts))
	}
	const good = `<x:add xmlns:x="urn:x" xmlns:i="` + nsXSI + `" e:encodingStyle="` + nsSOAPEnc + `"><user>a</user><item><sku>s</sku><count i:nil="1"/></item><count>2</count></x:add>`
	tests := []struct{ name, body, want string }{
		{"good", good, ""},
		{"nil", strings.Replace(good, "<user>a</user>", `<user i:nil="true"/>`, 1), ""},
		{"value", strings.Replace(good, ">2<", ">two<", 1), "2:193 x:add/count: the value is not a number; \"two\"; a whole number, from -2147483648 to 2147483647\n"},
	}
	for _, tt := range tests {
		details, _, err := s.Validate(inEnvelope(nsEnv11, tt.body), 0)
		if err != nil || short(details) != tt.want {
			t.Errorf("%s: error %v\ngot\n%swant\n%s", tt.name, err, short(details), tt.want)
		}
	}
}
