package odata

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/view"
)

// parser reads one option. After the first complaint it reads no further: what
// follows a slip is guesswork.
type parser struct {
	text  *text
	lex   lexer
	tok   token // the next one
	depth int
	terms int
	wrong *Complaint
}

func newParser(t *text) *parser {
	p := &parser{text: t, lex: lexer{src: t.value}}
	p.tok = p.lex.next()
	return p
}

// take returns the next token and goes on behind it.
func (p *parser) take() token {
	t := p.tok
	p.tok = p.lex.next()
	return t
}

// fail complains about a token, once, and ends the reading.
func (p *parser) fail(t token, expected, format string, args ...any) {
	if p.wrong == nil {
		c := p.text.wrong(t.at, t.String(), expected, format, args...)
		p.wrong = &c
	}
	p.lex.at = len(p.lex.src)
	p.tok = token{at: p.lex.at, end: p.lex.at}
}

// unexpected complains about the next token.
func (p *parser) unexpected(expected string) {
	t := p.tok
	switch {
	case t.kind == strayToken && strings.HasPrefix(t.text, "'"):
		p.fail(t, "a single quote at the end", "a text is not closed; a quote inside is written twice")
	case t.kind == strayToken && strings.HasPrefix(t.text, `"`):
		p.fail(t, expected, "a text stands in single quotes")
	case t.kind == strayToken && strings.Contains(t.text, "'"):
		p.fail(t, expected, "literals with a prefix are binary'…' only")
	case t.kind == signToken && t.text == "/":
		p.fail(t, expected, "paths are not offered: the fields of a view have plain names")
	default:
		p.fail(t, expected, "unexpected")
	}
}

func (p *parser) failed() bool { return p.wrong != nil }

// sign takes a sign that has to stand here.
func (p *parser) sign(s string) {
	if p.isSign(s) {
		p.take()
		return
	}
	p.unexpected(quoted(s))
}

func (p *parser) isSign(s string) bool { return p.tok.kind == signToken && p.tok.text == s }

// isWord reports whether a word comes next, in any case (4.01 §5.1.1.1).
func (p *parser) isWord(w string) bool {
	return p.tok.kind == nameToken && strings.EqualFold(p.tok.text, w)
}

// end is a complaint when anything is left.
func (p *parser) end(expected string) {
	if p.tok.kind != endToken {
		p.unexpected(expected)
	}
}

// filter reads a whole condition.
func (p *parser) filter() Node {
	n := p.or()
	if strings.HasPrefix(p.tok.text, "+") || p.tok.kind == literalToken && p.tok.lit == TimeOfDay {
		p.fail(p.tok, "", "unexpected; the plus sign of a time zone is written %%2B")
	}
	p.end(`"and", "or" or the end`)
	return n
}

func (p *parser) or() Node {
	parts := []Node{p.and()}
	for p.isWord("or") && !p.failed() {
		p.take()
		parts = append(parts, p.and())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return Or{parts}
}

func (p *parser) and() Node {
	parts := []Node{p.unary()}
	for p.isWord("and") && !p.failed() {
		p.take()
		parts = append(parts, p.unary())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return And{parts}
}

// deeper counts parentheses and negations; it returns false past the limit.
func (p *parser) deeper() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.tok, "", "more than %d parentheses and negations within each other", maxDepth)
	}
	return !p.failed()
}

// unary reads a negation, a parenthesis or a term. Not binds tighter than the
// comparisons (URL Conventions §5.1.1.16), so what it negates stands in parentheses,
// is a call, or a field by itself.
func (p *parser) unary() Node {
	switch {
	case p.isWord("not"):
		return p.negation()
	case p.isSign("("):
		if !p.deeper() {
			return nil
		}
		p.take()
		n := p.or()
		p.sign(")")
		p.depth--
		return n
	}
	return p.term()
}

func (p *parser) negation() Node {
	not := p.take()
	if !p.deeper() {
		return nil
	}
	var of Node
	if p.isSign("(") {
		p.take()
		of = p.or()
		p.sign(")")
	} else {
		of = p.unary()
		switch of.(type) {
		case Compare, In:
			p.fail(not, "", `"not" is of the field alone as it stands; what it negates is written in parentheses`)
		}
	}
	p.depth--
	return Not{not.at, of}
}

var functions = []string{"startswith", "contains"}

// term reads a comparison, a call or a field that stands for itself.
func (p *parser) term() Node {
	if literal, ok := p.literal(); ok {
		return p.turned(literal)
	}
	if p.tok.kind != nameToken {
		p.unexpected("a field, a literal, \"not\" or \"(\"")
		return nil
	}
	name := p.take()
	if p.isSign("(") {
		return p.call(name)
	}
	field := Name{name.at, name.text}
	if p.isWord("in") {
		p.take()
		return p.in(field)
	}
	op, at := p.operator()
	if at < 0 {
		return p.flag(field)
	}
	value, ok := p.literal()
	switch {
	case ok:
		return Compare{at, field, op, value}
	case p.tok.kind == nameToken:
		p.fail(p.tok, "a literal", "a field is compared with a value; a text stands in single quotes")
	default:
		p.unexpected("a literal")
	}
	return nil
}

// flag is a field that stands for itself, when nothing follows that says otherwise.
func (p *parser) flag(field Name) Node {
	switch {
	case p.tok.kind == endToken, p.isSign(")"), p.isWord("and"), p.isWord("or"):
		p.count(1)
		return Flag{field}
	case p.tok.kind == nameToken:
		words := []string{"in", "and", "or"}
		for _, o := range operators {
			words = append(words, o.word)
		}
		if meant := config.Nearest(p.tok.text, append(words, "=", "!=")); meant != "" {
			p.fail(p.tok, "an operator", "is no operator; did you mean %q?", meant)
			return nil
		}
	case p.isSign("="):
		p.fail(p.tok, "an operator", `is no operator here; equality is written "eq"`)
		return nil
	}
	p.unexpected("one of eq, ne, gt, ge, lt, le, in")
	return nil
}

// operator takes an operator of comparison; at is negative when there is none.
func (p *parser) operator() (op view.Operator, at int) {
	for _, o := range operators {
		if p.isWord(o.word) {
			return o.op, p.take().at
		}
	}
	return 0, -1
}

// turned reads a comparison whose literal comes first.
func (p *parser) turned(value Literal) Node {
	op, at := p.operator()
	switch {
	case p.failed():
		return nil
	case at < 0:
		p.unexpected("one of eq, ne, gt, ge, lt, le")
		return nil
	case p.tok.kind != nameToken || p.isConstant():
		p.unexpected("a field")
		return nil
	}
	field := p.take()
	if p.isSign("(") {
		p.fail(field, "a field", "a function stands on the left")
		return nil
	}
	return Compare{at, Name{field.at, field.text}, operators[op].turned, value}
}

func (p *parser) isConstant() bool { return p.isWord("null") || p.isWord("true") || p.isWord("false") }

// literal takes a literal or an alias, when one comes next.
func (p *parser) literal() (l Literal, ok bool) {
	l = Literal{At: p.tok.at, Kind: p.tok.lit, Text: p.tok.text}
	switch {
	case p.tok.kind == literalToken:
	case p.tok.kind == aliasToken:
		l.Kind = Alias
	case p.isWord("null"):
		l.Kind, l.Text = Null, "null"
	case p.isWord("true"), p.isWord("false"):
		l.Kind, l.Text = Bool, strings.ToLower(l.Text)
	default:
		return l, false
	}
	p.take()
	p.count(1)
	return l, !p.failed()
}

// count counts terms.
func (p *parser) count(n int) {
	p.terms += n
	if p.terms > maxTerms {
		p.fail(p.tok, "", "more than %d values are compared with", maxTerms)
	}
}

// in reads the list of values.
func (p *parser) in(field Name) Node {
	n := In{Field: field}
	p.sign("(")
	for !p.failed() {
		v, ok := p.literal()
		if !ok {
			p.unexpected("a literal")
			return nil
		}
		n.Values = append(n.Values, v)
		if !p.isSign(",") {
			break
		}
		p.take()
	}
	p.sign(")")
	return n
}

// call reads a function with its field and its text.
func (p *parser) call(name token) Node {
	function := strings.ToLower(name.text)
	if !slices.Contains(functions, function) {
		p.fail(name, strings.Join(functions, ", "), "is no function here")
		return nil
	}
	p.take()
	if p.tok.kind != nameToken {
		p.unexpected("a field")
		return nil
	}
	field := p.take()
	if p.isSign("(") {
		p.fail(field, "a field", "functions within functions are not offered")
		return nil
	}
	p.sign(",")
	value, ok := p.literal()
	if !ok {
		p.unexpected("a text in single quotes")
		return nil
	}
	p.sign(")")
	return p.judged(Call{name.at, function, Name{field.at, field.text}, value})
}

// judged takes what some clients write behind a call: that it is true, or false.
func (p *parser) judged(c Call) Node {
	op, at := p.operator()
	if at < 0 {
		return c
	}
	if op > view.NotEqual || !p.isWord("true") && !p.isWord("false") {
		p.unexpected("true or false")
		return nil
	}
	holds := strings.EqualFold(p.take().text, "true")
	if holds == (op == view.Equal) {
		return c
	}
	return Not{c.At, c}
}
