package envelope

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// addressing reads the WS-Addressing headers (WS-Addressing 1.0 core §3, SOAP
// binding §3). Each may be there once, RelatesTo excepted; addresses are kept
// opaque, since To carries the address the client knows, not ours.
func (p *peek) addressing() error {
	a := &p.head.Addressing
	for _, b := range p.head.Blocks {
		a.Used = a.Used || b.ForUs && b.Name.Space == NamespaceAddressing
	}
	if !a.Used {
		return nil
	}
	var err error
	take := func(name document.Name, read func(document.Node) (string, error)) string {
		if err != nil {
			return ""
		}
		var value string
		value, err = p.single(name, read)
		return value
	}
	a.Action = take(nameAction, text)
	a.MessageID = take(nameMessageID, identifier)
	a.To = take(nameTo, text)
	take(nameFrom, func(document.Node) (string, error) { return "", nil })
	a.ReplyTo = take(nameReplyTo, replyAddress)
	a.FaultTo = take(nameFaultTo, replyAddress)
	p.each(nameRelatesTo, func(n document.Node) {
		if a.RelatesTo == "" {
			a.RelatesTo = strings.Clone(strings.TrimSpace(n.Text()))
		}
	})
	return err
}

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
// nowhere (SOAP binding §5.1).
func replyAddress(n document.Node) (string, error) {
	address := n.Child(document.Name{Space: NamespaceAddressing, Local: "Address"})
	if !address.Exists() {
		return "", addressingFault(n, "the endpoint reference has no Address", subcodeNoAddress)
	}
	switch value := strings.TrimSpace(address.Text()); value {
	case AddressAnonymous:
		return AddressAnonymous, nil
	case AddressNone:
		return AddressNone, nil
	default:
		f := addressingFault(address, "only the anonymous and the none address are supported", subcodeAnonymous)
		f.Details[0].Found = clip(value, 200)
		f.Details[0].Expected = AddressAnonymous + " or " + AddressNone
		return "", f
	}
}

func addressingFault(n document.Node, message string, subcode document.Name) *fault.Error {
	cause := &Cause{Subcodes: []document.Name{subcodeAddressing, subcode}}
	return fault.New(fault.CodeAddressing, "").With(at(n, message)).Because(cause)
}
