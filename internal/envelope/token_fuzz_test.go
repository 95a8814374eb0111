package envelope

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzUsernameToken writes a token of any values and reads it again: it is taken
// with those very values, or refused with a code of its own. What no directory may
// see, and what proves nothing, is never taken.
func FuzzUsernameToken(f *testing.F) {
	f.Add("erp.alice", "secret", "", "", "", uint8(0))
	f.Add("erp.alice", "01234567890123456789", "nonce", "2026-11-22T10:00:00Z", "PasswordDigest", uint8(0))
	f.Add(" a ", "\n", "n", "2026-11-22T10:00:00.123+14:00", "PasswordText", uint8(1))
	f.Add("a\x00", "", strings.Repeat("x", 129), "yesterday", "PasswordFoo", uint8(2))
	f.Add("<b/>", "]]>&amp;", "\xff\xfe", "0000-00-00T24:00:00Z", "PasswordDigest", uint8(3))
	f.Fuzz(func(t *testing.T, username, password, nonce, created, kind string, twice uint8) {
		src := []byte(message(ns11, "<wsse:Security "+wsse+">"+tokenOf(username, password, nonce, created, kind, twice)+"</wsse:Security>"))
		head, err := Peek(src, Limits{})
		if err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind() == fault.Internal {
				t.Fatalf("%v", err)
			}
			if len(password) > 3 && (strings.Contains(e.Message, password) && !strings.Contains(e.Message, tokenAdvice) || e.Cause != nil && strings.Contains(e.Cause.Error(), password)) {
				t.Fatalf("the password is told: %v", e)
			}
			return
		}
		k := head.Token
		if k == nil {
			t.Fatal("no token")
		}
		if k.Username != strings.Trim(username, " \t\r\n") || k.Password != password || k.Nonce != nonce {
			t.Fatalf("%q, %q, %q became %+v", username, password, nonce, *k)
		}
		if k.Digest != (kind == "PasswordDigest") || k.Digest && (len(password) != 20 || nonce == "" || created == "") {
			t.Fatalf("a digest that proves nothing: %+v", *k)
		}
		if created != "" && k.At.IsZero() && !strings.HasPrefix(created, "0001-01-01") {
			t.Fatalf("%q is no time", created)
		}
		if k.Username == "" || strings.ContainsFunc(k.Username, unicode.IsControl) || !k.Digest && (password == "" || strings.ContainsFunc(password, unicode.IsControl)) {
			t.Fatalf("what no directory may see: %+v", *k)
		}
		if twice%4 != 0 {
			t.Fatalf("what stands there twice was taken: %s", src)
		}
	})
}

// tokenOf writes a token; twice names what stands in it two times.
func tokenOf(username, password, nonce, created, kind string, twice uint8) string {
	if kind == "PasswordDigest" {
		password = base64.StdEncoding.EncodeToString([]byte(password))
	}
	parts := []string{"<wsse:Username>" + escaped(username) + "</wsse:Username>",
		`<wsse:Password Type="` + passwordProfile + escaped(kind) + `">` + escaped(password) + "</wsse:Password>"}
	if kind == "" {
		parts[1] = "<wsse:Password>" + escaped(password) + "</wsse:Password>"
	}
	if nonce != "" {
		parts = append(parts, "<wsse:Nonce>"+base64.StdEncoding.EncodeToString([]byte(nonce))+"</wsse:Nonce>")
	}
	if created != "" {
		parts = append(parts, "<wsu:Created>"+escaped(created)+"</wsu:Created>")
	}
	if twice %= 4; twice > 0 {
		parts = append(parts, parts[min(int(twice)-1, len(parts)-1)])
	}
	return "<wsse:UsernameToken>" + strings.Join(parts, "") + "</wsse:UsernameToken>"
}

// escaped writes text for XML, or leaves what XML cannot hold as it is, to be refused.
func escaped(text string) string {
	unfit := func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0xFFFE || r == 0xFFFF }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unfit) {
		return text
	}
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return ""
	}
	return b.String()
}
