package envelope

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Names of SAP's exchange infrastructure, message protocol XI 3.0.
var (
	nameXIMain     = xiName("Main")
	nameXIReliable = xiName("ReliableMessaging")
	nameManifest   = xiName("Manifest")
	nameXIParty    = xiName("Party")
	nameHref       = document.Name{Space: "http://www.w3.org/1999/xlink", Local: "href"}
)

func xiName(local string) document.Name { return document.Name{Space: NamespaceXI, Local: local} }

// exchangeNames are the header blocks of the protocol that are understood: two that
// are processed, and those that say how the message came here, and how much of that
// is to be logged, which asks nothing of a receiver. sap:Ack and sap:Error are of
// answers.
func exchangeNames() []document.Name {
	names := []document.Name{nameXIMain, nameXIReliable}
	for _, local := range []string{"System", "Diagnostic", "HopList", "DynamicConfiguration", "Passport", "RunTime", "PerformanceHeader", "OutboundBinding", "Trace"} {
		names = append(names, xiName(local))
	}
	return names
}

// Exchange is what a message of XI 3.0 says of itself: SOAP 1.1 with Attachments,
// whose Body lists the parts by which it comes.
type Exchange struct {
	// Asynchronous says that the sender wants a receipt and no answer.
	Asynchronous bool
	// Main refers to the part that holds the message, as the manifest has it.
	Main string

	mainAt    fault.Detail // where it has it
	messageID string
	sender    party
	called    qualified
}

// What the part that holds the message is of, and what it is called by default.
const (
	payloadApplication = "Application"
	mainDocument       = "MainDocument"
)

// party is a sap:Sender.
type party struct{ agency, scheme, name, service string }

// qualified is a sap:Interface.
type qualified struct{ space, local string }

// once reads what SAP's headers say about exactly once, in order; they come with
// messages of other forms, too.
func (p *peek) once() (err error) {
	read := func(block document.Name, local string) (value string) {
		p.each(block, func(n document.Node) {
			c := n.Child(xiName(local))
			if value = textOf(c); len(value) > maxMessageID && err == nil {
				err = notSOAP(c, "this header is too long")
			}
		})
		return value
	}
	p.head.MessageID, p.head.Queue = read(nameXIMain, "MessageId"), read(nameXIReliable, "QueueId")
	return err
}

// textOf is an element's text without the white space around it; that of none is
// empty.
func textOf(n document.Node) string {
	if !n.Exists() {
		return ""
	}
	return strings.Clone(strings.TrimSpace(n.Text()))
}

// exchange reads the manifest and judges the headers beside it.
func (p *peek) exchange() error {
	manifest := p.body.FirstChild()
	if !manifest.Is(nameManifest) {
		return nil
	}
	x := &Exchange{messageID: p.head.MessageID}
	p.head.Exchange = x
	if p.head.Version != V11 {
		return exchangeFault(manifest, "messages of XI 3.0 are SOAP 1.1")
	}
	if other := manifest.NextSibling(); other.Exists() {
		return exchangeFault(other, "a manifest stands alone in the Body")
	}
	main, err := p.only(nameXIMain, manifest)
	if err != nil {
		return err
	}
	if err := x.readMain(main); err != nil {
		return err
	}
	reliable, err := p.only(nameXIReliable, manifest)
	if err != nil {
		return err
	}
	if err := x.judgeReliable(reliable, p.head.Queue); err != nil {
		return err
	}
	return x.readManifest(manifest)
}

// only returns the one block of a name that is for us.
func (p *peek) only(name document.Name, manifest document.Node) (found document.Node, err error) {
	p.each(name, func(n document.Node) {
		if found.Exists() && err == nil {
			err = exchangeFault(n, "this header may be given only once")
		}
		found = n
	})
	if err == nil && !found.Exists() {
		err = exchangeFault(manifest, "a manifest comes with the header sap:"+name.Local)
	}
	return found, err
}

func (x *Exchange) readMain(main document.Node) error {
	if v, ok := main.Attr(document.Name{Local: "versionMajor"}); ok {
		if major, err := strconv.Atoi(strings.TrimSpace(v)); err != nil || major != 3 {
			return exchangeFault(main, "this version of the protocol is not known here: "+clip(v, 20))
		}
	}
	from := main.Child(xiName("Sender"))
	x.sender = party{service: textOf(from.Child(xiName("Service")))}
	if n := from.Child(nameXIParty); n.Exists() {
		x.sender.name, x.sender.agency, x.sender.scheme = textOf(n), attribute(n, "agency"), attribute(n, "scheme")
	}
	if n := main.Child(xiName("Interface")); n.Exists() {
		x.called = qualified{attribute(n, "namespace"), textOf(n)}
	}
	class, mode := main.Child(xiName("MessageClass")), main.Child(xiName("ProcessingMode"))
	switch {
	case textOf(class) != "ApplicationMessage":
		return mismatch(main, class, "messages of this class are not taken here", "ApplicationMessage")
	case textOf(mode) != "asynchronous" && textOf(mode) != "synchronous":
		return mismatch(main, mode, "the processing mode is not known", "asynchronous or synchronous")
	case x.messageID == "":
		return exchangeFault(main, "the message has no MessageId")
	}
	x.Asynchronous = textOf(mode) == "asynchronous"
	return nil
}

func attribute(n document.Node, local string) string {
	value, _ := n.Attr(document.Name{Local: local})
	return strings.Clone(value)
}

// acknowledgements are the attributes by which an asynchronous message asks to be
// told of its fate later.
var acknowledgements = []string{"SystemAckRequested", "SystemErrorAckRequested", "ApplicationAckRequested", "ApplicationErrorAckRequested"}

func (x *Exchange) judgeReliable(n document.Node, queue string) error {
	quality := n.Child(xiName("QualityOfService"))
	switch q := textOf(quality); {
	case !slices.Contains([]string{"BestEffort", "ExactlyOnce", "ExactlyOnceInOrder"}, q):
		return mismatch(n, quality, "the quality of service is not known", "BestEffort, ExactlyOnce or ExactlyOnceInOrder")
	case q == "ExactlyOnceInOrder" && queue == "":
		return exchangeFault(n, "a message that is to be processed in order needs a QueueId")
	case !x.Asynchronous:
		return nil
	}
	for _, local := range acknowledgements {
		if value := strings.TrimSpace(attribute(n, local)); value == "true" || value == "1" {
			d := at(n, "no acknowledgement is sent later: the answer on the connection says whether the message is stored, and asks for "+local+" are refused")
			d.Found, d.Expected = local+"="+strconv.Quote(value), "false"
			return fault.New(fault.CodeExchange, "").With(d)
		}
	}
	return nil
}

// readManifest finds the part that holds the message: the one of kind Application;
// of several, the one that is called MainDocument.
func (x *Exchange) readManifest(manifest document.Node) error {
	var all, named []document.Node
	for n := range manifest.Children() {
		if n.Is(xiName("Payload")) && textOf(n.Child(xiName("Type"))) == payloadApplication {
			if all = append(all, n); strings.EqualFold(textOf(n.Child(xiName("Name"))), mainDocument) {
				named = append(named, n)
			}
		}
	}
	if len(all) > 1 && len(named) == 1 {
		all = named
	}
	switch {
	case len(all) == 0:
		return exchangeFault(manifest, "the manifest lists no payload of type Application, which would be the message")
	case len(all) > 1:
		return exchangeFault(all[1], "the manifest lists several payloads of type Application, and not one of them alone is called "+mainDocument)
	}
	href, ok := all[0].Attr(nameHref)
	if !ok {
		return exchangeFault(all[0], "the payload has no xlink:href")
	}
	x.Main, x.mainAt = strings.Clone(href), at(all[0], "")
	return nil
}

// Lacks is the fault for a message whose main part is not there, or is none.
func (x *Exchange) Lacks(message, expected string) *fault.Error {
	d := x.mainAt
	d.Message, d.Found, d.Expected = message, clip(x.Main, 200), expected
	return fault.New(fault.CodeExchange, "").With(d)
}

func exchangeFault(n document.Node, message string) error {
	return fault.New(fault.CodeExchange, "").With(at(n, message))
}

// mismatch complains of a child's text, or of its absence from parent.
func mismatch(parent, child document.Node, message, expected string) error {
	if !child.Exists() {
		child = parent
	}
	d := at(child, message)
	d.Expected = expected
	if child != parent {
		d.Found = clip(textOf(child), 200)
	}
	return fault.New(fault.CodeExchange, "").With(d)
}
