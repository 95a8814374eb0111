package contract

import (
	"github.com/gatehouse/gatehouse/internal/document"
)

// recogniser says of a message that it is valid, or nothing. Most messages are
// valid and of a plain kind, and for these it stands in for the engine, in a
// tenth of its time: it walks a tree that is read anyway beside content models
// that are compiled to automata, one for each type.
//
// It never takes what the engine would refuse. Whatever it does not know for sure
// (wildcards, xsi:type, substitutes, identity constraints, ids, qualified names, a
// facet or a pattern of a kind that is not compiled, a comment within a value) it
// leaves to the engine, and so it does with all that is wrong: only the engine and
// the explainer refuse. That both agree is held by tests that break messages
// of many contracts.
type recogniser struct {
	service *Service
}

// Past these a message is the engine's: it has limits of its own on sizes, and
// counts the work that values make.
const (
	maxRecognised      = 1 << 20 // bytes
	maxRecognisedDepth = 64
	maxFreeAttributes  = 32 // on one element of SOAP
)

// Recognise reads an envelope that is surely valid, as Validate would find too: the
// tree is the caller's to release, and a view of the bytes. Nil says nothing;
// Validate has to be asked then. A nil op is the one whose input the Body holds.
//
// Recognise is safe for concurrent use.
func (s *Service) Recognise(op *Operation, envelope []byte) *document.Tree {
	tree := s.plainTree(envelope)
	if tree == nil {
		return nil
	}
	if !s.recognises(op, tree.Root()) || s.breaksHeader(op, envelope) {
		tree.Release()
		return nil
	}
	return tree
}

// RecognisePayload is Recognise for a message without its envelope, as
// ValidatePayload takes it.
func (s *Service) RecognisePayload(op *Operation, payload []byte) *document.Tree {
	if op == nil || op.Unsupported != "" || op.Input == nil || op.Input.Element == nil {
		return nil
	}
	tree := s.plainTree(payload)
	if tree == nil {
		return nil
	}
	if root := tree.Root(); !root.Is(op.Input.Element.Name) || !(&recogniser{service: s}).element(root, op.Input.Element, 0) {
		tree.Release()
		return nil
	}
	return tree
}

// plainTree reads a message that might be recognised; nil is any other.
func (s *Service) plainTree(message []byte) *document.Tree {
	if !s.recognisable || len(message) > maxRecognised || mentionsXOP(message) {
		return nil
	}
	tree, err := document.Read(message)
	if err != nil {
		return nil
	}
	return tree
}

// recognises reports whether an envelope is surely what the engine of the
// operation accepts. False says nothing.
func (s *Service) recognises(op *Operation, envelope document.Node) bool {
	if !s.recognisable {
		return false
	}
	r := &recogniser{service: s}
	in := r.envelope(envelope)
	if !in.Exists() {
		return false
	}
	if all := s.byBody[in.Name()]; op == nil && len(all) == 1 {
		op = all[0]
	}
	return op != nil && op.Unsupported == "" && !op.Input.Gathered && in.Is(op.Input.Element.Name) && r.element(in, op.Input.Element, 0)
}

// envelope looks at what SOAP itself demands (SOAP 1.1 §4, SOAP 1.2 part 1 §5)
// and returns the only child of the Body.
func (r *recogniser) envelope(root document.Node) document.Node {
	name := root.Name()
	if name.Local != "Envelope" || name.Space != nsEnv11 && name.Space != nsEnv12 || !r.free(root) {
		return document.Node{}
	}
	child := root.FirstChild()
	if child.Is(Name{Space: name.Space, Local: "Header"}) {
		if !r.free(child) {
			return document.Node{}
		}
		for block := range child.Children() {
			if !r.block(block) {
				return document.Node{}
			}
		}
		child = child.NextSibling()
	}
	if !child.Is(Name{Space: name.Space, Local: "Body"}) || child.NextSibling().Exists() || !r.free(child) {
		return document.Node{}
	}
	in := child.FirstChild()
	if in.NextSibling().Exists() {
		return document.Node{}
	}
	return in
}

// free reports whether an element of SOAP has nothing but child elements and
// attributes that no schema can know.
func (r *recogniser) free(n document.Node) bool { return n.OnlyElements() && r.unknownAttributes(n) }

// unknownAttributes reports whether no schema can declare any attribute of n: what
// is lax is not judged then (XSD 1.0 part 1 §3.10.4).
func (r *recogniser) unknownAttributes(n document.Node) bool {
	count := 0
	for name := range n.Attrs() {
		if count++; count > maxFreeAttributes || name.Space == nsXSI || name.Space == nsXML || r.service.schemed[name.Space] {
			return false
		}
	}
	return true
}

// block looks at a header block. A declared one is held against its declaration,
// and of the others nothing within may be declared.
func (r *recogniser) block(n document.Node) bool {
	if el := r.service.elements[n.Name()]; el != nil {
		return r.element(n, el, 0)
	}
	return r.unknown(n, 0)
}

func (r *recogniser) unknown(n document.Node, depth int) bool {
	name := n.Name()
	if depth > maxRecognisedDepth || r.service.schemed[name.Space] || name.Space == nsEnv11 || name.Space == nsEnv12 || !r.unknownAttributes(n) {
		return false
	}
	for child := range n.Children() {
		if !r.unknown(child, depth+1) {
			return false
		}
	}
	return true
}

// element holds an element against its declaration.
func (r *recogniser) element(n document.Node, el *Element, depth int) bool {
	t := el.Type
	if depth > maxRecognisedDepth || el.Abstract || t.Abstract || el.Fixed != nil || len(el.Constraints) > 0 {
		return false
	}
	p := t.plan()
	if p.unsure {
		return false
	}
	isNil, ok := r.attributes(n, el, p)
	switch {
	case !ok:
		return false
	case isNil:
		return n.Empty()
	case p.value != nil:
		text, ok := n.PlainText()
		return ok && p.value.takes(text)
	case len(p.states) == 0 && p.all == nil:
		return n.Empty() && el.Default == nil
	case !t.Mixed && !n.OnlyElements(), t.Mixed && el.Default != nil:
		return false
	case p.all != nil:
		return r.inAnyOrder(n, p, depth)
	}
	return r.content(n, p, depth)
}

// attributes holds the attributes of an element against its type, and says
// whether it is nil.
func (r *recogniser) attributes(n document.Node, el *Element, p *plan) (isNil, ok bool) {
	required := p.required
	for name, value := range n.Attrs() {
		if name.Space == nsXSI {
			if name.Local != "nil" || !el.Nillable || value != "true" && value != "false" {
				return false, false
			}
			isNil = value == "true"
			continue
		}
		a := p.attribute(name)
		if a == nil || !a.value.takes(value) || a.fixed != nil && *a.fixed != value {
			return false, false
		}
		if a.required {
			required--
		}
	}
	return isNil, required == 0
}

// content follows the children through the automaton.
func (r *recogniser) content(n document.Node, p *plan, depth int) bool {
	at, count := 0, 0
	for child := range n.Children() {
		next := p.states[at].to(child, count)
		if next < 0 {
			return false
		}
		if next == at {
			count++
		} else {
			count = 1
		}
		at = next
		if !r.element(child, p.states[at].element, depth+1) {
			return false
		}
	}
	return p.states[at].last && count >= p.states[at].min
}

// inAnyOrder holds the children against an all group (XSD 1.0 part 1 §3.8.6).
func (r *recogniser) inAnyOrder(n document.Node, p *plan, depth int) bool {
	var seen uint64
	for child := range n.Children() {
		i := p.member(child)
		if i < 0 || seen&(1<<i) != 0 || !r.element(child, p.all[i], depth+1) {
			return false
		}
		seen |= 1 << i
	}
	return seen&p.demanded == p.demanded || seen == 0 && p.absent
}
