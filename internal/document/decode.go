package document

import (
	"strings"
	"unicode/utf8"
)

// The functions here work on what the scanner has passed: references are
// terminated and mean a character.

// value returns the attribute's value, normalised (XML 1.0 §3.3.3: without a
// DTD every attribute is of type CDATA).
func (a *attribute) value(src string) string {
	raw := src[a.start:a.end]
	if a.literal {
		return raw
	}
	dst := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch raw[i] {
		case '&':
			r, n := referenceAt(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		case '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			dst = append(dst, ' ')
		case '\t', '\n':
			dst = append(dst, ' ')
		default:
			dst = append(dst, raw[i])
		}
		i++
	}
	return string(dst)
}

// appendDecoded appends character data with its references resolved and its
// line ends normalised.
func appendDecoded(dst []byte, raw string) []byte {
	for {
		i := strings.IndexByte(raw, '&')
		if i < 0 {
			return appendLines(dst, raw)
		}
		dst = appendLines(dst, raw[:i])
		r, n := referenceAt(raw[i:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[i+n:]
	}
}

// appendLines appends raw with CR LF and CR turned into LF (XML 1.0 §2.11).
func appendLines(dst []byte, raw string) []byte {
	for {
		i := strings.IndexByte(raw, '\r')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(append(dst, raw[:i]...), '\n')
		raw = strings.TrimPrefix(raw[i+1:], "\n")
	}
}

// referenceAt decodes the reference at the start of raw and returns its size.
func referenceAt(raw string) (rune, int) {
	end := strings.IndexByte(raw, ';')
	r, _ := decodeReference(raw[1:end])
	return r, end + 1
}

// decodeReference returns the character that a reference names, given without
// its & and semicolon (XML 1.0 §4.1, §4.6).
func decodeReference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, hex := strings.CutPrefix(name, "#x")
	if hex {
		return decodeNumber(digits, 16)
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	return decodeNumber(digits, 10)
}

func decodeNumber(digits string, base rune) (rune, bool) {
	var r rune
	for i := range len(digits) {
		d := digit16(digits[i])
		if d >= base {
			return 0, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, digits != "" && isChar(r)
}

// digit16 returns the value of a hexadecimal digit, or 16.
func digit16(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}
