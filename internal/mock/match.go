package mock

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// star stands for any value or content.
const star = "*"

// matches reports whether a message is the recorded one: the same elements in
// the same order with the same attributes and texts, whatever the prefixes,
// comments and white space around them.
func (p *Pair) matches(payload document.Node) bool {
	return p.payload.Exists() && equal(p.payload, payload)
}

func equal(want, got document.Node) bool {
	if want.Name() != got.Name() {
		return false
	}
	if isStar(want) {
		return true
	}
	if !sameAttributes(want, got) || want.Nil() != got.Nil() {
		return false
	}
	w, g := want.FirstChild(), got.FirstChild()
	if !w.Exists() && !g.Exists() {
		return strings.TrimSpace(want.Text()) == strings.TrimSpace(got.Text())
	}
	for ; w.Exists() && g.Exists(); w, g = w.NextSibling(), g.NextSibling() {
		if !equal(w, g) {
			return false
		}
	}
	return !w.Exists() && !g.Exists()
}

// sameAttributes compares what is not about schemas: xsi:type and the like say
// nothing that the values do not.
func sameAttributes(want, got document.Node) bool {
	count := 0
	for name, v := range want.Attrs() {
		if name.Space == document.NamespaceXSI {
			continue
		}
		count++
		have, ok := got.Attr(name)
		if !ok || v != star && strings.TrimSpace(v) != strings.TrimSpace(have) {
			return false
		}
	}
	for name := range got.Attrs() {
		if name.Space != document.NamespaceXSI {
			count--
		}
	}
	return count == 0
}

// isStar reports whether the whole content of an element is a star.
func isStar(n document.Node) bool {
	return !n.FirstChild().Exists() && strings.TrimSpace(n.Text()) == star
}

// hasStar reports whether anything in an element is a star.
func hasStar(n document.Node) bool {
	if isStar(n) {
		return true
	}
	for _, v := range n.Attrs() {
		if v == star {
			return true
		}
	}
	for c := range n.Children() {
		if hasStar(c) {
			return true
		}
	}
	return false
}
