package document

import (
	"strings"
	"unicode/utf8"
)

const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// prolog passes over a byte order mark and the XML declaration.
func (s *Scanner) prolog() error {
	if strings.HasPrefix(s.src, bom) {
		s.pos = len(bom)
	}
	rest := s.src[s.pos:s.bound]
	if len(rest) < 6 || rest[:5] != "<?xml" || !isSpace(rest[5]) {
		return nil
	}
	end := strings.Index(rest, "?>")
	if end < 0 {
		return s.exhausted("the XML declaration")
	}
	d, ok := parseDeclaration(rest[5:end])
	switch {
	case !ok:
		return s.fail(Malformed, s.pos, "the XML declaration is malformed")
	case d.version != "1.0":
		return s.fail(Malformed, s.pos, "XML version %.20q is not taken, only 1.0", d.version)
	case d.encoding != "" && !namesUTF8(d.encoding):
		return s.fail(Encoding, s.pos, "the XML declaration names encoding %.40q for a document in UTF-8", d.encoding)
	}
	s.pos += end + 2
	return nil
}

func namesUTF8(encoding string) bool {
	return strings.EqualFold(encoding, "UTF-8") || strings.EqualFold(encoding, "UTF8")
}

// declaration reads what starts with <!: a comment or a CDATA section; a
// DOCTYPE is refused wherever it stands.
func (s *Scanner) declaration() (found bool, err error) {
	rest := s.src[s.pos:s.bound]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return false, s.comment()
	case strings.HasPrefix(rest, cdataOpen):
		return true, s.section()
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return false, s.fail(Doctype, s.pos, "a document type declaration is not allowed")
	case strings.HasPrefix("<!--", rest), strings.HasPrefix(cdataOpen, rest), strings.HasPrefix("<!DOCTYPE", rest):
		return false, s.exhausted("markup")
	}
	return false, s.fail(Malformed, s.pos, "<! must start a comment or a CDATA section here")
}

// comment passes over a comment, in which -- must not appear (XML 1.0 §2.5).
func (s *Scanner) comment() error {
	body := s.pos + len("<!--")
	dashes := strings.Index(s.src[body:s.bound], "--")
	if dashes < 0 {
		return s.cut(body, "a comment")
	}
	end := body + dashes
	if _, err := s.characters(body, end); err != nil {
		return err
	}
	if end+2 >= s.bound {
		return s.exhausted("a comment")
	}
	if s.src[end+2] != '>' {
		return s.fail(Malformed, end, "-- must not appear in a comment")
	}
	s.pos = end + 3
	return nil
}

// section reads a CDATA section (§2.7).
func (s *Scanner) section() error {
	if len(s.stack) == 0 {
		return s.fail(Malformed, s.pos, "a CDATA section must not appear outside the root element")
	}
	body := s.pos + len(cdataOpen)
	size := strings.Index(s.src[body:s.bound], cdataClose)
	if size < 0 {
		return s.cut(body, "a CDATA section")
	}
	literal, err := s.characters(body, body+size)
	s.kind, s.literal, s.cdata = Text, literal, true
	s.pos = body + size + len(cdataClose)
	return err
}

// instruction passes over a processing instruction (§2.6). Its target may hold
// colons: Namespaces in XML asks otherwise, the validator does not, and nothing
// depends on it.
func (s *Scanner) instruction() error {
	s.pos += 2
	start := s.pos
	if err := s.target(); err != nil {
		return err
	}
	target := s.src[start:s.pos]
	if strings.EqualFold(target, "xml") {
		return s.fail(Malformed, s.start, "an XML declaration may stand only at the beginning of the document")
	}
	size := strings.Index(s.src[s.pos:s.bound], "?>")
	if size < 0 {
		return s.cut(s.pos, "a processing instruction")
	}
	if size > 0 && !isSpace(s.src[s.pos]) {
		return s.fail(Malformed, s.pos, "white space or ?> is expected here")
	}
	end := s.pos + size
	if _, err := s.characters(s.pos, end); err != nil {
		return err
	}
	s.pos = end + 2
	return nil
}

func (s *Scanner) target() error {
	const what = "the target of a processing instruction"
	for first := true; s.pos < s.bound; first = false {
		if s.src[s.pos] == ':' {
			s.pos++
			continue
		}
		r, n := utf8.DecodeRuneInString(s.src[s.pos:])
		if !inName(r, first) || r == utf8.RuneError && n == 1 {
			break
		}
		s.pos += n
	}
	switch {
	case s.pos >= s.bound:
		return s.exhausted(what)
	case s.pos == s.start+2:
		return s.fail(Malformed, s.pos, "%s is expected here", what)
	}
	return nil
}

// cut is the error for a token whose end is missing: the first character that
// may not be in it, else that it is cut off.
func (s *Scanner) cut(from int, what string) error {
	if _, err := s.characters(from, s.bound); err != nil && s.bound == len(s.src) {
		return err
	}
	return s.exhausted(what)
}

// characters checks that every character from start to end may appear in XML.
// literal is false when line ends need normalising.
func (s *Scanner) characters(start, end int) (literal bool, err error) {
	literal = true
	for i := start; i < end; {
		c := s.src[i]
		if c == '\r' {
			literal = false
		}
		if c >= 0x20 && c < utf8.RuneSelf {
			i++
			continue
		}
		n, err := s.character(i)
		if err != nil {
			return false, err
		}
		i += n
	}
	return literal, nil
}

// xmlDeclaration is what an XML declaration says (§2.8).
type xmlDeclaration struct {
	version, encoding, standalone string
	// encodingAt is where the encoding's value starts, after its quote.
	encodingAt int
}

// parseDeclaration parses what stands between <?xml and ?>.
func parseDeclaration(body string) (d xmlDeclaration, ok bool) {
	rest := body
	for _, want := range []string{"version", "encoding", "standalone"} {
		name, value, tail, ok := pseudoAttribute(rest)
		if !ok || name != want {
			continue
		}
		if value == "" {
			return d, false
		}
		rest = tail
		switch want {
		case "version":
			d.version = value
		case "encoding":
			d.encoding, d.encodingAt = value, len(body)-len(tail)-len(value)-1
		case "standalone":
			d.standalone = value
		}
	}
	ok = strings.Trim(rest, " \t\r\n") == "" && d.version != ""
	ok = ok && (d.standalone == "" || d.standalone == "yes" || d.standalone == "no")
	return d, ok
}

// pseudoAttribute parses S name = "value" at the start of rest.
func pseudoAttribute(rest string) (name, value, tail string, ok bool) {
	const space = " \t\r\n"
	trimmed := strings.TrimLeft(rest, space)
	if len(trimmed) == len(rest) {
		return "", "", "", false
	}
	name, after, ok := strings.Cut(trimmed, "=")
	after = strings.TrimLeft(after, space)
	if !ok || after == "" || after[0] != '"' && after[0] != '\'' {
		return "", "", "", false
	}
	value, tail, ok = strings.Cut(after[1:], after[:1])
	return strings.TrimRight(name, space), value, tail, ok
}
