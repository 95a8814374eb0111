package contract

import (
	"strconv"
	"sync"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// jsonConverter writes the XML of a JSON text. Elements have no prefixes: each
// declares its namespace where it is another than the one around it. Every start
// tag begins a line, and no text breaks one, so that the number of a line tells
// the element.
type jsonConverter struct {
	jsonText
	dst      []byte
	space    string // the default namespace where dst ends
	mixed    bool   // white space counts where dst ends
	prefixes int    // declared in the start tag that is being written
	rootName string
	members  []*jsonMembers
	depth    int
	effort   effort
	complaints

	marking bool
	marks   []int32 // by line: the value that the element was made of
}

// converters keeps buffers for reuse; it holds no state between messages.
var converters = sync.Pool{New: func() any { return new(jsonConverter) }}

// maxRetained is the number of values past which buffers are not kept.
const maxRetained = 1 << 15

func (c *jsonConverter) release() {
	if cap(c.values) > maxRetained {
		return
	}
	c.src, c.dst, c.complaints = nil, nil, complaints{}
	converters.Put(c)
}

// convert writes the XML of src as el. The error is of what is no JSON, or past
// a limit; why it is no twin is in the complaints.
func (c *jsonConverter) convert(el *Element, src []byte) error {
	c.space, c.mixed, c.rootName, c.depth, c.effort = "", false, el.Name.Local, 0, effort{}
	if err := c.read(src); err != nil {
		return err
	}
	c.dst = make([]byte, 0, len(src)+len(src)/2+512)
	c.element(el, 0)
	switch {
	case len(c.dst) > maxTwin:
		return fault.New(fault.CodeTooLarge, "the message would have more than %d bytes as XML", maxTwin)
	case c.effort.steps > maxEffort:
		return fault.New(fault.CodeTooLarge, "the message has too many elements for what its contract says of their order")
	}
	return nil
}

// element writes one element from its value. What cannot be made of it is left
// out; the element is there in any case.
func (c *jsonConverter) element(el *Element, id int32) {
	if len(c.dst) > maxTwin {
		return
	}
	outer := c.space
	var prefix string
	if c.values[id].kind == jsonObject {
		prefix = c.object(el, id)
	} else {
		prefix = c.leaf(el, id)
	}
	c.dst = append(append(c.dst, "</"...), prefix...)
	c.dst = append(append(c.dst, el.Name.Local...), '>')
	c.space = outer
}

// startTag writes a start tag up to the element's namespaces and returns the
// element's prefix, with its colon. A bare element leaves no namespace to names
// without a prefix.
func (c *jsonConverter) startTag(el *Element, id int32, bare bool) (prefix string) {
	c.prefixes = 0
	if c.marking {
		c.marks = append(c.marks, id)
	}
	root := len(c.dst) == 0
	switch {
	case root:
	case c.mixed: // into the tag before
		c.dst = append(c.dst[:len(c.dst)-1], '\n', '>')
	default:
		c.dst = append(c.dst, '\n')
	}
	space := el.Name.Space
	if bare = bare && space != ""; bare {
		space, prefix = "", "e:"
	}
	c.dst = append(append(append(c.dst, '<'), prefix...), el.Name.Local...)
	if bare {
		c.dst = append(document.AppendValue(append(c.dst, ` xmlns:e="`...), el.Name.Space), '"')
	}
	if space != c.space {
		c.dst = append(document.AppendValue(append(c.dst, ` xmlns="`...), space), '"')
		c.space = space
	}
	if root && (c.nulls || c.directed) {
		c.dst = append(c.dst, ` xmlns:xsi="`+nsXSI+`"`...)
	}
	return prefix
}

// declare declares a namespace in the start tag and returns its prefix, with
// its colon.
func (c *jsonConverter) declare(space string) string {
	switch space {
	case "":
		return ""
	case nsXML:
		return "xml:"
	}
	c.prefixes++
	prefix := "p" + strconv.Itoa(c.prefixes)
	c.dst = append(append(append(c.dst, " xmlns:"...), prefix...), `="`...)
	c.dst = append(document.AppendValue(c.dst, space), '"')
	return prefix + ":"
}

// leaf writes an element from a value that is no object.
func (c *jsonConverter) leaf(el *Element, id int32) (prefix string) {
	s, qname := el.Type.Simple, ""
	prefix = c.startTag(el, id, s.qualified())
	switch kind := c.values[id].kind; {
	case kind == jsonNull:
		c.dst = append(c.dst, ` xsi:nil="true"`...)
	case kind == jsonString && s.qualified():
		qname = c.qname(id)
	}
	c.dst = append(c.dst, '>')
	switch kind := c.values[id].kind; {
	case kind == jsonNull:
	case kind == jsonArray:
		c.wrongKind(id, el.wanted, el.Doc)
	case qname != "":
		c.dst = document.AppendText(c.dst, qname)
	case s != nil:
		c.value(s, id, false, el.Doc)
	case el.Type.Mixed && kind == jsonString:
		c.characters(id, false)
	default:
		c.wrongKind(id, el.wanted, el.Doc)
	}
	return prefix
}

// object writes an element from an object.
func (c *jsonConverter) object(el *Element, id int32) (prefix string) {
	t, known := c.typeOf(el, id)
	if !known || t.valueOnly() && !c.marked(id) {
		if known {
			c.wrongKind(id, el.wanted, el.Doc)
		}
		prefix = c.startTag(el, id, false)
		c.dst = append(c.dst, '>')
		return prefix
	}
	m := c.sorted(t, id)
	c.depth++
	prefix = c.startTag(el, id, m.layout.qnames || m.typed != none && t.Name.Space == "")
	m.attributes()
	m.content(el)
	c.depth--
	return prefix
}

// valueOnly reports whether elements of the type have a value and nothing else.
func (t *Type) valueOnly() bool { return t.Simple != nil && len(t.Attributes) == 0 }

// marked reports whether an object has a key that is no name of an element.
func (c *jsonConverter) marked(id int32) bool {
	for m := c.values[id].first; m != none; m = c.values[m].next {
		if key := c.key(m); len(key) > 0 && (key[0] == '$' || key[0] == '@') {
			return true
		}
	}
	return false
}

// typeOf returns the type that an object's element is of: its own, or the one
// that "@xsi:type" names. Where that is none, it says so and known is false.
func (c *jsonConverter) typeOf(el *Element, id int32) (t *Type, known bool) {
	if !c.directed {
		return el.Type, true
	}
	m := c.member(id, keyType)
	if m == none {
		return el.Type, true
	}
	if c.values[m].kind == jsonString {
		name, _ := c.decoded(m)
		if t = el.typeNamed(string(name)); t != nil {
			return t, true
		}
	}
	c.refuse(id, c.at(m), func() fault.Detail {
		return fault.Detail{Message: "the type named is not one that may stand here", Path: c.pointer(m),
			Found: c.found(m), Expected: derivedNames(el.Type), Doc: el.Doc}
	})
	return nil, false
}

// typeNamed finds the element's type or one derived from it, in Clark notation
// or by a local name that only one of them has.
func (e *Element) typeNamed(key string) *Type {
	var found *Type
	for i := -1; i < len(e.Type.Derived); i++ {
		t := e.Type
		if i >= 0 {
			t = t.Derived[i]
		}
		switch {
		case t.Name.Local == "":
		case clark(t.Name) == key:
			return t
		case t.Name.Local == key && found != nil:
			return nil
		case t.Name.Local == key:
			found = t
		}
	}
	return found
}

// member returns the member of an object that has the key, or none.
func (t *jsonText) member(id int32, key string) int32 {
	for m := t.values[id].first; m != none; m = t.values[m].next {
		if string(t.key(m)) == key {
			return m
		}
	}
	return none
}
