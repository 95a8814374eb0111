package contract

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/beevik/etree"

	"github.com/gatehouse/gatehouse/internal/document"
)

// bundle makes one document of a WSDL and all that it imports, for tools that
// follow no references.
//
// A WSDL document has one target namespace (WSDL 1.1 §2.1), so what other WSDLs
// declare moves into that of the main one. None of it is seen on the wire but
// one: the action that WS-Addressing derives from the port type's namespace and
// name (WS-Addressing 1.0 Metadata §4.4.4). Where that would change, it is
// written down as wsam:Action. Names that collide get a number.
//
// The schemas of one namespace become one, with what their defaults say written
// down where they differ; imports between them are by namespace alone.
type bundle struct {
	definitions []*page
	schemas     []bundled

	files   map[*page]*editable
	mark    string // of what is disguised, the same in all files
	target  string // the namespace that everything moves into
	prefix  string // bound to target
	actions string // prefix of wsam; empty until it is needed
	names   map[symbol]string
	before  map[*etree.Element]string // the names that components had
	acting  map[soapActing]bool
}

// bundled is one xs:schema, read for one namespace.
type bundled struct {
	page      *page
	index     int // 1-based place among the schemas of the WSDL; 0 for a file of its own
	namespace string
	chameleon bool
	wellKnown bool
	dropped   map[int]bool // ordinals of the components that another schema declares too
}

// symbol is a component of a WSDL: names of different kinds never collide.
type symbol struct {
	kind string
	name Name
}

// theirOwn are namespaces whose schemas every tool brings along; few stand being
// shown another.
var theirOwn = []string{nsXSD, nsXML, nsSOAPEnc}

// singlePage returns the page that holds everything, or nil where the contract
// is no WSDL.
func (l *loader) singlePage(c *Contract) *page {
	if len(l.definitions) == 0 {
		return nil
	}
	b, merged := &bundle{}, map[shared]*page{}
	for _, d := range l.definitions {
		b.definitions = append(b.definitions, pageOf(c.pages, d.file))
	}
	for _, s := range l.schemas {
		if !slices.Contains(theirOwn, s.namespace) {
			b.schemas = append(b.schemas, l.bundled(s, pageFor(c.pages, s, merged)))
		}
	}
	return &page{path: l.root, key: "wsdl", read: sync.OnceValues(b.text)}
}

func pageOf(pages []*page, f *file) *page {
	return pages[slices.IndexFunc(pages, func(p *page) bool { return p.path == f.path })]
}

// pageFor returns the page that a schema is taken from: that of its file or, where
// redefinitions are written out, one of its own.
func pageFor(pages []*page, s *schema, merged map[shared]*page) *page {
	if s.merged == nil {
		return pageOf(pages, s.file)
	}
	if merged[s.shared()] == nil {
		merged[s.shared()] = newPage(s.file.path, "", "xsd", s.merged)
	}
	return merged[s.shared()]
}

func (l *loader) bundled(s *schema, p *page) bundled {
	out := bundled{page: p, index: s.index, namespace: s.namespace,
		chameleon: s.chameleon, wellKnown: s.wellKnown, dropped: map[int]bool{}}
	if s.wellKnown { // what is served of them need not be what is loaded
		return out
	}
	ordinal := 0
	for n := range elements(s.node) {
		if slices.Contains(l.duplicates[s], n) {
			out.dropped[ordinal] = true
		}
		ordinal++
	}
	return out
}

// text makes the document. It is called once.
func (b *bundle) text() ([]byte, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	main := b.files[b.definitions[0]]
	root := main.doc.Root()
	b.leaveOut()
	b.chooseTarget(root)
	b.chooseNames()
	b.findSOAPActions()
	for _, p := range b.definitions {
		b.explainActions(b.files[p])
		b.explainWrappers(b.files[p])
	}
	for _, p := range b.definitions {
		b.retarget(b.files[p].doc.Root(), b.files[p].doc.Root())
	}
	b.embedSchemas(root)
	removeAll(root, wsdlName("import"))
	for _, p := range b.definitions[1:] {
		b.move(b.files[p].doc.Root(), root)
	}
	arrange(root)
	return main.bytes()
}

// open reads every file that takes part, disguised alike, since parts of one go
// into another.
func (b *bundle) open() error {
	b.files = map[*page]*editable{}
	var all []byte
	sources := map[*page][]byte{}
	for _, p := range b.parts() {
		src, err := p.read()
		if err != nil {
			return err
		}
		sources[p] = src
		all = append(all, src...)
	}
	b.mark = absent(all, "_x")
	for p, src := range sources {
		e, err := parseMarked(src, b.mark)
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		if e.doc.Root() == nil {
			return errors.New(p.path + " has no root element")
		}
		b.files[p] = e
	}
	return nil
}

// parts lists the pages that take part, each once.
func (b *bundle) parts() []*page {
	out := slices.Clone(b.definitions)
	for _, s := range b.schemas {
		if !slices.Contains(out, s.page) {
			out = append(out, s.page)
		}
	}
	return out
}

// leaveOut leaves out the schemas of the catalogue that nothing refers to: some
// tools have their own, and stumble over a second one.
func (b *bundle) leaveOut() {
	used := map[string]bool{}
	for _, p := range b.definitions {
		mentioned(b.files[p].doc.Root(), used)
	}
	for more := true; more; {
		before := len(used)
		for _, s := range b.schemas {
			if !s.wellKnown || used[s.namespace] {
				mentioned(b.element(s), used)
			}
		}
		more = len(used) > before
	}
	b.schemas = slices.DeleteFunc(b.schemas, func(s bundled) bool { return s.wellKnown && !used[s.namespace] })
}

// mentioned collects the namespaces of the qualified names that stand in the
// attributes of XSD and WSDL.
func mentioned(e *etree.Element, used map[string]bool) {
	if space := e.NamespaceURI(); space == nsXSD || space == nsWSDL {
		for i := range e.Attr {
			if a := &e.Attr[i]; a.Space == "" && slices.Contains(qnameAttributes, a.Key) {
				for v := range strings.FieldsSeq(a.Value) {
					prefix, _ := document.SplitQName(v)
					used[scopeOf(e)[prefix]] = true
				}
			}
		}
	}
	for _, c := range e.ChildElements() {
		mentioned(c, used)
	}
}

// chooseTarget settles the namespace of the whole, and a prefix that means it
// wherever it is used.
func (b *bundle) chooseTarget(root *etree.Element) {
	for _, p := range b.definitions {
		b.target = cmp.Or(b.target, plain(b.files[p].doc.Root(), "targetNamespace"))
	}
	if b.target == "" {
		return
	}
	root.CreateAttr("targetNamespace", b.target)
	b.prefix = b.freePrefix(root, b.target, "tns")
}

// freePrefix returns a prefix that nothing in the WSDLs binds to another
// namespace, and declares it at the root.
func (b *bundle) freePrefix(root *etree.Element, uri, stem string) string {
	var candidates []string
	for prefix, bound := range scopeOf(root) {
		if bound == uri && prefix != "" {
			candidates = append(candidates, prefix)
		}
	}
	slices.Sort(candidates)
	candidates = append(candidates, stem)
	for i := 1; ; i++ {
		for _, prefix := range candidates {
			if b.unbound(prefix, uri) {
				declare(root, prefix, uri)
				return prefix
			}
		}
		candidates = []string{fmt.Sprintf("%s%d", stem, i)}
	}
}

// unbound reports whether a prefix means uri or nothing everywhere in the WSDLs.
func (b *bundle) unbound(prefix, uri string) bool {
	for _, p := range b.definitions {
		if !boundTo(b.files[p].doc.Root(), prefix, uri) {
			return false
		}
	}
	return true
}

func boundTo(e *etree.Element, prefix, uri string) bool {
	if bound, ok := attributeOf(e, "xmlns", prefix); ok && bound != uri {
		return false
	}
	return !slices.ContainsFunc(e.ChildElements(), func(c *etree.Element) bool { return !boundTo(c, prefix, uri) })
}

// kinds are the components of a WSDL that others refer to by name.
var kinds = []string{"message", "portType", "binding", "service"}

// chooseNames gives every component its name in the whole. The first of a name
// is the one that counts, as it does for the loader; of services with one local
// name only the first has an endpoint, so the others go.
func (b *bundle) chooseNames() {
	b.names, b.before = map[symbol]string{}, map[*etree.Element]string{}
	taken := map[symbol]bool{}
	for _, p := range b.definitions {
		root := b.files[p].doc.Root()
		root.Child = slices.DeleteFunc(root.Child, func(t etree.Token) bool {
			e, ok := t.(*etree.Element)
			return ok && isComponent(e) && !b.named(e, plain(root, "targetNamespace"), taken)
		})
		root.ReindexChildren()
	}
}

func isComponent(e *etree.Element) bool {
	return slices.Contains(kinds, e.Tag) && e.NamespaceURI() == nsWSDL
}

// named gives a component its name, and reports whether it stays.
func (b *bundle) named(e *etree.Element, space string, taken map[symbol]bool) bool {
	key := symbol{e.Tag, Name{Space: space, Local: plain(e, "name")}}
	unique := key.name.Local
	for i := 2; taken[symbol{e.Tag, Name{Local: unique}}]; i++ {
		unique = fmt.Sprintf("%s%d", key.name.Local, i)
	}
	if _, declared := b.names[key]; declared || e.Tag == "service" && unique != key.name.Local {
		return false
	}
	taken[symbol{e.Tag, Name{Local: unique}}] = true
	b.names[key], b.before[e] = unique, key.name.Local
	e.CreateAttr("name", unique)
	return true
}

// resolved returns what a QName in an attribute of e names; see
// description.qname. root is the wsdl:definitions around.
func resolved(e, root *etree.Element, qname string) Name {
	prefix, local := document.SplitQName(strings.TrimSpace(qname))
	space, bound := scopeOf(e)[prefix]
	if prefix == "" && (!bound || space == nsWSDL || space == "") {
		space = plain(root, "targetNamespace")
	}
	return Name{Space: space, Local: local}
}

// referring says which attribute of a WSDL element names a component, of which
// kind.
func referring(e *etree.Element) (attribute, kind string) {
	switch space := e.NamespaceURI(); {
	case space == nsWSDL && slices.Contains([]string{"input", "output", "fault"}, e.Tag),
		(space == nsSOAP11 || space == nsSOAP12) && slices.Contains([]string{"header", "headerfault"}, e.Tag):
		return "message", "message"
	case space == nsWSDL && e.Tag == "binding":
		return "type", "portType"
	case space == nsWSDL && e.Tag == "port":
		return "binding", "binding"
	}
	return "", ""
}

// retarget rewrites the references below e to components that have moved.
func (b *bundle) retarget(e, root *etree.Element) {
	attribute, kind := referring(e)
	if qname, ok := attributeOf(e, "", attribute); ok && attribute != "" {
		key := symbol{kind, resolved(e, root, qname)}
		if name, known := b.names[key]; known && (key.name.Space != b.target || name != key.name.Local || !strings.Contains(qname, ":")) {
			e.CreateAttr(attribute, b.qualified(name))
		}
	}
	for _, child := range e.ChildElements() {
		if child.NamespaceURI() != nsXSD {
			b.retarget(child, root)
		}
	}
}

func (b *bundle) qualified(local string) string {
	if b.prefix == "" {
		return local
	}
	return b.prefix + ":" + local
}

// move appends the components and policies of another WSDL, each with what its
// prefixes meant.
func (b *bundle) move(from, root *etree.Element) {
	there := scopeOf(root)
	b.movePolicies(from, root)
	for _, e := range from.ChildElements() {
		if isComponent(e) {
			moved(e, root, there)
		}
	}
}

func moved(e, to *etree.Element, there scope) {
	before, clone := scopeOf(e), e.Copy()
	before.keep(clone, clone, there)
	to.AddChild(clone)
}

// arrange sorts the components into the order in which most tools write and some
// read them (WSDL 1.1 §2.1): services last.
func arrange(root *etree.Element) {
	var late []*etree.Element
	for _, e := range root.ChildElements() {
		if isComponent(e) {
			late = append(late, e)
		}
	}
	slices.SortStableFunc(late, func(x, y *etree.Element) int {
		return cmp.Compare(slices.Index(kinds, x.Tag), slices.Index(kinds, y.Tag))
	})
	reordered := slices.DeleteFunc(slices.Clone(root.Child), func(t etree.Token) bool {
		e, ok := t.(*etree.Element)
		return ok && isComponent(e)
	})
	for _, e := range late {
		reordered = append(reordered, e)
	}
	root.Child = reordered
	inLines(root)
	for _, e := range root.ChildElements() {
		if is(e, wsdlName("types")) {
			inLines(e)
		}
	}
}

// inLines puts each child on a line of its own.
func inLines(e *etree.Element) {
	var out []etree.Token
	for _, t := range e.Child {
		if text, ok := t.(*etree.CharData); !ok || !text.IsWhitespace() {
			out = append(out, etree.NewText("\n"), t)
		}
	}
	e.Child = append(out, etree.NewText("\n"))
	e.ReindexChildren()
}

// removeAll removes the child elements of that name. One by one would take the
// square of their number.
func removeAll(parent *etree.Element, name Name) {
	parent.Child = slices.DeleteFunc(parent.Child, func(t etree.Token) bool {
		e, ok := t.(*etree.Element)
		return ok && is(e, name)
	})
	parent.ReindexChildren()
}
