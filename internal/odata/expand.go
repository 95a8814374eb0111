package odata

import (
	"slices"
	"strings"
)

// maxExpansions is how many children can be asked for at once.
const maxExpansions = 20

// nested are the options that an expansion takes.
var nested = []string{optSelect, optTop, optExpand}

// expansions reads children with their options up to what is no comma.
func (p *parser) expansions() (out []Expansion) {
	for !p.failed() {
		out = append(out, p.expansion())
		if !p.isSign(",") {
			break
		}
		p.take()
	}
	return out
}

func (p *parser) expansion() (e Expansion) {
	if p.tok.kind != nameToken {
		p.unexpected("the name of a child")
		return e
	}
	t := p.take()
	e.Child = Name{t.at, t.text}
	if p.terms++; p.terms > maxExpansions {
		p.fail(t, "", "more than %d children are asked for", maxExpansions)
	}
	if !p.isSign("(") || !p.deeper() {
		return e
	}
	p.take()
	var given []string
	for !p.failed() {
		given = append(given, p.nested(&e, given))
		if !p.isSign(";") {
			break
		}
		p.take()
	}
	p.sign(")")
	p.depth--
	return e
}

// nested reads one option of an expansion and returns its name.
func (p *parser) nested(e *Expansion, given []string) string {
	t := p.tok
	name := "$" + strings.ToLower(strings.TrimPrefix(t.text, "$"))
	switch {
	case t.kind != optionToken && t.kind != nameToken:
		p.unexpected(strings.Join(nested, ", "))
		return ""
	case slices.Contains(given, name):
		p.fail(t, "", "is given twice")
		return ""
	case !slices.Contains(nested, name):
		p.fail(t, strings.Join(nested, ", "), "is not offered for children")
		return ""
	}
	p.take()
	p.sign("=")
	switch name {
	case optSelect:
		e.Select, e.All = p.selected()
	case optTop:
		e.Top = p.top()
	case optExpand:
		e.Expand = p.expansions()
	}
	return name
}
