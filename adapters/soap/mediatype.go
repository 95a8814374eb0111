package soap

import (
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// mediaType is a Content-Type value (RFC 9110 §8.3.1), read as leniently as the
// field needs: mime.ParseMediaType refuses the unquoted URIs that some clients
// send as action.
type mediaType struct {
	essence string // lower case
	charset string // as sent; empty when absent
	action  string // the SOAP 1.2 action parameter (RFC 3902 §3)
	// Of multipart/related (RFC 2387 §3), and kind of application/xop+xml, too.
	boundary, start, startInfo, kind string
}

// parseMediaType reads a Content-Type value. Names are case-insensitive, values
// quoted or not, blanks allowed around every delimiter; a parameter without a
// value is ignored. ok is false for what can only be guessed at: no type at
// all, control characters, an unterminated quote, a charset given twice.
func parseMediaType(value string) (m mediaType, ok bool) {
	essence, rest, _ := strings.Cut(value, ";")
	m.essence = strings.ToLower(trimBlanks(essence))
	if !isMediaType(m.essence) || hasControl(rest) {
		return mediaType{}, false
	}
	for rest != "" {
		var name, parameter string
		if name, parameter, rest, ok = cutParameter(rest); !ok || !m.set(name, parameter) {
			return mediaType{}, false
		}
	}
	return m, true
}

// set takes over a parameter. It reports false for a contradiction.
func (m *mediaType) set(name, value string) bool {
	switch strings.ToLower(name) {
	case "charset":
		value = strings.Trim(value, "'")
		if m.charset != "" && !strings.EqualFold(m.charset, value) {
			return false
		}
		m.charset = value
	case "action":
		m.action = value
	case "boundary":
		m.boundary = value
	case "start":
		m.start = value
	case "start-info":
		m.startInfo = value
	case "type":
		m.kind = value
	}
	return true
}

// cutParameter takes the first parameter off s, which follows a semicolon.
func cutParameter(s string) (name, value, rest string, ok bool) {
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return "", "", "", true
	}
	if s[end] == ';' {
		return "", "", s[end+1:], true
	}
	name, s = trimBlanks(s[:end]), strings.TrimLeft(s[end+1:], " \t")
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = cutQuoted(s[1:])
		return name, value, rest, ok
	}
	value, rest, _ = strings.Cut(s, ";")
	return name, trimBlanks(value), rest, true
}

// cutQuoted takes a quoted string off s, whose opening quote is gone already,
// and the semicolon after it.
func cutQuoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '\\' {
		return cutEscaped(s)
	}
	if end < 0 {
		return "", "", false
	}
	rest, ok = cutSemicolon(s[end+1:])
	return s[:end], rest, ok
}

func cutEscaped(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			rest, ok = cutSemicolon(s[i+1:])
			return b.String(), rest, ok
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func cutSemicolon(s string) (rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return "", true
	}
	return strings.CutPrefix(s, ";")
}

// isMediaType reports whether s is type "/" subtype, both tokens.
func isMediaType(s string) bool {
	kind, subtype, ok := strings.Cut(s, "/")
	return ok && isToken(kind) && isToken(subtype)
}

// isToken reports whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool { return s != "" && consistsOf(s, "!#$%&'*+-.^_`|~") }

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F })
}

func trimBlanks(s string) string { return strings.Trim(s, " \t") }

// request is what the headers of a POST say about its body.
type request struct {
	version envelope.Version
	charset string   // of the HTTP layer; it beats the XML declaration (RFC 7303 §3)
	action  string   // a hint, unquoted; empty when absent
	related *related // nil: the body is the envelope
}

// readRequest judges the Content-Type of a POST. Also on error the version is
// the one to answer in. Types that a browser sends across sites without asking
// first (text/plain, forms, none) are refused.
func readRequest(h http.Header) (request, error) {
	values := h.Values("Content-Type")
	if len(values) != 1 {
		return request{version: envelope.V11}, fault.New(fault.CodeMediaType, "one Content-Type is needed: text/xml or application/soap+xml")
	}
	m, ok := parseMediaType(values[0])
	if !ok {
		return request{version: envelope.V11}, fault.New(fault.CodeMediaType, "the Content-Type %q is malformed", clip(values[0]))
	}
	req := request{version: envelope.V11, charset: m.charset}
	switch m.essence {
	case "text/xml":
		req.action = soapAction(h)
	case "application/soap+xml":
		req.version = envelope.V12
		if req.action = m.action; req.action == "" {
			req.action = soapAction(h)
		}
	case typeRelated:
		r, err := readRelated(m)
		if err != nil {
			return req, err
		}
		req.related, req.version, req.charset, req.action = r, r.version, "", soapAction(h)
		if req.action == "" {
			req.action = r.action
		}
	default:
		return req, fault.New(fault.CodeMediaType, "the Content-Type %q is not taken here; send text/xml for SOAP 1.1 or application/soap+xml for SOAP 1.2", clip(m.essence))
	}
	return req, nil
}

// soapAction is the SOAPAction header (SOAP 1.1 §6.1.1) without its quotes,
// which some clients leave out.
func soapAction(h http.Header) string {
	return strings.Trim(h.Get("SOAPAction"), "\" \t")
}

// clip shortens what a sender wrote before it is quoted back.
func clip(s string) string {
	const longest = 80
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
