package soap

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// fakeSpool keeps attachments in memory and counts those that are on their way.
type fakeSpool struct {
	mu   sync.Mutex
	open int
	fail error
}

type fakeSpooled struct {
	spool  *fakeSpool
	octets []byte
}

func (s *fakeSpool) Spool() (Spooled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	s.open++
	return &fakeSpooled{spool: s}, nil
}

func (s *fakeSpooled) Write(p []byte) (int, error) {
	s.octets = append(s.octets, p...)
	return len(p), nil
}
func (s *fakeSpooled) Octets() ([]byte, error)    { return s.octets, nil }
func (s *fakeSpooled) Keep(context.Context) error { return nil }
func (s *fakeSpooled) Sum() (gateway.Digest, int64) {
	return sha256.Sum256(s.octets), int64(len(s.octets))
}
func (s *fakeSpooled) Discard() error {
	s.spool.mu.Lock()
	defer s.spool.mu.Unlock()
	s.spool.open--
	return nil
}

// parts writes a message in parts: of each, its headers and its octets.
func parts(boundary string, each ...string) string {
	var b strings.Builder
	for i := 0; i < len(each); i += 2 {
		b.WriteString("--" + boundary + "\r\n" + each[i] + "\r\n" + each[i+1] + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func quotedPrintable(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What clients send with attachments must arrive as an envelope and octets
// (RFC 2387; SOAP MTOM §3; SOAP with Attachments §3).
func TestRelated(t *testing.T) {
	const (
		pdf  = "%PDF\x00\xff\r\n--not a boundary\r\n"
		xop  = `Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"` + "\r\n"
		text = "Content-Type: text/xml; charset=UTF-8\r\n"
	)
	encoded := base64.StdEncoding.EncodeToString([]byte(pdf))
	folded := encoded[:8] + "\r\n" + encoded[8:]
	tests := []struct {
		name, contentType, body string
		ids                     []string // of the attachments
		octets                  string   // of each
		xop                     bool
		v12                     bool
	}{
		{"MTOM", `multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary="b"`,
			parts("b", xop+"Content-ID: <root>\r\n", envelope11, "Content-ID: <a>\r\nContent-Type: application/pdf\r\n", pdf), []string{"a"}, pdf, true, false},
		{"root by start, not by place", `multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary=b`,
			parts("b", "Content-ID: <a>\r\n", pdf, xop+"Content-ID: <root>\r\n", envelope11), []string{"a"}, pdf, true, false},
		{"start without brackets", `multipart/related; type="application/xop+xml"; start=root; start-info="text/xml"; boundary=b`,
			parts("b", xop+"Content-ID: <root>\r\n", envelope11, "Content-ID: <a>\r\n", pdf), []string{"a"}, pdf, true, false},
		{"unquoted type (KDSoap)", `multipart/related;type=application/xop+xml;start-info=text/xml;boundary=b`,
			parts("b", xop, envelope11), nil, "", true, false},
		{"MTOM of 1.2, escaped start-info (JAX-WS RI)", `multipart/related;start="<rootpart*1@example>";type="application/xop+xml";boundary="uuid:1";start-info="application/soap+xml;action=\"urn:a\""`,
			parts("uuid:1", "Content-Id: <rootpart*1@example>\r\nContent-Type: application/xop+xml;charset=utf-8;type=\"application/soap+xml;action=\\\"urn:a\\\"\"\r\nContent-Transfer-Encoding: binary\r\n", envelope12,
				"Content-Id:<x@y>\r\nContent-Transfer-Encoding: binary\r\n", pdf), []string{"x@y"}, pdf, true, true},
		{"a URL as Content-ID (.NET)", `multipart/related; type="application/xop+xml"; start="<http://tempuri.org/0>"; boundary="uuid:2+id=1"; start-info="text/xml"`,
			parts("uuid:2+id=1", "Content-ID: <http://tempuri.org/0>\r\nContent-Transfer-Encoding: 8bit\r\n"+xop, envelope11, "Content-ID: <http://tempuri.org/1/635>\r\nContent-Transfer-Encoding: binary\r\n", pdf),
			[]string{"http://tempuri.org/1/635"}, pdf, true, false},
		{"SwA without start (NuSOAP)", `multipart/related; boundary="=_a:/b+c"; type="text/xml"`,
			parts("=_a:/b+c", text, envelope11, "Content-Type: application/pdf; name=\"x\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"x\"\r\nContent-ID: <a>\r\n", folded), []string{"a"}, pdf, false, false},
		{"quoted-printable root (Savon)", `multipart/related; boundary="--==_mimepart"; type="text/xml"; start="<soap-request-body@soap>"`,
			parts("--==_mimepart", text+"Content-Transfer-Encoding: quoted-printable\r\nContent-ID: <soap-request-body@soap>\r\n", quotedPrintable(t, envelope11), "content-transfer-encoding: BASE64\r\ncontent-id: <a>\r\n", folded), []string{"a"}, pdf, false, false},
		{"root without headers", `multipart/related; boundary=b; type="text/xml"`, parts("b", "", envelope11), nil, "", false, false},
		{"several, one without a name", `multipart/related; boundary=b; type="text/xml"`,
			parts("b", text, envelope11, "Content-ID: <a>\r\n", pdf, "", pdf), []string{"a", ""}, pdf, false, false},
		{"text before and after", `multipart/related; boundary=b; type="text/xml"`, "This is MIME.\r\n" + parts("b", text, envelope11) + "bye", nil, "", false, false},
	}
	for _, tt := range tests {
		for _, spooled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, spooled %v", tt.name, spooled), func(t *testing.T) {
				core, spool := newFakeCore(), &fakeSpool{}
				h := NewHandler(Config{}, core, testLog(t))
				if spooled {
					h.KeepAttachments(spool)
				}
				a := do(t, http.MethodPost, serveHandler(t, Config{}, h)+servicePath, tt.body, map[string]string{"Content-Type": tt.contentType})
				if a.StatusCode != http.StatusOK {
					t.Fatalf("got %s: %s", a.Status, a.body)
				}
				if xop := strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/related"); xop != tt.xop {
					t.Errorf("the answer is %q", a.Header.Get("Content-Type"))
				}
				if !strings.Contains(a.body, "<o:OrderId>42<") || strings.Contains(a.body, "application/soap+xml") != (tt.v12 && tt.xop) {
					t.Errorf("the answer is %s", a.body)
				}
				got := core.taken()[0]
				if !strings.Contains(string(got.Body), orderPayload) || len(got.Attachments) != len(tt.ids) {
					t.Fatalf("%d attachments beside %s", len(got.Attachments), got.Body)
				}
				for i, one := range got.Attachments {
					if one.ContentID != tt.ids[i] || string(one.Octets) != tt.octets || one.Size != int64(len(tt.octets)) || one.Hash != sha256.Sum256([]byte(tt.octets)) || one.Part != i+1 {
						t.Errorf("attachment %d is %q of %d bytes: %q", one.Part, one.ContentID, one.Size, one.Octets)
					}
				}
				if spool.open != 0 {
					t.Errorf("%d spooled attachments are left", spool.open)
				}
			})
		}
	}
}

// A large attachment is spooled and not held.
func TestLargeAttachmentIsSpooled(t *testing.T) {
	core, spool := newFakeCore(), &fakeSpool{}
	h := NewHandler(Config{}, core, testLog(t))
	h.KeepAttachments(spool)
	large := strings.Repeat("x", 3<<20)
	a := do(t, http.MethodPost, serveHandler(t, Config{}, h)+servicePath, parts("b", "Content-Type: text/xml\r\n", envelope11, "Content-ID: <a>\r\n", large),
		map[string]string{"Content-Type": `multipart/related; boundary=b; type="text/xml"`})
	if a.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %s", a.Status, a.body)
	}
	one := core.taken()[0].Attachments[0]
	if octets, err := one.Content.Octets(); one.Octets != nil || err != nil || string(octets) != large {
		t.Errorf("%d bytes held, %d spooled, %v", len(one.Octets), len(octets), err)
	}
}

func TestRelatedRefused(t *testing.T) {
	const (
		multi = `multipart/related; boundary=b; type="text/xml"`
		root  = "Content-Type: text/xml\r\n"
	)
	whole := parts("b", root, envelope11, "Content-ID: <a>\r\n", "abc")
	many := []string{root, envelope11}
	for range 51 {
		many = append(many, "", "x")
	}
	small := Config{MaxAttachmentBytes: 1000, MaxAttachmentsBytes: 3000, MaxBodyBytes: 20000}
	tests := []struct {
		name, contentType, body string
		config                  Config
		status                  int
		gh                      fault.Code
	}{
		{"no boundary", `multipart/related; type="text/xml"`, whole, Config{}, 415, fault.CodeMediaType},
		{"endless boundary", `multipart/related; boundary=` + strings.Repeat("b", 71), whole, Config{}, 415, fault.CodeMediaType},
		{"other boundary", `multipart/related; boundary=c; type="text/xml"`, whole, Config{}, 400, fault.CodeHTTP},
		{"empty", multi, "", Config{}, 400, fault.CodeHTTP},
		{"no part", multi, "--b--\r\n", Config{}, 400, fault.CodeHTTP},
		{"cut", multi, whole[:len(whole)-8], Config{}, 400, fault.CodeHTTP},
		{"cut in a header", multi, "--b\r\nContent-Ty", Config{}, 400, fault.CodeHTTP},
		{"no root of that name", `multipart/related; boundary=b; start="<r>"`, whole, Config{}, 400, fault.CodeHTTP},
		{"one id twice", multi, parts("b", root, envelope11, "Content-ID: <a>\r\n", "1", "Content-ID: a\r\n", "2"), Config{}, 400, fault.CodeHTTP},
		{"root of another type", multi, parts("b", "Content-Type: application/json\r\n", "{}"), Config{}, 415, fault.CodeMediaType},
		{"root in parts again", multi, parts("b", "Content-Type: multipart/related; boundary=c\r\n", whole), Config{}, 415, fault.CodeMediaType},
		{"too many parts", multi, parts("b", many...), Config{}, 413, fault.CodeTooLarge},
		{"a part too large", multi, parts("b", root, envelope11, "", strings.Repeat("x", 1001)), small, 413, fault.CodeTooLarge},
		{"parts too large together", multi, parts("b", root, envelope11, "", strings.Repeat("x", 1000), "", strings.Repeat("x", 1000)) + strings.Repeat("x", 23000), small, 413, fault.CodeTooLarge},
		{"root too large", multi, parts("b", root, envelope11+strings.Repeat(" ", 20000)), small, 413, fault.CodeTooLarge},
		{"headers too large", multi, "--b\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n--b--\r\n", Config{}, 413, fault.CodeTooLarge},
		{"many headers", multi, "--b\r\n" + strings.Repeat("X: y\r\n", 20<<10) + "\r\n--b--\r\n", Config{}, 413, fault.CodeTooLarge},
		{"endless preamble", multi, strings.Repeat("x\r\n", 40<<10) + whole, Config{}, 413, fault.CodeTooLarge},
		{"no base64", multi, parts("b", root, envelope11, "Content-Transfer-Encoding: base64\r\n", "%%%%"), Config{}, 400, fault.CodeEncoding},
		{"unknown transfer encoding", multi, parts("b", root, envelope11, "Content-Transfer-Encoding: x-uuencode\r\n", "x"), Config{}, 400, fault.CodeEncoding},
		{"DOCTYPE in the root", multi, parts("b", root, "<!DOCTYPE a>"+envelope11), Config{}, 500, fault.CodeDoctype},
		{"1.2 in a root of 1.1", multi, parts("b", root, envelope12), Config{}, 500, fault.CodeVersionMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, spool := newFakeCore(), &fakeSpool{}
			h := NewHandler(tt.config, core, testLog(t))
			h.KeepAttachments(spool)
			url := serveHandler(t, tt.config, h) + servicePath
			code := "Client"
			if tt.gh == fault.CodeVersionMismatch {
				code = "VersionMismatch"
			}
			wantFault(t, do(t, http.MethodPost, url, tt.body, map[string]string{"Content-Type": tt.contentType}), tt.status, code, tt.gh)
			if len(core.taken()) != 0 || spool.open != 0 {
				t.Errorf("%d messages reached the core, %d spooled attachments are left", len(core.taken()), spool.open)
			}
		})
	}
}

func TestAttachmentsUnderGzipAreBounded(t *testing.T) {
	c := Config{MaxAttachmentsBytes: 1 << 20, MaxBodyBytes: 1 << 20}
	body := compressed(t, "gzip", parts("b", "Content-Type: text/xml\r\n", envelope11, "", strings.Repeat("x", 4<<20)))
	a := do(t, http.MethodPost, serve(t, c, newFakeCore())+servicePath, body, map[string]string{"Content-Type": "multipart/related; boundary=b", "Content-Encoding": "gzip"})
	wantFault(t, a, http.StatusRequestEntityTooLarge, "Client", fault.CodeTooLarge)
}

func TestSpoolFails(t *testing.T) {
	h := NewHandler(Config{}, newFakeCore(), testLog(t))
	h.KeepAttachments(&fakeSpool{fail: errors.New("no space left on /secret")})
	a := do(t, http.MethodPost, serveHandler(t, Config{}, h)+servicePath, parts("b", "Content-Type: text/xml\r\n", envelope11, "", "x"),
		map[string]string{"Content-Type": "multipart/related; boundary=b"})
	wantFault(t, a, http.StatusServiceUnavailable, "Server", fault.CodeUnkept)
	if strings.Contains(a.body, "secret") {
		t.Errorf("the cause left the house: %s", a.body)
	}
}

// Each mebibyte has the time of a body; one that stops is cut off.
func TestSlowAttachment(t *testing.T) {
	c := Config{BodyTimeout: 50 * time.Millisecond}
	url := serve(t, c, newFakeCore())
	head := strings.Replace(post(servicePath, "Content-Length: 1000000\r\n", "--b\r\nContent-Type: text/xml\r\n\r\n<"), "text/xml\r\nConnection", "multipart/related; boundary=b\r\nConnection", 1)
	answer := raw(t, url, strings.Replace(head, "Connection: close\r\n", "", 1))
	if _, rest, _ := strings.Cut(answer, " "); !strings.HasPrefix(rest, "408") {
		t.Errorf("answer is %.300q", answer)
	}
}

// FuzzRelated checks that whatever comes in parts is taken or refused as the
// sender's fault.
func FuzzRelated(f *testing.F) {
	for _, seed := range []string{parts("b", "Content-Type: text/xml\r\n", envelope11, "Content-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n", "YQ=="), "--b--", "--b\r\n\r\n", "\r\n--b \r\n:\r\n\r\n--b--"} {
		f.Add(`multipart/related; boundary=b; start="<a>"; type="application/xop+xml"`, seed)
		f.Add(`multipart/related; boundary=b`, seed)
	}
	core := newFakeCore()
	h := NewHandler(Config{MaxBodyBytes: 1 << 16, MaxAttachmentBytes: 1 << 16}, core, testLog(f))
	f.Fuzz(func(t *testing.T, contentType, body string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gw"+servicePath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Content-Type"] = []string{contentType}
		switch w := record(h, req); w.Code {
		case 200, 202, 400, 413, 415:
		case 500:
			if strings.Contains(w.Body.String(), "Server") || strings.Contains(w.Body.String(), "Receiver") {
				t.Fatalf("%s", w.Body)
			}
		default:
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}
