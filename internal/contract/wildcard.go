package contract

import "slices"

// union is the wildcard that allows what either allows (XSD 1.0 part 1 §3.10.6).
// It processes as w does.
func (w *Wildcard) union(other *Wildcard) *Wildcard {
	if w == nil || other == nil {
		return either(w, other)
	}
	out := &Wildcard{Process: w.Process}
	switch {
	case w.Not && other.Not:
		out.Not, out.Namespaces = true, both(w.Namespaces, other.Namespaces)
	case w.Not:
		out.Not, out.Namespaces = true, without(w.Namespaces, other.Namespaces)
	case other.Not:
		out.Not, out.Namespaces = true, without(other.Namespaces, w.Namespaces)
	default:
		out.Namespaces = slices.Concat(w.Namespaces, without(other.Namespaces, w.Namespaces))
	}
	return out
}

// intersection is the wildcard that allows what both allow.
func (w *Wildcard) intersection(other *Wildcard) *Wildcard {
	if w == nil || other == nil {
		return either(w, other)
	}
	out := &Wildcard{Process: w.Process}
	switch {
	case w.Not && other.Not:
		out.Not, out.Namespaces = true, slices.Concat(w.Namespaces, without(other.Namespaces, w.Namespaces))
	case w.Not:
		out.Namespaces = without(other.Namespaces, w.Namespaces)
	case other.Not:
		out.Namespaces = without(w.Namespaces, other.Namespaces)
	default:
		out.Namespaces = both(w.Namespaces, other.Namespaces)
	}
	return out
}

func either(a, b *Wildcard) *Wildcard {
	if a == nil {
		return b
	}
	return a
}

func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(ns string) bool { return !slices.Contains(b, ns) })
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(ns string) bool { return slices.Contains(b, ns) })
}
