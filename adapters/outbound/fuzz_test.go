package outbound

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// FuzzTemplate: whatever a message brings, the request goes to the host that is
// configured, and stands where the template has its place.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"PO-1", "..", "/", "?x=1", "#", "%2e%2e", "\\", "@evil", "a b", "ä", "\r\n", "\x00", "\xff", ".%00"} {
		f.Add(seed)
	}
	tmpl, err := parseTemplate("https://h:8443/orders/{ordering_key}/x?k={type}&z=1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string) {
		d := gateway.Delivery{OrderingKey: key, Type: key}
		target, err := tmpl.of(&d)
		if err != nil {
			return
		}
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if u.Host != "h:8443" || u.User != nil || u.Fragment != "" || len(segments) != 4 || segments[1] != "orders" || segments[3] != "x" || segments[2] == ".." {
			t.Errorf("%q leads to %s", key, target)
		}
		if q := u.Query(); len(q) != 2 || q.Get("k") != key || q.Get("z") != "1" {
			t.Errorf("%q has the query %s", key, u.RawQuery)
		}
		if got, err := url.PathUnescape(percentEncoded(key)); err != nil || got != key || !printable(percentEncoded(key)) {
			t.Errorf("%q as a header: %q, %v", key, got, err)
		}
	})
}

// FuzzSOAPAnswer: no answer does more than be taken, tried again or parked, and
// what is said of it is one short line.
func FuzzSOAPAnswer(f *testing.F) {
	for _, seed := range []string{reply(good), reply(""), fault11("e:Client", "<detail><x/></detail>"), fault11("e:Server.Busy\n\x1b", ""), "<html/>", "", "<e:Envelope/>", "<!DOCTYPE a>", "\xff\xfe<"} {
		f.Add(seed, 200, "text/xml; charset=utf-8")
		f.Add(seed, 500, "text/xml;charset=utf-16")
	}
	in, err := contract.Load(os.DirFS("../../testdata"), "partner/partner.wsdl")
	if err != nil {
		f.Fatal(err)
	}
	c := SOAP{Contract: config.Path("w#DeskService.Desk.Announce")}
	found, err := c.Find(in)
	if err != nil {
		f.Fatal(err)
	}
	o := &operator{config: c, partner: found}
	f.Fuzz(func(t *testing.T, body string, status int, mediaType string) {
		v := o.judge(&answered{status: status, header: http.Header{"Content-Type": {mediaType}}, body: []byte(body), now: time.Unix(0, 0)})
		text := v.warning
		if v.fault != nil {
			text = v.fault.Message
		}
		if len(text) > 600 || strings.ContainsAny(text, "\n\r\x1b\x00") {
			t.Errorf("%q", text)
		}
	})
}
