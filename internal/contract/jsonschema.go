package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// JSONSchema is a JSON Schema (draft 2020-12): keywords in the order in which
// they are written.
type JSONSchema []JSONKeyword

// JSONKeyword is one member of a JSON Schema. Its value is what encoding/json
// writes.
type JSONKeyword struct {
	Name  string
	Value any
}

// MarshalJSON writes the keywords in their order.
func (s JSONSchema) MarshalJSON() ([]byte, error) {
	dst := []byte{'{'}
	for i, k := range s {
		if i > 0 {
			dst = append(dst, ',')
		}
		value, err := marshalPlain(k.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
		dst = append(append(appendString(dst, k.Name), ':'), value...)
	}
	return append(dst, '}'), nil
}

// marshalPlain is JSON with < and > as they are: none of it stands in a page.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// JSONSchemas describes the JSON twins of elements: the form that AppendJSON
// writes, of values in their usual form. FromJSON also takes what docs/json.md
// allows besides, such as a number as a string; so is a number written that JSON
// has no form for, such as 007. It belongs to one goroutine.
type JSONSchemas struct {
	// Schemas are those of the complex types that were met, by the name that they
	// are referred to by.
	Schemas map[string]any

	prefix string
	names  map[*Type]string
}

// NewJSONSchemas returns an empty collection. Schemas refer to each other by prefix
// and name, such as #/components/schemas/.
func NewJSONSchemas(prefix string) *JSONSchemas {
	return &JSONSchemas{Schemas: map[string]any{}, prefix: prefix, names: map[*Type]string{}}
}

// Element returns the schema of an element's twin.
func (j *JSONSchemas) Element(el *Element) JSONSchema {
	forms := j.forms(el.Type, el.Name.Local)
	if el.Nillable {
		forms = append(forms, JSONSchema{{"type", "null"}})
	}
	if el.Nillable && len(el.Type.Attributes) > 0 {
		forms = append(forms, el.Type.nilled(j))
	}
	out := forms[0]
	if len(forms) > 1 {
		out = JSONSchema{{"anyOf", forms}}
	}
	if el.Doc != "" {
		out = slices.DeleteFunc(slices.Clone(out), func(k JSONKeyword) bool { return k.Name == "description" })
		out = append(JSONSchema{{"description", el.Doc}}, out...)
	}
	return out
}

// nilled is the schema of an element that is nil and has attributes.
func (t *Type) nilled(j *JSONSchemas) JSONSchema {
	properties := JSONSchema{{keyNil, JSONSchema{{"const", true}}}, {keyType, JSONSchema{{"type", "string"}}}}
	required := []string{keyNil}
	for i, a := range t.Attributes {
		key := t.layout().attributes[i]
		properties = append(properties, JSONKeyword{key, j.simple(a.Type)})
		if a.Required {
			required = append(required, key)
		}
	}
	return JSONSchema{{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}}
}

// forms are what a value of the type may be: itself, or by @xsi:type a derived one.
// What may derive from simple types is left out: every text could be of a dozen
// types then, and nobody names them.
func (j *JSONSchemas) forms(t *Type, called string) []JSONSchema {
	var out []JSONSchema
	if !t.Abstract {
		out = append(out, j.form(t, called))
	}
	for _, d := range derivedFrom(t) {
		typed := JSONSchema{{"required", []string{keyType}}}
		out = append(out, JSONSchema{{"allOf", []JSONSchema{j.form(d, called), typed}}})
	}
	if out == nil { // abstract, and nothing is derived from it
		out = append(out, JSONSchema{{"not", JSONSchema{}}})
	}
	return out
}

// derivedFrom lists the types that may stand for t and are not abstract; none for
// simple types, and for the one that all derive from.
func derivedFrom(t *Type) []*Type {
	if t.Simple != nil || t.Base == nil {
		return nil
	}
	var out []*Type
	seen := map[*Type]bool{t: true}
	var walk func(*Type)
	walk = func(t *Type) {
		for _, d := range t.Derived {
			if seen[d] {
				continue
			}
			if seen[d] = true; !d.Abstract {
				out = append(out, d)
			}
			walk(d)
		}
	}
	walk(t)
	return out
}

// form is the schema of a type's values without @xsi:type.
func (j *JSONSchemas) form(t *Type, called string) JSONSchema {
	switch {
	case t.Simple != nil && len(t.Attributes) == 0:
		return j.simple(t.Simple)
	case t.Base == nil: // xs:anyType
		return JSONSchema{}
	}
	object := JSONSchema{{"$ref", j.prefix + j.define(t, called)}}
	if t.Mixed && len(t.Attributes) == 0 {
		return JSONSchema{{"anyOf", []JSONSchema{{{"type", "string"}}, object}}}
	}
	return object
}

// define gives a complex type its name, and the name its schema.
func (j *JSONSchemas) define(t *Type, called string) string {
	if name, known := j.names[t]; known {
		return name
	}
	if t.Name.Local != "" {
		called = t.Name.Local
	}
	base := componentName(called)
	name := base
	for i := 2; ; i++ {
		if _, taken := j.Schemas[name]; !taken {
			break
		}
		name = fmt.Sprintf("%s_%d", base, i)
	}
	j.names[t], j.Schemas[name] = name, nil // types may contain themselves
	j.Schemas[name] = j.object(t)
	return name
}

// componentName keeps to what OpenAPI 3.1 §4.8.7 allows.
func componentName(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '_'
	}, s)
}

// object is the schema of an element with attributes or child elements.
func (j *JSONSchemas) object(t *Type) JSONSchema {
	l := t.layout()
	var properties JSONSchema
	var required []string
	if t.Simple == nil && t.Name.Local != "" && t.Base != nil && t.Base.Base != nil {
		properties = append(properties, JSONKeyword{keyType, JSONSchema{{"type", "string"}}})
	}
	for i, a := range t.Attributes {
		properties = append(properties, JSONKeyword{l.attributes[i], described(j.simple(a.Type), a.Doc)})
		if a.Required {
			required = append(required, l.attributes[i])
		}
	}
	if t.Simple != nil {
		properties, required = append(properties, JSONKeyword{keyValue, j.simple(t.Simple)}), append(required, keyValue)
	} else if t.Mixed {
		properties = append(properties, JSONKeyword{keyValue, JSONSchema{{"type", "string"}}})
	}
	if t.Simple == nil {
		needed := j.children(t, l, &properties)
		if !t.Mixed {
			required = append(required, needed...)
		}
	}
	out := JSONSchema{{"type", "object"}}
	if t.Doc != "" {
		out = append(out, JSONKeyword{"description", t.Doc})
	}
	out = append(out, JSONKeyword{"properties", properties})
	if len(required) > 0 {
		out = append(out, JSONKeyword{"required", required})
	}
	return append(out, JSONKeyword{"additionalProperties", false})
}

// children adds the child elements, and returns the keys of those that have to be
// there.
func (j *JSONSchemas) children(t *Type, l *layout, properties *JSONSchema) (required []string) {
	least := map[int32]Child{}
	for _, c := range t.Children() {
		least[l.byName[c.Element.Name]] = c
	}
	for i, s := range l.slots {
		if s.element.Abstract {
			continue
		}
		c := least[int32(i)]
		value := j.Element(s.element)
		if s.repeats {
			value = JSONSchema{{"type", "array"}, {"items", value}}
			if c.Element != nil && c.Min > 0 && len(c.Element.Substitutes) == 0 {
				value = append(value, JSONKeyword{"minItems", c.Min})
			}
			if c.Element != nil && c.Max != Unbounded {
				value = append(value, JSONKeyword{"maxItems", c.Max})
			}
		}
		*properties = append(*properties, JSONKeyword{s.key, value})
		if c.Element != nil && c.Min > 0 && len(c.Element.Substitutes) == 0 {
			required = append(required, s.key)
		}
	}
	return required
}

func described(s JSONSchema, doc string) JSONSchema {
	if doc == "" {
		return s
	}
	s = slices.DeleteFunc(slices.Clone(s), func(k JSONKeyword) bool { return k.Name == "description" })
	return append(JSONSchema{{"description", doc}}, s...)
}

// simple is the schema of a simple type's values. What JSON Schema has no keyword
// for, such as the number of digits, is told in words.
func (j *JSONSchemas) simple(s *Simple) JSONSchema {
	out := j.values(s)
	words := s.Doc
	if words == "" && (s.needsWords() || s.Primitive != "string" && s.Primitive != "boolean") && len(s.Enumeration) == 0 {
		words = s.Describe()
	}
	if words != "" {
		out = append(out, JSONKeyword{"description", words})
	}
	return out
}

// needsWords reports whether JSON Schema says less than the type.
func (s *Simple) needsWords() bool {
	return s.TotalDigits != nil || s.FractionDigits != nil && *s.FractionDigits > 0 || len(s.Patterns) > 0 && portable(s.Patterns) == nil
}

func (j *JSONSchemas) values(s *Simple) JSONSchema {
	switch {
	case s.Variety == Union:
		return JSONSchema{{"type", []string{"string", "number", "boolean"}}}
	case s.Variety == List || s.qualified():
		return JSONSchema{{"type", "string"}}
	}
	switch s.Primitive {
	case "boolean":
		return JSONSchema{s.kind("boolean")}
	case "decimal":
		return s.numbers()
	case "float", "double":
		return JSONSchema{{"type", []string{"number", "string"}}}
	case "base64Binary":
		return JSONSchema{{"type", "string"}, {"contentEncoding", "base64"}}
	}
	return s.texts()
}

// kind is the keyword type. A pattern may want a form that JSON has as a string
// only, such as 00042.
func (s *Simple) kind(of string) JSONKeyword {
	if len(s.Patterns) > 0 {
		return JSONKeyword{"type", []string{of, "string"}}
	}
	return JSONKeyword{"type", of}
}

// numbers are decimals. A value with more digits than a client's numbers have may
// come as a string, and goes out as a number all the same.
func (s *Simple) numbers() JSONSchema {
	kind := "number"
	if s.FractionDigits != nil && *s.FractionDigits == 0 {
		kind = "integer"
	}
	out := JSONSchema{s.kind(kind)}
	for _, b := range []struct {
		keyword string
		limit   *string
	}{{"minimum", s.MinInclusive}, {"exclusiveMinimum", s.MinExclusive}, {"maximum", s.MaxInclusive}, {"exclusiveMaximum", s.MaxExclusive}} {
		if b.limit != nil && jsonNumeral(collapse(*b.limit)) {
			out = append(out, JSONKeyword{b.keyword, json.Number(collapse(*b.limit))})
		}
	}
	var values []json.Number
	for _, v := range s.Enumeration {
		if v = collapse(v); jsonNumeral(v) {
			values = append(values, json.Number(v))
		}
	}
	if len(values) > 0 && len(values) == len(s.Enumeration) && len(s.Patterns) == 0 {
		out = append(out, JSONKeyword{"enum", values})
	}
	return out
}

// texts are all other values: strings in the form of XML.
func (s *Simple) texts() JSONSchema {
	out := JSONSchema{{"type", "string"}}
	if len(s.Enumeration) > 0 && s.Primitive == "string" {
		return append(out, JSONKeyword{"enum", s.Enumeration})
	}
	if s.Primitive == "string" || s.Primitive == "anyURI" {
		for _, b := range []struct {
			keyword string
			limit   *int
		}{{"minLength", s.MinLength}, {"maxLength", s.MaxLength}, {"minLength", s.Length}, {"maxLength", s.Length}} {
			if b.limit != nil {
				out = append(out, JSONKeyword{b.keyword, *b.limit})
			}
		}
	}
	switch patterns := portable(s.Patterns); len(patterns) {
	case 0:
	case 1:
		out = append(out, JSONKeyword{"pattern", patterns[0]})
	default:
		var all []JSONSchema
		for _, p := range patterns {
			all = append(all, JSONSchema{{"pattern", p}})
		}
		out = append(out, JSONKeyword{"allOf", all})
	}
	return out
}

// portable are patterns that mean the same in XSD and ECMA-262, anchored; nil when
// one of them does not: class subtraction, blocks, \i and \c, and what one of the
// two takes for itself.
func portable(patterns [][]string) []string {
	var out []string
	for _, step := range patterns {
		for _, p := range step {
			if !sameInECMA(p) {
				return nil
			}
		}
		out = append(out, "^(?:"+strings.Join(step, "|")+")$")
	}
	return out
}

func sameInECMA(p string) bool {
	if strings.ContainsAny(p, "^$/") || strings.Contains(p, "-[") || strings.Contains(p, "(?") {
		return false
	}
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] >= 0x80 || p[i] < ' ':
			return false
		case p[i] != '\\':
			continue
		}
		if i++; i == len(p) || !strings.ContainsRune(`\|.?*+(){}[]`, rune(p[i])) {
			return false
		}
	}
	return true
}
