package envelope

import (
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// Answer is what an envelope holds that came back from a service.
type Answer struct {
	Version Version
	Payload []byte         // the Body's child as a document of its own; nil when there is none, or a fault
	Fault   *ReceivedFault // nil when there is none
}

// ReceivedFault is a SOAP fault of either version.
type ReceivedFault struct {
	Code    document.Name // a code of SOAP has the namespace of the envelope; an undeclared prefix has none
	Subcode string        // local name; SOAP 1.2 only, empty when absent
	Reason  string
	Detail  []byte        // the detail element as a document of its own; nil when absent
	Entry   document.Name // the detail's first child; zero when there is none
}

// ErrNoEnvelope says that a document is well-formed, and no SOAP envelope.
var ErrNoEnvelope = errors.New("the document is no SOAP envelope")

// ReadAnswer reads an envelope in UTF-8. It tells faults by the Body, whatever
// came with it. The error is that of document.Read, or ErrNoEnvelope. Nothing of
// the answer refers to body.
func ReadAnswer(body []byte) (*Answer, error) {
	tree, err := document.Read(body)
	if err != nil {
		return nil, err
	}
	defer tree.Release()
	root := tree.Root()
	a := &Answer{Version: versionOf(root.Name().Space)}
	if a.Version == 0 || root.Name().Local != "Envelope" {
		return nil, ErrNoEnvelope
	}
	child := root.Child(document.Name{Space: root.Name().Space, Local: "Body"}).FirstChild()
	switch {
	case !child.Exists():
	case child.Name() == document.Name{Space: root.Name().Space, Local: "Fault"}:
		a.Fault = readFault(child, a.Version)
	default:
		a.Payload = document.AppendStandalone(nil, child)
	}
	return a, nil
}

// readFault reads SOAP 1.1 §4.4 or SOAP 1.2 part 1 §5.4. The strings are copied:
// the tree goes back to its pool.
func readFault(n document.Node, v Version) *ReceivedFault {
	f := &ReceivedFault{}
	detail := n.Child(document.Name{Local: "detail"})
	if v == V11 {
		f.Code = codeOf(n.Child(document.Name{Local: "faultcode"}))
		f.Reason = strings.Clone(n.Child(document.Name{Local: "faultstring"}).Text())
	} else {
		soap := func(parent document.Node, local string) document.Node {
			return parent.Child(document.Name{Space: v.Namespace(), Local: local})
		}
		code := soap(n, "Code")
		f.Code = codeOf(soap(code, "Value"))
		f.Subcode = codeOf(soap(soap(code, "Subcode"), "Value")).Local
		f.Reason = strings.Clone(soap(soap(n, "Reason"), "Text").Text())
		detail = soap(n, "Detail")
	}
	if detail.Exists() {
		f.Detail = document.AppendStandalone(nil, detail)
		if entry := detail.FirstChild(); entry.Exists() {
			f.Entry = document.Name{Space: strings.Clone(entry.Name().Space), Local: strings.Clone(entry.Name().Local)}
		}
	}
	return f
}

// codeOf reads a QName as the content of an element.
func codeOf(n document.Node) document.Name {
	if !n.Exists() {
		return document.Name{}
	}
	prefix, local := document.SplitQName(strings.TrimSpace(n.Text()))
	space, _ := n.NamespaceFor(prefix)
	return document.Name{Space: strings.Clone(space), Local: strings.Clone(local)}
}
