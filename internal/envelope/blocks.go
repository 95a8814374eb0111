package envelope

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Names with which senders mark a block.
const (
	attrMustUnderstand = "mustUnderstand"
	actorNext          = "http://schemas.xmlsoap.org/soap/actor/next"
	roleNext           = namespace12 + "/role/next"
	roleUltimate       = namespace12 + "/role/ultimateReceiver"
)

var nameSecurity = document.Name{Space: NamespaceSecurity, Local: "Security"}

// The headers of WS-Addressing, in both of its namespaces.
const (
	headerAction    = "Action"
	headerMessageID = "MessageID"
	headerTo        = "To"
	headerFrom      = "From"
	headerReplyTo   = "ReplyTo"
	headerFaultTo   = "FaultTo"
	headerRelatesTo = "RelatesTo"
)

// understood are the names of the blocks that are processed here.
var understood = slices.Concat([]document.Name{nameSecurity}, exchangeNames(), addressingNames())

func addressingNames() (names []document.Name) {
	for _, space := range addressingSpaces {
		for _, local := range []string{headerAction, headerMessageID, headerTo, headerFrom, headerReplyTo, headerFaultTo, headerRelatesTo} {
			names = append(names, document.Name{Space: space, Local: local})
		}
	}
	return names
}

// own returns a name that does not hold on to the source.
func own(name document.Name) document.Name {
	for _, known := range understood {
		if name == known {
			return known
		}
	}
	return document.Name{Space: strings.Clone(name.Space), Local: strings.Clone(name.Local)}
}

// blocks lists the header blocks.
func (p *peek) blocks() error {
	if p.header.HasText() {
		return notSOAP(p.header, "text stands directly in the Header")
	}
	p.nodes = p.few[:0]
	for n := range p.header.Children() {
		p.nodes = append(p.nodes, n)
	}
	p.head.Blocks = make([]Block, 0, len(p.nodes))
	for _, n := range p.nodes {
		must, err := p.mustUnderstand(n)
		if err != nil {
			return err
		}
		b := Block{Name: own(n.Name()), MustUnderstand: must}
		b.Role, b.ForUs = p.role(n)
		p.head.Blocks = append(p.head.Blocks, b)
	}
	p.trace()
	return p.once()
}

// mustUnderstand reads the mark. SOAP 1.1 §4.2.3 has 0 and 1, SOAP 1.2 part 1
// §5.2.3 a boolean; senders of 1.1 write booleans too, and some (suds) leave
// out the namespace. Both are taken for what they mean: whoever marks a block
// must not find it ignored.
func (p *peek) mustUnderstand(n document.Node) (bool, error) {
	value, ok := n.Attr(p.name(attrMustUnderstand))
	if !ok {
		value, ok = n.Attr(document.Name{Local: attrMustUnderstand})
	}
	if !ok {
		return false, nil
	}
	switch strings.Trim(value, " ") {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	d := at(n, "mustUnderstand is neither 0 nor 1")
	d.Found, d.Expected = strings.Clone(value), "0 or 1"
	return false, fault.New(fault.CodeNotSOAP, "").With(d)
}

// role tells whom a block is for. The gateway plays next and the ultimate
// receiver; a block for anybody else is not looked into (SOAP 1.1 §4.2.2, SOAP
// 1.2 part 1 §2.2).
func (p *peek) role(n document.Node) (role string, forUs bool) {
	if p.head.Version == V11 {
		value, _ := n.Attr(p.name("actor"))
		role = strings.Trim(value, " ")
		return strings.Clone(role), role == "" || role == actorNext
	}
	value, _ := n.Attr(p.name("role"))
	role = strings.Trim(value, " ")
	return strings.Clone(role), role == "" || role == roleNext || role == roleUltimate
}

// understand refuses the message when a block for us that is marked so is not
// understood (SOAP 1.1 §4.2.3, SOAP 1.2 part 1 §2.4): before anything else is
// looked at, and naming all of them.
func (p *peek) understand() error {
	var cause Cause
	var details []fault.Detail
	for i, b := range p.head.Blocks {
		if !b.MustUnderstand || !b.ForUs || p.understands(b.Name) {
			continue
		}
		cause.NotUnderstood = append(cause.NotUnderstood, b.Name)
		d := at(p.nodes[i], "this header block is marked mustUnderstand and not understood here")
		d.Found = b.Name.String()
		details = append(details, d)
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeMustUnderstand, "").With(details...).Because(&cause)
}

func (p *peek) understands(block document.Name) bool {
	for _, name := range understood {
		if name == block {
			// Of two vocabularies of addressing in one message one is spoken.
			return !slices.Contains(addressingSpaces, block.Space) || block.Space == p.head.Addressing.Space
		}
	}
	return p.limits.Understands != nil && p.limits.Understands(p.head, block)
}

// each calls f for the blocks of one name that are for us.
func (p *peek) each(name document.Name, f func(document.Node)) {
	for i, b := range p.head.Blocks {
		if b.ForUs && b.Name == name {
			f(p.nodes[i])
		}
	}
}

// trace takes over the trace context of a traceparent block. SOAP has no
// binding for it; senders agree on the name and no namespace in particular.
func (p *peek) trace() {
	for i, b := range p.head.Blocks {
		if b.ForUs && b.Name.Local == "traceparent" {
			if value := strings.TrimSpace(p.nodes[i].Text()); IsTraceParent(value) {
				p.head.TraceParent = strings.Clone(value)
			}
		}
	}
}

// IsTraceParent reports whether s is a traceparent of version 00 (W3C Trace
// Context §3.2.2): 00-trace-parent-flags, in lower case, neither id all zero.
func IsTraceParent(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	trace, parent, flags := s[3:35], s[36:52], s[53:]
	hex := func(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
	zero := func(s string) bool { return strings.Trim(s, "0") == "" }
	return hex(trace) && hex(parent) && hex(flags) && !zero(trace) && !zero(parent)
}
