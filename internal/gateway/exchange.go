package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/encoded"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// SAP's exchange infrastructure sends a message as a part beside an envelope that
// only lists it (XI 3.0). Which operation it is for is seen from how the part
// begins; it takes its place in the Body once its sender is known.

// manifest finds the part that is the message, and looks at its first element.
func (g *Gateway) manifest(_ context.Context, p *passage) error {
	x := p.receipt.Head.Exchange
	if x == nil {
		return nil
	}
	id, ok := contract.ContentID(x.Main)
	if !ok {
		return x.Lacks("the payload is not one of the message's parts, and nothing is ever fetched", "cid: and the Content-ID of a part")
	}
	i := slices.IndexFunc(p.arrival.Attachments, func(a *Attachment) bool { return a.ContentID == id })
	if i < 0 {
		return x.Lacks("the payload did not come with the message", "a part with this Content-ID")
	}
	p.main = p.arrival.Attachments[i]
	name, err := p.main.root()
	if err != nil {
		return err
	}
	p.receipt.Head.Operation = name
	return nil
}

// maxProlog is how far into the message its first element may begin.
const maxProlog = 64 << 10

// root is the name of the element that an attachment begins with, as far as that
// is among the octets at hand: nobody knows yet who has sent it.
func (a *Attachment) root() (document.Name, error) {
	octets, cut := a.Octets, false
	if octets == nil {
		octets, cut = a.Beginning, true
	}
	if len(octets) > maxProlog {
		octets, cut = octets[:maxProlog], true
	}
	text, _, err := document.Decode(octets, a.Charset)
	const widest = 4 // the last character may be cut off
	for n := 1; err != nil && cut && n < widest && n < len(octets); n++ {
		text, _, err = document.Decode(octets[:len(octets)-n], a.Charset)
	}
	if err != nil {
		return document.Name{}, undecodable(err)
	}
	tree, err := document.ReadUntil(text, document.Limits{}, func(document.Node) bool { return true })
	if err != nil {
		return document.Name{}, malformed(err)
	}
	defer tree.Release()
	name := tree.Root().Name()
	return document.Name{Space: strings.Clone(name.Space), Local: strings.Clone(name.Local)}, nil
}

func undecodable(err error) error {
	d := fault.Detail{Message: err.Error()}
	if s, ok := errors.AsType[*document.SyntaxError](err); ok {
		d = fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column}
	}
	return fault.New(fault.CodeEncoding, "").With(d)
}

// unpack puts the message in the place of the manifest: it is validated and read
// like any other.
func (g *Gateway) unpack(_ context.Context, p *passage) error {
	x := p.receipt.Head.Exchange
	switch {
	case x == nil:
		return nil
	case encoded.Takes(p.receipt.Operation):
		return fault.New(fault.CodeExchange, "an operation in SOAP encoding takes no messages of SAP's XI protocol")
	case !x.Asynchronous && p.receipt.Operation.OneWay():
		return fault.New(fault.CodeExchange, "the operation %s has no answer, and the message is synchronous", p.receipt.Operation.Name)
	case !x.Asynchronous && p.receipt.Signer != nil:
		return fault.New(fault.CodeExchange, "answers of this endpoint are signed, which those to synchronous messages of SAP's XI protocol cannot be")
	}
	defer g.processor(int(min(p.main.Size, maxWritten)))()
	octets, err := p.main.atHand()
	if err != nil {
		return err
	}
	if octets == nil && p.main.Size > 0 {
		return fault.New(fault.CodeTooLarge, "the message is larger than %d bytes, the most that is read of a part", maxWritten)
	}
	text, places, err := document.Decode(octets, p.main.Charset)
	if err != nil {
		return undecodable(err)
	}
	unpacked, err := x.Unpack(p.xml, text, places)
	if err != nil {
		return err
	}
	p.become(unpacked, unpacked.XML)
	return nil
}
