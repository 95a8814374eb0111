package contract

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestArrays validates literal messages with SOAP arrays in them: members are
// what arrayType says, and the encoding's own attributes are welcome.
func TestArrays(t *testing.T) {
	s := archived(t, "soap-arrays").Services[0]
	const rest = `<t:onlyDeclared><t:m><item/></t:m></t:onlyDeclared><t:untyped/><t:wild/><t:extended><item>1</item></t:extended><t:bare><item><any/></item></t:bare>` +
		`<t:again/><t:ofArrays><item><item>a</item><item/></item><item/></t:ofArrays><t:table><item><item>a</item></item></t:table><t:towers/><t:tooMany/>` +
		`<t:local><t:inner><item>x</item></t:inner></t:local><t:plain><item>x</item></t:plain><t:string>x</t:string><t:int id="i1">1</t:int>`
	const strings1 = `<t:strings enc:arrayType="xs:string[2]"><item>a</item><item xsi:nil="true"/></t:strings>`
	for _, tt := range []struct{ body, want string }{
		{`<t:points><item><t:x>1</t:x></item><item><t:x>2</t:x></item></t:points>` + strings1 + `<t:declared><t:member>1</t:member></t:declared>` + rest, ""},
		{`<t:points/><t:strings/><t:declared/>` + rest, ""},
		{`<t:points><item><t:x>one</t:x></item></t:points><t:strings/><t:declared/>` + rest, "/t:points/item/t:x: the value"},
		{`<t:points><t:Point><t:x>1</t:x></t:Point></t:points><t:strings/><t:declared/>` + rest, "/t:points/t:Point: the element is not known here"},
		{`<t:points/><t:strings/><t:declared><t:member>one</t:member></t:declared>` + rest, "/t:declared/t:member: the value"},
	} {
		envelope := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="urn:t" xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/"` +
			` xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body><t:Go>` + tt.body + `</t:Go></s:Body></s:Envelope>`
		details, _, err := s.Validate([]byte(envelope), 0)
		got := ""
		for _, d := range details {
			got += strings.TrimPrefix(d.Path, "/s:Envelope/s:Body/t:Go") + ": " + d.Message + "\n"
		}
		if err != nil || !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s\ngot %q, %v, want %q", tt.body, got, err, tt.want)
		}
	}
}

// archived loads one of testdata/graphs.
func archived(t *testing.T, name string) *Contract {
	t.Helper()
	a, err := txtar.ParseFile("testdata/graphs/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(archiveFS(a), "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
