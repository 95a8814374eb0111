package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// plan is what the client of a contract is to be: the Go types of everything its
// operations say, and the operations. gowsdl is given it as a WSDL in its own
// narrow form, and what it makes is completed from it.
type plan struct {
	pkg, source  string
	structs      []*structType
	simples      []*simpleType
	alternatives []*alternatives
	services     []*service
	// notes are what the client does not do, by operation; all of them stand in
	// the verdict.
	notes []note
}

// note says why an operation is not in the client, or not as it should be.
type note struct {
	Service, Operation, Reason string
}

// structType is a complex type, the element that has it, or both.
type structType struct {
	name  string
	doc   string
	root  *contract.Name // the global element it writes
	named *contract.Name // the type that xsi:type calls it
	item  bool           // of a repeated group: no element of its own
	// gathered says that the element is not in the Body, but its children are.
	gathered bool
	fields   []field
	of       []*alternatives // that it is one of
}

type field struct {
	name, goType, tag, doc string
	standard               *string // the value of an empty element
}

// simpleType is a named simple type, or an unnamed one with an enumeration.
type simpleType struct {
	name, underlying, doc string
	constants             []constant
}

type constant struct{ token, value string }

// alternatives is an interface: a type, unless it is abstract, and those derived
// from it.
type alternatives struct {
	name     string
	declared *structType // nil when abstract
	members  []*structType
}

type service struct {
	name, doc  string
	contract   *contract.Service
	only11     bool
	only12     bool
	operations []*operation
}

type operation struct {
	name     string
	contract *contract.Operation
	input    *structType // nil: an empty Body
	output   *structType // nil: nothing or an empty Body
	faults   []*structType
	headers  []*structType
}

// The largest client that is made: past it the compiler is the limit.
const (
	maxTypes  = 20_000
	maxFields = 200_000
	maxSteps  = 2_000_000 // through content models
)

// planner makes a plan. Types are named when they are first met and filled from
// a queue, so that recursion needs no stack.
type planner struct {
	*plan
	taken    names
	roots    map[*contract.Element]*structType
	types    map[*contract.Type]*structType
	simpleOf map[*contract.Simple]*simpleType
	derived  map[*contract.Type]*alternatives
	queue    []func()
	known    map[*contract.Particle]bool // see inhabited
	fields   int
	steps    int
	choices  int
}

// planOf plans the client of a contract in a package.
func planOf(c *contract.Contract, pkg, source string) (*plan, error) {
	taken, err := reserved()
	if err != nil {
		return nil, err
	}
	p := &planner{plan: &plan{pkg: pkg, source: strings.Join(strings.Fields(source), " ")}, taken: taken,
		roots: map[*contract.Element]*structType{}, types: map[*contract.Type]*structType{},
		simpleOf: map[*contract.Simple]*simpleType{}, derived: map[*contract.Type]*alternatives{},
		known: map[*contract.Particle]bool{}}
	if len(c.Services) == 0 {
		return nil, errors.New("the WSDL has no service with a SOAP port")
	}
	for _, s := range c.Services {
		p.service(s)
	}
	for len(p.queue) > 0 && len(p.structs) <= maxTypes && !p.spent() {
		next := p.queue[0]
		p.queue = p.queue[1:]
		next()
	}
	if len(p.structs) > maxTypes || p.spent() {
		return nil, fmt.Errorf("its messages come to more than %d types or %d elements", maxTypes, maxFields)
	}
	p.nameServices()
	for _, s := range p.services {
		if len(s.operations) > 0 {
			return p.plan, nil
		}
	}
	return nil, p.nothing()
}

// nothing says why no operation can be called.
func (p *planner) nothing() error {
	if len(p.notes) == 0 {
		return errors.New("the WSDL has no operation")
	}
	seen := map[string]bool{}
	var reasons []string
	for _, n := range p.notes {
		if !seen[n.Reason] && len(reasons) < 3 {
			reasons = append(reasons, fmt.Sprintf("operation %s: %s", n.Operation, n.Reason))
		}
		seen[n.Reason] = true
	}
	return errors.New(strings.Join(reasons, "; "))
}

func (p *planner) service(s *contract.Service) {
	out := &service{doc: s.Doc, contract: s, only11: true, only12: true}
	for _, port := range s.Ports {
		out.only11 = out.only11 && !port.SOAP12
		out.only12 = out.only12 && port.SOAP12
	}
	methods := names{}
	for _, o := range s.Operations {
		if why := refused(o); why != "" {
			p.notes = append(p.notes, note{s.Name, o.Name, why})
			continue
		}
		out.operations = append(out.operations, p.operation(o, methods))
	}
	p.services = append(p.services, out)
}

// refused says why an operation cannot be in the client.
func refused(o *contract.Operation) string {
	switch {
	case o.Unsupported != "":
		return o.Unsupported
	case o.Style == contract.RPCEncoded, encoded(o.Input), encoded(o.Output):
		return "its messages are encoded (SOAP 1.1 §5), and clients write literal XML only"
	}
	return ""
}

func encoded(m *contract.Message) bool { return m != nil && m.Use == contract.Encoded }

func (p *planner) operation(o *contract.Operation, methods names) *operation {
	name := identifier(o.Name)
	for i := 2; !methods.free(name) || !methods.free(name+"Context"); i++ {
		name = fmt.Sprint(identifier(o.Name), i)
	}
	methods.keep(name)
	methods.keep(name + "Context")
	out := &operation{name: name, contract: o, input: p.message(o.Input)}
	if o.Output != nil {
		out.output = p.message(o.Output)
	}
	for _, f := range o.Faults {
		if f.Element != nil {
			out.faults = append(out.faults, p.root(f.Element))
		}
	}
	for _, m := range []*contract.Message{o.Input, o.Output} {
		if m == nil {
			continue
		}
		for _, h := range m.Headers {
			if h.Element != nil && h.Use != contract.Encoded {
				out.headers = append(out.headers, p.root(h.Element))
			}
		}
	}
	return out
}

func (p *planner) message(m *contract.Message) *structType {
	if m == nil || m.Element == nil {
		return nil
	}
	s := p.root(m.Element)
	s.gathered = m.Gathered
	return s
}

// nameServices comes last: the names of elements and types are used more.
func (p *planner) nameServices() {
	for _, s := range p.services {
		base := identifier(s.contract.Name)
		for i := 1; ; i++ {
			s.name = base
			if i > 1 {
				s.name = fmt.Sprint(base, "Port", i-1)
			}
			if p.taken.free(s.name) && p.taken.free("New"+s.name) {
				break
			}
		}
		p.taken.keep(s.name)
		p.taken.keep("New" + s.name)
	}
}

// root returns the struct of a global element. An unnamed type is the element's
// own; of a named one it has the fields.
func (p *planner) root(e *contract.Element) *structType {
	if s := p.roots[e]; s != nil {
		return s
	}
	s := &structType{name: p.taken.take(identifier(e.Name.Local), identifier(e.Name.Local)+"Element"), root: &e.Name, doc: e.Doc}
	p.roots[e] = s
	p.structs = append(p.structs, s)
	if e.Type.Name.Local == "" && p.types[e.Type] == nil && isStruct(e.Type) && !e.Nillable {
		p.types[e.Type] = s
	}
	p.queue = append(p.queue, func() { p.fill(s, e.Type, p.selfTyped(e.Type), e.Nillable && !isRaw(e.Type)) })
	return s
}

// selfTyped reports whether an element of the type says by xsi:type which type
// it has.
func (p *planner) selfTyped(t *contract.Type) bool { return isStruct(t) && len(complexDerived(t)) > 0 }

// typeNamed returns the struct of a complex type; hint names an unnamed one.
func (p *planner) typeNamed(t *contract.Type, hint string) *structType {
	if s := p.types[t]; s != nil {
		return s
	}
	s := &structType{doc: t.Doc}
	if t.Name.Local != "" {
		name := identifier(t.Name.Local)
		s.name, s.named = p.taken.take(name, name+"Type"), &t.Name
	} else {
		s.name = p.taken.take(hint)
	}
	p.types[t] = s
	p.structs = append(p.structs, s)
	p.queue = append(p.queue, func() { p.fill(s, t, false, false) })
	return s
}

// alternativesOf returns the interface for a type that others are derived from.
func (p *planner) alternativesOf(t *contract.Type) *alternatives {
	if a := p.derived[t]; a != nil {
		return a
	}
	a := &alternatives{name: p.taken.take("Any" + identifier(t.Name.Local))}
	p.derived[t] = a
	p.plan.alternatives = append(p.plan.alternatives, a)
	add := func(t *contract.Type) *structType {
		s := p.typeNamed(t, "")
		s.of = append(s.of, a)
		a.members = append(a.members, s)
		return s
	}
	if !t.Abstract {
		a.declared = add(t)
	}
	for _, d := range complexDerived(t) {
		if !d.Abstract {
			add(d)
		}
	}
	return a
}

// isStruct reports whether a type has more than a value, of a form that fields
// can have. What has not is kept as it stands: mixed content and anyType.
func isStruct(t *contract.Type) bool {
	return !isRaw(t) && (t.Simple == nil || len(t.Attributes) > 0 || t.AnyAttr)
}

func isRaw(t *contract.Type) bool {
	return t.Simple == nil && t.Mixed || t.Simple != nil && (t.Simple.Builtin == "anySimpleType" || qnameUnion(t.Simple))
}

func complexDerived(t *contract.Type) []*contract.Type {
	if t.Name.Local == "" {
		return nil
	}
	var out []*contract.Type
	for _, d := range t.Derived {
		if isStruct(d) {
			out = append(out, d)
		}
	}
	return out
}
