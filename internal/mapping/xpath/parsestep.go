package xpath

func (p *parser) step() step {
	t := p.peek()
	s := step{at: at(t.offset)}
	if p.startsPrimary() && !p.symbol(".") {
		s.expr = p.postfix()
		return s
	}
	switch {
	case p.accept(".."):
		s.axis, s.kind = parentAxis, "node()"
	case p.accept("."):
		s.axis, s.kind = selfAxis, "node()"
	case p.accept("@"):
		s.axis = attributeAxis
		p.test(&s)
	default:
		p.axis(&s)
		p.test(&s)
	}
	for p.accept("[") {
		s.predicates = append(s.predicates, p.expression())
		p.expect("]")
	}
	return s
}

func (p *parser) axis(s *step) {
	t, next := p.peek(), p.after()
	if t.kind != nameToken || next.kind != symbolToken || next.text != "::" {
		return
	}
	a, ok := axes[t.text]
	if !ok {
		p.fail(t.offset, "there is no axis %q", t.text)
		return
	}
	s.axis = a
	p.i += 2
}

// test is NodeTest (§3.3.2.2).
func (p *parser) test(s *step) {
	t := p.peek()
	switch {
	case p.accept("*"):
		s.kind = "*"
		if p.touches(t, ":") && p.after().kind == nameToken && p.after().offset == p.peek().end {
			p.i++
			s.name = p.take().text
		}
	case t.kind != nameToken:
		p.unexpected("a name")
	case p.after().kind == symbolToken && p.after().text == "(":
		p.kindTest(s)
	default:
		p.i++
		s.prefix, s.name = t.prefix, t.text
		if p.touches(t, ":") && p.after().kind == symbolToken && p.after().text == "*" {
			p.i += 2
			s.prefix, s.name, s.kind = t.text, "", "*"
		}
	}
}

// touches reports whether a symbol follows a token without a space.
func (p *parser) touches(t token, symbol string) bool {
	return p.symbol(symbol) && p.peek().offset == t.end
}

// kindTest is KindTest (§2.5.5): of an element or attribute perhaps with a name.
func (p *parser) kindTest(s *step) {
	t := p.take()
	p.i++
	s.kind = t.text + "()"
	switch {
	case t.prefix != "" || !kindTests[t.text]:
		p.fail(t.offset, "there is no test %s()", display(t.prefix, t.text))
	case t.text != "element" && t.text != "attribute":
	case p.peek().kind == nameToken:
		name := p.take()
		s.prefix, s.name = name.prefix, name.text
	default:
		p.accept("*")
	}
	if !p.symbol(")") {
		p.unexpected(`")"`)
	}
	p.expect(")")
}
