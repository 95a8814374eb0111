package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// attack is one request that means harm, and its answer.
type attack struct {
	name   string
	body   func() string // nil: raw
	header string        // lines, beside the usual ones
	raw    string        // a whole request instead, whose connection stays open
	before int           // the status of the same request, sent once before; 0: it is not
	status int
	code   string // ours, in the answer; empty: it is cut off, or answered well
}

const (
	// attackTime is how long an answer may take on a machine that has other things
	// to do; attackWork is what it may cost of a processor.
	attackTime = 60 * time.Second
	attackWork = 2 * time.Second
	// attackMemory is how much more the process may hold meanwhile.
	attackMemory = 64 << 20
)

// attacks are tried as somebody who may send: what an unknown caller can do is
// less. TRAP is an address at which nobody may ever call.
func attacks() []attack {
	order, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		panic(err)
	}
	good := string(order)
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	body := func(s string) func() string { return func() string { return s } }
	prolog := func(s string) func() string { return body(strings.Replace(good, declaration, declaration+s, 1)) }
	replace := func(old, with string) func() string {
		if !strings.Contains(good, old) {
			panic(old)
		}
		return func() string { return strings.Replace(good, old, with, 1) }
	}
	grow := func(old string, with func() string) func() string {
		return func() string { return strings.Replace(good, old, with(), 1) }
	}
	header := func(s string) func() string {
		return replace("<soap:Body>", `<soap:Header xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" `+
			`xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`+s+"</soap:Header><soap:Body>")
	}
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	note := "<o:Customer number"
	const note1 = "<o:Currency>EUR"
	gz := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := io.WriteString(w, s)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			panic(err)
		}
		return b.String()
	}
	related := "Content-Type: multipart/related; boundary=b; type=\"text/xml\"\r\n"
	parts := func(root, rest string) string {
		return "--b\r\nContent-Type: text/xml\r\n\r\n" + root + "\r\n" + rest + "--b--\r\n"
	}
	// A message of SAP's XI protocol, whose message is the part it refers to.
	xi := func(href string, document func() string) func() string {
		const sap = `xmlns:sap="http://sap.com/xi/XI/Message/30"`
		root := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` + sap + `><s:Header><sap:Main><sap:MessageClass>ApplicationMessage</sap:MessageClass><sap:ProcessingMode>asynchronous</sap:ProcessingMode>` +
			`<sap:MessageId>1</sap:MessageId></sap:Main><sap:ReliableMessaging><sap:QualityOfService>ExactlyOnce</sap:QualityOfService></sap:ReliableMessaging></s:Header><s:Body><sap:Manifest xmlns:x="http://www.w3.org/1999/xlink">` +
			`<sap:Payload x:href="` + href + `"><sap:Name>MainDocument</sap:Name><sap:Type>Application</sap:Type></sap:Payload></sap:Manifest></s:Body></s:Envelope>`
		return func() string { return parts(root, "--b\r\nContent-ID: <m>\r\n\r\n"+document()+"\r\n") }
	}
	inOrder := func(content func() string) func() string {
		return func() string {
			return `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">` + content() + `</o:SubmitOrder>`
		}
	}
	return []attack{
		{name: "XXE, a file", body: prolog(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>`), status: 500, code: "GH-1102"},
		{name: "XXE, inner host", body: prolog(`<!DOCTYPE a [<!ENTITY x SYSTEM "http://TRAP/x">]>`), status: 500, code: "GH-1102"},
		{name: "XXE, parameter entity", body: prolog(`<!DOCTYPE a [<!ENTITY % x SYSTEM "http://TRAP/x"> %x;]>`), status: 500, code: "GH-1102"},
		{name: "external DTD", body: prolog(`<!DOCTYPE a SYSTEM "http://TRAP/x.dtd">`), status: 500, code: "GH-1102"},
		{name: "billion laughs", body: prolog(`<!DOCTYPE a [<!ENTITY a0 "ha">` + many(30, func(i int) string { return fmt.Sprintf(`<!ENTITY a%d "&a%d;&a%d;">`, i+1, i, i) }) + `]>`), status: 500, code: "GH-1102"},
		{name: "quadratic blow-up", body: func() string {
			return strings.Replace(good, declaration, declaration+`<!DOCTYPE a [<!ENTITY a "`+strings.Repeat("x", 100_000)+`">]>`, 1)
		}, status: 500, code: "GH-1102"},
		{name: "an entity that is not declared", body: replace("EUR", "&x;"), status: 400, code: "GH-1101"},
		{name: "coercive parsing, open for ever", body: grow(note1, func() string { return strings.Repeat("<a>", 2_000_000) }), status: 413, code: "GH-1003"},
		{name: "deep nesting", body: grow(note1, func() string { return strings.Repeat("<a>", 1_000_000) + strings.Repeat("</a>", 1_000_000) + note1 }), status: 413, code: "GH-1003"},
		{name: "deep nesting in the Header", body: header(strings.Repeat("<a>", 10_000)), status: 413, code: "GH-1107"},
		{name: "a million attributes", body: grow("<o:Order>", func() string {
			return "<o:Order" + many(1_000_000, func(i int) string { return " a" + strconv.Itoa(i) + "=''" }) + ">"
		}), status: 413, code: "GH-1003"},
		{name: "many attributes", body: grow("<o:Order>", func() string {
			return "<o:Order" + many(500_000, func(i int) string { return " a" + strconv.Itoa(i) + "=''" }) + ">"
		}), status: 413, code: "GH-1003"},
		{name: "attributes whose names have one hash", body: grow("<o:Order>", func() string {
			pairs := [2]string{"Aa", "BB"} // equal in Java's String.hashCode, and so is every mixture
			return "<o:Order" + many(1<<16, func(i int) string {
				var b strings.Builder
				for bit := range 16 {
					b.WriteString(pairs[i>>bit&1])
				}
				return " " + b.String() + "=''"
			}) + ">"
		}), status: 413, code: "GH-1003"},
		{name: "many namespaces", body: grow("<o:Order>", func() string {
			return "<o:Order" + many(200_000, func(i int) string { return fmt.Sprintf(" xmlns:n%d='u%d'", i, i) }) + ">"
		}), status: 413, code: "GH-1003"},
		{name: "huge text", body: grow("Nordic Machines Oy", func() string { return strings.Repeat("x", 9<<20) }), status: 413, code: "GH-1003"},
		{name: "huge text in a name", body: grow(note1, func() string { return "<" + strings.Repeat("x", 9<<20) + "/>" + note1 }), status: 413, code: "GH-1003"},
		{name: "huge comment", body: grow(note1, func() string { return "<!--" + strings.Repeat("x", 9<<20) + "-->" + note1 }), status: 200},
		{name: "many character references", body: grow("Nordic Machines Oy", func() string { return strings.Repeat("&#120;", 1_500_000) }), status: 500, code: "GH-3001"},
		{name: "many errors", body: grow(note1, func() string { return strings.Repeat("<a/>", 2_000_000) + note1 }), status: 413, code: "GH-1003"},
		{name: "digit bomb", body: grow("100</o:Quantity>", func() string { return strings.Repeat("9", 1_000_000) + "</o:Quantity>" }), status: 500, code: "GH-3001"},
		{name: "exponent bomb", body: replace("100</o:Quantity>", "1e400000000</o:Quantity>"), status: 500, code: "GH-3001"},
		{name: "zip bomb", body: func() string { return gz(strings.Repeat(" ", 1<<30)) }, header: "Content-Encoding: gzip\r\n", status: 413, code: "GH-1003"},
		{name: "zip bomb in a zip", body: func() string { return gz(gz(strings.Repeat(" ", 64<<20))) }, header: "Content-Encoding: gzip\r\n", status: 400, code: "GH-1"},
		{name: "zip bomb in parts", body: func() string { return gz(parts(good, strings.Repeat("--b\r\n\r\n\r\n", 1_000_000))) }, header: "Content-Encoding: gzip\r\n" + related, status: 413, code: "GH-1003"},
		{name: "many parts", body: body(parts(good, strings.Repeat("--b\r\n\r\nx\r\n", 1000))), header: related, status: 413, code: "GH-1003"},
		{name: "part with endless headers", body: body(parts(good, "--b\r\n"+strings.Repeat("X-Y: z\r\n", 100_000))), header: related, status: 413, code: "GH-1003"},
		{name: "a manifest of an inner host", body: xi("http://TRAP/x", body("<a/>")), header: related, status: 500, code: "GH-1112"},
		{name: "XXE in the part of a manifest", body: xi("cid:m", body(`<!DOCTYPE a [<!ENTITY x SYSTEM "http://TRAP/x">]><a>&x;</a>`)), header: related, status: 500, code: "GH-1102"},
		{name: "a manifest's part that leaves the Body", body: xi("cid:m", inOrder(body(`</o:SubmitOrder></soap:Body></soap:Envelope><!--`))), header: related, status: 400, code: "GH-1101"},
		{name: "deep nesting in the part of a manifest", body: xi("cid:m", inOrder(func() string { return strings.Repeat("<a>", 1_000_000) })), header: related, status: 413, code: "GH-1003"},
		{name: "many elements in the part of a manifest", body: xi("cid:m", inOrder(func() string { return strings.Repeat("<a/>", 2_000_000) })), header: related, status: 413, code: "GH-1003"},
		{name: "slow loris, headers", raw: "POST /soap/orders/OrderService HTTP/1.1\r\nHost: gw\r\nX-A", status: 400, code: ""},
		{name: "slow loris, body", raw: "POST /soap/orders/OrderService HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<", status: 408, code: "GH-1007"},
		{name: "huge headers", raw: "GET / HTTP/1.1\r\nHost: gw\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", status: 431},
		{name: "signature wrapping", body: header(`<wsse:Security soap:mustUnderstand="1"><ds:Signature><ds:SignedInfo><ds:Reference URI="#b"/></ds:SignedInfo></ds:Signature><soap:Body wsu:Id="b"/></wsse:Security>`), status: 401, code: "GH-2"},
		{name: "duplicate ids", body: header(`<wsse:Security><wsu:Timestamp wsu:Id="a"/><ds:Signature/><wsu:Timestamp wsu:Id="a"/></wsse:Security>`), status: 401, code: "GH-2"},
		{name: "a digest of no time", body: header(`<wsse:Security><wsse:UsernameToken><wsse:Username>erp.alice</wsse:Username><wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest">x</wsse:Password><wsse:Nonce>AAAA</wsse:Nonce></wsse:UsernameToken></wsse:Security>`), status: 500, code: "GH-1109"},
		{name: "replayed nonce", before: 200, body: header(`<wsse:Security><wsse:UsernameToken><wsse:Username>erp.alice</wsse:Username><wsse:Password>erp.alice-secret</wsse:Password><wsse:Nonce>AAAA</wsse:Nonce><wsu:Created>` +
			time.Now().UTC().Format(time.RFC3339) + `</wsu:Created></wsse:UsernameToken></wsse:Security>`), status: 401, code: "GH-2006"},
		{name: "SOAPAction spoofing", body: body(good), header: "SOAPAction: \"urn:gatehouse:samples:orders:1/NotifyShipment\"\r\n", status: 500, code: "GH-1110"},
		{name: "ReplyTo an inner host", body: header("<wsa:MessageID>urn:1</wsa:MessageID><wsa:ReplyTo><wsa:Address>http://TRAP/x</wsa:Address></wsa:ReplyTo>"), status: 500, code: "GH-1"},
		{name: "FaultTo an inner host", body: header("<wsa:FaultTo><wsa:Address>http://TRAP/x</wsa:Address></wsa:FaultTo>"), status: 500, code: "GH-1"},
		{name: "XInclude", body: replace(note1, `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>`+note1), status: 500, code: "GH-3001"},
		{name: "schema poisoning", body: replace("<o:SubmitOrder>", `<o:SubmitOrder xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:gatehouse:samples:orders:1 http://TRAP/x.xsd">`), status: 200},
		{name: "style sheet of the sender", body: prolog(`<?xml-stylesheet type="text/xsl" href="http://TRAP/x.xsl"?>`), status: 200},
		{name: "xop:Include of an inner host", body: replace("EUR", `<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="http://TRAP/x"/>`), status: 500, code: "GH-3001"},
		{name: "NUL", body: replace("EUR", "E\x00R"), status: 400, code: "GH-1101"},
		{name: "UTF-7", body: replace(`encoding="UTF-8"`, `encoding="UTF-7"`), header: "Content-Type: text/xml\r\n", status: 400, code: "GH-1004"},
		{name: "LDAP injection", body: body(good), header: "Authorization: Basic KikodWlkPSopKTp4\r\n", status: 401, code: "GH-2"},
		{name: "SQL injection", body: replace("Nordic Machines Oy", `'); DROP TABLE x; --`), status: 200},
		{name: "one too many mustUnderstand", body: header(`<wsrm:Sequence xmlns:wsrm="http://schemas.xmlsoap.org/ws/2005/02/rm" soap:mustUnderstand="1"/>`), status: 500, code: "GH-1105"},
		{name: "many header blocks", body: header(strings.Repeat("<a/>", 20_000)), status: 413, code: "GH-1107"},
		{name: "an attribute twice, by namespace", body: replace(note, "<o:Customer o:number='a' number"), status: 500, code: "GH-3001"},
	}
}

// TestAttacks tries them on the running program: the right answer in time, at a
// bounded price, no call to anywhere, counted where operators look, and the next
// request answered.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("attacks take a while; run without -short")
	}
	p := startAttacked(t)
	good, err := os.ReadFile("../../testdata/soap/order-minimal.xml")
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := p.send(attack{body: func() string { return string(good) }}); status != 200 {
		t.Fatalf("a good message gets %d: %s", status, answer)
	}
	for i, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			if a.body != nil {
				made := strings.ReplaceAll(a.body(), "TRAP", p.trap.Addr().String())
				made = strings.Replace(made, "erp-0001", fmt.Sprint("attack-", i), 1)
				a.body = func() string { return made }
			}
			if a.before != 0 {
				if status, answer := p.send(a); status != a.before {
					t.Fatalf("the first time it gets %d: %s", status, answer)
				}
			}
			counted, worked := p.counted(t), p.work(t)
			p.resetPeak(t)
			held := p.memory(t, "VmRSS")
			began := time.Now()
			status, answer := p.send(a)
			took := time.Since(began)
			if status != a.status || !strings.Contains(answer, a.code) {
				t.Errorf("got %d, want %d and %s: %.600s", status, a.status, a.code, answer)
			}
			if a.raw == "" && strings.Contains(answer, "root:") {
				t.Error("a file of the machine is in the answer")
			}
			if work := p.work(t) - worked; took > attackTime || work > attackWork {
				t.Errorf("it took %v, and %v of a processor", took, work)
			}
			if more := p.memory(t, "VmHWM") - held; more > attackMemory {
				t.Errorf("%d MB more were held", more>>20)
			}
			if n := p.called.Load(); n != 0 {
				t.Errorf("%d calls were made", n)
			}
			if p.counted(t) == counted && !strings.Contains(a.name, "header") { // those are no requests yet
				t.Error("it is not counted")
			}
			if status, answer := p.send(attack{body: func() string { return string(good) }}); status != 200 {
				t.Errorf("the next request gets %d: %s", status, answer)
			}
		})
	}
}

// attacked is a gateway under attack.
type attacked struct {
	*crashRun
	pid    int
	trap   net.Listener
	called atomic.Int64
}

// startAttacked starts it with more sections of configuration.
func startAttacked(t *testing.T, sections ...string) *attacked {
	t.Helper()
	p := &attacked{crashRun: newCrashRun(t, buildCrashBinary(t))}
	text, err := os.ReadFile(p.file())
	if err == nil {
		text = bytes.Replace(text, []byte("soap: {"), []byte("soap: {header_timeout: 1s, body_timeout: 5s, "), 1)
		err = os.WriteFile(p.file(), append(text, "\nattachments: {directory: data/attachments}\n"+strings.Join(sections, "\n")...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.trap, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.trap.Close() })
	go func() {
		for {
			conn, err := p.trap.Accept()
			if err != nil {
				return
			}
			p.called.Add(1)
			conn.Close()
		}
	}()
	cmd := exec.Command(p.binary, "serve", "-c", p.file(), "--log-level", "error")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the gateway: %v", err)
		}
	})
	p.pid = cmd.Process.Pid
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p.awaitServing(ctx)
	return p
}

// send sends an attack on a connection of its own and reads what comes back.
func (p *attacked) send(a attack) (status int, answer string) {
	conn, err := net.Dial("tcp", p.lab.addresses["gateway"])
	if err != nil {
		return -1, err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(attackTime))
	request := a.raw
	if request == "" {
		body := a.body()
		lines := a.header
		if !strings.Contains(lines, "Content-Type:") {
			lines += "Content-Type: text/xml; charset=utf-8\r\n"
		}
		if !strings.Contains(lines, "Authorization:") {
			lines += "Authorization: Basic ZXJwLmFsaWNlOmVycC5hbGljZS1zZWNyZXQ=\r\n"
		}
		request = "POST /soap/orders/OrderService HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n" + lines + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
	}
	go io.WriteString(conn, request) // an answer may come before all is written
	var got bytes.Buffer
	_, _ = io.Copy(&got, conn) // a reset after the answer is as good as an end
	answer = got.String()
	if m := statusLine.FindStringSubmatch(answer); m != nil {
		status, _ = strconv.Atoi(m[1])
	}
	return status, answer
}

var statusLine = regexp.MustCompile(`^HTTP/1\.1 (\d{3})`)

// counted is how many messages and faults the metrics have.
func (p *attacked) counted(t *testing.T) (n float64) {
	t.Helper()
	res, err := http.Get("http://" + p.lab.addresses["operations"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metricLine.FindAllStringSubmatch(string(page), -1) {
		value, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		n += value
	}
	return n
}

var metricLine = regexp.MustCompile(`(?m)^gatehouse_(?:faults|messages)_total\{.*\} (\S+)$`)

func (p *attacked) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.pid), name)
}

// memory is one of the sizes in the process's status, in bytes.
func (p *attacked) memory(t *testing.T, name string) int64 {
	t.Helper()
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s in %s", name, status)
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}

// resetPeak has VmHWM begin anew (proc(5), clear_refs).
func (p *attacked) resetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(p.proc("clear_refs"), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// work is the time that the process has had a processor.
func (p *attacked) work(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(p.proc("stat"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100
	return time.Duration(user+system) * tick
}
