package compat

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// operation compares two versions of an operation and leads to its messages.
func (c *comparison) operation(user User, old, new *contract.Operation) {
	at := Change{Old: old.Position, New: new.Position, Users: []User{user}}
	c.supported(at, old, new)
	c.style(at, old, new)
	c.actions(at, old, new)
	c.message(at, user, "input", old.Input, new.Input, Sent)
	switch {
	case old.Output != nil && new.Output != nil:
		c.message(at, user, "output", old.Output, new.Output, Received)
	case old.Output != nil:
		at.Class, at.Kind, at.What, at.Why = Breaking, "one-way", "nothing is answered any more", "old clients wait for an answer"
		c.service(at)
	case new.Output != nil:
		at.Class, at.Kind, at.What, at.Why = Breaking, "answered", "there is an answer now", "old clients do not wait for one"
		c.service(at)
	}
	c.faults(at, user, old.Faults, new.Faults)
}

func (c *comparison) supported(at Change, old, new *contract.Operation) {
	at.Was, at.Is = old.Unsupported, new.Unsupported
	switch {
	case old.Unsupported == "" && new.Unsupported != "":
		at.Class, at.Kind, at.What, at.Why = Breaking, "unsupported", "the operation can no longer be served", "a message to it is refused now"
	case old.Unsupported != "" && new.Unsupported == "":
		at.Class, at.Kind, at.What, at.Why = Harmless, "supported", "the operation can be served", "nobody calls it yet"
	default:
		return
	}
	c.service(at)
}

// style compares how messages stand in the Body. Wrapped and bare are the same
// there.
func (c *comparison) style(at Change, old, new *contract.Operation) {
	if old.Style == new.Style {
		return
	}
	at.Class, at.Kind, at.What, at.Why = Breaking, "style-changed", "the operation has another style", "messages of the two styles differ"
	at.Was, at.Is = old.Style.String(), new.Style.String()
	if document(old.Style) && document(new.Style) {
		at.Class, at.Why = Notice, notices["style-changed"]
	}
	c.service(at)
}

func document(s contract.Style) bool {
	return s == contract.DocumentWrapped || s == contract.DocumentBare
}

// actions compares what senders put into SOAPAction and wsa:Action. An action of
// WS-Addressing that only follows the soapAction is not reported twice.
func (c *comparison) actions(at Change, old, new *contract.Operation) {
	report := func(what, was, is string) {
		if was == is || was == "" || is == "" {
			return // a version that comes or goes is the port's change
		}
		one := at
		one.Class, one.Kind, one.What, one.Was, one.Is = Breaking, "action-changed", what+" has changed", was, is
		one.Why = "a message with the old action may be refused or go elsewhere"
		if what == "the WS-Addressing action of the answer" {
			one.Why = "old clients may not know the new action"
		}
		c.service(one)
	}
	report("the soapAction of SOAP 1.1", old.Action11, new.Action11)
	if old.Action11 != old.Action12 || new.Action11 != new.Action12 {
		report("the action of SOAP 1.2", old.Action12, new.Action12)
	}
	if !follows(old) || !follows(new) {
		report("the WS-Addressing action", old.InputAction, new.InputAction)
	}
	report("the WS-Addressing action of the answer", old.OutputAction, new.OutputAction)
}

func follows(o *contract.Operation) bool {
	return o.InputAction == o.Action11 || o.InputAction == o.Action12
}

// message compares one message of an operation, and its header blocks.
func (c *comparison) message(at Change, user User, name string, old, new *contract.Message, d Direction) {
	user.Message = name
	if old.Gathered != new.Gathered {
		at.Users = []User{user}
		at.Class, at.Kind, at.Why = Breaking, "message-element", why("message-element", d, Breaking)
		at.What, at.Was, at.Is = fmt.Sprintf("what stands in the Body of the %s has changed", name), bodyText(old), bodyText(new)
		c.directed(at, d)
	}
	if old.Gathered && new.Gathered { // its own name is nowhere in the envelope
		c.root(old.Element, new.Element, d, user)
	} else {
		c.body(at, user, old.Element, new.Element, d)
	}
	c.headers(at, user, old.Headers, new.Headers, d)
}

func bodyText(m *contract.Message) string {
	if m.Gathered {
		return fmt.Sprintf("the message's %d parts, each by itself", len(m.Parts))
	}
	return "one element"
}

// body compares the element in the Body, or in the detail of a fault.
func (c *comparison) body(at Change, user User, old, new *contract.Element, d Direction) {
	at.Users = []User{user}
	at.Kind, at.Class, at.Why = "message-element", Breaking, why("message-element", d, Breaking)
	switch {
	case old == nil && new == nil:
		return
	case old == nil || new == nil:
		at.What = fmt.Sprintf("the %s holds another element", user.Message)
		at.Was, at.Is = c.elementText(old), c.elementText(new)
		at.Path = at.Is
		c.directed(at, d)
		return
	case c.names.now(old.Name) != new.Name:
		at.What, at.Was, at.Is = fmt.Sprintf("the %s is another element", user.Message), c.elementText(old), c.elementText(new)
		at.Old, at.New, at.Path = old.Position, new.Position, c.step(new.Name)
		c.directed(at, d)
	}
	c.root(old, new, d, user)
}

func (c *comparison) directed(one Change, d Direction) {
	one.Direction = d
	c.changes = append(c.changes, one)
}

func (c *comparison) elementText(e *contract.Element) string {
	if e == nil {
		return "nothing"
	}
	return c.step(e.Name)
}

// headers compares declared header blocks by name, and their faults. The schema
// demands none of them, so none that comes or goes refuses a message by itself.
func (c *comparison) headers(at Change, user User, old, new []*contract.Header, d Direction) {
	message := user.Message
	user.Message = "header of the " + message
	at.Users = []User{user}
	at.Class = Notice
	for _, was := range old {
		if was.Element == nil {
			continue
		}
		if now := headerLike(new, c.names.now(was.Element.Name)); now != nil {
			c.root(was.Element, now.Element, d, user)
			c.faults(at, User{user.Service, user.Operation, "header " + was.Element.Name.Local}, was.Faults, now.Faults)
			c.demanded(at, was, now, d)
			continue
		}
		at.Kind, at.What, at.Why = "header-removed", fmt.Sprintf("header block %s is gone", c.names.text(was.Element.Name)), notices["header-removed"]
		at.Path, at.Old, at.New = c.step(was.Element.Name), was.Position, contract.Position{}
		c.directed(at, d)
	}
	for _, now := range new {
		if now.Element == nil || slices.ContainsFunc(old, func(h *contract.Header) bool {
			return h.Element != nil && c.names.now(h.Element.Name) == now.Element.Name
		}) {
			continue
		}
		at.Kind, at.What, at.Why = "header-added", fmt.Sprintf("header block %s has come", c.names.text(now.Element.Name)), notices["header-added"]
		at.Path, at.Old, at.New = c.step(now.Element.Name), contract.Position{}, now.Position
		c.directed(at, d)
	}
}

func headerLike(in []*contract.Header, name contract.Name) *contract.Header {
	i := slices.IndexFunc(in, func(h *contract.Header) bool { return h.Element != nil && h.Element.Name == name })
	if i < 0 {
		return nil
	}
	return in[i]
}

// demanded compares the wsdl:required of a header block.
func (c *comparison) demanded(at Change, was, now *contract.Header, d Direction) {
	if was.Required == now.Required {
		return
	}
	at.Kind, at.What, at.Why = "header-required", fmt.Sprintf("the binding demands header block %s now", c.names.text(now.Element.Name)), notices["header-added"]
	if was.Required {
		at.Kind, at.What = "header-optional", fmt.Sprintf("the binding no longer demands header block %s", c.names.text(now.Element.Name))
		at.Class, at.Why = Harmless, "a message that has it stays valid"
	}
	at.Path, at.Old, at.New = c.step(now.Element.Name), was.Position, now.Position
	c.directed(at, d)
}

// faults compares declared faults by name, or else by element. user.Message is
// what they are the faults of, if not the operation.
func (c *comparison) faults(at Change, user User, old, new []*contract.FaultMessage) {
	of := user.Message
	said := func(f *contract.FaultMessage) User {
		user.Message = "fault " + f.Name
		if of != "" {
			user.Message += " of " + of
		}
		return user
	}
	matched := map[*contract.FaultMessage]bool{}
	for _, was := range old {
		now := c.faultLike(new, was)
		if now == nil {
			one := at
			one.Class, one.Kind, one.What, one.Why = Harmless, "fault-removed", fmt.Sprintf("fault %s is gone", was.Name), "nobody receives it any more"
			one.Users = []User{said(was)}
			c.directed(one, Received)
			continue
		}
		matched[now] = true
		c.body(at, said(was), was.Element, now.Element, Received)
	}
	for _, now := range new {
		if !matched[now] {
			one := at
			one.Class, one.Kind, one.What, one.Why = Breaking, "fault-added", fmt.Sprintf("fault %s has come", now.Name), why("fault-added", Received, Breaking)
			one.Users = []User{said(now)}
			c.directed(one, Received)
		}
	}
}

func (c *comparison) faultLike(in []*contract.FaultMessage, was *contract.FaultMessage) *contract.FaultMessage {
	for _, now := range in {
		if now.Name == was.Name {
			return now
		}
	}
	for _, now := range in {
		if was.Element != nil && now.Element != nil && now.Element.Name == c.names.now(was.Element.Name) {
			return now
		}
	}
	return nil
}
