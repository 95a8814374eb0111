package envelope

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// maxParameters bounds the reference parameters of one endpoint reference, in
// bytes: they come back with every reply, and wait with it.
const maxParameters = 16 << 10

// parameterHolders are the elements of an endpoint reference whose children
// become header blocks. The submission of 2004 knows both.
var parameterHolders = []string{"ReferenceParameters", "ReferenceProperties"}

// referenceParameters returns what an endpoint reference wants to find in the
// header of a message to it (WS-Addressing 1.0 core §3.4), each a header block.
// Whoever names the reference does not get to write the headers that we write.
func referenceParameters(reference document.Node) (string, error) {
	var blocks []byte
	var err error
	space := reference.Name().Space
	for _, holder := range parameterHolders {
		if space == NamespaceAddressing && holder != parameterHolders[0] {
			continue
		}
		for n := range reference.Child(document.Name{Space: space, Local: holder}).Children() {
			if forbidden(n.Name()) {
				return "", addressingFault(n, "a reference parameter may not be a header block of SOAP, of WS-Addressing or of WS-Security", subcodeAddress)
			}
			if blocks, err = appendParameter(blocks, n); err != nil {
				return "", err
			}
			if len(blocks) > maxParameters {
				f := addressingFault(n, "the reference parameters are too large", subcodeAddress)
				f.Details[0].Expected = "at most " + strconv.Itoa(maxParameters) + " bytes"
				return "", f
			}
		}
	}
	return string(blocks), nil
}

func forbidden(name document.Name) bool {
	switch name.Space {
	case namespace11, namespace12, NamespaceAddressing, NamespaceAddressing2004, NamespaceSecurity, NamespaceUtility:
		return true
	}
	return false
}

// appendParameter appends a reference parameter, marked as one. The submission of
// 2004 has no such mark.
func appendParameter(dst []byte, n document.Node) ([]byte, error) {
	for attribute := range n.Attrs() {
		if versionOf(attribute.Space) != 0 {
			return nil, addressingFault(n, "a reference parameter may not have attributes of SOAP", subcodeAddress)
		}
	}
	start := len(dst)
	dst = document.AppendStandalone(dst, n)
	if n.Parent().Name().Space != NamespaceAddressing {
		return dst, nil
	}
	mark := document.Name{Space: NamespaceAddressing, Local: "IsReferenceParameter"}
	if value, marked := n.Attr(mark); marked {
		if value = strings.TrimSpace(value); value != "true" && value != "1" {
			return nil, addressingFault(n, "the mark of a reference parameter says that it is none", subcodeAddress)
		}
		return dst, nil
	}
	prefix := freePrefix(n)
	attribute := " " + prefix + `:IsReferenceParameter="true" xmlns:` + prefix + `="` + NamespaceAddressing + `"`
	rest := string(dst[start+1+len(n.QName()):])
	return append(append(dst[:start+1+len(n.QName())], attribute...), rest...), nil
}

// freePrefix is one that means nothing to the element yet.
func freePrefix(n document.Node) string {
	for i := 0; ; i++ {
		prefix := "ref" + strconv.Itoa(i)
		if _, taken := n.NamespaceFor(prefix); !taken {
			return prefix
		}
	}
}

// LacksMessageID is the fault for a message that wants its answer elsewhere and
// has no MessageID for that to relate to (core §3.4).
func (h *Head) LacksMessageID() *fault.Error {
	subcode := document.Name{Space: NamespaceAddressing, Local: "MessageAddressingHeaderRequired"}
	f := fault.New(fault.CodeAddressing, "").With(fault.Detail{Message: "a message whose ReplyTo or FaultTo is an address of its own needs a MessageID"})
	return f.Because(&Cause{Subcodes: []document.Name{subcode}})
}
