package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// partner is a server of somebody else's: at /hook it takes events over HTTP, at
// /desk it is the service of testdata/partner. It answers as it is told, and
// remembers what it has taken.
type partner struct {
	mu      sync.Mutex
	server  *http.Server // nil while it is stopped
	answers map[string]partnerAnswer
	taken   []partnerRequest
	asked   map[string]int // requests by path, whatever was answered
}

type partnerAnswer struct {
	status int
	header http.Header
	body   string
}

// partnerRequest is a request that was answered with 2xx.
type partnerRequest struct {
	path, key, wire string
	sequence        int64
	body            string
}

const deskReply = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><AnnounceResponse xmlns="urn:gatehouse:samples:desk:1"><Ticket>7</Ticket></AnnounceResponse></e:Body></e:Envelope>`

func newPartner() *partner {
	return &partner{answers: map[string]partnerAnswer{"/desk": {200, http.Header{"Content-Type": {"text/xml"}}, deskReply}}, asked: map[string]int{}}
}

func (p *partner) start(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(l)
	return nil
}

func (p *partner) stop() error {
	if p.server == nil {
		return nil
	}
	defer func() { p.server = nil }()
	return p.server.Close()
}

// ServeHTTP takes or refuses one delivery.
func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	key, e1 := url.PathUnescape(r.Header.Get("Gateway-Ordering-Key"))
	sequence, e2 := strconv.ParseInt(r.Header.Get("Gateway-Sequence"), 10, 64)
	if err := errors.Join(err, e1, e2); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot) // the test sees it in the ledger
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	a, told := p.answers[r.URL.Path]
	if !told {
		a = partnerAnswer{status: http.StatusOK}
	}
	if a.status/100 == 2 {
		p.taken = append(p.taken, partnerRequest{r.URL.Path, key, r.Header.Get("Idempotency-Key"), sequence, string(body)})
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
}

// all is what was taken at a path, in order.
func (p *partner) all(path string) []partnerRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []partnerRequest
	for _, r := range p.taken {
		if r.path == path {
			out = append(out, r)
		}
	}
	return out
}

// addPartner has the project's orders announced to the partner, over HTTP and
// over SOAP.
func addPartner(dir, base string) error {
	wsdl, err := os.ReadFile("../../testdata/partner/partner.wsdl")
	if err != nil {
		return err
	}
	channels := "\n  hook: {http: {url: " + base + "/hook, timeout: 5s}, retry: {first: 20ms, longest: 200ms}}" +
		"\n  desk: {soap: {contract: wsdl/partner/partner.wsdl#DeskService.Desk.Announce, url: " + base + "/desk, timeout: 5s, faults: {Known: taken}}, retry: {first: 20ms, longest: 200ms}}\n"
	publications := `
  - channel: hook
    body: {orderNo: o:Order/o:OrderNumber}
  - channel: desk
    body:
      OrderNo: o:Order/o:OrderNumber
      Line: {$each: o:Order/o:Lines/o:Line, "@no": "@no", Sku: o:Sku, Quantity: o:Quantity}
`
	return errors.Join(
		os.MkdirAll(filepath.Join(dir, "wsdl/partner"), 0o755),
		os.WriteFile(filepath.Join(dir, "wsdl/partner/partner.wsdl"), wsdl, 0o644),
		insertBehind(filepath.Join(dir, "gatehouse.yaml"), "\nchannels:", channels),
		insertBehind(filepath.Join(dir, "mappings/submit-order.yaml"), "\npublish:", publications),
	)
}

func insertBehind(file, place, text string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, after, found := strings.Cut(string(src), place)
	if !found {
		return fmt.Errorf("%s does not hold %q", file, place)
	}
	return os.WriteFile(file, []byte(before+place+strings.TrimRight(text, "\n")+after), 0o644)
}

// scriptPartner: partner add | partner answer PATH STATUS [BODY [NAME: VALUE]] |
// partner taken PATH [WAIT FOR N] | partner asked PATH
// adds the channels that call the partner, says how it answers, and shows what
// it has taken, one line for each.
func scriptPartner(ts *testscript.TestScript, neg bool, args []string) {
	l := labOf(ts)
	switch {
	case len(args) == 1 && args[0] == "add":
		ts.Check(l.start("partner"))
		ts.Check(addPartner(ts.MkAbs("."), "http://"+l.addresses["partner"]))
	case len(args) >= 3 && args[0] == "answer":
		ts.Check(l.partner.told(args[1], args[2:]))
	case len(args) >= 2 && args[0] == "taken":
		n := 0
		if len(args) == 3 {
			var err error
			n, err = strconv.Atoi(args[2])
			ts.Check(err)
		}
		deadline := time.Now().Add(30 * time.Second)
		for len(l.partner.all(args[1])) < n && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if found := l.partner.all(args[1]); len(found) < n {
			ts.Fatalf("the partner has taken %d at %s, want %d", len(found), args[1], n)
		}
		for _, r := range l.partner.all(args[1]) {
			fmt.Fprintf(ts.Stdout(), "%s %s %s\n", r.key, r.wire, r.body)
		}
	case len(args) == 2 && args[0] == "asked":
		l.partner.mu.Lock()
		defer l.partner.mu.Unlock()
		fmt.Fprintln(ts.Stdout(), l.partner.asked[args[1]])
	default:
		ts.Fatalf("usage: partner add|answer|taken|asked")
	}
}

func (p *partner) told(path string, args []string) error {
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	a := partnerAnswer{status: status, header: http.Header{}}
	if len(args) > 1 {
		a.body = args[1]
	}
	if len(args) > 2 {
		name, value, _ := strings.Cut(args[2], ": ")
		a.header.Set(name, value)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if status == 0 { // as at first
		a = newPartner().answers[path]
		a.status = max(a.status, http.StatusOK)
	}
	p.answers[path] = a
	return nil
}
