package sample

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// barren are the simple types for which no value was found, with the reason.
// What needs one cannot be made; what may do without is left out.
type barren struct {
	simple map[*contract.Simple]string
	// elements are those that the validator refuses whatever is in them.
	elements map[*contract.Element]string
	// noIDs says that the message has no xs:ID for an xs:IDREF to refer to.
	noIDs bool
}

func newBarren() *barren {
	return &barren{simple: map[*contract.Simple]string{}, elements: map[*contract.Element]string{}}
}

// refuse remembers the element that a refusal is about.
func (b *barren) refuse(msg *Message, refusal *Impossible) {
	for _, root := range msg.roots() {
		root.walk(func(n *node) {
			if n.decl != nil && strings.HasSuffix(refusal.Path, n.path(msg.prefixes)) {
				b.elements[n.decl] = refusal.Reason
			}
		})
	}
}

const (
	noIDReason     = "an xs:IDREF needs an xs:ID in the message, and there is none"
	noEntityReason = "an xs:ENTITY needs a document type declaration, which SOAP forbids"
)

// reason says why the type has no value; empty when it may have one.
func (b *barren) reason(s *contract.Simple) string {
	if why, found := b.simple[s]; found {
		return why
	}
	switch {
	case b.noIDs && refers(s):
		return noIDReason
	case s.Builtin == "ENTITY" || s.Variety == contract.List && s.Item.Builtin == "ENTITY":
		return noEntityReason
	}
	return ""
}

// refers reports whether the type's values name an xs:ID.
func refers(s *contract.Simple) bool {
	return s.Builtin == "IDREF" || s.Variety == contract.List && s.Item.Builtin == "IDREF"
}
