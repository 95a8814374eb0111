package soap

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const xiType = `multipart/related; boundary=SAP_1_END; type="text/xml"; start="<soap-1@sap.com>"`

// xiRoot is the root of a message of XI 3.0 that refers to one part.
func xiRoot(mode string) string {
	const sap = `xmlns:sap='http://sap.com/xi/XI/Message/30' SOAP:mustUnderstand='1'`
	return `<SOAP:Envelope xmlns:SOAP='http://schemas.xmlsoap.org/soap/envelope/'><SOAP:Header>` +
		`<sap:ReliableMessaging ` + sap + `><sap:QualityOfService>ExactlyOnce</sap:QualityOfService></sap:ReliableMessaging><sap:HopList ` + sap + `/>` +
		`<sap:Main versionMajor='3' versionMinor='1' ` + sap + `><sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:ProcessingMode>` + mode + `</sap:ProcessingMode>` +
		`<sap:MessageId>866f5cdc</sap:MessageId><sap:Sender><sap:Service>BC</sap:Service></sap:Sender></sap:Main></SOAP:Header>` +
		`<SOAP:Body><sap:Manifest xmlns:sap='http://sap.com/xi/XI/Message/30' xmlns:xlink='http://www.w3.org/1999/xlink'><sap:Payload xlink:type='simple' xlink:href='cid:payload-1@sap.com'>` +
		`<sap:Name>MainDocument</sap:Name><sap:Type>Application</sap:Type></sap:Payload></sap:Manifest></SOAP:Body></SOAP:Envelope>`
}

func xiMessage(mode, kind, octets string) string {
	return parts("SAP_1_END", "Content-ID: <soap-1@sap.com>\r\nContent-Type: text/xml; charset=utf-8\r\n", xiRoot(mode), "content-id: <payload-1@sap.com>\r\nContent-Type: "+kind+"\r\n", octets)
}

// SAP's XI protocol: the message is a part, an asynchronous one is answered with
// a receipt, a synchronous one in parts, and a refusal with what SAP reads.
func TestExchangeMessages(t *testing.T) {
	core, spool := newFakeCore(), &fakeSpool{}
	h := NewHandler(Config{}, core, testLog(t))
	h.KeepAttachments(spool)
	url := serveHandler(t, Config{}, h) + servicePath
	headers := map[string]string{"Content-Type": xiType, "SOAPAction": ""}

	for name, octets := range map[string]string{"small": orderPayload, "large": "<!--" + strings.Repeat("x", 100<<10) + "-->" + orderPayload} {
		a := do(t, http.MethodPost, url, xiMessage("asynchronous", "application/xml; charset=ISO-8859-1", octets), headers)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/xml; charset=utf-8" ||
			!strings.Contains(a.body, "<sap:MessageClass>SystemAck<") || !strings.Contains(a.body, "<sap:RefToMessageId>866f5cdc<") || !strings.Contains(a.body, "<soap:Body/>") {
			t.Errorf("%s: %s: %s", name, a.Status, a.body)
		}
		taken := core.taken()
		got := taken[len(taken)-1].Attachments
		if len(got) != 1 || got[0].ContentID != "payload-1@sap.com" || got[0].Charset != "ISO-8859-1" || int(got[0].Size) != len(octets) {
			t.Fatalf("%s: %+v", name, got)
		}
		if begins := string(got[0].Octets) + string(got[0].Beginning); !strings.HasPrefix(octets, begins) || len(begins) < min(len(octets), 64<<10) {
			t.Errorf("%s: %d octets are at hand", name, len(begins))
		}
	}

	a := do(t, http.MethodPost, url, xiMessage("synchronous", "application/octet-stream", orderPayload), headers)
	kind, parameters, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || a.StatusCode != http.StatusOK || kind != "multipart/related" || parameters["type"] != "text/xml" {
		t.Fatalf("%s %q: %v: %s", a.Status, kind, err, a.body)
	}
	answer := map[string]string{}
	reader := multipart.NewReader(strings.NewReader(a.body), parameters["boundary"])
	for part, err := reader.NextPart(); err != io.EOF; part, err = reader.NextPart() {
		if err != nil {
			t.Fatal(err)
		}
		octets, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		answer[part.Header.Get("Content-ID")] = string(octets)
	}
	root := answer[parameters["start"]]
	_, rest, _ := strings.Cut(root, `xlink:href="cid:`)
	id, _, _ := strings.Cut(rest, `"`)
	if !strings.Contains(root, "<sap:MessageClass>ApplicationResponse<") || answer["<"+id+">"] != replyPayload || len(answer) != 2 {
		t.Errorf("%v", answer)
	}

	core.answer = func(context.Context, *gateway.Arrival, *gateway.Receipt) error {
		return fault.New(fault.CodeStoreUnavailable, "")
	}
	f := wantFault(t, do(t, http.MethodPost, url, xiMessage("asynchronous", "text/xml", orderPayload), headers), http.StatusServiceUnavailable, "Server", fault.CodeStoreUnavailable)
	if !strings.Contains(string(f.Detail), `<sap:Error xmlns:sap="`+envelope.NamespaceXI+`"`) {
		t.Errorf("%s", f.Detail)
	}
	a = do(t, http.MethodPost, url, strings.Replace(xiMessage("asynchronous", "text/xml", orderPayload), "ApplicationMessage", "ApplicationAck", 1), headers)
	f = wantFault(t, a, http.StatusInternalServerError, "Client", fault.CodeExchange)
	if !strings.Contains(a.body, "<faultactor>"+envelope.NamespaceXI+"</faultactor>") || !strings.Contains(string(f.Detail), "<sap:Category>XIProtocol<") {
		t.Errorf("%s", a.body)
	}
	spool.mu.Lock()
	defer spool.mu.Unlock()
	if spool.open != 0 {
		t.Errorf("%d attachments are left in the spool", spool.open)
	}
}
