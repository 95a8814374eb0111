package httpdoor

import "strings"

// MediaType is a Content-Type value (RFC 9110 §8.3.1), read as leniently as the
// field needs: mime.ParseMediaType refuses the unquoted URIs that some clients
// send as action.
type MediaType struct {
	Essence string // lower case
	Charset string // as sent; empty when absent
	Action  string // the SOAP 1.2 action parameter (RFC 3902 §3)
	// Of multipart/related (RFC 2387 §3), and kind of application/xop+xml, too.
	Boundary, Start, StartInfo, Kind string
}

// ParseMediaType reads a Content-Type value. Names are case-insensitive, values
// quoted or not, blanks allowed around every delimiter; a parameter without a
// value is ignored. ok is false for what can only be guessed at: no type at
// all, control characters, an unterminated quote, a charset given twice.
func ParseMediaType(value string) (m MediaType, ok bool) {
	essence, rest, _ := strings.Cut(value, ";")
	m.Essence = strings.ToLower(TrimBlanks(essence))
	if !isMediaType(m.Essence) || HasControl(rest) {
		return MediaType{}, false
	}
	for rest != "" {
		var name, parameter string
		if name, parameter, rest, ok = cutParameter(rest); !ok || !m.set(name, parameter) {
			return MediaType{}, false
		}
	}
	return m, true
}

// set takes over a parameter. It reports false for a contradiction.
func (m *MediaType) set(name, value string) bool {
	switch strings.ToLower(name) {
	case "charset":
		value = strings.Trim(value, "'")
		if m.Charset != "" && !strings.EqualFold(m.Charset, value) {
			return false
		}
		m.Charset = value
	case "action":
		m.Action = value
	case "boundary":
		m.Boundary = value
	case "start":
		m.Start = value
	case "start-info":
		m.StartInfo = value
	case "type":
		m.Kind = value
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
	name, s = TrimBlanks(s[:end]), strings.TrimLeft(s[end+1:], " \t")
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = cutQuoted(s[1:])
		return name, value, rest, ok
	}
	value, rest, _ = strings.Cut(s, ";")
	return name, TrimBlanks(value), rest, true
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

func HasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F })
}

func TrimBlanks(s string) string { return strings.Trim(s, " \t") }

// Clip shortens what a sender wrote before it is quoted back.
func Clip(s string) string {
	const longest = 80
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
