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
	for _, s := range c.Services {
		set.service(s)
	}
}

// schemaSet is the contract's schemas in the form the engine takes: imports by
// namespace instead of by location, missing ones added, duplicates gone.
type schemaSet struct {
	l          *loader
	namespaces map[string][]*schema
	names      map[string]string     // namespace → name of the schema that includes all of its schemas
	sources    map[string][]byte     // by name
	origins    map[string]*schema    // by name
	unschemed  map[string]string     // the same, for namespaces that only wrappers have
	compiled   map[string]*validator // by the content of the Body, and the wrappers
}

func newSchemaSet(l *loader) *schemaSet {
	set := &schemaSet{l: l, namespaces: map[string][]*schema{}, names: map[string]string{},
		sources: map[string][]byte{}, origins: map[string]*schema{}, compiled: map[string]*validator{}, unschemed: map[string]string{}}
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
	text := document.AppendStandalone(nil, s.node)
	head := startTagEnd(text)
	if head < 0 {
		return nil
	}
	body := text[head:]
	for n := range elements(s.node) {
		if local := n.Name().Local; n.Name().Space == nsXSD && (local == "import" || local == "include" || local == "redefine") {
			body = bytes.ReplaceAll(body, n.Source(), blank(n.Source()))
		}
	}
	for _, n := range slices.Concat(set.l.duplicates[s], hidden) {
		body = bytes.ReplaceAll(body, n.Source(), blank(n.Source()))
	}
	out := slices.Clone(text[:head])
	out = append(out, set.imports(s, text)...)
	return append(out, body...)
}

// imports declares every namespace of the contract that the schema's text names.
func (set *schemaSet) imports(s *schema, text []byte) []byte {
	var out []byte
	for _, ns := range slices.Sorted(maps.Keys(set.namespaces)) {
		switch {
		case ns == s.namespace:
		case ns == "" && !s.chameleon:
			out = append(out, `<xs:import schemaLocation="`+set.names[ns]+`"/>`...)
		case ns != "" && (ns == nsXML || mentions(text, ns)):
			out = appendImport(out, ns, set.names[ns])
		}
	}
	// The prefix of the appended elements is the schema's own.
	prefix, _ := document.SplitQName(s.node.QName())
	if s.node.QName() == "schema" {
		return bytes.ReplaceAll(out, []byte("<xs:"), []byte("<"))
	}
	return bytes.ReplaceAll(out, []byte("<xs:"), []byte("<"+prefix+":"))
}

func mentions(text []byte, ns string) bool {
	return bytes.Contains(text, []byte(ns)) || strings.ContainsAny(ns, "&<>\"'")
}

func appendImport(out []byte, ns, location string) []byte {
	out = document.AppendValue(append(out, `<xs:import namespace="`...), ns)
	return append(out, `" schemaLocation="`+location+`"/>`...)
}

// startTagEnd returns the offset after the first tag, or -1 when it is empty.
func startTagEnd(text []byte) int {
	var quote byte
	for i, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>' && text[i-1] == '/':
			return -1
		case c == '>':
			return i + 1
		}
	}
	return -1
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
	for i, g := range s.groups {
		v, reason := set.compile(s, g)
		if s.several = i > 0; i == 0 {
			s.validator = v
		}
		for _, o := range g.operations {
			o.validator = v
		}
		if s.degraded == "" {
			s.degraded = reason
		}
	}
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
		if err == nil {
			set.compiled[key] = newValidator(e)
			return set.compiled[key], ""
		}
		reason = set.reason(err)
	}
	gate, err := set.engine(anyBody, nil)
	if err != nil { // the envelope alone always compiles
		return refusal{err}, reason
	}
	return newValidator(gate), reason
}

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
	return xsd.CompileWithOptions(xsd.CompileOptions{MaxSchemaReferences: 1 << 18, MaxSchemaSources: maxFiles}, sources...)
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
		return diagnostic.Message()
	}
	p := set.l.at(s.file, s.node)
	if diagnostic.Line() > 1 {
		p.Line, p.Column = p.Line+diagnostic.Line()-1, diagnostic.Column()
	}
	return p.String() + ": " + diagnostic.Message()
}
