package contract

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Array says that a complex type is a SOAP array (SOAP 1.1 §5.4.2, WSDL 1.1
// §2.2). Its content is a sequence of any number of members, and that is how the
// type model, the validator and everything else that reads literal messages see
// it. Of an array of several dimensions the members stand in rows: each item of
// the first level holds the items of the next. Array itself is only needed where
// an encoded message is read or written.
type Array struct {
	// Item is the element of one member, or of one row. In an encoded message the
	// members may have any name; in a literal one they have this.
	Item *Element
	// Of is the type of the members, and Ranks what stands behind it in the
	// arrayType of one member: "[]" for an array of arrays, empty otherwise.
	Of    Name
	Ranks string
	// Dimensions is 1 but for arrays such as xsd:string[,].
	Dimensions int
}

// encodings are the namespaces of the encodings of SOAP 1.1 §5 and SOAP 1.2
// part 2 §3.
func isEncoding(space string) bool { return space == nsSOAPEnc || space == nsEnc12 }

// maxRanks bounds the dimensions of an array and of the arrays in it, together.
const maxRanks = 8

// arrayType is the value of wsdl:arrayType: a type and the ranks behind it, the
// array's own last (SOAP 1.1 §5.4.2: int[,][] is an array of tables).
type arrayType struct {
	of    Name
	ranks []int // the number of dimensions of each
}

var plainArray = arrayType{of: xsdName("anyType"), ranks: []int{1}}

// parseArrayType reads the arrayType that stands on an attribute declaration
// below n, a restriction of the array type. ok is false where there is none that
// can be read.
func parseArrayType(s *schema, n document.Node) (t arrayType, ok bool) {
	for a := range children(n, xsdName("attribute")) {
		for name, value := range a.Attrs() {
			if name.Local == "arrayType" {
				return s.arrayType(a, value)
			}
		}
	}
	return arrayType{}, false
}

func (s *schema) arrayType(n document.Node, value string) (t arrayType, ok bool) {
	qname, ranks, found := strings.Cut(trim(value), "[")
	if !found {
		ranks = "]"
	}
	t.of, ok = s.expand(n, qname)
	if t.of == xsdName("ur-type") { // of the drafts that SOAP 1.1 was written with
		t.of = plainArray.of
	}
	total := 0
	for rank := range strings.SplitSeq(ranks, "[") {
		dimensions := strings.Count(rank, ",") + 1
		total += dimensions
		t.ranks = append(t.ranks, dimensions)
	}
	return t, ok && t.of.Local != "" && total <= maxRanks
}

// item is the arrayType of one member, where members are arrays.
func (t arrayType) item() (arrayType, bool) {
	rest := t.ranks[:len(t.ranks)-1]
	return arrayType{t.of, rest}, len(rest) > 0
}

func (t arrayType) dimensions() int { return t.ranks[len(t.ranks)-1] }

func ranksText(ranks []int) string {
	var b strings.Builder
	for _, n := range ranks {
		b.WriteString("[" + strings.Repeat(",", n-1) + "]")
	}
	return b.String()
}

// arrays writes the SOAP arrays of a contract as sequences.
type arrays struct {
	types map[Name]global
	known map[Name]bool // whether a named type is an array; false while that is found out
	edits map[*schema][]edit
}

// unfoldArrays gives every type that restricts soapenc:Array the content model
// that its arrayType means.
func (l *loader) unfoldArrays() {
	a := &arrays{types: map[Name]global{}, known: map[Name]bool{}, edits: map[*schema][]edit{}}
	var in []*schema
	for _, s := range l.schemas {
		if s.wellKnown || !bytes.Contains(s.text, []byte(nsSOAPEnc)) && !bytes.Contains(s.text, []byte(nsEnc12)) {
			continue
		}
		in = append(in, s)
		for n := range children(s.node, xsdName("complexType")) {
			a.types[Name{Space: s.namespace, Local: attr(n, "name")}] = global{n, s}
		}
	}
	for _, s := range in {
		a.below(s, s.node)
	}
	l.revise(a.edits)
}

// below unfolds the arrays among the complex types in n.
func (a *arrays) below(s *schema, n document.Node) {
	for c := range elements(n) {
		if c.Name() == xsdName("complexType") {
			if derived, base, ok := derivation(s, c); ok && a.isArray(base) {
				a.unfold(s, derived, base)
			}
		}
		a.below(s, c)
	}
}

// derivation returns the restriction or extension in a complex type's complex
// content, with its base.
func derivation(s *schema, n document.Node) (derived document.Node, base Name, ok bool) {
	for c := range elements(n.Child(xsdName("complexContent"))) {
		if c.Name() == xsdName("restriction") || c.Name() == xsdName("extension") {
			base, _ = s.expand(c, attr(c, "base"))
			return c, base, true
		}
	}
	return document.Node{}, Name{}, false
}

func (a *arrays) isArray(name Name) bool {
	if isEncoding(name.Space) {
		return name.Local == "Array"
	}
	is, known := a.known[name]
	if src, ok := a.types[name]; ok && !known {
		a.known[name] = false
		_, base, derived := derivation(src.in, src.node)
		is = derived && a.isArray(base)
		a.known[name] = is
	}
	return is
}

// unfold writes the members of an array into its restriction. An extension,
// which the encoding has no meaning for, is taken for a restriction.
func (a *arrays) unfold(s *schema, n document.Node, base Name) {
	t, declared := parseArrayType(s, n)
	if !declared {
		t = a.inherited(base)
	}
	if !isEncoding(base.Space) {
		base = Name{Space: nsSOAPEnc, Local: "Array"}
	}
	if n.Name().Local == "extension" {
		a.edits[s] = append(a.edits[s], renamed(s, n, "restriction")...)
	}
	group := contentNode(n)
	switch member := soleElement(group); {
	case !group.Exists():
		a.edits[s] = append(a.edits[s], s.insertion(n, t.content(base)))
	case !member.Exists():
		start, _, _, end := group.Span()
		a.edits[s] = append(a.edits[s], edit{start: start, end: end, text: t.content(base)})
	default:
		a.member(s, group, member, t, base)
	}
}

// inherited is the arrayType of a named type, or of one that it is derived from.
func (a *arrays) inherited(name Name) arrayType {
	for range maxRanks {
		src, ok := a.types[name]
		if !ok {
			break
		}
		derived, base, _ := derivation(src.in, src.node)
		if t, ok := parseArrayType(src.in, derived); ok {
			return t
		}
		name = base
	}
	return plainArray
}

// contentNode returns the particle below n.
func contentNode(n document.Node) document.Node {
	for c := range elements(n) {
		if c.Name().Space == nsXSD {
			switch c.Name().Local {
			case "sequence", "all", "choice", "group":
				return c
			}
		}
	}
	return document.Node{}
}

// soleElement returns the one element of a group that has nothing else.
func soleElement(group document.Node) document.Node {
	var only document.Node
	for c := range elements(group) {
		switch {
		case c.Name() == xsdName("annotation"):
		case c.Name() != xsdName("element") || only.Exists():
			return document.Node{}
		default:
			only = c
		}
	}
	return only
}

// member keeps a declared member element, which may occur any number of times,
// or as often as it says where it says more than once.
func (a *arrays) member(s *schema, group, n document.Node, t arrayType, base Name) {
	most := trim(attr(n, "maxOccurs"))
	if most == "" || most == "0" || most == "1" {
		most = "unbounded"
	}
	tag := s.startTag(n)
	tag = withoutAttribute(withoutAttribute(tag, "minOccurs"), "maxOccurs")
	name := len("<") + len(n.QName())
	added := ` minOccurs="0" maxOccurs="` + most + `"`
	if !typed(n) {
		declaration, qname := t.typeAttribute()
		if _, nested := t.item(); nested || t.dimensions() > 1 {
			declaration, qname = arrayType{of: plainArray.of}.typeAttribute()
		}
		added += declaration + ` type="` + qname + `"`
	}
	prefix := strings.TrimSuffix(group.QName(), group.Name().Local)
	start, _, _, end := group.Span()
	from, content, _, to := n.Span()
	a.edits[s] = append(a.edits[s],
		edit{start: start, end: from, text: "<" + prefix + "sequence>"},
		edit{start: from, end: content, text: string(tag[:name]) + added + string(tag[name:])},
		edit{start: to, end: end, text: "</" + prefix + "sequence>"})
}

func typed(n document.Node) bool {
	return attr(n, "type") != "" || attr(n, "ref") != "" ||
		n.Child(xsdName("complexType")).Exists() || n.Child(xsdName("simpleType")).Exists()
}

// renamed edits an element's tags.
func renamed(s *schema, n document.Node, local string) []edit {
	start, _, closing, _ := n.Span()
	from := start + len("<") + len(n.QName()) - len(n.Name().Local)
	out := []edit{{start: from, end: from + len(n.Name().Local), text: local}}
	if !s.empty(n) {
		from = closing + len("</") + len(n.QName()) - len(n.Name().Local)
		out = append(out, edit{start: from, end: from + len(n.Name().Local), text: local})
	}
	return out
}

// content is the sequence of members, on one line.
func (t arrayType) content(base Name) string {
	return t.rows(t.dimensions(), base)
}

// rows nests one sequence for each dimension.
func (t arrayType) rows(dimensions int, base Name) string {
	const item = `<x:element name="item" form="unqualified" minOccurs="0" maxOccurs="unbounded" nillable="true"`
	out := `<x:sequence xmlns:x="` + nsXSD + `">` + item
	inner, nested := t.item()
	switch {
	case dimensions > 1:
		out += `><x:complexType>` + t.rows(dimensions-1, base) + `</x:complexType></x:element>`
	case nested:
		out += `>` + inner.anonymous(base) + `</x:element>`
	default:
		declaration, qname := t.typeAttribute()
		out += declaration + ` type="` + qname + `"/>`
	}
	return out + `</x:sequence>`
}

// anonymous is an array type without a name.
func (t arrayType) anonymous(base Name) string {
	declaration, qname := t.typeAttribute()
	return fmt.Sprintf(`<x:complexType><x:complexContent><x:restriction xmlns:e="%s" base="e:Array">%s`+
		`<x:attribute%s ref="e:arrayType" xmlns:w="%s" w:arrayType="%s%s"/></x:restriction></x:complexContent></x:complexType>`,
		base.Space, t.content(base), declaration, nsWSDL, qname, ranksText(t.ranks))
}

// typeAttribute returns a namespace declaration and the QName of the member's
// type by it.
func (t arrayType) typeAttribute() (declaration, qname string) {
	if t.of.Space == "" {
		return ` xmlns=""`, t.of.Local
	}
	return string(document.AppendValue([]byte(` xmlns:o="`), t.of.Space)) + `"`, "o:" + t.of.Local
}
