package httpdoor

import (
	"strings"
	"testing"
)

func TestParseMediaType(t *testing.T) {
	tests := []struct {
		in   string
		want MediaType
		ok   bool
	}{
		{"text/xml", MediaType{Essence: "text/xml"}, true},
		{`text/xml;charset="UTF-8"`, MediaType{Essence: "text/xml", Charset: "UTF-8"}, true},
		{"TEXT/XML; CHARSET=Utf-8", MediaType{Essence: "text/xml", Charset: "Utf-8"}, true},
		{" text/xml ; charset = utf-8 ", MediaType{Essence: "text/xml", Charset: "utf-8"}, true},
		{"text/xml; charset='utf-8'", MediaType{Essence: "text/xml", Charset: "utf-8"}, true},
		{"text/xml;", MediaType{Essence: "text/xml"}, true},
		{"text/xml;;charset=utf-8;", MediaType{Essence: "text/xml", Charset: "utf-8"}, true},
		{"text/xml; boundary", MediaType{Essence: "text/xml"}, true},
		{"text/xml; charset=utf-8; charset=UTF-8", MediaType{Essence: "text/xml", Charset: "UTF-8"}, true},
		{"application/soap+xml;charset=utf-8;action=urn:peer:orders:v1/SubmitOrder",
			MediaType{Essence: "application/soap+xml", Charset: "utf-8", Action: "urn:peer:orders:v1/SubmitOrder"}, true},
		{`application/soap+xml; action="urn:a;b"; charset=utf-8`,
			MediaType{Essence: "application/soap+xml", Charset: "utf-8", Action: "urn:a;b"}, true},
		{`application/soap+xml; action="a\"b\\c"; charset=utf-8`,
			MediaType{Essence: "application/soap+xml", Charset: "utf-8", Action: `a"b\c`}, true},
		{`application/soap+xml; action=""`, MediaType{Essence: "application/soap+xml"}, true},
		{`multipart/related; type=application/xop+xml; start-info="text/xml"`, MediaType{Essence: "multipart/related", Kind: "application/xop+xml", StartInfo: "text/xml"}, true},
		{"", MediaType{}, false},
		{";charset=utf-8", MediaType{}, false},
		{"xml", MediaType{}, false},
		{"text/", MediaType{}, false},
		{"text/xml, text/plain", MediaType{}, false},
		{"text/xml text/plain", MediaType{}, false},
		{`text/xml; charset="utf-8`, MediaType{}, false},
		{`text/xml; charset="utf-8" x`, MediaType{}, false},
		{`text/xml; action="a\`, MediaType{}, false},
		{"text/xml; charset=utf-8; charset=latin1", MediaType{}, false},
		{"text/xml; charset=utf\x008", MediaType{}, false},
		{"text/xml; action=\"a\r\nX: y\"", MediaType{}, false},
	}
	for _, tt := range tests {
		got, ok := ParseMediaType(tt.in)
		if got != tt.want || ok != tt.ok {
			t.Errorf("ParseMediaType(%q) = %+v, %v; want %+v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseMediaType(f *testing.F) {
	for _, seed := range []string{
		"text/xml", `text/xml;charset="UTF-8"`, "application/soap+xml;action=urn:x/y;charset=utf-8", `a/b; c="d\"e"; f=g`, `a/b;"`, "a/b;=;=", ";;;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, ok := ParseMediaType(in)
		if !ok && m != (MediaType{}) {
			t.Fatalf("a refused value says %+v", m)
		}
		if ok && !isMediaType(m.Essence) {
			t.Fatalf("accepted the type %q", m.Essence)
		}
		if strings.ContainsAny(m.Action+m.Charset, "\r\n\x00") {
			t.Fatalf("control characters pass: %+v", m)
		}
	})
}

func BenchmarkParseMediaType(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ParseMediaType(`application/soap+xml;charset=utf-8;action="urn:gatehouse:samples:orders:1/SubmitOrder"`); !ok {
			b.Fatal("refused")
		}
	}
}
