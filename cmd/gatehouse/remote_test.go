package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// remoteTo has a client for a server that the test plays.
func remoteTo(t *testing.T, answer http.HandlerFunc) *remoteFlags {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("olga-secret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &remoteFlags{server: server.URL, user: "olga", passwordFile: password}
}

func TestRemotePagesThroughTheLedger(t *testing.T) {
	const there = 1234
	id := func(n int) gateway.ID {
		return uuid.MustParse("0190a3c0-0000-7000-8000-" + strings.Repeat("0", 12-len(strconv.Itoa(n))) + strconv.Itoa(n))
	}
	requests := 0
	remote := remoteTo(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		user, password, _ := r.BasicAuth()
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if user != "olga" || password != "olga-secret" || limit < 1 || limit > operations.MaxLimit || r.URL.Query().Get("route") != "orders" {
			t.Errorf("asked for %s as %s", r.URL, user)
		}
		newest := there
		if before := r.URL.Query().Get("before"); before != "" {
			newest, _ = strconv.Atoi(before[len(before)-4:])
			newest--
		}
		page := operations.MessageList{Messages: []gateway.Summary{}}
		for n := newest; n > 0 && len(page.Messages) < min(limit, 300); n-- { // shorter than asked for
			page.Messages = append(page.Messages, gateway.Summary{ID: id(n)})
			page.Next = id(n)
		}
		if page.Next == id(1) {
			page.Next = gateway.ID{}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct{ limit, want int }{{50, 50}, {1000, 1000}, {5000, there}} {
		l := listFlags{query: gateway.Query{Route: "orders", Limit: c.limit}}
		found, err := l.find(t.Context(), remote, false)
		if err != nil || len(found) != c.want || found[0].ID != id(there) || found[c.want-1].ID != id(there-c.want+1) {
			t.Errorf("limit %d: %d found, %v", c.limit, len(found), err)
		}
	}
	if requests != 1+4+5 {
		t.Errorf("%d requests", requests)
	}
}

// The password goes to nobody but the server that was named.
func TestRemoteFollowsNobody(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked, with %q", r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	c, err := remoteTo(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}).client()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.get(t.Context(), "messages", nil, nil); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("got %v", err)
	}
}

func TestRemoteAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status      int
		contentType string
		body        string
		want        string
	}{
		"a problem":         {403, "application/problem+json", `{"code":"GH-2002","status":403,"detail":"olga may not","details":[{"message":"at all"}]}`, "GH-2002: olga may not\n  at all"},
		"with a reference":  {500, "application/problem+json", `{"code":"GH-9001","status":500,"detail":"failed","instance":"urn:uuid:1"}`, "GH-9001: failed (urn:uuid:1)"},
		"not let in":        {401, "application/problem+json", `{"code":"GH-2001","status":401,"detail":"wrong"}`, "lets nobody in as olga: GH-2001: wrong"},
		"steering":          {400, "application/problem+json", `{"code":"GH-1009","status":400,"detail":"a\u001b[2Jb"}`, "a\uFFFD[2Jb"},
		"another server":    {200, "text/html", "<html>", "is no operations API of a gateway"},
		"another's problem": {500, "application/problem+json", `{"title":"oh"}`, "500 Internal Server Error and is no operations API"},
		"JSON of a proxy":   {502, "application/json", `{}`, "502 Bad Gateway and is no operations API"},
		"broken JSON":       {200, "application/json", `{"messages":`, "cannot be read"},
		"nothing":           {204, "", "", "204 No Content"},
		"no type":           {200, "", `{}`, "is no operations API"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := remoteTo(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.WriteHeader(c.status)
				if _, err := w.Write([]byte(c.body)); err != nil && c.status != http.StatusNoContent {
					t.Error(err)
				}
			}).client()
			if err != nil {
				t.Fatal(err)
			}
			var list operations.MessageList
			if err := client.get(t.Context(), "messages", nil, &list); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestServerOfAConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ section, want string }{
		"default":     {"operations: {}", "http://127.0.0.1:8444"},
		"everywhere":  {`operations: {address: ":9000"}`, "http://localhost:9000"},
		"IPv6":        {`operations: {address: "[::]:9000"}`, "http://localhost:9000"},
		"one address": {`operations: {address: "10.0.0.7:9000", tls: {cert_file: a, key_file: b}}`, "https://10.0.0.7:9000"},
		"no port":     {`operations: {address: "10.0.0.7"}`, ""},
		"misspelt":    {`operations: {adress: ":1"}`, ""},
		"none":        {`public: {address: ":8443"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "gatehouse.yaml")
			// A secret that only the gateway may read is nobody's hindrance.
			if err := os.WriteFile(file, []byte("broker: {password_file: /nowhere}\nlisten:\n  "+c.section+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			u, err := configuredServer(file, "operations")
			if got := urlText(u); got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func urlText(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

func TestRemoteFlags(t *testing.T) {
	t.Setenv("GATEHOUSE_PASSWORD", "secret")
	for name, c := range map[string]struct {
		flags remoteFlags
		want  string // empty: fine
	}{
		"https":                 {remoteFlags{server: "https://gw.corp.example"}, ""},
		"loopback":              {remoteFlags{server: "http://127.0.0.1:1"}, ""},
		"loopback by name":      {remoteFlags{server: "http://localhost:1"}, ""},
		"clear":                 {remoteFlags{server: "http://gw.corp.example"}, "in clear"},
		"clear, explicitly":     {remoteFlags{server: "http://gw.corp.example", plaintext: true}, ""},
		"a name that begins so": {remoteFlags{server: "http://localhost.evil.example"}, "in clear"},
		"no URL":                {remoteFlags{server: "gw.corp.example:8444"}, "is no URL"},
		"credentials in it":     {remoteFlags{server: "https://olga:secret@gw"}, "is no URL"},
		"another scheme":        {remoteFlags{server: "file:///etc/passwd"}, "is no URL"},
		"no such authority":     {remoteFlags{server: "https://gw", caFile: "/nowhere"}, "--ca-file"},
		"an empty authority":    {remoteFlags{server: "https://gw", caFile: os.DevNull}, "holds no certificate"},
		"no such password file": {remoteFlags{server: "https://gw", passwordFile: "/nowhere"}, "--password-file"},
		"no such configuration": {remoteFlags{file: "/nowhere"}, "--server"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.flags.client()
			_, usage := errors.AsType[usageError](err)
			if (err == nil) != (c.want == "") || err != nil && (!usage || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
