package contract

import (
	"fmt"

	"github.com/gatehouse/gatehouse/internal/document"
)

// group is operations of a service that one engine serves: no two of them mean
// different elements by one name.
type group struct {
	operations []*Operation
	declared   map[Name]*Element // what stands in the Body, and its wrappers
}

// groups divides the operations that are served. There is always one group.
func (s *Service) groups() []*group {
	out := []*group{{declared: map[Name]*Element{}}}
	for _, o := range s.Operations {
		if o.Unsupported != "" {
			continue
		}
		into := (*group)(nil)
		for _, g := range out {
			if into == nil && g.takes(o) {
				into = g
			}
		}
		if into == nil {
			into = &group{declared: map[Name]*Element{}}
			out = append(out, into)
		}
		into.add(o)
	}
	return out
}

// needs are the elements that an engine must know for the operation.
func (o *Operation) needs() []*Element { return append(o.Input.body(), o.Input.Element) }

func (g *group) takes(o *Operation) bool {
	for _, el := range o.needs() {
		if other := g.declared[el.Name]; other != nil && other != el {
			return false
		}
	}
	return true
}

func (g *group) add(o *Operation) {
	g.operations = append(g.operations, o)
	for _, el := range o.needs() {
		g.declared[el.Name] = el
	}
}

// bodyStep is a place in the Body: an element, what may follow it, and whether
// nothing may. The inputs of a group form a tree of them, so that its content
// model is unambiguous (XSD 1.0 part 1 §3.8.6) although inputs may begin alike.
type bodyStep struct {
	element *Element
	next    []*bodyStep
	end     bool
}

func (s *bodyStep) step(el *Element) *bodyStep {
	for _, n := range s.next {
		if n.element == el {
			return n
		}
	}
	n := &bodyStep{element: el}
	s.next = append(s.next, n)
	return n
}

// body is the content model of the Body: the input of one of the operations.
func (g *group) body() string {
	root := &bodyStep{}
	for _, o := range g.operations {
		at := root
		for _, el := range o.Input.body() {
			at = at.step(el)
		}
		at.end = true
	}
	return string(root.appendNext(nil))
}

// appendNext writes what may follow.
func (s *bodyStep) appendNext(dst []byte) []byte {
	if dst = append(dst, `<xs:choice`...); s.end {
		dst = append(dst, ` minOccurs="0"`...)
	}
	dst = append(dst, '>')
	for _, n := range s.next {
		if len(n.next) == 0 {
			dst = appendElementReference(dst, n.element.Name)
			continue
		}
		dst = appendElementReference(append(dst, `<xs:sequence>`...), n.element.Name)
		dst = append(n.appendNext(dst), `</xs:sequence>`...)
	}
	return append(dst, `</xs:choice>`...)
}

func appendElementReference(dst []byte, name Name) []byte {
	if name.Space == "" {
		return fmt.Appendf(dst, `<xs:element ref="%s"/>`, name.Local)
	}
	dst = append(document.AppendValue(append(dst, `<xs:element xmlns:b="`...), name.Space), '"')
	return fmt.Appendf(dst, ` ref="b:%s"/>`, name.Local)
}
