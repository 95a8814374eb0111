// Package soapxml is what every generated client has beside its types: the
// writing and reading of those types as XML by their tags, and a client for SOAP
// 1.1 and 1.2. gatehouse-gen copies it into the client's package as soapxml.go,
// so that a client needs nothing but the standard library.
//
// It knows nothing of any contract: that is in the types' tags. What it cannot
// write or read as the tags say is an error, never left out.
package soapxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	xsdInstance = "http://www.w3.org/2001/XMLSchema-instance"
	xsdXML      = "http://www.w3.org/XML/1998/namespace"
	xsdMaxDepth = 256 // of elements in elements
)

// XMLElement is an element as it stands in a document, for content that the
// contract leaves open: wildcards, mixed content, anyType.
type XMLElement struct {
	Name xml.Name
	// Attr are the attributes. Those in the name space "xmlns" declare prefixes,
	// which values of the content may use.
	Attr []xml.Attr
	// Content holds, in the document's order, text (string) and elements
	// (*XMLElement).
	Content []any

	scope *xsdScope
}

// Text returns the text directly in the element.
func (x *XMLElement) Text() string {
	var b strings.Builder
	for _, c := range x.Content {
		if s, ok := c.(string); ok {
			b.WriteString(s)
		}
	}
	return b.String()
}

// Elements returns the elements directly in the element.
func (x *XMLElement) Elements() []*XMLElement {
	var out []*XMLElement
	for _, c := range x.Content {
		if el, ok := c.(*XMLElement); ok {
			out = append(out, el)
		}
	}
	return out
}

// Attribute returns the value of an attribute, and whether it is there.
func (x *XMLElement) Attribute(name xml.Name) (string, bool) {
	for _, a := range x.Attr {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// MarshalXML writes the element under its own name.
func (x *XMLElement) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return x.write(e, "\x00")
}

// UnmarshalXML reads any element.
func (x *XMLElement) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	el, err := xsdRead(d, start, nil, 0)
	if err != nil {
		return err
	}
	*x = *el
	return nil
}

// xsdScope is a chain of prefix declarations, the innermost first.
type xsdScope struct {
	prefix, space string
	outer         *xsdScope
}

func (s *xsdScope) resolve(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.space, true
		}
	}
	return xsdXML, prefix == "xml"
}

// qname resolves a QName in the element's content.
func (x *XMLElement) qname(value string) (xml.Name, error) {
	prefix, local, found := strings.Cut(strings.TrimSpace(value), ":")
	if !found {
		space, _ := x.scope.resolve("")
		return xml.Name{Space: space, Local: prefix}, nil
	}
	space, ok := x.scope.resolve(prefix)
	if !ok {
		return xml.Name{}, fmt.Errorf("%q has a prefix that is not declared", value)
	}
	return xml.Name{Space: space, Local: local}, nil
}

// xsdRead reads the element that starts with start to its end.
func xsdRead(d *xml.Decoder, start xml.StartElement, scope *xsdScope, depth int) (*XMLElement, error) {
	if depth > xsdMaxDepth {
		return nil, errors.New("elements are nested too deeply")
	}
	x := &XMLElement{Name: start.Name, scope: scope}
	for _, a := range start.Attr {
		switch {
		case a.Name.Space == "xmlns":
			x.scope = &xsdScope{a.Name.Local, a.Value, x.scope}
			x.Attr = append(x.Attr, a)
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			x.scope = &xsdScope{"", a.Value, x.scope}
		default:
			x.Attr = append(x.Attr, a)
		}
	}
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			child, err := xsdRead(d, t, x.scope, depth+1)
			if err != nil {
				return nil, err
			}
			x.Content = append(x.Content, child)
		case xml.CharData:
			x.text(string(t))
		case xml.Directive:
			return nil, errors.New("there is a document type declaration")
		case xml.EndElement:
			return x, nil
		}
	}
}

// text appends text, joining what a comment divided.
func (x *XMLElement) text(s string) {
	if n := len(x.Content); n > 0 {
		if before, ok := x.Content[n-1].(string); ok {
			x.Content[n-1] = before + s
			return
		}
	}
	x.Content = append(x.Content, s)
}

// xsdReadDocument reads a document with one element.
func xsdReadDocument(r io.Reader) (*XMLElement, error) {
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return xsdRead(d, t, nil, 0)
		case xml.Directive:
			return nil, errors.New("there is a document type declaration")
		}
	}
}

// standalone gives the element the declarations of the elements around it, so
// that prefixes in its content keep their meaning elsewhere.
func (x *XMLElement) standalone() *XMLElement {
	out := *x
	out.Attr = slices.Clone(x.Attr)
	for s := x.scope; s != nil; s = s.outer {
		name := xml.Name{Space: "xmlns", Local: s.prefix}
		if _, have := out.Attribute(name); s.prefix != "" && !have {
			out.Attr = append(out.Attr, xml.Attr{Name: name, Value: s.space})
		}
	}
	return &out
}

// write writes the element where the default name space is inherited. Names are
// written with the default name space, which says of unqualified ones that they
// are in none; encoding/xml alone would let them inherit it.
func (x *XMLElement) write(e *xml.Encoder, inherited string) error {
	start := xml.StartElement{Name: xml.Name{Local: x.Name.Local}}
	if x.Name.Space != inherited {
		start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: x.Name.Space})
	}
	start.Attr = append(start.Attr, x.attributes()...)
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, c := range x.Content {
		var err error
		switch c := c.(type) {
		case string:
			if err = xsdCharacters(c); err == nil {
				err = e.EncodeToken(xml.CharData(c))
			}
		case *XMLElement:
			err = c.write(e, x.Name.Space)
		default:
			err = fmt.Errorf("content of type %T in element %s", c, x.Name.Local)
		}
		if err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

// attributes returns the attributes under prefixes that are declared with them.
func (x *XMLElement) attributes() []xml.Attr {
	prefixes := map[string]string{xsdXML: "xml"}
	var declared, out []xml.Attr
	for _, a := range x.Attr {
		if a.Name.Space == "xmlns" {
			if a.Name.Local != "xml" {
				prefixes[a.Value] = a.Name.Local
				declared = append(declared, xml.Attr{Name: xml.Name{Local: "xmlns:" + a.Name.Local}, Value: a.Value})
			}
			continue
		}
		name := xml.Name{Local: a.Name.Local}
		if a.Name.Space != "" {
			if prefixes[a.Name.Space] == "" {
				prefix := x.freshPrefix(a.Name.Space, len(prefixes))
				prefixes[a.Name.Space] = prefix
				declared = append(declared, xml.Attr{Name: xml.Name{Local: "xmlns:" + prefix}, Value: a.Name.Space})
			}
			name.Local = prefixes[a.Name.Space] + ":" + a.Name.Local
		}
		out = append(out, xml.Attr{Name: name, Value: a.Value})
	}
	return append(declared, out...)
}

// freshPrefix returns a prefix that the element does not declare yet.
func (x *XMLElement) freshPrefix(space string, n int) string {
	prefix := "xsi"
	if space != xsdInstance {
		prefix = "n" + strconv.Itoa(n)
	}
	for {
		if _, have := x.Attribute(xml.Name{Space: "xmlns", Local: prefix}); !have {
			return prefix
		}
		prefix += "_"
	}
}

// declare returns a prefix for a name space that QNames in the element's content
// may use.
func (x *XMLElement) declare(space string) string {
	for _, a := range x.Attr {
		if a.Name.Space == "xmlns" && a.Value == space {
			return a.Name.Local
		}
	}
	prefix := x.freshPrefix(space, len(x.Attr)+1)
	x.Attr = append(x.Attr, xml.Attr{Name: xml.Name{Space: "xmlns", Local: prefix}, Value: space})
	return prefix
}
