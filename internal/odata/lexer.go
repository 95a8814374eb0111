package odata

import "strings"

type kind uint8

const (
	endToken     kind = iota
	nameToken         // a name, or a word such as eq
	literalToken      // lit says which
	aliasToken        // @name
	optionToken       // $name
	signToken         // one of ( ) , ; = * /
	strayToken        // anything else
)

type token struct {
	kind  kind
	text  string // of a literal: its value
	lit   Kind
	at    int
	end   int
	space bool // white space stands before it
}

// String is the token as complaints quote it.
func (t token) String() string {
	switch {
	case t.kind == endToken:
		return "the end"
	case t.kind == literalToken && t.lit == String:
		return "the text '" + clip(t.text) + "'"
	}
	return quoted(t.text)
}

// lexer cuts a text into tokens, one at a time.
type lexer struct {
	src string
	at  int
}

// signs stand for themselves.
const signs = "(),;=*/"

func (l *lexer) next() token {
	began := l.at
	for l.at < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.at]) >= 0 {
		l.at++
	}
	t := token{at: l.at, space: l.at > began}
	if l.at == len(l.src) {
		t.end = l.at
		return t
	}
	switch c := l.src[l.at]; {
	case c == '\'':
		l.quoted(&t)
	case strings.IndexByte(signs, c) >= 0:
		l.at++
		t.kind, t.text = signToken, l.src[t.at:l.at]
	case c == '@' || c == '$':
		l.at++
		l.word(&t, isNameByte)
		t.kind = map[byte]kind{'@': aliasToken, '$': optionToken}[c]
		if !isName(t.text[1:]) {
			t.kind = strayToken
		}
	case isWordByte(c):
		l.word(&t, isWordByte)
		l.classify(&t)
	default:
		l.stray(&t)
	}
	t.end = l.at
	return t
}

func isNameByte(c byte) bool { return isLetter(c) || isDigit(c) }

// isWordByte reports whether c can stand in a name or a literal without quotes.
func isWordByte(c byte) bool {
	return isNameByte(c) || c == '.' || c == ':' || c == '-' || c == '+'
}

func (l *lexer) word(t *token, in func(byte) bool) {
	for l.at < len(l.src) && in(l.src[l.at]) {
		l.at++
	}
	t.text = l.src[t.at:l.at]
}

// stray takes one character that begins nothing.
func (l *lexer) stray(t *token) {
	l.at++
	for l.at < len(l.src) && l.src[l.at]&0xC0 == 0x80 {
		l.at++
	}
	t.kind, t.text = strayToken, l.src[t.at:l.at]
}

// quoted reads a text in single quotes; one inside is written twice.
func (l *lexer) quoted(t *token) {
	var b strings.Builder
	for l.at++; ; l.at++ {
		end := strings.IndexByte(l.src[l.at:], '\'')
		if end < 0 {
			l.at = len(l.src)
			t.kind, t.text = strayToken, l.src[t.at:]
			return
		}
		b.WriteString(l.src[l.at : l.at+end])
		l.at += end + 1
		if l.at == len(l.src) || l.src[l.at] != '\'' {
			t.kind, t.lit, t.text = literalToken, String, b.String()
			return
		}
		b.WriteByte('\'')
	}
}

// classify tells what a word is.
func (l *lexer) classify(t *token) {
	t.kind = literalToken
	switch w := t.text; {
	case isGUID(w):
		t.lit = GUID
	case isName(w) && l.at < len(l.src) && l.src[l.at] == '\'':
		l.prefixed(t)
	case isName(w):
		t.kind = nameToken
	case isDate(w):
		t.lit = Date
	case len(w) > 10 && isDate(w[:10]) && w[10]|0x20 == 't':
		t.lit = DateTime
	case len(w) >= 5 && isTime(w[:5]):
		t.lit = TimeOfDay
	case isNumber(w):
		t.lit = Number
	default:
		t.kind = strayToken
	}
}

// prefixed reads a literal such as binary'…'.
func (l *lexer) prefixed(t *token) {
	prefix := t.text
	l.quoted(t)
	switch {
	case t.kind == literalToken && strings.EqualFold(prefix, "binary"):
		t.lit = Binary
	default:
		t.kind, t.text = strayToken, l.src[t.at:l.at]
	}
}

// shaped reports whether s has the shape of a pattern, in which 0 is a digit and x a
// hexadecimal one.
func shaped(s, pattern string) bool {
	if len(s) != len(pattern) {
		return false
	}
	for i := range len(s) {
		switch pattern[i] {
		case '0':
			if !isDigit(s[i]) {
				return false
			}
		case 'x':
			if nibble(s[i]) < 0 {
				return false
			}
		default:
			if s[i] != pattern[i] {
				return false
			}
		}
	}
	return true
}

func isGUID(s string) bool { return shaped(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") }
func isDate(s string) bool { return shaped(s, "0000-00-00") }
func isTime(s string) bool { return shaped(s, "00:00") }

// isNumber reports whether s is a number: a sign, digits, a point with digits, an
// exponent (ABNF: decimalValue, without INF and NaN).
func isNumber(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	whole := digits(s)
	s = s[whole:]
	if whole > 0 && strings.HasPrefix(s, ".") {
		fraction := digits(s[1:])
		if fraction == 0 {
			return false
		}
		s = s[1+fraction:]
	}
	if whole > 0 && s != "" && s[0]|0x20 == 'e' {
		s = s[1:]
		if s != "" && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return whole > 0 && s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}
