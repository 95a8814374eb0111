package contract

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
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

// blocked reads the block of a declaration, or else the schema's blockDefault
// (XSD 1.0 part 1 §3.3.2, §3.4.2).
func blocked(s *schema, n document.Node) []string {
	v, own := n.Attr(Name{Local: "block"})
	if !own {
		v = attr(s.node, "blockDefault")
	}
	out := strings.Fields(v)
	slices.Sort(out)
	return slices.Compact(out)
}

// identity writes the identity constraints of an element declaration so that
// two of them can be held against each other: as kind, name, what a keyref
// refers to, selector and fields, with namespaces in place of prefixes.
func identity(n document.Node) []string {
	var out []string
	for c := range elements(n) {
		switch c.Name() {
		case xsdName("unique"), xsdName("key"), xsdName("keyref"):
			words := []string{c.Name().Local, attr(c, "name")}
			if refer := attr(c, "refer"); refer != "" {
				words = append(words, "refers to "+unprefixed(c, refer))
			}
			for part := range elements(c) {
				if path := attr(part, "xpath"); path != "" {
					words = append(words, part.Name().Local+" "+unprefixed(part, path))
				}
			}
			out = append(out, strings.Join(words, ", "))
		}
	}
	slices.Sort(out)
	return out
}

var withPrefix = regexp.MustCompile(`([\p{L}_][\p{L}\p{N}_.\-]*):([^:])`)

// unprefixed writes the names in an XPath with their namespaces.
func unprefixed(n document.Node, path string) string {
	return withPrefix.ReplaceAllStringFunc(strings.Join(strings.Fields(path), ""), func(found string) string {
		prefix, rest, _ := strings.Cut(found, ":")
		space, bound := n.NamespaceFor(prefix)
		if !bound {
			return found
		}
		return "{" + space + "}" + rest
	})
}
