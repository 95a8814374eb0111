// Package pattern reads the regular expressions of XML Schema (XSD 1.0 part 2
// appendix F) and makes strings that match them, or that do not, by turning them
// into automata: several expressions at once, each to match or not, and a length.
//
// It knows expressions and strings only: nothing of types, facets or contracts.
// Where it makes strings, the classes \i and \c are those names that every edition
// of XML 1.0 takes. Its categories are those of the Unicode version it is built
// with: what it makes should be checked by whoever judges it in the end.
package pattern

import (
	"fmt"
	"strings"
)

// Expr is a parsed expression. It is immutable and safe for concurrent use.
type Expr struct{ root *term }

type kind uint8

const (
	empty    kind = iota // the empty string
	class                // one character of a set
	sequence             // parts, one after the other
	choice               // one of the parts
	repeat               // parts[0], min to max times
)

// unbounded is the max of a repetition without end.
const unbounded = -1

type term struct {
	kind     kind
	set      set
	parts    []*term
	min, max int
}

// The bounds of an expression: its text, and how deep its groups are nested.
const (
	maxText  = 1 << 16
	maxDepth = 200
)

// Parse reads an expression. White space counts.
func Parse(expr string) (*Expr, error) {
	if len(expr) > maxText {
		return nil, fmt.Errorf("the expression has more than %d bytes", maxText)
	}
	p := &parser{src: []rune(expr)}
	root, err := p.alternatives()
	if err == nil && p.at < len(p.src) {
		err = p.fault("%q has no meaning here", p.src[p.at])
	}
	if err != nil {
		return nil, err
	}
	return &Expr{root}, nil
}

// MustParse is Parse for expressions that are part of a program.
func MustParse(expr string) *Expr {
	e, err := Parse(expr)
	if err != nil {
		panic("pattern " + expr + ": " + err.Error())
	}
	return e
}

// Any is the expression that matches what one of the given ones matches: the
// patterns of one derivation step.
func Any(exprs ...*Expr) *Expr {
	t := &term{kind: choice}
	for _, e := range exprs {
		t.parts = append(t.parts, e.root)
	}
	return &Expr{t}
}

// Length is the expression that matches every string of min to max characters,
// of any number where max is negative.
func Length(min, max int) *Expr {
	return &Expr{&term{kind: repeat, parts: []*term{{kind: class, set: xmlChars}}, min: min, max: max}}
}

// Literal is the expression that matches one string.
func Literal(s string) *Expr {
	t := &term{kind: sequence}
	for _, r := range s {
		t.parts = append(t.parts, &term{kind: class, set: set{{r, r}}})
	}
	return &Expr{t}
}

// Class reads the class in brackets, or the escape, that expr begins with. It
// returns the characters of XML in it, as inclusive ranges in order, and how many
// bytes of expr it takes. Here \i and \c are the names of XML 1.0, fifth edition.
// An error is a *Fault.
func Class(expr string) (ranges [][2]rune, size int, err error) {
	p := &parser{src: []rune(expr), names: true}
	read := p.charClass
	if p.peek() == '\\' {
		read = p.escape
	}
	s, err := read()
	if err != nil {
		return nil, 0, err
	}
	for _, i := range s {
		ranges = append(ranges, [2]rune{i.lo, i.hi})
	}
	return ranges, len(string(p.src[:p.at])), nil
}

// Fault is what is wrong with an expression.
type Fault struct {
	At      int // the character, from 1
	Message string
}

// Error tells place and message.
func (f *Fault) Error() string { return fmt.Sprintf("at character %d: %s", f.At, f.Message) }

type parser struct {
	src   []rune
	at    int
	depth int
	names bool // \i and \c are all that names are made of
}

func (p *parser) fault(format string, args ...any) error {
	return &Fault{p.at + 1, fmt.Sprintf(format, args...)}
}

// peek returns the next character, or 0 at the end.
func (p *parser) peek() rune {
	if p.at >= len(p.src) {
		return 0
	}
	return p.src[p.at]
}

func (p *parser) alternatives() (*term, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fault("groups are nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	out := &term{kind: choice}
	for {
		branch, err := p.branch()
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, branch)
		if p.peek() != '|' {
			break
		}
		p.at++
	}
	if len(out.parts) == 1 {
		return out.parts[0], nil
	}
	return out, nil
}

func (p *parser) branch() (*term, error) {
	out := &term{kind: sequence}
	for p.at < len(p.src) && p.peek() != '|' && p.peek() != ')' {
		atom, err := p.atom()
		if err != nil {
			return nil, err
		}
		if atom, err = p.quantified(atom); err != nil {
			return nil, err
		}
		out.parts = append(out.parts, atom)
	}
	switch len(out.parts) {
	case 0:
		return &term{kind: empty}, nil
	case 1:
		return out.parts[0], nil
	}
	return out, nil
}

func (p *parser) atom() (*term, error) {
	switch c := p.peek(); c {
	case '(':
		p.at++
		inner, err := p.alternatives()
		if err != nil {
			return nil, err
		}
		if p.peek() != ')' {
			return nil, p.fault("a group is not closed")
		}
		p.at++
		return inner, nil
	case '[':
		s, err := p.charClass()
		return &term{kind: class, set: s}, err
	case '\\':
		s, err := p.escape()
		return &term{kind: class, set: s}, err
	case '.':
		p.at++
		return &term{kind: class, set: lineEnds.not()}, nil
	case '?', '*', '+', ']', '{', '}':
		return nil, p.fault("%q has no meaning here", c)
	default:
		p.at++
		return &term{kind: class, set: set{{c, c}}}, nil
	}
}

// quantified reads the quantifier behind an atom, if there is one.
func (p *parser) quantified(atom *term) (*term, error) {
	out := &term{kind: repeat, parts: []*term{atom}, max: unbounded}
	switch p.peek() {
	case '?':
		out.max = 1
	case '*':
	case '+':
		out.min = 1
	case '{':
		return out, p.quantity(out)
	default:
		return atom, nil
	}
	p.at++
	return out, nil
}

// quantity reads {n}, {n,} or {n,m}.
func (p *parser) quantity(out *term) error {
	p.at++
	var err error
	if out.min, err = p.number(); err != nil {
		return err
	}
	out.max = out.min
	if p.peek() == ',' {
		p.at++
		if out.max = unbounded; p.peek() != '}' {
			if out.max, err = p.number(); err != nil {
				return err
			}
		}
	}
	if p.peek() != '}' {
		return p.fault("a quantifier is not closed")
	}
	if out.max != unbounded && out.max < out.min {
		return p.fault("a quantifier of at least %d and at most %d", out.min, out.max)
	}
	p.at++
	return nil
}

// maxCount bounds a quantifier, so that no sum of them overflows.
const maxCount = 1 << 24

func (p *parser) number() (int, error) {
	from, n := p.at, 0
	for p.peek() >= '0' && p.peek() <= '9' {
		n = min(n*10+int(p.peek()-'0'), maxCount)
		p.at++
	}
	if p.at == from {
		return 0, p.fault("a quantifier without a number")
	}
	return n, nil
}

// escape reads what a backslash introduces.
func (p *parser) escape() (set, error) {
	p.at++
	c := p.peek()
	p.at++
	if p.names {
		if s, ok := nameClass(c); ok {
			return s, nil
		}
	}
	if s, ok := escapeClass(c); ok {
		return s, nil
	}
	switch c {
	case 'n':
		return setOf("\n"), nil
	case 'r':
		return setOf("\r"), nil
	case 't':
		return setOf("\t"), nil
	case 'p', 'P':
		return p.property(c == 'P')
	case 0:
		return nil, p.fault("a backslash at the end")
	}
	if strings.ContainsRune(`\|.?*+(){}-[]^$/`, c) {
		return set{{c, c}}, nil
	}
	return nil, p.fault("\\%c is no escape", c)
}

func (p *parser) property(not bool) (set, error) {
	var name strings.Builder
	if p.peek() != '{' {
		return nil, p.fault("a property without braces")
	}
	for p.at++; p.at < len(p.src) && p.peek() != '}'; p.at++ {
		name.WriteRune(p.peek())
	}
	p.at++
	s, ok := property(name.String())
	if !ok {
		return nil, p.fault("%q is neither a category nor a block", name.String())
	}
	if not {
		s = s.not()
	}
	return s, nil
}

// charClass reads a class in brackets, with what is subtracted from it.
func (p *parser) charClass() (set, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fault("classes are nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	p.at++
	not := p.peek() == '^'
	if not {
		p.at++
	}
	var out set
	for first := true; p.peek() != ']' || first; first = false {
		if p.at >= len(p.src) {
			return nil, p.fault("a class is not closed")
		}
		if p.peek() == '-' && p.at+1 < len(p.src) && p.src[p.at+1] == '[' {
			return p.subtraction(out.normal(), not)
		}
		s, err := p.span()
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	p.at++
	if out = out.normal(); not {
		return out.not(), nil
	}
	return out.and(xmlChars), nil
}

// subtraction reads the class that is taken away from s.
func (p *parser) subtraction(s set, not bool) (set, error) {
	p.at++
	cut, err := p.charClass()
	if err != nil {
		return nil, err
	}
	if p.peek() != ']' {
		return nil, p.fault("a subtraction must end its class")
	}
	p.at++
	if not {
		s = s.not()
	}
	return s.minus(cut), nil
}

// span reads a character, an escape or a range within a class.
func (p *parser) span() (set, error) {
	from, err := p.classAtom()
	if err != nil {
		return nil, err
	}
	ends := p.at+1 >= len(p.src) || p.src[p.at+1] == ']' || p.src[p.at+1] == '['
	if p.peek() != '-' || ends || from.size() != 1 {
		return from, nil
	}
	p.at++
	to, err := p.classAtom()
	if err != nil {
		return nil, err
	}
	if to.size() != 1 || to[0].lo < from[0].lo {
		return nil, p.fault("a range that ends before it begins")
	}
	return set{{from[0].lo, to[0].lo}}, nil
}

func (p *parser) classAtom() (set, error) {
	switch c := p.peek(); c {
	case '\\':
		return p.escape()
	case '[':
		return nil, p.fault("'[' within a class")
	default:
		p.at++
		return set{{c, c}}, nil
	}
}
