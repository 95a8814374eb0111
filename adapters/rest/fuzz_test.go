package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
)

// FuzzREST sends anything as anything: the door never panics, never says that the
// gateway is at fault, and every refusal is a problem document.
func FuzzREST(f *testing.F) {
	f.Add("submit-order", "application/json", "", `"k"`, order(f))
	f.Add("submit-order", "application/json;charset=utf-8", "gzip", "k", "\x1f\x8b")
	f.Add("notify-shipment", "text/json", "*/*;q=0", "", `{"Header": {"MessageId": "\ud800"}}`)
	f.Add("openapi.json", "", "", "", "")
	f.Add("", "", "", "", "")
	f.Add("%2e%2e/x", "application/json", "deflate", "\x00", strings.Repeat("[", 600))
	f.Add("submit-order", "application/json", "", "", `{"Order": {"@revision": 1e999999, "@revision": -0}}`)
	core := newFakeCore(f)
	core.answer = stored
	c, no := testConfig(), false
	c.RequireTLSForPasswords = &no // a recorder has no connection that it could come over
	h := NewHandler(httpdoor.New(c), core, testLog(f))
	f.Fuzz(func(t *testing.T, path, kind, encoding, key, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/", strings.NewReader(body))
		req.URL.Path = "/api/" + path
		req.SetBasicAuth("erp.alice", "secret")
		req.Header["Content-Type"] = []string{kind}
		if encoding != "" {
			req.Header["Content-Encoding"] = []string{encoding}
		}
		if key != "" {
			req.Header[headerKey] = []string{key}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Fatalf("HTTP %d: %s", w.Code, w.Body)
		}
		if w.Code == http.StatusOK {
			return
		}
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || w.Header().Get("Content-Type") != mediaProblem {
			t.Fatalf("HTTP %d, %v: %s", w.Code, err, w.Body)
		}
	})
}
