package envelope

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestExchangeHeaders: SAP marks its headers mustUnderstand, and they are.
func TestExchangeHeaders(t *testing.T) {
	const sap = `xmlns:sap="` + NamespaceXI + `" s:mustUnderstand="1"`
	head, err := Peek([]byte(message(ns11, `<sap:Main versionMajor="3" `+sap+`><sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:MessageId> 0050 </sap:MessageId></sap:Main>`+
		`<sap:ReliableMessaging `+sap+`><sap:QualityOfService>ExactlyOnceInOrder</sap:QualityOfService><sap:QueueId>Q1</sap:QueueId></sap:ReliableMessaging>`)), Limits{})
	if err != nil || head.MessageID != "0050" || head.Queue != "Q1" {
		t.Errorf("%q in %q: %v", head.MessageID, head.Queue, err)
	}
	head, err = Peek([]byte(message(ns11, `<sap:Main `+sap+` s:actor="urn:other"><sap:MessageId>1</sap:MessageId></sap:Main>`)), Limits{})
	if err != nil || head.MessageID != "" {
		t.Errorf("for somebody else: %q, %v", head.MessageID, err)
	}
	if _, err := Peek([]byte(message(ns11, `<sap:Main `+sap+`><sap:MessageId>`+strings.Repeat("x", 401)+`</sap:MessageId></sap:Main>`)), Limits{}); err == nil {
		t.Error("a long one is taken")
	}
}

// xiMessage is a message of XI 3.0 with what its headers and its manifest hold.
func xiMessage(main, reliable, manifest string) string {
	const sap = `xmlns:sap="` + NamespaceXI + `" s:mustUnderstand="1"`
	return `<s:Envelope ` + ns11 + `><s:Header><sap:HopList ` + sap + `/><sap:Main versionMajor="003" ` + sap + `>` + main + `</sap:Main>` +
		`<sap:ReliableMessaging ` + sap + reliable + `</sap:ReliableMessaging></s:Header>` +
		`<s:Body><sap:Manifest xmlns:sap="` + NamespaceXI + `" xmlns:x="http://www.w3.org/1999/xlink">` + manifest + `</sap:Manifest></s:Body></s:Envelope>`
}

const (
	xiMain = `<sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:ProcessingMode>asynchronous</sap:ProcessingMode><sap:MessageId>0a51</sap:MessageId>` +
		`<sap:Sender><sap:Party agency="a" scheme="s">&lt;P&gt;</sap:Party><sap:Service>S&amp;S</sap:Service></sap:Sender><sap:Interface namespace="urn:i">I</sap:Interface>`
	xiOnce    = `><sap:QualityOfService>ExactlyOnce</sap:QualityOfService>`
	xiPayload = `<sap:Payload x:href="cid:main@x"><sap:Name>MainDocument</sap:Name><sap:Type>Application</sap:Type></sap:Payload>`
	xiBeside  = `<sap:Payload x:href="cid:a@x"><sap:Name>a</sap:Name><sap:Type>ApplicationAttachment</sap:Type></sap:Payload>`
)

// TestExchange: which messages of XI 3.0 are taken, and how the others are refused.
func TestExchange(t *testing.T) {
	replaced := func(s, from, to string) string {
		if !strings.Contains(s, from) {
			t.Fatalf("%q is not in %q", from, s)
		}
		return strings.Replace(s, from, to, 1)
	}
	other := replaced(replaced(xiPayload, "MainDocument", "other"), "main@x", "other@x")
	for name, c := range map[string]struct {
		main, reliable, manifest string
		want                     string // the reason; empty: taken
		sync                     bool
	}{
		"exactly once":                   {xiMain, xiOnce, xiPayload, "", false},
		"in order":                       {xiMain, `><sap:QualityOfService>ExactlyOnceInOrder</sap:QualityOfService><sap:QueueId>Q</sap:QueueId>`, xiPayload, "", false},
		"best effort, synchronous":       {replaced(xiMain, "asynchronous", "synchronous"), ` SystemErrorAckRequested="true"><sap:QualityOfService>BestEffort</sap:QualityOfService>`, xiPayload, "", true},
		"another name":                   {xiMain, xiOnce, replaced(xiPayload, "MainDocument", "PayloadName"), "", false},
		"with an attachment before":      {xiMain, xiOnce, xiBeside + xiPayload, "", false},
		"two, one of them the document":  {xiMain, xiOnce, other + xiPayload, "", false},
		"acknowledgements not asked for": {xiMain, ` SystemAckRequested="false"` + xiOnce, xiPayload, "", false},

		"two documents":               {xiMain, xiOnce, xiPayload + xiPayload, "several payloads", false},
		"an attachment alone":         {xiMain, xiOnce, xiBeside, "no payload of type Application", false},
		"nothing":                     {xiMain, xiOnce, "", "no payload of type Application", false},
		"no reference":                {xiMain, xiOnce, replaced(xiPayload, `x:href="cid:main@x"`, ""), "no xlink:href", false},
		"in order of no queue":        {xiMain, `><sap:QualityOfService>ExactlyOnceInOrder</sap:QualityOfService>`, xiPayload, "needs a QueueId", false},
		"another quality":             {xiMain, `><sap:QualityOfService>Twice</sap:QualityOfService>`, xiPayload, "quality of service is not known", false},
		"no quality":                  {xiMain, `>`, xiPayload, "quality of service is not known", false},
		"an acknowledgement later":    {xiMain, ` ApplicationAckRequested="true"` + xiOnce, xiPayload, "no acknowledgement is sent later", false},
		"an answer":                   {replaced(xiMain, "ApplicationMessage", "SystemAck"), xiOnce, xiPayload, "of this class", false},
		"no mode":                     {replaced(xiMain, "asynchronous", ""), xiOnce, xiPayload, "processing mode", false},
		"no id":                       {replaced(xiMain, "0a51", " "), xiOnce, xiPayload, "no MessageId", false},
		"two of a header":             {xiMain + `</sap:Main><sap:Main xmlns:sap="` + NamespaceXI + `">`, xiOnce, xiPayload, "only once", false},
		"something beside a manifest": {xiMain, xiOnce, xiPayload + `</sap:Manifest><sap:Manifest xmlns:sap="` + NamespaceXI + `">`, "stands alone", false},
	} {
		head, err := Peek([]byte(xiMessage(c.main, c.reliable, c.manifest)), Limits{})
		switch {
		case head.Exchange == nil:
			t.Fatalf("%s: not seen as one: %v", name, err)
		case c.want != "":
			if f := fault.Of(err); err == nil || f.Code != fault.CodeExchange || len(f.Details) != 1 || !strings.Contains(f.Details[0].Message, c.want) || f.Details[0].Line == 0 {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case head.Exchange.Main != "cid:main@x" || head.Exchange.Asynchronous == c.sync || head.MessageID != "0a51":
			t.Errorf("%s: %+v", name, head.Exchange)
		}
	}
	for name, text := range map[string]string{
		"another version":  replaced(xiMessage(xiMain, xiOnce, xiPayload), `versionMajor="003"`, `versionMajor="2"`),
		"SOAP 1.2":         replaced(xiMessage(xiMain, xiOnce, xiPayload), ns11, ns12),
		"no header of it":  replaced(message(ns11, ""), `<a xmlns="u"/>`, `<sap:Manifest xmlns:sap="`+NamespaceXI+`"/>`),
		"for another role": replaced(xiMessage(xiMain, xiOnce, xiPayload), `<sap:Main `, `<sap:Main s:actor="urn:other" `),
	} {
		if _, err := Peek([]byte(text), Limits{}); err == nil || fault.Of(err).Code != fault.CodeExchange {
			t.Errorf("%s: %v", name, err)
		}
	}
	answer := replaced(xiMessage(xiMain, xiOnce, xiPayload), "<sap:HopList", "<sap:Ack")
	if _, err := Peek([]byte(answer), Limits{}); err == nil || fault.Of(err).Code != fault.CodeMustUnderstand {
		t.Errorf("an acknowledgement: %v", err)
	}
	if _, err := Peek([]byte(xiMessage(xiMain, xiOnce, strings.Repeat(xiBeside, 1000))), Limits{}); err == nil || fault.Of(err).Code != fault.CodeHeadTooLarge {
		t.Errorf("an endless manifest: %v", err)
	}
}

// TestUnpack: the document takes the manifest's place, with nothing of the
// envelope's own names, and what is said of a place is said of where it came.
func TestUnpack(t *testing.T) {
	const prefix = "<s:Envelope xmlns=\"urn:not-yours\" xmlns:o=\"urn:neither\" "
	src := strings.Replace(xiMessage(xiMain, xiOnce, xiPayload), "<s:Envelope ", prefix, 1)
	head, err := Peek([]byte(src), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := head.Exchange.Unpack([]byte(src), []byte("<?xml version=\"1.0\"?>\n<!-- one -->\n  <a b='1'><c/>\n<d/></a>\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := document.Read(u.XML)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	header, payload := Parts(tree)
	if payload.Name() != (document.Name{Local: "a"}) || payload.FirstChild().Name() != (document.Name{Local: "c"}) || payload.NextSibling().Exists() {
		t.Errorf("the Body holds %v: %s", payload.Name(), u.XML)
	}
	if header.Child(nameXIMain).Child(xiName("MessageId")).Text() != "0a51" {
		t.Errorf("the Header: %s", u.XML)
	}
	for _, c := range []struct {
		node         document.Node
		line, column int
	}{
		{payload, 3, 3}, {payload.FirstChild(), 3, 12}, {payload.FirstChild().NextSibling(), 4, 1},
		{header, 1, strings.Index(src, "<s:Header") + 1}, {header.Child(nameXIMain), 1, strings.Index(src, "<sap:Main") + 1},
	} {
		line, column := c.node.Position()
		if d := u.Locate(fault.Detail{Line: line, Column: column}); d.Line != c.line || d.Column != c.column {
			t.Errorf("%s: line %d, column %d, want %d and %d", c.node.Path(), d.Line, d.Column, c.line, c.column)
		}
	}
	for name, text := range map[string]string{
		"two roots": "<a/><b/>", "a way out": "<a/></s:Body></s:Envelope>", "a prefix of the envelope": "<o:a/>", "nothing": "", "half": "<a>", "text": "<a/>x",
	} {
		if _, err := head.Exchange.Unpack([]byte(src), []byte(text), nil); err == nil || fault.Of(err).Code != fault.CodeMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := head.Exchange.Unpack([]byte(src), []byte("<!DOCTYPE a><a/>"), nil); fault.Of(err).Code != fault.CodeDoctype {
		t.Errorf("a DOCTYPE: %v", err)
	}
	if _, err := head.Exchange.Unpack([]byte(src), []byte(strings.Repeat("<a>", 1000)), nil); fault.Of(err).Code != fault.CodeTooLarge {
		t.Errorf("deep: %v", err)
	}
}

// TestExchangeAnswers: the receipt, the response and the fault say which message
// they are about, in the words of the protocol.
func TestExchangeAnswers(t *testing.T) {
	head, err := Peek([]byte(xiMessage(xiMain, xiOnce, xiPayload)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	x, now := head.Exchange, time.Date(2026, 3, 5, 14, 0, 0, 5, time.FixedZone("", 3600))
	const main = `<sap:ProcessingMode>synchronous</sap:ProcessingMode><sap:MessageId>id-1</sap:MessageId><sap:RefToMessageId>0a51</sap:RefToMessageId><sap:TimeSent>2026-03-05T13:00:00Z</sap:TimeSent>` +
		`<sap:Sender><sap:Party agency="http://sap.com/xi/XI" scheme="XIParty"></sap:Party><sap:Service></sap:Service></sap:Sender>` +
		`<sap:Receiver><sap:Party agency="a" scheme="s">&lt;P&gt;</sap:Party><sap:Service>S&amp;S</sap:Service></sap:Receiver><sap:Interface namespace="urn:i">I</sap:Interface></sap:Main>`
	f := fault.New(fault.CodeInvalid, "").With(fault.Detail{Message: "no <b>", Line: 3, Column: 1, Source: "m.yaml:1:1", Target: "sales.t.c"})
	long := fault.New(fault.CodeInvalid, "")
	for range 1000 {
		long.Details = append(long.Details, fault.Detail{Message: strings.Repeat("<", 500)})
	}
	faultOf := func(e *fault.Error) string {
		return string(AppendFault(nil, V11, x.Fault(NewFault(Sender, e, head, "ref"), e, "ref")))
	}
	for name, c := range map[string]struct {
		answer string
		want   []string
	}{
		"receipt": {string(x.AppendReceipt(nil, "id-1", now)), []string{`<sap:Status>OK</sap:Status></sap:Ack>`, `<sap:MessageClass>SystemAck</sap:MessageClass>` + main, `</soap:Header><soap:Body/>`}},
		"response": {string(x.AppendResponse(nil, "id-1", now, "p@x")), []string{`<sap:MessageClass>ApplicationResponse</sap:MessageClass>` + main, `xlink:href="cid:p@x"`,
			`<sap:Type>Application</sap:Type>`}},
		"fault": {faultOf(f), []string{`<faultcode>soap:Client</faultcode>`, `<faultactor>` + NamespaceXI + `</faultactor><detail><sap:Error `, `<sap:Category>XIAdapter</sap:Category><sap:Code area="GATEHOUSE">GH-3001</sap:Code><sap:P1>ref</sap:P1>`,
			`no &lt;b&gt;`, `line 3`}},
		"fault of the protocol": {faultOf(fault.New(fault.CodeExchange, "")), []string{`<sap:Category>XIProtocol</sap:Category>`}},
		"long fault":            {faultOf(long), []string{"GH-3001"}},
	} {
		tree, err := document.Read([]byte(c.answer))
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, c.answer)
		}
		tree.Release()
		for _, want := range c.want {
			if !strings.Contains(c.answer, want) {
				t.Errorf("%s lacks %s: %s", name, want, c.answer)
			}
		}
		if len(c.answer) > 64<<10 || strings.Contains(c.answer, "m.yaml") || strings.Contains(c.answer, "sales.t.c") {
			t.Errorf("%s: %d bytes, or what is the operator's: %.300s", name, len(c.answer), c.answer)
		}
	}
}

// FuzzUnpack: what becomes the Body is the document, the Header is what it was, and
// nothing else is an envelope of.
func FuzzUnpack(f *testing.F) {
	src := []byte(xiMessage(xiMain, xiOnce, xiPayload))
	head, err := Peek(src, Limits{})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"<a/>", "<?xml version='1.0'?>\n<!-- -->\n<p:a xmlns:p='u'>x<b c='d'/></p:a>\n", "<a/></s:Body>", "<!DOCTYPE a><a/>", "<s:a/>", ""} {
		f.Add([]byte(text))
	}
	canonical := func(n document.Node) string { return string(document.AppendCanonical(nil, n)) }
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := head.Exchange.Unpack(src, text, nil)
		alone, wrong := document.Read(text)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%v, and alone %v", err, wrong)
		}
		if err != nil {
			return
		}
		defer alone.Release()
		whole, err := document.Read(u.XML)
		if err != nil {
			t.Fatalf("%v: %s", err, u.XML)
		}
		defer whole.Release()
		before, err := document.Read(src)
		if err != nil {
			t.Fatal(err)
		}
		defer before.Release()
		header, payload := Parts(whole)
		was, _ := Parts(before)
		if canonical(payload) != canonical(alone.Root()) || payload.NextSibling().Exists() || canonical(header) != canonical(was) {
			t.Fatalf("%s", u.XML)
		}
	})
}
