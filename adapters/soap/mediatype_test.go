package soap

import (
	"net/http"
	"testing"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

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
