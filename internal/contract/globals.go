package contract

import (
	"iter"
	"slices"
)

// Elements yields the global element declarations of all schemas, by name.
func (c *Contract) Elements() iter.Seq[*Element] {
	return func(yield func(*Element) bool) { inNameOrder(c.model.elements, yield) }
}

// Types yields the named type definitions, those built into XSD left out, by
// name.
func (c *Contract) Types() iter.Seq[*Type] {
	return func(yield func(*Type) bool) {
		inNameOrder(c.model.types, func(t *Type) bool { return t.Name.Space == nsXSD || yield(t) })
	}
}

func inNameOrder[T any](table map[Name]T, yield func(T) bool) {
	names := make([]Name, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	slices.SortFunc(names, compareNames)
	for _, name := range names {
		if !yield(table[name]) {
			return
		}
	}
}
