package contract

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Content is what an element is to be written with. Names are local names, or
// {namespace}local where two children or attributes share a local name.
type Content struct {
	Name     string
	Text     *string // the value, in XSD's lexical form; nil: none
	Nil      bool    // write xsi:nil; nothing else may be set then
	Attrs    map[string]string
	Children []Content // in any order; repeated ones in theirs
}

// AppendElement appends el written with v, as an element of its own that
// declares the namespaces it uses: children in the contract's order, each in
// its namespace and form, fixed attributes added, every value checked against
// its type. v.Name is not looked at.
//
// When v does not satisfy the contract nothing is appended and the error is a
// *fault.Error of code GH-4004 that lists everything missing, unknown, too many
// or not of its type, by the path in the element written. What the check cannot
// see is what lies between elements: identity constraints.
func AppendElement(dst []byte, el *Element, v Content) ([]byte, error) {
	w := &writer{dst: dst}
	w.element(el, &v)
	if len(w.details) > 0 {
		return dst, fault.New(fault.CodeReplyContract, "").With(w.details...)
	}
	return w.dst, nil
}

// writer writes one element with everything in it.
type writer struct {
	dst     []byte
	details []fault.Detail
	path    []string
	scope   []string // namespaces declared so far; prefix ns1 is the first
	effort  effort
}

func (w *writer) report(d fault.Detail) {
	d.Path = "/" + strings.Join(w.path, "/") + d.Path
	w.details = append(w.details, d)
}

// element writes one element. Namespaces declared for it leave scope with it.
func (w *writer) element(el *Element, v *Content) {
	w.path = append(w.path, el.Name.Local)
	outer := len(w.scope)
	w.startTag(el, v)
	if empty := len(w.dst); w.body(el, v) {
		w.dst = append(w.dst, "</"...)
		w.dst = append(w.appendName(w.dst, el.Name), '>')
	} else {
		w.dst = append(w.dst[:empty-1], "/>"...)
	}
	w.scope = w.scope[:outer]
	w.path = w.path[:len(w.path)-1]
}

func (w *writer) startTag(el *Element, v *Content) {
	if el.Abstract || el.Type.Abstract {
		w.report(fault.Detail{Message: "the element or its type is abstract and cannot be written"})
	}
	known := len(w.scope)
	w.declare(el.Name.Space)
	for _, a := range el.Type.Attributes {
		if _, given := lookUp(v.Attrs, a.Name); given || a.Required && a.Fixed != nil {
			w.declare(a.Name.Space)
		}
	}
	if v.Nil {
		w.declare(nsXSI)
	}
	w.dst = w.appendName(append(w.dst, '<'), el.Name)
	for i := known; i < len(w.scope); i++ {
		w.dst = append(appendPrefix(append(w.dst, " xmlns:"...), i), `="`...)
		w.dst = append(document.AppendValue(w.dst, w.scope[i]), '"')
	}
	if v.Nil {
		w.attribute(Name{Space: nsXSI, Local: "nil"}, "true")
	}
	w.attributes(el.Type, v.Attrs)
	w.dst = append(w.dst, '>')
}

// declare brings a namespace into scope. The XML namespace always is.
func (w *writer) declare(space string) {
	if space != "" && space != nsXML && !slices.Contains(w.scope, space) {
		w.scope = append(w.scope, space)
	}
}

func (w *writer) appendName(dst []byte, name Name) []byte {
	switch name.Space {
	case "":
	case nsXML:
		dst = append(dst, "xml:"...)
	default:
		dst = append(appendPrefix(dst, slices.Index(w.scope, name.Space)), ':')
	}
	return append(dst, name.Local...)
}

// appendPrefix appends the prefix of the namespace at a place in the scope.
func appendPrefix(dst []byte, at int) []byte {
	return strconv.AppendInt(append(dst, "ns"...), int64(at)+1, 10)
}

func (w *writer) attribute(name Name, value string) {
	w.dst = w.appendName(append(w.dst, ' '), name)
	w.dst = append(w.dst, `="`...)
	w.dst = append(document.AppendValue(w.dst, value), '"')
}

// attributes writes what is given, and what is fixed, in the contract's order.
func (w *writer) attributes(t *Type, given map[string]string) {
	used := 0
	for _, a := range t.Attributes {
		value, ok := lookUp(given, a.Name)
		if ok {
			used++
		} else if a.Required && a.Fixed != nil {
			value, ok = *a.Fixed, true
		}
		switch {
		case !ok && a.Required:
			w.report(fault.Detail{Message: "a required attribute is missing", Path: "/@" + a.Name.Local, Expected: a.Type.Describe(), Doc: a.Doc})
		case ok:
			w.checkValue(a.Type, value, a.Fixed, "/@"+a.Name.Local, a.Doc)
			w.attribute(a.Name, value)
		}
	}
	if used < len(given) {
		w.unknownAttributes(t, given)
	}
}

func lookUp(given map[string]string, name Name) (string, bool) {
	if len(given) == 0 {
		return "", false
	}
	if v, ok := given[name.Local]; ok {
		return v, true
	}
	if name.Space == "" {
		return "", false
	}
	v, ok := given[name.String()]
	return v, ok
}

func (w *writer) unknownAttributes(t *Type, given map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(t.Attributes, func(a *Attribute) bool { return goesBy(a.Name, key) }) {
			w.report(fault.Detail{Message: "the contract has no such attribute", Path: "/@" + key, Expected: attributeNames(t)})
		}
	}
}

func (w *writer) checkValue(s *Simple, value string, fixed *string, path, doc string) {
	reason, expected := s.Check(value), ""
	if reason == "" && fixed != nil && s.normalize(value) != s.normalize(*fixed) {
		reason, expected = "is not the fixed one", quote(*fixed)
	}
	if reason == "" {
		return
	}
	if expected == "" {
		expected = s.Describe()
	}
	w.report(fault.Detail{Message: "the value " + reason, Path: path, Found: quote(value), Expected: expected, Doc: doc})
}

// body writes what stands between the tags and reports whether there is any.
func (w *writer) body(el *Element, v *Content) bool {
	mark := len(w.dst)
	switch {
	case v.Nil:
		w.nilBody(el, v)
	case el.Type.Simple != nil:
		w.value(el, v)
	default:
		if v.Text != nil && !el.Type.Mixed {
			w.report(fault.Detail{Message: "the element takes no text", Found: quote(*v.Text), Expected: childNames(el.Type)})
		} else if v.Text != nil {
			w.dst = document.AppendText(w.dst, *v.Text)
		}
		w.children(el.Type, v.Children)
	}
	return len(w.dst) > mark
}

func (w *writer) nilBody(el *Element, v *Content) {
	if !el.Nillable {
		w.report(fault.Detail{Message: "the element may not be nil", Doc: el.Doc})
	}
	if v.Text != nil || len(v.Children) > 0 {
		w.report(fault.Detail{Message: "a nil element has content"})
	}
}

func (w *writer) value(el *Element, v *Content) {
	if len(v.Children) > 0 {
		w.report(fault.Detail{Message: "the element takes no child elements", Found: v.Children[0].Name, Expected: el.Type.Simple.Describe()})
		return
	}
	if v.Text == nil {
		w.report(fault.Detail{Message: "the element has no value", Expected: el.Type.Simple.Describe(), Doc: el.Doc})
		return
	}
	w.checkValue(el.Type.Simple, *v.Text, el.Fixed, "", el.Doc)
	w.dst = document.AppendText(w.dst, *v.Text)
}

// content is the children given for one element.
type content struct {
	*writer
	layout *layout
	given  []Content
	next   []int32 // by item: the next of the same name, or none
}

// children writes child elements in the order of the content model.
func (w *writer) children(t *Type, given []Content) {
	c := &content{w, t.layout(), given, make([]int32, len(given))}
	heads := c.sort(t)
	a := arrangement{supplier: c, heads: heads, effort: &w.effort}
	a.arrange(c.layout)
	for slot, item := range heads {
		if el := c.layout.slots[slot].element; item != none {
			w.report(fault.Detail{Message: "the element occurs more often than the contract allows", Path: "/" + el.Name.Local, Doc: el.Doc})
		}
	}
}

// sort puts each child into its slot and returns the first of each.
func (c *content) sort(t *Type) []int32 {
	heads := make([]int32, len(c.layout.slots))
	for slot := range heads {
		heads[slot] = none
	}
	for i := len(c.given) - 1; i >= 0; i-- {
		if slot, ok := c.layout.byKey[c.given[i].Name]; ok {
			c.next[i], heads[slot] = heads[slot], int32(i)
		}
	}
	for i := range c.given {
		if _, ok := c.layout.byKey[c.given[i].Name]; !ok {
			c.report(fault.Detail{Message: "the contract has no such child element", Path: "/" + c.given[i].Name, Expected: childNames(t)})
		}
	}
	return heads
}

func (c *content) following(item int32) int32 { return c.next[item] }

func (c *content) place(slot, item int32) { c.element(c.layout.slots[slot].element, &c.given[item]) }

func (c *content) lacking(p *Particle) { c.absent(p) }

// absent reports the children that p demands.
func (w *writer) absent(p *Particle) {
	m := &matcher{}
	if m.optional(p) {
		return
	}
	switch p.Kind {
	case ElementParticle:
		w.report(fault.Detail{Message: "a required element is missing", Path: "/" + p.Element.Name.Local, Expected: holds(p.Element), Doc: p.Element.Doc})
	case AnyParticle:
		w.report(fault.Detail{Message: "the contract demands an element that it does not name"})
	case Choice:
		var names []string
		for _, el := range m.first(nil, p) {
			names = append(names, el.Name.Local)
		}
		w.report(fault.Detail{Message: "a required element is missing", Expected: "one of " + listed(names)})
	default:
		for _, q := range p.Particles {
			if !m.optional(q) {
				w.absent(q)
			}
		}
	}
}

// holds says what an element is written with.
func holds(el *Element) string {
	if el.Type.Simple != nil {
		return el.Type.Simple.Describe()
	}
	return childNames(el.Type)
}

func childNames(t *Type) string {
	var names []string
	var els []*Element
	for _, c := range t.Children() {
		names, els = append(names, c.Element.Name.Local), append(els, c.Element)
	}
	if len(names) == 0 {
		return "an empty element"
	}
	return elementsWord(els) + listed(names)
}

// goesBy reports whether a key names an element or attribute: by local name or
// in Clark notation.
func goesBy(name Name, key string) bool { return name.Local == key || name.String() == key }
