package envelope

import (
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Answers in XI 3.0. An asynchronous message is answered with the receipt that
// says that it is kept, a synchronous one with an ApplicationResponse whose
// payload is a part of its own; a refusal is a SOAP fault whose detail is a
// sap:Error.

const (
	sapOpening = ` xmlns:sap="` + NamespaceXI + `" soap:mustUnderstand="1"`
	xiAgency   = "http://sap.com/xi/XI"
	xiScheme   = "XIParty"
)

// AppendReceipt appends the answer to an asynchronous message that is kept. id
// names the answer, and now is when it is sent.
func (x *Exchange) AppendReceipt(dst []byte, id string, now time.Time) []byte {
	dst = append(appendOpening(dst, V11), "<soap:Header><sap:Ack"+sapOpening+"><sap:Status>OK</sap:Status></sap:Ack>"...)
	dst = x.appendMain(dst, "SystemAck", id, now)
	return append(dst, "</soap:Header><soap:Body/></soap:Envelope>"...)
}

// AppendResponse appends the answer to a synchronous message whose payload is the
// part with the Content-ID contentID, of characters that need no escape in a URL.
func (x *Exchange) AppendResponse(dst []byte, id string, now time.Time, contentID string) []byte {
	dst = append(appendOpening(dst, V11), "<soap:Header>"...)
	dst = x.appendMain(dst, "ApplicationResponse", id, now)
	dst = append(dst, "<sap:ReliableMessaging"+sapOpening+"><sap:QualityOfService>BestEffort</sap:QualityOfService></sap:ReliableMessaging></soap:Header>"...)
	dst = append(dst, `<soap:Body><sap:Manifest xmlns:sap="`+NamespaceXI+`" xmlns:xlink="`+nameHref.Space+`"><sap:Payload xlink:type="simple" xlink:href="cid:`...)
	dst = document.AppendValue(dst, contentID)
	return append(dst, `"><sap:Name>`+mainDocument+`</sap:Name><sap:Type>`+payloadApplication+`</sap:Type></sap:Payload></sap:Manifest></soap:Body></soap:Envelope>`...)
}

// appendMain appends the header that says which message this is the answer to, from
// nobody in particular to who sent that.
func (x *Exchange) appendMain(dst []byte, class, id string, now time.Time) []byte {
	field := func(local, value string) {
		dst = append(append(append(dst, "<sap:"...), local...), '>')
		dst = document.AppendText(dst, value)
		dst = append(append(append(dst, "</sap:"...), local...), '>')
	}
	addressed := func(local string, p party) {
		dst = append(append(append(dst, "<sap:"...), local...), `><sap:Party agency="`...)
		dst = document.AppendValue(dst, p.agency)
		dst = document.AppendValue(append(dst, `" scheme="`...), p.scheme)
		dst = append(document.AppendText(append(dst, `">`...), p.name), "</sap:Party>"...)
		field("Service", p.service)
		dst = append(append(append(dst, "</sap:"...), local...), '>')
	}
	dst = append(dst, `<sap:Main versionMajor="3" versionMinor="1"`+sapOpening+`>`...)
	field("MessageClass", class)
	field("ProcessingMode", "synchronous")
	field("MessageId", id)
	field("RefToMessageId", x.messageID)
	field("TimeSent", now.UTC().Format("2006-01-02T15:04:05Z"))
	addressed("Sender", party{agency: xiAgency, scheme: xiScheme})
	to := x.sender
	if to.agency == "" && to.scheme == "" && to.name == "" {
		to.agency, to.scheme = xiAgency, xiScheme
	}
	addressed("Receiver", to)
	dst = document.AppendValue(append(dst, `<sap:Interface namespace="`...), x.called.space)
	dst = document.AppendText(append(dst, `">`...), x.called.local)
	return append(dst, "</sap:Interface></sap:Main>"...)
}

// maxStack bounds what a sap:Error tells, in bytes before escaping, so that an
// answer is below 64 KiB.
const maxStack = 8 << 10

// Fault makes f, the fault for e, what a sender in XI 3.0 reads: its engine shows
// the administrator what stands in the sap:Error. What the contract declares as a
// fault has no place there, and is told by its sentence.
func (x *Exchange) Fault(f Fault, e *fault.Error, reference string) Fault {
	category := "XIAdapter"
	if strings.HasPrefix(string(e.Code), "GH-1") {
		category = "XIProtocol"
	}
	dst := []byte(`<sap:Error` + sapOpening + `><sap:Category>` + category + `</sap:Category><sap:Code area="GATEHOUSE">` + string(e.Code) + `</sap:Code>`)
	field := func(local, value string) {
		dst = append(append(append(dst, "<sap:"...), local...), '>')
		dst = document.AppendText(dst, value)
		dst = append(append(append(dst, "</sap:"...), local...), '>')
	}
	field("P1", clip(reference, maxField))
	for _, local := range []string{"P2", "P3", "P4"} {
		field(local, "")
	}
	field("AdditionalText", clip(f.Reason, maxReason))
	var all strings.Builder
	for _, d := range e.Details {
		if all.Len() > maxStack {
			break
		}
		d.Source, d.Target = "", "" // the operator's
		all.WriteString(d.String() + "\n")
	}
	field("Stack", clip(all.String(), maxStack))
	f.Detail, f.Actor, f.Subcodes = append(dst, "</sap:Error>"...), NamespaceXI, nil
	return f
}
