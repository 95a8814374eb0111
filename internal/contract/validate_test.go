package contract

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestValidateBreaks breaks the sample order in every way that senders do and
// expects each fault in full.
func TestValidateBreaks(t *testing.T) {
	const order = "/soap:Envelope/soap:Body/o:SubmitOrder/o:Order"
	tests := []struct {
		name, from, to string
		want           []fault.Detail
	}{
		{"enumeration", "SUBMITTED", "SENT", []fault.Detail{
			{Message: "the value is not one of the values allowed", Path: order + "/o:Status", Line: 12, Column: 9,
				Found: `"SENT"`, Expected: "one of DRAFT, SUBMITTED, CONFIRMED", Doc: "DRAFT is stored and not announced; SUBMITTED asks for delivery; CONFIRMED was agreed on paper."},
		}},
		{"enumeration in lower case", "<o:Unit>KG<", "<o:Unit>kg<", []fault.Detail{
			{Message: "the value is not one of the values allowed; is KG meant?", Path: order + "/o:Lines/o:Line[3]/o:Unit", Line: 41, Column: 13,
				Found: `"kg"`, Expected: "one of EA, KG, M, L", Doc: "EA piece, KG kilogram, M metre, L litre."},
		}},
		{"pattern", ">FI<", ">Finland<", []fault.Detail{
			{Message: "the value does not match the pattern", Path: order + "/o:Customer/o:Country", Line: 18, Column: 11,
				Found: `"Finland"`, Expected: "text matching [A-Z]{2}", Doc: "Where the customer is registered: ISO 3166-1 alpha-2, upper case."},
		}},
		{"too long", ">PO-1002<", ">PO-10020000000000000000000<", []fault.Detail{
			{Message: "the value has 26 characters, more than 20", Path: order + "/o:OrderNumber", Line: 11, Column: 9,
				Found: `"PO-10020000000000000000000"`, Expected: "text of 1 to 20 characters", Doc: "The order's number in the sender's books; sent again it changes the order."},
		}},
		{"empty value", ">PO-1002<", "><", []fault.Detail{
			{Message: "the value is empty", Path: order + "/o:OrderNumber", Line: 11, Column: 9,
				Found: `""`, Expected: "text of 1 to 20 characters", Doc: "The order's number in the sender's books; sent again it changes the order."},
		}},
		{"not a number", ">12.500<", ">twelve<", []fault.Detail{
			{Message: "the value is not a number", Path: order + "/o:Lines/o:Line[3]/o:Quantity", Line: 40, Column: 13,
				Found: `"twelve"`, Expected: "a decimal, more than 0, at most 12 digits, at most 3 of them after the point", Doc: "How much is ordered, in Unit; more than zero."},
		}},
		{"below the bound", ">12.500<", ">0<", []fault.Detail{
			{Message: "the value is not more than 0", Path: order + "/o:Lines/o:Line[3]/o:Quantity", Line: 40, Column: 13,
				Found: `"0"`, Expected: "a decimal, more than 0, at most 12 digits, at most 3 of them after the point", Doc: "How much is ordered, in Unit; more than zero."},
		}},
		{"too many digits after the point", ">12.500<", ">12.5001<", []fault.Detail{
			{Message: "the value has 4 digits after the point, more than 3", Path: order + "/o:Lines/o:Line[3]/o:Quantity", Line: 40, Column: 13,
				Found: `"12.5001"`, Expected: "a decimal, more than 0, at most 12 digits, at most 3 of them after the point", Doc: "How much is ordered, in Unit; more than zero."},
		}},
		{"not a date", ">2026-03-16<", ">16.3.2026<", []fault.Detail{
			{Message: "the value is not a date such as 2026-03-16", Path: order + "/o:RequestedDelivery", Line: 14, Column: 9,
				Found: `"16.3.2026"`, Expected: "a date such as 2026-03-16", Doc: "The day the customer wants the goods."},
		}},
		{"not a moment", ">2026-03-02T09:30:00.250Z<", ">2026-03-02<", []fault.Detail{
			{Message: "the value is not a date and time such as 2026-03-02T09:30:00Z", Path: "/soap:Envelope/soap:Body/o:SubmitOrder/o:Header/o:SentAt", Line: 7, Column: 9,
				Found: `"2026-03-02"`, Expected: "a date and time such as 2026-03-02T09:30:00Z", Doc: "When the sender made the message."},
		}},
		{"required element missing", "        <o:Currency>EUR</o:Currency>\n", "", []fault.Detail{
			{Message: "a required element is missing", Path: order, Line: 15, Column: 9,
				Found: "<o:Customer>", Expected: "o:Currency, text matching [A-Z]{3}", Doc: "The currency of all prices in the order: ISO 4217, upper case."},
		}},
		{"last required element missing", "            <o:UnitPrice>0.04</o:UnitPrice>\n", "", []fault.Detail{
			{Message: "a required element is missing", Path: order + "/o:Lines/o:Line[2]", Line: 32, Column: 11,
				Found: "the end of o:Line", Expected: "o:UnitPrice, a decimal, at least 0, at most 15 digits, at most 4 of them after the point", Doc: "The price of one Unit, in the order's currency, without tax."},
		}},
		{"several elements missing", "<o:Sku>NUT-M8</o:Sku>\n            <o:Quantity>1200</o:Quantity>\n            <o:Unit>EA</o:Unit>", "", []fault.Detail{
			{Message: "a required element is missing", Path: order + "/o:Lines/o:Line[2]", Line: 34, Column: 13,
				Found: "<o:UnitPrice>", Expected: "o:Sku, text of 1 to 40 characters", Doc: "The product ordered; it must be in the catalogue."},
			{Message: "a required element is missing", Path: order + "/o:Lines/o:Line[2]", Line: 34, Column: 13,
				Found: "<o:UnitPrice>", Expected: "o:Quantity, a decimal, more than 0, at most 12 digits, at most 3 of them after the point", Doc: "How much is ordered, in Unit; more than zero."},
			{Message: "a required element is missing", Path: order + "/o:Lines/o:Line[2]", Line: 34, Column: 13,
				Found: "<o:UnitPrice>", Expected: "o:Unit, one of EA, KG, M, L", Doc: "EA piece, KG kilogram, M metre, L litre."},
		}},
		{"required attribute missing", ` number="C-1001"`, "", []fault.Detail{
			{Message: "a required attribute is missing", Path: order + "/o:Customer", Line: 16, Column: 9,
				Found: "o:Customer without number", Expected: "number, text of 1 to 20 characters", Doc: "The customer's number in the sender's books."},
		}},
		{"attribute unknown", `revision="1"`, `revision="1" version="2"`, []fault.Detail{
			{Message: "the attribute is not known here", Path: order + "/@version", Line: 10, Column: 7,
				Found: "version", Expected: "revision"},
		}},
		{"attribute of the wrong type", `revision="1"`, `revision="-1"`, []fault.Detail{
			{Message: "the value is not at least 1", Path: order + "/@revision", Line: 10, Column: 7,
				Found: `"-1"`, Expected: "a whole number, at least 1", Doc: "Counts the versions of the order; an older one never replaces a newer one."},
		}},
		{"element unknown", "        <o:Note>", "        <o:Remark>soon</o:Remark>\n        <o:Note>", []fault.Detail{
			{Message: "the element is not known here", Path: order + "/o:Remark", Line: 21, Column: 9,
				Found: "<o:Remark>", Expected: "one of o:Note, o:Lines"},
		}},
		{"element twice", "<o:Currency>EUR</o:Currency>", "<o:Currency>EUR</o:Currency><o:Currency>USD</o:Currency>", []fault.Detail{
			{Message: "the element occurs twice", Path: order + "/o:Currency[2]", Line: 15, Column: 37,
				Found: "<o:Currency>", Expected: "o:Customer", Doc: "The currency of all prices in the order: ISO 4217, upper case."},
		}},
		{"elements swapped", "<o:Name>Nordic Machines Oy</o:Name>\n          <o:Country>FI</o:Country>", "<o:Country>FI</o:Country>\n          <o:Name>Nordic Machines Oy</o:Name>", []fault.Detail{
			{Message: "the element is out of place", Path: order + "/o:Customer/o:Name", Line: 18, Column: 11,
				Found: "<o:Name>", Expected: "o:Name before o:Country", Doc: "The customer's legal name."},
		}},
		{"element in no namespace", "<o:Note>Deliver to gate 4 &amp; ring twice.</o:Note>", "<Note>Deliver</Note>", []fault.Detail{
			{Message: "the element is in the wrong namespace", Path: order + "/Note", Line: 21, Column: 9,
				Found: "Note in no namespace", Expected: "{urn:gatehouse:samples:orders:1}Note", Doc: "Anything the warehouse should know."},
		}},
		{"element in another namespace", "<o:Note>Deliver to gate 4 &amp; ring twice.</o:Note>", `<Note xmlns="urn:other">Deliver</Note>`, []fault.Detail{
			{Message: "the element is in the wrong namespace", Path: order + "/Note", Line: 21, Column: 9,
				Found: "{urn:other}Note", Expected: "{urn:gatehouse:samples:orders:1}Note", Doc: "Anything the warehouse should know."},
		}},
		{"text between elements", "<o:Lines>", "<o:Lines>three lines", []fault.Detail{
			{Message: "text is not allowed between elements", Path: order + "/o:Lines", Line: 22, Column: 9,
				Found: `"three lines"`, Expected: "the element o:Line", Doc: "What is ordered: at least one line."},
		}},
		{"element in a value", ">PO-1002<", "><o:Value>PO-1002</o:Value><", []fault.Detail{
			{Message: "no element is allowed here", Path: order + "/o:OrderNumber/o:Value", Line: 11, Column: 24,
				Found: "<o:Value>", Expected: "text of 1 to 20 characters", Doc: "The order's number in the sender's books; sent again it changes the order."},
		}},
		{"nil where not allowed", "<o:Note>Deliver to gate 4 &amp; ring twice.</o:Note>", `<o:Note xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`, []fault.Detail{
			{Message: "xsi:nil is not allowed on this element", Path: order + "/o:Note", Line: 21, Column: 9,
				Found: `xsi:nil="true"`, Expected: "text of at most 1000 characters", Doc: "Anything the warehouse should know."},
		}},
		{"xsi:type unknown", "<o:Note>", `<o:Note xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="o:Memo">`, []fault.Detail{
			{Message: "xsi:type does not name a type that may stand here", Path: order + "/o:Note", Line: 21, Column: 9,
				Found: `"o:Memo"`, Expected: "{urn:gatehouse:samples:common:1}LongText", Doc: "Anything the warehouse should know."},
		}},
		{"xsi:type not derived", "<o:Note>", `<o:Note xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="o:Customer">`, []fault.Detail{
			{Message: "xsi:type does not name a type that may stand here", Path: order + "/o:Note", Line: 21, Column: 9,
				Found: `"o:Customer"`, Expected: "{urn:gatehouse:samples:common:1}LongText", Doc: "Anything the warehouse should know."},
		}},
		{"everything empty", "<o:Lines>", "<o:Lines/><o:Lines>", []fault.Detail{
			{Message: "a required element is missing", Path: order + "/o:Lines[1]", Line: 22, Column: 9,
				Found: "the end of o:Lines", Expected: "o:Line", Doc: "One product of the order."},
			{Message: "the element occurs twice", Path: order + "/o:Lines[2]", Line: 22, Column: 19,
				Found: "<o:Lines>", Expected: "the end of o:Order", Doc: "What is ordered: at least one line."},
		}},
		{"second Body", "</soap:Body>", "</soap:Body><soap:Body/>", []fault.Detail{
			{Message: "the Envelope may not contain this element", Path: "/soap:Envelope/soap:Body[2]", Line: 48, Column: 15,
				Found: "<soap:Body>", Expected: "one Header, which may be left out, and one Body"},
		}},
		{"something after the Body", "</soap:Body>", "</soap:Body><o:Trailer/>", []fault.Detail{
			{Message: "the Envelope may not contain this element", Path: "/soap:Envelope/o:Trailer", Line: 48, Column: 15,
				Found: "<o:Trailer>", Expected: "one Header, which may be left out, and one Body"},
		}},
		{"Header after the Body", "</soap:Body>", "</soap:Body><soap:Header/>", []fault.Detail{
			{Message: "the Header is not the first child of the Envelope", Path: "/soap:Envelope/soap:Header", Line: 48, Column: 15,
				Found: "<soap:Header>", Expected: "one Header, which may be left out, and one Body"},
		}},
		{"second operation", "</soap:Body>", "<o:NotifyShipment/></soap:Body>", []fault.Detail{
			{Message: "the Body has more than one child", Path: "/soap:Envelope/soap:Body/o:NotifyShipment", Line: 48, Column: 3,
				Found: "<o:NotifyShipment>", Expected: "nothing after o:SubmitOrder"},
		}},
		{"Body element in another namespace", "<o:SubmitOrder>", `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:2">`, []fault.Detail{
			{Message: "the service has no operation with this Body", Path: "/soap:Envelope/soap:Body/o:SubmitOrder", Line: 4, Column: 5,
				Found: "{urn:gatehouse:samples:orders:2}SubmitOrder", Expected: "{urn:gatehouse:samples:orders:1}SubmitOrder"},
		}},
		{"Header twice", "<soap:Body>", "<soap:Header/><soap:Header/><soap:Body>", []fault.Detail{
			{Message: "the Header is not the first child of the Envelope", Path: "/soap:Envelope/soap:Header[2]", Line: 3, Column: 17,
				Found: "<soap:Header>", Expected: "one Header, which may be left out, and one Body"},
		}},
	}
	s := sample(t).Services[0]
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, more, err := s.Validate(replaced(t, "order-full.xml", tt.from, tt.to), 0)
			if err != nil || more != 0 {
				t.Fatalf("more %d, error %v", more, err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", lines(got), lines(tt.want))
			}
		})
	}
}

func lines(details []fault.Detail) string {
	var b strings.Builder
	for _, d := range details {
		b.WriteString("  " + d.String() + " // " + d.Doc + "\n")
	}
	return b.String()
}

func TestValidateGood(t *testing.T) {
	s := sample(t).Services[0]
	for _, name := range []string{
		"order-minimal.xml", "order-full.xml", "order-full-soap12.xml", "order-full-wsse.xml", "order-full-wsse-soap12.xml",
		"order-revision-2.xml", "order-draft.xml", "order-same-id-other-body.xml", "order-other-prefixes.xml",
		"shipment.xml", "shipment-soap12.xml", "bad-must-understand.xml", "bad-sku-unknown.xml", // bad for other stages
	} {
		t.Run(name, func(t *testing.T) {
			details, _, err := s.Validate(envelope(t, name), 0)
			if err != nil || len(details) > 0 {
				t.Errorf("error %v\n%s", err, lines(details))
			}
		})
	}
}

// TestValidateSeveral: every fault of a message, in document order, and a limit
// that counts the rest.
func TestValidateSeveral(t *testing.T) {
	s := sample(t).Services[0]
	all, more, err := s.Validate(envelope(t, "bad-several.xml"), 0)
	if err != nil || more != 0 || len(all) != 6 {
		t.Fatalf("%d details, more %d, error %v", len(all), more, err)
	}
	for i := 1; i < len(all); i++ {
		if all[i].Line < all[i-1].Line {
			t.Errorf("line %d comes after line %d", all[i].Line, all[i-1].Line)
		}
	}
	some, more, err := s.Validate(envelope(t, "bad-several.xml"), 2)
	if err != nil || more != 4 || !slices.Equal(some, all[:2]) {
		t.Errorf("limit 2: %d details, more %d, error %v", len(some), more, err)
	}
}

// TestValidateRefuses: what is no judgement of the contract is a fault of its own.
func TestValidateRefuses(t *testing.T) {
	s := sample(t).Services[0]
	deep := strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300)
	tests := []struct {
		name string
		src  []byte
		code fault.Code
		line int
	}{
		{"doctype", envelope(t, "bad-doctype.xml"), fault.CodeDoctype, 2},
		{"malformed", envelope(t, "bad-malformed.xml"), fault.CodeMalformed, 13},
		{"truncated", envelope(t, "bad-truncated.xml"), fault.CodeMalformed, 35},
		{"duplicate attribute", envelope(t, "bad-duplicate-attribute.xml"), fault.CodeMalformed, 19},
		{"undeclared prefix", envelope(t, "bad-undeclared-prefix.xml"), fault.CodeMalformed, 13},
		{"not SOAP", envelope(t, "bad-not-soap.xml"), fault.CodeNotSOAP, 2},
		{"unknown SOAP version", envelope(t, "bad-envelope-version.xml"), fault.CodeVersionMismatch, 2},
		{"UTF-16 not decoded", envelope(t, "order-utf16.xml"), fault.CodeEncoding, 1},
		{"empty", nil, fault.CodeMalformed, 1},
		{"blank", []byte(" \n"), fault.CodeMalformed, 2},
		{"two roots", append(envelope(t, "order-minimal.xml"), "<a/>"...), fault.CodeMalformed, 30},
		{"too deep", replaced(t, "order-minimal.xml", "<o:SubmitOrder>", "<o:SubmitOrder>"+deep), fault.CodeTooLarge, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			details, _, err := s.Validate(tt.src, 0)
			f := fault.Of(err)
			if f == nil || f.Code != tt.code || len(details) > 0 {
				t.Fatalf("error %v, details %v; want %s", err, details, tt.code)
			}
			if len(f.Details) != 1 || f.Details[0].Line != tt.line {
				t.Errorf("details %v; want one at line %d", f.Details, tt.line)
			}
		})
	}
}

// TestValidateCrowd: the number of elements is bounded, whatever they are.
func TestValidateCrowd(t *testing.T) {
	s := sample(t).Services[0]
	for _, one := range []string{"<o:X/>", "<o:X></o:X>", "<!---->"} {
		_, _, err := s.Validate(replaced(t, "order-full.xml", "<o:Lines>", "<o:Lines>"+strings.Repeat(one, maxMarkup)), 0)
		if f := fault.Of(err); f == nil || f.Code != fault.CodeTooLarge {
			t.Errorf("%s: error %v, want %s", one, err, fault.CodeTooLarge)
		}
	}
}

// TestValidateConcurrently shares one service among many.
func TestValidateConcurrently(t *testing.T) {
	s := sample(t).Services[0]
	good, bad := envelope(t, "order-full.xml"), envelope(t, "bad-several.xml")
	done := make(chan string, 32)
	for range cap(done) {
		go func() {
			for range 20 {
				if d, _, err := s.Validate(good, 0); err != nil || len(d) > 0 {
					done <- "a good order is refused"
					return
				}
				if d, _, err := s.Validate(bad, 0); err != nil || len(d) != 6 {
					done <- "a bad order has other faults"
					return
				}
			}
			done <- ""
		}()
	}
	for range cap(done) {
		if said := <-done; said != "" {
			t.Error(said)
		}
	}
}

// TestValidateLeavesBytes: the bytes belong to the caller.
func TestValidateLeavesBytes(t *testing.T) {
	s := sample(t).Services[0]
	src := envelope(t, "bad-several.xml")
	before := bytes.Clone(src)
	if _, _, err := s.Validate(src, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(src, before) {
		t.Error("the envelope was changed")
	}
}

// TestValidateMany: a message with a hundred thousand faults, or siblings, is
// answered as quickly as it is read, and a fault behind them is found.
func TestValidateMany(t *testing.T) {
	const n = 100_000
	line := `<o:Line no="1"><o:Sku>A</o:Sku><o:Quantity>1</o:Quantity><o:Unit>EA</o:Unit><o:UnitPrice>1</o:UnitPrice></o:Line>`
	bad := strings.Replace(line, ">1</o:UnitPrice>", ">x</o:UnitPrice>", 1)
	s := sample(t).Services[0]
	tests := []struct {
		name, insert string
		all          int
	}{
		{"good siblings", strings.Repeat(line, n/5) + bad, 1},
		{"bad values", strings.Repeat(bad, n/5), n / 5},
		{"unknown siblings", strings.Repeat("<o:X/>", n), n},
		{"incomplete siblings", strings.Repeat(`<o:Line no="1"/>`, n), 4 * n},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			details, more, err := s.Validate(replaced(t, "order-full.xml", "<o:Lines>", "<o:Lines>"+tt.insert), 10)
			if err != nil || len(details)+more != tt.all || len(details) > 10 {
				t.Errorf("%d details, more %d, error %v; want %d in all", len(details), more, err, tt.all)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestValidateLooksAhead: looking for an element further on is bounded too.
func TestValidateLooksAhead(t *testing.T) {
	const n = 50_000
	contract := strings.Replace(everyKind, `<xs:element name="empty">`, `<xs:element name="pairs"><xs:complexType><xs:sequence maxOccurs="unbounded"><xs:element name="k" type="xs:int"/><xs:element name="v" type="xs:int"/></xs:sequence></xs:complexType></xs:element><xs:element name="empty">`, 1)
	s := everyKindService(t, contract)
	start := time.Now()
	details, _, err := s.Validate(wrapped("<pairs>"+strings.Repeat("<k>1</k>", n)+strings.Repeat("<v>1</v>", n)+"</pairs>"), 5)
	if err != nil || len(details) != 5 {
		t.Errorf("details %v, error %v", details, err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}
