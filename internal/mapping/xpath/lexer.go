package xpath

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is a complaint about an expression. Offset is where, in bytes.
type Fault struct {
	Offset  int
	Message string
}

// Error returns the complaint without its place.
func (f *Fault) Error() string { return f.Message }

type tokenKind uint8

const (
	endToken    tokenKind = iota
	nameToken             // prefix:local or local, also the words that are operators
	numberToken           // text has the digits
	stringToken           // text has the value
	symbolToken           // text has the symbol
)

type token struct {
	kind   tokenKind
	text   string
	prefix string // of a name
	offset int
	end    int
}

func (t token) String() string {
	switch {
	case t.kind == endToken:
		return "the end of the expression"
	case t.kind == stringToken:
		return fmt.Sprintf("the string %q", t.text)
	case t.prefix != "":
		return fmt.Sprintf("%q", t.prefix+":"+t.text)
	}
	return fmt.Sprintf("%q", t.text)
}

// symbols, longest first (XPath 3.1 §A.2).
var symbols = [...]string{
	"::", "//", "..", "!=", "<=", ">=", "<<", ">>", "||", "=>", ":=",
	"(", ")", "[", "]", "/", "@", ",", "$", "+", "-", "*", "=", "<", ">", "|", ".", "!", "?", "{", "}", "#", ":",
}

// lex cuts an expression into tokens; the last one is endToken.
func lex(src string) ([]token, *Fault) {
	if !utf8.ValidString(src) {
		return nil, &Fault{0, "the expression is not valid UTF-8"}
	}
	l := &lexer{src: src, tokens: make([]token, 0, 8+len(src)/4)}
	for {
		if f := l.skip(); f != nil {
			return nil, f
		}
		if l.at == len(src) {
			return append(l.tokens, token{kind: endToken, offset: l.at, end: l.at}), nil
		}
		if f := l.next(); f != nil {
			return nil, f
		}
	}
}

type lexer struct {
	src    string
	at     int
	tokens []token
}

// skip passes white space and comments, which nest.
func (l *lexer) skip() *Fault {
	start, depth := l.at, 0
	for l.at < len(l.src) {
		switch rest := l.src[l.at:]; {
		case strings.HasPrefix(rest, "(:"):
			if depth == 0 {
				start = l.at
			}
			depth, l.at = depth+1, l.at+2
		case depth > 0 && strings.HasPrefix(rest, ":)"):
			depth, l.at = depth-1, l.at+2
		case depth > 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.at++
		default:
			return nil
		}
	}
	if depth > 0 {
		return &Fault{start, "the comment is not closed with :)"}
	}
	return nil
}

func (l *lexer) next() *Fault {
	rest := l.src[l.at:]
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '"' || c == '\'':
		return l.literal(rest[0])
	case isDigit(rest[0]) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number()
	case nameStart(c):
		l.name()
		return nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.add(token{kind: symbolToken, text: s}, len(s))
			return nil
		}
	}
	hint := ""
	if c == '&' {
		hint = "; write and"
	}
	return &Fault{l.at, fmt.Sprintf("%q cannot stand in an expression%s", c, hint)}
}

func (l *lexer) add(t token, size int) {
	t.offset, t.end = l.at, l.at+size
	l.at = t.end
	l.tokens = append(l.tokens, t)
}

// literal reads a string; a doubled quote stands for one (XPath 3.1 §3.1.1).
func (l *lexer) literal(quote byte) *Fault {
	for i := l.at + 1; i < len(l.src); i++ {
		if l.src[i] != quote {
			continue
		}
		if i+1 < len(l.src) && l.src[i+1] == quote {
			i++
			continue
		}
		q := string(quote)
		l.add(token{kind: stringToken, text: strings.ReplaceAll(l.src[l.at+1:i], q+q, q)}, i+1-l.at)
		return nil
	}
	return &Fault{l.at, "the string is not closed"}
}

func (l *lexer) number() *Fault {
	rest := l.src[l.at:]
	n := run(rest)
	if n < len(rest) && rest[n] == '.' {
		n += 1 + run(rest[n+1:])
	}
	if e := exponent(rest[n:]); e > 0 {
		n += e
	}
	if c, _ := utf8.DecodeRuneInString(rest[n:]); nameStart(c) {
		return &Fault{l.at, fmt.Sprintf("a space is missing after the number %s", rest[:n])}
	}
	if n > maxDigits {
		return &Fault{l.at, "the number is longer than 100 digits"}
	}
	l.add(token{kind: numberToken, text: rest[:n]}, n)
	return nil
}

func exponent(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	sign := 1
	if len(s) > 1 && (s[1] == '+' || s[1] == '-') {
		sign = 2
	}
	if n := run(s[sign:]); n > 0 {
		return sign + n
	}
	return 0
}

// name reads an NCName, or a QName when a colon and a name follow at once.
func (l *lexer) name() {
	first := ncname(l.src[l.at:])
	rest := l.src[l.at+first:]
	if len(rest) > 1 && rest[0] == ':' {
		if second := ncname(rest[1:]); second > 0 {
			l.add(token{kind: nameToken, prefix: l.src[l.at : l.at+first], text: rest[1 : 1+second]}, first+1+second)
			return
		}
	}
	l.add(token{kind: nameToken, text: l.src[l.at : l.at+first]}, first)
}

// ncname returns the length of the NCName that s begins with (Namespaces in
// XML 1.0 §3).
func ncname(s string) int {
	for i, c := range s {
		if !nameStart(c) && (i == 0 || !nameRune(c)) {
			return i
		}
	}
	return len(s)
}

func nameStart(c rune) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0x7F && c != utf8.RuneError && unicode.IsLetter(c)
}

func nameRune(c rune) bool {
	return c == '-' || c == '.' || c == '\u00B7' || c >= '0' && c <= '9' || c > 0x7F && (unicode.IsDigit(c) || unicode.IsMark(c))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
