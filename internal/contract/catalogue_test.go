package contract

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/document"
)

// TestCatalogue compiles every schema of the catalogue, imported as contracts
// do, and asks for what contracts use of it.
func TestCatalogue(t *testing.T) {
	used := map[string]string{ // an element, a type or an attribute of each
		nsXSD: "e:schema", nsXML: "@lang", nsWSDL: "@arrayType", nsSOAP11: "t:tHeader", nsSOAP12: "e:address",
		nsEnv11: "e:Fault @mustUnderstand @encodingStyle", nsEnv12: "e:Fault t:faultcode @role",
		nsSOAPEnc: "t:Array t:string t:base64 @arrayType", nsEnc12: "t:Array t:int e:string @itemType",
		"http://xml.apache.org/xml-soap":                                                     "t:Map t:Vector t:DataHandler",
		"http://www.w3.org/2004/06/xmlmime":                                                  "t:base64Binary @contentType",
		"http://www.w3.org/2004/11/xmlmime":                                                  "t:base64Binary @contentType",
		"http://www.w3.org/2005/05/xmlmime":                                                  "t:hexBinary @contentType",
		"http://www.w3.org/2004/08/xop/include":                                              "e:Include",
		"http://ws-i.org/profiles/basic/1.1/xsd":                                             "t:swaRef",
		"http://www.w3.org/1999/xlink":                                                       "@href @type",
		"http://www.w3.org/2000/09/xmldsig#":                                                 "e:Signature e:KeyInfo t:X509DataType",
		"http://www.w3.org/2001/04/xmlenc#":                                                  "e:EncryptedData e:EncryptedKey",
		"http://www.w3.org/2005/08/addressing":                                               "e:ReplyTo t:EndpointReferenceType e:Action",
		"http://schemas.xmlsoap.org/ws/2004/08/addressing":                                   "e:MessageID t:EndpointReferenceType",
		"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": "e:Timestamp @Id",
		"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd":  "e:Security e:UsernameToken",
		"http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd":                 "e:SignatureConfirmation @TokenType",
		"http://schemas.microsoft.com/2003/10/Serialization/":                                "t:guid e:anyType t:duration",
		"http://schemas.microsoft.com/2003/10/Serialization/Arrays":                          "t:ArrayOfstring t:ArrayOfKeyValueOfstringstring e:ArrayOfint",
		"http://microsoft.com/wsdl/types/":                                                   "t:guid t:char",
	}
	for _, ns := range slices.Sorted(maps.Keys(wellKnown)) {
		t.Run(wellKnown[ns], func(t *testing.T) {
			if used[ns] == "" {
				t.Fatal("nothing of it is asked for")
			}
			usesOf(t, ns, used[ns], true)
			if ns != nsWSDL && ns != nsSOAP11 && ns != nsSOAP12 { // what a WSDL mentions in any case
				usesOf(t, ns, used[ns], false)
			}
		})
	}
}

func usesOf(t *testing.T, ns, names string, imported bool) {
	var types, refs, attributes, wanted strings.Builder
	for i, one := range strings.Fields(names) {
		kind, name, _ := strings.Cut(one, ":")
		switch {
		case strings.HasPrefix(one, "@"):
			fmt.Fprintf(&attributes, `<xs:attribute ref="k:%s"/>`, one[1:])
			fmt.Fprintf(&wanted, "@%s ", one[1:])
		case kind == "e":
			fmt.Fprintf(&refs, `<xs:element ref="k:%s"/>`, name)
		default:
			fmt.Fprintf(&types, `<xs:element name="e%d" type="k:%s"/>`, i, name)
		}
	}
	prefix := "k"
	declaration := `xmlns:k="` + ns + `"`
	if ns == nsXML {
		prefix, declaration = "xml", ""
	}
	schema := `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" ` + declaration + ` targetNamespace="urn:t" elementFormDefault="qualified">`
	if imported {
		schema += `<xs:import namespace="` + ns + `"/>`
	}
	schema += strings.ReplaceAll(`<xs:element name="Go"><xs:complexType><xs:sequence>`+refs.String()+types.String()+`</xs:sequence>`+
		attributes.String()+`</xs:complexType></xs:element></xs:schema>`, `"k:`, `"`+prefix+`:`)
	c, err := Load(fstest.MapFS{"sys/main.wsdl": {Data: []byte(oneOperation(schema))}}, "sys/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Services[0].Degraded(); d != "" {
		t.Errorf("imported %t: degraded: %s", imported, d)
	}
	for _, n := range c.Notes {
		t.Errorf("imported %t: note %s", imported, n)
	}
	if len(c.Schemas()) == 0 {
		t.Errorf("imported %t: the schema is not published", imported)
	}
}

// oneOperation is a WSDL around an embedded schema, with an operation whose
// input is {urn:t}Go.
func oneOperation(schema string) string {
	return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" xmlns:m="urn:w" targetNamespace="urn:w">
<w:types>` + schema + `</w:types>
<w:message name="In"><w:part name="parameters" element="t:Go"/></w:message>
<w:portType name="PT"><w:operation name="Go"><w:input message="m:In"/></w:operation></w:portType>
<w:binding name="B" type="m:PT"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><w:operation name="Go"><soap:operation soapAction="go"/><w:input><soap:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="m:B"><soap:address location="http://host/s"/></w:port></w:service>
</w:definitions>`
}

// TestCatalogueIsWhole demands that every file of the catalogue is for the
// namespace that leads to it, and none is left over.
func TestCatalogueIsWhole(t *testing.T) {
	files, err := fs.Glob(wellKnownFiles, "catalogue/*.xsd")
	if err != nil || len(files) != len(wellKnown) {
		t.Fatalf("%d files for %d namespaces, %v", len(files), len(wellKnown), err)
	}
	for ns, name := range wellKnown {
		src, err := wellKnownFiles.ReadFile("catalogue/" + name)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := document.Read(src)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := attr(tree.Root(), "targetNamespace"); got != ns {
			t.Errorf("%s is for %q, not %q", name, got, ns)
		}
	}
}
