package xpath

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// A step such as * or // may lead to several declarations. Its shape is then a
// union: further steps are resolved on each member, and there is a typed value
// where the members share one.

// members are the shapes of a union, else the shape itself.
func (s *Shape) members() []*Shape {
	if s.kinds != nil {
		return s.kinds
	}
	return []*Shape{s}
}

// declaration is what two shapes of one kind share.
type declaration struct {
	element   *contract.Element
	attribute *contract.Attribute
	text      bool
}

func (s *Shape) declaration() declaration { return declaration{s.Element, s.Attribute, s.text} }

// united makes one shape of several: each declaration once, with all its parents.
// It is nil for none.
func united(shapes []*Shape) *Shape {
	at := map[declaration]int{}
	var kinds []*Shape
	for _, s := range shapes {
		for _, m := range s.members() {
			i, known := at[m.declaration()]
			if !known {
				at[m.declaration()] = len(kinds)
				kinds = append(kinds, m)
			} else if kinds[i] != m {
				merged := *m
				merged.Parent = eitherOf(kinds[i].Parent, m.Parent)
				kinds[i] = &merged
			}
		}
	}
	return unionOf(kinds)
}

// eitherOf is a union of shapes as they are.
func eitherOf(a, b *Shape) *Shape {
	switch {
	case a == nil || a == b:
		return b
	case b == nil:
		return a
	}
	kinds := slices.Clone(a.members())
	for _, m := range b.members() {
		if !slices.Contains(kinds, m) {
			kinds = append(kinds, m)
		}
	}
	return unionOf(kinds)
}

func unionOf(kinds []*Shape) *Shape {
	switch len(kinds) {
	case 0:
		return nil
	case 1:
		return kinds[0]
	}
	return &Shape{kinds: kinds}
}

// either is the shape of nodes that are of one type or the other; nil where they
// may be no nodes.
func (t Type) either(o Type) *Shape {
	switch {
	case t.never():
		return o.Shape
	case o.never():
		return t.Shape
	case t.Shape == nil || o.Shape == nil:
		return nil
	}
	return united([]*Shape{t.Shape, o.Shape})
}

// elements reports whether the shape is of elements.
func (s *Shape) elements() bool {
	return s != nil && s.members()[0].Element != nil
}

// Nillable reports whether an item may be an element that is xsi:nil.
func (t Type) Nillable() bool {
	return t.Shape != nil && !t.present && slices.ContainsFunc(t.Shape.members(), func(m *Shape) bool {
		return m.Element != nil && m.Element.Nillable
	})
}

// commonClass is class for a union.
func (s *Shape) commonClass() (Class, string) {
	var t Type
	for i, m := range s.kinds {
		class, complaint := m.class()
		if complaint != "" {
			return Untyped, complaint
		}
		common, ok := common(t, single(class))
		if i == 0 {
			common, ok = class, true
		}
		if !ok {
			return Untyped, fmt.Sprintf("are of several types, %s and %s; name one, or take string() of each", t.Class, class)
		}
		t = single(common)
	}
	return t.Class, ""
}

// commonSimple is the simple type that all members of a union share, or nil.
func (s *Shape) commonSimple() *contract.Simple {
	first := s.kinds[0].simple()
	for _, m := range s.kinds[1:] {
		if m.simple() != first {
			return nil
		}
	}
	return first
}

// verb is has, or have of a union.
func (s *Shape) verb() string {
	if s.kinds != nil {
		return "have"
	}
	return "has"
}

// names lists the members of a union in a complaint.
func (sc *Scope) names(kinds []*Shape) string {
	var names []string
	for _, m := range kinds {
		if name := sc.name(m); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 4 {
		return strings.Join(names[:3], ", ") + " and " + plural.Of(len(names)-3, "other", "others")
	}
	return strings.Join(names, " and ")
}
