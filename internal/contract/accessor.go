package contract

// What a reader of encoded messages asks of the type model: those name the parts
// of a value, and leave their order open.

// Type returns the type definition of that name, built-in types included, or nil.
func (s *Service) Type(name Name) *Type { return s.types[name] }

// Derives reports whether the type is base or derived from it.
func (t *Type) Derives(base *Type) bool { return t.derives(base) }

// Accessor returns the child element of that name or else the first one of that
// local name, whatever its namespace; nil when there is neither. Members of
// substitution groups are found by their own names.
func (t *Type) Accessor(name Name) *Element {
	l := t.layout()
	if at, ok := l.byName[name]; ok {
		return l.slots[at].element
	}
	if at, ok := l.byKey[name.Local]; ok {
		return l.slots[at].element
	}
	return nil
}

// Crowded is the fault for a message of more elements than any is read with, or
// nil. It looks at the bytes alone.
func Crowded(message []byte) error { return crowded(message) }

// Ordering brings the children of elements into the contract's order. Its zero
// value is ready for one message, and bounds the work on that.
type Ordering struct {
	effort      effort
	heads, next []int32
	order       []int
}

// Arrange returns the places, in the slice, of children of these names in the
// order that the type's content model wants: a permutation. Those that the model
// has no room for come last, for the validator to complain about. The result is
// overwritten by the next call. ok is false when the model is built to cost more
// than any message is worth.
func (o *Ordering) Arrange(t *Type, children []*Element) (order []int, ok bool) {
	l := t.layout()
	o.heads, o.next, o.order = nothing(o.heads, len(l.slots)), nothing(o.next, len(children)), o.order[:0]
	for at := len(children) - 1; at >= 0; at-- {
		slot := l.byName[children[at].Name]
		o.next[at], o.heads[slot] = o.heads[slot], int32(at)
	}
	a := arrangement{supplier: o, heads: o.heads, effort: &o.effort}
	a.arrange(l)
	for _, item := range o.heads {
		for ; item != none; item = o.next[item] {
			o.order = append(o.order, int(item))
		}
	}
	return o.order, o.effort.steps <= maxEffort
}

func (o *Ordering) following(item int32) int32 { return o.next[item] }

func (o *Ordering) place(_, item int32) { o.order = append(o.order, int(item)) }

// lacking leaves it to the validator to say so.
func (o *Ordering) lacking(*Particle) {}
