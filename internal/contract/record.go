package contract

import "slices"

// Builtin returns a built-in simple type by its local name, such as token; nil when
// there is none of that name.
func Builtin(local string) *Simple {
	i := slices.IndexFunc(builtins, func(b builtin) bool { return b.name == local && b.item == "" })
	if i < 0 {
		return nil
	}
	return builtins[i].simple(nil)
}

// Record makes a declaration that no schema has: an element in no namespace with
// these children, in this order. It is for documents that the gateway itself makes.
func Record(name string, children ...Child) *Element {
	t := &Type{Content: &Particle{Kind: Sequence, Min: 1, Max: 1}, filled: complete, children: children}
	for _, c := range children {
		t.Content.Particles = append(t.Content.Particles, &Particle{Kind: ElementParticle, Min: c.Min, Max: c.Max, Element: c.Element})
	}
	return &Element{Name: Name{Local: name}, Type: t}
}

// Leaf makes a declaration that no schema has: an element in no namespace that holds
// a value. Without a simple type its values are untyped.
func Leaf(name string, of *Simple) *Element {
	return &Element{Name: Name{Local: name}, Type: &Type{Simple: of, Mixed: of == nil, filled: complete}}
}
