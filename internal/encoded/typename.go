package encoded

import (
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// typeOf returns the type that a value is of, and whether xsi:type must say so:
// only where it is another than the declared one. What a sender claims that means
// nothing more than that, or nothing to a schema, is left out; what cannot be is
// complained about.
func (w *normaliser) typeOf(a accessor, v document.Node) (t *contract.Type, said bool) {
	t = a.declared.Type
	at, value, ok := v, "", false
	if value, ok = instance(v, "type"); !ok {
		at = a.node
		value, ok = instance(at, "type")
	}
	name := a.claimed
	if ok {
		raw, bound := expand(at, value)
		if !bound {
			w.complain(at, fault.Detail{Message: "xsi:type is not a name whose prefix is declared", Found: "xsi:type=" + quote(value), Expected: expectedType(t)})
			return t, false
		}
		name = modern(raw)
	}
	if name.Local == "" || w.vague(name, t) {
		return t, false
	}
	if named := w.service.Type(name); named != nil {
		switch {
		case named == t, t.Array != nil && named.Array != nil, guess(t, named):
			return t, false
		case named.Derives(t):
			return named, true
		}
	}
	d := fault.Detail{Message: "xsi:type does not name a type that may stand here", Found: "xsi:type=" + quote(value), Expected: expectedType(t), Doc: a.declared.Doc}
	if !ok {
		d.Message, d.Found = "the array around says that its members are of a type that may not stand here", name.String()
	}
	w.complain(at, d)
	return t, false
}

// vague reports whether a name claims no more than the contract declares.
func (w *normaliser) vague(name document.Name, t *contract.Type) bool {
	composed := t.Simple == nil && t.Array == nil
	switch {
	case name == nameAnyType, name == modern(t.Name):
		return true
	case name == nameArray:
		return t.Array != nil || isAny(t)
	case name == nameStruct, name.Space == spaceApache && name.Local == "SOAPStruct":
		return composed
	case name.Space == spaceApache && name.Local == "Map":
		return isAny(t)
	case name.Space == spacePerl: // of the sender's own classes
		return composed
	}
	return false
}

// guess reports whether a built-in type says no more of a value than that the
// sender took it for one: senders without the contract judge by its looks, and
// call 3 an int that is a decimal, or a text. The declared type holds. Octets are
// no text.
func guess(declared, claimed *contract.Type) bool {
	return declared.Simple != nil && declared.Simple.Builtin != "anySimpleType" &&
		claimed.Simple != nil && claimed.Name.Space == spaceXSD &&
		octets(declared.Simple) == octets(claimed.Simple)
}

func octets(s *contract.Simple) string {
	if s.Primitive == "base64Binary" || s.Primitive == "hexBinary" {
		return s.Primitive
	}
	return ""
}

func expectedType(t *contract.Type) string {
	switch {
	case t.Array != nil:
		return nameArray.String()
	case t.Name.Local != "":
		return t.Name.String()
	case t.Simple != nil:
		return t.Simple.Describe()
	}
	return "no xsi:type"
}
