package document

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// attributeKey is an expanded attribute name, for finding duplicates.
type attributeKey struct {
	space int32
	local string
}

// fewAttributes is how many are compared pairwise before a set pays off.
const fewAttributes = 16

func (s *Scanner) fail(reason Reason, offset int, format string, args ...any) error {
	line, column := locate(s.src, offset)
	return &SyntaxError{Reason: reason, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// startTag reads a start tag or an empty-element tag (XML 1.0 §3.1).
func (s *Scanner) startTag() error {
	if err := s.mayOpen(); err != nil {
		return err
	}
	s.pos++
	name, err := s.name("an element name")
	if err != nil {
		return err
	}
	outer := s.ns.scope
	if err := s.attributes(outer); err != nil {
		return err
	}
	space, ok := s.ns.resolve(name.prefixIn(s.src))
	if !ok {
		return s.undeclared(name)
	}
	if len(s.attrs) > 0 {
		if err := s.resolveAttributes(); err != nil {
			return err
		}
	}
	s.current = open{name: name, space: space, outer: outer}
	s.stack = append(s.stack, s.current)
	s.rooted, s.kind = true, StartElement
	return nil
}

// attributes reads the rest of a start tag.
func (s *Scanner) attributes(outer int32) error {
	s.attrs, s.count = s.attrs[:0], 0
	if s.src[s.pos] == '>' {
		s.pos++
		return nil
	}
	for {
		if done, err := s.attribute(outer); done || err != nil {
			return err
		}
	}
}

func (s *Scanner) mayOpen() error {
	switch {
	case len(s.stack) == 0 && s.rooted:
		return s.fail(Malformed, s.start, "the document has a second root element")
	case len(s.stack) >= s.limits.Depth:
		return s.fail(Limit, s.start, "elements are nested more than %d deep", s.limits.Depth)
	}
	return nil
}

func (s *Scanner) undeclared(name qname) error {
	return s.fail(Malformed, int(name.start), "prefix %.60q is not declared", name.prefixIn(s.src))
}

// attribute reads what comes next in a start tag: an attribute, or its end.
func (s *Scanner) attribute(outer int32) (done bool, err error) {
	spaced := s.space()
	if s.pos >= s.bound {
		return false, s.exhausted("a tag")
	}
	switch s.src[s.pos] {
	case '>':
		s.pos++
		return true, nil
	case '/':
		return true, s.emptyTag()
	}
	if !spaced {
		return false, s.fail(Malformed, s.pos, "white space, > or /> is expected here")
	}
	if s.count++; s.count > s.limits.Attributes {
		return false, s.fail(Limit, s.start, "an element has more than %d attributes", s.limits.Attributes)
	}
	name, err := s.name("an attribute name")
	if err != nil {
		return false, err
	}
	a, err := s.value(name)
	if err != nil {
		return false, err
	}
	if prefix, ok := declares(name.in(s.src)); ok {
		return false, s.bind(prefix, a, outer)
	}
	s.attrs = append(s.attrs, a)
	return false, nil
}

func (s *Scanner) emptyTag() error {
	if s.pos+1 >= s.bound {
		return s.exhausted("a tag")
	}
	if s.src[s.pos+1] != '>' {
		return s.fail(Malformed, s.pos, "/ must be followed by > here")
	}
	s.pos += 2
	s.empty = true
	return nil
}

// value reads = and a quoted value (§2.3 AttValue).
func (s *Scanner) value(name qname) (attribute, error) {
	s.space()
	if s.pos < s.bound && s.src[s.pos] != '=' {
		return attribute{}, s.fail(Malformed, s.pos, "attribute %.60q has no value", name.in(s.src))
	}
	s.pos++
	s.space()
	if s.pos >= s.bound {
		return attribute{}, s.exhausted("a tag")
	}
	quote := s.src[s.pos]
	if quote != '"' && quote != '\'' {
		return attribute{}, s.fail(Malformed, s.pos, "the value of attribute %.60q is not quoted", name.in(s.src))
	}
	s.pos++
	a := attribute{name: name, start: int32(s.pos)}
	literal, err := s.quoted(quote)
	a.literal, a.end = literal, int32(s.pos-1)
	return a, err
}

// quoted reads up to and including the closing quote.
func (s *Scanner) quoted(quote byte) (literal bool, err error) {
	literal = true
	src := s.src[:s.bound]
	for i := s.pos; i < len(src); {
		c := src[i]
		if classes[c]&classValue != 0 {
			i++
			continue
		}
		if c == quote {
			s.pos = i + 1
			return literal, nil
		}
		if c == '&' || c == '\t' || c == '\n' || c == '\r' {
			literal = false
		}
		n, err := s.valueCharacter(i)
		if err != nil {
			return false, err
		}
		i += n
	}
	return false, s.exhausted("a tag")
}

func (s *Scanner) valueCharacter(i int) (int, error) {
	switch s.src[i] {
	case '<':
		return 0, s.fail(Malformed, i, "< must not appear in an attribute value")
	case '&':
		return s.reference(i)
	}
	return s.character(i)
}

// declares reports whether an attribute is a namespace declaration, and of
// which prefix.
func declares(name string) (prefix string, ok bool) {
	if !strings.HasPrefix(name, "xmlns") {
		return "", false
	}
	if len(name) == len("xmlns") {
		return "", true
	}
	return strings.CutPrefix(name, "xmlns:")
}

func (s *Scanner) bind(prefix string, a attribute, outer int32) error {
	uri := a.value(s.src)
	if fault := checkBinding(prefix, uri); fault != "" {
		return s.fail(Malformed, int(a.name.start), "%s", fault)
	}
	if !s.ns.declare(prefix, uri, outer) {
		return s.fail(Malformed, int(a.name.start), "attribute %.60q appears twice", a.name.in(s.src))
	}
	return nil
}

// resolveAttributes finds the namespaces of the attributes, which may be
// declared after them, and refuses duplicates (Namespaces in XML 1.0 §6.3).
func (s *Scanner) resolveAttributes() error {
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.name.prefix == 0 {
			continue
		}
		space, ok := s.ns.resolve(a.name.prefixIn(s.src))
		if !ok {
			return s.undeclared(a.name)
		}
		a.space = space
	}
	if len(s.attrs) > fewAttributes {
		return s.manyDistinct()
	}
	for i := 1; i < len(s.attrs); i++ {
		if s.repeats(i) {
			return s.duplicate(i)
		}
	}
	return nil
}

// repeats compares attribute i with those before it.
func (s *Scanner) repeats(i int) bool {
	a := &s.attrs[i]
	local := a.name.localIn(s.src)
	for j := range s.attrs[:i] {
		b := &s.attrs[j]
		if a.space == b.space && local == b.name.localIn(s.src) {
			return true
		}
	}
	return false
}

func (s *Scanner) manyDistinct() error {
	if s.seen == nil {
		s.seen = make(map[attributeKey]struct{}, len(s.attrs))
	}
	clear(s.seen)
	defer clear(s.seen)
	for i := range s.attrs {
		key := attributeKey{s.attrs[i].space, s.attrs[i].name.localIn(s.src)}
		if _, ok := s.seen[key]; ok {
			return s.duplicate(i)
		}
		s.seen[key] = struct{}{}
	}
	return nil
}

func (s *Scanner) duplicate(i int) error {
	return s.fail(Malformed, int(s.attrs[i].name.start), "attribute %.60q appears twice", s.attrs[i].name.in(s.src))
}

// name reads a qualified name (Namespaces in XML 1.0 §4): one or two NCNames.
func (s *Scanner) name(what string) (qname, error) {
	start := s.pos
	if err := s.ncName(what); err != nil {
		return qname{}, err
	}
	prefix := 0
	if s.pos < s.bound && s.src[s.pos] == ':' {
		prefix = s.pos - start
		s.pos++
		if err := s.ncName(what); err != nil {
			return qname{}, err
		}
	}
	if s.pos >= s.bound {
		return qname{}, s.exhausted(what)
	}
	return qname{start: int32(start), end: int32(s.pos), prefix: int32(prefix)}, nil
}

func (s *Scanner) ncName(what string) error {
	src, i := s.src[:s.bound], s.pos
	if i < len(src) && classes[src[i]]&classNameStart != 0 {
		for i++; i < len(src) && classes[src[i]]&className != 0; {
			i++
		}
		if i >= len(src) || src[i] < utf8.RuneSelf {
			s.pos = i
			return nil
		}
	}
	return s.wideName(what)
}

// wideName reads a name that has characters beyond ASCII, or is none at all.
func (s *Scanner) wideName(what string) error {
	i := s.pos
	for i < s.bound {
		r, n := utf8.DecodeRuneInString(s.src[i:])
		if r == utf8.RuneError && n == 1 {
			return s.fail(Encoding, i, "byte 0x%02X is not UTF-8 here", s.src[i])
		}
		if !inName(r, i == s.pos) {
			break
		}
		i += n
	}
	switch {
	case i >= s.bound:
		return s.exhausted(what)
	case i == s.pos:
		return s.fail(Malformed, i, "%s is expected here", what)
	}
	s.pos = i
	return nil
}

func inName(r rune, first bool) bool {
	switch {
	case r >= utf8.RuneSelf && first:
		return isWideNameStart(r)
	case r >= utf8.RuneSelf:
		return isWideName(r)
	case first:
		return classes[r]&classNameStart != 0
	}
	return classes[r]&className != 0
}
