// Package compat compares two versions of a contract and says in words what
// the change from the old to the new one breaks.
//
// The contract is the receiver's: senders were built for the old version, and
// the gateway is about to hold them to the new one. What they send is therefore
// compatible when every message that was valid stays valid (schema evolution
// calls that backward compatibility); what they receive, outputs and faults,
// when every message that the new version allows was allowed by the old one
// (forward compatibility).
//
// The comparison is one of languages, not of texts. Content models are held
// against each other as the automata they are, simple types by their value and
// lexical spaces, so that groups, references, prefixes, files and the order of
// declarations may change and nothing is said. Where that cannot be decided at
// a bounded price the change is a notice, never harmless.
//
// Two things of XSD 1.0 are looked at less closely than the rest. That xsi:type
// may name a type derived from a simple one is a notice where such a type goes
// (nothing where the declared type is one built into XSD), and nothing where one
// comes. Of the global elements that a wildcard takes, those that come are a
// notice at most.
//
// The package reads contracts and nothing else: it knows no files, no traffic
// and nobody's grants.
package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// Class says how much a change matters.
type Class string

// The classes, the worst first.
const (
	// Breaking: a message that kept to the old version may be refused under the
	// new one; or, for what is received, a message that the new version allows
	// may be one that a client of the old version cannot read.
	Breaking Class = "breaking"
	// Notice: the change needs a look. It changes what a message means, or
	// whether it breaks anything cannot be told from the contracts.
	Notice Class = "notice"
	// Harmless: every message stays valid.
	Harmless Class = "harmless"
)

// classes in the order in which they are reported.
var classes = []Class{Breaking, Notice, Harmless}

// Direction is the way of the messages that a change is about.
type Direction string

// The directions, as the sender sees them.
const (
	Sent     Direction = "sent"     // inputs and their header blocks
	Received Direction = "received" // outputs, faults and their header blocks
	Neither  Direction = "service"  // ports, operations and actions
)

// Change is one difference between two contracts, reported once however many
// operations it touches.
type Change struct {
	Class     Class     `json:"class"`
	Direction Direction `json:"direction"`
	// Kind is a stable word for programs, such as element-required.
	Kind string `json:"kind"`
	// Path is an XPath to the first place where the change is met, with the
	// report's prefixes; empty for a change to a service or operation.
	Path string `json:"path,omitempty"`
	// Type is the named type whose definition has changed, if one has.
	Type string `json:"type,omitempty"`
	What string `json:"what"` // the change, in a sentence without its end
	Why  string `json:"why"`  // why that matters, in a sentence
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
	// Example is a value or sequence of elements that one version takes and the
	// other refuses.
	Example string `json:"example,omitempty"`
	// Old and New are where the change stands: zero where that version has
	// nothing to point at.
	Old contract.Position `json:"-"`
	New contract.Position `json:"-"`
	// Users are the messages that the change touches, in the order of services
	// and operations.
	Users []User `json:"users,omitempty"`
}

// User is one message that a change touches.
type User struct {
	Service   string `json:"service,omitempty"` // empty for an element of a contract without services
	Operation string `json:"operation,omitempty"`
	// Message is input, output, fault <name>, header of the input or of the
	// output, or element <name>; empty where the change is about the operation.
	Message string `json:"message,omitempty"`
}

// String renders the user as Service.Operation (message).
func (u User) String() string {
	var name string
	switch {
	case u.Operation != "":
		name = u.Service + "." + u.Operation
	default:
		name = u.Service
	}
	if u.Message == "" {
		return name
	}
	if name == "" {
		return u.Message
	}
	return name + " (" + u.Message + ")"
}

// Report is all that differs between two contracts.
type Report struct {
	// Changes are sorted: breaking ones first, then by direction and by place.
	Changes []Change
	// Prefixes are those that paths and names use: prefix → namespace. A
	// namespace that took another's place shares its prefix.
	Prefixes map[string]string
}

// Count returns how many changes of a class there are.
func (r *Report) Count(class Class) int {
	n := 0
	for _, c := range r.Changes {
		if c.Class == class {
			n++
		}
	}
	return n
}

// Breaks reports whether any change is breaking.
func (r *Report) Breaks() bool { return r.Count(Breaking) > 0 }

// Compare holds a contract against its next version. It costs time and memory
// in proportion to the types that both reach, however they are nested, shared
// or recursive.
func Compare(old, new *contract.Contract) *Report {
	c := newComparison(old, new)
	c.services()
	c.settle()
	changes := c.report()
	return &Report{Changes: changes, Prefixes: c.names.used(changes)}
}

// comparison carries what is known while two contracts are compared.
type comparison struct {
	old, new *contract.Contract
	names    *naming
	graph    graph
	changes  []Change // of services and operations
	roots    []root
	globals  *globals
}

func newComparison(old, new *contract.Contract) *comparison {
	c := &comparison{old: old, new: new, names: newNaming(old, new)}
	c.graph = graph{elements: map[elementPair]*node{}, types: map[typePair]*node{}, wild: map[wildPair]*node{}}
	c.globals = newGlobals(c)
	return c
}

// service reports a change to a service or operation.
func (c *comparison) service(one Change) {
	one.Direction = Neither
	c.changes = append(c.changes, one)
}

func compareChanges(a, b Change) int {
	return cmp.Or(
		cmp.Compare(slices.Index(classes, a.Class), slices.Index(classes, b.Class)),
		-strings.Compare(string(a.Direction), string(b.Direction)), // service, sent, received
		strings.Compare(a.Path, b.Path),
		strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.What, b.What),
		comparePositions(a.Old, b.Old), comparePositions(a.New, b.New),
	)
}

func comparePositions(a, b contract.Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// quote writes a value, cut when it is long.
func quote(v string) string {
	const most = 60
	if r := []rune(v); len(r) > most {
		v = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", v)
}
