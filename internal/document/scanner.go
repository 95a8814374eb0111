package document

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Kind tells what a Scanner has found.
type Kind uint8

// The kinds of token. Comments, processing instructions and the XML
// declaration are checked and passed over.
const (
	EndDocument Kind = iota
	StartElement
	EndElement
	Text // one run of character data, or one CDATA section
)

// qname is a lexical name in the source. prefix is its length up to the colon;
// zero without one.
type qname struct{ start, end, prefix int32 }

func (q qname) in(src string) string { return src[q.start:q.end] }

func (q qname) prefixIn(src string) string { return src[q.start : q.start+q.prefix] }

func (q qname) localIn(src string) string {
	if q.prefix == 0 {
		return src[q.start:q.end]
	}
	return src[q.start+q.prefix+1 : q.end]
}

// attribute is one attribute that is not a namespace declaration.
type attribute struct {
	name       qname
	space      int32
	start, end int32 // the value, between its quotes
	literal    bool  // the value needs no decoding
}

// open is an element whose end tag is still to come.
type open struct {
	name  qname
	space int32
	outer int32 // the namespace scope outside the element
}

// Scanner checks a document and hands out its tokens one by one. It is strict:
// what it has passed is well-formed and namespace-well-formed up to there.
// Strings it returns are views of the source or fresh; they stay valid as long
// as nobody writes to the source. A Scanner serves one goroutine.
type Scanner struct {
	src    string
	limits Limits
	ns     namespaces

	pos   int
	bound int // how far the scanner may go

	kind    Kind
	start   int // of the current token
	literal bool
	cdata   bool
	current open
	attrs   []attribute
	count   int // attributes of the current tag, declarations included
	seen    map[attributeKey]struct{}
	stack   []open
	empty   bool // the current start tag was an empty-element tag
	rooted  bool // the root element has begun
	err     error
}

// NewScanner returns a scanner at the beginning of src, which must be UTF-8 and
// must not be written to while the scanner or anything it returned is in use.
func NewScanner(src []byte, limits Limits) *Scanner {
	s := new(Scanner)
	s.reset(src, limits)
	return s
}

func (s *Scanner) reset(src []byte, limits Limits) {
	s.src = unsafe.String(unsafe.SliceData(src), len(src))
	s.limits = limits.withDefaults(len(src))
	s.bound = s.limits.Bytes
	s.ns.reset()
	s.pos, s.start, s.kind = 0, 0, EndDocument
	s.attrs, s.stack = s.attrs[:0], s.stack[:0]
	s.current = open{}
	s.empty, s.rooted, s.err = false, false, nil
}

// Next advances to the next token. At the end of the document it returns
// EndDocument, again and again. Errors are *SyntaxError, and final.
func (s *Scanner) Next() (Kind, error) {
	if s.err != nil {
		return EndDocument, s.err
	}
	if err := s.next(); err != nil {
		s.err = err
		s.kind = EndDocument
		return EndDocument, err
	}
	return s.kind, nil
}

func (s *Scanner) next() error {
	if s.kind == EndElement {
		s.close()
	}
	if s.empty {
		s.empty, s.kind, s.start = false, EndElement, s.pos
		return nil
	}
	if s.pos == 0 {
		if err := s.prolog(); err != nil {
			return err
		}
	}
	for {
		found, err := s.token()
		if found || err != nil {
			return err
		}
	}
}

// token reads one piece of markup or one run of text. found is false when it
// was a kind that is passed over.
func (s *Scanner) token() (found bool, err error) {
	s.start = s.pos
	if s.pos >= s.bound {
		return true, s.finish()
	}
	if s.src[s.pos] != '<' {
		return s.text()
	}
	if s.pos+1 >= s.bound {
		return false, s.exhausted("markup")
	}
	switch s.src[s.pos+1] {
	case '/':
		return true, s.endTag()
	case '?':
		return false, s.instruction()
	case '!':
		return s.declaration()
	}
	return true, s.startTag()
}

func (s *Scanner) finish() error {
	switch {
	case s.bound < len(s.src):
		return s.exhausted("it")
	case len(s.stack) > 0:
		return s.fail(Malformed, s.pos, "the document ends inside element %.60q", s.stack[len(s.stack)-1].name.in(s.src))
	case !s.rooted:
		return s.fail(Malformed, s.pos, "the document has no root element")
	}
	s.kind = EndDocument
	return nil
}

// exhausted is the error for a token that is cut off, by the end of the source
// or by the limit.
func (s *Scanner) exhausted(what string) error {
	if s.bound >= len(s.src) {
		return s.fail(Malformed, len(s.src), "the document ends inside %s", what)
	}
	return s.fail(Limit, s.start, "the document goes on past the limit of %d bytes", s.bound)
}

// text reads character data up to the next markup (XML 1.0 §2.4).
func (s *Scanner) text() (bool, error) {
	if len(s.stack) == 0 {
		return false, s.outside()
	}
	s.kind, s.literal, s.cdata = Text, true, false
	src := s.src[:s.bound]
	for i := s.pos; i < len(src); {
		c := src[i]
		if classes[c]&classText != 0 {
			i++
			continue
		}
		if c == '<' {
			s.pos = i
			return true, nil
		}
		n, err := s.textCharacter(i)
		if err != nil {
			return false, err
		}
		i += n
	}
	return false, s.exhausted("text")
}

// textCharacter judges one character that is more than itself in text, and
// returns its size.
func (s *Scanner) textCharacter(i int) (int, error) {
	switch s.src[i] {
	case '\r':
		s.literal = false
		return 1, nil
	case '&':
		s.literal = false
		return s.reference(i)
	case ']':
		if strings.HasPrefix(s.src[i:], "]]>") {
			return 0, s.fail(Malformed, i, "]]> must not appear in text")
		}
		return 1, nil
	}
	return s.character(i)
}

// character judges one character by its code alone and returns its size.
func (s *Scanner) character(i int) (int, error) {
	c := s.src[i]
	if c < utf8.RuneSelf {
		if c >= 0x20 || isSpace(c) {
			return 1, nil
		}
		return 0, s.fail(Malformed, i, "character U+%04X must not appear in XML", c)
	}
	r, n := utf8.DecodeRuneInString(s.src[i:])
	if r == utf8.RuneError && n == 1 {
		return 0, s.fail(Encoding, i, "byte 0x%02X is not UTF-8 here", c)
	}
	if !isChar(r) {
		return 0, s.fail(Malformed, i, "character U+%04X must not appear in XML", r)
	}
	return n, nil
}

// reference judges an entity or character reference (§4.1) and returns its size.
func (s *Scanner) reference(i int) (int, error) {
	end := strings.IndexByte(s.src[i:s.bound], ';')
	if end < 0 && s.bound < len(s.src) {
		return 0, s.exhausted("a reference")
	}
	if end < 0 {
		return 0, s.fail(Malformed, i, "& must start a reference that ends in a semicolon")
	}
	if _, ok := decodeReference(s.src[i+1 : i+end]); !ok {
		return 0, s.fail(Malformed, i, "reference %.40q is to no character and no predefined entity", s.src[i:i+end+1])
	}
	return end + 1, nil
}

// outside passes over white space before and after the root element.
func (s *Scanner) outside() error {
	for s.pos < s.bound && isSpace(s.src[s.pos]) {
		s.pos++
	}
	if s.pos < s.bound && s.src[s.pos] != '<' {
		if _, err := s.character(s.pos); err != nil {
			return err
		}
		return s.fail(Malformed, s.pos, "text must not appear outside the root element")
	}
	return nil
}

// close ends the scope of the element whose end was reported last.
func (s *Scanner) close() {
	last := len(s.stack) - 1
	s.ns.leave(s.stack[last].outer)
	s.stack = s.stack[:last]
}

func (s *Scanner) endTag() error {
	if len(s.stack) == 0 {
		return s.fail(Malformed, s.pos, "an end tag stands where no element is open")
	}
	s.current = s.stack[len(s.stack)-1]
	want := s.current.name.in(s.src)
	i := s.pos + 2
	if i+len(want) >= s.bound {
		return s.cutEndTag(want)
	}
	if s.src[i:i+len(want)] != want {
		return s.fail(Malformed, s.pos, "the end tag does not close element %.60q", want)
	}
	s.pos = i + len(want)
	s.space()
	if s.pos >= s.bound {
		return s.exhausted("an end tag")
	}
	if s.src[s.pos] != '>' {
		return s.fail(Malformed, s.start, "the end tag does not close element %.60q", want)
	}
	s.pos++
	s.kind = EndElement
	return nil
}

func (s *Scanner) cutEndTag(want string) error {
	if rest := s.src[s.pos+2 : s.bound]; !strings.HasPrefix(want, rest) {
		return s.fail(Malformed, s.pos, "the end tag does not close element %.60q", want)
	}
	return s.exhausted("an end tag")
}

// space passes over white space and reports whether there was any.
func (s *Scanner) space() bool {
	src, i := s.src[:s.bound], s.pos
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	moved := i > s.pos
	s.pos = i
	return moved
}

// Name returns the expanded name of the current start or end tag.
func (s *Scanner) Name() Name {
	return Name{s.ns.spaces[s.current.space], s.current.name.localIn(s.src)}
}

// Attr returns the value of an attribute of the current start tag, normalised
// (XML 1.0 §3.3.3).
func (s *Scanner) Attr(name Name) (string, bool) {
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.name.localIn(s.src) == name.Local && s.ns.spaces[a.space] == name.Space {
			return a.value(s.src), true
		}
	}
	return "", false
}

// Text returns the characters of the current run of text, with references
// resolved and line ends normalised (XML 1.0 §2.11).
func (s *Scanner) Text() string {
	raw := s.src[s.start:s.pos]
	if s.cdata {
		raw = raw[len(cdataOpen) : len(raw)-len(cdataClose)]
	}
	switch {
	case s.literal:
		return raw
	case s.cdata:
		return string(appendLines(nil, raw))
	}
	return string(appendDecoded(nil, raw))
}

// Depth returns how many elements are open, the current one included.
func (s *Scanner) Depth() int { return len(s.stack) }

// Span returns where the current token stands in the source, in bytes. The end
// of an empty-element tag spans nothing.
func (s *Scanner) Span() (start, end int) { return s.start, s.pos }

// Position returns where the current token starts: 1-based, the column in bytes.
func (s *Scanner) Position() (line, column int) { return locate(s.src, s.start) }
