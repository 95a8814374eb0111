package contract

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// jsonKind is the kind of a JSON value.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBoolean
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonValue is one value of a JSON text. Values stand in the order of the text.
type jsonValue struct {
	key, keyEnd         int32 // of a member: its key, without the quotes
	start, end          int32 // of a string without its quotes
	parent, first, next int32 // values, or none
	index               int32 // among the values of its parent
	kind                jsonKind
	escaped, keyEscaped bool // there are backslashes in it
}

// jsonText is a JSON text (RFC 8259) taken apart: a view of its bytes.
type jsonText struct {
	src    []byte
	values []jsonValue // the first is the whole text
	nulls  bool        // there is a null
	// directed says that a key begins with "@xsi:", or may begin so once it is
	// decoded.
	directed bool
}

// maxNesting bounds how many arrays and objects may be open at once: an array
// and an object for each element of the deepest document that the engine takes.
const maxNesting = 512

// jsonScanner takes a text apart in one pass, without recursion.
type jsonScanner struct {
	*jsonText
	pos        int
	open, last int32 // the innermost array or object; its last value so far
	depth      int
}

// read takes src apart. It is strict: no byte order mark, no comments, no
// trailing commas, nothing after the value. Keys that occur twice are not its
// business. The error is a *fault.Error.
func (t *jsonText) read(src []byte) error {
	t.src, t.values, t.nulls, t.directed = src, t.values[:0], false, false
	s := jsonScanner{jsonText: t, open: none, last: none}
	if err := s.encoding(); err != nil {
		return err
	}
	s.space()
	if err := s.value(0, 0, false); err != nil {
		return err
	}
	for s.open != none {
		if err := s.member(); err != nil {
			return err
		}
	}
	if s.space(); s.pos < len(src) {
		return s.malformed("nothing may follow the value")
	}
	return nil
}

// encoding checks what must hold of all bytes (RFC 8259 §8.1).
func (s *jsonScanner) encoding() error {
	switch {
	case len(s.src) > maxTwin:
		return s.tooLarge("the text has more than %d bytes", maxTwin)
	case bytes.HasPrefix(s.src, []byte("\xEF\xBB\xBF")):
		return s.malformed("the text begins with a byte order mark")
	case utf8.Valid(s.src):
		return nil
	}
	for s.pos < len(s.src) {
		r, n := utf8.DecodeRune(s.src[s.pos:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		s.pos += n
	}
	return s.failed(fault.CodeEncoding, "the text is not UTF-8")
}

func (s *jsonScanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the byte that comes next, or NUL at the end.
func (s *jsonScanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// member reads what comes next within the open array or object: its end, or a
// value with what stands before it.
func (s *jsonScanner) member() error {
	s.space()
	object := s.values[s.open].kind == jsonObject
	closing := byte(']')
	if object {
		closing = '}'
	}
	if s.peek() == closing {
		s.close()
		return nil
	}
	if s.last != none {
		if s.peek() != ',' {
			return s.expected("a comma or " + string(closing))
		}
		s.pos++
		s.space()
	}
	if !object {
		return s.value(0, 0, false)
	}
	return s.keyed()
}

// keyed reads a key, a colon and a value (RFC 8259 §4).
func (s *jsonScanner) keyed() error {
	if s.peek() != '"' {
		return s.expected("a key in double quotes")
	}
	start, end, escaped, err := s.quoted()
	if err != nil {
		return err
	}
	if escaped || bytes.HasPrefix(s.src[start:end], []byte(directive)) {
		s.directed = true
	}
	if s.space(); s.peek() != ':' {
		return s.expected("a colon")
	}
	s.pos++
	s.space()
	return s.value(start, end, escaped)
}

// close ends the open array or object.
func (s *jsonScanner) close() {
	s.pos++
	v := &s.values[s.open]
	v.end = int32(s.pos)
	s.last, s.open = s.open, v.parent
	s.depth--
}

// value reads one value; of an array or object its opening bracket.
func (s *jsonScanner) value(key, keyEnd int, keyEscaped bool) error {
	v := jsonValue{key: int32(key), keyEnd: int32(keyEnd), keyEscaped: keyEscaped, parent: s.open, first: none, next: none, start: int32(s.pos)}
	var err error
	switch c := s.peek(); c {
	case '{', '[':
		if v.kind = jsonObject; c == '[' {
			v.kind = jsonArray
		}
		s.pos++
		if s.depth++; s.depth > maxNesting {
			return s.tooLarge("arrays and objects are nested more than %d deep", maxNesting)
		}
	case '"':
		var start, end int
		start, end, v.escaped, err = s.quoted()
		v.kind, v.start, v.end = jsonString, int32(start), int32(end)
	case 't', 'f':
		v.kind, err = jsonBoolean, s.word("true", "false")
	case 'n':
		s.nulls = true
		v.kind, err = jsonNull, s.word("null")
	default:
		v.kind, err = jsonNumber, s.number()
	}
	if err != nil {
		return err
	}
	if v.kind != jsonString {
		v.end = int32(s.pos)
	}
	return s.add(v)
}

// add appends a value to the open array or object, and opens one.
func (s *jsonScanner) add(v jsonValue) error {
	if len(s.values) >= maxMarkup {
		return s.tooLarge("the message has more than %d values", maxMarkup)
	}
	id := int32(len(s.values))
	switch {
	case s.last != none:
		v.index = s.values[s.last].index + 1
		s.values[s.last].next = id
	case s.open != none:
		s.values[s.open].first = id
	}
	s.values = append(s.values, v)
	s.last = id
	if v.kind >= jsonArray {
		s.open, s.last = id, none
	}
	return nil
}

func (s *jsonScanner) word(words ...string) error {
	for _, w := range words {
		if bytes.HasPrefix(s.src[s.pos:], []byte(w)) {
			s.pos += len(w)
			return nil
		}
	}
	return s.expected("a value")
}

// number reads a number by the grammar of RFC 8259 §6.
func (s *jsonScanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return s.expected("a value")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.expected("a digit after the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.expected("a digit of the exponent")
		}
	}
	return nil
}

func (s *jsonScanner) digits() bool {
	from := s.pos
	for s.pos < len(s.src) && s.src[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > from
}

// quoted reads a string and returns what is between its quotes. Escapes are
// checked for their form; what they stand for is looked at when it is used.
func (s *jsonScanner) quoted() (start, end int, escaped bool, err error) {
	s.pos++
	start = s.pos
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return start, s.pos - 1, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return 0, 0, false, err
			}
		case c < ' ':
			return 0, 0, false, s.malformed(fmt.Sprintf("the control character U+%04X must be escaped in a string", c))
		default:
			s.pos++
		}
	}
	return 0, 0, false, s.malformed("the text ends within a string")
}

// escape passes over an escape (RFC 8259 §7).
func (s *jsonScanner) escape() error {
	if s.pos+1 >= len(s.src) {
		s.pos = len(s.src)
		return s.malformed("the text ends within a string")
	}
	switch s.src[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return nil
	case 'u':
		if s.pos+6 > len(s.src) || hexValue(s.src[s.pos+2:s.pos+6]) < 0 {
			return s.malformed(`\u must be followed by four hexadecimal digits`)
		}
		s.pos += 6
		return nil
	}
	return s.malformed("a backslash must not stand before this character")
}

// hexValue is the value of hexadecimal digits, or -1.
func hexValue(digits []byte) rune {
	var out rune
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		out = out<<4 | rune(c)
	}
	return out
}

func (s *jsonScanner) expected(what string) error {
	if s.pos >= len(s.src) {
		return s.malformed("the text ends where " + what + " is expected")
	}
	r, _ := utf8.DecodeRune(s.src[s.pos:])
	return s.malformed(fmt.Sprintf("expected %s, found %q", what, r))
}

func (s *jsonScanner) malformed(message string) error {
	return s.failed(fault.CodeMalformedJSON, message)
}

func (s *jsonScanner) tooLarge(format string, args ...any) error {
	return s.failed(fault.CodeTooLarge, fmt.Sprintf(format, args...))
}

// failed is the fault of the place where the scanner stands.
func (s *jsonScanner) failed(code fault.Code, message string) error {
	d := fault.Detail{Message: message}
	d.Line, d.Column = newLines(s.src[:s.pos]).position(s.pos)
	return fault.New(code, "").With(d)
}

// lineIndex knows where the lines of a text start. CR, LF and CR LF each end a
// line.
type lineIndex []int32

func newLines(src []byte) lineIndex {
	out := lineIndex{0}
	for i, c := range src {
		if c == '\n' || c == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			out = append(out, int32(i+1))
		}
	}
	return out
}

// position returns line and column, 1-based, the column in bytes.
func (l lineIndex) position(offset int) (line, column int) {
	i, exact := slices.BinarySearch(l, int32(offset))
	if !exact {
		i--
	}
	return i + 1, offset - int(l[i]) + 1
}
