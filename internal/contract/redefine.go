package contract

import (
	"fmt"

	"github.com/gatehouse/gatehouse/internal/document"
)

// redefinition is an xs:redefine (XSD 1.0 part 1 §4.2.2) with the file it leads
// to.
type redefinition struct {
	in     *schema
	node   document.Node
	target string
}

// maxRedefinitions bounds the xs:redefine elements of a contract.
const maxRedefinitions = 256

// redefining writes redefinitions as plain definitions: the component that is
// redefined gets another name, which the redefinition alone refers to, and the
// redefinition takes its place. So it reaches every reference in the namespace,
// those in the redefined file included.
type redefining struct {
	l       *loader
	edits   map[*schema][]edit
	names   map[Name]map[string]bool // by kind and name: what is declared
	renamed map[global]bool
	schemas map[visit]*schema
	known   map[redefined]map[redefinable]global
}

// mergeRedefinitions puts all schemas into a form without xs:redefine.
func (l *loader) mergeRedefinitions() {
	if len(l.redefinitions) == 0 {
		return
	}
	r := &redefining{l: l, edits: map[*schema][]edit{}, names: map[Name]map[string]bool{}, renamed: map[global]bool{},
		schemas: map[visit]*schema{}, known: map[redefined]map[redefinable]global{}}
	for _, s := range l.schemas {
		if s.index == 0 {
			r.schemas[visit{s.file.path, s.namespace}] = s
		}
		for n := range elements(s.node) {
			r.remember(s, n)
		}
	}
	for i, one := range l.redefinitions {
		if i == maxRedefinitions {
			l.fault(l.at(one.in.file, one.node), "more than %d redefinitions in one contract", maxRedefinitions)
			return
		}
		r.merge(one)
	}
	l.revise(r.edits)
}

// remember notes which names are taken.
func (r *redefining) remember(s *schema, n document.Node) {
	name := Name{Space: s.namespace, Local: attr(n, "name")}
	if r.names[name] == nil {
		r.names[name] = map[string]bool{}
	}
	r.names[name][symbolSpace(n)] = true
}

// symbolSpace is what names of a component's kind are unique in (§2.5); empty
// for what cannot be redefined.
func symbolSpace(n document.Node) string {
	if n.Name().Space != nsXSD {
		return ""
	}
	switch local := n.Name().Local; local {
	case "complexType", "simpleType":
		return "type"
	case "group", "attributeGroup":
		return local
	}
	return ""
}

func (r *redefining) merge(one redefinition) {
	s := one.in
	for c := range elements(one.node) {
		if symbolSpace(c) != "" {
			r.component(one, c)
		} else if c.Name() != xsdName("annotation") {
			r.l.note(r.l.at(s.file, c), "%s cannot be redefined and is ignored", c.QName())
			r.edits[s] = append(r.edits[s], s.blankEdits(c, false)...)
		}
	}
	r.edits[s] = append(r.edits[s], s.blankEdits(one.node, true)...)
}

// component makes c what its name stands for.
func (r *redefining) component(one redefinition, c document.Node) {
	s, name, at := one.in, attr(c, "name"), r.l.at(one.in.file, c)
	original, ok := r.original(one, c)
	if !ok {
		r.l.note(at, "%s %q is redefined and not declared in %s: it is taken for a declaration", c.Name().Local, name, r.l.relative(one.target))
		return
	}
	if r.renamed[original] {
		r.l.note(at, "%s %q is redefined twice; the first redefinition counts", c.Name().Local, name)
		r.edits[s] = append(r.edits[s], s.blankEdits(c, false)...)
		return
	}
	fresh := r.fresh(s.namespace, name, c)
	r.renamed[original] = true
	r.edits[original.in] = append(r.edits[original.in], original.in.attributeEdit(original.node, "name", fresh))
	selves := selfReferences(s, c, Name{Space: s.namespace, Local: name})
	for _, ref := range selves {
		prefix, _ := document.SplitQName(trim(attr(ref.node, ref.attribute)))
		if prefix != "" {
			prefix += ":"
		}
		r.edits[s] = append(r.edits[s], s.attributeEdit(ref.node, ref.attribute, prefix+fresh))
	}
	if symbolSpace(c) == "type" && len(selves) == 0 {
		r.l.note(at, "%s %q is redefined without being derived from itself: it replaces the one at %s", c.Name().Local, name, r.l.at(original.in.file, original.node))
	}
}

// redefined is a file as a schema that redefines it sees it.
type redefined struct {
	by     *schema
	target string
}

// redefinable names a component that can be redefined.
type redefinable struct{ space, name string }

func redefinableName(n document.Node) redefinable {
	return redefinable{symbolSpace(n), attr(n, "name")}
}

// original finds the component that c redefines: in the file, in what that
// redefines itself, or in what it includes.
func (r *redefining) original(one redefinition, c document.Node) (global, bool) {
	from := redefined{one.in, one.target}
	if r.known[from] == nil {
		r.known[from] = map[redefinable]global{}
		r.gather(r.known[from], one, one.target, map[string]bool{})
	}
	found, ok := r.known[from][redefinableName(c)]
	return found, ok
}

// gather collects the components in the order in which they count.
func (r *redefining) gather(into map[redefinable]global, one redefinition, target string, seen map[string]bool) {
	s := r.schemas[visit{target, one.in.namespace}]
	if s == nil || seen[target] {
		return
	}
	seen[target] = true
	add := func(n document.Node) {
		for c := range elements(n) {
			if _, taken := into[redefinableName(c)]; !taken && symbolSpace(c) != "" {
				into[redefinableName(c)] = global{c, s}
			}
		}
	}
	if s != one.in {
		for n := range children(s.node, xsdName("redefine")) {
			add(n)
		}
	}
	add(s.node)
	for _, next := range s.includes {
		r.gather(into, one, next, seen)
	}
}

// fresh makes a name that nothing in the namespace has.
func (r *redefining) fresh(namespace, local string, c document.Node) string {
	for i := 1; ; i++ {
		name := Name{Space: namespace, Local: fmt.Sprintf("%s.redefined%d", local, i)}
		if !r.names[name][symbolSpace(c)] {
			r.names[name] = map[string]bool{symbolSpace(c): true}
			return name.Local
		}
	}
}

// reference is an attribute that names a component.
type reference struct {
	node      document.Node
	attribute string
}

// selfReferences are the places where a redefinition refers to what it
// redefines: the base of a type, or a group in a group.
func selfReferences(s *schema, c document.Node, name Name) []reference {
	var out []reference
	add := func(n document.Node, attribute string) {
		if got, _ := s.expand(n, attr(n, attribute)); attr(n, attribute) != "" && got == name {
			out = append(out, reference{n, attribute})
		}
	}
	switch c.Name().Local {
	case "simpleType":
		add(c.Child(xsdName("restriction")), "base")
	case "complexType":
		for _, content := range []string{"complexContent", "simpleContent"} {
			for d := range elements(c.Child(xsdName(content))) {
				add(d, "base")
			}
		}
	default:
		eachNamed(c, c.Name(), func(n document.Node) { add(n, "ref") })
	}
	return out
}

// eachNamed calls f with every element of that name below n.
func eachNamed(n document.Node, name Name, f func(document.Node)) {
	for c := range elements(n) {
		if c.Name() == name {
			f(c)
		}
		eachNamed(c, name, f)
	}
}
