package soapxml

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
)

const (
	soapSpace11 = "http://schemas.xmlsoap.org/soap/envelope/"
	soapSpace12 = "http://www.w3.org/2003/05/soap-envelope"
	soapWSSE    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	soapText    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"

	// soapMaxReply bounds what is read of a reply, in bytes.
	soapMaxReply = 64 << 20
)

// The versions of SOAP.
const (
	SOAP11 = 11
	SOAP12 = 12
)

// SOAPClient calls a service. It keeps no state and is safe for concurrent use
// when HTTP is.
type SOAPClient struct {
	URL string
	// Version is SOAP11 or SOAP12; zero is SOAP 1.1, or 1.2 where the contract
	// offers only that.
	Version int
	// Username and Password go as HTTP Basic, or with UsernameToken as a
	// WS-Security UsernameToken with the password as text, for TLS only.
	// Nothing goes when Username is empty.
	Username, Password string
	UsernameToken      bool
	// HTTP sends the requests; nil means http.DefaultClient.
	HTTP *http.Client
	// Header is added to every request; it may be nil.
	Header http.Header
}

// SOAPFault is an answer that is a fault, of either version.
type SOAPFault struct {
	Status  int    // of HTTP
	Code    string // local name: Client, Server, Sender, Receiver, …
	Subcode string // local name; SOAP 1.2 only
	Reason  string
	Detail  *XMLElement // nil when there is none
	// Declared are the elements of the detail that the contract declares: each
	// is a pointer to the generated type.
	Declared []any
}

// Error renders status, code and reason.
func (f *SOAPFault) Error() string {
	return fmt.Sprintf("SOAP fault %s (HTTP %d): %s", f.Code, f.Status, f.Reason)
}

// SOAPDetail returns the declared fault of type T that an operation answered
// with, or nil.
func SOAPDetail[T any](err error) *T {
	var fault *SOAPFault
	if !errors.As(err, &fault) {
		return nil
	}
	for _, d := range fault.Declared {
		if found, ok := d.(*T); ok {
			return found
		}
	}
	return nil
}

type soapHeadersKey struct{}

// WithSOAPHeaders returns a context whose calls carry header blocks: pointers to
// the generated types of global elements, or *XMLElement.
func WithSOAPHeaders(ctx context.Context, blocks ...any) context.Context {
	before, _ := ctx.Value(soapHeadersKey{}).([]any)
	return context.WithValue(ctx, soapHeadersKey{}, append(before[:len(before):len(before)], blocks...))
}

// soapCall is what the contract says of a call.
type soapCall struct {
	action11, action12 string
	only12             bool // there is no port for SOAP 1.1
}

func (c *SOAPClient) version(call soapCall) (int, error) {
	switch {
	case c.Version == SOAP11, c.Version == 0 && !call.only12:
		return SOAP11, nil
	case c.Version == SOAP12, c.Version == 0:
		return SOAP12, nil
	}
	return 0, fmt.Errorf("there is no SOAP version %d", c.Version)
}

// CallContext sends a request, a pointer to a generated type, and reads the
// answer into response, another. A nil request is an empty Body. An answer that
// is a fault is a *SOAPFault in the error; any other error means that the
// request was not sent or that its fate is unknown.
func (c *SOAPClient) CallContext(ctx context.Context, call soapCall, request, response any) error {
	version, err := c.version(call)
	if err != nil {
		return err
	}
	envelope, err := c.envelope(ctx, version, request)
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(envelope))
	if err != nil {
		return fmt.Errorf("calling %q: %w", c.URL, err)
	}
	c.head(post, version, call)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(post)
	if err != nil {
		return fmt.Errorf("calling %s: %w", c.URL, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, soapMaxReply+1))
	if err != nil {
		return fmt.Errorf("reading the answer of %s (HTTP %d): %w", c.URL, answer.StatusCode, err)
	}
	if len(body) > soapMaxReply {
		return fmt.Errorf("the answer of %s is larger than %d bytes", c.URL, soapMaxReply)
	}
	return soapAnswer(answer, body, response)
}

func (c *SOAPClient) head(post *http.Request, version int, call soapCall) {
	for name, values := range c.Header {
		post.Header[name] = values
	}
	if version == SOAP11 {
		post.Header.Set("Content-Type", "text/xml; charset=utf-8")
		post.Header.Set("SOAPAction", `"`+call.action11+`"`)
	} else {
		parameters := map[string]string{"charset": "utf-8"}
		if call.action12 != "" {
			parameters["action"] = call.action12
		}
		post.Header.Set("Content-Type", mime.FormatMediaType("application/soap+xml", parameters))
	}
	if c.Username != "" && !c.UsernameToken {
		post.SetBasicAuth(c.Username, c.Password)
	}
}

// envelope writes the request.
func (c *SOAPClient) envelope(ctx context.Context, version int, request any) ([]byte, error) {
	space := soapSpace11
	if version == SOAP12 {
		space = soapSpace12
	}
	header, body := soapElement(space, "Header"), soapElement(space, "Body")
	blocks, _ := ctx.Value(soapHeadersKey{}).([]any)
	for _, block := range blocks {
		if err := soapAppend(header, block); err != nil {
			return nil, err
		}
	}
	if c.Username != "" && c.UsernameToken {
		header.Content = append(header.Content, c.token(space))
	}
	if request != nil {
		if err := soapAppend(body, request); err != nil {
			return nil, err
		}
		if xsdSchema.inBody(request) {
			body.Content = body.Content[0].(*XMLElement).Content
		}
	}
	envelope := soapElement(space, "Envelope", body)
	if len(header.Content) > 0 {
		envelope.Content = []any{header, body}
	}
	return xsdBytes(envelope)
}

func soapElement(space, local string, content ...any) *XMLElement {
	return &XMLElement{Name: xml.Name{Space: space, Local: local}, Content: content}
}

// soapAppend adds a generated value to the parent's content.
func soapAppend(parent *XMLElement, v any) error {
	x, err := xsdElement(xml.Name{}, v)
	if err != nil {
		return err
	}
	if x.Name.Local == "" {
		return fmt.Errorf("%T is no global element of the contract", v)
	}
	parent.Content = append(parent.Content, x)
	return nil
}

// token is the WS-Security header (UsernameToken Profile 1.0).
func (c *SOAPClient) token(space string) *XMLElement {
	password := soapElement(soapWSSE, "Password", c.Password)
	password.Attr = []xml.Attr{{Name: xml.Name{Local: "Type"}, Value: soapText}}
	security := soapElement(soapWSSE, "Security",
		soapElement(soapWSSE, "UsernameToken", soapElement(soapWSSE, "Username", c.Username), password))
	security.Attr = []xml.Attr{{Name: xml.Name{Space: space, Local: "mustUnderstand"}, Value: "1"}}
	return security
}

// soapAnswer tells replies from faults by the Body, not by the status: SOAP 1.1
// faults come with 500, and some servers send them with 200.
func soapAnswer(answer *http.Response, body []byte, response any) error {
	wanted := response != nil && response != struct{}{}
	if len(bytes.TrimSpace(body)) == 0 && answer.StatusCode/100 == 2 {
		if wanted {
			return fmt.Errorf("HTTP %s, and the answer is empty", answer.Status)
		}
		return nil
	}
	envelope, err := xsdReadDocument(bytes.NewReader(body))
	if err != nil {
		return soapForeign(answer, body, err)
	}
	space := envelope.Name.Space
	if envelope.Name.Local != "Envelope" || space != soapSpace11 && space != soapSpace12 {
		return soapForeign(answer, body, errors.New("the document is no SOAP envelope"))
	}
	reply := envelope.child(space, "Body")
	var payload *XMLElement
	if children := reply.Elements(); len(children) > 0 {
		payload = children[0]
	}
	switch {
	case payload != nil && payload.Name == xml.Name{Space: space, Local: "Fault"}:
		return soapFault(answer, payload)
	case !wanted:
		return nil
	case xsdSchema.inBody(response):
		payload = &XMLElement{Name: xsdSchema.roots[reflect.TypeOf(response).Elem()], Content: reply.Content, scope: reply.scope}
	case payload == nil:
		return fmt.Errorf("HTTP %s, and the Body of the answer is empty", answer.Status)
	}
	if err := payload.into(response); err != nil {
		return fmt.Errorf("reading the reply: %w", err)
	}
	return nil
}

// child returns the first child of that name, or an empty element.
func (x *XMLElement) child(space, local string) *XMLElement {
	for _, c := range x.Elements() {
		if c.Name.Space == space && c.Name.Local == local {
			return c
		}
	}
	return &XMLElement{}
}

// soapFault reads a fault of the version that its namespace says.
func soapFault(answer *http.Response, x *XMLElement) *SOAPFault {
	f := &SOAPFault{Status: answer.StatusCode}
	detail := x.child("", "detail")
	if space := x.Name.Space; space == soapSpace11 {
		f.Code = soapLocal(x.child("", "faultcode"))
		f.Reason = x.child("", "faultstring").Text()
	} else {
		code := x.child(space, "Code")
		f.Code = soapLocal(code.child(space, "Value"))
		f.Subcode = soapLocal(code.child(space, "Subcode").child(space, "Value"))
		f.Reason = x.child(space, "Reason").child(space, "Text").Text()
		detail = x.child(space, "Detail")
	}
	if detail.Name.Local == "" {
		return f
	}
	f.Detail = detail.standalone()
	for _, entry := range detail.Elements() {
		if v, err := xsdGlobal(entry); err == nil { // what is not as declared stays in Detail
			f.Declared = append(f.Declared, v)
		}
	}
	return f
}

// xsdGlobal reads an element into the type that the contract has for it.
func xsdGlobal(x *XMLElement) (any, error) {
	v, err := xsdSchema.global(x.Name)
	if err != nil {
		return nil, err
	}
	return v, x.into(v)
}

func soapLocal(x *XMLElement) string {
	text := strings.TrimSpace(x.Text())
	return text[strings.LastIndexByte(text, ':')+1:]
}

func soapForeign(answer *http.Response, body []byte, cause error) error {
	const shown = 200
	text := strings.ToValidUTF8(string(body[:min(len(body), shown)]), "\uFFFD")
	return fmt.Errorf("HTTP %s, and no SOAP answer: %w: %q", answer.Status, cause, text)
}
