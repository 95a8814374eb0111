package contract

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/internal/document"
)

// wrapperSchemas are the schemas that hold a service's wrappers, by name: for
// each namespace with wrappers the one that includes its other schemas, with the
// wrappers behind them.
type wrapperSchemas map[string][]byte

// wrappers writes the schemas for what is synthesised for the messages of some
// operations. What they take comes first: it hides global elements of the same
// name. Answers and header blocks give way.
func (set *schemaSet) wrappers(s *Service, g *group) wrapperSchemas {
	out := wrapperSchemas{}
	written := maps.Clone(g.declared)
	var hidden []Name
	for _, el := range g.elements() {
		if w := s.wrappers[el]; w != nil {
			set.addWrapper(out, w)
			if s.model.elements[el.Name] != nil {
				hidden = append(hidden, el.Name)
			}
		}
	}
	if hidden != nil {
		set.hide(out, hidden)
	}
	for _, o := range g.operations {
		for _, el := range o.aside() {
			if w := s.wrappers[el]; w != nil && written[el.Name] == nil && s.model.elements[el.Name] == nil {
				written[el.Name] = el
				set.addWrapper(out, w)
			}
		}
	}
	return out
}

// elements are those that stand in the Body, and what holds them, by name.
func (g *group) elements() []*Element {
	var out []*Element
	for _, name := range slices.SortedFunc(maps.Keys(g.declared), compareNames) {
		out = append(out, g.declared[name])
	}
	return out
}

// aside are the elements of answers, faults and header blocks.
func (o *Operation) aside() []*Element {
	var out []*Element
	for _, m := range []*Message{o.Input, o.Output} {
		if m != nil && m.Element != nil {
			out = append(append(out, m.Element), m.Blocks()...)
		}
	}
	for _, f := range o.Faults {
		out = append(out, f.Element)
	}
	return out
}

// hide takes global elements of the contract's schemas away, for this engine.
func (set *schemaSet) hide(from wrapperSchemas, names []Name) {
	for _, space := range slices.Sorted(maps.Keys(set.namespaces)) {
		for i, s := range set.namespaces[space] {
			var hidden []document.Node
			for n := range children(s.node, xsdName("element")) {
				if slices.Contains(names, Name{Space: space, Local: attr(n, "name")}) {
					hidden = append(hidden, n)
				}
			}
			if hidden != nil {
				from[set.member(space, i)] = set.source(s, hidden...)
			}
		}
	}
}

const schemaEnd = "</xs:schema>"

func (set *schemaSet) addWrapper(into wrapperSchemas, w *wrapper) {
	ns := w.element.Name.Space
	name := set.driver(ns)
	driver, begun := into[name]
	if !begun {
		driver = set.sources[name]
		if driver == nil {
			driver = append(schemaStart(ns), schemaEnd...)
		}
		// What the wrappers refer to must be imported before anything else.
		head := bytes.IndexByte(driver, '>') + 1
		driver = slices.Concat(driver[:head], set.importAll(ns), driver[head:])
	}
	driver = bytes.TrimSuffix(slices.Clone(driver), []byte(schemaEnd))
	into[name] = append(w.appendSchema(driver), schemaEnd...)
}

// driver names the schema that includes all of a namespace's. Where the
// contract has none, the wrappers' is the only one.
func (set *schemaSet) driver(ns string) string {
	if name, ok := set.names[ns]; ok {
		return name
	}
	if _, known := set.unschemed[ns]; !known {
		set.unschemed[ns] = fmt.Sprintf("wrappers-%d.xsd", len(set.unschemed)+1)
	}
	return set.unschemed[ns]
}

// key tells the schemas of one service from those of another.
func (w wrapperSchemas) key() string {
	var key []byte
	for _, name := range slices.Sorted(maps.Keys(w)) {
		key = append(append(key, name...), w[name]...)
	}
	return string(key)
}

// imports declares the namespaces that only wrappers have.
func (w wrapperSchemas) imports(set *schemaSet) []byte {
	var out []byte
	for _, ns := range slices.Sorted(maps.Keys(set.unschemed)) {
		switch name := set.unschemed[ns]; {
		case w[name] == nil:
		case ns == "":
			out = append(out, `<xs:import schemaLocation="`+name+`"/>`...)
		default:
			out = appendImport(out, ns, name)
		}
	}
	return out
}
