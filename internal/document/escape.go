package document

import "unicode/utf8"

// AppendText appends s as character data. A character that XML cannot hold
// becomes U+FFFD, so that the result is well-formed whatever s is.
func AppendText(dst []byte, s string) []byte { return appendEscaped(dst, s, false) }

// AppendValue appends s as the content of an attribute value in double quotes,
// on the same terms as AppendText; white space survives normalisation.
func AppendValue(dst []byte, s string) []byte { return appendEscaped(dst, s, true) }

func appendEscaped(dst []byte, s string, value bool) []byte {
	from := 0
	for i := 0; i < len(s); {
		if classes[s[i]]&plain == plain && s[i] != '>' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if with := escape(r, n, value); with != "" {
			dst = append(append(dst, s[from:i]...), with...)
			from = i + n
		}
		i += n
	}
	return append(dst, s[from:]...)
}

// escape returns what stands for a character, or nothing when it stands for
// itself.
func escape(r rune, size int, value bool) string {
	switch {
	case r == '<':
		return "&lt;"
	case r == '>':
		return "&gt;"
	case r == '&':
		return "&amp;"
	case r == '\r':
		return "&#13;"
	case r == '"' && value:
		return "&#34;"
	case r == '\n' && value:
		return "&#10;"
	case r == '\t' && value:
		return "&#9;"
	case !isChar(r), r == utf8.RuneError && size == 1:
		return "\uFFFD"
	}
	return ""
}
