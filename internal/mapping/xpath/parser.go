package xpath

import (
	"fmt"
	"slices"
	"strings"
)

// maxDepth bounds nesting, maxLength the size of an expression in bytes.
const (
	maxDepth  = 64
	maxLength = 16 << 10
)

// Parse reads one expression. Its fault is the first one.
func Parse(src string) (*Expr, *Fault) {
	if len(src) > maxLength {
		return nil, &Fault{0, fmt.Sprintf("the expression is longer than %d bytes", maxLength)}
	}
	tokens, f := lex(src)
	if f != nil {
		return nil, f
	}
	p := &parser{src: src, tokens: tokens}
	if p.peek().kind == endToken {
		return nil, &Fault{0, "the expression is empty"}
	}
	root := p.expression()
	if p.fault == nil && p.peek().kind != endToken {
		p.unexpected("an operator or the end of the expression")
	}
	if p.fault != nil {
		return nil, p.fault
	}
	return &Expr{Source: src, root: root}, nil
}

// parser is recursive descent over the grammar of XPath 3.1 §A.1. After a
// fault every function returns nil at once.
type parser struct {
	src    string
	tokens []token
	i      int
	depth  int
	fault  *Fault
}

func (p *parser) peek() token  { return p.tokens[min(p.i, len(p.tokens)-1)] }
func (p *parser) after() token { return p.tokens[min(p.i+1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.peek()
	if t.kind != endToken {
		p.i++
	}
	return t
}

func (p *parser) fail(offset int, format string, args ...any) {
	if p.fault == nil {
		p.fault = &Fault{offset, fmt.Sprintf(format, args...)}
		p.i = len(p.tokens) - 1
	}
}

func (p *parser) unexpected(want string) {
	t := p.peek()
	hint, before := "", ""
	if p.i > 0 && p.tokens[p.i-1].kind == symbolToken {
		before = p.tokens[p.i-1].text
	}
	if t.kind == symbolToken {
		hint = habit(before, t.text)
	}
	p.fail(t.offset, "found %s where %s should be%s", t, want, hint)
}

func (p *parser) later(offset int, what string) { p.fail(offset, "not supported yet: %s", what) }

func (p *parser) symbol(s string) bool {
	t := p.peek()
	return t.kind == symbolToken && t.text == s
}

func (p *parser) accept(s string) bool {
	if p.symbol(s) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(s string) {
	if !p.accept(s) {
		p.unexpected(fmt.Sprintf("%q", s))
	}
}

func (p *parser) word(words ...string) bool {
	t := p.peek()
	return t.kind == nameToken && t.prefix == "" && slices.Contains(words, t.text)
}

// expression is Expr: single expressions joined by commas.
func (p *parser) expression() node {
	start := p.peek().offset
	first := p.single()
	if !p.symbol(",") {
		return first
	}
	s := &sequence{at(start), []node{first}}
	for p.accept(",") {
		s.items = append(s.items, p.single())
	}
	return s
}

func (p *parser) single() node {
	p.depth++
	defer func() { p.depth-- }()
	t := p.peek()
	if p.depth > maxDepth {
		p.fail(t.offset, "the expression is nested more than %d deep", maxDepth)
		return nil
	}
	next := p.after()
	dollar := next.kind == symbolToken && next.text == "$"
	switch {
	case p.word("for", "let", "some", "every") && dollar:
		return p.loop()
	case p.word("if") && next.kind == symbolToken && next.text == "(":
		return p.conditional()
	}
	return p.binary(0)
}

func (p *parser) conditional() node {
	c := &conditional{at: at(p.take().offset)}
	p.expect("(")
	c.test = p.expression()
	p.expect(")")
	p.keyword("then")
	c.then = p.single()
	p.keyword("else")
	c.otherwise = p.single()
	return c
}

func (p *parser) keyword(w string) {
	if !p.word(w) {
		p.unexpected(fmt.Sprintf("%q", w))
		return
	}
	p.i++
}

func (p *parser) loop() node {
	t := p.take()
	l := &loop{at: at(t.offset), word: t.text}
	for {
		b := binding{at: at(p.peek().offset)}
		p.expect("$")
		b.name = p.name()
		if l.word == "let" {
			p.expect(":=")
		} else {
			p.keyword("in")
		}
		b.in = p.single()
		l.bindings = append(l.bindings, b)
		if !p.accept(",") {
			break
		}
	}
	if l.word == "some" || l.word == "every" {
		p.keyword("satisfies")
	} else {
		p.keyword("return")
	}
	l.result = p.single()
	return l
}

func (p *parser) name() string {
	t := p.peek()
	if t.kind != nameToken {
		p.unexpected("a name")
		return ""
	}
	p.i++
	if t.prefix != "" {
		return t.prefix + ":" + t.text
	}
	return t.text
}

// levels lists the binary operators, loosest first (§A.4). An operator of a
// level marked single does not chain.
var levels = [...]struct {
	words, symbols []string
	single         bool
}{
	{words: []string{"or"}},
	{words: []string{"and"}},
	{words: []string{"eq", "ne", "lt", "le", "gt", "ge", "is"}, symbols: []string{"=", "!=", "<", "<=", ">", ">=", "<<", ">>"}, single: true},
	{symbols: []string{"||"}},
	{words: []string{"to"}, single: true},
	{symbols: []string{"+", "-"}},
	{symbols: []string{"*"}, words: []string{"div", "idiv", "mod"}},
	{symbols: []string{"|"}, words: []string{"union"}},
	{words: []string{"intersect", "except"}},
}

func (p *parser) operator(level int) (token, bool) {
	t, l := p.peek(), levels[level]
	switch t.kind {
	case nameToken:
		return t, t.prefix == "" && slices.Contains(l.words, t.text)
	case symbolToken:
		return t, slices.Contains(l.symbols, t.text)
	}
	return t, false
}

func (p *parser) binary(level int) node {
	if level == len(levels) {
		return p.conversion()
	}
	left := p.binary(level + 1)
	for p.fault == nil {
		t, ok := p.operator(level)
		if !ok {
			return left
		}
		p.i++
		left = &binary{at(t.offset), t.text, left, p.binary(level + 1)}
		if _, again := p.operator(level); again && levels[level].single {
			p.fail(p.peek().offset, "%s cannot follow another comparison; use parentheses", p.peek())
		}
	}
	return left
}

// conversions are the operators that take a type, loosest first.
var conversions = [...]string{"instance of", "treat as", "castable as", "cast as"}

func (p *parser) conversion() node {
	operand := p.arrows()
	for p.fault == nil {
		t, next := p.peek(), p.after()
		word := t.text + " " + next.text
		if t.kind != nameToken || next.kind != nameToken || !slices.Contains(conversions[:], word) {
			return operand
		}
		p.i += 2
		c := &conversion{at: at(t.offset), word: word, operand: operand, target: p.name()}
		c.optional = p.accept("?")
		if word == "instance of" || word == "treat as" {
			p.later(t.offset, word)
		}
		operand = c
	}
	return operand
}

func (p *parser) unary() node {
	start, negative, signs := p.peek().offset, false, 0
	for p.symbol("-") || p.symbol("+") {
		negative = negative != (p.take().text == "-")
		signs++
	}
	operand := p.mapped()
	if signs == 0 {
		return operand
	}
	return &unary{at(start), negative, operand}
}

// mapped is SimpleMapExpr (§3.14).
func (p *parser) mapped() node {
	left := p.path()
	for p.symbol("!") {
		t := p.take()
		left = &binary{at(t.offset), t.text, left, p.path()}
	}
	return left
}

// arrows is ArrowExpr (§3.16): what stands before an arrow, a sign and a simple
// map included, is the first argument of the function behind it.
func (p *parser) arrows() node {
	left := p.unary()
	for p.accept("=>") {
		t := p.take()
		if t.kind != nameToken || !p.symbol("(") {
			p.later(t.offset, "an arrow to something other than a function")
			return nil
		}
		if c, ok := p.call(t).(*call); ok {
			c.args = append([]node{left}, c.args...)
			left = c
		}
	}
	return left
}

// path is PathExpr (§3.3).
func (p *parser) path() node {
	t := p.peek()
	if p.symbol("/") || p.symbol("//") {
		return p.rooted()
	}
	if !p.startsPrimary() {
		if !p.startsStep() {
			p.unexpected("a path, a value or a function")
			return nil
		}
		return p.steps(&path{at: at(t.offset)})
	}
	base := p.postfix()
	if !p.symbol("/") && !p.symbol("//") {
		return base
	}
	result := &path{at: at(t.offset), from: base}
	if _, dot := base.(*current); dot {
		result.from = nil
	}
	p.slash(result)
	return p.steps(result)
}

func (p *parser) rooted() node {
	result := &path{at: at(p.peek().offset), rooted: true}
	if p.symbol("/") && !p.stepFollows() {
		p.i++
		return result
	}
	p.slash(result)
	return p.steps(result)
}

// slash takes / or //; the latter is an abbreviated descendant step (§3.3.5).
func (p *parser) slash(to *path) {
	if t := p.take(); t.text == "//" {
		to.steps = append(to.steps, step{at: at(t.offset), axis: descendantOrSelfAxis, kind: "node()"})
	}
}

func (p *parser) stepFollows() bool {
	p.i++
	defer func() { p.i-- }()
	return p.startsStep()
}

func (p *parser) steps(to *path) node {
	for p.fault == nil {
		to.steps = append(to.steps, p.step())
		if !p.symbol("/") && !p.symbol("//") {
			break
		}
		p.slash(to)
	}
	return to
}

func (p *parser) startsStep() bool {
	t := p.peek()
	return p.startsPrimary() || t.kind == nameToken || t.kind == symbolToken && slices.Contains([]string{"@", "..", "*"}, t.text)
}

// startsPrimary reports whether something other than an axis step begins here.
func (p *parser) startsPrimary() bool {
	t, next := p.peek(), p.after()
	switch t.kind {
	case stringToken, numberToken:
		return true
	case nameToken:
		return next.kind == symbolToken && (next.text == "(" && !kindTests[t.text] || next.text == "#")
	}
	return t.kind == symbolToken && slices.Contains([]string{"(", "$", ".", "?", "[", "{"}, t.text)
}

var kindTests = map[string]bool{
	"node": true, "text": true, "comment": true, "processing-instruction": true, "element": true,
	"attribute": true, "document-node": true, "schema-element": true, "schema-attribute": true,
}

// postfix is a primary expression with its predicates (§3.3.2).
func (p *parser) postfix() node {
	base := p.primary()
	if !p.symbol("[") {
		if p.symbol("?") || p.symbol("(") {
			p.later(p.peek().offset, "maps, arrays and function items")
		}
		return base
	}
	f := &filter{at: at(p.peek().offset), base: base}
	for p.accept("[") {
		f.predicates = append(f.predicates, p.expression())
		p.expect("]")
	}
	return f
}

func (p *parser) primary() node {
	t := p.take()
	switch {
	case t.kind == stringToken || t.kind == numberToken:
		return &literal{at(t.offset), t.kind, t.text}
	case t.kind == nameToken && p.symbol("#"):
		p.later(t.offset, "maps, arrays and function items")
		return nil
	case t.kind == nameToken:
		return p.call(t)
	case t.text == "$":
		return &variable{at(t.offset), p.name()}
	case t.text == ".":
		return &current{at(t.offset)}
	case t.text == "(":
		return p.parenthesised(t)
	case t.text == "{":
		p.i--
		p.unexpected("a path, a value or a function")
		return nil
	}
	p.later(t.offset, "maps, arrays and function items")
	return nil
}

func (p *parser) parenthesised(open token) node {
	if p.accept(")") {
		return &sequence{at: at(open.offset)}
	}
	inner := p.expression()
	p.expect(")")
	return inner
}

func (p *parser) call(t token) node {
	c := &call{at: at(t.offset), prefix: t.prefix, name: t.text}
	p.expect("(")
	for p.fault == nil && !p.symbol(")") {
		if p.symbol("?") {
			p.later(p.peek().offset, "maps, arrays and function items")
		}
		c.args = append(c.args, p.single())
		if !p.symbol(")") {
			p.expect(",")
			if p.symbol(")") {
				p.unexpected("an argument")
			}
		}
	}
	p.expect(")")
	return c
}

// display renders a name as it was written.
func display(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return strings.Join([]string{prefix, name}, ":")
}
