package contract

import (
	"sync"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// The JSON twin of an element. docs/json.md is the reference for those who send
// it; in short:
//
//   - The text is the content of the operation's input element; its name is
//     nowhere in it. An element with child elements or attributes is an object,
//     another its value.
//   - A child element has its local name for a key, an attribute "@" and its
//     local name; where two have the same, the second one goes by Clark notation,
//     {namespace}local, which the first one goes by too.
//   - "$value" is the text of an element that is an object.
//   - An element that may repeat is an array, or its value when there is one.
//   - null is xsi:nil. "@xsi:nil" says so of an element with attributes,
//     "@xsi:type" names a derived type, by local name or in Clark notation.
//   - Numbers and booleans are JSON's, or strings of their XML form. All else is
//     a string, qualified names in Clark notation. No digit is ever changed.
//   - The order of keys has a meaning only where a choice may repeat.
//
// Elements and attributes that the contract allows without naming them, text
// between elements, and orders that keys cannot tell have no twin.

// Keys that are no names of the contract.
const (
	directive = "@xsi:"
	keyType   = "@xsi:type"
	keyNil    = "@xsi:nil"
	keyValue  = "$value"
)

// maxTwin bounds a JSON text and the XML made of it, in bytes: the engine takes
// no more.
const maxTwin = 64 << 20

// JSONDocument is a message that came as JSON, and the XML that it means. It is
// safe for concurrent use.
type JSONDocument struct {
	// XML is a document whose root is the operation's input element: what is to
	// be validated, read and kept.
	XML []byte

	element *Element
	src     []byte
	places  func() *jsonPlaces
}

// FromJSON makes the XML of a message that came as the JSON twin of the
// operation's input element. Children are written in the contract's order, in
// their namespaces and forms. Values are not checked but for what XML cannot
// hold: that is ValidatePayload's, and Locate tells where in the JSON text its
// findings are.
//
// The error is a *fault.Error: of code GH-1111 for what is no JSON, GH-1004 for
// bytes that are not UTF-8, of kind too_large past a limit, not_found for an
// operation that is not served, and GH-3001 for a text that is no twin: unknown
// keys, keys given twice, values of the wrong kind. This one has all details in
// the order of the text, those that ValidatePayload finds in the rest with them,
// at most limit when that is more than zero and a thousand in any case; it counts
// the others, or some of them when they are thousands. Paths are JSON Pointers
// (RFC 6901), lines and columns those of the text.
//
// FromJSON is safe for concurrent use. It keeps src, which nobody may write to
// while the document is in use.
func (s *Service) FromJSON(op *Operation, src []byte, limit int) (*JSONDocument, error) {
	if err := s.takes(op); err != nil {
		return nil, err
	}
	c := converters.Get().(*jsonConverter)
	defer c.release()
	if err := c.convert(op.Input.Element, src); err != nil {
		return nil, err
	}
	d := &JSONDocument{XML: c.dst, element: op.Input.Element, src: src}
	d.places = sync.OnceValue(d.trace)
	c.dst = nil
	if len(c.list) > 0 {
		return nil, s.noTwin(op, d, c, limit)
	}
	return d, nil
}

// noTwin is the fault of a text that is JSON and no twin. What the contract says
// about the parts that could be written is told with it, but for values that are
// complained about already; if there are so many that the validator only counts
// them, they are not counted again.
func (s *Service) noTwin(op *Operation, d *JSONDocument, c *jsonConverter, limit int) error {
	x := explainer{details: c.details(), more: c.more}
	details, more, err := s.ValidatePayload(op, d.XML, 0)
	if err == nil && !c.wrapped {
		for _, one := range details {
			if one = d.Locate(one); !c.answersFor(one.Path) {
				x.details = append(x.details, one)
			}
		}
		if len(c.faulty) == 0 {
			x.more += more
		}
	}
	if limit <= 0 || limit > maxDetails {
		limit = maxDetails
	}
	f := fault.New(fault.CodeInvalid, "")
	f.Details, f.More = x.limited(limit)
	return f
}
