package contract

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/wsdl"
)

// breakage is one way to break a sample: passages replaced, each of which must
// be there, and then the whole put into other bytes.
type breakage struct {
	name    string
	sample  string // order, customer, or a passage for the contract of every kind
	edits   []string
	recode  func(string) []byte
	charset string // of the Content-Type
}

var breakages = []breakage{
	{name: "a required element left out", sample: "order", edits: []string{"        <o:Currency>EUR</o:Currency>\n", ""}},
	{name: "the last required element left out", sample: "order", edits: []string{"            <o:UnitPrice>0.04</o:UnitPrice>\n", ""}},
	{name: "several in a row left out", sample: "order", edits: []string{"<o:Sku>NUT-M8</o:Sku>\n            <o:Quantity>1200</o:Quantity>\n            <o:Unit>EA</o:Unit>", ""}},
	{name: "an element too many", sample: "order", edits: []string{"        <o:Note>", "        <o:Remark>soon</o:Remark>\n        <o:Note>"}},
	{name: "elements in another order", sample: "order", edits: []string{"<o:Name>Nordic Machines Oy</o:Name>\n          <o:Country>FI</o:Country>", "<o:Country>FI</o:Country>\n          <o:Name>Nordic Machines Oy</o:Name>"}},
	{name: "an element twice", sample: "order", edits: []string{"<o:Currency>EUR</o:Currency>", "<o:Currency>EUR</o:Currency><o:Currency>USD</o:Currency>"}},
	{name: "a wrong namespace", sample: "order", edits: []string{"<o:Note>Deliver to gate 4 &amp; ring twice.</o:Note>", `<Note xmlns="urn:other">Deliver</Note>`}},
	{name: "an unqualified element", sample: "order", edits: []string{"<o:Currency>EUR</o:Currency>", "<Currency>EUR</Currency>"}},
	{name: "everything unqualified", sample: "order", edits: []string{"<o:SubmitOrder>", `<q:SubmitOrder xmlns:q="` + nsOrders + `">`, "</o:SubmitOrder>", "</q:SubmitOrder>", "<o:", "<", "</o:", "</"}},
	{name: "a qualified element that must not be", sample: "customer", edits: []string{"<CityName>Tampere</CityName>", "<ns1:CityName>Tampere</ns1:CityName>"}},
	{name: "a misspelt required element", sample: "order", edits: []string{"<o:Quantity>1200</o:Quantity>", "<o:Quantiy>1200</o:Quantiy>"}},
	{name: "an element in upper case", sample: "order", edits: []string{"<o:Currency>EUR</o:Currency>", "<o:CURRENCY>EUR</o:CURRENCY>"}},
	{name: "a misspelt optional element with a bad value", sample: "order", edits: []string{"<o:RequestedDelivery>2026-03-16</o:RequestedDelivery>", "<o:RequestDelivery>16.3.2026</o:RequestDelivery>"}},
	{name: "an empty value", sample: "order", edits: []string{">PO-1002<", "><"}},
	{name: "an empty element tag", sample: "order", edits: []string{"<o:Currency>EUR</o:Currency>", "<o:Currency/>"}},
	{name: "blanks only", sample: "order", edits: []string{">PO-1002<", ">   \n  <"}},
	{name: "too long", sample: "order", edits: []string{">PO-1002<", ">PO-10020000000000000000000<"}},
	{name: "far too long", sample: "order", edits: []string{">Deliver to gate", ">" + strings.Repeat("ä", 1500) + "Deliver to gate"}},
	{name: "a pattern", sample: "order", edits: []string{">FI<", ">Finland<"}},
	{name: "a pattern of an e-mail address", sample: "customer", edits: []string{"purchasing@nordic.example", "purchasing at nordic.example"}},
	{name: "an enumeration, near", sample: "order", edits: []string{"SUBMITTED", "Submited"}},
	{name: "an enumeration, in lower case", sample: "order", edits: []string{"<o:Unit>KG<", "<o:Unit>kg<"}},
	{name: "an enumeration, far", sample: "customer", edits: []string{">ACTIVE<", ">DELETED<"}},
	{name: "not a number", sample: "order", edits: []string{">12.500<", ">twelve<"}},
	{name: "a decimal comma", sample: "order", edits: []string{">12.500<", ">12,500<"}},
	{name: "below the bound", sample: "order", edits: []string{">12.500<", ">0<"}},
	{name: "below the least", sample: "customer", edits: []string{">50000.00<", ">-0.01<"}},
	{name: "too many digits", sample: "order", edits: []string{">12.500<", ">1234567890123<"}},
	{name: "too many digits after the point", sample: "order", edits: []string{">12.500<", ">12.5001<"}},
	{name: "a number past all bounds", sample: "order", edits: []string{">12.500<", ">" + strings.Repeat("9", 5000) + "<"}},
	{name: "not a whole number", sample: "customer", edits: []string{`version="3"`, `version="3.5"`}},
	{name: "not a date", sample: "order", edits: []string{">2026-03-16<", ">16.3.2026<"}},
	{name: "a day that is not in the calendar", sample: "order", edits: []string{">2026-03-16<", ">2026-02-30<"}},
	{name: "not a moment", sample: "order", edits: []string{">2026-03-02T09:30:00.250Z<", ">2026-03-02<"}},
	{name: "a required attribute left out", sample: "order", edits: []string{` number="C-1001"`, ""}},
	{name: "an unknown attribute", sample: "order", edits: []string{`revision="1"`, `revision="1" version="2"`}},
	{name: "a misspelt attribute", sample: "order", edits: []string{`number="C-1001"`, `Number="C-1001"`}},
	{name: "a qualified attribute", sample: "order", edits: []string{`number="C-1001"`, `o:number="C-1001"`}},
	{name: "an attribute of a wrong value", sample: "order", edits: []string{`revision="1"`, `revision="-1"`}},
	{name: "an attribute's enumeration", sample: "customer", edits: []string{`usage="BILL_TO"`, `usage="BILLTO"`}},
	{name: "an attribute that xsi has not", sample: "order", edits: []string{`revision="1"`, `xmlns:xsi="` + nsXSI + `" xsi:tpye="o:Order" revision="1"`}},
	{name: "a malformed schemaLocation", sample: "order", edits: []string{"<o:SubmitOrder>", `<o:SubmitOrder xmlns:xsi="` + nsXSI + `" xsi:schemaLocation="orders.xsd">`}},
	{name: "nil where it may not be", sample: "order", edits: []string{"<o:Note>Deliver to gate 4 &amp; ring twice.</o:Note>", `<o:Note xmlns:xsi="` + nsXSI + `" xsi:nil="true"/>`}},
	{name: "nil and not empty", sample: "customer", edits: []string{"<ns1:VATRegistrationID>", `<ns1:VATRegistrationID xmlns:xsi="` + nsXSI + `" xsi:nil="true">`}},
	{name: "empty instead of nil", sample: "customer", edits: []string{"<ns1:VATRegistrationID>FI12345678</ns1:VATRegistrationID>", "<ns1:VATRegistrationID/>"}},
	{name: "xsi:type unknown", sample: "order", edits: []string{"<o:Note>", `<o:Note xmlns:xsi="` + nsXSI + `" xsi:type="o:Memo">`}},
	{name: "xsi:type abstract", sample: "customer", edits: []string{`<ns1:Customer version="3">`, `<ns1:Customer version="3" xmlns:xsi="` + nsXSI + `" xmlns:core="http://schemas.mdm.example/Core/2024/06" xsi:type="core:MasterDataObject">`}},
	{name: "xsi:type not derived", sample: "order", edits: []string{"<o:Note>", `<o:Note xmlns:xsi="` + nsXSI + `" xsi:type="o:Customer">`}},
	{name: "xsi:type of an undeclared prefix", sample: "order", edits: []string{"<o:Note>", `<o:Note xmlns:xsi="` + nsXSI + `" xsi:type="x:Memo">`}},
	{name: "text between elements", sample: "order", edits: []string{"<o:Lines>", "<o:Lines>three lines"}},
	{name: "text in CDATA between elements", sample: "order", edits: []string{"</o:Lines>", "<![CDATA[<more>]]></o:Lines>"}},
	{name: "an element in a value", sample: "order", edits: []string{">PO-1002<", "><o:Value>PO-1002</o:Value><"}},
	{name: "a list element emptied", sample: "order", edits: []string{"<o:Lines>", "<o:Lines/><!--", "</o:Lines>", "-->"}},
	{name: "both of a choice", sample: "customer", edits: []string{"<POBox>PL 77</POBox>", "<StreetLine>Esplanadi 1</StreetLine>\n          <POBox>PL 77</POBox>"}},
	{name: "none of a choice", sample: "customer", edits: []string{"          <POBox>PL 77</POBox>\n", ""}},
	{name: "a choice of elements emptied", sample: "customer", edits: []string{"<ns1:Organisation>", "<!--", "</ns1:Organisation>", "-->"}},
	{name: "too many of a bounded group", sample: "customer", edits: []string{"<ns1:Phone>+358 9 123 4567</ns1:Phone>", strings.Repeat("<ns1:Phone>+358 9 123 4567</ns1:Phone>", 9)}},
	{name: "comments and references between", sample: "order", edits: []string{">FI<", "><!-- the country --><![CDATA[F]]>&#x49;<?x y?>N<"}},
	{name: "a reference that is written out", sample: "order", edits: []string{">SUBMITTED<", ">&#83;ENT&amp;<"}},
	{name: "several at once", sample: "order", edits: []string{">FI<", ">fi<", ">2026-03-16<", "><", `no="2"`, `no="two"`, "<o:Sku>BOLT-M8</o:Sku>", ""}},
	{name: "more than are told", sample: "order", edits: []string{"<o:Lines>", "<o:Lines>" + strings.Repeat("<o:Line/>", 12)}},
	{name: "two operations in the Body", sample: "order", edits: []string{"</soap:Body>", "<o:NotifyShipment/></soap:Body>"}},
	{name: "something after the Body", sample: "order", edits: []string{"</soap:Body>", "</soap:Body><o:Trailer/>"}},
	{name: "an operation in another namespace", sample: "order", edits: []string{"<o:SubmitOrder>", `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:2">`}},
	{name: "a misspelt operation", sample: "order", edits: []string{"o:SubmitOrder>", "o:SubmitOrders>"}},
	{name: "in Latin-1", sample: "order", edits: []string{"<o:Name>Nordic Machines Oy</o:Name>\n          <o:Country>FI</o:Country>", "<o:Name>Päivänsäde Oy</o:Name><o:Country>Äänekoski</o:Country>", `encoding="UTF-8"`, `encoding="ISO-8859-1"`, "×", "x"}, recode: latin1},
	{name: "in UTF-16", sample: "order", edits: []string{"<o:Name>Nordic Machines Oy</o:Name>\n          <o:Country>FI</o:Country>", "<o:Name>Päivä 😀 Oy</o:Name><o:Country>FIN</o:Country>", `encoding="UTF-8"`, `encoding="UTF-16"`}, recode: wideWithMark, charset: "utf-16"},
	{name: "in UTF-8 with a mark", sample: "order", edits: []string{">FI<", ">FIN<"}, recode: func(s string) []byte { return []byte("\uFEFF" + s) }},
	{name: "bytes of another encoding", sample: "order", edits: []string{"Nordic Machines", "P\xe4iv\xe4"}},
	{name: "too deep", sample: "order", edits: []string{"<o:Note>", strings.Repeat("<o:Note>", 300)}},
	{name: "cut off", sample: "order", edits: []string{"</o:Lines>", ""}},
	{name: "a document type", sample: "order", edits: []string{"<soap:Envelope", "<!DOCTYPE x [<!ENTITY e 'x'>]>\n<soap:Envelope"}},
	{name: "an entity that nobody declares", sample: "order", edits: []string{"&amp;", "&uuml;"}},

	{name: "nothing that xs:any takes", sample: "<strict/>"},
	{name: "xs:any strict, undeclared", sample: "<strict><Unknown/></strict>"},
	{name: "a key twice", sample: "<keyed><k>1</k><k>2</k>\n<k>01</k></keyed>"},
	{name: "a value twice that must be unique", sample: "<book><page no='7'/>\n<page no='7'/></book>"},
	{name: "a key left out", sample: "<book><page/></book>"},
	{name: "a reference to no key", sample: "<book><page no='7'/><see>8</see></book>"},
	{name: "an id twice", sample: "<ids><i id='a'/>\n<i id='a'/></ids>"},
	{name: "a reference to no id", sample: "<ids><i id='a'/><i to='b'/></ids>"},
	{name: "a qualified name of an undeclared prefix", sample: "<qname>q:x</qname>"},
	{name: "not the fixed value", sample: "<fixed>no</fixed>"},
	{name: "not the default's type", sample: "<default>x</default>"},
	{name: "an abstract element", sample: "<head><Head>1</Head></head>"},
	{name: "an abstract type", sample: "<animal/>"},
	{name: "text in an element that is empty", sample: "<empty>x</empty>"},
	{name: "an item of a list", sample: "<list>1 2 drei 4</list>"},
	{name: "one too few", sample: "<twice><a>1</a></twice>"},
	{name: "one too many", sample: "<twice><a>1</a><a>2</a><a>3</a><a>4</a></twice>"},
}

func latin1(s string) []byte { return narrow(s) }

func wideWithMark(s string) []byte {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// book adds keys and references to the contract of every kind.
const book = `<xs:element name="book"><xs:complexType><xs:sequence>
<xs:element name="page" maxOccurs="9"><xs:complexType><xs:attribute name="no" type="xs:int"/></xs:complexType></xs:element>
<xs:element name="see" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:key name="page"><xs:selector xpath="t:page"/><xs:field xpath="@no"/></xs:key>
<xs:keyref name="see" refer="t:page"><xs:selector xpath="t:see"/><xs:field xpath="."/></xs:keyref></xs:element>`

// received is the broken message as its bytes come in.
func (b breakage) received(t *testing.T) []byte {
	t.Helper()
	var text string
	switch b.sample {
	case "order":
		text = string(envelope(t, "order-full.xml"))
	case "customer":
		src, err := os.ReadFile("../../mappings/cases/customer.xml")
		if err != nil {
			t.Fatal(err)
		}
		text = string(src)
	default:
		text = string(wrapped(b.sample))
	}
	for i := 0; i < len(b.edits); i += 2 {
		if !strings.Contains(text, b.edits[i]) {
			t.Fatalf("the sample does not contain %q", b.edits[i])
		}
		times := 1
		if strings.HasPrefix(b.edits[i], "<o:") && len(b.edits[i]) == 3 || strings.HasPrefix(b.edits[i], "</o:") && len(b.edits[i]) == 4 || b.name == "a misspelt operation" {
			times = -1
		}
		text = strings.Replace(text, b.edits[i], b.edits[i+1], times)
	}
	if b.recode != nil {
		return b.recode(text)
	}
	return []byte(text)
}

// judged is the whole fault, from the bytes as they were received: what a door
// does with them.
func judged(s *Service, received []byte, charset string) error {
	text, places, err := document.Decode(received, charset)
	if err != nil {
		where := fault.Detail{Message: err.Error()}
		if s, ok := errors.AsType[*document.SyntaxError](err); ok {
			where = fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column}
		}
		return fault.New(fault.CodeEncoding, "").With(where)
	}
	details, more, err := s.Validate(text, 10)
	if err == nil && len(details) > 0 {
		f := fault.New(fault.CodeInvalid, "").With(details...)
		f.More = more
		err = f
	}
	if f := fault.Of(err); f != nil {
		for i := range f.Details {
			f.Details[i].Column = places.Column(f.Details[i].Line, f.Details[i].Column)
		}
	}
	return err
}

// TestBreaks breaks the samples in every way that senders do, and compares the
// whole fault with a golden file that people read.
func TestBreaks(t *testing.T) {
	customers, err := Load(wsdl.FS, "customers/customers.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	kinds := everyKindService(t, strings.Replace(everyKind, `<xs:element name="empty">`, book+`<xs:element name="qname" type="xs:QName"/><xs:element name="empty">`, 1))
	services := map[string]*Service{"order": sample(t).Services[0], "customer": customers.Services[0]}
	var out strings.Builder
	for _, b := range breakages {
		received := b.received(t)
		err := judged(cmp.Or(services[b.sample], kinds), received, b.charset)
		if err == nil {
			t.Errorf("%s: nothing is wrong", b.name)
			continue
		}
		fmt.Fprintf(&out, "== %s\n%s\n", b.name, inFull(fault.Of(err)))
		inPlace(t, b, received, fault.Of(err))
	}
	const golden = "testdata/breaks.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(out.String(), "\n== "); out.String() != string(want) {
		for i, one := range strings.Split(string(want), "\n== ") {
			if i < len(got) && got[i] != one {
				t.Errorf("got\n== %s\nwant\n== %s", got[i], one)
			}
		}
	}
}

// inFull is a fault as people read it, on lines of its own.
func inFull(f *fault.Error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s; for the %s to mend\n", f.Code, f.Message, f.Mender())
	for _, d := range f.Details {
		fmt.Fprintf(&b, "  line %d, column %d, %s\n", d.Line, d.Column, cmp.Or(d.Path, "-"))
		fmt.Fprintf(&b, "    %s\n", d.Message)
		for _, part := range [][2]string{{"found", d.Found}, {"expected", d.Expected}, {"contract", d.Doc}} {
			if part[1] != "" {
				fmt.Fprintf(&b, "    %s: %s\n", part[0], part[1])
			}
		}
	}
	if f.More > 0 {
		fmt.Fprintf(&b, "  and %d more\n", f.More)
	}
	return b.String()
}

// inPlace demands that each detail of the contract is about an element that
// starts at its place in the bytes received.
func inPlace(t *testing.T, b breakage, received []byte, f *fault.Error) {
	t.Helper()
	tag, lineEnd := []byte("<"), []byte("\n")
	if b.charset == "utf-16" {
		received, tag, lineEnd = received[2:], []byte("<\x00"), []byte("\n\x00")
	}
	all := bytes.Split(bytes.TrimPrefix(received, []byte("\uFEFF")), lineEnd)
	for _, d := range f.Details {
		if f.Code != fault.CodeInvalid {
			continue
		}
		if d.Line < 1 || d.Line > len(all) || !bytes.HasPrefix(all[d.Line-1][d.Column-1:], tag) {
			t.Errorf("%s: no element starts at line %d, column %d", b.name, d.Line, d.Column)
		}
	}
}
