package sample

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Broken is a message with one thing wrong in it.
type Broken struct {
	*Message
	// Kind says which constraint is broken: a facet by its name in XSD, or missing,
	// order, nil and the like.
	Kind string
	// Path is where, in local names from the message's root.
	Path string
	// At is the XPath by which the validator names the place, from the root.
	At string
	// Refusals are what the validator has against the message, what it says of At
	// first. They are several where one fault is: a required element in the wrong
	// namespace is also missing in its own.
	Refusals []fault.Detail
}

// Label names the broken message among those of one operation.
func (b *Broken) Label() string { return b.Kind + ":" + b.Path }

// distance grades how far from the broken place a refusal is.
func (b *Broken) distance(d fault.Detail) int {
	if strings.HasSuffix(d.Path, b.At) {
		return 0
	}
	return 1
}

// errUnjudged is the answer for a service whose schemas do not compile.
var errUnjudged = errors.New("the contract's schemas do not compile, so that nobody could tell what breaks them")

// The bounds of one operation's broken messages.
const (
	maxVariants = 200
	maxBroken   = 5_000
	maxTurns    = 12 // changes tried for one constraint
)

// Invalid makes one message for each constraint that can be broken alone, in a
// message that is full otherwise: of each declaration the first place, in every
// branch of every choice. A constraint that cannot be broken without breaking
// another one, as a length of three beside a pattern of three digits, has none.
//
// The messages are in document order. Each has been refused by the validator.
func (m *Maker) Invalid(op *contract.Operation, d Direction) ([]*Broken, error) {
	if m.service.Degraded() != "" {
		return nil, errUnjudged
	}
	t, err := targetOf(op, d)
	if err != nil {
		return nil, err
	}
	b := &breaker{Maker: m, target: t, done: map[constraint]int{}, labels: map[string]int{}}
	queue := []branches{nil}
	known := map[*contract.Particle]bool{}
	for tried := 0; len(queue) > 0 && tried < maxVariants; tried++ {
		prefer := queue[0]
		queue = queue[1:]
		msg, err := m.make(t, Options{Mode: Full, Declared: true}, prefer, true)
		if err != nil && prefer == nil {
			return nil, err
		}
		if err != nil {
			continue // this branch cannot be taken: there is nothing in it to break
		}
		for _, choice := range msg.choices {
			if !known[choice] {
				known[choice] = true
				queue = append(queue, others(prefer, choice)...)
			}
		}
		b.all(msg)
	}
	return b.out, b.err
}

// others are the branches of a choice beside the one that is taken first.
func others(prefer branches, choice *contract.Particle) []branches {
	var out []branches
	for i := range choice.Particles {
		one := branches{choice: i}
		maps.Copy(one, prefer)
		out = append(out, one)
	}
	return out
}

// constraint names what is broken once only: a kind, of a declaration, within a
// type.
type constraint struct {
	kind   string
	within *contract.Type
	of     any
}

// breaker makes broken messages out of valid ones.
type breaker struct {
	*Maker
	target *target
	msg    *Message // the valid one
	at     *node
	done   map[constraint]int // how often it was tried
	labels map[string]int
	out    []*Broken
	// focused is what the last message was cut down to.
	focused cutting
	err     error
}

// all breaks a message in every way that was not seen yet.
func (b *breaker) all(msg *Message) {
	for _, root := range msg.roots() {
		root.walk(func(n *node) {
			if n.decl == nil || b.err != nil || len(b.out) >= maxBroken {
				return
			}
			b.msg, b.at = b.focus(msg, n)
			if n.gathers { // it is not in the envelope
				return
			}
			b.place()
			b.value()
			b.attributes()
			b.content()
		})
	}
}

func (b *breaker) within() *contract.Type {
	if b.at.parent == nil {
		return nil
	}
	return b.at.parent.typ
}

// try changes a copy of the message and keeps it if the validator refuses it for
// that. change is given the copy of the node and returns where the validator will
// see the fault, with a suffix for an attribute; nil: nothing was changed. It
// reports whether the constraint is done with.
func (b *breaker) try(kind string, of any, suffix string, change func(*node) (seen *node, attribute string)) bool {
	key := constraint{kind, b.within(), of}
	if b.done[key] >= maxTurns || b.err != nil {
		return true
	}
	b.done[key]++
	msg, n := b.msg.clone(b.at)
	steps := n.steps() + suffix
	seen, attribute := change(n)
	if seen == nil {
		return false
	}
	if kind != "IDREF" {
		msg.reconnect()
	}
	details, err := b.judge(b.target, msg)
	switch {
	case err != nil:
		b.err = fmt.Errorf("the message with %s at %s cannot be judged: %w", kind, steps, err)
		return true
	case len(details) == 0:
		return false
	}
	b.done[key] = maxTurns
	out := &Broken{Message: msg, Kind: kind, Path: steps, At: seen.path(msg.prefixes) + attribute, Refusals: details}
	slices.SortStableFunc(details, func(x, y fault.Detail) int { return out.distance(x) - out.distance(y) })
	if b.labels[out.Label()]++; b.labels[out.Label()] > 1 {
		out.Path = fmt.Sprintf("%s#%d", out.Path, b.labels[out.Label()])
	}
	b.out = append(b.out, out)
	return true
}

// clone copies a message; found is what became of one of its nodes.
func (m *Message) clone(one *node) (out *Message, found *node) {
	c := *m
	c.headers = nil
	for _, h := range m.headers {
		copied, hit := h.clone(one)
		c.headers = append(c.headers, copied)
		if hit != nil {
			found = hit
		}
	}
	if m.payload != nil {
		copied, hit := m.payload.clone(one)
		c.payload = copied
		if hit != nil {
			found = hit
		}
	}
	return &c, found
}

// reconnect lets references to an xs:ID that is gone refer to another: a dangling
// one is another fault.
func (m *Message) reconnect() {
	have := m.ids()
	if len(have) == 0 {
		return
	}
	repair := func(s *contract.Simple, v string) string {
		if s == nil || !refers(s) {
			return v
		}
		refs := strings.Fields(v)
		for i, one := range refs {
			if !slices.Contains(have, one) {
				refs[i] = have[0]
			}
		}
		return strings.Join(refs, " ")
	}
	for _, root := range m.roots() {
		root.walk(func(n *node) {
			for i, a := range n.attrs {
				if a.decl != nil {
					n.attrs[i].value = repair(a.decl.Type, a.value)
				}
			}
			if n.typ != nil {
				n.text = repair(n.typ.Simple, n.text)
			}
		})
	}
}

// place is where the node stands among its siblings.
func (n *node) place() int { return slices.Index(n.parent.kids, n) }
