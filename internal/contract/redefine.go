package contract

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// redefinition is an xs:redefine (XSD 1.0 part 1 §4.2.2) with the file it leads
// to.
type redefinition struct {
	in     *schema
	node   document.Node
	target string
}

// redefining writes redefinitions as plain definitions: the component that is
// redefined gets another name, which the redefinition alone refers to, and the
// redefinition takes its place. So it reaches every reference in the namespace,
// those in the redefined file included.
type redefining struct {
	l       *loader
	edits   map[*schema][]edit
	names   map[Name]map[string]bool // by kind and name: what is declared
	renamed map[global]bool
}

// mergeRedefinitions puts all schemas into a form without xs:redefine.
func (l *loader) mergeRedefinitions() {
	if len(l.redefinitions) == 0 {
		return
	}
	r := &redefining{l: l, edits: map[*schema][]edit{}, names: map[Name]map[string]bool{}, renamed: map[global]bool{}}
	for _, s := range l.schemas {
		for n := range elements(s.node) {
			r.remember(s, n)
		}
	}
	for _, one := range l.redefinitions {
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
	in, original := r.original(one, one.target, c, map[string]bool{})
	if !original.Exists() {
		r.l.note(at, "%s %q is redefined and not declared in %s: it is taken for a declaration", c.Name().Local, name, r.l.relative(one.target))
		return
	}
	if r.renamed[global{original, in}] {
		r.l.note(at, "%s %q is redefined twice; the first redefinition counts", c.Name().Local, name)
		r.edits[s] = append(r.edits[s], s.blankEdits(c, false)...)
		return
	}
	fresh := r.fresh(s.namespace, name, c)
	r.renamed[global{original, in}] = true
	r.edits[in] = append(r.edits[in], in.attributeEdit(original, "name", fresh))
	selves := selfReferences(s, c, Name{Space: s.namespace, Local: name})
	for _, ref := range selves {
		prefix, _ := document.SplitQName(trim(attr(ref.node, ref.attribute)))
		if prefix != "" {
			prefix += ":"
		}
		r.edits[s] = append(r.edits[s], s.attributeEdit(ref.node, ref.attribute, prefix+fresh))
	}
	if symbolSpace(c) == "type" && len(selves) == 0 {
		r.l.note(at, "%s %q is redefined without being derived from itself: it replaces the one at %s", c.Name().Local, name, r.l.at(in.file, original))
	}
}

// original finds the component that c redefines: in the file, in what that
// redefines itself, or in what it includes.
func (r *redefining) original(one redefinition, target string, c document.Node, seen map[string]bool) (*schema, document.Node) {
	i := slices.IndexFunc(r.l.schemas, func(s *schema) bool {
		return s.file.path == target && s.namespace == one.in.namespace && s.index == 0
	})
	if i < 0 || seen[target] {
		return nil, document.Node{}
	}
	s := r.l.schemas[i]
	seen[target] = true
	for n := range elements(s.node) {
		if n.Name() == xsdName("redefine") && s != one.in {
			if found := declared(n, c); found.Exists() {
				return s, found
			}
		}
	}
	if found := declared(s.node, c); found.Exists() {
		return s, found
	}
	for _, next := range s.includes {
		if in, found := r.original(one, next, c, seen); found.Exists() {
			return in, found
		}
	}
	return nil, document.Node{}
}

// declared returns the child of n that has the name and kind of c.
func declared(n, c document.Node) document.Node {
	for d := range elements(n) {
		if symbolSpace(d) == symbolSpace(c) && attr(d, "name") == attr(c, "name") {
			return d
		}
	}
	return document.Node{}
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
		within(c, c.Name(), func(n document.Node) { add(n, "ref") })
	}
	return out
}

// within calls f with every element of that name below n.
func within(n document.Node, name Name, f func(document.Node)) {
	for c := range elements(n) {
		if c.Name() == name {
			f(c)
		}
		within(c, name, f)
	}
}
