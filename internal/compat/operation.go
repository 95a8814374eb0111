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
	c.faults(at, user, old, new)
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
	c.body(at, user, old.Element, new.Element, d)
	c.headers(at, user, blocks(old), blocks(new), d)
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

// blocks are the header blocks that a message declares.
func blocks(m *contract.Message) []*contract.Element { return m.Headers }

// headers compares declared header blocks by name. The schema demands none of
// them, so none that comes or goes refuses a message by itself.
func (c *comparison) headers(at Change, user User, old, new []*contract.Element, d Direction) {
	user.Message = "header of the " + user.Message
	at.Users = []User{user}
	at.Class = Notice
	for _, was := range old {
		i := slices.IndexFunc(new, func(e *contract.Element) bool { return e.Name == c.names.now(was.Name) })
		if i >= 0 {
			c.root(was, new[i], d, user)
			continue
		}
		at.Kind, at.What, at.Why = "header-removed", fmt.Sprintf("header block %s is gone", c.names.text(was.Name)), notices["header-removed"]
		at.Path, at.Old, at.New = c.step(was.Name), was.Position, contract.Position{}
		c.directed(at, d)
	}
	for _, now := range new {
		if !slices.ContainsFunc(old, func(e *contract.Element) bool { return c.names.now(e.Name) == now.Name }) {
			at.Kind, at.What, at.Why = "header-added", fmt.Sprintf("header block %s has come", c.names.text(now.Name)), notices["header-added"]
			at.Path, at.Old, at.New = c.step(now.Name), contract.Position{}, now.Position
			c.directed(at, d)
		}
	}
}

// faults compares declared faults by name, or else by element.
func (c *comparison) faults(at Change, user User, old, new *contract.Operation) {
	matched := map[*contract.FaultMessage]bool{}
	for _, was := range old.Faults {
		user.Message = "fault " + was.Name
		now := c.faultLike(new, was)
		if now == nil {
			at.Class, at.Kind, at.What, at.Why = Harmless, "fault-removed", fmt.Sprintf("fault %s is gone", was.Name), "nobody receives it any more"
			at.Old, at.New, at.Users = was.Element.Position, new.Position, []User{user}
			c.directed(at, Received)
			continue
		}
		matched[now] = true
		c.body(at, user, was.Element, now.Element, Received)
	}
	for _, now := range new.Faults {
		if !matched[now] {
			user.Message = "fault " + now.Name
			at.Class, at.Kind, at.What, at.Why = Breaking, "fault-added", fmt.Sprintf("fault %s has come", now.Name), why("fault-added", Received, Breaking)
			at.Old, at.New, at.Users = old.Position, now.Element.Position, []User{user}
			c.directed(at, Received)
		}
	}
}

func (c *comparison) faultLike(in *contract.Operation, was *contract.FaultMessage) *contract.FaultMessage {
	for _, now := range in.Faults {
		if now.Name == was.Name {
			return now
		}
	}
	for _, now := range in.Faults {
		if now.Element.Name == c.names.now(was.Element.Name) {
			return now
		}
	}
	return nil
}
