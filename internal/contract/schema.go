package contract

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// schema is one xs:schema element read for one target namespace: a chameleon
// schema (XSD 1.0 part 1 §4.2.1) occurs once per namespace it is included into.
type schema struct {
	file      *file
	node      document.Node
	text      []byte // that node stands in: the file's, until the schema is put into normal form
	namespace string
	chameleon bool // namespace is the including schema's
	wellKnown bool // comes with the gateway, not with the contract
	index     int  // 1-based position in the WSDL it is embedded in; 0 for a file of its own
	// qualified are the defaults for local elements and attributes.
	qualifiedElements, qualifiedAttributes bool
}

// visit names a schema file read for a namespace; it stops import cycles.
type visit struct {
	path      string
	namespace string
}

// The reasons why a reference leads to no file.
const (
	doesNotExist = "does not exist"
	neverFetched = "is an address, and nothing is ever fetched"
	leadsOut     = "leads out of the folders that contracts are loaded from"
)

// missing is a reference that leads to no file. Whether it matters is known
// when all schemas are.
type missing struct {
	position  Position
	kind      string // import, include, redefine
	namespace string
	location  string
	reason    string
}

// collect reads everything that root refers to.
func (l *loader) collect(root *file) {
	switch name := root.tree.Root().Name(); {
	case name == wsdlName("definitions"):
		l.collectDefinitions(root)
	case name == xsdName("schema"):
		l.collectSchema(root, root.tree.Root(), "", 0)
	case name.Space == nsWSDL2:
		l.fault(l.at(root, root.tree.Root()), "this is WSDL 2.0; WSDL 1.1 is what can be read")
	default:
		l.fault(l.at(root, root.tree.Root()), "neither a WSDL nor a schema: the root element is %s", name)
	}
}

// collectSchema registers one xs:schema element and follows its references.
// adopt is the including schema's namespace, empty for an import.
func (l *loader) collectSchema(f *file, n document.Node, adopt string, index int) {
	own, declared := n.Attr(Name{Local: "targetNamespace"})
	s := &schema{file: f, node: n, text: f.utf8, namespace: own, index: index,
		qualifiedElements:   attr(n, "elementFormDefault") == "qualified",
		qualifiedAttributes: attr(n, "attributeFormDefault") == "qualified"}
	if !declared && adopt != "" {
		s.namespace, s.chameleon = adopt, true
	}
	if index == 0 {
		v := visit{f.path, s.namespace}
		if l.visited[v] {
			return
		}
		l.visited[v] = true
	}
	l.schemas = append(l.schemas, s)
	for c := range elements(n) {
		l.follow(s, c)
	}
}

// follow reads what an import, include or redefine refers to.
func (l *loader) follow(s *schema, n document.Node) {
	name := n.Name()
	if name.Space != nsXSD || !slices.Contains([]string{"import", "include", "redefine"}, name.Local) {
		return
	}
	adopt, namespace := s.namespace, s.namespace
	if name.Local == "import" {
		adopt, namespace = "", attr(n, "namespace")
	}
	location := strings.TrimSpace(attr(n, "schemaLocation"))
	if location == "" {
		l.missing = append(l.missing, missing{l.at(s.file, n), name.Local, namespace, "", ""})
		return
	}
	target, reason := resolve(s.file.path, location)
	if reason == "" && !l.exists(target) {
		reason = doesNotExist
	}
	if reason != "" {
		l.missing = append(l.missing, missing{l.at(s.file, n), name.Local, namespace, location, reason})
		return
	}
	l.enter(target, adopt, l.at(s.file, n), namespace)
}

// enter reads a schema file that exists.
func (l *loader) enter(target, adopt string, from Position, namespace string) {
	f := l.read(target)
	if f == nil {
		return
	}
	root := f.tree.Root()
	switch root.Name() {
	case xsdName("schema"):
		if own := attr(root, "targetNamespace"); own != namespace && (own != "" || adopt == "") {
			l.note(from, "%s is for namespace %q, not %q", l.relative(target), own, namespace)
		}
		l.collectSchema(f, root, adopt, 0)
	case wsdlName("definitions"):
		l.collectDefinitions(f)
	default:
		l.fault(from, "%s is not a schema: its root element is %s", l.relative(target), root.Name())
	}
}

func (l *loader) exists(name string) bool {
	if _, seen := l.files[name]; seen {
		return true
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && !info.IsDir()
}

// checkReferences reports the references that lead nowhere: as faults, unless
// the schema that is meant is there in another way.
func (l *loader) checkReferences() {
	have := map[string]bool{nsXSI: true}
	for _, s := range l.schemas {
		have[s.namespace] = true
	}
	for _, m := range l.missing {
		if m.kind == "import" && !have[m.namespace] && l.enterWellKnown(m.namespace) {
			have[m.namespace] = true
		}
	}
	l.enterMentioned(have)
	for _, m := range l.missing {
		l.judge(m, m.kind == "import" && have[m.namespace])
	}
}

// enterMentioned adds the catalogue's schemas whose namespace a schema uses
// without importing it: many do.
func (l *loader) enterMentioned(have map[string]bool) {
	for _, ns := range slices.Sorted(maps.Keys(wellKnown)) {
		if !have[ns] && slices.ContainsFunc(l.order, func(f *file) bool { return uses(f.utf8, ns) }) {
			have[ns] = l.enterWellKnown(ns)
		}
	}
}

func uses(text []byte, ns string) bool {
	switch ns {
	case nsXML:
		return bytes.Contains(text, []byte(`ref="xml:`))
	case nsXSD: // a DataSet of .NET: a message that brings its own schema
		return bytes.Contains(text, []byte(`:schema"`))
	}
	return bytes.Contains(text, []byte(`"`+ns+`"`))
}

func (l *loader) judge(m missing, satisfied bool) {
	switch {
	case satisfied && m.location == "" || m.namespace == nsXSD:
	case satisfied:
		l.note(m.position, "%q %s; another schema of namespace %q is used", m.location, m.reason, m.namespace)
	case m.location == "" && m.kind == "import":
		l.note(m.position, "namespace %q is imported without a schemaLocation and no schema of the contract has it", m.namespace)
	case m.location == "":
		l.fault(m.position, "this %s names no schemaLocation", m.kind)
	default:
		l.fault(m.position, "%s of %q: it %s; %s", m.kind, m.location, m.reason, m.advice())
	}
}

// advice says what would satisfy a missing reference.
func (m missing) advice() string {
	what, attribute := "the schema", "schemaLocation"
	if m.kind == "wsdl:import" {
		what, attribute = "the WSDL", "location"
	}
	what += fmt.Sprintf(" of namespace %q", m.namespace)
	dir := path.Dir(m.position.File)
	location := strings.ReplaceAll(m.location, `\`, "/")
	if m.reason == doesNotExist {
		return fmt.Sprintf("put %s there as %s", what, path.Join(dir, location))
	}
	return fmt.Sprintf("save %s in the contract's folder, as %s for instance, and name that file in the %s", what, path.Join(dir, fileName(location)), attribute)
}

// fileName makes a file name of a URL: its last part, or that of its query.
func fileName(location string) string {
	location, query, _ := strings.Cut(location, "?")
	if _, name, ok := strings.Cut(query, "="); ok && path.Ext(name) != "" {
		location = name
	}
	name := path.Base(location)
	if path.Ext(name) == "" || path.Ext(name) == ".svc" || path.Ext(name) == ".asmx" {
		name += ".xsd"
	}
	return name
}
