package contract

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jacoelho/xsd"
	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Where a contract's schemas do not compile, the engine's copy of them is
// loosened at the very declarations that it complains of, until the rest does.
//
// What is sound in that: a loosened declaration takes everything that the right
// one would take, so that nothing is refused that a mended schema would accept.
// An attribute that XSD does not know on its element is left out, and nothing is
// lost. An element, attribute or simple type of an unknown type takes any value;
// a complex type takes any content and attributes. But a type that is loosened
// stands in no derivation any more, and xsi:type and inherited attributes count on
// that: a service that can meet such a type, its bases or what is derived from it
// is left with the gate. So it is where nothing can be loosened: in named groups,
// in wrappers, at a place that cannot be told in the file.
//
// A service is degraded in part only when what it takes may contain something
// that was loosened; header blocks and xs:any aside, which are lax anyway. The
// explanation of a refused message does not look into what was loosened either.

// maxRepairs bounds how often a contract is compiled anew, and maxRepaired the
// bytes of schemas compiled in all of that: a large contract takes long each time.
const (
	maxRepairs  = 40
	maxRepaired = 4 << 20
)

// repairs is what was done to the schemas of a contract.
type repairs struct {
	loose   map[Position]string // what is declared there → its name
	related map[Position]bool   // of these, types that are derived or derived from
	reasons []string            // in the order found
	tried   map[spot]int
	scanned map[string]bool // sources looked through for types that nobody declares
}

func newRepairs() repairs {
	return repairs{loose: map[Position]string{}, related: map[Position]bool{}, scanned: map[string]bool{}, tried: map[spot]int{}}
}

// spot is a place in the engine's copy of a schema.
type spot struct {
	source       string
	line, column int
}

// mended loosens what does not compile until the rest does. The error is the
// first.
func (set *schemaSet) mended(body string, wrappers wrapperSchemas, first error) (e *xsd.Engine, err error) {
	size := 0
	for _, source := range set.sources {
		size += len(source)
	}
	err = first
	for n := 0; err != nil; n++ {
		if n == maxRepairs || n*size > maxRepaired || compilersOwn(err) || !set.repair(err) {
			return nil, first
		}
		e, err = set.engine(body, wrappers)
	}
	return e, nil
}

// compilersOwn reports whether it is the compiler that cannot read a schema which
// may be right: it takes types that contain each other for a circle of
// derivations.
func compilersOwn(err error) bool {
	d, ok := errors.AsType[*xsderrors.Error](err)
	return ok && strings.HasPrefix(d.Message(), "cyclic complex type ")
}

// modelled reports whether the type model can judge in the compiler's place: the
// compiler alone is to blame, and the model found everything that is referred to.
func (set *schemaSet) modelled(err error) bool {
	return compilersOwn(err) && !set.l.unsound
}

// repair makes one change for what the engine says, or reports that it cannot.
func (set *schemaSet) repair(err error) bool {
	all := xsderrors.Flatten(err)
	if len(all) == 0 {
		return false
	}
	d, ok := all[0].(*xsderrors.Error)
	if !ok || set.origins[d.Path()] == nil {
		return false
	}
	tree, err := document.Read(set.sources[d.Path()])
	if err != nil {
		return false
	}
	defer tree.Release()
	r := &repair{schemaSet: set, source: d.Path(), schema: set.origins[d.Path()], complaint: d.Message(), line: d.Line(), column: d.Column()}
	done := r.at(nodeAt(tree.Root(), d.Line(), d.Column(), maxDepthOfSchemas))
	if done {
		set.sources[d.Path()] = apply(set.sources[d.Path()], r.edits)
	}
	return done
}

// undeclared loosens the declarations whose type nobody declares: the compiler
// takes them, and then refuses every message that has such an element.
func (set *schemaSet) undeclared(m *model) {
	if len(set.l.absent) == 0 {
		return
	}
	for name, s := range set.origins {
		if set.fixes.scanned[name] {
			continue
		}
		set.fixes.scanned[name] = true
		tree, err := document.Read(set.sources[name])
		if err != nil {
			continue // the compiler will say
		}
		r := &repair{schemaSet: set, source: name, schema: s}
		r.typeless(tree.Root(), m)
		tree.Release()
		if len(r.edits) > 0 {
			set.sources[name] = apply(set.sources[name], r.edits)
		}
	}
}

func (r *repair) typeless(n document.Node, m *model) {
	for c := range elements(n) {
		qname, ok := c.Attr(Name{Local: "type"})
		local := c.Name().Local
		if !ok || c.Name().Space != nsXSD || local != "element" && local != "attribute" {
			r.typeless(c, m)
			continue
		}
		prefix, name := document.SplitQName(strings.TrimSpace(qname))
		space, bound := c.NamespaceFor(prefix)
		if space == "" && prefix == "" && r.schema.chameleon {
			space = r.schema.namespace
		}
		if typ := (Name{Space: space, Local: name}); bound && space != nsXSD && m.types[typ] == nil && r.l.absent[typ] {
			r.complaint = "unknown type " + typ.String()
			r.loosen(c)
		}
	}
}

// maxDepthOfSchemas is deeper than any schema that could be read.
const maxDepthOfSchemas = 1 << 10

// repair is the change for one complaint.
type repair struct {
	*schemaSet
	source string
	schema *schema
	edits  []edit
	// complaint is the compiler's, and line and column its place if not the
	// declaration's own.
	complaint    string
	line, column int
}

var strangeAttribute = regexp.MustCompile(`^\w+ cannot have attribute (\S+)$`)

func (r *repair) at(n document.Node) bool {
	if m := strangeAttribute.FindStringSubmatch(r.complaint); m != nil && r.ignore(n, m[1]) {
		return true
	}
	for ; n.Exists() && n.Parent().Exists(); n = n.Parent() {
		if n.Name().Space != nsXSD {
			continue
		}
		switch n.Name().Local {
		case "group", "attributeGroup":
			if _, named := n.Attr(Name{Local: "name"}); named {
				return false
			}
		case "element", "attribute", "simpleType", "complexType":
			if r.loosen(n) {
				return true
			}
		}
	}
	return false
}

// ignore leaves out an attribute that XSD does not know there, from all of its
// kind in the schema: who writes it once writes it often.
func (r *repair) ignore(n document.Node, qname string) bool {
	kind := n.Name()
	at := spot{r.source + " " + kind.Local + " " + qname, 0, 0}
	if r.fixes.tried[at] > 0 {
		return false
	}
	r.fixes.tried[at]++
	var walk func(m document.Node)
	walk = func(m document.Node) {
		if m.Name() == kind {
			r.leaveOut(m, qname)
		}
		for c := range elements(m) {
			walk(c)
		}
	}
	walk(rootOf(n))
	if len(r.edits) > 0 {
		r.l.note(r.positionOf(n), "attribute %s has no meaning on xs:%s and is ignored", qname, kind.Local)
	}
	return len(r.edits) > 0
}

func (r *repair) leaveOut(n document.Node, qname string) {
	start, content, _, _ := n.Span()
	tag := slices.Clone(r.sources[r.source][start:content])
	before := string(tag)
	if blankAttribute(tag, qname); string(tag) != before {
		r.edits = append(r.edits, edit{start: start, end: content, text: strings.NewReplacer("\n", "", "\r", "").Replace(string(tag))})
	}
}

// loosen makes a declaration take anything; once only, and only where the model
// can be told of it.
func (r *repair) loosen(n document.Node) bool {
	line, column := n.Position()
	at := spot{r.source, line, column}
	text := r.looser(n)
	where, known := r.declared(n)
	if r.fixes.tried[at] > 0 || text == "" || !known {
		return false
	}
	r.fixes.tried[at]++
	start, _, _, end := n.Span()
	r.edits = append(r.edits, edit{start: start, end: end, text: text})
	r.fixes.related[where] = r.related(n)
	r.l.note(where, "%s; what is declared here is not checked", toMend(r.complaint))
	r.fixes.loose[where] = cmp.Or(attr(n, "name"), attr(n, "ref"), "the "+n.Name().Local+" at "+where.String())
	at.line, at.column = cmp.Or(r.line, line), cmp.Or(r.column, column)
	if reason := r.inFile(r.schema, at.line, at.column).String() + ": " + toMend(r.complaint); !slices.Contains(r.fixes.reasons, reason) {
		r.fixes.reasons = append(r.fixes.reasons, reason)
	}
	return true
}

// related reports whether a type is derived from another of the contract, or
// another from it.
func (r *repair) related(n document.Node) bool {
	if local := n.Name().Local; local != "simpleType" && local != "complexType" {
		return false
	}
	for c := range elements(n) {
		for d := range elements(c) {
			if base, ok := d.Attr(Name{Local: "base"}); ok && r.namespaceOf(d, base) != nsXSD {
				return true
			}
		}
		if base, ok := c.Attr(Name{Local: "base"}); ok && r.namespaceOf(c, base) != nsXSD {
			return true
		}
	}
	name, ok := n.Attr(Name{Local: "name"})
	if !ok {
		return false
	}
	derivation := regexp.MustCompile(`base\s*=\s*["']\s*([^"':]*:)?` + regexp.QuoteMeta(strings.TrimSpace(name)) + `\s*["']`)
	for _, source := range r.sources {
		if derivation.Match(source) {
			return true
		}
	}
	return false
}

// looser is the text of a declaration that takes anything, or "".
func (r *repair) looser(n document.Node) string {
	prefix, _ := document.SplitQName(n.QName())
	if prefix != "" {
		prefix += ":"
	}
	kept := func(names ...string) string {
		var b strings.Builder
		for _, name := range names {
			if v, ok := n.Attr(Name{Local: name}); ok {
				b.WriteString(" " + name + `="` + string(document.AppendValue(nil, v)) + `"`)
			}
		}
		return b.String()
	}
	ref, isRef := n.Attr(Name{Local: "ref"})
	switch n.Name().Local {
	case "complexType":
		name := ""
		if !n.Parent().Parent().Exists() {
			name = kept("name")
		}
		return "<" + prefix + "complexType" + name + ` mixed="true"><` + prefix + `sequence><` + prefix +
			`any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></` + prefix + `sequence><` + prefix +
			`anyAttribute processContents="lax"/></` + prefix + "complexType>"
	case "simpleType":
		if n.Parent().Name().Local == "attribute" {
			return ""
		}
		return "<" + prefix + "simpleType" + kept("name") + "><" + prefix + `restriction base="` + prefix + `string"/></` + prefix + "simpleType>"
	case "attribute":
		if isRef {
			return ""
		}
		return "<" + prefix + "attribute" + kept("name", "use", "form") + "/>"
	case "element":
		if isRef {
			return "<" + prefix + `any namespace="` + r.namespaceOf(n, ref) + `" processContents="lax"` + kept("minOccurs", "maxOccurs") + "/>"
		}
		return "<" + prefix + "element" + kept("name", "minOccurs", "maxOccurs", "form", "substitutionGroup", "abstract") + ` nillable="true"/>`
	}
	return ""
}

// namespaceOf is what a wildcard takes in place of a reference.
func (r *repair) namespaceOf(n document.Node, qname string) string {
	prefix, _ := document.SplitQName(strings.TrimSpace(qname))
	space, bound := n.NamespaceFor(prefix)
	switch {
	case !bound && prefix != "":
		return "##any"
	case space == "" && r.schema.chameleon:
		return string(document.AppendValue(nil, r.schema.namespace))
	case space == "":
		return "##local"
	}
	return string(document.AppendValue(nil, space))
}

// declared returns where the declaration stands in its file; false when no such
// declaration is there.
func (r *repair) declared(n document.Node) (Position, bool) {
	where := r.positionOf(n)
	var find func(m document.Node) bool
	find = func(m document.Node) bool {
		if m.Name() == n.Name() && r.l.at(r.schema.file, m) == where {
			return true
		}
		for c := range elements(m) {
			if find(c) {
				return true
			}
		}
		return false
	}
	return where, find(r.schema.node)
}

func (r *repair) positionOf(n document.Node) Position {
	line, column := n.Position()
	return r.inFile(r.schema, line, column)
}

// inFile is a place of the engine's copy of a schema in the schema's file.
func (set *schemaSet) inFile(s *schema, line, column int) Position {
	p := set.l.at(s.file, s.node)
	if line > 1 {
		p.Line, p.Column = p.Line+line-1, column
	}
	return p
}

// loosened says in one line what of a service is not checked because it was
// loosened; gated is set where that cannot be told apart from the rest.
func (set *schemaSet) loosened(s *Service) (words string, gated bool) {
	if len(set.fixes.loose) == 0 {
		return "", false
	}
	r := &reach{fixes: &set.fixes, types: map[*Type]bool{}, elements: map[*Element]bool{}, names: map[string]bool{}}
	for _, o := range s.Operations {
		if o.Unsupported == "" && o.Input != nil {
			r.element(o.Input.Element)
		}
	}
	if len(r.names) == 0 {
		return "", false
	}
	reason := set.fixes.reasons[0]
	if len(set.fixes.reasons) > 1 {
		reason += fmt.Sprintf(" (and %d more such)", len(set.fixes.reasons)-1)
	}
	if r.related {
		return reason, true
	}
	return reason + "; not checked is what stands in " + listed(slices.Sorted(maps.Keys(r.names))) + ", all else is", false
}

// reach finds what may stand in the messages of a service.
type reach struct {
	fixes    *repairs
	related  bool // something that was loosened is related to other types
	types    map[*Type]bool
	elements map[*Element]bool
	names    map[string]bool
}

func (r *reach) element(e *Element) {
	if e == nil || r.elements[e] {
		return
	}
	r.elements[e] = true
	r.note(e.Position)
	r.typ(e.Type)
	for _, s := range e.Substitutes {
		r.element(s)
	}
}

func (r *reach) typ(t *Type) {
	if t == nil || r.types[t] || t.Name.Space == nsXSD {
		return
	}
	r.types[t] = true
	r.note(t.Position)
	r.typ(t.Base)
	for _, d := range t.Derived {
		r.typ(d)
	}
	for _, a := range t.Attributes {
		r.note(a.Position)
	}
	for _, c := range t.children {
		r.element(c.Element)
	}
}

func (r *reach) note(p Position) {
	if name, ok := r.fixes.loose[p]; ok {
		r.names[name] = true
		r.related = r.related || r.fixes.related[p]
	}
}

// isLoose reports whether the engine takes anything for an element, by itself or
// because of its type.
func (s *Service) isLoose(el *Element, t *Type) bool {
	if len(s.loose) == 0 {
		return false
	}
	if _, ok := s.loose[el.Position]; ok {
		return true
	}
	for ; t != nil; t = t.Base {
		if _, ok := s.loose[t.Position]; ok {
			return true
		}
	}
	return false
}
