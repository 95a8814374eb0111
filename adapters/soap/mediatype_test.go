package soap

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestParseMediaType(t *testing.T) {
	tests := []struct {
		in   string
		want mediaType
		ok   bool
	}{
		{"text/xml", mediaType{essence: "text/xml"}, true},
		{`text/xml;charset="UTF-8"`, mediaType{essence: "text/xml", charset: "UTF-8"}, true},
		{"TEXT/XML; CHARSET=Utf-8", mediaType{essence: "text/xml", charset: "Utf-8"}, true},
		{" text/xml ; charset = utf-8 ", mediaType{essence: "text/xml", charset: "utf-8"}, true},
		{"text/xml; charset='utf-8'", mediaType{essence: "text/xml", charset: "utf-8"}, true},
		{"text/xml;", mediaType{essence: "text/xml"}, true},
		{"text/xml;;charset=utf-8;", mediaType{essence: "text/xml", charset: "utf-8"}, true},
		{"text/xml; boundary", mediaType{essence: "text/xml"}, true},
		{"text/xml; charset=utf-8; charset=UTF-8", mediaType{essence: "text/xml", charset: "UTF-8"}, true},
		{"application/soap+xml;charset=utf-8;action=urn:peer:orders:v1/SubmitOrder",
			mediaType{essence: "application/soap+xml", charset: "utf-8", action: "urn:peer:orders:v1/SubmitOrder"}, true},
		{`application/soap+xml; action="urn:a;b"; charset=utf-8`,
			mediaType{essence: "application/soap+xml", charset: "utf-8", action: "urn:a;b"}, true},
		{`application/soap+xml; action="a\"b\\c"; charset=utf-8`,
			mediaType{essence: "application/soap+xml", charset: "utf-8", action: `a"b\c`}, true},
		{`application/soap+xml; action=""`, mediaType{essence: "application/soap+xml"}, true},
		{`multipart/related; type=application/xop+xml; start-info="text/xml"`, mediaType{essence: "multipart/related", kind: "application/xop+xml", startInfo: "text/xml"}, true},
		{"", mediaType{}, false},
		{";charset=utf-8", mediaType{}, false},
		{"xml", mediaType{}, false},
		{"text/", mediaType{}, false},
		{"text/xml, text/plain", mediaType{}, false},
		{"text/xml text/plain", mediaType{}, false},
		{`text/xml; charset="utf-8`, mediaType{}, false},
		{`text/xml; charset="utf-8" x`, mediaType{}, false},
		{`text/xml; action="a\`, mediaType{}, false},
		{"text/xml; charset=utf-8; charset=latin1", mediaType{}, false},
		{"text/xml; charset=utf\x008", mediaType{}, false},
		{"text/xml; action=\"a\r\nX: y\"", mediaType{}, false},
	}
	for _, tt := range tests {
		got, ok := parseMediaType(tt.in)
		if got != tt.want || ok != tt.ok {
			t.Errorf("parseMediaType(%q) = %+v, %v; want %+v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReadRequest(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   request
		code   fault.Code
	}{
		{"1.1", http.Header{"Content-Type": {"text/xml"}, "Soapaction": {`"urn:a"`}}, request{version: envelope.V11, action: "urn:a"}, ""},
		{"unquoted action", http.Header{"Content-Type": {"text/xml"}, "Soapaction": {"urn:a"}}, request{version: envelope.V11, action: "urn:a"}, ""},
		{"empty action", http.Header{"Content-Type": {"text/xml"}, "Soapaction": {`""`}}, request{version: envelope.V11}, ""},
		{"no action", http.Header{"Content-Type": {"text/xml"}}, request{version: envelope.V11}, ""},
		{"1.2", http.Header{"Content-Type": {"application/soap+xml; action=urn:a"}}, request{version: envelope.V12, action: "urn:a"}, ""},
		{"1.2 with the header of 1.1", http.Header{"Content-Type": {"application/soap+xml"}, "Soapaction": {`"urn:a"`}}, request{version: envelope.V12, action: "urn:a"}, ""},
		{"none", http.Header{}, request{version: envelope.V11}, fault.CodeMediaType},
		{"two", http.Header{"Content-Type": {"text/xml", "text/xml"}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"plain", http.Header{"Content-Type": {"text/plain"}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"form", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"multipart form", http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"parts without a boundary", http.Header{"Content-Type": {`multipart/related; type="application/xop+xml"`}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"JSON", http.Header{"Content-Type": {"application/json"}}, request{version: envelope.V11}, fault.CodeMediaType},
		{"broken", http.Header{"Content-Type": {`text/xml; charset="`}}, request{version: envelope.V11}, fault.CodeMediaType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readRequest(tt.header)
			if tt.code == "" && (err != nil || got != tt.want) {
				t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
			}
			if tt.code != "" && (err == nil || fault.Of(err).Code != tt.code || got.version != tt.want.version) {
				t.Fatalf("got %+v, %v; want %s", got, err, tt.code)
			}
		})
	}
}

func FuzzParseMediaType(f *testing.F) {
	for _, seed := range []string{
		"text/xml", `text/xml;charset="UTF-8"`, "application/soap+xml;action=urn:x/y;charset=utf-8", `a/b; c="d\"e"; f=g`, `a/b;"`, "a/b;=;=", ";;;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, ok := parseMediaType(in)
		if !ok && m != (mediaType{}) {
			t.Fatalf("a refused value says %+v", m)
		}
		if ok && !isMediaType(m.essence) {
			t.Fatalf("accepted the type %q", m.essence)
		}
		if strings.ContainsAny(m.action+m.charset, "\r\n\x00") {
			t.Fatalf("control characters pass: %+v", m)
		}
	})
}

func BenchmarkParseMediaType(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := parseMediaType(`application/soap+xml;charset=utf-8;action="urn:gatehouse:samples:orders:1/SubmitOrder"`); !ok {
			b.Fatal("refused")
		}
	}
}
