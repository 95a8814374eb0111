package contract

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// explainer walks an invalid envelope beside the type model and says what is
// wrong with it: everything, not the first of each element, and what would be
// right.
type explainer struct {
	service *Service
	// operation is the one that the message was dispatched to, or nil.
	operation *Operation
	details   []fault.Detail
	more      int // faults found past maxDetails
	// translated counts the details that are the engine's verdict in our words,
	// because the walk beside the model found nothing.
	translated int
	// misplacedText says that there is text somewhere between elements; it is
	// only looked for then.
	misplacedText bool
}

// maxDetails is how many faults of one message are put into words. The rest is
// counted: a sender may send a million.
const maxDetails = 1000

func (x *explainer) full() bool { return len(x.details) >= maxDetails }

// report adds a detail about n.
func (x *explainer) report(n document.Node, d fault.Detail) {
	if x.full() {
		x.more++
		return
	}
	if d.Path == "" {
		d.Path = n.Path()
	}
	if d.Line == 0 {
		d.Line, d.Column = n.Position()
	}
	x.details = append(x.details, d)
}

// structure checks what SOAP itself demands and that the Body holds a known
// operation (SOAP 1.1 §4, SOAP 1.2 part 1 §5). It returns the Body's child.
func (x *explainer) structure(root document.Node) (document.Node, *Operation) {
	space := root.Name().Space
	header, body := Name{Space: space, Local: "Header"}, Name{Space: space, Local: "Body"}
	seen := document.Node{}
	for n := range root.Children() {
		switch {
		case n.Name() == header && !n.Parent().FirstChild().Is(header), n.Name() == header && precededBy(n, header):
			x.report(n, fault.Detail{Message: "the Header is not the first child of the Envelope", Found: quoted(n), Expected: "one Header, which may be left out, and one Body"})
		case n.Name() == header:
		case n.Name() == body && !seen.Exists():
			seen = n
		default:
			x.report(n, fault.Detail{Message: "the Envelope may not contain this element", Found: quoted(n), Expected: "one Header, which may be left out, and one Body"})
		}
	}
	if !seen.Exists() {
		x.report(root, fault.Detail{Message: "the Envelope has no Body"})
		return document.Node{}, nil
	}
	return x.body(seen)
}

func precededBy(n document.Node, name Name) bool {
	first := n.Parent().Child(name)
	return first != n
}

// body returns the element that holds the message: the Body's child, or the
// Body itself where the parts stand in it.
func (x *explainer) body(body document.Node) (document.Node, *Operation) {
	child := body.FirstChild()
	op := x.meant(child)
	if op != nil && op.Input.Gathered {
		return body, op
	}
	if !child.Exists() {
		x.report(body, fault.Detail{Message: "the Body is empty", Expected: x.inputs(body, "")})
		return child, nil
	}
	for extra := child.NextSibling(); extra.Exists(); extra = extra.NextSibling() {
		x.report(extra, fault.Detail{Message: "the Body has more than one child", Found: quoted(extra), Expected: "nothing after " + child.QName()})
	}
	if op == nil {
		x.report(child, fault.Detail{Message: "the service has no operation with this Body" + isMeant(x.meantInput(child.Name().Local)), Found: child.Name().String(),
			Expected: x.inputs(body, child.Name().Local)})
	}
	return child, op
}

// meantInput is the name of the Body element that a misspelt one was meant to
// be, or "".
func (x *explainer) meantInput(local string) string {
	var names []string
	for name := range x.service.byBody {
		if name.Local == local {
			return ""
		}
		names = append(names, name.Local)
	}
	slices.Sort(names)
	return nearest(local, names)
}

// meant is the operation that a Body with this first child is taken for.
func (x *explainer) meant(child document.Node) *Operation {
	name := Name{}
	if child.Exists() {
		name = child.Name()
	}
	all := x.service.byBody[name]
	if x.operation != nil && slices.Contains(all, x.operation) {
		return x.operation
	}
	for _, o := range all {
		if o.Input.stands(child) {
			return o
		}
	}
	return x.service.Operation(name)
}

// stands reports whether the Body's children, from the first, are the message's.
func (m *Message) stands(child document.Node) bool {
	for _, el := range m.body() {
		if !child.Is(el.Name) {
			return false
		}
		child = child.NextSibling()
	}
	return !child.Exists()
}

// inputs lists the Body elements of the service; where one has the local name
// that was found, it alone.
func (x *explainer) inputs(at document.Node, local string) string {
	var all, same []string
	for _, o := range x.service.Operations {
		if o.Unsupported != "" {
			continue
		}
		words := o.Input.bodyWords()
		all = append(all, words)
		if local != "" && o.Input.bodyName().Local == local {
			same = append(same, words)
		}
	}
	if len(same) > 0 {
		return listed(same)
	}
	if len(all) > 1 {
		return "one of " + listed(all)
	}
	return listed(all)
}

// envelope explains a whole envelope.
func (x *explainer) envelope(root document.Node) {
	if header := root.Child(Name{Space: root.Name().Space, Local: "Header"}); header.Exists() {
		for block := range header.Children() {
			if el := x.block(block.Name()); el != nil {
				x.element(block, el)
			}
		}
	}
	in, op := x.structure(root)
	switch {
	case op == nil:
	case !op.Input.Gathered:
		x.element(in, op.Input.Element)
	case len(op.Input.Parts) == 0:
		x.empty(in, op.Input.Element)
	default:
		x.content(in, op.Input.Element, op.Input.Element.Type)
	}
}

// block is the declaration of a header block: a schema's, or synthesised for a
// part that names a type.
func (x *explainer) block(name Name) *Element {
	if el := x.service.elements[name]; el != nil {
		return el
	}
	for _, o := range x.service.Operations {
		for _, el := range o.Input.Blocks() {
			if o.Unsupported == "" && el.Name == name {
				return el
			}
		}
	}
	return nil
}

// element explains one element against its declaration.
func (x *explainer) element(n document.Node, el *Element) {
	if el.Abstract {
		x.report(n, fault.Detail{Message: "the element is abstract", Found: n.QName(), Expected: x.names(n, el.Substitutes), Doc: el.doc()})
		return
	}
	t := x.effectiveType(n, el)
	if t == nil || x.service.isLoose(el, t) {
		return
	}
	x.attributes(n, t)
	if _, said := n.Attr(Name{Space: nsXSI, Local: "nil"}); said && !x.nilAllowed(n, el) || n.Nil() {
		return
	}
	switch {
	case t.Simple != nil:
		x.simple(n, el, t.Simple)
	case t.Content == nil:
		x.empty(n, el)
	default:
		x.content(n, el, t)
	}
}

// nilAllowed explains xsi:nil; false means that the element needs no more words.
func (x *explainer) nilAllowed(n document.Node, el *Element) bool {
	value, _ := n.Attr(Name{Space: nsXSI, Local: "nil"})
	switch {
	case x.service.types[xsdName("boolean")].Simple.Check(value) != "":
		x.report(n, fault.Detail{Message: "xsi:nil is neither true nor false", Found: `xsi:nil="` + shorten(value) + `"`, Expected: "true or false", Doc: el.doc()})
		return false
	case !el.Nillable:
		x.report(n, fault.Detail{Message: "xsi:nil is not allowed on this element", Found: `xsi:nil="` + shorten(value) + `"`, Expected: x.typeWords(n, el), Doc: el.doc()})
		return false
	case n.Nil() && (n.FirstChild().Exists() || n.Text() != ""):
		x.report(n, fault.Detail{Message: "the element is nil and is not empty", Found: quote(n.Text()), Expected: "an empty element", Doc: el.doc()})
	}
	return true
}

// effectiveType follows xsi:type; nil means that no type can be told.
func (x *explainer) effectiveType(n document.Node, el *Element) *Type {
	t := el.Type
	if v, ok := n.Attr(Name{Space: nsXSI, Local: "type"}); ok {
		named := x.namedType(n)
		if named == nil || !named.derives(el.Type) {
			x.report(n, fault.Detail{Message: "xsi:type does not name a type that may stand here", Found: quote(v),
				Expected: derivedNames(el.Type), Doc: el.doc()})
			return nil
		}
		t = named
	}
	if t.Abstract {
		x.report(n, fault.Detail{Message: "the element's type is abstract; xsi:type must name one derived from it", Found: n.QName() + " of type " + t.Name.String(), Expected: derivedNames(t), Doc: el.doc()})
		return nil
	}
	return t
}

// namedType returns the type that xsi:type names, or nil.
func (x *explainer) namedType(n document.Node) *Type {
	v, ok := n.Attr(Name{Space: nsXSI, Local: "type"})
	if !ok {
		return nil
	}
	prefix, local := document.SplitQName(strings.TrimSpace(v))
	space, _ := n.NamespaceFor(prefix)
	return x.service.types[Name{Space: space, Local: local}]
}

// derives reports whether t is base or derived from it.
func (t *Type) derives(base *Type) bool {
	for ; t != nil; t = t.Base {
		if t == base {
			return true
		}
	}
	return false
}

func derivedNames(t *Type) string {
	var names []string
	if t.Name.Local != "" && !t.Abstract {
		names = append(names, t.Name.String())
	}
	for _, d := range t.Derived {
		if !d.Abstract {
			names = append(names, d.Name.String())
		}
	}
	return listed(names)
}

// simple explains an element that holds a value.
func (x *explainer) simple(n document.Node, el *Element, s *Simple) {
	if child := n.FirstChild(); child.Exists() {
		x.report(child, fault.Detail{Message: "no element is allowed here", Found: quoted(child), Expected: s.Describe(), Doc: el.doc()})
		return
	}
	value := n.Text()
	if value == "" && (el.Default != nil || el.Fixed != nil) {
		return
	}
	if d, wrong := x.judgeValue(n, s, el.Fixed, value); wrong {
		d.Doc = el.doc()
		if el.Nillable && value == "" {
			d.Expected += `, or xsi:nil="true" on the element`
		}
		x.report(n, d)
	}
}

func (x *explainer) empty(n document.Node, el *Element) {
	if child := n.FirstChild(); child.Exists() {
		x.report(child, fault.Detail{Message: "no element is allowed here", Found: quoted(child), Expected: "an empty element", Doc: el.doc()})
		return
	}
	if v := n.Text(); v != "" {
		x.report(n, fault.Detail{Message: "no text is allowed here", Found: quote(v), Expected: "an empty element", Doc: el.doc()})
	}
}

// names lists elements with the prefixes that the document has for them.
func (x *explainer) names(at document.Node, els []*Element) string {
	var out []string
	for _, el := range els {
		if name := prefixed(at, el.Name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(out) > 1 {
		return "one of " + listed(out)
	}
	return listed(out)
}

// prefixed writes a name as the document would at that place, or in Clark
// notation where the document has no prefix for its namespace.
func prefixed(at document.Node, name Name) string {
	if name.Space == "" {
		return name.Local
	}
	for n := at; n.Exists(); n = n.Parent() {
		if n.Name().Space != name.Space {
			continue
		}
		if prefix, _ := document.SplitQName(n.QName()); prefix != "" {
			return prefix + ":" + name.Local
		}
		return name.Local
	}
	return name.String()
}

// quoted is an element's name as written.
func quoted(n document.Node) string { return "<" + n.QName() + ">" }

func quote(v string) string { return `"` + visible.Replace(shorten(v)) + `"` }

// visible keeps a value on one line.
var visible = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

func elementsWord(els []*Element) string {
	if len(els) == 1 {
		return "the element "
	}
	return "the elements "
}

// typeWords says what an element holds.
func (x *explainer) typeWords(at document.Node, el *Element) string {
	if el.Type.Simple != nil {
		return el.Type.Simple.Describe()
	}
	var names []*Element
	for _, c := range el.Type.Children() {
		names = append(names, c.Element)
	}
	if len(names) == 0 {
		return "an empty element"
	}
	return elementsWord(names) + strings.TrimPrefix(x.names(at, names), "one of ")
}
