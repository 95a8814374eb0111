package soapxml

import (
	"encoding/xml"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// xsdField is what a field's xsd tag says:
//
//	xsd:"Name,flag,flag,is=decimal,ns=urn:x"
//
// Without a flag for its place the field is a child element. The places are
// attr, value (the text), any (a wildcard), anyattr, group (a repeated group of
// elements, one item of the slice for each time), self (all of the element's
// content, typed by what xsi:type says) and isnil (whether the element is nil). many: the field is a slice with an item
// per element. list: the value is a list, written in one text. required: nil is
// an error. nillable: nil is written as xsi:nil. nil: the value is an
// XSDNillable. choice: of the fields with the same number one is set, and with an
// exclamation mark one must be. is: the built-in type. A tag "default" is the
// value that an empty element has.
type xsdField struct {
	index    int
	name     xml.Name
	place    string
	many     bool
	list     bool
	required bool
	nillable bool
	nilValue bool
	choice   string // its number; empty outside choices
	must     bool   // one of the choice must be set
	is       string
	standard string // the value of an empty element
}

// xsdFields are a struct's fields, in the order of the content model.
type xsdFields struct {
	attributes []*xsdField
	anyAttr    *xsdField
	value      *xsdField
	self       *xsdField
	isNil      *xsdField
	content    []*xsdField // elements, wildcards and groups
}

var xsdFieldCache sync.Map // reflect.Type → *xsdFields

// xsdFieldsOf reads the tags of a struct type, once.
func xsdFieldsOf(t reflect.Type) *xsdFields {
	if have, ok := xsdFieldCache.Load(t); ok {
		return have.(*xsdFields)
	}
	out := &xsdFields{}
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("xsd")
		if !ok {
			continue
		}
		f := xsdReadTag(tag)
		f.index = i
		f.standard = t.Field(i).Tag.Get("default")
		switch f.place {
		case "attr":
			out.attributes = append(out.attributes, f)
		case "anyattr":
			out.anyAttr = f
		case "value":
			out.value = f
		case "self":
			out.self = f
		case "isnil":
			out.isNil = f
		default:
			out.content = append(out.content, f)
		}
	}
	xsdFieldCache.Store(t, out)
	return out
}

func xsdReadTag(tag string) *xsdField {
	tag, space, _ := strings.Cut(tag, ",ns=")
	parts := strings.Split(tag, ",")
	f := &xsdField{name: xml.Name{Space: space, Local: parts[0]}}
	for _, flag := range parts[1:] {
		switch flag {
		case "attr", "value", "any", "anyattr", "group", "self", "isnil":
			f.place = flag
		case "many":
			f.many = true
		case "list":
			f.list = true
		case "required":
			f.required = true
		case "nillable":
			f.nillable = true
		case "nil":
			f.nilValue = true
		default:
			if number, ok := strings.CutPrefix(flag, "choice="); ok {
				f.choice, f.must = strings.CutSuffix(number, "!")
			} else {
				f.is = strings.TrimPrefix(flag, "is=")
			}
		}
	}
	return f
}

// xsdSchema holds the types that documents name: by xsi:type, and by element in
// the details of faults.
var xsdSchema = &xsdRegistry{
	elements: map[xml.Name]reflect.Type{}, roots: map[reflect.Type]xml.Name{},
	bodies: map[reflect.Type]bool{}, types: map[xml.Name]reflect.Type{}, names: map[reflect.Type]xml.Name{}, declared: map[reflect.Type]reflect.Type{},
}

// xsdRegistry is filled while the package is initialised and only read later.
type xsdRegistry struct {
	elements map[xml.Name]reflect.Type     // global elements' structs
	roots    map[reflect.Type]xml.Name     // the same, turned
	bodies   map[reflect.Type]bool         // those whose children stand in the Body
	types    map[xml.Name]reflect.Type     // named types' structs
	names    map[reflect.Type]xml.Name     // the same, turned
	declared map[reflect.Type]reflect.Type // interface → the struct without xsi:type
}

// element registers the struct of a global element.
func (r *xsdRegistry) element(space, local string, t reflect.Type) *xsdRegistry {
	name := xml.Name{Space: space, Local: local}
	r.roots[t] = name
	if r.elements[name] == nil {
		r.elements[name] = t
	}
	return r
}

// gathered registers a struct whose children stand in the Body without it.
func (r *xsdRegistry) gathered(t reflect.Type) *xsdRegistry {
	r.bodies[t] = true
	return r
}

// inBody reports whether v, a pointer to a struct, is one whose children stand in
// the Body without it.
func (r *xsdRegistry) inBody(v any) bool {
	t := reflect.TypeOf(v)
	return t != nil && t.Kind() == reflect.Pointer && r.bodies[t.Elem()]
}

// named registers the struct of a named type.
func (r *xsdRegistry) named(space, local string, t reflect.Type) *xsdRegistry {
	name := xml.Name{Space: space, Local: local}
	r.types[name], r.names[t] = t, name
	return r
}

// alternatives registers the interface of a type and the types derived from it,
// with the struct that stands there without xsi:type.
func (r *xsdRegistry) alternatives(of, declared reflect.Type) *xsdRegistry {
	r.declared[of] = declared
	return r
}

// global returns a new value for a global element, a pointer to its struct.
func (r *xsdRegistry) global(name xml.Name) (any, error) {
	t := r.elements[name]
	if t == nil {
		return nil, fmt.Errorf("the contract has no element {%s}%s", name.Space, name.Local)
	}
	return reflect.New(t).Interface(), nil
}
