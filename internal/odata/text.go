package odata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// text is the value of one option, which remembers where it stood.
type text struct {
	option string // as the standard spells it
	value  string // decoded
	raw    string // as it came
	at     int    // where raw begins in the query
}

// wrong complains about the byte at an offset of the value.
func (t *text) wrong(offset int, found, expected, format string, args ...any) Complaint {
	return Complaint{
		Option: t.option, Position: offset + 1, URL: t.at + t.inRaw(offset) + 1,
		Message: fmt.Sprintf(format, args...), Found: found, Expected: expected,
	}
}

// inRaw is where the byte of the value that is at an offset stands in raw.
func (t *text) inRaw(offset int) int {
	i := 0
	for ; offset > 0 && i < len(t.raw); offset-- {
		if t.raw[i] == '%' {
			i += 2
		}
		i++
	}
	return i
}

// decode undoes the escapes of a query (RFC 3986 §2.1); a plus is a space, as forms
// write it. It returns where an escape is none, or -1.
func decode(raw string) (value string, bad int) {
	if !strings.ContainsAny(raw, "%+") {
		return raw, -1
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '+':
			b.WriteByte(' ')
		case '%':
			if i+2 >= len(raw) || nibble(raw[i+1]) < 0 || nibble(raw[i+2]) < 0 {
				return "", i
			}
			b.WriteByte(byte(nibble(raw[i+1])<<4 | nibble(raw[i+2])))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), -1
}

func nibble(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unclean returns the offset of the first byte that is no UTF-8 or a control
// character other than tab and line ends, or -1.
func unclean(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7F {
			return i
		}
	}
	return -1
}
