package contract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jacoelho/xsd"
	"github.com/jacoelho/xsd/xsderrors"

	"github.com/gatehouse/gatehouse/internal/document"
)

// engine checks whole documents. It is what the schema compiler's changing API
// is kept behind.
type engine interface {
	// Validate returns nil for a valid document: an envelope, or any other global
	// element of the contract.
	Validate(message []byte) error
}

// validator is the engine of one service with its sessions, each of which keeps
// buffers from one document to the next.
type validator struct {
	sessions sync.Pool
}

func newValidator(e *xsd.Engine) *validator {
	v := &validator{}
	v.sessions.New = func() any {
		session, err := e.NewSession(xsd.ValidateOptions{})
		if err != nil {
			return err
		}
		return session
	}
	return v
}

// Validate is safe for concurrent use.
func (v *validator) Validate(message []byte) error {
	got := v.sessions.Get()
	session, ok := got.(*xsd.Session)
	if !ok {
		return got.(error)
	}
	defer v.sessions.Put(session)
	return session.Validate(bytes.NewReader(message))
}

// compile gives every service its validator.
func (l *loader) compile(c *Contract) {
	set := newSchemaSet(l)
	if len(l.misnamed) > 0 { // or what they lack would be taken for undeclared
		set.correct()
	}
	for _, s := range c.Services {
		set.service(s)
	}
	if len(c.Services) == 0 {
		c.degraded = set.bare(c.model)
	}
}

// schemaSet is the contract's schemas in the form the engine takes: imports by
// namespace instead of by location, missing ones added, duplicates gone.
type schemaSet struct {
	l          *loader
	corrected  bool // slips are put right
	namespaces map[string][]*schema
	names      map[string]string     // namespace → name of the schema that includes all of its schemas
	sources    map[string][]byte     // by name
	origins    map[string]*schema    // by name
	unschemed  map[string]string     // the same, for namespaces that only wrappers have
	compiled   map[string]*validator // by the content of the Body, and the wrappers
	fixes      repairs
}

func newSchemaSet(l *loader) *schemaSet {
	set := &schemaSet{l: l, namespaces: map[string][]*schema{}, names: map[string]string{},
		sources: map[string][]byte{}, origins: map[string]*schema{}, compiled: map[string]*validator{}, unschemed: map[string]string{},
		fixes: newRepairs()}
	for _, s := range l.schemas {
		set.namespaces[s.namespace] = append(set.namespaces[s.namespace], s)
	}
	for i, ns := range slices.Sorted(maps.Keys(set.namespaces)) {
		set.names[ns] = fmt.Sprintf("namespace-%d.xsd", i+1)
	}
	for ns := range set.namespaces {
		set.add(ns)
	}
	return set
}

// add writes the schemas of one namespace and the one that includes them.
func (set *schemaSet) add(ns string) {
	driver := schemaStart(ns)
	for i, s := range set.namespaces[ns] {
		source := set.source(s)
		if source == nil {
			continue
		}
		name := set.member(ns, i)
		set.sources[name], set.origins[name] = source, s
		driver = append(driver, `<xs:include schemaLocation="`+name+`"/>`...)
	}
	set.sources[set.names[ns]] = append(driver, "</xs:schema>"...)
}

// member names the i-th schema of a namespace.
func (set *schemaSet) member(ns string, i int) string {
	return fmt.Sprintf("%s-%d.xsd", strings.TrimSuffix(set.names[ns], ".xsd"), i+1)
}

func schemaStart(ns string) []byte {
	out := []byte(`<xs:schema xmlns:xs="` + nsXSD + `" elementFormDefault="qualified"`)
	if ns != "" {
		out = append(document.AppendValue(append(out, ` targetNamespace="`...), ns), '"')
	}
	return append(out, '>')
}

// source returns a schema's text with its references replaced, line by line
// where it was, and without some of its declarations; nil when it has no content.
func (set *schemaSet) source(s *schema, hidden ...document.Node) []byte {
	_, content, _, end := s.node.Span()
	if s.empty(s.node) {
		return nil
	}
	var edits []edit
	for n := range elements(s.node) {
		if isReference(n) || madeAnew(s, n) {
			edits = append(edits, s.blankEdits(n, false)...)
		}
	}
	for _, n := range slices.Concat(set.l.duplicates[s], hidden) {
		edits = append(edits, s.blankEdits(n, false)...)
	}
	if set.corrected {
		edits = append(edits, set.l.slips(s)...)
	}
	text := document.AppendStandalone(nil, s.node)
	head := bytes.Clone(text[:len(text)-(end-content)])
	if s.namespace == "" || s.chameleon {
		head = withoutAttribute(head, "targetNamespace")
	}
	for i := range edits {
		edits[i].start, edits[i].end = edits[i].start-content, edits[i].end-content
	}
	body := apply(s.text[content:end], edits)
	return append(append(head, set.imports(s, text)...), body...)
}

// isReference reports whether n is an import, include or redefine.
func isReference(n document.Node) bool {
	local := n.Name().Local
	return n.Name().Space == nsXSD && (local == "import" || local == "include" || local == "redefine")
}

// madeAnew reports whether n declares the Envelope, which is made for each
// service.
func madeAnew(s *schema, n document.Node) bool {
	return (s.namespace == nsEnv11 || s.namespace == nsEnv12) && n.Name() == xsdName("element") && attr(n, "name") == "Envelope"
}

// imports declares every namespace of the contract that the schema's text
// declares a prefix for.
func (set *schemaSet) imports(s *schema, text []byte) []byte {
	var out []byte
	named := namespacesIn(text)
	named[nsXML] = true
	for _, ns := range slices.Sorted(maps.Keys(named)) {
		if name := set.names[ns]; name != "" && ns != s.namespace && ns != "" {
			out = appendImport(out, ns, name)
		}
	}
	if name := set.names[""]; name != "" && s.namespace != "" && !s.chameleon {
		out = append(out, `<xs:import schemaLocation="`+name+`"/>`...)
	}
	// The prefix of the appended elements is the schema's own.
	prefix, _ := document.SplitQName(s.node.QName())
	if s.node.QName() == "schema" {
		return bytes.ReplaceAll(out, []byte("<xs:"), []byte("<"))
	}
	return bytes.ReplaceAll(out, []byte("<xs:"), []byte("<"+prefix+":"))
}

// namespacesIn returns what the namespace declarations in a text declare, and
// perhaps more.
func namespacesIn(text []byte) map[string]bool {
	out := map[string]bool{}
	for {
		i := bytes.Index(text, []byte("xmlns"))
		if i < 0 {
			return out
		}
		text = text[i+len("xmlns"):]
		open := bytes.IndexAny(text, "\"'")
		if open < 0 {
			return out
		}
		value, _, ok := bytes.Cut(text[open+1:], text[open:open+1])
		if ok && bytes.IndexByte(text[:open], '<') < 0 {
			out[attributeValue(string(value))] = true
		}
	}
}

// attributeValue resolves the references in a value.
func attributeValue(value string) string {
	if !strings.Contains(value, "&") {
		return value
	}
	tree, err := document.Read([]byte(`<v v="` + strings.ReplaceAll(value, `"`, "&quot;") + `"/>`))
	if err != nil {
		return value
	}
	return attr(tree.Root(), "v")
}

func appendImport(out []byte, ns, location string) []byte {
	out = document.AppendValue(append(out, `<xs:import namespace="`...), ns)
	return append(out, `" schemaLocation="`+location+`"/>`...)
}

// blank is white space, byte for byte, with the line breaks of text.
func blank(text []byte) []byte {
	out := make([]byte, len(text))
	for i, c := range text {
		if out[i] = ' '; c == '\n' || c == '\r' {
			out[i] = c
		}
	}
	return out
}

// service makes the validators of a service: one, unless operations differ about
// an element.
func (set *schemaSet) service(s *Service) {
	s.headed = slices.ContainsFunc(s.Operations, func(o *Operation) bool { return o.Input != nil && len(o.Input.Headers) > 0 })
	set.undeclared(s.model)
	for i, g := range s.groups {
		v, reason := set.compile(s, g)
		if s.several = i > 0; i == 0 {
			s.validator = v
		}
		for _, o := range g.operations {
			o.validator = v
		}
		if s.degraded == "" {
			s.degraded, s.gated = reason, reason != ""
		}
	}
	if s.gated {
		return
	}
	if s.degraded, s.gated = set.loosened(s); s.gated {
		set.close(s)
		return
	}
	s.loose = set.fixes.loose
	if s.recognisable = s.degraded == "" && len(s.loose) == 0 && !set.corrected; s.recognisable {
		s.schemed = set.schemed(s)
	}
}

// declares reports whether the schema has declarations or definitions of its own.
func (s *schema) declares() bool {
	for n := range elements(s.node) {
		if !isReference(n) && n.Name() != xsdName("annotation") {
			return true
		}
	}
	return false
}

// schemed are the namespaces that the engine of a service may know a declaration
// of, apart from SOAP's and XML's own.
func (set *schemaSet) schemed(s *Service) map[string]bool {
	out := map[string]bool{}
	for ns, schemas := range set.namespaces {
		if slices.ContainsFunc(schemas, (*schema).declares) {
			out[ns] = true
		}
	}
	for ns := range set.unschemed {
		out[ns] = true
	}
	for _, g := range s.groups {
		for name := range g.declared {
			out[name.Space] = true
		}
		for _, o := range g.operations {
			for _, el := range o.Input.Blocks() {
				out[el.Name.Space] = true
			}
		}
	}
	return out
}

// close leaves all operations of a service with the gate.
func (set *schemaSet) close(s *Service) {
	s.validator = set.gate()
	for _, o := range s.Operations {
		o.validator = s.validator
	}
}

// gate takes anything in the Body.
func (set *schemaSet) gate() engine {
	e, err := set.engine(anyBody, nil)
	if err != nil { // the envelope alone always compiles
		return refusal{err}
	}
	return newValidator(e)
}

// compile makes the validator of some operations. Where the schemas do not
// compile it returns the gate that takes anything in the Body, and the reason.
func (set *schemaSet) compile(s *Service, g *group) (engine, string) {
	body := g.body()
	wrappers := set.wrappers(s, g)
	key := wrappers.key() + body
	if same := set.compiled[key]; same != nil {
		return same, ""
	}
	reason := s.oversized
	if reason == "" {
		e, err := set.engine(body, wrappers)
		if err != nil && set.correct() {
			set.fixes = newRepairs()
			set.undeclared(s.model)
			return set.compile(s, g)
		}
		if err != nil {
			e, err = set.mended(body, wrappers, err)
		}
		if err == nil {
			set.compiled[key] = newValidator(e)
			return set.compiled[key], ""
		}
		reason = set.reason(err)
		if s.modelled = set.modelled(err); s.modelled {
			reason += byModel
		}
	}
	return set.gate(), reason
}

// byModel is what a service says that the type model judges.
const byModel = "; messages are held against the type model instead, which knows all but keys, ids and what wildcards take"

// anyBody is the content of the Body where the schemas do not compile. How many
// children it has is checked beside the engine.
const anyBody = `<xs:sequence><xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="skip"/></xs:sequence>`

// refusal is the engine that is left when there is none.
type refusal struct{ err error }

// Validate refuses every message as an internal fault.
func (r refusal) Validate([]byte) error { return r.err }

// engine compiles the envelopes of both SOAP versions around a Body. The
// wrappers stand in the schemas of their namespaces.
func (set *schemaSet) engine(body string, wrappers wrapperSchemas) (*xsd.Engine, error) {
	open := xsd.ResolverFunc(func(_, name string) (xsd.SchemaSource, error) {
		source, ok := wrappers[name]
		if !ok {
			source, ok = set.sources[name]
		}
		if !ok {
			return xsd.SchemaSource{}, xsderrors.ErrSchemaNotFound
		}
		return xsd.Bytes(name, source), nil
	})
	var sources []xsd.SchemaSource
	for _, ns := range []string{nsEnv11, nsEnv12} {
		sources = append(sources, xsd.Bytes("envelope of "+ns, set.envelope(ns, body, wrappers)).WithResolver(open))
	}
	return xsd.CompileWithOptions(xsd.CompileOptions{MaxSchemaReferences: 1 << 18, MaxSchemaSources: 3 * maxSchemas, MaxSchemaTargetContexts: 3 * maxSchemas}, sources...)
}

// envelope is the schema of SOAP 1.1 §4 or SOAP 1.2 part 1 §5: attributes and
// header blocks are free, the Body is not.
func (set *schemaSet) envelope(ns, body string, wrappers wrapperSchemas) []byte {
	out := schemaStart(ns)
	if body != anyBody {
		out = append(out, set.importAll(ns)...)
		out = append(out, wrappers.imports(set)...)
	}
	const free = `<xs:anyAttribute namespace="##any" processContents="lax"/>`
	return append(out, `<xs:element name="Envelope"><xs:complexType><xs:sequence>`+
		`<xs:element name="Header" minOccurs="0"><xs:complexType><xs:sequence>`+
		`<xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>`+
		`</xs:sequence>`+free+`</xs:complexType></xs:element>`+
		`<xs:element name="Body"><xs:complexType>`+body+free+`</xs:complexType></xs:element>`+
		`</xs:sequence>`+free+`</xs:complexType></xs:element></xs:schema>`...)
}

func (set *schemaSet) importAll(own string) []byte {
	var out []byte
	for _, ns := range slices.Sorted(maps.Keys(set.namespaces)) {
		switch ns {
		case own:
			out = append(out, `<xs:include schemaLocation="`+set.names[ns]+`"/>`...)
		case "":
			out = append(out, `<xs:import schemaLocation="`+set.names[ns]+`"/>`...)
		default:
			out = appendImport(out, ns, set.names[ns])
		}
	}
	return out
}

// reason says in one line why the schemas do not compile, at their own place.
func (set *schemaSet) reason(err error) string {
	diagnostic, ok := errors.AsType[*xsderrors.Error](err)
	if !ok {
		return err.Error()
	}
	s := set.origins[diagnostic.Path()]
	if s == nil {
		return set.ambiguous(diagnostic.Message()) + toMend(diagnostic.Message())
	}
	return set.inFile(s, diagnostic.Line(), diagnostic.Column()).String() + ": " + toMend(diagnostic.Message())
}
