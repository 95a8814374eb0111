package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// element compares two declarations of an element that messages have in the
// same place (XSD 1.0 part 1 §3.3).
func (c *comparison) element(n *node, old, new *contract.Element) {
	if old == new {
		return
	}
	at := finding{old: old.Position, new: new.Position}
	c.flags(n, at, old, new)
	c.fixed(n, at, old, new)
	c.identity(n, at, old, new)
	n.lead("", c.typeNode(old.Type, new.Type))
}

// flags compares nillable, abstract and block.
func (c *comparison) flags(n *node, at finding, old, new *contract.Element) {
	if old.Nillable != new.Nillable {
		f := at
		f.kind, f.what = "nillable-removed", "the element may no longer be nil"
		f.refuses, f.admits = sure(old.Nillable), sure(new.Nillable)
		if new.Nillable {
			f.kind, f.what = "nillable-added", "the element may be nil"
		}
		n.find(f)
	}
	blocked(n, at, "the element", elementBlock(old), elementBlock(new), len(old.Substitutes)+len(old.Type.Derived) > 0, len(new.Substitutes)+len(new.Type.Derived) > 0)
}

// blocked compares which derivations an instance may use. That matters only
// where there are any.
func blocked(n *node, at finding, what string, old, new []string, oldDerived, newDerived bool) {
	if slices.Equal(old, new) || !oldDerived && !newDerived {
		return
	}
	f := at
	f.kind, f.what = "block-changed", "which derived types and substitutes may stand for "+what+" has changed"
	f.was, f.is = blockText(old), blockText(new)
	if oldDerived && slices.ContainsFunc(new, func(b string) bool { return !slices.Contains(old, b) }) {
		f.refuses = yes
	}
	if newDerived && slices.ContainsFunc(old, func(b string) bool { return !slices.Contains(new, b) }) {
		f.admits = yes
	}
	n.find(f)
}

func blockText(block []string) string {
	if len(block) == 0 {
		return "nothing is blocked"
	}
	return "blocked: " + strings.Join(block, ", ")
}

func sure(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// fixed compares fixed and default values of elements (§3.3.1). An empty element
// has its default: where there is none any more, it is empty.
func (c *comparison) fixed(n *node, at finding, old, new *contract.Element) {
	f := at
	if compareFixed(&f, old.Type.Simple, old.Fixed, new.Type.Simple, new.Fixed) {
		n.find(f)
	}
	given, now := valueOf(old.Default, old.Fixed), valueOf(new.Default, new.Fixed)
	if f = at; compareDefaults(&f, given, now) {
		f.refuses = sure(given != nil && now == nil && refusesEmpty(new.Type))
		f.admits = sure(now != nil && given == nil && refusesEmpty(old.Type))
		if old.Fixed == nil && new.Fixed == nil || f.refuses == yes || f.admits == yes {
			n.find(f)
		}
	}
}

func refusesEmpty(t *contract.Type) bool { return t.Simple != nil && t.Simple.Check("") != "" }

func valueOf(values ...*string) *string {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

// compareFixed says how a fixed value has changed; false where it has not.
func compareFixed(f *finding, oldType *contract.Simple, old *string, newType *contract.Simple, new *string) bool {
	switch {
	case old == nil && new == nil || old != nil && new != nil && sameValue(oldType, newType, *old, *new):
		return false
	case old == nil:
		f.kind, f.what, f.is = "fixed-added", "only one value is allowed now", quote(*new)
		f.refuses = sure(!onlyValue(oldType, newType, *new))
	case new == nil:
		f.kind, f.what, f.was = "fixed-removed", "the value is no longer fixed", quote(*old)
		f.admits = sure(!onlyValue(newType, oldType, *old))
	default:
		f.kind, f.what = "fixed-changed", "another value is fixed"
		f.was, f.is, f.refuses, f.admits = quote(*old), quote(*new), yes, yes
	}
	return true
}

// onlyValue reports whether the values of s are all that fixed is.
func onlyValue(s, fixedType *contract.Simple, fixed string) bool {
	if s == nil {
		return false
	}
	values, finite := valuesOf(s)
	return finite && !slices.ContainsFunc(values, func(v string) bool { return !sameValue(s, fixedType, v, fixed) })
}

// sameValue compares two values as their types do: 1.0 is 1 where both are
// numbers.
func sameValue(a, b *contract.Simple, x, y string) bool {
	if x == y {
		return a == nil || b == nil || a.Primitive == b.Primitive && (a.WhiteSpace == b.WhiteSpace || trim(x) == x)
	}
	if a == nil || b == nil || a.Variety != contract.Atomic || b.Variety != contract.Atomic || a.Primitive != b.Primitive {
		return false
	}
	one := contract.Simple{Primitive: a.Primitive, Builtin: a.Primitive, WhiteSpace: b.WhiteSpace, Enumeration: []string{x}}
	return one.Check(y) == ""
}

// compareDefaults says how a default has changed; false where it has not.
func compareDefaults(f *finding, old, new *string) bool {
	switch {
	case old == nil && new == nil || old != nil && new != nil && *old == *new:
		return false
	case old == nil:
		f.kind, f.what, f.is = "default-added", "there is a default", quote(*new)
	case new == nil:
		f.kind, f.what, f.was = "default-removed", "the default is gone", quote(*old)
	default:
		f.kind, f.what, f.was, f.is = "default-changed", "the default has changed", quote(*old), quote(*new)
	}
	f.look = true
	return true
}

// identity compares the key, unique and keyref of two declarations (§3.11).
func (c *comparison) identity(n *node, at finding, old, new *contract.Element) {
	moved := func(text string) string {
		for from, to := range c.names.successor {
			text = strings.ReplaceAll(text, "{"+from+"}", "{"+to+"}")
		}
		return text
	}
	var before []string
	for _, one := range identities(old) {
		before = append(before, moved(one))
	}
	for _, one := range before {
		if !slices.Contains(identities(new), one) {
			f := at
			f.kind, f.was, f.admits = "identity-removed", one, yes
			f.what = fmt.Sprintf("the identity constraint %s is gone", identityName(one))
			n.find(f)
		}
	}
	for _, one := range identities(new) {
		if !slices.Contains(before, one) {
			f := at
			f.kind, f.is, f.refuses = "identity-added", one, yes
			f.what = fmt.Sprintf("the identity constraint %s has come", identityName(one))
			n.find(f)
		}
	}
}

// identityName is the kind and name at the beginning of a constraint.
func identityName(text string) string {
	words := strings.SplitN(text, ", ", 3)
	return strings.Join(words[:min(2, len(words))], " ")
}
