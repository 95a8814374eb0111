package envelope

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// addressingSpaces are the namespaces that WS-Addressing is spoken in, the better
// one first.
var addressingSpaces = []string{NamespaceAddressing, NamespaceAddressing2004}

// addressing reads the WS-Addressing headers (WS-Addressing 1.0 core §3, SOAP
// binding §3; the submission of 2004 has the same ones). Each may be there once,
// RelatesTo excepted; addresses are kept opaque, since To carries the address the
// client knows, not ours.
func (p *peek) addressing() error {
	a := &p.head.Addressing
	for _, space := range addressingSpaces {
		spoken := slices.ContainsFunc(p.head.Blocks, func(b Block) bool { return b.ForUs && b.Name.Space == space })
		if spoken && !a.Used {
			a.Used, a.Space = true, space
		}
	}
	if !a.Used {
		return nil
	}
	var err error
	take := func(local string, read func(document.Node) (string, error)) string {
		if err != nil {
			return ""
		}
		var value string
		value, err = p.single(document.Name{Space: a.Space, Local: local}, read)
		return value
	}
	a.Action = take(headerAction, text)
	a.MessageID = take(headerMessageID, identifier)
	a.To = take(headerTo, text)
	take(headerFrom, func(document.Node) (string, error) { return "", nil })
	a.ReplyTo = take(headerReplyTo, p.replyAddress(&a.ReplyBlocks))
	a.FaultTo = take(headerFaultTo, p.replyAddress(&a.FaultBlocks))
	p.each(document.Name{Space: a.Space, Local: headerRelatesTo}, func(n document.Node) {
		if a.RelatesTo == "" {
			a.RelatesTo = strings.Clone(strings.TrimSpace(n.Text()))
		}
	})
	return err
}

// RelatesTo returns the ids of the messages to which a complete envelope says to be
// the reply, in the header blocks for us: those without a RelationshipType, or with
// that of a reply (WS-Addressing 1.0 core §3.1; the submission of 2004 has a QName).
// The error is a *fault.Error.
func RelatesTo(t *document.Tree) ([]string, error) {
	located, err := Locate(t)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, n := range located.Blocks {
		if n.Name().Local != headerRelatesTo || !slices.Contains(addressingSpaces, n.Name().Space) {
			continue
		}
		kind, typed := n.Attr(document.Name{Local: "RelationshipType"})
		if _, local := document.SplitQName(strings.TrimSpace(kind)); !typed || strings.TrimSpace(kind) == relationReply || n.Name().Space == NamespaceAddressing2004 && local == "Reply" {
			ids = append(ids, strings.Clone(strings.TrimSpace(n.Text())))
		}
	}
	return ids, nil
}

// relationReply is the type that RelatesTo has when it has none.
const relationReply = NamespaceAddressing + "/reply"

func (p *peek) single(name document.Name, read func(document.Node) (string, error)) (value string, err error) {
	count := 0
	p.each(name, func(n document.Node) {
		if count++; count > 1 && err == nil {
			err = addressingFault(n, "this header may be given only once", subcodeCardinality)
		}
		if err == nil {
			value, err = read(n)
		}
	})
	return value, err
}

func text(n document.Node) (string, error) {
	value := strings.TrimSpace(n.Text())
	if value == "" {
		return "", addressingFault(n, "this header is empty", subcodeAddress)
	}
	return strings.Clone(value), nil
}

// maxMessageID is the longest MessageID, in bytes. It comes back in every
// answer, and where it is a message's identity the ledger compares no more.
const maxMessageID = 400

func identifier(n document.Node) (string, error) {
	value, err := text(n)
	if len(value) > maxMessageID {
		f := addressingFault(n, "this header is too long", subcodeAddress)
		f.Details[0].Expected = "at most " + strconv.Itoa(maxMessageID) + " bytes"
		return "", f
	}
	return value, err
}

// replyAddress reads an endpoint reference. The gateway opens no connection
// because a message says so: the answer goes back on the sender's own, or
// nowhere (SOAP binding §5.1), or to an address that is listed for him.
func (p *peek) replyAddress(blocks *string) func(document.Node) (string, error) {
	return func(n document.Node) (string, error) {
		space := n.Name().Space
		address := n.Child(document.Name{Space: space, Local: "Address"})
		if !address.Exists() {
			return "", addressingFault(n, "the endpoint reference has no Address", subcodeNoAddress)
		}
		value := strings.TrimSpace(address.Text())
		switch {
		case value == AddressAnonymous, space == NamespaceAddressing2004 && value == anonymous2004:
			return AddressAnonymous, nil
		case value == AddressNone:
			return AddressNone, nil
		}
		if p.limits.Listed != nil {
			if listed, ok := p.limits.Listed(value); ok {
				var err error
				*blocks, err = referenceParameters(n)
				return listed, err
			}
		}
		f := addressingFault(address, "only the anonymous and the none address are supported, and addresses that the configuration lists under channels: as replies.addresses", subcodeAnonymous)
		f.Details[0].Found = clip(value, 200)
		f.Details[0].Expected = AddressAnonymous + " or " + AddressNone
		return "", f
	}
}

func addressingFault(n document.Node, message string, subcode document.Name) *fault.Error {
	cause := &Cause{Subcodes: []document.Name{subcodeAddressing, subcode}}
	return fault.New(fault.CodeAddressing, "").With(at(n, message)).Because(cause)
}
