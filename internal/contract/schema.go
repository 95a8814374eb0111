package contract

import (
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
	merged    []byte // the file with its redefinitions written out; nil where there are none
	namespace string
	chameleon bool     // namespace is the including schema's
	includes  []string // the paths it includes or redefines
	wellKnown bool     // comes with the gateway, not with the contract
	index     int      // 1-based position in the WSDL it is embedded in; 0 for a file of its own
	// qualified are the defaults for local elements and attributes.
	qualifiedElements, qualifiedAttributes bool
}

// visit names a schema file read for a namespace; it stops import cycles.
type visit struct {
	path      string
	namespace string
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
	own := attr(n, "targetNamespace")
	s := &schema{file: f, node: n, text: f.utf8, namespace: own, index: index,
		qualifiedElements:   attr(n, "elementFormDefault") == "qualified",
		qualifiedAttributes: attr(n, "attributeFormDefault") == "qualified"}
	if own == "" && adopt != "" {
		s.namespace, s.chameleon = adopt, true
	}
	if index == 0 {
		v := visit{f.path, s.namespace}
		if l.visited[v] {
			return
		}
		l.visited[v] = true
	}
	if start, _, _, end := n.Span(); len(l.schemas) == maxSchemas || l.bytes+end-start > maxSchemaBytes {
		l.overflow(l.at(f, n), "the schemas come to more than %d, or more than %d MiB", maxSchemas, maxSchemaBytes>>20)
		return
	} else {
		l.bytes += end - start
	}
	l.schemas = append(l.schemas, s)
	for c := range elements(n) {
		if l.full {
			return
		}
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
	target, reason := l.locate(l.at(s.file, n), s.file.path, location)
	if reason != "" {
		l.missing = append(l.missing, missing{l.at(s.file, n), name.Local, namespace, location, reason})
		return
	}
	if name.Local != "import" {
		s.includes = append(s.includes, target)
	}
	if name.Local == "redefine" {
		l.redefinitions = append(l.redefinitions, redefinition{s, n, target})
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

// checkReferences reports the references that lead nowhere: as faults, unless
// the schema that is meant is there in another way.
func (l *loader) checkReferences() {
	have := map[string]bool{nsXSI: true}
	for _, s := range l.schemas {
		have[s.namespace] = true
	}
	l.enterImported(have)
	l.enterMentioned(have)
	l.enterImported(have)
	for _, m := range l.missing {
		l.judge(m, m.kind == "import" && have[m.namespace])
	}
}
