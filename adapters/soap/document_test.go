package soap

import (
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
)

func sampleCore(t testing.TB) *fakeCore {
	t.Helper()
	c, err := contract.Load(os.DirFS("../../wsdl"), "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return &fakeCore{contracts: []*contract.Contract{c}}
}

// loopback is where tests come from.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

var (
	soapAddress = regexp.MustCompile(`:address location="([^"]*)"`)
	schemaPlace = regexp.MustCompile(`schemaLocation="([^"]*)"`)
)

// Whoever reads the WSDL must find everything else from it, at the host asked.
func TestPublishedContractIsClosed(t *testing.T) {
	url := serve(t, Config{}, sampleCore(t))
	seen := map[string]bool{}
	waiting := []string{url + servicePath + "?wsdl"}
	for len(waiting) > 0 {
		location := waiting[0]
		waiting = waiting[1:]
		if seen[location] {
			continue
		}
		seen[location] = true
		a := do(t, http.MethodGet, location, "", nil)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Fatalf("%s: %s, %q", location, a.Status, a.Header.Get("Content-Type"))
		}
		tree, err := document.Read([]byte(a.body))
		if err != nil {
			t.Fatalf("%s: %v", location, err)
		}
		tree.Release()
		for _, m := range schemaPlace.FindAllStringSubmatch(a.body, -1) {
			waiting = append(waiting, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
		for _, m := range soapAddress.FindAllStringSubmatch(a.body, -1) {
			if m[1] != url+servicePath {
				t.Errorf("%s: address is %s", location, m[1])
			}
		}
	}
	const files = 4 // orders.wsdl, orders.xsd, order-types.xsd, common.xsd
	if len(seen) < files {
		t.Errorf("only %d documents were found: %v", len(seen), seen)
	}
}

func TestGet(t *testing.T) {
	tests := []struct {
		name, path string
		header     map[string]string
		config     Config
		status     int
		has        string
	}{
		{name: "upper case", path: servicePath + "?WSDL", status: 200, has: "definitions"},
		{name: "SOAP 1.1 view", path: servicePath + "?wsdl&soap=11", status: 200, has: "definitions"},
		{name: "in one document", path: servicePath + "?singleWsdl", status: 200, has: `<xs:element name="SubmitOrder"`},
		{name: "in one document, SOAP 1.1 view", path: servicePath + "?singlewsdl&soap=11", status: 200, has: `<xs:element name="SubmitOrder"`},
		{name: "Forwarded", path: servicePath + "?wsdl", config: Config{TrustedProxies: loopback}, header: map[string]string{"Host": "gw", "Forwarded": "host=evil.example;proto=https"}, status: 200,
			has: `location="http://gw/soap/orders/OrderService"`},
		{name: "host of the caller", path: servicePath + "?wsdl", header: map[string]string{"Host": "orders.example.com:8443"}, status: 200,
			has: `location="http://orders.example.com:8443/soap/orders/OrderService"`},
		{name: "public URL", path: servicePath + "?wsdl", config: Config{PublicURL: "https://api.example.com/in/"}, status: 200,
			has: `location="https://api.example.com/in/soap/orders/OrderService"`},
		{name: "untrusted proxy", path: servicePath + "?wsdl", header: map[string]string{"Host": "gw", "X-Forwarded-Host": "evil.example"}, status: 200,
			has: `location="http://gw/soap/orders/OrderService"`},
		{name: "unfit host", path: servicePath + "?wsdl", header: map[string]string{"Host": "a$b"}, status: 400, has: "GH-1008"},
		{name: "unknown schema", path: servicePath + "?xsd=../../secret", status: 404, has: "GH-1005"},
		{name: "empty schema", path: servicePath + "?xsd=", status: 404, has: "GH-1005"},
		{name: "unknown query", path: servicePath + "?help", status: 404, has: "GH-1005"},
		{name: "malformed query", path: servicePath + "?wsdl=%zz", status: 404, has: "GH-1005"},
		{name: "page of a service", path: servicePath, status: 200, has: "NotifyShipment (one-way)"},
		{name: "list", path: "/soap/", status: 200, has: "/soap/orders/OrderService"},
		{name: "list without slash", path: "/soap", status: 200, has: "/soap/orders/OrderService"},
		{name: "unknown service", path: "/soap/orders/Nothing?wsdl", status: 404, has: "GH-1005"},
		{name: "elsewhere", path: "/", status: 404, has: "GH-1005"},
		{name: "escaped slash", path: "/soap/orders%2FOrderService?wsdl", status: 200, has: "definitions"},
	}
	core := sampleCore(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, tt.config, core)
			a := do(t, http.MethodGet, url+tt.path, "", tt.header)
			if a.StatusCode != tt.status || !strings.Contains(a.body, tt.has) {
				t.Errorf("got %s, want %d and %q in: %.2000s", a.Status, tt.status, tt.has, a.body)
			}
			if strings.Contains(a.body, "evil") {
				t.Errorf("an untrusted header is believed: %s", a.body)
			}
			if a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers are %v", a.Header)
			}
			if head := do(t, http.MethodHead, url+tt.path, "", tt.header); head.StatusCode != tt.status || head.body != "" {
				t.Errorf("HEAD: %s, %q", head.Status, head.body)
			}
		})
	}
}

// TestDocumentOnceMore: who has a document is told that it is still the one, and
// gets another when the address or the contract is another.
func TestDocumentOnceMore(t *testing.T) {
	url := serve(t, Config{}, sampleCore(t)) + servicePath
	first := do(t, http.MethodGet, url+"?wsdl", "", nil)
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("headers are %v", first.Header)
	}
	tests := []struct {
		query, ask, host string
		status           int
	}{
		{"?wsdl", tag, "", 304},
		{"?WSDL", `"other", W/` + tag, "", 304},
		{"?wsdl", "*", "", 304},
		{"?wsdl", `"other"`, "", 200},
		{"?wsdl", strings.Trim(tag, `"`), "", 200},
		{"?wsdl", tag, "elsewhere.example", 200},
		{"?singlewsdl", tag, "", 200},
		{"?xsd=orders.xsd", tag, "", 200},
		{"?xsd=nothing.xsd", "*", "", 404},
	}
	for _, tt := range tests {
		header := map[string]string{"If-None-Match": tt.ask}
		if tt.host != "" {
			header["Host"] = tt.host
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := do(t, method, url+tt.query, "", header)
			if a.StatusCode != tt.status || tt.status == 304 && (a.body != "" || a.Header.Get("ETag") != tag) {
				t.Errorf("%s %s with %s: %s, %v", method, tt.query, tt.ask, a.Status, a.Header)
			}
		}
	}
}

func TestSOAP11View(t *testing.T) {
	url := serve(t, Config{}, sampleCore(t)) + servicePath
	both, one := do(t, http.MethodGet, url+"?wsdl", "", nil).body, do(t, http.MethodGet, url+"?wsdl&soap=11", "", nil).body
	if n := len(soapAddress.FindAllString(both, -1)); n != 2 {
		t.Errorf("the WSDL has %d addresses, want 2", n)
	}
	if n := len(soapAddress.FindAllString(one, -1)); n != 1 {
		t.Errorf("the SOAP 1.1 view has %d addresses, want 1", n)
	}
}
