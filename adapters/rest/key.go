package rest

import (
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// headerKey names a message, so that it can be sent again
// (draft-ietf-httpapi-idempotency-key-header).
const headerKey = "Idempotency-Key"

// maxKey bounds a key, in characters.
const maxKey = 255

// idempotencyKey reads the key: a string of a structured field (RFC 9651 §3.3.3), or
// the same without its quotes where it needs none, as many clients send it. Empty
// is none.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(headerKey)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", badKey("is given twice")
	}
	value := httpdoor.TrimBlanks(values[0])
	var key string
	switch {
	case strings.HasPrefix(value, `"`):
		var rest string
		var ok bool
		if key, rest, ok = cutString(value[1:]); !ok {
			return "", badKey("is no string of printable ASCII in quotes")
		}
		if rest = strings.TrimLeft(rest, " "); rest != "" && rest[0] != ';' { // parameters mean nothing here
			return "", badKey("has something behind its closing quote")
		}
	case bareKey(value):
		key = value
	default:
		return "", badKey("is neither a string in quotes nor a token")
	}
	switch {
	case key == "":
		return "", badKey("is empty")
	case len(key) > maxKey:
		return "", badKey("is longer than %d characters", maxKey)
	}
	return key, nil
}

func badKey(format string, args ...any) error {
	return fault.New(fault.CodeHTTP, "the "+headerKey+" "+format, args...)
}

// cutString takes a string off s, whose opening quote is gone already.
func cutString(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", "", false
			}
			c = s[i]
		case c < ' ' || c > '~':
			return "", "", false
		}
		b.WriteByte(c)
	}
	return "", "", false
}

// bareKey reports whether s has only what means nothing else in a header.
func bareKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~:/=@") == ""
}
