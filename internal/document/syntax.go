package document

import "fmt"

// Reason classes what is wrong with a document.
type Reason uint8

// The reasons.
const (
	Malformed Reason = iota // breaks XML 1.0 or Namespaces in XML 1.0
	Doctype                 // holds a document type declaration
	Encoding                // bytes that are not UTF-8, or a declaration of something else
	Limit                   // past one of the Limits
)

// SyntaxError is the first thing that is wrong with a document. Line and
// Column are 1-based; Column counts bytes and leaves out a byte order mark.
type SyntaxError struct {
	Reason       Reason
	Line, Column int
	Message      string
}

// Error renders the position and the message.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

const bom = "\xEF\xBB\xBF"

// locate counts lines the way XML does: CR, LF and CR LF each end one (XML 1.0 §2.11).
func locate(src string, offset int) (line, column int) {
	line, start := 1, 0
	if len(src) >= len(bom) && src[:len(bom)] == bom {
		start = len(bom)
	}
	for i := start; i < offset; i++ {
		if endsLine(src, i) {
			line++
			start = i + 1
		}
	}
	return line, max(offset-start, 0) + 1
}

// endsLine reports whether the byte at i is the last one of a line.
func endsLine(src string, i int) bool {
	switch src[i] {
	case '\n':
		return true
	case '\r':
		return i+1 >= len(src) || src[i+1] != '\n'
	}
	return false
}
