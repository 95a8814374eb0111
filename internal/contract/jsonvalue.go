package contract

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// value writes a value of a simple type. A string stands for any of them; its
// form is the validator's to judge.
func (c *jsonConverter) value(s *Simple, id int32, attribute bool, doc string) {
	v := &c.values[id]
	raw := c.src[v.start:v.end]
	switch {
	case v.kind == jsonString:
		c.characters(id, attribute)
	case v.kind == jsonBoolean && s.holds("boolean"):
		c.dst = append(c.dst, raw...)
	case v.kind == jsonNumber && s.holds("float", "double"):
		c.dst = append(c.dst, raw...)
	case v.kind == jsonNumber && s.holds("decimal"):
		out, ok := appendExact(c.dst, raw)
		if c.dst = out; !ok {
			c.refuse(id, c.at(id), func() fault.Detail {
				return fault.Detail{Message: fmt.Sprintf("the number has more than %d digits when it is written out", maxWritten),
					Found: shorten(string(raw)), Expected: s.Describe(), Doc: doc}
			})
		}
	default:
		c.wrongKind(id, s.wanted, doc)
	}
}

// holds reports whether values of one of the primitive types are values of s.
func (s *Simple) holds(primitives ...string) bool {
	switch s.Variety {
	case List:
		return false
	case Union:
		return slices.ContainsFunc(s.Members, func(m *Simple) bool { return m.holds(primitives...) })
	}
	return s.Primitive == "" || slices.Contains(primitives, s.Primitive)
}

// wanted says in words which JSON value the type takes.
func (s *Simple) wanted() string {
	kind := "a string"
	switch {
	case s.Primitive == "" && s.Variety == Atomic:
		return "a string, a number, true or false"
	case s.Primitive == "boolean":
		return "true or false"
	case s.holds("decimal", "float", "double"):
		kind = "a number"
	}
	return kind + ": " + s.Describe()
}

// maxWritten is how many digits a number with an exponent may come to.
const maxWritten = 100

// appendExact writes a JSON number without its exponent, every digit kept. A
// number that would be too long is not written.
func appendExact(dst, raw []byte) (out []byte, ok bool) {
	e := bytes.IndexAny(raw, "eE")
	if e < 0 {
		return append(dst, raw...), true
	}
	mantissa := raw[:e]
	if mantissa[0] == '-' {
		dst, mantissa = append(dst, '-'), mantissa[1:]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits := slices.Concat(whole, fraction)
	if len(bytes.Trim(digits, "0")) == 0 {
		return append(dst, '0'), true
	}
	exponent, small := exponentOf(raw[e+1:])
	point := len(whole) + exponent
	if !small || len(digits) > maxWritten || max(point, len(digits)-point, len(digits)) > maxWritten {
		return dst, false
	}
	return appendPoint(dst, digits, point), true
}

// appendPoint writes digits with a decimal point after point of them; there are
// fewer of them, or none, where it stands outside.
func appendPoint(dst, digits []byte, point int) []byte {
	if missing := point - len(digits); missing > 0 {
		digits = append(digits, bytes.Repeat([]byte("0"), missing)...)
	}
	if point <= 0 {
		digits = append(bytes.Repeat([]byte("0"), 1-point), digits...)
		point = 1
	}
	whole := bytes.TrimLeft(digits[:point], "0")
	if len(whole) == 0 {
		whole = []byte("0")
	}
	dst = append(dst, whole...)
	if point < len(digits) {
		dst = append(append(dst, '.'), digits[point:]...)
	}
	return dst
}

// exponentOf reads an exponent; small is false when it is out of all proportion.
func exponentOf(raw []byte) (exponent int, small bool) {
	digits := bytes.TrimLeft(bytes.TrimLeft(raw, "+-"), "0")
	if len(digits) > 4 {
		return 0, false
	}
	for _, c := range digits {
		exponent = exponent*10 + int(c-'0')
	}
	if raw[0] == '-' {
		return -exponent, true
	}
	return exponent, true
}

// qname writes the declaration for a qualified name in Clark notation into the
// start tag, and returns how the name is to be written then.
func (c *jsonConverter) qname(id int32) string {
	text, sound := c.decoded(id)
	if !sound {
		return "" // characters will say why
	}
	space, local, ok := strings.Cut(strings.TrimPrefix(string(text), "{"), "}")
	if !ok || text[0] != '{' || space == nsXMLNS { // no prefix can be declared for that one
		return string(text)
	}
	return c.declare(space) + local
}

// escapes are what stands in XML for ASCII characters that cannot stand for
// themselves in the text of an element; quote marks only in attributes.
var escapes = [utf8.RuneSelf]string{'<': "&lt;", '>': "&gt;", '&': "&amp;", '"': "&#34;", '\t': "&#9;", '\n': "&#10;", '\r': "&#13;"}

// characters writes a string as character data.
func (c *jsonConverter) characters(id int32, attribute bool) {
	v := &c.values[id]
	raw := c.src[v.start:v.end]
	from := 0
	for i := 0; i < len(raw); {
		b := raw[i]
		switch {
		case b == '\\':
			c.dst = append(c.dst, raw[from:i]...)
			r, n := unescape(raw[i:])
			if !c.character(r, attribute) {
				c.unfit(id, i, n)
				return
			}
			i += n
			from = i
		case b < utf8.RuneSelf && escapes[b] != "" && b != '"':
			c.dst = append(append(c.dst, raw[from:i]...), escapes[b]...)
			i++
			from = i
		case b == 0xEF && i+2 < len(raw) && raw[i+1] == 0xBF && raw[i+2] >= 0xBE: // U+FFFE and U+FFFF
			c.unfit(id, i, 3)
			return
		default:
			i++
		}
	}
	c.dst = append(c.dst, raw[from:]...)
}

// character writes one character; it reports false for what XML cannot hold.
func (c *jsonConverter) character(r rune, attribute bool) bool {
	switch {
	case !holdable(r):
		return false
	case r < utf8.RuneSelf && escapes[r] != "" && (attribute || r != '"'):
		c.dst = append(c.dst, escapes[r]...)
	default:
		c.dst = utf8.AppendRune(c.dst, r)
	}
	return true
}

// holdable is the production Char (XML 1.0 §2.2).
func holdable(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case utf16.IsSurrogate(r):
		return false
	}
	return r != 0xFFFE && r != 0xFFFF
}

// unescape returns the character that an escape stands for, and its length. A
// surrogate that is not half of a pair is returned as such.
func unescape(raw []byte) (r rune, n int) {
	switch raw[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r = hexValue(raw[2:6])
	default:
		return rune(raw[1]), 2
	}
	if utf16.IsSurrogate(r) && len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		if pair := utf16.DecodeRune(r, hexValue(raw[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

// unfit complains about n bytes of a string.
func (c *jsonConverter) unfit(id int32, offset, n int) {
	at := int(c.values[id].start) + offset
	c.refuse(id, at, func() fault.Detail {
		raw := c.src[at : at+n]
		d := fault.Detail{Message: "the value has a character that XML cannot hold", Found: string(raw)}
		if raw[0] != '\\' {
			r, _ := utf8.DecodeRune(raw)
			d.Found = fmt.Sprintf("U+%04X", r)
		} else if r, _ := unescape(raw); utf16.IsSurrogate(r) {
			d.Message = "the value has half of a surrogate pair"
		}
		return d
	})
}

// decoded returns what a string says; sound is false when it has halves of
// surrogate pairs, or characters that XML cannot hold.
func (t *jsonText) decoded(id int32) (text []byte, sound bool) {
	v := &t.values[id]
	return unescaped(t.src[v.start:v.end], v.escaped)
}

// key returns what a member's key says.
func (t *jsonText) key(id int32) []byte {
	v := &t.values[id]
	text, _ := unescaped(t.src[v.key:v.keyEnd], v.keyEscaped)
	return text
}

func unescaped(raw []byte, escaped bool) (text []byte, sound bool) {
	if !escaped {
		return raw, true
	}
	sound = true
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			i++
			continue
		}
		r, n := unescape(raw[i:])
		sound = sound && holdable(r)
		text = utf8.AppendRune(text, r)
		i += n
	}
	return text, sound
}
