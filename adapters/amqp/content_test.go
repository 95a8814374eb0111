package amqp_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/embedded/broker"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestContent reads what producers send. What cannot be read reaches the core as
// it came, with what is wrong with it, and stops nobody.
func TestContent(t *testing.T) {
	const small = 1000
	wide := func(s string) []byte {
		out := []byte{0xFE, 0xFF}
		for _, unit := range utf16.Encode([]rune(s)) {
			out = append(out, byte(unit>>8), byte(unit))
		}
		return out
	}
	bomb := gzipped(t, bytes.Repeat([]byte(" "), small+1))
	torn := gzipped(t, []byte("<o>torn</o>"))
	torn = torn[:len(torn)-6]
	type want struct {
		format gateway.Format
		body   string // empty: as it came
		typ    string // empty: as it came
		code   fault.Code
	}
	xml := func(body string) want { return want{format: gateway.XML, body: body} }
	json := func(body string) want { return want{format: gateway.JSON, body: body} }
	refused := func(code fault.Code) want { return want{format: gateway.XML, code: code} }
	for name, test := range map[string]struct {
		typ, encoding string
		body          []byte
		want          want
	}{
		"xml":                       {"application/xml", "", []byte("<o/>"), xml("<o/>")},
		"text/xml":                  {"text/xml", "", []byte("<o/>"), xml("<o/>")},
		"a vendor's xml":            {"application/vnd.acme.order+xml; v=1", "", []byte("<o/>"), xml("<o/>")},
		"json":                      {"application/json", "", []byte(`{"a":1}`), json(`{"a":1}`)},
		"json with a charset":       {"Application/JSON; charset=UTF-8", "", []byte(`{}`), json(`{}`)},
		"text/json":                 {"text/json", "", []byte(`[]`), json(`[]`)},
		"a vendor's json":           {"application/problem+json", "", []byte(`{}`), json(`{}`)},
		"json, marked":              {"application/json", "", []byte("\uFEFF{}"), json(`{}`)},
		"json in latin-1":           {"application/json; charset=iso-8859-1", "", []byte("\"caf\xe9\""), json(`"café"`)},
		"no type, xml":              {"", "", []byte(" \n<o/>"), xml(" \n<o/>")},
		"no type, json":             {"", "", []byte("\t{}"), json("\t{}")},
		"no type, a list":           {"", "", []byte("[1]"), json("[1]")},
		"no type, utf-16":           {"", "", wide("<o>ä</o>"), xml("<o>ä</o>")},
		"no type, neither":          {"", "", []byte("order 17"), refused(fault.CodeMediaType)},
		"no type, blanks":           {"", "", []byte("   "), refused(fault.CodeMediaType)},
		"declared latin-1":          {"application/xml", "", []byte("<?xml version='1.0' encoding='ISO-8859-1'?><o>\xe9</o>"), xml("<?xml version='1.0' encoding='UTF-8'     ?><o>é</o>")},
		"charset beats declaration": {"text/xml; charset=utf-8", "", []byte("<?xml version='1.0' encoding='ISO-8859-1'?><o>é</o>"), xml("<?xml version='1.0' encoding='UTF-8'     ?><o>é</o>")},
		"encoding names a charset":  {"application/xml", "UTF-8", []byte("<o>é</o>"), xml("<o>é</o>")},
		"identity":                  {"application/xml", "identity", []byte("<o/>"), xml("<o/>")},
		"gzip":                      {"application/json", "gzip", gzipped(t, []byte(`{"a":2}`)), json(`{"a":2}`)},
		"x-gzip":                    {"", "X-GZIP", gzipped(t, []byte(`<o/>`)), xml(`<o/>`)},
		"empty":                     {"application/xml", "", nil, refused(fault.CodeMalformed)},
		"another type":              {"text/plain", "", []byte("<o/>"), refused(fault.CodeMediaType)},
		"bytes":                     {"application/octet-stream", "", []byte("<o/>"), refused(fault.CodeMediaType)},
		"malformed type":            {"application/xml; charset", "", []byte("<o/>"), refused(fault.CodeMediaType)},
		"not utf-8":                 {"application/xml", "", []byte("<o>\xff\xfe</o>"), refused(fault.CodeEncoding)},
		"json that is not utf-8":    {"application/json", "", []byte("\"\xff\""), refused(fault.CodeEncoding)},
		"unknown charset":           {"application/xml; charset=klingon", "", []byte("<o/>"), refused(fault.CodeEncoding)},
		"deflate":                   {"application/xml", "deflate", []byte("<o/>"), refused(fault.CodeMediaType)},
		"not gzip":                  {"application/xml", "gzip", []byte("<o/>"), want{typ: "application/gzip", format: gateway.XML, code: fault.CodeEncoding}},
		"torn gzip":                 {"application/xml", "gzip", torn, want{typ: "application/gzip", format: gateway.XML, code: fault.CodeEncoding}},
		"bomb":                      {"application/xml", "gzip", bomb, want{typ: "application/gzip", format: gateway.XML, code: fault.CodeTooLarge}},
		"too large":                 {"application/xml", "", fmt.Appendf(nil, "<o>%*s</o>", small, ""), refused(fault.CodeTooLarge)},
		"just so":                   {"application/xml", "", fmt.Appendf(nil, "<o>%*s</o>", small-7, ""), want{format: gateway.XML}},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := startBroker(t, broker.Config{})
			r := newRig(t, s, ordered)
			core := newCore(t)
			r.put(t, driver.Publishing{MessageId: "key0 1", ContentType: test.typ, ContentEncoding: test.encoding, Body: test.body})
			c := r.consume(t, core, func(e *amqp.Endpoint) { e.MaxMessageBytes = small })
			await(t, "the message", func() bool { return len(core.ids()) == 1 })
			r.empty(t, c)
			a := core.arrivals[0]
			body, typ, code := test.want.body, test.want.typ, fault.Code("")
			if body == "" {
				body = string(test.body)
			}
			if typ == "" {
				typ = test.typ
			}
			if a.Refusal != nil {
				code = fault.Of(a.Refusal).Code
			}
			if a.Format != test.want.format || string(a.Body) != body || a.ContentType != typ || code != test.want.code {
				t.Errorf("format %d, type %q, refusal %v, body %.80q", a.Format, a.ContentType, a.Refusal, a.Body)
			}
			if a.Properties["content-type"] != test.typ {
				t.Errorf("property content-type %q", a.Properties["content-type"])
			}
		})
	}
}

// TestHostileContentType quotes only the beginning of what a sender wrote.
func TestHostileContentType(t *testing.T) {
	_, s := startBroker(t, broker.Config{})
	r := newRig(t, s, ordered)
	core := newCore(t)
	r.put(t, driver.Publishing{MessageId: "key0 1", ContentType: "text/" + strings.Repeat("x", 240), Body: []byte("<o/>")})
	r.consume(t, core, nil)
	await(t, "the message", func() bool { return len(core.ids()) == 1 })
	if text := fault.Of(core.arrivals[0].Refusal).Message; len(text) > 250 {
		t.Errorf("refusal %q", text)
	}
}
