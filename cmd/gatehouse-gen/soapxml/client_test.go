package soapxml

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

type ping struct {
	Text string `xsd:"Text,ns=urn:p"`
}

// parts are those of a message that stand in the Body side by side.
type parts struct {
	Ping  *ping  `xsd:"Ping,required,ns=urn:p"`
	Count *int32 `xsd:"count"`
}

type refusal struct {
	Code string `xsd:"Code,ns=urn:p"`
}

var (
	_ = xsdSchema.element("urn:p", "Ping", reflect.TypeFor[ping]())
	_ = xsdSchema.element("", "Parts", reflect.TypeFor[parts]()).gathered(reflect.TypeFor[parts]())
	_ = xsdSchema.element("urn:p", "Refusal", reflect.TypeFor[refusal]())
)

// server answers every request with one answer and keeps the last request.
type server struct {
	*httptest.Server
	header http.Header
	body   string
}

func serve(t *testing.T, status int, answer string) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.header, s.body = r.Header, string(body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func envelope11(body string) string {
	return `<e:Envelope xmlns:e="` + soapSpace11 + `"><e:Header/><e:Body>` + body + `</e:Body></e:Envelope>`
}

func envelope12(body string) string {
	return strings.ReplaceAll(envelope11(body), soapSpace11, soapSpace12)
}

const pong = `<Ping xmlns="urn:p"><Text>pong</Text></Ping>`

func TestCall(t *testing.T) {
	call := soapCall{"urn:p/11", "urn:p/12", false}
	for _, tt := range []struct {
		version           int
		call              soapCall
		answer, mediaType string
		action            string
	}{
		{0, call, envelope11(pong), "text/xml; charset=utf-8", `"urn:p/11"`},
		{SOAP11, call, envelope11(pong), "text/xml; charset=utf-8", `"urn:p/11"`},
		{SOAP12, call, envelope12(pong), `application/soap+xml; action="urn:p/12"; charset=utf-8`, ""},
		{0, soapCall{only12: true}, envelope12(pong), `application/soap+xml; charset=utf-8`, ""},
	} {
		s := serve(t, 200, tt.answer)
		c := &SOAPClient{URL: s.URL, Version: tt.version, Username: "erp", Password: "geheim", Header: http.Header{"X-Test": {"1"}}}
		var reply ping
		ctx := WithSOAPHeaders(WithSOAPHeaders(t.Context(), &refusal{"h"}), &XMLElement{Name: xml.Name{Space: "urn:h", Local: "H"}})
		if err := c.CallContext(ctx, tt.call, &ping{"<ping>"}, &reply); err != nil || reply.Text != "pong" {
			t.Errorf("version %d: %+v, %v", tt.version, reply, err)
		}
		user, password, _ := (&http.Request{Header: s.header}).BasicAuth()
		if s.header.Get("Content-Type") != tt.mediaType || s.header.Get("SOAPAction") != tt.action || user+password != "erpgeheim" || s.header.Get("X-Test") != "1" {
			t.Errorf("version %d: header is %v", tt.version, s.header)
		}
		if !strings.Contains(s.body, `<Header><Refusal xmlns="urn:p"><Code>h</Code></Refusal><H xmlns="urn:h"></H></Header><Body><Ping xmlns="urn:p"><Text>&lt;ping&gt;</Text></Ping></Body>`) {
			t.Errorf("version %d: body is %s", tt.version, s.body)
		}
	}
	if err := (&SOAPClient{Version: 13}).CallContext(t.Context(), call, nil, nil); err == nil {
		t.Error("there is a version 13")
	}
}

// TestGathered: a message of several parts has no element around them.
func TestGathered(t *testing.T) {
	s := serve(t, 200, envelope11(pong+"<count>7</count>"))
	var reply parts
	if err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &parts{Ping: &ping{"p"}, Count: new(int32(1))}, &reply); err != nil || reply.Ping.Text != "pong" || *reply.Count != 7 {
		t.Errorf("%+v, %v", reply, err)
	}
	if !strings.Contains(s.body, `<Body><Ping xmlns="urn:p"><Text>p</Text></Ping><count xmlns="">1</count></Body>`) {
		t.Errorf("body is %s", s.body)
	}
}

func TestUsernameToken(t *testing.T) {
	s := serve(t, 202, "")
	c := &SOAPClient{URL: s.URL, Username: "erp", Password: "geh<eim", UsernameToken: true}
	if err := c.CallContext(t.Context(), soapCall{}, &ping{}, struct{}{}); err != nil {
		t.Fatal(err)
	}
	if s.header.Get("Authorization") != "" || !strings.Contains(s.body, `mustUnderstand="1"><UsernameToken><Username>erp</Username><Password Type="`+soapText+`">geh&lt;eim</Password></UsernameToken></Security>`) {
		t.Errorf("%v: %s", s.header, s.body)
	}
}

func TestFaults(t *testing.T) {
	const detail = `<r:Refusal xmlns:r="urn:p"><r:Code>GH-1</r:Code></r:Refusal><x/><r:Refusal xmlns:r="urn:p"/>`
	fault11 := envelope11(`<e:Fault><faultcode>e:Client</faultcode><faultstring>no</faultstring><detail>` + detail + `</detail></e:Fault>`)
	fault12 := envelope12(`<e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value xmlns:m="urn:m">m:Bad</e:Value></e:Subcode></e:Code>` +
		`<e:Reason><e:Text xml:lang="en">no</e:Text></e:Reason><e:Detail>` + detail + `</e:Detail></e:Fault>`)
	for _, tt := range []struct {
		status              int
		body, code, subcode string
	}{{500, fault11, "Client", ""}, {200, fault11, "Client", ""}, {400, fault12, "Sender", "Bad"}} {
		s := serve(t, tt.status, tt.body)
		err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &ping{}, &ping{})
		f, ok := errors.AsType[*SOAPFault](err)
		if !ok || f.Status != tt.status || f.Code != tt.code || f.Subcode != tt.subcode || f.Reason != "no" || !strings.Contains(f.Error(), "no") {
			t.Errorf("got %+v, %v", f, err)
			continue
		}
		if r := SOAPDetail[refusal](err); r == nil || r.Code != "GH-1" || len(f.Declared) != 2 || len(f.Detail.Elements()) != 3 {
			t.Errorf("declared: %+v of %+v", r, f)
		}
		if SOAPDetail[ping](err) != nil {
			t.Error("a ping is found in the detail")
		}
	}
	if SOAPDetail[refusal](io.EOF) != nil {
		t.Error("a detail is found in another error")
	}
}

func TestForeignAnswers(t *testing.T) {
	tests := []struct {
		status     int
		body, want string
	}{
		{502, "<html><body>Bad gateway</body></html>", "502"},
		{503, "try later", "try later"},
		{500, "", "500"},
		{200, "", "the answer is empty"},
		{200, envelope11(""), "the Body of the answer is empty"},
		{200, envelope11(`<Pong xmlns="urn:p"/>`), "instead of {urn:p}Ping"},
		{200, `<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`, "document type declaration"},
		{200, `<Envelope xmlns="urn:other"><Body/></Envelope>`, "no SOAP envelope"},
		{200, `<e:Envelope xmlns:e="` + soapSpace11 + `"><e:Body>`, "EOF"},
	}
	for _, tt := range tests {
		s := serve(t, tt.status, tt.body)
		err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &ping{}, &ping{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
	s := serve(t, 200, "")
	s.Close()
	if err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &ping{}, &ping{}); err == nil {
		t.Error("nobody was there, and no error")
	}
	if err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &ping{"\x01"}, &ping{}); err == nil || !strings.Contains(err.Error(), "writing the request: Ping/Text") {
		t.Errorf("got %v", err)
	}
	if err := (&SOAPClient{URL: s.URL}).CallContext(t.Context(), soapCall{}, &customer{}, nil); err == nil || !strings.Contains(err.Error(), "no global element") {
		t.Errorf("got %v", err)
	}
}
