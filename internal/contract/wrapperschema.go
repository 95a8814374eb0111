package contract

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// wrapperSchemas are the schemas that hold a service's wrappers, by name: for
// each namespace with wrappers the one that includes its other schemas, with the
// wrappers behind them.
type wrapperSchemas map[string][]byte

// wrappers writes the schemas for the wrappers of a service's messages.
func (set *schemaSet) wrappers(s *Service) wrapperSchemas {
	out := wrapperSchemas{}
	written := map[Name]bool{}
	for _, o := range s.Operations {
		if o.Unsupported != "" {
			continue
		}
		for _, m := range []*Message{o.Input, o.Output} {
			if m == nil || m.Element == nil || s.wrappers[m.Element] == nil || written[m.Element.Name] {
				continue
			}
			written[m.Element.Name] = true
			set.addWrapper(out, s.wrappers[m.Element])
		}
	}
	return out
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
