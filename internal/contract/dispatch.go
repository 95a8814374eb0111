package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Operation returns the operation whose input has body as the Body's first
// child, or nil; the zero Name is an empty Body. Where several operations share
// that, it is the first: Dispatch tells them apart. Operations that are not
// supported are not found.
func (s *Service) Operation(body Name) *Operation {
	if all := s.byBody[body]; len(all) > 0 {
		return all[0]
	}
	return nil
}

// Dispatch returns the operation of a message with body as the Body's first
// child, the zero Name for an empty Body.
//
// The Body decides, and an action is not looked at (WS-I Basic Profile 1.2
// R1127), but where several operations share that Body: there the one is taken
// that one of the actions belongs to. The error is a *fault.Error of code
// fault.CodeUnknownOperation, or of fault.CodeAction where the actions select
// none of several, or more than one; it says which actions there are.
func (s *Service) Dispatch(body Name, actions ...string) (*Operation, error) {
	all := s.byBody[body]
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0 && body == Name{}:
		return nil, fault.New(fault.CodeUnknownOperation, "the Body is empty")
	case len(all) == 0:
		return nil, fault.New(fault.CodeUnknownOperation, "service %s has no operation whose message is %s", s.Name, body)
	}
	var chosen []*Operation
	for _, o := range all {
		if slices.ContainsFunc(actions, o.Owns) {
			chosen = append(chosen, o)
		}
	}
	if len(chosen) == 1 {
		return chosen[0], nil
	}
	return nil, fault.New(fault.CodeAction, "this Body is that of several operations, and the action must tell which is meant: %s", actionsOf(all))
}

// Owns reports whether an action, that of HTTP or of WS-Addressing, is the
// operation's. No action is nobody's.
func (o *Operation) Owns(action string) bool {
	return action != "" && (action == o.Action11 || action == o.Action12 || action == o.InputAction)
}

// actions are what the operation owns, each once.
func (o *Operation) actions() []string {
	out := make([]string, 0, 3)
	for _, action := range []string{o.Action11, o.Action12, o.InputAction} {
		if action != "" && !slices.Contains(out, action) {
			out = append(out, action)
		}
	}
	return out
}

// ownActions returns for each of some operations an action that belongs to it
// and to no other of them, or "".
func ownActions(all []*Operation) []string {
	owners := map[string]int{}
	for _, o := range all {
		for _, action := range o.actions() {
			owners[action]++
		}
	}
	out := make([]string, len(all))
	for i, o := range all {
		for _, action := range o.actions() {
			if out[i] == "" && owners[action] == 1 {
				out[i] = action
			}
		}
	}
	return out
}

// actionsOf lists the actions that belong to one of the operations alone.
func actionsOf(all []*Operation) string {
	var words []string
	for i, own := range ownActions(all) {
		if own != "" {
			words = append(words, fmt.Sprintf("%q for %s", own, all[i].Name))
		}
	}
	return listed(words)
}

// dispatch makes the operations of a service findable. Where several share a
// Body (against Basic Profile R2710), those are served that an action selects;
// where it selects none, the first.
func (w *description) dispatch(s *Service) {
	var bodies []Name
	for _, o := range s.Operations {
		w.eclipse(o)
		if o.Unsupported != "" {
			continue
		}
		body := o.Input.bodyName()
		if s.byBody[body] == nil {
			bodies = append(bodies, body)
		}
		s.byBody[body] = append(s.byBody[body], o)
	}
	for _, body := range bodies {
		w.share(s, body)
	}
	s.group()
	for _, o := range s.Operations {
		if o.Unsupported != "" {
			w.l.note(o.Position, "operation %s of service %s cannot be served: %s", o.Name, s.Name, o.Unsupported)
		}
	}
}

// share keeps of the operations with one Body those that can be told apart.
func (w *description) share(s *Service, body Name) {
	all := s.byBody[body]
	if len(all) == 1 {
		return
	}
	var kept, rest []*Operation
	for i, own := range ownActions(all) {
		if own != "" {
			kept = append(kept, all[i])
		} else {
			rest = append(rest, all[i])
		}
	}
	if len(kept) == 0 {
		kept, rest = rest[:1], rest[1:]
	}
	for _, o := range rest {
		o.unsupported("its Body is that of operation %s, and no action of its own tells them apart", kept[0].Name)
	}
	s.byBody[body] = kept
	if len(kept) > 1 {
		w.l.note(kept[0].Position, "%d operations of service %s share a Body; the action selects: %s", len(kept), s.Name, actionsOf(kept))
	}
}

// distinguish gives operations of one name names of their own, which routes and
// mappings use: the name, a #, and the first of these that differs between all
// of them: the name of the input (overloaded operations, WSDL 1.1 §2.4.5), of
// the port type, of the binding; else a number.
func (s *Service) distinguish() {
	named := map[string][]*Operation{}
	for _, o := range s.Operations {
		named[o.Name] = append(named[o.Name], o)
	}
	for name, all := range named {
		if len(all) < 2 {
			continue
		}
		mark := distinction(all)
		for i, o := range all {
			o.Name = name + "#" + mark(i, o)
		}
	}
}

func distinction(all []*Operation) func(int, *Operation) string {
	for _, mark := range []func(int, *Operation) string{
		func(_ int, o *Operation) string { return o.input },
		func(_ int, o *Operation) string { return o.portType },
		func(_ int, o *Operation) string { return o.binding },
	} {
		marks := map[string]bool{}
		for i, o := range all {
			marks[mark(i, o)] = true
		}
		if len(marks) == len(all) && !marks[""] {
			return mark
		}
	}
	return func(i int, _ *Operation) string { return fmt.Sprint(i + 1) }
}

// inputName is the name of an operation's input, by default that of WSDL 1.1
// §2.4.5.
func inputName(abstract document.Node) string {
	name := strings.TrimSpace(attr(abstract.Child(wsdlName("input")), "name"))
	switch {
	case name != "":
		return name
	case !abstract.Child(wsdlName("output")).Exists():
		return attr(abstract, "name")
	}
	return attr(abstract, "name") + "Request"
}
