package encoded

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Append appends a message in the encoding of a SOAP version: the child of a
// Body, or of a fault's detail. literal is the same message in literal form, a
// document in UTF-8 whose root is el, and valid. The outermost element names the
// encodingStyle; every accessor in it says its type where that has a name, every
// array what it holds. Nothing is written twice by reference.
//
// The error is a *fault.Error of kind internal when literal is no such document.
func Append(dst []byte, v envelope.Version, el *contract.Element, literal []byte) ([]byte, error) {
	tree, err := document.Read(literal)
	if err != nil {
		return dst, fault.New(fault.CodeInternal, "").Because(err)
	}
	defer tree.Release()
	e := &encoder{output: output{dst: dst}, space: space11, envelope: spaceEnv11}
	if v == envelope.V12 {
		e.space, e.envelope = space12, spaceEnv12
	}
	e.begin()
	// The prefixes that people know.
	e.prefix(e.envelope, "soap")
	e.prefix(e.space, "soapenc")
	e.prefix(document.NamespaceXSI, "xsi")
	root := len(e.dst)
	e.root(tree.Root(), el)
	if e.ragged {
		return dst, fault.New(fault.CodeInternal, "the rows of an array in the reply are of different lengths")
	}
	e.declare(root+tagNameSize(e.dst[root:]), false)
	return e.dst, nil
}

// encoder writes one message.
type encoder struct {
	output
	space, envelope string // namespaces
	ragged          bool
}

// root writes the outermost element. A wrapper has no type with a name; the
// fault of a part that names a type says it, as every accessor does.
func (e *encoder) root(n document.Node, el *contract.Element) {
	e.dst = append(e.dst, '<')
	e.name(n.Name(), prefixOf(n))
	e.attribute(document.Name{Space: e.envelope, Local: "encodingStyle"}, "", e.space)
	e.rest(n, el.Type)
}

func prefixOf(n document.Node) string {
	prefix, _ := document.SplitQName(n.QName())
	return prefix
}

// element writes an accessor of the declared type, or of the one that its own
// xsi:type names.
func (e *encoder) element(n document.Node, declared *contract.Type) {
	e.dst = append(e.dst, '<')
	e.name(n.Name(), prefixOf(n))
	e.rest(n, declared)
}

// rest writes an element from behind its name on.
func (e *encoder) rest(n document.Node, declared *contract.Type) {
	t, name := e.typeOf(n, declared)
	isNil := n.Nil()
	switch {
	case isNil:
		e.attribute(nameNil, "xsi", "true")
	case t != nil && t.Array != nil:
		e.array(n, t.Array)
	case name.Local != "":
		e.attribute(nameType, "xsi", e.typeName(name))
	}
	e.ownAttributes(n, t)
	e.dst = append(e.dst, '>')
	content := len(e.dst)
	if !isNil {
		e.content(n, t)
	}
	e.end(n.Name(), content)
}

// typeOf returns the type of an element and its name. Of what the contract does
// not know the type is nil, and the name what the element itself says.
func (e *encoder) typeOf(n document.Node, declared *contract.Type) (*contract.Type, document.Name) {
	if value, ok := n.Attr(nameType); ok {
		name, _ := expand(n, trim(value))
		if declared == nil || name == declared.Name {
			return declared, name
		}
		i := slices.IndexFunc(declared.Derived, func(t *contract.Type) bool { return t.Name == name })
		if i < 0 { // a built-in type, or one that only says what is in an xs:anyType
			return nil, name
		}
		return declared.Derived[i], name
	}
	if declared == nil || isAny(declared) {
		if !n.FirstChild().Exists() {
			return declared, document.Name{Space: spaceXSD, Local: "string"}
		}
		return declared, document.Name{}
	}
	name := declared.Name
	if name.Local == "" && declared.Simple != nil && declared.Simple.Builtin != "" {
		name = document.Name{Space: spaceXSD, Local: declared.Simple.Builtin}
	}
	return declared, name
}

// typeName is the name of a type as a value. Array is that of the version that is
// written; the encodings' simple types go by their twins, which every reader
// knows.
func (e *encoder) typeName(name document.Name) string {
	name = modern(name)
	switch name.Space {
	case space11:
		return e.prefix(e.space, "") + ":" + name.Local
	case spaceXSD:
		return e.prefix(spaceXSD, "xsd") + ":" + name.Local
	}
	return e.prefix(name.Space, "t") + ":" + name.Local
}

// ownAttributes writes the attributes that are the message's.
func (e *encoder) ownAttributes(n document.Node, t *contract.Type) {
	for name, value := range n.Attrs() {
		if name.Space == document.NamespaceXSI {
			continue
		}
		if t != nil {
			if a := t.Attr(name); a != nil && qualified(a.Type) {
				value = e.requalified(n, value)
			}
		}
		e.attribute(name, "", value)
	}
}

func (e *encoder) content(n document.Node, t *contract.Type) {
	switch {
	case !n.FirstChild().Exists():
		value := n.Text()
		if t != nil && qualified(t.Simple) {
			value = e.requalified(n, value)
		}
		e.dst = document.AppendText(e.dst, value)
	case t != nil && t.Array != nil:
		e.members(n, t.Array.Item, t.Array.Dimensions)
	default:
		for c := range n.Children() {
			e.element(c, childType(t, c.Name()))
		}
	}
}

// childType is the type of a child element, nil where the contract does not say.
func childType(t *contract.Type, name document.Name) *contract.Type {
	if t == nil {
		return nil
	}
	if el := t.Accessor(name); el != nil && el.Name == name {
		return el.Type
	}
	return nil
}

// members writes the members of an array in one row, whatever its dimensions.
func (e *encoder) members(n document.Node, item *contract.Element, dimensions int) {
	for c := range n.Children() {
		if dimensions > 1 {
			e.members(c, item.Type.Children()[0].Element, dimensions-1)
		} else {
			e.element(c, item.Type)
		}
	}
}

// array writes what an array says of itself: in SOAP 1.1 its type and sizes in
// one (§5.4.2), in SOAP 1.2 apart (part 2 §3.1.4).
func (e *encoder) array(n document.Node, a *contract.Array) {
	sizes := e.sizes(n, a.Dimensions)
	e.attribute(nameType, "xsi", e.typeName(nameArray))
	of := a.Of
	if e.space == space11 {
		e.attribute(nameArrayType, "", e.typeName(of)+a.Ranks+"["+strings.Join(sizes, ",")+"]")
		return
	}
	if a.Ranks != "" {
		of = nameArray
	}
	e.attribute(nameItemType, "", e.typeName(of))
	e.attribute(nameArraySize, "", strings.Join(sizes, " "))
}

// sizes counts the rows and the members in each. They are of one length, or the
// array has none.
func (e *encoder) sizes(n document.Node, dimensions int) []string {
	size := 0
	var inner []string
	for c := range n.Children() {
		if size++; dimensions == 1 {
			continue
		}
		row := e.sizes(c, dimensions-1)
		if inner != nil && !slices.Equal(inner, row) {
			e.ragged = true
		}
		inner = row
	}
	for len(inner) < dimensions-1 {
		inner = append(inner, "0")
	}
	return append([]string{strconv.Itoa(size)}, inner...)
}
