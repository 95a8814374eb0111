package soapxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// xsdUnmarshal is the UnmarshalXML of every struct: v is a pointer to it.
func xsdUnmarshal(d *xml.Decoder, start xml.StartElement, v any) error {
	x, err := xsdRead(d, start, nil, 0)
	if err != nil {
		return err
	}
	return x.into(v)
}

// into reads the element into v, a pointer to a generated struct, which must be
// the one of that name when it is a global element's.
func (x *XMLElement) into(v any) error {
	value := reflect.ValueOf(v).Elem()
	if root, ok := xsdSchema.roots[value.Type()]; ok && root != x.Name {
		return fmt.Errorf("element {%s}%s instead of {%s}%s", x.Name.Space, x.Name.Local, root.Space, root.Local)
	}
	return xsdAt(x.Name.Local, x.extract(value))
}

// extract reads the element into the struct v.
func (x *XMLElement) extract(v reflect.Value) error {
	fields := xsdFieldsOf(v.Type())
	if f := fields.self; f != nil && f.nilValue {
		return x.extractNil(f, v.Field(f.index))
	} else if f != nil {
		return x.extractValue(f, v.Field(f.index))
	}
	if x.isNil() && fields.isNil == nil {
		return errors.New("it is nil")
	}
	if err := x.extractAttributes(fields, v); err != nil {
		return err
	}
	if x.isNil() {
		v.Field(fields.isNil.index).SetBool(true)
		return nil
	}
	if f := fields.value; f != nil {
		return x.extractText(f, v.Field(f.index))
	}
	if strings.Trim(x.Text(), " \t\r\n") != "" {
		return errors.New("there is text between its elements")
	}
	c := &xsdCursor{fields: fields.content, v: v, filled: make([]bool, len(fields.content)), items: map[int]*xsdCursor{}}
	for _, child := range x.Elements() {
		taken, err := c.take(child)
		if err == nil && !taken {
			taken, err = c.takeEarlier(child)
		}
		if err != nil {
			return err
		}
		if !taken {
			return xsdAt(child.Name.Local, fmt.Errorf("an element {%s}%s is not expected here", child.Name.Space, child.Name.Local))
		}
	}
	return nil
}

func (x *XMLElement) isNil() bool {
	v, _ := x.Attribute(xml.Name{Space: xsdInstance, Local: "nil"})
	v = strings.Trim(v, " \t\r\n")
	return v == "true" || v == "1"
}

func (x *XMLElement) extractAttributes(fields *xsdFields, v reflect.Value) error {
	var others []xml.Attr
	for _, a := range x.Attr {
		if a.Name.Space == xsdInstance || a.Name.Space == "xmlns" {
			continue
		}
		f := xsdAttribute(fields, a.Name)
		if f == nil {
			others = append(others, a)
			continue
		}
		if err := xsdParse(f, a.Value, xsdTarget(v.Field(f.index)), x); err != nil {
			return xsdAt("@"+a.Name.Local, err)
		}
	}
	switch {
	case fields.anyAttr != nil:
		v.Field(fields.anyAttr.index).Set(reflect.ValueOf(others))
	case len(others) > 0:
		return xsdAt("@"+others[0].Name.Local, errors.New("the attribute is not expected"))
	}
	return nil
}

func xsdAttribute(fields *xsdFields, name xml.Name) *xsdField {
	for _, f := range fields.attributes {
		if f.name == name {
			return f
		}
	}
	return nil
}

// xsdTarget returns what v is, or points to; a nil pointer is set.
func xsdTarget(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

func (x *XMLElement) extractText(f *xsdField, v reflect.Value) error {
	if children := x.Elements(); len(children) > 0 {
		return xsdAt(children[0].Name.Local, errors.New("an element is not expected here"))
	}
	text := x.Text()
	if text == "" {
		text = f.standard
	}
	return xsdParse(f, text, xsdTarget(v), x)
}

// xsdCursor is how far a struct's fields have taken the children, in the order
// of the content model.
type xsdCursor struct {
	fields []*xsdField
	v      reflect.Value
	at     int
	filled []bool
	items  map[int]*xsdCursor
}

// take gives the child to the first field from here on that has room for it:
// one that names it, else a wildcard.
func (c *xsdCursor) take(child *XMLElement) (bool, error) {
	for _, wild := range []bool{false, true} {
		for i := c.at; i < len(c.fields); i++ {
			if taken, err := c.offer(i, child, wild); taken || err != nil {
				c.at = i
				return taken, err
			}
		}
	}
	return false, nil
}

// takeEarlier gives the child to a field that was passed over: in xs:all the
// order is free.
func (c *xsdCursor) takeEarlier(child *XMLElement) (bool, error) {
	for i := range c.at {
		if c.fields[i].place == "" && !c.filled[i] {
			if taken, err := c.offer(i, child, false); taken || err != nil {
				return taken, err
			}
		}
	}
	return false, nil
}

func (c *xsdCursor) offer(i int, child *XMLElement, wild bool) (bool, error) {
	f := c.fields[i]
	if f.place == "group" {
		return c.offerItem(i, child, wild)
	}
	if (f.place == "any") != wild || !wild && f.name != child.Name || c.filled[i] && !f.many {
		return false, nil
	}
	if c.chosen(i) {
		return false, nil
	}
	c.filled[i] = true
	v := c.v.Field(f.index)
	if !f.many {
		return true, child.assign(f, v)
	}
	item := reflect.New(v.Type().Elem()).Elem()
	if err := child.assign(f, item); err != nil {
		return true, err
	}
	v.Set(reflect.Append(v, item))
	return true, nil
}

// chosen reports whether another field of the same choice is set.
func (c *xsdCursor) chosen(i int) bool {
	for j, set := range c.filled {
		if set && j != i && c.fields[i].choice != "" && c.fields[j].choice == c.fields[i].choice {
			return true
		}
	}
	return false
}

// offerItem gives the child to the group's present item, else to a new one.
func (c *xsdCursor) offerItem(i int, child *XMLElement, wild bool) (bool, error) {
	f := c.fields[i]
	if c.chosen(i) {
		return false, nil
	}
	if item := c.items[i]; item != nil {
		if taken, err := item.takeAs(child, wild); taken || err != nil {
			return taken, err
		}
	}
	v := c.v.Field(f.index)
	fields := xsdFieldsOf(v.Type().Elem()).content
	fresh := &xsdCursor{fields: fields, v: reflect.New(v.Type().Elem()).Elem(),
		filled: make([]bool, len(fields)), items: map[int]*xsdCursor{}}
	taken, err := fresh.takeAs(child, wild)
	if !taken || err != nil {
		return taken, err
	}
	v.Set(reflect.Append(v, fresh.v))
	fresh.v = v.Index(v.Len() - 1) // what comes next goes into the slice's item
	c.items[i] = fresh
	c.filled[i] = true
	return true, nil
}

func (c *xsdCursor) takeAs(child *XMLElement, wild bool) (bool, error) {
	for i := c.at; i < len(c.fields); i++ {
		if taken, err := c.offer(i, child, wild); taken || err != nil {
			c.at = i
			return taken, err
		}
	}
	return false, nil
}

// assign reads the element into a field, or an item of its slice.
func (x *XMLElement) assign(f *xsdField, v reflect.Value) error {
	switch {
	case f.place == "any":
		v.Set(reflect.ValueOf(x.standalone()))
		return nil
	case f.nilValue:
		return xsdAt(x.Name.Local, x.extractNil(f, xsdTarget(v)))
	case f.nillable && x.isNil():
		return nil
	}
	return xsdAt(x.Name.Local, x.extractValue(f, v))
}

// extractNil reads an XSDNillable.
func (x *XMLElement) extractNil(f *xsdField, v reflect.Value) error {
	value := v.FieldByName("Value")
	if !x.isNil() {
		return x.extractValue(f, value)
	}
	v.FieldByName("Nil").SetBool(true)
	if value.Kind() == reflect.Interface {
		t, err := x.typeFor(value.Type())
		if err != nil {
			if _, found, _ := x.xsiType(); found {
				return err
			}
			return nil // of an abstract type, and nothing more is said
		}
		value.Set(t)
		return x.extractAttributes(xsdFieldsOf(t.Type().Elem()), t.Elem())
	}
	if value.Kind() == reflect.Pointer && value.Type().Elem().Kind() == reflect.Struct && value.Type() != reflect.TypeFor[*XMLElement]() {
		return x.extractAttributes(xsdFieldsOf(value.Type().Elem()), xsdTarget(value))
	}
	return nil
}

// extractValue reads the element as a value of any Go type that fields have.
func (x *XMLElement) extractValue(f *xsdField, v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		return x.extractAlternative(v)
	}
	v = xsdTarget(v)
	switch {
	case v.Type() == reflect.TypeFor[XMLElement]():
		v.Set(reflect.ValueOf(*x.standalone()))
		return nil
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[XSDQName]():
		if err := x.sameType(v.Type()); err != nil {
			return err
		}
		return x.extract(v)
	case x.isNil():
		return errors.New("it is nil")
	}
	if err := x.extractAttributes(&xsdFields{}, v); err != nil {
		return err
	}
	return x.extractText(f, v)
}

// xsiType returns the type that the element names, if it names one.
func (x *XMLElement) xsiType() (name xml.Name, found bool, err error) {
	text, found := x.Attribute(xml.Name{Space: xsdInstance, Local: "type"})
	if !found {
		return name, false, nil
	}
	name, err = x.qname(text)
	return name, true, err
}

// sameType refuses a derived type where the contract knows none.
func (x *XMLElement) sameType(t reflect.Type) error {
	name, found, err := x.xsiType()
	if err != nil || !found || name == xsdSchema.names[t] {
		return err
	}
	if _, known := xsdSchema.names[t]; !known {
		return nil // an unnamed type: what is named instead is judged by its content
	}
	return fmt.Errorf("type {%s}%s is not expected here", name.Space, name.Local)
}

// extractAlternative reads a type or one derived from it, which xsi:type names.
func (x *XMLElement) extractAlternative(v reflect.Value) error {
	value, err := x.typeFor(v.Type())
	if err != nil {
		return err
	}
	v.Set(value)
	return x.extract(value.Elem())
}

// typeFor returns a pointer to a new value of the type that the element has where
// of is declared.
func (x *XMLElement) typeFor(of reflect.Type) (reflect.Value, error) {
	t := xsdSchema.declared[of]
	name, found, err := x.xsiType()
	if err != nil {
		return reflect.Value{}, err
	}
	if found {
		t = xsdSchema.types[name]
	}
	if t == nil {
		return reflect.Value{}, fmt.Errorf("a type is expected in xsi:type, not %q", name.Local)
	}
	value := reflect.New(t)
	if !value.Type().Implements(of) {
		return reflect.Value{}, fmt.Errorf("type {%s}%s is not expected here", name.Space, name.Local)
	}
	return value, nil
}
