package sqlserver

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzDocumentText: whatever a value holds, what is written is JSON and means
// the value, but for bytes that are not UTF-8.
func FuzzDocumentText(f *testing.F) {
	for _, s := range []string{"", `"\`, "\x00\x1f\u2028", "Ü😀", "\xff\xfea", "'; DROP TABLE x; --"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := &document{fresh: true}
		d.text(s)
		var back string
		if err := json.Unmarshal(d.buf, &back); err != nil {
			t.Fatalf("%q: %v", d.buf, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}
