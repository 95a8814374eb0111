package contract

import (
	"bytes"
	order "encoding/binary"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"
)

// TestEncodings loads one schema in the encodings that contracts are written in,
// or said to be written in.
func TestEncodings(t *testing.T) {
	text := func(declared string) string {
		head := ""
		if declared != "" {
			head = `<?xml version="1.0" encoding="` + declared + `"?>` + "\n"
		}
		return head + `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Zahl" type="xs:int"><xs:annotation><xs:documentation>für € 5</xs:documentation></xs:annotation></xs:element></xs:schema>`
	}
	const bom = "\uFEFF"
	for _, tt := range []struct {
		name string
		raw  []byte
		note string
		want string // documentation; empty: a fault
	}{
		{"UTF-8", []byte(text("UTF-8")), "", "für € 5"},
		{"a byte order mark", []byte(bom + text("")), "", "für € 5"},
		{"UTF-16LE with a mark", utf16Of(bom+text("utf-16"), order.LittleEndian), "", "für € 5"},
		{"UTF-16BE with a mark", utf16Of(bom+text("UTF-16"), order.BigEndian), "", "für € 5"},
		{"UTF-16LE without a mark", utf16Of(text("UTF-16"), order.LittleEndian), "", "für € 5"},
		{"UTF-16BE undeclared", utf16Of(text(""), order.BigEndian), "", "für € 5"},
		{"ISO-8859-1", latin(strings.ReplaceAll(text("ISO-8859-1"), "€", "EUR")), "", "für EUR 5"},
		{"windows-1252", latin(text("windows-1252")), "", "für € 5"},
		{"windows-1252 said to be ISO-8859-1", latin(text("ISO-8859-1")), "it is read as Windows-1252", "für € 5"},
		{"windows-1252 said to be UTF-8", latin(text("UTF-8")), "it is read as Windows-1252", "für € 5"},
		{"windows-1252 undeclared", latin(text("")), "it is read as Windows-1252", "für € 5"},
		{"UTF-8 said to be UTF-16", []byte(text("utf-16")), "it is read as UTF-8", "für € 5"},
		{"UTF-8 said to be unknown", []byte(text("x-unknown")), "it is read as UTF-8", "für € 5"},
		{"half of UTF-16", append(utf16Of(text(""), order.BigEndian), 0), "", ""},
		{"no text", []byte{0x81, 0x8D, 0x00, 0xFF}, "", ""},
	} {
		c, err := Load(fstest.MapFS{"main.xsd": {Data: tt.raw}}, "main.xsd")
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: it loads", tt.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := c.Element(Name{Local: "Zahl"}).Doc; got != tt.want {
			t.Errorf("%s: read as %q", tt.name, got)
		}
		if len(c.Notes) > 1 || (len(c.Notes) == 1) != (tt.note != "") || tt.note != "" && !strings.Contains(c.Notes[0].Message, tt.note) {
			t.Errorf("%s: notes %v", tt.name, c.Notes)
		}
	}
}

func utf16Of(text string, in order.ByteOrder) []byte {
	var b bytes.Buffer
	for _, unit := range utf16.Encode([]rune(text)) {
		order.Write(&b, in, unit)
	}
	return b.Bytes()
}

// latin is Windows-1252, as far as the test's text goes.
func latin(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r == '€' {
			r = 0x80
		}
		out = append(out, byte(r))
	}
	return out
}
