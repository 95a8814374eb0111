package contract

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Derivation is a set of ways in which one component comes from another.
type Derivation uint8

// The ways (XSD 1.0 part 1 §3.3.1, §3.4.1).
const (
	ByExtension Derivation = 1 << iota
	ByRestriction
	BySubstitution
)

// blocked reads a block attribute, or the schema's default for it.
func blocked(s *schema, n document.Node) Derivation {
	v, own := n.Attr(Name{Local: "block"})
	if !own {
		v = attr(s.node, "blockDefault")
	}
	var out Derivation
	for word := range strings.FieldsSeq(v) {
		switch word {
		case "#all":
			out |= ByExtension | ByRestriction | BySubstitution
		case "extension":
			out |= ByExtension
		case "restriction":
			out |= ByRestriction
		case "substitution":
			out |= BySubstitution
		}
	}
	return out
}

// derivedBy returns the ways that lead from base to t, and those that the types
// on the way block; ok is false where t does not come from base.
func (t *Type) derivedBy(base *Type) (ways, blocks Derivation, ok bool) {
	for ; t != nil; t = t.Base {
		if blocks |= t.Block; t == base {
			return ways, blocks, true
		}
		ways |= t.method
	}
	return 0, 0, false
}

// relateElements finds for every head of a substitution group the elements that
// may stand for it (§3.3.6, Substitution Group OK).
func (b *builder) relateElements() {
	for _, e := range b.sortedElements() {
		seen := map[*Element]bool{e: true}
		for h := b.heads[e]; h != nil && !seen[h]; h = b.heads[h] {
			if !b.spend(1) {
				return
			}
			seen[h] = true
			if h.admits(e) {
				h.Substitutes = append(h.Substitutes, e)
			}
		}
	}
}

// admits reports whether other may stand for e, to whose group it belongs.
func (e *Element) admits(other *Element) bool {
	if e.Block&BySubstitution != 0 {
		return false
	}
	ways, blocks, ok := other.Type.derivedBy(e.Type)
	return !ok || ways&(e.Block|blocks) == 0 // not derived is the engine's to refuse
}

// relateTypes finds for every type those that xsi:type may name in its place
// (§3.4.6, Type Derivation OK).
func (b *builder) relateTypes() {
	for _, name := range slices.SortedFunc(maps.Keys(b.types), compareNames) {
		t := b.types[name]
		if name.Space == nsXSD {
			continue
		}
		ways, blocks := t.method, t.Block
		for base := t.Base; base != nil && base != b.anyType; base = base.Base {
			if !b.spend(1) {
				return
			}
			if blocks |= base.Block; ways&blocks == 0 {
				base.Derived = append(base.Derived, t)
			}
			ways |= base.method
		}
	}
}
