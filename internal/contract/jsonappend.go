package contract

import (
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// AppendJSON appends the JSON twin of a valid element, which is el or stands for
// it. Whether a value is a number or a string, and what is an array, follows
// from the contract alone: an element that may repeat is an array even when
// there is one. A number or boolean in a form that JSON does not have, such as
// +5, INF or 1 for true, is a string.
//
// FromJSON makes the same element of it, but for what document.AppendCanonical
// does not see, for the order of an xs:all, and for the prefixes of qualified
// names. What cannot be said in JSON is never left out: then nothing is appended
// and the error is a *fault.Error of code GH-4004 that lists it by XPath.
func AppendJSON(dst []byte, el *Element, n document.Node) ([]byte, error) {
	w := twinWriters.Get().(*twinWriter)
	defer w.release()
	w.dst = dst
	if other := el.substitute(n.Name()); other != nil {
		el = other
	}
	w.element(el, n)
	if len(w.details) > 0 {
		return dst, fault.New(fault.CodeReplyContract, "the message has no JSON twin").With(w.details...)
	}
	return w.dst, nil
}

// twinWriter writes an element as JSON.
type twinWriter struct {
	dst     []byte
	details []fault.Detail
	stack   []*siblings // by depth
	depth   int
	effort  effort
}

// twinWriters keeps buffers for reuse; it holds no state between messages.
var twinWriters = sync.Pool{New: func() any { return new(twinWriter) }}

func (w *twinWriter) release() {
	*w = twinWriter{stack: w.stack}
	for _, s := range w.stack {
		if cap(s.items) > maxRetained {
			return
		}
		clear(s.items[:cap(s.items)])
	}
	twinWriters.Put(w)
}

func (w *twinWriter) report(n document.Node, message, found string) {
	if len(w.details) < maxDetails {
		d := fault.Detail{Message: message, Path: n.Path(), Found: found}
		d.Line, d.Column = n.Position()
		w.details = append(w.details, d)
	}
}

// element writes the value of one element.
func (w *twinWriter) element(el *Element, n document.Node) {
	nilled, hasNil := n.Attr(Name{Space: nsXSI, Local: "nil"})
	t := w.typeOf(el, n)
	attributed := w.attributed(n)
	switch {
	case t == nil:
	case hasNil && nilled == "true" && attributed == 1:
		w.dst = append(w.dst, "null"...)
	case n.Nil(), attributed > 0, len(t.Attributes) > 0, t.Simple == nil && (!t.Mixed || n.FirstChild().Exists()):
		w.object(el, t, n)
	default:
		w.text(t, n)
	}
}

// attributed counts the attributes that mean something.
func (w *twinWriter) attributed(n document.Node) int {
	count := 0
	for name := range n.Attrs() {
		if !hint(name) {
			count++
		}
	}
	return count
}

// hint reports whether an attribute only says where a schema can be found.
func hint(name Name) bool {
	return name.Space == nsXSI && (name.Local == "schemaLocation" || name.Local == "noNamespaceSchemaLocation")
}

// typeOf follows xsi:type; nil, and a report, where the type has no twin.
func (w *twinWriter) typeOf(el *Element, n document.Node) *Type {
	v, ok := n.Attr(Name{Space: nsXSI, Local: "type"})
	if !ok {
		return el.Type
	}
	t := el.typeNamed(clarkOf(n, v))
	if t == nil {
		w.report(n, "xsi:type names a type that cannot be told in JSON", quote(v))
	}
	return t
}

// typeKey is what names the type for the element: its local name where that is
// enough.
func (e *Element) typeKey(t *Type) string {
	if e.typeNamed(t.Name.Local) == t {
		return t.Name.Local
	}
	return clark(t.Name)
}

// clarkOf is a qualified name in Clark notation; a name in no namespace has the
// braces too.
func clarkOf(n document.Node, qname string) string {
	prefix, local := document.SplitQName(strings.Trim(qname, " \t\r\n"))
	space, ok := n.NamespaceFor(prefix)
	if !ok {
		return qname
	}
	return clark(Name{Space: space, Local: local})
}

// object writes an element with attributes or child elements.
func (w *twinWriter) object(el *Element, t *Type, n document.Node) {
	w.dst = append(w.dst, '{')
	start := len(w.dst)
	if _, typed := n.Attr(Name{Space: nsXSI, Local: "type"}); typed {
		w.key(keyType)
		w.dst = appendString(w.dst, el.typeKey(t))
	}
	for name, value := range n.Attrs() {
		w.attribute(t, n, name, value)
	}
	switch {
	case n.Nil():
	case t.Simple != nil || t.Mixed && !n.FirstChild().Exists():
		w.key(keyValue)
		w.text(t, n)
	default:
		w.children(t, n)
	}
	if len(w.dst) > start { // each member began with a comma
		w.dst = slices.Delete(w.dst, start, start+1)
	}
	w.dst = append(w.dst, '}')
}

// key begins a member.
func (w *twinWriter) key(key string) {
	w.dst = append(w.dst, ',')
	w.dst = append(appendString(w.dst, key), ':')
}

func (w *twinWriter) attribute(t *Type, n document.Node, name Name, value string) {
	at, known := t.layout().byAttr["@"+clark(name)]
	switch {
	case hint(name), name == Name{Space: nsXSI, Local: "type"}:
	case name == Name{Space: nsXSI, Local: "nil"}:
		w.key(keyNil)
		w.value(booleanSimple, n, value)
	case !known:
		w.report(n, "the contract does not name this attribute, so that it cannot be told in JSON", name.String())
	default:
		w.key(t.layout().attributes[at])
		w.value(t.Attributes[at].Type, n, value)
	}
}

// text writes the value of an element.
func (w *twinWriter) text(t *Type, n document.Node) {
	if child := n.FirstChild(); child.Exists() {
		w.report(child, "the contract has no element here", quoted(child))
		return
	}
	if t.Simple == nil {
		w.dst = appendString(w.dst, n.Text())
		return
	}
	w.value(t.Simple, n, n.Text())
}

// value writes a value of a simple type found at n.
func (w *twinWriter) value(s *Simple, n document.Node, v string) {
	switch {
	case s.qualified():
		v = clarkOf(n, v)
	case s.mentionsQName() && strings.Contains(v, ":"):
		w.report(n, "qualified names among other values cannot be told in JSON", quote(v))
	case s.Primitive == "boolean" && (v == "true" || v == "false"),
		(s.Primitive == "decimal" || s.Primitive == "float" || s.Primitive == "double") && jsonNumeral(v):
		w.dst = append(w.dst, v...)
		return
	}
	w.dst = appendString(w.dst, v)
}

// mentionsQName reports whether qualified names are among the values of a list
// or union.
func (s *Simple) mentionsQName() bool {
	return s.qualified() || s.Item != nil && s.Item.mentionsQName() || slices.ContainsFunc(s.Members, (*Simple).mentionsQName)
}

// jsonNumeral reports whether v is a number as JSON writes it.
func jsonNumeral(v string) bool {
	s := jsonScanner{jsonText: &jsonText{src: []byte(v)}}
	return s.number() == nil && s.pos == len(v)
}

// children writes child elements, those of one name together.
func (w *twinWriter) children(t *Type, n document.Node) {
	s := w.siblings(t, n)
	w.depth++
	if n.HasText() {
		w.report(n, "text between elements cannot be told in JSON", "")
	}
	for slot := s.firstSlot; slot != none; slot = s.nextSlot[slot] {
		known := s.layout.slots[slot]
		w.key(known.key)
		if known.repeats {
			w.dst = append(w.dst, '[')
		}
		for i := s.first[slot]; i != none; i = s.items[i].next {
			if i != s.first[slot] {
				w.dst = append(w.dst, ',')
			}
			w.element(known.element, s.items[i].node)
		}
		if known.repeats {
			w.dst = append(w.dst, ']')
		}
	}
	if !s.layout.settled && !s.reproducible(&w.effort) {
		w.report(n, "the order of the child elements cannot be told in JSON", "")
	}
	w.depth--
}

// appendString writes a JSON string (RFC 8259 §7).
func appendString(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
