package document

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"
)

func wide(s string, mark, little bool) []byte {
	var out []byte
	if mark {
		s = "\uFEFF" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if little {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return out
}

// TestOriginColumn: the column of a place in the text is where the same bytes
// stood in what was received.
func TestOriginColumn(t *testing.T) {
	narrow := func(s string) []byte {
		var out []byte
		for _, r := range s {
			out = append(out, byte(r))
		}
		return out
	}
	const body = "<a>\r\n  <b c=\"Ää\">é<x/></b>é<y/>\r</a><!--é--><z/>"
	tests := []struct {
		name, text string
		received   []byte
		charset    string
	}{
		{"Latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + body, nil, ""},
		{"short name", `<?xml version="1.0" encoding="l1"?>` + body, nil, ""},
		{"no declaration", body, nil, "iso-8859-1"},
		{"UTF-8", `<?xml version="1.0" encoding="UTF-8"?>` + body, []byte(`<?xml version="1.0" encoding="UTF-8"?>` + body), ""},
		{"UTF-16LE with a mark", `<?xml version="1.0" encoding="UTF-16"?>` + body + "😀<q/>", wide(`<?xml version="1.0" encoding="UTF-16"?>`+body+"😀<q/>", true, true), ""},
		{"UTF-16BE without", body + "😀<q/>", wide(body+"😀<q/>", false, false), "utf-16be"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.received == nil {
				tt.received = narrow(tt.text)
			}
			text, origin, err := Decode(tt.received, tt.charset)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := ToUTF8(tt.received, tt.charset); err != nil || !bytes.Equal(text, same) {
				t.Fatalf("%q, but %q by ToUTF8, %v", text, same, err)
			}
			unit := len(wide("<", false, false))
			if !strings.HasPrefix(tt.name, "UTF-16") {
				unit = 1
			}
			for _, mark := range []string{"<a>", "<b ", "<x/>", "<y/>", "</a>", "<z/>", "<q/>"} {
				if !strings.Contains(tt.text, mark) {
					continue
				}
				line, column := locate(string(text), bytes.Index(text, []byte(mark)))
				before, _, _ := strings.Cut(tt.text, mark)
				last := before[strings.LastIndexAny(before, "\r\n")+1:]
				want := 1 + unit*len(utf16.Encode([]rune(last)))
				if origin == nil {
					want = 1 + len(last)
				}
				if got := origin.Column(line, column); got != want {
					t.Errorf("%s: line %d, column %d was %d, want %d", mark, line, column, got, want)
				}
			}
			for _, odd := range []int{-1, 0, 1 << 30} {
				origin.Column(odd, 1)
				origin.Column(1, odd)
			}
		})
	}
}
