package outbound

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestReplies: an answer goes to the listed address that it names, as it is, and to
// no other; what the receiver says is judged as of a one-way call.
func TestReplies(t *testing.T) {
	type seen struct{ path, action, contentType, body string }
	var got []seen
	status, answer := 200, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, seen{r.URL.RequestURI(), r.Header.Get("SOAPAction"), r.Header.Get("Content-Type"), string(body)})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	address := server.URL + "/replies?box=1"
	p, err := NewReplies("erp-replies", Replies{Addresses: []string{address}}, 1, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(t.Context()) })
	for _, tt := range []struct {
		name, to, contentType, action string
		status                        int
		answer                        string
		code                          fault.Code
		want                          *seen
	}{
		{"1.1", address, "text/xml", "urn:act", 202, "", "", &seen{"/replies?box=1", `"urn:act"`, "text/xml; charset=utf-8", "<e/>"}},
		{"1.2", address, "application/soap+xml", "urn:act", 200, "", "", &seen{"/replies?box=1", "", `application/soap+xml; action="urn:act"; charset=utf-8`, "<e/>"}},
		{"an action that breaks out", address, "text/xml", "a\"\r\nX: y", 200, "", "", &seen{"/replies?box=1", `""`, "text/xml; charset=utf-8", "<e/>"}},
		{"unlisted", server.URL + "/replies", "text/xml", "urn:act", 200, "", fault.CodeNotPublishable, nil},
		{"nowhere", "", "text/xml", "urn:act", 200, "", fault.CodeNotPublishable, nil},
		{"a redirect", address, "text/xml", "urn:act", 307, "", fault.CodeChannelUnavailable, &seen{"/replies?box=1", `"urn:act"`, "text/xml; charset=utf-8", "<e/>"}},
		{"a fault", address, "text/xml", "urn:act", 500, fault11("e:Client", ""), fault.CodeNotPublishable, &seen{"/replies?box=1", `"urn:act"`, "text/xml; charset=utf-8", "<e/>"}},
		{"busy", address, "text/xml", "urn:act", 503, "", fault.CodeChannelUnavailable, &seen{"/replies?box=1", `"urn:act"`, "text/xml; charset=utf-8", "<e/>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, status, answer = nil, tt.status, tt.answer
			d := gatewaytest.Deliveries(1, "k")[0]
			d.RoutingKey, d.Type, d.ContentType, d.Body = tt.to, tt.action, tt.contentType, []byte("<e/>")
			if err := p.Publish(t.Context(), append(gatewaytest.Deliveries(0, ""), d))[0]; code(err) != tt.code {
				t.Errorf("%v", err)
			}
			if tt.want == nil && len(got) > 0 || tt.want != nil && (len(got) != 1 || got[0] != *tt.want) {
				t.Errorf("the receiver has seen %q", got)
			}
		})
	}
}

func TestRepliesConfig(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Replies
		want string // empty: valid
	}{
		{"https", Replies{Addresses: []string{"https://erp.example/r"}}, ""},
		{"this machine", Replies{Addresses: []string{"http://127.0.0.1:1/r"}}, ""},
		{"http where it is meant", Replies{Addresses: []string{"http://erp.example/r"}, AllowHTTP: true}, ""},
		{"none", Replies{}, "lists none"},
		{"http", Replies{Addresses: []string{"http://erp.example/r"}}, "answers go over https"},
		{"a secret over http", Replies{Addresses: []string{"http://erp.example/r"}, AllowHTTP: true, Connection: Connection{Auth: Auth{Bearer: config.NewSecret("x")}}}, "a secret goes over https only"},
		{"twice", Replies{Addresses: []string{"https://erp.example", "https://ERP.example:443/"}}, "listed twice"},
		{"with credentials", Replies{Addresses: []string{"https://u:hunter2@erp.example/"}}, "must hold no credentials"},
		{"relative", Replies{Addresses: []string{"/replies"}}, "expected https"},
		{"long", Replies{Addresses: []string{"https://erp.example/" + strings.Repeat("x", 1000)}}, "longer than 1000 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Validate()
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%v", err)
			}
		})
	}
}
