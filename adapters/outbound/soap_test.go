package outbound

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

const desk = "urn:gatehouse:samples:desk:1"

func desks(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../testdata"), "partner/partner.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func caller11(t *testing.T, reference string, c SOAP) *Publisher {
	t.Helper()
	c.Contract = config.Path("testdata/partner/partner.wsdl#" + reference)
	found, err := c.Find(desks(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewSOAP("desk", c, found, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// announcement is a delivery that the desk takes.
func announcement() gateway.Delivery {
	d := gatewaytest.Deliveries(1, "k")[0]
	d.ContentType = "application/xml"
	d.Body = []byte(`<d:Announce xmlns:d="` + desk + `"><d:OrderNo>PO-1 &amp; ä</d:OrderNo></d:Announce>`)
	return d
}

const ticket = `<Ticketed/>`

func reply(body string) string {
	return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>` + body + `</e:Body></e:Envelope>`
}

func fault11(code, detail string) string {
	return reply(`<e:Fault><faultcode xmlns:wsse="` + envelope.NamespaceSecurity + `">` + code + `</faultcode><faultstring>it is so</faultstring>` + detail + `</e:Fault>`)
}

const good = `<d:AnnounceResponse xmlns:d="` + desk + `"><d:Ticket>7</d:Ticket></d:AnnounceResponse>`

// TestSOAPRequest looks at what is sent, in both versions: the partner's contract
// takes it, and every attempt of a delivery has the same ids.
func TestSOAPRequest(t *testing.T) {
	secret := config.NewSecret("p<w")
	for _, c := range []struct {
		name, reference string
		config          SOAP
		addressed       bool
		mediaType       string
		action          string
	}{
		{"1.1", "DeskService.Desk.Announce", SOAP{}, false, "text/xml; charset=utf-8", `"` + desk + `/Announce"`},
		{"1.1 addressed", "DeskService.Desk.Announce", SOAP{Addressing: new(true), Token: Token{"us&er", secret}}, true, "text/xml; charset=utf-8", `"` + desk + `/Announce"`},
		{"another action", "DeskService.Desk.Announce", SOAP{Action: new("")}, false, "text/xml; charset=utf-8", `""`},
		{"1.2", "DeskService.Desk12.Announce", SOAP{Addressing: new(true)}, true, `application/soap+xml; action="` + desk + `/Announce"; charset=utf-8`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var bodies []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(body))
				if got := r.Header.Get("Content-Type"); got != c.mediaType {
					t.Errorf("Content-Type %s, want %s", got, c.mediaType)
				}
				if got := r.Header.Get("SOAPAction"); got != c.action {
					t.Errorf("SOAPAction %s, want %s", got, c.action)
				}
				if r.Header.Get("Idempotency-Key") == "" || r.Header.Get(headerMessage) == "" {
					t.Errorf("headers %v", r.Header)
				}
				io.WriteString(w, reply(good))
			}))
			defer server.Close()
			c.config.URL = server.URL
			p := caller11(t, c.reference, c.config)
			d := announcement()
			for range 2 {
				results, responses := p.Correspond(t.Context(), []gateway.Delivery{d})
				if results[0] != nil || responses[0].Reason != "" || !strings.Contains(string(responses[0].Body), "Ticket") {
					t.Fatalf("%v, %+v", results[0], responses[0])
				}
			}
			if bodies[0] != bodies[1] {
				t.Errorf("two attempts differ:\n%s\n%s", bodies[0], bodies[1])
			}
			s := desks(t).Services[0]
			if details, _, err := s.ValidateFor(s.OperationNamed("Announce"), []byte(bodies[0]), 0); err != nil || len(details) > 0 {
				t.Errorf("the contract does not take it: %v %v\n%s", details, err, bodies[0])
			}
			head, err := envelope.Peek([]byte(bodies[0]), envelope.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if a := head.Addressing; a.Used != c.addressed || c.addressed && (a.To != server.URL || a.Action == "" || strings.ReplaceAll(a.MessageID, "-", "") != "urn:uuid:"+d.WireID) {
				t.Errorf("addressing %+v, wire id %s", a, d.WireID)
			}
			if token := head.Token; (token != nil) != (c.config.Token.Username != "") || token != nil && (token.Username != "us&er" || token.Password != "p<w") {
				t.Errorf("token %#v", token)
			}
		})
	}
}

// TestSOAPAnswers has the partner answer in every way.
func TestSOAPAnswers(t *testing.T) {
	known := `<detail><d:Known xmlns:d="` + desk + `">PO-1</d:Known></detail>`
	busy := `<detail><d:Busy xmlns:d="` + desk + `">later</d:Busy></detail>`
	chosen := map[string]string{"Busy": "retry", "Known": "taken"}
	fault12 := func(code, sub string) string {
		return `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:` + code + `</e:Value>` + sub + `</e:Code><e:Reason><e:Text xml:lang="en">no</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>`
	}
	latin := "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + fault11("e:Client", "<faultactor>\xe4</faultactor>")
	wide := string(func() (out []byte) {
		for _, u := range utf16.Encode([]rune("\uFEFF" + reply(good))) {
			out = append(out, byte(u>>8), byte(u))
		}
		return out
	}())
	for _, c := range []struct {
		name    string
		status  int
		body    string
		oneWay  bool
		faults  map[string]string
		code    fault.Code
		warning string
	}{
		{"a reply", 200, reply(good), false, nil, "", ""},
		{"a reply in UTF-16", 200, wide, false, nil, "", ""},
		{"a reply that breaks the contract", 200, reply(strings.Replace(good, "7", "seven", 1)), false, nil, "", "breaks the contract"},
		{"another element", 200, reply(ticket), false, nil, "", "breaks the contract"},
		{"an empty Body", 200, reply(""), false, nil, "", "is empty"},
		{"nothing", 200, "", false, nil, "", "is empty"},
		{"accepted", 202, "", false, nil, "", "did not answer"},
		{"accepted, one-way", 202, "", true, nil, "", ""},
		{"empty envelope, one-way", 200, reply(""), true, nil, "", ""},
		{"a page, one-way", 200, "<html></html>", true, nil, "", "no SOAP"},
		{"a page", 200, "<html><body>Please log in</body></html>", false, nil, fault.CodeNotTaken, ""},
		{"no XML", 200, "OK", false, nil, fault.CodeNotTaken, ""},
		{"a doctype", 200, "<!DOCTYPE x [<!ENTITY a \"b\">]>" + reply(good), false, nil, fault.CodeNotTaken, ""},
		{"500 without a fault", 500, "oops", false, nil, fault.CodeNotTaken, ""},
		{"500 with a reply", 500, reply(good), false, nil, fault.CodeNotTaken, ""},
		{"404", 404, "<html/>", false, nil, fault.CodeNotPublishable, ""},
		{"401", 401, "", false, nil, fault.CodeChannelUnavailable, ""},
		{"503", 503, "<html/>", false, nil, fault.CodeChannelUnavailable, ""},
		{"302", 302, "", false, nil, fault.CodeChannelUnavailable, ""},
		{"Server", 500, fault11("e:Server", ""), false, nil, fault.CodeNotTaken, ""},
		{"Server.Busy", 500, fault11("e:Server.Busy", ""), false, nil, fault.CodeNotTaken, ""},
		{"Server with 503", 503, fault11("e:Server", ""), false, nil, fault.CodeChannelUnavailable, ""},
		{"Server parks", 500, fault11("e:Server", ""), false, map[string]string{"Server": "park"}, fault.CodeNotPublishable, ""},
		{"Client", 500, fault11("e:Client", ""), false, nil, fault.CodeNotPublishable, ""},
		{"Client with 200", 200, fault11("e:Client", ""), false, nil, fault.CodeNotPublishable, ""},
		{"Client in Latin-1", 500, latin, false, nil, fault.CodeNotPublishable, ""},
		{"a code of their own", 500, fault11("x:Nope", ""), false, nil, fault.CodeNotPublishable, ""},
		{"Server without a prefix", 500, fault11("Server", ""), false, nil, fault.CodeNotTaken, ""},
		{"a Server of their own", 500, fault11("wsse:Server", ""), false, nil, fault.CodeNotPublishable, ""},
		{"no code", 500, reply("<e:Fault/>"), false, nil, fault.CodeNotPublishable, ""},
		{"a wrong password", 500, fault11("wsse:FailedAuthentication", ""), false, nil, fault.CodeChannelUnavailable, ""},
		{"a version", 500, fault11("e:VersionMismatch", ""), false, nil, fault.CodeChannelUnavailable, ""},
		{"busy", 500, fault11("e:Client", busy), false, chosen, fault.CodeNotTaken, ""},
		{"busy, not chosen", 500, fault11("e:Client", busy), false, nil, fault.CodeNotPublishable, ""},
		{"known", 500, fault11("e:Server", known), false, chosen, "", "(Known): it is so"},
		{"Receiver", 500, fault12("Receiver", ""), false, nil, fault.CodeNotTaken, ""},
		{"Sender", 400, fault12("Sender", ""), false, nil, fault.CodeNotPublishable, ""},
		{"Sender, a wrong password", 400, fault12("Sender", `<e:Subcode><e:Value xmlns:w="u">w:FailedAuthentication</e:Value></e:Subcode>`), false, nil, fault.CodeChannelUnavailable, ""},
		{"huge", 200, reply(strings.Repeat(good, 20000)), false, nil, "", "too large"},
		{"a huge fault", 500, fault11("e:Client", strings.Repeat("<x/>", 1<<19)), false, nil, fault.CodeNotTaken, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer server.Close()
			reference, d := "DeskService.Desk.Announce", announcement()
			if c.oneWay {
				reference = "DeskService.Desk.Tell"
				d.Body = []byte(`<Tell xmlns="` + desk + `"><Text>x</Text></Tell>`)
			}
			results, responses := caller11(t, reference, SOAP{Connection: Connection{Timeout: 10 * time.Second}, URL: server.URL, Faults: c.faults}).Correspond(t.Context(), []gateway.Delivery{d})
			if code(results[0]) != c.code {
				t.Fatalf("%v, want code %q", results[0], c.code)
			}
			if r := responses[0]; r == nil || r.Status != c.status || results[0] == nil && (r.Reason == "") != (c.warning == "") || !strings.Contains(r.Reason, c.warning) {
				t.Errorf("response %+v, want warning %q", r, c.warning)
			}
		})
	}
}

// TestSOAPTakesItsOwn: what was published for another channel or contract is
// parked, and not sent.
func TestSOAPTakesItsOwn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	defer server.Close()
	p := caller11(t, "DeskService.Desk.Announce", SOAP{URL: server.URL})
	for _, body := range []string{"", `{"a": 1}`, `<Tell xmlns="` + desk + `"><Text>x</Text></Tell>`, "<Announce/>"} {
		d := announcement()
		d.Body = []byte(body)
		results, responses := p.Correspond(t.Context(), []gateway.Delivery{d})
		if code(results[0]) != fault.CodeNotPublishable || responses[0] != nil {
			t.Errorf("%q: %v", body, results[0])
		}
	}
}

func TestSOAPFind(t *testing.T) {
	secret := config.NewSecret("s")
	for _, c := range []struct {
		reference string
		config    SOAP
		want      string // empty: it is found
	}{
		{"DeskService.Desk.Announce", SOAP{}, ""},
		{"DeskService.Desk12.Tell", SOAP{Faults: map[string]string{"Receiver": "park"}}, ""},
		{"DeskService.Desk.Anounce", SOAP{}, "did you mean DeskService.Desk.Announce?"},
		{"", SOAP{}, "Service.Port.Operation"},
		{"DeskService.Desk.Announce", SOAP{Faults: map[string]string{"Bussy": "retry"}}, "faults: operation Announce declares no fault \"Bussy\"; there are Server, Client, Busy, Known"},
		{"DeskService.Desk.Announce", SOAP{Connection: Connection{Auth: Auth{Username: "u", Password: secret}}}, ""},
		{"DeskService.Desk.Announce", SOAP{URL: "http://h/", Token: Token{"u", secret}}, "token: a password goes over https only"},
		{"DeskService.Desk.Announce", SOAP{Faults: map[string]string{"Busy": "drop"}}, "expected retry, park or taken"},
		{"DeskService.Desk.Announce", SOAP{URL: "desk"}, "url: scheme"},
		{"DeskService.Desk.Announce", SOAP{Action: new("a\"b")}, "action:"},
		{"DeskService.Desk.Announce", SOAP{Token: Token{Username: "u"}}, "token: username and password need each other"},
	} {
		c.config.Contract = config.Path("w.wsdl#" + c.reference)
		found, err := c.config.Find(desks(t))
		if err == nil {
			_, err = NewSOAP("x", c.config, found, 1, time.Now)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.reference, err, c.want)
		}
	}
	insecure := desks(t)
	insecure.Services[0].Ports[0].Address = "http://desk.example/"
	c := SOAP{Contract: "w#DeskService.Desk.Announce", Token: Token{"u", secret}}
	if _, err := c.Find(insecure); err == nil || !strings.Contains(err.Error(), "token:") {
		t.Errorf("a password to the contract's own http address: %v", err)
	}
	insecure.Services[0].Ports[0].Address = ""
	c.Token = Token{}
	if _, err := c.Find(insecure); err == nil || !strings.Contains(err.Error(), "url: the contract's own address") {
		t.Errorf("no address: %v", err)
	}
}

// TestReadAnswerKeepsNothing: names and texts of a fault outlive its bytes.
func TestReadAnswerKeepsNothing(t *testing.T) {
	src := []byte(fault11("e:Client", `<detail><d:Known xmlns:d="`+desk+`">x</d:Known></detail>`))
	a, err := envelope.ReadAnswer(src)
	if err != nil {
		t.Fatal(err)
	}
	for i := range src {
		src[i] = '#'
	}
	if a.Fault.Code != (document.Name{Space: envelope.V11.Namespace(), Local: "Client"}) || a.Fault.Entry != (document.Name{Space: desk, Local: "Known"}) || a.Fault.Reason != "it is so" {
		t.Errorf("%+v", a.Fault)
	}
}
