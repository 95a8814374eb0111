package contract

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// scope is what prefixes stand for at a place in a document; the empty prefix is
// the default namespace.
type scope map[string]string

// scopeOf collects the namespace declarations that reach an element.
func scopeOf(e *etree.Element) scope {
	out := scope{}
	for ; e != nil; e = e.Parent() {
		for i := range e.Attr {
			prefix, ok := declared(&e.Attr[i])
			if _, hidden := out[prefix]; ok && !hidden {
				out[prefix] = e.Attr[i].Value
			}
		}
	}
	return out
}

// declared returns the prefix that an attribute declares, if it is a declaration.
func declared(a *etree.Attr) (prefix string, ok bool) {
	switch {
	case a.Space == "xmlns":
		return a.Key, true
	case a.Space == "" && a.Key == "xmlns":
		return "", true
	}
	return "", false
}

// keep gives a copied element the declarations that were in scope where it comes
// from and that user, the element or one like it, may use, as far as they are not
// the same there, where it goes. A prefix may be used in a name or, before a
// colon, anywhere in values and text, since those may hold qualified names.
func (s scope) keep(e, user *etree.Element, there scope) {
	own := map[string]bool{"xml": true, "xmlns": true}
	for i := range e.Attr {
		if prefix, ok := declared(&e.Attr[i]); ok {
			own[prefix] = true
		}
	}
	take := func(prefix string) {
		uri, bound := s[prefix]
		if own[prefix] || !bound && prefix != "" || uri == there[prefix] {
			return
		}
		own[prefix] = true
		declare(e, prefix, uri)
	}
	if usesDefault(user) {
		take("")
	}
	eachPrefix(user, take)
}

func declare(e *etree.Element, prefix, uri string) {
	if prefix == "" {
		e.CreateAttr("xmlns", uri)
		return
	}
	e.CreateAttr("xmlns:"+prefix, uri)
}

// qnameAttributes are the attributes of XSD and WSDL that hold qualified names.
var qnameAttributes = []string{"type", "ref", "base", "itemType", "memberTypes", "substitutionGroup", "refer", "element", "message", "binding"}

// usesDefault reports whether the default namespace matters in an element.
func usesDefault(e *etree.Element) bool {
	if e.Space == "" {
		return true
	}
	for i := range e.Attr {
		a := &e.Attr[i]
		if a.Space != "" || !slices.Contains(qnameAttributes, a.Key) {
			continue
		}
		if slices.ContainsFunc(strings.Fields(a.Value), func(v string) bool { return !strings.Contains(v, ":") }) {
			return true
		}
	}
	return slices.ContainsFunc(e.ChildElements(), usesDefault)
}

// eachPrefix calls f with everything in an element that may be a prefix.
func eachPrefix(e *etree.Element, f func(string)) {
	if e.Space != "" {
		f(e.Space)
	}
	for i := range e.Attr {
		if e.Attr[i].Space != "" {
			f(e.Attr[i].Space)
		}
		beforeColons(e.Attr[i].Value, f)
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			eachPrefix(t, f)
		case *etree.CharData:
			beforeColons(t.Data, f)
		}
	}
}

// beforeColons calls f with every run of name characters before a colon.
func beforeColons(s string, f func(string)) {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			return
		}
		at += i
		start := at
		for start > 0 && inName(s[start-1]) {
			start--
		}
		if start < at {
			f(s[start:at])
		}
	}
}

// inName reports whether a byte may be part of a name without a colon.
func inName(c byte) bool {
	return c >= utf8.RuneSelf || c == '-' || c == '.' || c == '_' ||
		'0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
