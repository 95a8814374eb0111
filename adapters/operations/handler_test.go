package operations

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// targets is every address of the API, with the one method that it takes.
var targets = map[string]string{
	"/api/v1/configuration":                                http.MethodGet,
	"/api/v1/configuration/reload":                         http.MethodPost,
	"/api/v1/messages":                                     http.MethodGet,
	"/api/v1/messages/" + idOf(0).String():                 http.MethodGet,
	"/api/v1/messages/" + idOf(0).String() + "/replay":     http.MethodPost,
	"/api/v1/messages/" + idOf(0).String() + "/park":       http.MethodPost,
	"/api/v1/messages/" + idOf(0).String() + "/discard":    http.MethodPost,
	"/api/v1/holding":                                      http.MethodGet,
	"/api/v1/access/explain?user=carl&verb=read&on=access": http.MethodGet,
}

const because = `{"reason": "because"}`

func TestEveryAddressNeedsAUserAndAGrant(t *testing.T) {
	for target, method := range targets {
		t.Run(target, func(t *testing.T) {
			d := newDoor(t, Config{})
			a := d.as("", method, target, because).wants(http.StatusUnauthorized, fault.CodeUnauthenticated)
			if !strings.HasPrefix(a.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("no challenge: %v", a.Header())
			}
			d.as("mallory", method, target, because).wants(http.StatusUnauthorized, fault.CodeUnauthenticated)
			if d.log.String() == "" || strings.Contains(d.log.String(), "mallory-secret") {
				t.Errorf("log: %s", d.log)
			}
			d.as("carl", method, target, because).wants(http.StatusForbidden, fault.CodeForbidden)
			if log := d.log.String(); !strings.Contains(log, `"operator turned away" user="uid=carl"`) {
				t.Errorf("the refusal is not logged: %s", log)
			}
			if len(d.gateway.acts)+len(d.gateway.reloads) != 0 {
				t.Errorf("something was done: %v %v", d.gateway.acts, d.gateway.reloads)
			}
		})
	}
}

func TestWrongMethods(t *testing.T) {
	all := map[string]string{"/healthz": "GET", "/readyz": "GET", "/metrics": "GET"}
	maps.Copy(all, targets)
	for target, method := range all {
		for _, wrong := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			if wrong == method {
				continue
			}
			d := newDoor(t, Config{})
			a := d.as("olga", wrong, target, because).wants(http.StatusMethodNotAllowed, fault.CodeMethod)
			if a.Header().Get("Allow") != method {
				t.Errorf("%s %s: Allow is %q", wrong, target, a.Header().Get("Allow"))
			}
			if d.gateway.logins != 0 {
				t.Errorf("%s %s: the directory was asked", wrong, target)
			}
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	d := newDoor(t, Config{})
	for _, target := range []string{"/", "/api", "/api/v1", "/api/v1/", "/api/v2/messages", "/api/v1/messages/", "/favicon.ico", "/api/v1/messages/x/y/z", "/api/v1/messages/" + idOf(0).String() + "/payload"} {
		d.as("olga", http.MethodGet, target, "").wants(http.StatusNotFound, fault.CodeNoEndpoint)
	}
}

func TestAnswersAreKeptNowhere(t *testing.T) {
	d := newDoor(t, Config{})
	for _, target := range []string{"/healthz", "/metrics", "/api/v1/messages", "/nowhere"} {
		h := d.as("olga", http.MethodGet, target, "", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }).Header()
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", target, h)
		}
	}
}

func TestOpenAddresses(t *testing.T) {
	d := newDoor(t, Config{})
	remote := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }
	if a := d.as("", http.MethodGet, "/healthz", "", remote).wants(http.StatusOK, ""); a.Body.String() != `{"status":"ok"}`+"\n" {
		t.Errorf("healthz: %s", a.Body)
	}
	if a := d.as("", http.MethodGet, "/metrics", "", remote).wants(http.StatusOK, ""); !strings.Contains(a.Body.String(), "gatehouse_test_total 1") {
		t.Errorf("metrics: %s", a.Body)
	}
	if d.gateway.logins != 0 {
		t.Error("the directory was asked")
	}
}

func TestPasswordsInClear(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		change func(*http.Request)
		status int
	}{
		"loopback":         {Config{}, func(*http.Request) {}, http.StatusOK},
		"loopback, IPv6":   {Config{}, func(r *http.Request) { r.RemoteAddr = "[::1]:7" }, http.StatusOK},
		"network":          {Config{}, func(r *http.Request) { r.RemoteAddr = "192.0.2.1:7" }, http.StatusForbidden},
		"through a proxy":  {Config{}, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }, http.StatusForbidden},
		"explicit":         {Config{AllowPlaintextPasswords: true}, func(r *http.Request) { r.RemoteAddr = "192.0.2.1:7" }, http.StatusOK},
		"unreadable peer":  {Config{}, func(r *http.Request) { r.RemoteAddr = "@" }, http.StatusForbidden},
		"loopback in name": {Config{}, func(r *http.Request) { r.RemoteAddr = "localhost:7" }, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, c.config)
			a := d.as("olga", http.MethodGet, "/api/v1/messages", "", c.change)
			if c.status == http.StatusOK {
				a.wants(c.status, "")
				return
			}
			a.wants(c.status, fault.CodeClearTextPassword)
			if d.gateway.logins != 0 || a.Header().Get("WWW-Authenticate") != "" {
				t.Error("the password was used, or asked for again")
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	for name, header := range map[string][]string{
		"none":              nil,
		"two":               {"Basic b2xnYTpvbGdhLXNlY3JldA==", "Basic b2xnYTpvbGdhLXNlY3JldA=="},
		"no base64":         {"Basic ???"},
		"no colon":          {"Basic b2xnYQ=="},
		"empty password":    {"Basic b2xnYTo="},
		"empty user":        {"Basic OnNlY3JldA=="},
		"control character": {"Basic b2xnYTpvbGdhAHNlY3JldA=="},
		"no UTF-8":          {"Basic b2xnYf86c2VjcmV0"},
		"empty bearer":      {"Bearer "},
		"another scheme":    {"Digest abc"},
		"nothing":           {""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, Config{})
			a := d.as("", http.MethodGet, "/api/v1/messages", "", func(r *http.Request) { r.Header["Authorization"] = header })
			if a.Code != http.StatusUnauthorized || a.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%d %s", a.Code, a.Body)
			}
			if d.gateway.logins != 0 {
				t.Error("the directory was asked")
			}
		})
	}
}

// TestProofs: what a request shows reaches the core; a certificate that a proxy
// shows, or that nobody verified, is none.
func TestProofs(t *testing.T) {
	olga := [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "olga"}}}}
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"bearer":           {func(r *http.Request) { r.Header.Set("Authorization", "bearer olga") }, http.StatusOK},
		"bearer of nobody": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer mallory") }, http.StatusUnauthorized},
		"bearer in clear":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer olga"); r.RemoteAddr = "192.0.2.1:7" }, http.StatusForbidden},
		"certificate":      {func(r *http.Request) { r.TLS = &tls.ConnectionState{VerifiedChains: olga} }, http.StatusOK},
		"certificate of nobody": {func(r *http.Request) {
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "mallory"}}}}}
		}, http.StatusUnauthorized},
		"certificate, not verified": {func(r *http.Request) { r.TLS = &tls.ConnectionState{PeerCertificates: olga[0]} }, http.StatusUnauthorized},
		"certificate of a proxy": {func(r *http.Request) {
			r.TLS = &tls.ConnectionState{VerifiedChains: olga}
			r.Header.Set("X-Forwarded-For", "192.0.2.1")
		}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, Config{})
			if a := d.as("", http.MethodGet, "/api/v1/messages", "", c.change); a.Code != c.status {
				t.Errorf("%d %s", a.Code, a.Body)
			}
			if told := strings.Contains(d.log.String(), "GH-2001"); told != strings.Contains(name, "nobody") {
				t.Errorf("log: %s", d.log)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	long := strings.Repeat("ä", MaxReason)
	for name, c := range map[string]struct {
		body, contentType string
		status            int
		code              fault.Code
	}{
		"as it should be":     {because, "application/json", 200, ""},
		"with a charset":      {because, "application/json; charset=utf-8", 200, ""},
		"as long as may be":   {`{"reason": "` + long + `"}`, "application/json", 200, ""},
		"two lines":           {`{"reason": "a\nb"}`, "application/json", 200, ""},
		"too long":            {`{"reason": "` + long + `x"}`, "application/json", 400, fault.CodeRequest},
		"no reason":           {`{}`, "application/json", 400, fault.CodeRequest},
		"blank reason":        {`{"reason": " \t "}`, "application/json", 400, fault.CodeRequest},
		"control character":   {`{"reason": "a\u0000b"}`, "application/json", 400, fault.CodeRequest},
		"escape sequence":     {`{"reason": "a\u001b[2Jb"}`, "application/json", 400, fault.CodeRequest},
		"another member":      {`{"reason": "a", "force": true}`, "application/json", 400, fault.CodeRequest},
		"a number":            {`{"reason": 1}`, "application/json", 400, fault.CodeRequest},
		"two documents":       {because + because, "application/json", 400, fault.CodeRequest},
		"empty":               {``, "application/json", 400, fault.CodeRequest},
		"no JSON":             {`reason=because`, "application/json", 400, fault.CodeRequest},
		"no UTF-8":            {"{\"reason\": \"a\xffb\"}", "application/json", 400, fault.CodeRequest},
		"a form":              {`reason=because`, "application/x-www-form-urlencoded", 415, fault.CodeMediaType},
		"text, as forms send": {because, "text/plain", 415, fault.CodeMediaType},
		"no type":             {because, "", 415, fault.CodeMediaType},
		"a broken type":       {because, "application/json; =", 415, fault.CodeMediaType},
		"huge":                {`{"reason": "` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413, fault.CodeTooLarge},
		"deep":                {strings.Repeat(`[`, 60<<10), "application/json", 400, fault.CodeRequest},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t, Config{})
			a := d.as("olga", http.MethodPost, "/api/v1/messages/"+idOf(0).String()+"/discard", c.body, func(r *http.Request) { r.Header.Set("Content-Type", c.contentType) })
			a.wants(c.status, c.code)
			if done := len(d.gateway.acts); done != map[bool]int{true: 1}[c.status == 200] {
				t.Errorf("%d acts", done)
			}
		})
	}
}

func TestOtherSites(t *testing.T) {
	d := newDoor(t, Config{})
	for _, header := range []string{"cross-site", "same-site"} {
		d.as("olga", http.MethodPost, "/api/v1/messages/"+idOf(0).String()+"/park", because, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", header)
		}).wants(http.StatusBadRequest, fault.CodeRequest)
	}
	if len(d.gateway.acts) != 0 {
		t.Error("something was done")
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, e := range fault.Catalogue() {
		if _, ok := byKind[e.Kind]; !ok {
			t.Errorf("%s: the kind %s has no status", e.Code, e.Kind)
		}
	}
}

// What is wrong inside is for the log.
func TestCausesStayHere(t *testing.T) {
	d := newDoor(t, Config{})
	d.gateway.down = errors.New("dial tcp 10.0.0.7: password of sa is hunter2")
	a := d.as("olga", http.MethodGet, "/api/v1/messages", "").wants(http.StatusInternalServerError, fault.CodeInternal)
	var p Problem
	a.into(&p)
	if strings.Contains(a.Body.String(), "hunter2") || !strings.Contains(d.log.String(), "hunter2") {
		t.Errorf("answer %s, log %s", a.Body, d.log)
	}
	if reference := strings.TrimPrefix(p.Instance, "urn:uuid:"); len(reference) != 36 || !strings.Contains(d.log.String(), "reference="+reference) {
		t.Errorf("the log does not have the reference %q", p.Instance)
	}
	d.gateway.down = fault.New(fault.CodeStoreUnavailable, "").Because(errors.New("hunter2"))
	a = d.as("olga", http.MethodGet, "/api/v1/messages", "").wants(http.StatusServiceUnavailable, fault.CodeStoreUnavailable)
	if strings.Contains(a.Body.String(), "hunter2") || a.Header().Get("Retry-After") == "" {
		t.Errorf("answer %s %v", a.Body, a.Header())
	}
}

func TestTooManyAtOnce(t *testing.T) {
	d := newDoor(t, Config{MaxConcurrent: 1})
	d.gateway.block = make(chan struct{})
	first := make(chan answer)
	go func() { first <- d.as("olga", http.MethodGet, "/api/v1/messages", "") }()
	deadline := time.Now().Add(10 * time.Second)
	for d.busy() == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the first request never came")
		}
		time.Sleep(time.Millisecond)
	}
	d.as("olga", http.MethodGet, "/api/v1/messages", "").wants(http.StatusServiceUnavailable, fault.CodeBusy)
	d.as("", http.MethodGet, "/healthz", "").wants(http.StatusOK, "")
	close(d.gateway.block)
	(<-first).wants(http.StatusOK, "")
}

func (d *door) busy() int {
	d.gateway.mu.Lock()
	defer d.gateway.mu.Unlock()
	return d.gateway.logins
}

func TestPanics(t *testing.T) {
	d := newDoor(t, Config{})
	d.Ledger = nil
	d.as("olga", http.MethodGet, "/api/v1/messages", "").wants(http.StatusInternalServerError, fault.CodeInternal)
	if !strings.Contains(d.log.String(), "panicked") {
		t.Error("nothing in the log")
	}
}

func TestExplain(t *testing.T) {
	d := newDoor(t, Config{})
	ask := func(query string) answer { return d.as("adam", http.MethodGet, "/api/v1/access/explain?"+query, "") }
	var e gateway.Explanation
	ask("user=olga&verb=replay&on=message/orders").wants(http.StatusOK, "").into(&e)
	if !e.Allowed || e.Grant == nil || e.Grant.Role != "operator" || e.Standing.Roles[0].Through.Group != "gh-operators" {
		t.Errorf("got %+v", e)
	}
	e = gateway.Explanation{}
	ask("user=nobody&verb=replay&on=message/orders").wants(http.StatusOK, "").into(&e)
	if e.Allowed || e.Unknown != "no such user" || len(e.Ways) != 3 {
		t.Errorf("got %+v", e)
	}
	for _, query := range []string{"", "user=olga", "user=olga&verb=fly&on=message/orders", "user=olga&verb=send&on=message/orders", "user=olga&verb=read&on=moon",
		"user=olga&verb=read&on=access&on=access", "user=olga&verb=read&on=access&as=root", "user=olga%00&verb=read&on=access", "user=" + strings.Repeat("x", 600) + "&verb=read&on=access", "user=%zz"} {
		ask(query).wants(http.StatusBadRequest, fault.CodeRequest)
	}
}

func TestWhoAmI(t *testing.T) {
	d := newDoor(t, Config{})
	var s gateway.Standing
	d.as("carl", http.MethodGet, "/api/v1/access/whoami", "").wants(http.StatusOK, "").into(&s)
	if s.DN != "uid=carl" || len(s.Roles) != 0 {
		t.Errorf("got %+v", s)
	}
	d.as("", http.MethodGet, "/api/v1/access/whoami", "").wants(http.StatusUnauthorized, fault.CodeUnauthenticated)
}

func TestConfiguration(t *testing.T) {
	d := newDoor(t, Config{})
	var running Running
	d.as("adam", http.MethodGet, "/api/v1/configuration", "").wants(http.StatusOK, "").into(&running)
	if !reflect.DeepEqual(running, d.gateway.running) {
		t.Errorf("got %+v", running)
	}
	var done Reloaded
	d.as("adam", http.MethodPost, "/api/v1/configuration/reload", because).wants(http.StatusOK, "").into(&done)
	if done != (Reloaded{Version: "two", Before: "one"}) || len(d.gateway.reloads) != 1 || d.gateway.reloads[0] != (gateway.Act{By: "uid=adam", Reason: "because"}) {
		t.Errorf("got %+v, %v", done, d.gateway.reloads)
	}
	d.as("adam", http.MethodPost, "/api/v1/configuration/reload", `{}`).wants(http.StatusOK, "")
}

func TestConfigurationWithFaults(t *testing.T) {
	d := newDoor(t, Config{})
	reload := func() answer { return d.as("adam", http.MethodPost, "/api/v1/configuration/reload", `{}`) }

	d.gateway.reload = errors.Join(
		errors.New("gatehouse.yaml:3:1: unknown key\ngatehouse.yaml:9:1: unknown key"),
		fault.New(fault.CodeSchema, "no such table").Because(errors.New("hunter2")),
		fault.New(fault.CodeMapping, "a mapping").With(fault.Detail{Source: "a.yaml:1:1", Message: "wrong"}),
	)
	var p Problem
	reload().wants(http.StatusUnprocessableEntity, fault.CodeConfiguration).into(&p)
	if got := fmt.Sprint(p.Details); len(p.Details) != 4 || strings.Contains(got, "hunter2") || !strings.Contains(got, "gatehouse.yaml:9:1: unknown key") {
		t.Errorf("got %s", got)
	}
	d.gateway.reload = fault.New(fault.CodeNeedsRestart, "a change of store takes a restart")
	reload().wants(http.StatusConflict, fault.CodeNeedsRestart)
	for code, status := range unrecorded { // it was not even read
		d.gateway.reload = fault.New(code, "")
		reload().wants(status, code)
	}
}

// unrecorded is how it is told that an act could not be recorded.
var unrecorded = map[fault.Code]int{fault.CodeAudit: http.StatusInternalServerError, fault.CodeStoreUnavailable: http.StatusServiceUnavailable}

// TestUnrecorded: what cannot be written into the audit trail is not done, and
// what is shown is not shown.
func TestUnrecorded(t *testing.T) {
	for code, status := range unrecorded {
		d := newDoor(t, Config{})
		d.gateway.denied = fault.New(code, "")
		shown := d.as("olga", http.MethodGet, "/api/v1/messages/"+idOf(0).String(), "")
		shown.wants(status, code)
		if strings.Contains(shown.Body.String(), "secret") {
			t.Errorf("the payload is shown: %s", shown.Body.String())
		}
		d.as("dora", http.MethodGet, "/api/v1/messages/"+idOf(0).String()+"/repeat", "").wants(status, code)
		d.as("dora", http.MethodPost, "/api/v1/queues/adopt", `{"queue": "dlq", "route": "orders"}`).wants(status, code)
		if len(d.gateway.adoptions) != 0 {
			t.Errorf("adopted %v", d.gateway.adoptions)
		}
		d.gateway.denied = nil
		d.as("olga", http.MethodGet, "/api/v1/messages/"+idOf(0).String(), "").wants(http.StatusOK, "")
		if got := d.gateway.audited[len(d.gateway.audited)-1]; got != "read "+idOf(0).String()+" by uid=olga" {
			t.Errorf("the act is %s", got)
		}
	}
}
