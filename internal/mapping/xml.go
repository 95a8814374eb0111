package mapping

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// xmlNode is a compiled reply or XML publication: an element of the contract
// and what it is written with. The contract's writer puts children in order.
type xmlNode struct {
	element  *contract.Element // the root only
	name     string            // as contract.Content has names
	when     *xpath.Program
	each     *xpath.Program
	value    *xpath.Program
	constant *string
	null     bool             // constant: xsi:nil
	simple   *contract.Simple // what value is written as
	attrs    []*xmlNode
	children []*xmlNode
	node     *config.Node
}

// replyProgram is the compiled reply.
type replyProgram = xmlNode

// element compiles an XML publication.
func (k *compiler) element(p *publishRule, scope *xpath.Scope) *xmlNode {
	if p.Element.node == nil {
		k.fail(p.node, "format: xml needs element:, the element of the contract that is published")
		return nil
	}
	name, ok := k.qualified(p.Element.text, p.Element.node)
	if !ok {
		return nil
	}
	el := k.mapping.Contract.Element(name)
	if el == nil {
		k.fail(p.Element.node, "the contract has no element %s", p.Element.text)
		return nil
	}
	return k.xml(el, p.Body, scope)
}

// xml compiles a template as an element, which it must satisfy in every message.
func (k *compiler) xml(el *contract.Element, t *template, scope *xpath.Scope) *xmlNode {
	if t.each != nil || t.when != nil {
		k.fail(t.node, "$each and $when have no meaning for the whole of %s", el.Name.Local)
		return nil
	}
	before := len(k.faults)
	shape := contract.Shape{Name: el.Name.Local}
	n := k.content(el, t, scope, &shape)
	if n == nil || len(k.faults) > before {
		return nil
	}
	n.element = el
	for _, d := range contract.CheckShape(el, shape) {
		k.fail(t.find(d.Path), "%s: %s", strings.TrimPrefix(d.Path, "/"), d.Message)
	}
	return n
}

// find returns the place of a path in the element, as near as it is written.
func (t *template) find(path string) *config.Node {
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, step := range steps[1:] {
		next := t.field(step)
		if next == nil {
			break
		}
		t = next.template
	}
	return t.node
}

func (t *template) field(name string) *templateField {
	for i := range t.fields {
		f := &t.fields[i]
		if f.name == name || strings.HasSuffix(f.name, ":"+name) {
			return f
		}
	}
	return nil
}

// content compiles what one element is written with and describes it in shape.
func (k *compiler) content(el *contract.Element, t *template, scope *xpath.Scope, shape *contract.Shape) *xmlNode {
	n := &xmlNode{name: shape.Name, node: t.node, when: k.condition(t.when, scope)}
	shape.Optional = shape.Optional || t.when != nil
	if t.each != nil {
		if n.each, scope = k.through(t.each, scope); n.each == nil {
			return nil
		}
		shape.Repeated = n.each.Type().Repeats()
		shape.Optional = shape.Optional || n.each.Type().Optional()
	}
	switch {
	case t.items != nil:
		k.fail(t.node, "an element that repeats is written with $each")
		return nil
	case t.constant != nil:
		k.fixed(n, el.Type.Simple, t.constant, shape)
	case t.from != nil:
		k.text(n, el.Type.Simple, t.from, scope, shape)
	default:
		k.fieldsOf(n, el, t, scope, shape)
	}
	return n
}

// fixed compiles a constant and checks it against the type.
func (k *compiler) fixed(n *xmlNode, simple *contract.Simple, c *config.Node, shape *contract.Shape) {
	if c.IsNull() {
		n.null, shape.Nil = true, true
		return
	}
	text := c.Text()
	n.constant, shape.Value = &text, true
	if simple == nil {
		return
	}
	if complaint := simple.Check(text); complaint != "" {
		k.fail(c, "%q %s%s", text, complaint, allowed(simple))
	}
}

func allowed(s *contract.Simple) string {
	if len(s.Enumeration) == 0 {
		return ""
	}
	return ": " + joinWords(s.Enumeration)
}

// text compiles an expression for a type.
func (k *compiler) text(n *xmlNode, simple *contract.Simple, e *expression, scope *xpath.Scope, shape *contract.Shape) {
	n.value, n.simple = k.values(e, scope), simple
	shape.Value = true
	if n.value == nil {
		return
	}
	t := n.value.Type()
	shape.Repeated = shape.Repeated || t.Repeats()
	shape.Optional = shape.Optional || t.Optional()
	shape.Nil = shape.Nil || t.Nillable()
	if simple == nil {
		return
	}
	if want := xpath.ClassOf(simple); !writable(t, want) {
		k.fail(e.node, "the contract takes %s here, and this is %s", want, t)
	}
}

// writable reports whether values of a type are lexically of a class.
func writable(t xpath.Type, want Class) bool {
	switch {
	case t.Class == want || want == String || want == Untyped || t.Class == Untyped:
		return true
	case want == Decimal || want == Double:
		return t.Class.Numeric()
	}
	return false
}

func (k *compiler) fieldsOf(n *xmlNode, el *contract.Element, t *template, scope *xpath.Scope, shape *contract.Shape) {
	for i := range t.fields {
		f := &t.fields[i]
		if attr, ok := strings.CutPrefix(f.name, "@"); ok {
			k.attributeOf(n, el, f, attr, scope, shape)
			continue
		}
		child := k.childOf(el, f)
		if child == nil {
			continue
		}
		s := contract.Shape{Name: contentName(el, child)}
		c := k.content(child, f.template, scope, &s)
		if c == nil {
			continue
		}
		n.children = append(n.children, c)
		shape.Children = append(shape.Children, s)
		if s.Repeated && !s.Optional {
			// One is certain, more may follow: said as two entries.
			s.Repeated = false
			shape.Children = append(shape.Children, s)
		}
	}
}

// contentName is the child's local name, or its expanded name where a sibling
// has the same local name.
func contentName(el, child *contract.Element) string {
	for _, c := range el.Type.Children() {
		if c.Element.Name.Local == child.Name.Local && c.Element.Name != child.Name {
			return child.Name.String()
		}
	}
	return child.Name.Local
}

// childOf finds the declaration of a child by the key it is written with.
func (k *compiler) childOf(el *contract.Element, f *templateField) *contract.Element {
	want, local, ok := contract.Name{}, f.name, true
	if strings.Contains(f.name, ":") {
		if want, ok = k.qualified(f.name, f.key); !ok {
			return nil
		}
		local = want.Local
	}
	var names []string
	for _, c := range el.Type.Children() {
		names = append(names, c.Element.Name.Local)
		if c.Element.Name.Local == local && (want.Space == "" || want == c.Element.Name) {
			return c.Element
		}
	}
	k.fail(f.key, "%s has no child %s%s", el.Name.Local, f.name, didYouMean(local, names))
	return nil
}

func (k *compiler) attributeOf(n *xmlNode, el *contract.Element, f *templateField, name string, scope *xpath.Scope, shape *contract.Shape) {
	var names []string
	for _, a := range el.Type.Attributes {
		if a.Name.Local != name {
			names = append(names, a.Name.Local)
			continue
		}
		s := contract.Shape{Name: name}
		c := k.content(&contract.Element{Name: a.Name, Type: &contract.Type{Simple: a.Type}}, f.template, scope, &s)
		if c != nil {
			n.attrs = append(n.attrs, c)
			shape.Attrs = append(shape.Attrs, s)
		}
		return
	}
	k.fail(f.key, "%s has no attribute %s%s", el.Name.Local, name, didYouMean(name, names))
}

// qualified resolves prefix:local.
func (k *compiler) qualified(text string, node *config.Node) (contract.Name, bool) {
	prefix, local, ok := strings.Cut(text, ":")
	if !ok {
		return contract.Name{Local: text}, true
	}
	space, ok := k.file.Namespaces[prefix]
	if !ok {
		k.fail(node, "the prefix %q is not among the mapping's namespaces", prefix)
	}
	return contract.Name{Space: space, Local: local}, ok
}

// xml appends the element that n describes.
func (r *renderer) xml(dst []byte, n *xmlNode) ([]byte, error) {
	contents, err := r.contents(nil, n)
	if err != nil {
		return nil, err
	}
	out, err := contract.AppendElement(dst, n.element, contents[0])
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return nil, f.With(fault.Detail{Message: "written by the mapping", Source: n.node.Source()})
	}
	return out, err
}

// contents appends the elements that n makes for the context item.
func (r *renderer) contents(dst []contract.Content, n *xmlNode) ([]contract.Content, error) {
	if n.when != nil {
		if ok, err := n.when.Test(&r.frame); err != nil || !ok {
			return dst, r.wrap(n.when, err)
		}
	}
	if n.each == nil {
		return r.content(dst, n)
	}
	err := r.each(n.each, func(int) error {
		var err error
		dst, err = r.content(dst, n)
		return err
	})
	return dst, err
}

func (r *renderer) content(dst []contract.Content, n *xmlNode) ([]contract.Content, error) {
	switch {
	case n.constant != nil || n.null:
		return append(dst, contract.Content{Name: n.name, Text: n.constant, Nil: n.null}), nil
	case n.value != nil:
		err := n.value.Each(&r.frame, func(v Value, presence xpath.Presence) {
			c := contract.Content{Name: n.name, Nil: presence == xpath.Nil}
			if !c.Nil {
				text := v.Lexical()
				c.Text = &text
			}
			dst = append(dst, c)
		})
		return dst, r.wrap(n.value, err)
	}
	c := contract.Content{Name: n.name}
	for _, a := range n.attrs {
		if err := r.attribute(&c, a); err != nil {
			return dst, err
		}
	}
	var err error
	for _, child := range n.children {
		if c.Children, err = r.contents(c.Children, child); err != nil {
			return dst, err
		}
	}
	return append(dst, c), nil
}

func (r *renderer) attribute(c *contract.Content, a *xmlNode) error {
	var room [1]contract.Content
	values, err := r.contents(room[:0], a)
	if err != nil || len(values) == 0 || values[0].Text == nil {
		return err
	}
	if c.Attrs == nil {
		c.Attrs = map[string]string{}
	}
	c.Attrs[a.name] = *values[0].Text
	return nil
}
