package contract

import (
	"slices"
	"sync/atomic"

	"github.com/gatehouse/gatehouse/internal/document"
)

// The type model of an XSD: what paths, static checks, samples and reply
// writing are resolved against. All of it is immutable after Load and safe for
// concurrent use.

// Name is an expanded XML name.
type Name = document.Name

// Position is a place in one of a contract's files.
type Position struct {
	File         string // relative to the WSDL's folder, with slashes
	Line, Column int    // 1-based; zero when unknown
}

// Unbounded is the Max of a particle that may repeat without limit.
const Unbounded = -1

// Element is a global or local element declaration (XSD 1.0 part 1 §3.3).
type Element struct {
	Name     Name // Space is empty for an unqualified local element
	Type     *Type
	Nillable bool
	Default  *string
	Fixed    *string
	Abstract bool
	// Block says what may not stand in this element's place.
	Block Derivation
	// Substitutes are the global elements that may stand for this one, itself
	// excluded (§3.3.6); those of them that are abstract only lead to others.
	Substitutes []*Element
	Constraints []Constraint
	Doc         string // xs:documentation, white space collapsed
	Position    Position
}

// Attribute is one attribute use of a complex type (§3.4).
type Attribute struct {
	Name     Name
	Type     *Simple
	Required bool
	Default  *string
	Fixed    *string
	Doc      string
	Position Position
}

// Type is a simple or complex type definition (§3.4, §3.14). Extension and
// restriction are already applied: Content and Attributes are the effective ones.
type Type struct {
	Name       Name  // zero for an anonymous type
	Base       *Type // nil for xs:anyType and the built-in simple types' root
	Simple     *Simple
	Content    *Particle // nil: no child elements
	Attributes []*Attribute
	AnyAttr    bool
	// Wildcard says which attributes AnyAttr means; nil where there are none.
	Wildcard *Wildcard
	Mixed    bool
	Abstract bool
	Derived  []*Type    // types that xsi:type may name in its place
	Block    Derivation // what xsi:type may not come by
	Array    *Array     // nil: not a SOAP array
	Doc      string
	Position Position

	children []Child
	laidOut  atomic.Pointer[layout] // see layout
	planned  atomic.Pointer[plan]   // see plan
	filled   fillState
	method   Derivation // how it comes from Base
}

// ParticleKind tells what a Particle holds.
type ParticleKind uint8

// The kinds of particle (§3.9).
const (
	Sequence ParticleKind = iota
	Choice
	All
	ElementParticle
	AnyParticle
)

// Particle is a node of a content model.
type Particle struct {
	Kind      ParticleKind
	Min, Max  int         // Max may be Unbounded
	Element   *Element    // ElementParticle only
	Particles []*Particle // groups only
	Any       *Wildcard   // AnyParticle only
}

// Wildcard says which elements an xs:any takes, or which attributes an
// xs:anyAttribute (§3.10).
type Wildcard struct {
	// Namespaces are those allowed; "" is no namespace. With Not set they are
	// those refused: ##any is Not with none.
	Namespaces []string
	Not        bool
	Process    string // strict, lax, skip
}

// Allows reports whether an element or attribute of that namespace may stand here.
func (w *Wildcard) Allows(namespace string) bool {
	return slices.Contains(w.Namespaces, namespace) != w.Not
}

// Child is one element that may occur as a child of a type, with the
// cardinality it has when every group around it is taken together: Min is 0
// inside a choice of several, Max is Unbounded where any group around repeats.
type Child struct {
	Element  *Element
	Min, Max int
}

// Variety is the variety of a simple type (§3.14).
type Variety uint8

// The three varieties.
const (
	Atomic Variety = iota
	List
	Union
)

// Simple is a simple type with all facets of its derivation steps taken
// together (XSD 1.0 part 2 §4.3).
type Simple struct {
	Name      Name
	Variety   Variety
	Primitive string // local name of the built-in primitive: string, decimal, dateTime, base64Binary, …; empty unless Atomic
	// Builtin is the nearest built-in type: token, int, nonNegativeInteger, ….
	Builtin    string
	Item       *Simple   // List only
	Members    []*Simple // Union only
	WhiteSpace string    // preserve, replace, collapse
	Length     *int      // in characters, or octets for binary types, or items for lists
	MinLength  *int
	MaxLength  *int
	// TotalDigits and FractionDigits bound decimals.
	TotalDigits    *int
	FractionDigits *int
	MinInclusive   *string
	MaxInclusive   *string
	MinExclusive   *string
	MaxExclusive   *string
	// Patterns must all match: each is the alternatives of one derivation step.
	Patterns    [][]string
	Enumeration []string
	// QNames are what the Enumeration means where values are qualified names.
	QNames []Name
	Doc    string

	patterns *patternCheck // nil: no patterns
}
