package encoded

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

var nameSecurity = document.Name{Space: envelope.NamespaceSecurity, Local: "Security"}

// references are the elements of an envelope that others may refer to.
type references struct {
	byID  map[string]document.Node
	twice []document.Node // whose id an element before them has
	used  map[document.Node]bool
	// owned are elements that have an attribute called id which is the
	// contract's, and no id.
	owned map[document.Node]bool
}

// index finds all ids. Credentials have none: a reference would copy them into
// the message, which is kept.
func (r *references) index(root document.Node) {
	r.byID, r.used, r.owned = map[string]document.Node{}, map[document.Node]bool{}, map[document.Node]bool{}
	for n := root; n.Exists(); n = following(n) {
		for n.Is(nameSecurity) {
			n = behind(n)
		}
		id, ok := idOf(n)
		if !ok {
			continue
		}
		if _, known := r.byID[id]; known {
			r.twice = append(r.twice, n)
			continue
		}
		r.byID[id] = n
	}
}

// following returns the next element in document order, or none.
func following(n document.Node) document.Node {
	if c := n.FirstChild(); c.Exists() {
		return c
	}
	return behind(n)
}

// behind returns the next element that is not in n, or none.
func behind(n document.Node) document.Node {
	for ; n.Exists(); n = n.Parent() {
		if s := n.NextSibling(); s.Exists() {
			return s
		}
	}
	return n
}

// idOf returns an element's id: an attribute without a namespace in SOAP 1.1,
// and as Axis sends it also in SOAP 1.2.
func idOf(n document.Node) (id string, ok bool) {
	if id, ok = n.Attr(document.Name{Local: "id"}); !ok {
		id, ok = n.Attr(nameID12)
	}
	return trim(id), ok
}

// maxHops is how many references may lead one to the other. Nobody sends more
// than one.
const maxHops = 8

// value follows an accessor to the element that holds its value, most often
// itself. ok is false when there is none; that is complained about.
func (w *normaliser) value(n document.Node, t *contract.Type) (v document.Node, ok bool) {
	v = n
	for range maxHops {
		target, refers := w.reference(v, t)
		if !refers {
			return v, true
		}
		if v, ok = w.follow(v, target); !ok {
			return v, false
		}
	}
	w.complain(n, fault.Detail{Message: "the reference leads from one reference to the next", Expected: "a reference to a value"})
	return v, false
}

// reference returns the URI that an element has in place of a value.
func (w *normaliser) reference(n document.Node, t *contract.Type) (uri string, ok bool) {
	if uri, ok = n.Attr(document.Name{Local: "href"}); ok && !owns(t, "href") {
		return trim(uri), true
	}
	if uri, ok = n.Attr(nameRef12); !ok && w.version12 && !owns(t, "ref") {
		uri, ok = n.Attr(document.Name{Local: "ref"})
	}
	if uri = trim(uri); ok && !strings.HasPrefix(uri, "#") && !strings.ContainsAny(uri, ":/") {
		uri = "#" + uri // an IDREF
	}
	return uri, ok
}

// owns reports whether the contract has an attribute of that name.
func owns(t *contract.Type, local string) bool { return t.Attr(document.Name{Local: local}) != nil }

func (w *normaliser) follow(n document.Node, uri string) (v document.Node, ok bool) {
	id, local := strings.CutPrefix(uri, "#")
	v = w.byID[id]
	d := fault.Detail{Found: quote(uri)}
	switch {
	case !local:
		d.Message, d.Expected = "the reference leads out of the message", "the id of an element in it, behind a #"
	case !v.Exists():
		d.Message, d.Expected = "no element has the id that is referred to", "the id of an element in the message"
	case w.inside(v):
		d.Message, d.Expected = "the reference leads back to what it stands in", "a value that does not contain itself"
	case n.FirstChild().Exists() || n.HasText():
		d.Message, d.Expected = "an element that refers to another one has content of its own", "an empty element"
	default:
		w.used[v] = true
		return v, true
	}
	w.complain(n, d)
	return v, false
}

// inside reports whether the value of an element is being written.
func (w *normaliser) inside(v document.Node) bool {
	for _, n := range w.open {
		if n == v {
			return true
		}
	}
	return false
}

// judgeReferences complains about ids that are given twice, and about elements
// behind the message that nothing in it refers to: whatever they say would be
// lost.
func (w *normaliser) judgeReferences(message document.Node) {
	for _, n := range w.twice {
		id, _ := idOf(n)
		if first := w.byID[id]; !w.owned[n] && !w.owned[first] {
			w.complain(n, fault.Detail{Message: "another element has this id", Found: quote(id), Expected: "an id of its own"})
		}
	}
	for n := message.NextSibling(); n.Exists(); n = n.NextSibling() {
		root, _ := n.Attr(nameRoot)
		switch {
		case !w.used[n]:
			w.complain(n, fault.Detail{Message: "nothing in the message refers to this element", Found: "<" + n.QName() + ">", Expected: "nothing more in the Body than what is referred to"})
		case trim(root) == "1" || trim(root) == "true":
			w.complain(n, fault.Detail{Message: "the Body has more than one root", Found: nameRoot.Local + "=" + quote(root), Expected: "one message"})
		}
	}
}
