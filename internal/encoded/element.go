package encoded

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// accessor is a place for a value: an element as received, and what the contract
// declares there.
type accessor struct {
	node     document.Node
	declared *contract.Element
	claimed  document.Name // the type that the array around says its members have
	// optional says that nil may be said by leaving the element out.
	optional bool
}

// undeclared is the accessor for an element that the contract does not name: it
// keeps its name, and holds anything.
func (w *normaliser) undeclared(n document.Node) accessor {
	return accessor{node: n, declared: &contract.Element{Name: n.Name(), Type: w.any, Nillable: true}}
}

// element writes the value of an accessor.
func (w *normaliser) element(a accessor) {
	v, ok := w.value(a.node, a.declared.Type)
	if !ok || !w.enter(a.node, v) {
		return
	}
	defer w.leave()
	isNil := nilled(v)
	if isNil == "" {
		isNil = nilled(a.node)
	}
	empty := !v.FirstChild().Exists() && v.Text() == ""
	if isNil == "true" && a.optional && !a.declared.Nillable && empty {
		return
	}
	t, said := w.typeOf(a, v)
	outer := w.startTag(a.declared.Name, a.node, v)
	if said {
		w.attribute(nameType, "xsi", w.qname(t.Name))
	}
	if isNil != "" && isNil != "false" {
		w.attribute(nameNil, "xsi", isNil)
	}
	w.attributes(a.node, v, t)
	w.dst = append(w.dst, '>')
	content := len(w.dst)
	if isNil != "true" || !empty {
		w.content(v, t)
	}
	w.end(a.declared.Name, content)
	w.within = outer
}

// startTag begins an element and returns the mark of the one around.
func (w *normaliser) startTag(name document.Name, n, v document.Node) (outer int32) {
	outer = w.within
	if w.marking {
		w.marks = append(w.marks, mark{at: len(w.dst), around: outer, node: n, value: v})
		w.within = int32(len(w.marks) - 1)
	}
	w.dst = append(w.dst, '<')
	w.name(name, wanted(name, n, v))
	return outer
}

// wanted is the prefix that the sender has for a namespace, if it wrote the
// element with it.
func wanted(name document.Name, nodes ...document.Node) string {
	for _, n := range nodes {
		if n.Name().Space == name.Space {
			prefix, _ := document.SplitQName(n.QName())
			return prefix
		}
	}
	return ""
}

// attributes writes those that are no part of the encoding. An accessor that
// refers to its value may have some, too.
func (w *normaliser) attributes(n, v document.Node, t *contract.Type) {
	w.style(v)
	for name, value := range v.Attrs() {
		w.ownAttribute(v, t, name, value)
	}
	if n == v {
		return
	}
	w.style(n)
	for name, value := range n.Attrs() {
		if _, has := v.Attr(name); !has {
			w.ownAttribute(n, t, name, value)
		}
	}
}

func (w *normaliser) ownAttribute(n document.Node, t *contract.Type, name document.Name, value string) {
	declared := t.Attr(name)
	switch {
	case declared != nil:
		if name == (document.Name{Local: "id"}) {
			w.owned[n] = true
		}
		if qualified(declared.Type) {
			value = w.requalified(n, value)
		}
	case isInstance(name.Space), name.Space == space11, name.Space == space12:
		return
	case name.Local == "encodingStyle" && (name.Space == spaceEnv11 || name.Space == spaceEnv12):
		return
	case name.Space == "" && (name.Local == "id" || name.Local == "href" || name.Local == "ref" && w.version12):
		return
	}
	prefix := ""
	if name.Space != "" {
		prefix = attributePrefix(n, name.Space)
	}
	w.attribute(name, prefix, value)
}

// attributePrefix is a prefix for an attribute's namespace: the envelope's own
// where it is of that, since a reader of header blocks knows it.
func attributePrefix(n document.Node, space string) string {
	for ; n.Exists(); n = n.Parent() {
		if prefix, _ := document.SplitQName(n.QName()); prefix != "" && n.Name().Space == space {
			return prefix
		}
	}
	return ""
}

// style judges the encodingStyle that an element names, if it does (SOAP 1.1
// §4.1.1, SOAP 1.2 part 1 §5.1.1): of several URIs one must be known here.
func (w *normaliser) style(n document.Node) {
	style, ok := n.Attr(document.Name{Space: spaceEnv11, Local: "encodingStyle"})
	if !ok {
		style, ok = n.Attr(document.Name{Space: spaceEnv12, Local: "encodingStyle"})
	}
	if style = trim(style); !ok || style == "" {
		return
	}
	for uri := range strings.FieldsSeq(style) {
		if strings.HasPrefix(uri, space11) || uri == strings.TrimSuffix(space11, "/") || uri == space12 || uri == spaceNone12 {
			return
		}
	}
	w.complain(n, fault.Detail{Message: "the encodingStyle is not known here", Found: quote(style), Expected: space11 + " or " + space12})
}

// content writes what stands between the tags.
func (w *normaliser) content(v document.Node, t *contract.Type) {
	switch {
	case t.Simple != nil:
		w.simple(v, t.Simple)
	case t.Array != nil:
		w.array(v, t.Array)
	case isAny(t) && isArray(v):
		w.array(v, nil)
	default:
		w.accessors(v, t)
	}
}

func isAny(t *contract.Type) bool { return t.Name == nameAnyType }

// simple writes a value. Elements in it are the validator's to refuse.
func (w *normaliser) simple(v document.Node, s *contract.Simple) {
	if v.FirstChild().Exists() {
		for c := range v.Children() {
			w.element(w.undeclared(c))
		}
		return
	}
	value := v.Text()
	if qualified(s) {
		value = w.requalified(v, value)
	}
	w.dst = document.AppendText(w.dst, value)
}

// qualified reports whether values are qualified names, which mean something by
// the prefixes declared around them.
func qualified(s *contract.Simple) bool {
	return s != nil && (s.Primitive == "QName" || s.Primitive == "NOTATION" || qualified(s.Item))
}

// accessors writes the parts of a struct in the contract's order. Their order
// has no meaning in the encoding (SOAP 1.1 §5.4.1, SOAP 1.2 part 2 §2.4).
func (w *normaliser) accessors(v document.Node, t *contract.Type) {
	if !w.arrayless(v, t) {
		return
	}
	if !v.FirstChild().Exists() {
		w.dst = document.AppendText(w.dst, v.Text())
		return
	}
	if v.HasText() {
		w.complain(v, fault.Detail{Message: "text stands between the parts of a value", Found: quote(trim(v.Text())), Expected: "elements only"})
	}
	var known []accessor
	var declared []*contract.Element
	var unknown []document.Node
	for c := range v.Children() {
		if el := w.declared(t, c.Name()); el != nil {
			known, declared = append(known, accessor{node: c, declared: el}), append(declared, el)
		} else {
			unknown = append(unknown, c)
		}
	}
	if len(unknown) > 0 && t.Open() {
		w.asGiven(v, t)
		return
	}
	w.arranged(v, t, known, declared)
	for _, c := range unknown {
		w.element(w.undeclared(c))
	}
}

// arranged writes accessors that the type declares.
func (w *normaliser) arranged(v document.Node, t *contract.Type, known []accessor, declared []*contract.Element) {
	order, ok := w.ordering.Arrange(t, declared)
	if !ok {
		w.exhaust(v, fault.Detail{Message: "the value has too many elements for what the contract says of their order"})
		return
	}
	sorted := make([]accessor, len(known))
	for i, at := range order {
		sorted[i] = known[at]
	}
	for _, a := range sorted {
		if nilled(a.node) != "" || mayRefer(a.node) {
			child, _ := t.Child(a.declared.Name)
			a.optional = child.Min == 0 && child.Max == 1
		}
		w.element(a)
	}
}

// mayRefer reports whether an element is such that its value may stand elsewhere.
func mayRefer(n document.Node) bool { return !n.FirstChild().Exists() && n.Text() == "" }

// asGiven writes accessors of a type with a wildcard, among which those stay
// where they are that it does not name.
func (w *normaliser) asGiven(v document.Node, t *contract.Type) {
	for c := range v.Children() {
		a := w.undeclared(c)
		if el := w.declared(t, c.Name()); el != nil {
			a.declared = el
		}
		w.element(a)
	}
}

// declared returns the declaration of a part by the name it was sent with. The
// encodings know local names only, so that senders differ: no namespace, that of
// the message, or that of the type.
func (w *normaliser) declared(t *contract.Type, name document.Name) *contract.Element {
	el := t.Accessor(name)
	if el == nil || el.Name == name || name.Space == "" || name.Space == w.space || name.Space == t.Name.Space {
		return el
	}
	return nil
}
