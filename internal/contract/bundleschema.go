package contract

import (
	"maps"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// embedSchemas puts all schemas into the types of the main WSDL, one for each
// namespace.
func (b *bundle) embedSchemas(root *etree.Element) {
	types := b.types(root)
	if types == nil {
		return
	}
	there := scopeOf(types)
	var all []*etree.Element
	for _, group := range b.groups() {
		all = append(all, b.merge(group, there))
	}
	for _, e := range root.ChildElements() {
		if is(e, wsdlName("types")) {
			removeAll(e, xsdName("schema"))
		}
		if is(e, wsdlName("types")) && e != types {
			root.RemoveChild(e)
		}
	}
	for _, e := range all {
		types.AddChild(e)
	}
}

// types returns the wsdl:types that schemas go into, made where there is none;
// nil where nothing goes.
func (b *bundle) types(root *etree.Element) *etree.Element {
	before := len(root.Child)
	for _, e := range root.ChildElements() {
		if is(e, wsdlName("types")) {
			return e
		}
		if isComponent(e) {
			before = min(before, e.Index())
		}
	}
	if len(b.schemas) == 0 {
		return nil
	}
	e := etree.NewElement("types")
	e.Space = root.Space
	root.InsertChildAt(before, e)
	return e
}

// groups returns the schemas of each namespace, as they were met.
func (b *bundle) groups() [][]bundled {
	at := map[string]int{}
	var out [][]bundled
	for _, s := range b.schemas {
		i, known := at[s.namespace]
		if !known {
			i = len(out)
			at[s.namespace], out = i, append(out, nil)
		}
		out[i] = append(out[i], s)
	}
	return out
}

// element finds the xs:schema in its file.
func (b *bundle) element(s bundled) *etree.Element {
	root := b.files[s.page].doc.Root()
	if s.index == 0 {
		return root
	}
	index := 0
	for _, types := range root.ChildElements() {
		if !is(types, wsdlName("types")) {
			continue
		}
		for _, e := range types.ChildElements() {
			if is(e, xsdName("schema")) {
				if index++; index == s.index {
					return e
				}
			}
		}
	}
	return nil
}

// merger makes one xs:schema of those of a namespace.
type merger struct {
	*bundle
	out      *etree.Element
	inside   scope // of out
	defaults defaults
	imports  map[string]bool
	known    map[string]bool // the namespaces that have a schema
}

func (b *bundle) merge(group []bundled, there scope) *etree.Element {
	base := b.element(group[0])
	m := &merger{bundle: b, out: etree.NewElement(base.Tag), imports: map[string]bool{}, known: map[string]bool{}}
	for _, s := range b.schemas {
		m.known[s.namespace] = true
	}
	m.start(group, base, there)
	for _, s := range group {
		m.add(s)
	}
	m.writeImports(group[0].namespace)
	inLines(m.out)
	return m.out
}

// start makes the start tag: that of the first schema, with defaults that hold
// for all.
func (m *merger) start(group []bundled, base *etree.Element, there scope) {
	m.out.Space = base.Space
	for _, a := range base.Attr {
		if a.Space != "" || !slices.Contains(defaultNames, a.Key) {
			m.out.CreateAttr(a.FullKey(), a.Value)
		}
	}
	if ns := group[0].namespace; ns != "" {
		m.out.CreateAttr("targetNamespace", ns)
	}
	scopeIn(base, group[0]).keep(m.out, base, there)
	m.inside = maps.Clone(there)
	maps.Copy(m.inside, scopeOf(m.out))
	for i, s := range group {
		if d := defaultsOf(m.element(s)); i == 0 {
			m.defaults = d
		} else {
			m.defaults = m.defaults.common(d)
		}
	}
	m.defaults.write(m.out)
}

// scopeIn is what prefixes mean in a schema or a part of it. In one that takes
// over a namespace, a name without a prefix is of that (XSD 1.0 part 1 §4.2.1).
func scopeIn(e *etree.Element, s bundled) scope {
	out := scopeOf(e)
	if s.chameleon && out[""] == "" {
		out[""] = s.namespace
	}
	return out
}

// add copies the components of one schema.
func (m *merger) add(s bundled) {
	from := m.element(s)
	own := defaultsOf(from)
	ordinal := -1
	for _, t := range from.Child {
		if c, ok := t.(*etree.Comment); ok {
			m.out.CreateComment(c.Data)
		}
		e, ok := t.(*etree.Element)
		if !ok {
			continue
		}
		ordinal++
		switch {
		case is(e, xsdName("import")):
			m.imports[plain(e, "namespace")] = true
		case is(e, xsdName("include")), s.dropped[ordinal]:
		default:
			m.component(e, s, own)
		}
	}
	m.foreignAttributes(from)
}

// component copies one component.
func (m *merger) component(e *etree.Element, s bundled, own defaults) {
	before, clone := scopeIn(e, s), e.Copy()
	before.keep(clone, clone, m.inside)
	eachPrefix(clone, func(prefix string) { m.mention(before[prefix]) })
	if usesDefault(clone) {
		m.mention(before[""])
	}
	m.out.AddChild(clone) // now its names resolve
	own.spell(clone, true, m.defaults)
}

// mention has a namespace imported that a schema of the contract is for.
func (m *merger) mention(ns string) {
	if ns != "" && m.known[ns] {
		m.imports[ns] = true
	}
}

// foreignAttributes keeps what others than XSD say on a schema that is not the
// first, as versions of binding languages.
func (m *merger) foreignAttributes(from *etree.Element) {
	outer := scopeOf(from)
	for _, a := range from.Attr {
		if a.Space == "" || a.Space == "xmlns" || a.Space == "xml" {
			continue
		}
		if _, have := attributeOf(m.out, a.Space, a.Key); have {
			continue
		}
		uri, bound := m.inside[a.Space]
		if bound && uri != outer[a.Space] {
			continue
		}
		m.out.CreateAttr(a.FullKey(), a.Value)
		if !bound {
			m.inside[a.Space] = outer[a.Space]
			declare(m.out, a.Space, outer[a.Space])
		}
	}
}

func (m *merger) writeImports(own string) {
	for _, ns := range slices.Backward(slices.Sorted(maps.Keys(m.imports))) {
		if ns == own {
			continue
		}
		e := etree.NewElement("import")
		e.Space = m.out.Space
		if ns != "" {
			e.CreateAttr("namespace", ns)
		}
		m.out.InsertChildAt(0, e)
	}
}

// defaults are what a schema says for all of its components (XSD 1.0 part 1
// §3.15.2).
type defaults struct{ elements, attributes, block, final string }

var defaultNames = []string{"elementFormDefault", "attributeFormDefault", "blockDefault", "finalDefault"}

func defaultsOf(schema *etree.Element) defaults {
	form := func(local string) string {
		if strings.TrimSpace(plain(schema, local)) == "qualified" {
			return "qualified"
		}
		return "unqualified"
	}
	list := func(local string) string { return strings.Join(strings.Fields(plain(schema, local)), " ") }
	return defaults{form("elementFormDefault"), form("attributeFormDefault"), list("blockDefault"), list("finalDefault")}
}

// common is what stands for both on their common schema: where they differ,
// elements are qualified, attributes are not, and nothing is blocked or final.
func (d defaults) common(o defaults) defaults {
	pick := func(a, b, otherwise string) string {
		if a == b {
			return a
		}
		return otherwise
	}
	return defaults{pick(d.elements, o.elements, "qualified"), pick(d.attributes, o.attributes, "unqualified"),
		pick(d.block, o.block, ""), pick(d.final, o.final, "")}
}

func (d defaults) write(schema *etree.Element) {
	for i, v := range []string{d.elements, d.attributes, d.block, d.final} {
		if v != "" && v != "unqualified" {
			schema.CreateAttr(defaultNames[i], v)
		}
	}
}

// The values that block and final have where they stand (XSD 1.0 part 1 §3.3.2,
// §3.4.2, §3.14.2); a default may hold more.
var (
	elementBlock = []string{"extension", "restriction", "substitution"}
	derivations  = []string{"extension", "restriction"}
	simpleFinal  = []string{"list", "union", "restriction"}
)

// spell writes down, at a component and in it, what d says for it and its new
// schema does not.
func (d defaults) spell(e *etree.Element, top bool, merged defaults) {
	if is(e, xsdName("annotation")) {
		return
	}
	_, refers := attributeOf(e, "", "ref")
	if e.NamespaceURI() == nsXSD && !refers {
		d.spellOne(e, top, merged)
	}
	for _, c := range e.ChildElements() {
		d.spell(c, false, merged)
	}
}

func (d defaults) spellOne(e *etree.Element, top bool, merged defaults) {
	switch {
	case e.Tag == "element" && !top:
		say(e, "form", d.elements, merged.elements)
		say(e, "block", among(d.block, elementBlock), among(merged.block, elementBlock))
	case e.Tag == "element":
		say(e, "block", among(d.block, elementBlock), among(merged.block, elementBlock))
		say(e, "final", among(d.final, derivations), among(merged.final, derivations))
	case e.Tag == "attribute" && !top:
		say(e, "form", d.attributes, merged.attributes)
	case e.Tag == "complexType" && top:
		say(e, "block", among(d.block, derivations), among(merged.block, derivations))
		say(e, "final", among(d.final, derivations), among(merged.final, derivations))
	case e.Tag == "simpleType" && top:
		say(e, "final", among(d.final, simpleFinal), among(merged.final, simpleFinal))
	}
}

// say writes an attribute whose default would be another.
func say(e *etree.Element, attribute, value, otherwise string) {
	if _, said := attributeOf(e, "", attribute); !said && value != otherwise {
		e.CreateAttr(attribute, value)
	}
}

// among keeps those words of a list that are allowed.
func among(list string, allowed []string) string {
	if list == "#all" {
		return list
	}
	words := slices.DeleteFunc(strings.Fields(list), func(w string) bool { return !slices.Contains(allowed, w) })
	return strings.Join(words, " ")
}
