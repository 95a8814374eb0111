package gateway_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// xiEnvelope is an envelope of XI 3.0 whose message is a part.
func xiEnvelope(mode, href string) []byte {
	const sap = `xmlns:sap="http://sap.com/xi/XI/Message/30"`
	return []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` + sap + `><s:Header>` +
		`<sap:Main s:mustUnderstand="1"><sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:ProcessingMode>` + mode + `</sap:ProcessingMode><sap:MessageId>0a51</sap:MessageId></sap:Main>` +
		`<sap:ReliableMessaging s:mustUnderstand="1"><sap:QualityOfService>ExactlyOnceInOrder</sap:QualityOfService><sap:QueueId>Q1</sap:QueueId></sap:ReliableMessaging></s:Header>` +
		`<s:Body><sap:Manifest xmlns:x="http://www.w3.org/1999/xlink"><sap:Payload x:href="` + href + `"><sap:Name>MainDocument</sap:Name><sap:Type>Application</sap:Type></sap:Payload></sap:Manifest></s:Body></s:Envelope>`)
}

// keptOctets is an attachment that is not in memory.
type keptOctets []byte

func (k keptOctets) Octets() ([]byte, error)    { return k, nil }
func (k keptOctets) Keep(context.Context) error { return nil }

// TestExchange: a message of SAP's XI protocol is the same message as one in an
// envelope of its own; what is wrong with it is told of the part.
func TestExchange(t *testing.T) {
	src := sample(t, "order-full.xml")
	begin, end := bytes.Index(src, []byte("<o:SubmitOrder>")), bytes.Index(src, []byte("</soap:Body>"))
	order := []byte("<?xml version=\"1.0\"?>\n" + strings.Replace(string(src[begin:end]), "<o:SubmitOrder>", `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">`, 1))
	wide := []byte{0xff, 0xfe}
	for _, c := range string(order) {
		wide = append(wide, byte(c), byte(c>>8))
	}
	invalid := bytes.Replace(order, []byte("<o:Status>SUBMITTED"), []byte("<o:Status>LOST"), 1)
	inMemory := func(octets []byte) *gateway.Attachment {
		return &gateway.Attachment{Part: 1, ContentID: "main@x", Octets: octets, Size: int64(len(octets))}
	}
	spooled := func(octets []byte, beginning int) *gateway.Attachment {
		return &gateway.Attachment{Part: 1, ContentID: "main@x", Beginning: octets[:beginning], Size: int64(len(octets)), Content: keptOctets(octets)}
	}
	for name, c := range map[string]struct {
		mode, href string
		part       *gateway.Attachment
		user       string
		code       fault.Code
		line       int // of the complaint
	}{
		"asynchronous":           {"asynchronous", "cid:main@x", inMemory(order), "erp.alice", "", 0},
		"synchronous":            {"synchronous", "cid:main@x", inMemory(order), "erp.alice", "", 0},
		"an escaped reference":   {"asynchronous", "CID:main%40x", inMemory(order), "erp.alice", "", 0},
		"spooled":                {"asynchronous", "cid:main@x", spooled(order, 300), "erp.alice", "", 0},
		"spooled, UTF-16, cut":   {"asynchronous", "cid:main@x", spooled(wide, 301), "erp.alice", "", 0},
		"after a long comment":   {"asynchronous", "cid:main@x", inMemory(bytes.Replace(order, []byte("<o:SubmitOrder"), []byte("<!--"+strings.Repeat("ä", 30<<10)+"--><o:SubmitOrder"), 1)), "erp.alice", "", 0},
		"after an endless one":   {"asynchronous", "cid:main@x", inMemory(bytes.Replace(order, []byte("<o:SubmitOrder"), []byte("<!--"+strings.Repeat("x", 64<<10)+"--><o:SubmitOrder"), 1)), "erp.alice", fault.CodeMalformed, 0},
		"invalid":                {"asynchronous", "cid:main@x", inMemory(invalid), "erp.alice", fault.CodeInvalid, 1 + bytes.Count(invalid[:bytes.Index(invalid, []byte("LOST"))], []byte("\n"))},
		"invalid, of a stranger": {"asynchronous", "cid:main@x", inMemory(invalid), "carol", fault.CodeForbidden, 0},
		"half, of a stranger":    {"asynchronous", "cid:main@x", inMemory(order[:400]), "carol", fault.CodeForbidden, 0},
		"half":                   {"asynchronous", "cid:main@x", inMemory(order[:400]), "erp.alice", fault.CodeMalformed, 0},
		"with a way out":         {"asynchronous", "cid:main@x", inMemory(append(bytes.Clone(order), "</s:Body></s:Envelope>"...)), "erp.alice", fault.CodeMalformed, 0},
		"a DOCTYPE":              {"asynchronous", "cid:main@x", inMemory([]byte("<!DOCTYPE a><a/>")), "erp.alice", fault.CodeDoctype, 1},
		"no XML":                 {"asynchronous", "cid:main@x", inMemory([]byte("ORDERS05|1")), "erp.alice", fault.CodeMalformed, 1},
		"nothing":                {"asynchronous", "cid:main@x", inMemory(nil), "erp.alice", fault.CodeMalformed, 1},
		"no UTF-8":               {"asynchronous", "cid:main@x", inMemory([]byte("<a>\xff</a>")), "erp.alice", fault.CodeEncoding, 0},
		"another operation":      {"asynchronous", "cid:main@x", inMemory([]byte(`<a xmlns="urn:b"/>`)), "erp.alice", fault.CodeUnknownOperation, 0},
		"a part that is missing": {"asynchronous", "cid:other@x", inMemory(order), "erp.alice", fault.CodeExchange, 1},
		"an address":             {"asynchronous", "http://127.0.0.1:9/x", inMemory(order), "erp.alice", fault.CodeExchange, 1},
		"too large to be read":   {"asynchronous", "cid:main@x", &gateway.Attachment{ContentID: "main@x", Beginning: order[:300], Size: 1 << 30, Content: keptOctets(nil)}, "erp.alice", fault.CodeTooLarge, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.arrival(xiEnvelope(c.mode, c.href), c.user, c.user+"-secret")
			a.Attachments = []*gateway.Attachment{c.part}
			r, err := b.Accept(t.Context(), a)
			b.stop()
			if c.code != "" {
				b.wantRefused(t, r, err, c.code)
				if f := fault.Of(err); c.line > 0 && (len(f.Details) == 0 || f.Details[0].Line != c.line) {
					t.Errorf("%+v, want line %d", f.Details, c.line)
				}
				return
			}
			b.wantStored(t, r, err)
			if m := &b.store.entries[0]; m.OrderingKey == "" || len(m.Attachments) != 0 || !bytes.Contains(m.Payload, []byte("SUBMITTED")) {
				t.Errorf("%+v", *m)
			}
		})
	}
}

// TestBounded: what the configuration bounds is refused of those who may send, and
// of the message as it is read.
func TestBounded(t *testing.T) {
	for name, c := range map[string]struct {
		bounds document.Bounds
		user   string
		code   fault.Code
	}{
		"within":             {document.Bounds{Elements: 1000, Depth: 50, Attributes: 50, Digits: 50}, "erp.alice", ""},
		"elements":           {document.Bounds{Elements: 5}, "erp.alice", fault.CodeTooLarge},
		"depth":              {document.Bounds{Depth: 3}, "erp.alice", fault.CodeTooLarge},
		"attributes":         {document.Bounds{Attributes: 1}, "erp.alice", fault.CodeTooLarge},
		"digits":             {document.Bounds{Digits: 3}, "erp.alice", fault.CodeTooLarge},
		"of a stranger":      {document.Bounds{Elements: 5}, "carol", fault.CodeForbidden},
		"of an unknown user": {document.Bounds{Elements: 5}, "mallory", fault.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBenchWith(t, gateway.Config{Bounds: c.bounds})
			r, err := b.Accept(t.Context(), b.arrival(sample(t, "order-full.xml"), c.user, c.user+"-secret"))
			b.stop()
			if c.code == "" {
				b.wantStored(t, r, err)
				return
			}
			b.wantRefused(t, r, err, c.code)
			if f := fault.Of(err); c.code == fault.CodeTooLarge && (len(f.Details) != 1 || f.Details[0].Line == 0) {
				t.Errorf("%+v", f.Details)
			}
		})
	}
}
