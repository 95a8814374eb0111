package contract

import (
	"bytes"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// The header blocks of an envelope (SOAP 1.1 §4.2, SOAP 1.2 part 1 §5.2). Those
// that a schema of the contract declares are held against it, whoever they are
// for. Others are left alone, also in the contract's own namespaces: SOAP lets a
// sender add blocks, and whether one must be understood is not the contract's to
// say. None has to be there unless the binding marks it as required: a binding
// lists what may come (WSDL 1.1 §3.7). But one that it declares may come once, for
// what is mapped of it counts on that.

// nsWSU is the namespace of the Id by which a signature refers to a block.
const nsWSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

// blockAttributes are those that SOAP itself gives to header blocks, whatever
// their types declare.
var blockAttributes = []string{"mustUnderstand", "actor", "role", "relay", "encodingStyle"}

// ofBlock reports whether an attribute may stand on any header block.
func ofBlock(name Name) bool {
	switch name.Space {
	case nsEnv11, nsEnv12:
		return slices.Contains(blockAttributes, name.Local)
	}
	return name == Name{Space: nsWSU, Local: "Id"}
}

func isBlock(n document.Node) bool {
	parent := n.Parent()
	return isEnvelopePart(parent) && parent.Name().Local == "Header"
}

// headerOf returns the Header of an envelope, or none.
func headerOf(root document.Node) document.Node {
	return root.Child(Name{Space: root.Name().Space, Local: "Header"})
}

// plainBlocks returns the envelope without those attributes of header blocks that
// SOAP gives them and their types do not, blanks in their place; nil when there
// are none. The engine knows only what a type declares.
func (x *explainer) plainBlocks(envelope []byte, root document.Node) []byte {
	var out []byte
	for block := range headerOf(root).Children() {
		el := x.block(block.Name())
		if el == nil || el.Type.AnyAttr {
			continue
		}
		for name := range block.Attrs() {
			if !ofBlock(name) || el.Type.Attr(name) != nil {
				continue
			}
			if out == nil {
				out = bytes.Clone(envelope)
			}
			start, content, _, _ := block.Span()
			blankAttribute(out[start:content], block.AttrQName(name))
		}
	}
	return out
}

// blankAttribute overwrites an attribute in a well-formed start tag.
func blankAttribute(tag []byte, qname string) {
	for i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 && i < len(tag); {
		from := i + len(tag[i:]) - len(bytes.TrimLeft(tag[i:], " \t\r\n"))
		equals := bytes.IndexByte(tag[from:], '=')
		if equals < 0 {
			return
		}
		open := from + equals + bytes.IndexAny(tag[from+equals:], `"'`)
		end := open + 2 + bytes.IndexByte(tag[open+1:], tag[open])
		if string(bytes.TrimRight(tag[from:from+equals], " \t\r\n")) == qname {
			copy(tag[from:end], blank(tag[from:end]))
			return
		}
		i = end
	}
}

// declaredBlocks holds the Header against what the operation's binding declares:
// a block comes at most once, and one that is marked wsdl:required comes.
func (x *explainer) declaredBlocks(root document.Node, op *Operation) {
	if op == nil || op.Input == nil {
		return
	}
	for _, h := range op.Input.Headers {
		if h.Element == nil {
			continue
		}
		seen := false
		for block := range children(headerOf(root), h.Element.Name) {
			if !forReceiver(block) {
				continue
			}
			if seen {
				x.report(block, fault.Detail{Message: "the header block occurs twice", Found: quoted(block),
					Expected: "one " + block.QName() + " in the Header", Doc: h.Element.doc()})
			}
			seen = true
		}
		if h.Required && !seen {
			x.blockMissing(root, h.Element)
		}
	}
}

func (x *explainer) blockMissing(root document.Node, el *Element) {
	at, header := root, headerOf(root)
	d := fault.Detail{Message: "a required header block is missing", Found: "no Header", Expected: prefixed(root, el.Name), Doc: el.doc()}
	if header.Exists() {
		at, d.Found = header, "the end of "+header.QName()
	}
	x.report(at, d)
}

// forReceiver reports whether a block is for who receives the message last: no
// actor, no role, or the role that says so.
func forReceiver(block document.Node) bool {
	for _, name := range []Name{{Space: nsEnv11, Local: "actor"}, {Space: nsEnv12, Local: "role"}} {
		if v, ok := block.Attr(name); ok {
			v = strings.TrimSpace(v)
			return v == "" || v == nsEnv12+"/role/ultimateReceiver"
		}
	}
	return true
}

// breaksHeader reports whether the Header of an envelope that the engine accepts
// is not what the binding declares. Nothing behind the Header is read, and
// nothing at all where no binding declares a block.
func (s *Service) breaksHeader(op *Operation, envelope []byte) bool {
	if !s.headed {
		return false
	}
	tree, err := document.ReadUntil(envelope, document.Limits{}, func(n document.Node) bool {
		body := n
		if op == nil { // its child tells the operation
			body = n.Parent()
		}
		return isEnvelopePart(body) && body.Name().Local == "Body"
	})
	if err != nil {
		return true // whoever reads it whole will say why
	}
	defer tree.Release()
	x := &explainer{service: s, operation: op, misplacedText: true}
	x.declaredBlocks(tree.Root(), x.dispatched(tree.Root()))
	return len(x.details) > 0
}

// dispatched is the operation whose blocks the Header may have.
func (x *explainer) dispatched(root document.Node) *Operation {
	if x.operation != nil {
		return x.operation
	}
	return x.meant(root.Child(Name{Space: root.Name().Space, Local: "Body"}).FirstChild())
}
