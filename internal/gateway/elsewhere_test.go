package gateway

import (
	"strings"
	"testing"
)

// TestListed: what a message names is one of the listed addresses, or nothing.
func TestListed(t *testing.T) {
	g, err := NewGeneration(Parts{Channels: []Channel{
		{Name: "erp", Replies: []string{"https://ERP.example/replies?box=1", "https://erp.example:8443/"}},
		{Name: "wms", Replies: []string{"http://127.0.0.1:7001/r"}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://ERP.example/replies?box=1":     "https://ERP.example/replies?box=1",
		"https://erp.EXAMPLE:443/replies?box=1": "https://ERP.example/replies?box=1",
		"HTTPS://erp.example/replies?box=1":     "https://ERP.example/replies?box=1",
		"https://erp.example:8443":              "https://erp.example:8443/",
		"http://127.0.0.1:7001/r":               "http://127.0.0.1:7001/r",

		"":                                         "",
		"https://erp.example/replies":              "",
		"https://erp.example/replies?box=2":        "",
		"https://erp.example/replies?box=1&x":      "",
		"https://erp.example/replies?box=1#":       "",
		"https://erp.example/Replies?box=1":        "",
		"https://erp.example/replies/?box=1":       "",
		"https://erp.example//replies?box=1":       "",
		"https://erp.example/./replies?box=1":      "",
		"https://erp.example/%72eplies?box=1":      "",
		"https://erp.example./replies?box=1":       "",
		"https://erp.example:8444/":                "",
		"http://erp.example/replies?box=1":         "",
		"https://u@erp.example/replies?box=1":      "",
		"https://u:p@erp.example/replies?box=1":    "",
		"https://erp.example@evil.example/":        "",
		"https://erp.example\\@evil.example/":      "",
		"https://erp.example/replies?box=1 ":       "",
		"https://erp.example/replies\n?box=1":      "",
		"//erp.example/replies?box=1":              "",
		"http://127.0.0.1:7001/r/../../x":          "",
		"http://127.1:7001/r":                      "",
		"http://2130706433:7001/r":                 "",
		"http://localhost:7001/r":                  "",
		"http://[::ffff:127.0.0.1]:7001/r":         "",
		"http://169.254.169.254/latest/meta-data":  "",
		"file:///etc/passwd":                       "",
		"javascript:alert(1)":                      "",
		"https:erp.example":                        "",
		"https://":                                 "",
		"https://erp.exаmple:8443/":                "", // a Cyrillic letter
		"https://" + strings.Repeat("a", 1<<20):    "",
		strings.Repeat("https://erp.example/", 40): "",
	} {
		if got, ok := g.listed(address); got != want || ok != (want != "") {
			t.Errorf("%.80q is taken for %q", address, got)
		}
	}
	if _, ok := (&Generation{}).listed("https://erp.example:8443/"); ok {
		t.Error("without a list something is listed")
	}
	for _, wrong := range [][]string{{"https://a.example/", "https://A.example:443"}, {"ftp://a.example/"}, {"https://u:p@a.example/"}, {""}} {
		if _, err := NewGeneration(Parts{Channels: []Channel{{Name: "x", Replies: wrong}}}, nil); err == nil || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// FuzzReplyURL: two texts that compare equal lead to the same host and path.
func FuzzReplyURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/x?y#z", "http://u:p@h/", "https://[::1]:443", "https://a:/", "http://a%41/", "https://a/?", "https://a\\b/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, u, err := ReplyURL(text)
		if err != nil {
			return
		}
		again, v, err := ReplyURL(key)
		if err != nil || again != key {
			t.Fatalf("%q is compared as %q, and that as %q: %v", text, key, again, err)
		}
		if !strings.EqualFold(u.Hostname(), v.Hostname()) || u.Scheme != v.Scheme || u.User != nil {
			t.Fatalf("%q leads to %s, %q to %s", text, u.Host, key, v.Host)
		}
	})
}
