package soapxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// xsdMarshal is the MarshalXML of every struct: v is a pointer to it. A global
// element's is written under the element's name, others under start's.
func xsdMarshal(e *xml.Encoder, start xml.StartElement, v any) error {
	x, err := xsdElement(start.Name, v)
	if err != nil {
		return err
	}
	return x.write(e, "\x00")
}

// xsdElement makes an element of v, a pointer to a generated struct.
func xsdElement(name xml.Name, v any) (*XMLElement, error) {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Pointer || value.IsNil() || value.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T cannot be written as an element", v)
	}
	if x, ok := v.(*XMLElement); ok {
		return x, nil
	}
	if root, ok := xsdSchema.roots[value.Elem().Type()]; ok {
		name = root
	}
	x := &XMLElement{Name: name}
	if err := x.fill(value.Elem()); err != nil {
		return nil, xsdAt(name.Local, err)
	}
	return x, nil
}

// xsdPathError is an error with the path of elements to where it is.
type xsdPathError struct {
	path string
	err  error
}

// Error renders the path and the cause.
func (e *xsdPathError) Error() string { return e.path + ": " + e.err.Error() }

// Unwrap returns the cause.
func (e *xsdPathError) Unwrap() error { return e.err }

// xsdAt puts a step before the path of an error.
func xsdAt(step string, err error) error {
	if err == nil {
		return nil
	}
	var located *xsdPathError
	if errors.As(err, &located) {
		return &xsdPathError{step + "/" + located.path, located.err}
	}
	return &xsdPathError{step, err}
}

// fill writes the struct v into the element.
func (x *XMLElement) fill(v reflect.Value) error {
	fields := xsdFieldsOf(v.Type())
	if f := fields.self; f != nil && f.nilValue {
		return x.nilValue(f, v.Field(f.index))
	} else if f != nil {
		return x.value(f, v.Field(f.index))
	}
	if err := x.fillAttributes(fields, v); err != nil {
		return err
	}
	if f := fields.isNil; f != nil && v.Field(f.index).Bool() {
		x.nil()
		return nil
	}
	if f := fields.value; f != nil {
		return x.fillText(f, v.Field(f.index))
	}
	return x.fillContent(fields.content, v)
}

func (x *XMLElement) fillAttributes(fields *xsdFields, v reflect.Value) error {
	for _, f := range fields.attributes {
		value, there := xsdPresent(f, v.Field(f.index))
		if !there {
			continue
		}
		text, err := xsdFormat(f, value, x)
		if err != nil {
			return xsdAt("@"+f.name.Local, err)
		}
		x.Attr = append(x.Attr, xml.Attr{Name: f.name, Value: text})
	}
	if f := fields.anyAttr; f != nil {
		x.Attr = append(x.Attr, v.Field(f.index).Interface().([]xml.Attr)...)
	}
	return nil
}

// xsdPresent follows a pointer; a nil one, or a nil slice that is not required,
// is absent.
func xsdPresent(f *xsdField, v reflect.Value) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	case reflect.Slice:
		return v, f.required || !v.IsNil()
	}
	return v, true
}

func (x *XMLElement) fillContent(fields []*xsdField, v reflect.Value) error {
	if err := xsdChoices(fields, v); err != nil {
		return err
	}
	for _, f := range fields {
		if err := x.field(f, v.Field(f.index)); err != nil {
			return err
		}
	}
	return nil
}

// field writes what one field holds: elements, a group's items, a wildcard's.
func (x *XMLElement) field(f *xsdField, v reflect.Value) error {
	if !f.many {
		return x.occurrence(f, v)
	}
	if f.required && v.Len() == 0 {
		return xsdAt(xsdStep(f), errors.New("it is required"))
	}
	for i := range v.Len() {
		if err := x.occurrence(f, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// xsdChoices demands of each choice that not more than one of its fields is set,
// and one where the contract demands it.
func xsdChoices(fields []*xsdField, v reflect.Value) error {
	set := map[string]string{}
	for _, f := range fields {
		value := v.Field(f.index)
		if f.choice == "" || xsdNil(value) || f.many && value.Len() == 0 {
			continue
		}
		if other, have := set[f.choice]; have {
			return fmt.Errorf("%s and %s are alternatives", other, xsdStep(f))
		}
		set[f.choice] = xsdStep(f)
	}
	for _, f := range fields {
		if _, have := set[f.choice]; f.must && !have {
			return fmt.Errorf("%s or an alternative to it is required", xsdStep(f))
		}
	}
	return nil
}

func xsdStep(f *xsdField) string {
	if f.name.Local == "" {
		return "(any element)"
	}
	return f.name.Local
}

func (x *XMLElement) occurrence(f *xsdField, v reflect.Value) error {
	switch f.place {
	case "group":
		return x.fillContent(xsdFieldsOf(v.Type()).content, v)
	case "any":
		return x.wildcard(f, v)
	}
	child := &XMLElement{Name: f.name}
	if xsdNil(v) {
		switch {
		case f.nillable:
			child.nil()
			x.Content = append(x.Content, child)
			return nil
		case f.required || f.many:
			return xsdAt(f.name.Local, errors.New("it is required"))
		}
		return nil
	}
	x.Content = append(x.Content, child)
	if f.nilValue {
		return xsdAt(f.name.Local, child.nilValue(f, v.Elem()))
	}
	return xsdAt(f.name.Local, child.value(f, v))
}

func xsdNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.Slice:
		return v.IsNil()
	}
	return false
}

func (x *XMLElement) nil() {
	x.Attr = append(x.Attr, xml.Attr{Name: xml.Name{Space: xsdInstance, Local: "nil"}, Value: "true"})
}

// nilValue writes an XSDNillable.
func (x *XMLElement) nilValue(f *xsdField, v reflect.Value) error {
	value := v.FieldByName("Value")
	if !v.FieldByName("Nil").Bool() {
		return x.value(f, value)
	}
	x.nil()
	if value.Kind() == reflect.Interface && !value.IsNil() {
		if err := x.typed(value); err != nil {
			return err
		}
		value = value.Elem()
	}
	if value.Kind() == reflect.Pointer && !value.IsNil() && value.Elem().Kind() == reflect.Struct {
		return x.fillAttributes(xsdFieldsOf(value.Elem().Type()), value.Elem())
	}
	return nil
}

func (x *XMLElement) wildcard(f *xsdField, v reflect.Value) error {
	el := v.Interface().(*XMLElement)
	if el == nil {
		if f.required || f.many {
			return xsdAt(xsdStep(f), errors.New("it is required"))
		}
		return nil
	}
	x.Content = append(x.Content, el)
	return nil
}

// value writes a value of any Go type that fields have as the element's.
func (x *XMLElement) value(f *xsdField, v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		return x.alternative(v)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return errors.New("it is required")
		}
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[XMLElement]():
		x.Attr = v.FieldByName("Attr").Interface().([]xml.Attr)
		x.Content = v.FieldByName("Content").Interface().([]any)
		return nil
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[XSDQName]():
		return x.fill(v)
	}
	return x.fillText(f, v)
}

func (x *XMLElement) fillText(f *xsdField, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return errors.New("it has no value")
		}
		v = v.Elem()
	}
	text, err := xsdFormat(f, v, x)
	if err == nil && text != "" {
		x.Content = append(x.Content, text)
	}
	return err
}

// alternative writes a type or one derived from it, which xsi:type names.
func (x *XMLElement) alternative(v reflect.Value) error {
	if err := x.typed(v); err != nil {
		return err
	}
	return x.fill(v.Elem().Elem())
}

// typed names the type of what the interface v holds, unless it is the declared
// one.
func (x *XMLElement) typed(v reflect.Value) error {
	if v.IsNil() || v.Elem().Kind() != reflect.Pointer || v.Elem().IsNil() {
		return errors.New("it is required")
	}
	value := v.Elem().Elem()
	if t := value.Type(); t != xsdSchema.declared[v.Type()] {
		name, ok := xsdSchema.names[t]
		if !ok {
			return fmt.Errorf("type %s has no name in the contract", t)
		}
		text := name.Local
		if name.Space != "" {
			text = x.declare(name.Space) + ":" + text
		}
		x.Attr = append(x.Attr, xml.Attr{Name: xml.Name{Space: xsdInstance, Local: "type"}, Value: text})
	}
	return nil
}

// xsdBytes returns the element as a document without declaration.
func xsdBytes(x *XMLElement) ([]byte, error) {
	var b strings.Builder
	e := xml.NewEncoder(&b)
	if err := x.write(e, "\x00"); err != nil {
		return nil, err
	}
	err := e.Flush()
	return []byte(b.String()), err
}
