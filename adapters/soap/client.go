package soap

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"mime"
	"net/http"

	"github.com/gatehouse/gatehouse/adapters/internal/httpcall"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// Client calls SOAP services: the command line and tests do. It keeps no state
// and is safe for concurrent use when HTTP is.
type Client struct {
	URL     string
	Version envelope.Version // zero is SOAP 1.1
	// Username and Password go as HTTP Basic, unless Username is empty.
	Username, Password string
	// HTTP sends the requests; nil means http.DefaultClient.
	HTTP *http.Client
	// Header is added to every request; it may be nil.
	Header http.Header
}

// Reply is a positive answer.
type Reply struct {
	Status  int
	Header  http.Header
	Payload []byte // the Body's child as a document of its own; nil when there is none
}

// Fault is an answer that is a SOAP fault of either version. It is an error.
type Fault struct {
	Status  int // of HTTP
	Header  http.Header
	Code    string // local name: Client, Server, Sender, Receiver, …
	Subcode string // local name; SOAP 1.2 only, empty when absent
	Reason  string
	Detail  []byte // the detail element as a document of its own; nil when absent
}

// Error renders status, code and reason.
func (f *Fault) Error() string {
	return fmt.Sprintf("SOAP fault %s (HTTP %d): %s", f.Code, f.Status, f.Reason)
}

// Call sends payload, an element in UTF-8, in an envelope of the client's
// version. An answer that is a fault is returned as a *Fault in the error; any
// other error means that the message's fate is unknown.
func (c *Client) Call(ctx context.Context, action string, payload []byte) (*Reply, error) {
	return c.Send(ctx, action, wrap(c.version(), payload))
}

func (c *Client) version() envelope.Version { return cmp.Or(c.Version, envelope.V11) }

// Send posts a whole envelope, or what is to pass for one.
func (c *Client) Send(ctx context.Context, action string, body []byte) (*Reply, error) {
	req, err := c.request(ctx, action, body)
	if err != nil {
		return nil, err
	}
	res, answer, err := httpcall.Do(c.HTTP, req)
	if err != nil {
		return nil, err
	}
	return decodeReply(res, answer)
}

func (c *Client) request(ctx context.Context, action string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling %q: %w", c.URL, err)
	}
	for name, values := range c.Header {
		req.Header[name] = values
	}
	parameters := map[string]string{"charset": "utf-8"}
	switch {
	case c.version() == envelope.V11:
		req.Header.Set("SOAPAction", `"`+action+`"`)
	case action != "":
		parameters["action"] = action
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", mime.FormatMediaType(c.version().MediaType(), parameters))
	}
	if c.Username != "" {
		req.SetBasicAuth(c.Username, c.Password)
	}
	return req, nil
}

// wrap puts payload into the Body of an envelope.
func wrap(v envelope.Version, payload []byte) []byte {
	return envelope.AppendReply(nil, envelope.ReplyHead{Version: v}, payload)
}

// decodeReply tells replies from faults by the Body, not by the status: some
// servers send faults with status 200.
func decodeReply(res *http.Response, body []byte) (*Reply, error) {
	if len(bytes.TrimSpace(body)) == 0 && res.StatusCode/100 == 2 {
		return &Reply{Status: res.StatusCode, Header: res.Header}, nil
	}
	answer, err := envelope.ReadAnswer(body)
	if err != nil {
		return nil, notSOAP(res, body, err)
	}
	if f := answer.Fault; f != nil {
		return nil, &Fault{Status: res.StatusCode, Header: res.Header, Code: f.Code.Local, Subcode: f.Subcode, Reason: f.Reason, Detail: f.Detail}
	}
	return &Reply{Status: res.StatusCode, Header: res.Header, Payload: answer.Payload}, nil
}

func notSOAP(res *http.Response, body []byte, cause error) error {
	return fmt.Errorf("HTTP %s, and no SOAP answer: %w: %q", res.Status, cause, httpcall.Excerpt(body))
}
