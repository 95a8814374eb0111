package mapping

import (
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// Calls says which channels call an operation of a partner's contract, by the
// channel's name: what the mapping publishes to such a channel is the input of
// that operation, and typed by it. It is said before Compile.
func (f *File) Calls(operations map[string]*contract.Operation) { f.calls = operations }

// Channels names the channels that the file publishes to, in order.
func (f *File) Channels() []string {
	var out []string
	for _, p := range f.Publish {
		if p != nil {
			out = append(out, p.Channel.text)
		}
	}
	return out
}

// call compiles the publication to a channel that calls an operation.
func (k *compiler) call(p *publishRule, into *publication, op *contract.Operation, scope *xpath.Scope) {
	input := op.Input.Element
	if p.Element.node != nil {
		if name, ok := k.qualified(p.Element.text, p.Element.node); ok && name != input.Name {
			k.fail(p.Element.node, "the channel %s calls %s, which takes %s; element: is not needed", p.Channel.text, op.Name, input.Name)
		}
	}
	into.format = formatXML
	if p.Format.node != nil {
		into.format = format(k.choose(p.Format, "json", "original", "xml"))
	}
	own := k.mapping.Operation.Input.Element.Name
	switch {
	case into.format == formatJSON:
		k.fail(p.Format.node, "the channel %s calls %s, which takes XML; format: is not needed", p.Channel.text, op.Name)
	case into.format == formatOriginal && p.Body != nil:
		k.fail(p.Body.node, "format: original publishes the payload; it takes no body")
	case into.format == formatOriginal && own != input.Name:
		k.fail(p.Format.node, "the channel %s calls %s, which takes %s; the payload is %s", p.Channel.text, op.Name, input.Name, own)
	case into.format == formatOriginal:
	case p.Body == nil:
		k.fail(p.node, "the key \"body\" is missing: %s of operation %s", input.Name.Local, op.Name)
	default:
		into.element = k.xml(input, p.Body, scope)
	}
}
