package document

import (
	"fmt"
	"strings"
)

// Bounds are narrower than what a reader takes, of a whole document. A zero field
// bounds nothing more.
type Bounds struct {
	Elements   int // of the document
	Depth      int // elements open at once
	Attributes int // of one element, namespace declarations included
	// Digits is how many a text or an attribute value may have that is a number
	// by its look: sign, digits, a point, an exponent, and nothing else.
	Digits int
}

// Check goes through a document in UTF-8. The error is a *SyntaxError, of reason
// Limit past a bound.
func (b Bounds) Check(src []byte) error {
	if b == (Bounds{}) {
		return nil
	}
	s := NewScanner(src, Limits{Depth: b.Depth, Attributes: b.Attributes})
	for elements := 0; ; {
		kind, err := s.Next()
		if err != nil {
			return err
		}
		switch kind {
		case StartElement:
			if elements++; b.Elements > 0 && elements > b.Elements {
				return b.past(s, "more than %d elements", b.Elements)
			}
			for i := range s.attrs {
				if b.tooLong(s.src[s.attrs[i].start:s.attrs[i].end]) {
					return b.past(s, "an attribute with a number of more than %d digits", b.Digits)
				}
			}
		case Text:
			if b.Digits > 0 && s.pos-s.start > b.Digits && b.tooLong(s.Text()) {
				return b.past(s, "a number of more than %d digits", b.Digits)
			}
		case EndElement:
		default:
			return nil
		}
	}
}

func (b Bounds) past(s *Scanner, what string, limit int) error {
	line, column := s.Position()
	return &SyntaxError{Reason: Limit, Line: line, Column: column, Message: fmt.Sprintf("the message has "+what, limit)}
}

// tooLong reports whether a value is a number of too many digits.
func (b Bounds) tooLong(value string) bool {
	if b.Digits <= 0 || len(value) <= b.Digits {
		return false
	}
	digits := 0
	for _, c := range strings.Trim(value, " \t\r\n") {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case !strings.ContainsRune("+-.eE", c):
			return false
		}
	}
	return digits > b.Digits
}
