package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestViewRow holds how values are written.
func TestViewRow(t *testing.T) {
	s := newStand(t, SearchConfig{})
	w := s.ask("alice", "GET", "orders/3?$expand=lines")
	want := `{"no":3,"customer":"O'Brien \"3\" <ä>","amount":12345678901234567890.50,"at":"2026-03-02T09:30:00.005Z","due":"2026-03-02",` +
		`"digest":"-_8","note":null,"paid":true,"weight":"-INF","total":9223372036854775807,"lines":[{"line_no":1},{"line_no":2}]}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("alice", "GET", "orders/3?$select=no&$expand=lines($top=2)"); w.Body.String() != `{"no":3,"lines":[{"line_no":1},{"line_no":2}],"lines@gatehouse.hasMore":true}`+"\n" {
		t.Errorf("more lines: %d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json;odata.metadata=none", "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept", "Odata-Version": "4.0", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	w = s.ask("alice", "GET", "orders/3?$select=no,total,amount", "Accept", "application/json;IEEE754Compatible=true")
	if got := w.Body.String(); got != `{"no":3,"total":"9223372036854775807","amount":"12345678901234567890.50"}`+"\n" || w.Header().Get("Content-Type") != "application/json;odata.metadata=none;IEEE754Compatible=true" {
		t.Errorf("%s %v", got, w.Header())
	}
	s.shelf.hide = 2
	if got := s.ask("alice", "GET", "orders/3?$select=no,amount,paid").Body.String(); got != `{"no":3,"paid":true}`+"\n" {
		t.Errorf("what may not be seen is not left out: %s", got)
	}
}

// page is an answer of a search.
type page struct {
	Value   []map[string]json.RawMessage
	Next    string `json:"@odata.nextLink"`
	Count   *int64 `json:"@odata.count"`
	AtLeast bool   `json:"@gatehouse.countIsAtLeast"`
}

func (s *stand) page(user, target string) page {
	s.t.Helper()
	w := s.ask(user, "GET", target)
	var p page
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
		s.t.Fatalf("%s: %d %s: %v", target, w.Code, w.Body, err)
	}
	return p
}

// TestViewPages holds that following the links gives every row once, and that a link
// is of its own search and user.
func TestViewPages(t *testing.T) {
	s := newStand(t, SearchConfig{})
	first := s.page("alice", "orders?$top=10&$count=true&$select=no&$filter=paid and not (no eq 7)")
	if len(first.Value) != 10 || *first.Count != 25 || first.AtLeast || !strings.HasPrefix(first.Next, "orders?$top=10&") {
		t.Fatalf("%+v", first)
	}
	seen := map[string]bool{}
	for p := first; ; p = s.page("alice", p.Next) {
		for _, row := range p.Value {
			seen[string(row["no"])] = true
		}
		if p.Next == "" {
			break
		}
	}
	if len(seen) != 25 {
		t.Errorf("the pages have %d rows", len(seen))
	}
	if again := s.page("alice", "orders?$top=10&$count=true&$select=no&$filter=paid and not (no eq 7)"); again.Next != first.Next {
		t.Error("the same page has another link")
	}
	if p := s.page("alice", strings.Replace(first.Next, "$top=10", "$top=3", 1)); len(p.Value) != 3 || string(p.Value[0]["no"]) != "10" {
		t.Errorf("a smaller page: %+v", p)
	}
	changed := first.Next[:len(first.Next)-1] + "A"
	if changed == first.Next {
		changed = first.Next[:len(first.Next)-1] + "B"
	}
	for _, c := range []struct{ user, link string }{
		{"carol", first.Next}, {"alice", changed}, {"alice", first.Next[:len(first.Next)-4]},
		{"alice", strings.Replace(first.Next, "eq%207", "eq%208", 1)}, {"alice", strings.Replace(first.Next, "$count=true&", "", 1)},
	} {
		if p := s.refused(c.user, c.link, 400); p.Code != fault.CodePage || p.Detail != fault.New(fault.CodePage, "").Message {
			t.Errorf("%s %s: %+v", c.user, c.link, p)
		}
	}
	s.shelf.rows = 5000
	if p := s.page("alice", "orders?$count=true"); *p.Count != 5000 || !p.AtLeast || len(p.Value) != 100 {
		t.Errorf("count %d, at least %t, %d rows", *p.Count, p.AtLeast, len(p.Value))
	}
}

// refused returns the problem that a request is refused with.
func (s *stand) refused(user, target string, status int, header ...string) Problem {
	s.t.Helper()
	w := s.ask(user, "GET", target, header...)
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || w.Header().Get("Content-Type") != mediaProblem {
		s.t.Fatalf("%s: %d %s: %v", target, w.Code, w.Body, err)
	}
	return p
}

// TestViewRefusals holds statuses, codes and places.
func TestViewRefusals(t *testing.T) {
	s := newStand(t, SearchConfig{})
	for _, c := range []struct {
		user, target string
		status       int
		code         fault.Code
	}{
		{"", "orders", 401, fault.CodeUnauthenticated},
		{"mallory", "orders", 401, fault.CodeUnauthenticated},
		{"eve", "orders", 403, fault.CodeForbidden},
		{"eve", "orders/1", 403, fault.CodeForbidden},
		{"eve", "orders?$filter=", 403, fault.CodeForbidden},
		{"alice", "others", 404, fault.CodeNoEndpoint},
		{"alice", "orders/99", 404, fault.CodeNoRow},
		{"alice", "orders/x", 404, fault.CodeNoRow},
		{"alice", "orders/1,2", 404, fault.CodeNoRow},
		{"alice", "orders/", 404, fault.CodeNoRow},
		{"alice", "orders/1/lines", 404, fault.CodeNoRow},
		{"alice", "orders/1?$top=5", 400, fault.CodeQuery},
		{"alice", "orders?$skip=5", 400, fault.CodeQuery},
		{"alice", "orders?$filter=no eq 'x'", 400, fault.CodeQuery},
		{"bob", "orders?$filter=customer eq 'x'", 400, fault.CodeQuery},
		{"bob", "orders?$expand=lines", 400, fault.CodeQuery},
		{"alice", "orders?$skiptoken=x", 400, fault.CodePage},
		{"alice", "orders?$filter=" + strings.Repeat("x", 50_000), 414, fault.CodeAddress},
	} {
		if p := s.refused(c.user, c.target, c.status); p.Code != c.code || p.Status != c.status || p.Instance == "" {
			t.Errorf("%s %s: %+v", c.user, c.target, p)
		}
	}
	p := s.refused("alice", "orders?$top=5&$filter=no eq 1 and (amuont gt 3)&$orderby=nope", 400)
	if got := fmt.Sprintf("%+v", p.Errors); !strings.HasPrefix(got, `[{Detail:the view has no such field; did you mean "amount"?`) || len(p.Errors) != 2 ||
		p.Errors[0].Option != "$filter" || p.Errors[0].Position != 14 || p.Errors[0].Query != len("$top=5&$filter=no%20eq%201%20and%20(")+1 || p.Errors[0].Found != "amuont" {
		t.Errorf("%+v", p.Errors)
	}
	w := s.ask("alice", "POST", "orders")
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if got := s.refused("alice", "orders", 406, "Accept", "text/csv"); got.Code != fault.CodeNotAcceptable {
		t.Errorf("%+v", got)
	}
	if w := s.ask("alice", "GET", "orders?$format=json", "Accept", "text/html"); w.Code != 200 {
		t.Errorf("$format goes before Accept: %d", w.Code)
	}
	s.shelf.fail = fault.New(fault.CodeStoreUnavailable, "")
	if w := s.ask("alice", "GET", "orders"); w.Code != 503 || w.Header().Get("Retry-After") != "5" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.shelf.fail = fault.New(fault.CodeUnserved, "an index on (customer) would serve it")
	if p := s.refused("alice", "orders?$filter=customer eq 'x'", 400); p.Detail != "an index on (customer) would serve it" {
		t.Errorf("%+v", p)
	}
}

// TestViewHidden holds that who may not see a field is answered, and refused, as if
// there were none.
func TestViewHidden(t *testing.T) {
	s := newStand(t, SearchConfig{})
	if got := s.ask("bob", "GET", "orders/4").Body.String(); got != `{"no":4,"amount":12345678901234567890.50,"at":"2026-03-02T09:30:00.005Z"}`+"\n" {
		t.Errorf("bob sees %s", got)
	}
	told := func(field string) string {
		p := s.refused("bob", "orders?$filter="+field+" eq 'x'&$select="+field+"&$orderby="+field, 400)
		p.Instance = ""
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), field, "?")
	}
	if hidden, missing := told("customer"), told("custxyzr"); hidden != missing {
		t.Errorf("hidden:  %s\nmissing: %s", hidden, missing)
	}
}

// TestViewETag holds that a page which has not changed is not sent again.
func TestViewETag(t *testing.T) {
	s := newStand(t, SearchConfig{})
	tag := s.ask("alice", "GET", "orders?$top=5").Header().Get("ETag")
	if len(tag) < 20 || strings.HasPrefix(tag, "W/") {
		t.Fatalf("the tag is %s", tag)
	}
	for _, c := range []struct {
		target, held string
		status       int
	}{
		{"orders?$top=5", tag, 304}, {"orders?$top=5", `"x", W/` + tag, 304}, {"orders?$top=5", "*", 304}, {"orders?$top=5", `"x"`, 200}, {"orders?$top=6", tag, 200},
	} {
		w := s.ask("alice", "GET", c.target, "If-None-Match", c.held)
		if w.Code != c.status || w.Code == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Cache-Control") != "private, no-cache") {
			t.Errorf("%s with %s: %d %v", c.target, c.held, w.Code, w.Header())
		}
	}
	s.shelf.rows = 3
	if w := s.ask("alice", "GET", "orders?$top=5", "If-None-Match", tag); w.Code != 200 {
		t.Errorf("after a change: %d", w.Code)
	}
}

// TestViewHead holds that HEAD has the headers of GET, over a real connection.
func TestViewHead(t *testing.T) {
	s := newStand(t, SearchConfig{})
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+"/api/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", "secret")
	got, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if want := s.ask("alice", "GET", "orders"); got.StatusCode != 200 || got.Header.Get("ETag") != want.Header().Get("ETag") || got.ContentLength != int64(want.Body.Len()) {
		t.Errorf("%d %v %d", got.StatusCode, got.Header, got.ContentLength)
	}
}

// TestViewBounds holds that searches take places, that who has too many is told so,
// and that one which takes too long ends.
func TestViewBounds(t *testing.T) {
	s := newStand(t, SearchConfig{MaxConcurrent: 3, MaxPerUser: 2, Timeout: 200 * time.Millisecond})
	s.shelf.block = make(chan struct{})
	answers := make(chan *httptest.ResponseRecorder)
	begin := func(user string) {
		go func() { answers <- s.ask(user, "GET", "orders") }()
		<-s.shelf.block
	}
	begin("alice")
	begin("alice")
	if p := s.refused("alice", "orders", 429); p.Code != fault.CodeTooFast {
		t.Errorf("%+v", p)
	}
	begin("carol")
	if p := s.refused("carol", "orders", 503); p.Code != fault.CodeBusy {
		t.Errorf("%+v", p)
	}
	for range 3 {
		if w := <-answers; w.Code != 503 || !strings.Contains(w.Body.String(), "took longer than 200ms") || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	s.shelf.block = nil
	if w := s.ask("alice", "GET", "orders"); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// TestSearchConfig holds that faults of the section are all told.
func TestSearchConfig(t *testing.T) {
	if err := (SearchConfig{}).Validate(); err != nil {
		t.Error(err)
	}
	err := SearchConfig{MaxConcurrent: -1, MaxPerUser: -1, Timeout: time.Hour}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%v", err)
	}
}

// TestViewDocument holds that views are described to those who may read them, as far
// as they see them, and to nobody else.
func TestViewDocument(t *testing.T) {
	s := newStand(t, SearchConfig{})
	if w := s.ask("", "GET", "openapi.json"); w.Code != 200 || strings.Contains(w.Body.String(), "orders") {
		t.Errorf("the public document: %d %s", w.Code, w.Body)
	}
	if w := s.ask("", "GET", "openapi.json?mine"); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("who does not say who he is: %d %v", w.Code, w.Header())
	}
	if w := s.ask("eve", "GET", "openapi.json"); w.Code != 200 || strings.Contains(w.Body.String(), "orders") {
		t.Errorf("who may read nothing: %d %s", w.Code, w.Body)
	}
	w := s.ask("alice", "GET", "openapi.json")
	var d struct {
		Paths      map[string]json.RawMessage
		Components struct {
			Schemas map[string]struct{ Properties map[string]map[string]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	properties := d.Components.Schemas["view.orders"].Properties
	if d.Paths["/api/orders"] == nil || d.Paths["/api/orders/{no}"] == nil || len(properties) != 11 || properties["customer"]["x-class"] != "personal" ||
		properties["total"]["format"] != "int64" || properties["lines"]["type"] != "array" || d.Components.Schemas["view.orders.lines"].Properties["line_no"] == nil {
		t.Errorf("%s", w.Body)
	}
	if w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v", w.Header())
	}
	if got := s.ask("bob", "GET", "openapi.json").Body.String(); strings.Contains(got, "customer") || strings.Contains(got, "lines") || !strings.Contains(got, `"amount"`) {
		t.Errorf("bob is told of what he may not see: %s", got)
	}
}

// TestPage holds that the page needs nothing but itself, and tells what the document
// tells.
func TestPage(t *testing.T) {
	s := newStand(t, SearchConfig{})
	if w := s.ask("alice", "GET", ""); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("who is no browser: %v", w.Header())
	}
	w := s.ask("", "GET", "", "Accept", "text/html,*/*;q=0.8")
	policy := w.Header().Get("Content-Security-Policy")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `<a href="?mine">`) || strings.Contains(w.Body.String(), "<script") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%d %s %s", w.Code, policy, w.Body)
	}
	_, rest, _ := strings.Cut(w.Body.String(), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the policy %s is not of the style that the page has:\n%s", policy, style)
	}
	if w := s.ask("", "GET", "?mine", "Accept", "text/html"); w.Code != 401 {
		t.Errorf("?mine is answered with %d", w.Code)
	}
	if got := s.ask("alice", "GET", "?mine", "Accept", "text/html").Body.String(); !strings.Contains(got, "GET /api/orders/{no}") || !strings.Contains(got, "The customer&#39;s name.") {
		t.Errorf("%s", got)
	}
	if got := s.ask("eve", "GET", "?mine", "Accept", "text/html").Body.String(); !strings.Contains(got, "none that you may read") {
		t.Errorf("%s", got)
	}
	if got := s.ask("bob", "GET", "?mine", "Accept", "text/html").Body.String(); strings.Contains(got, "customer") {
		t.Errorf("bob is told of what he may not see: %s", got)
	}
}
