package contract

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// crowd is a WSDL with n operations; message and name tell which.
func crowd(n int, style string, message, name func(int) string) string {
	var messages, abstract, bound strings.Builder
	for i := range n {
		fmt.Fprintf(&messages, `<w:message name="M%d"><w:part name="a" element="t:Go"/><w:part name="p%d" type="xs:int"/></w:message>`, i, i)
		fmt.Fprintf(&abstract, `<w:operation name="%s"><w:input name="i%d" message="c:%s"/></w:operation>`, name(i), i, message(i))
		fmt.Fprintf(&bound, `<w:operation name="%s"><soap:operation soapAction="a%d"/><w:input name="i%d"><soap:body use="literal" namespace="urn:c"/></w:input></w:operation>`, name(i), i, i)
	}
	return `<w:definitions xmlns:w="` + nsWSDL + `" xmlns:soap="` + nsSOAP11 + `" xmlns:xs="` + nsXSD + `" xmlns:t="urn:t" xmlns:c="urn:c" targetNamespace="urn:c">` +
		`<w:types><xs:schema targetNamespace="urn:t"><xs:element name="Go" type="xs:int"/></xs:schema></w:types>` +
		messages.String() + `<w:portType name="P">` + abstract.String() + `</w:portType><w:binding name="B" type="c:P"><soap:binding style="` + style + `"/>` + bound.String() +
		`</w:binding><w:service name="S"><w:port name="P" binding="c:B"><soap:address location="http://h"/></w:port></w:service></w:definitions>`
}

func TestBounds(t *testing.T) {
	same := func(s string) func(int) string { return func(int) string { return s } }
	each := func(s string) func(int) string { return func(i int) string { return fmt.Sprint(s, i) } }
	tests := []struct {
		name, src string
		served    int
		refused   string
	}{
		{"Bodies that begin alike", crowd(40, "document", each("M"), each("o")), maxGroups, ""},
		{"overloads with wrappers of their own", crowd(40, "rpc", each("M"), same("o")), maxGroups, ""},
		{"one Body", crowd(2000, "document", same("M1"), each("o")), 2000, ""},
		{"overloads", crowd(2000, "rpc", same("M1"), same("o")), 2000, ""},
		{"operations", crowd(maxOperations+1, "document", same("M1"), each("o")), 0, "more than 10000 operations in one contract"},
		{"parts", strings.Replace(crowd(200, "rpc", same("M1"), each("o")), `<w:part name="p1"`, strings.Repeat(`<w:part name="q" element="t:Go"/>`, 900)+`<w:part name="p1"`, 1), 0, "more than 100000 parts"},
		{"parts of one message", strings.Replace(crowd(1, "rpc", same("M0"), each("o")), `<w:part name="p0"`, strings.Repeat(`<w:part name="q" element="t:Go"/>`, 1000)+`<w:part name="p0"`, 1), 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Load(fstest.MapFS{"sys/main.wsdl": {Data: []byte(tt.src)}}, "sys/main.wsdl")
			if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("error %v, want %q", err, tt.refused)
			}
			if err != nil {
				return
			}
			served := 0
			for _, o := range c.Services[0].Operations {
				if o.Unsupported == "" {
					served++
				}
			}
			if served != tt.served {
				t.Errorf("%d operations are served, want %d", served, tt.served)
			}
		})
	}
}
