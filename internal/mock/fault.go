package mock

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// asFault reads a recorded SOAP fault (SOAP 1.1 §4.4, SOAP 1.2 part 1 §5.4). It
// is answered in the version of each request: with the same reason and detail,
// as the sender's or the receiver's.
func (r *reader) asFault(f *recorded, v envelope.Version, uses []use) *fault.Error {
	n := f.payload
	code, reason, detail := n.Child(document.Name{Local: "faultcode"}), n.Child(document.Name{Local: "faultstring"}), n.Child(document.Name{Local: "detail"})
	if v == envelope.V12 {
		soap := func(n document.Node, local string) document.Node {
			return n.Child(document.Name{Space: v.Namespace(), Local: local})
		}
		code, reason, detail = soap(soap(n, "Code"), "Value"), soap(soap(n, "Reason"), "Text"), soap(n, "Detail")
	}
	if !code.Exists() || !reason.Exists() {
		r.fault(f.name, "the Fault has no code or no reason")
		return nil
	}
	out := fault.New(fault.CodeInvalid, "%s", strings.TrimSpace(reason.Text()))
	if _, local := document.SplitQName(strings.TrimSpace(code.Text())); local == "Server" || local == "Receiver" {
		out = fault.New(fault.CodeInternal, "%s", out.Message)
	}
	cause := &envelope.Cause{Detail: []byte{}}
	for d := range detail.Children() {
		r.detail(f, d, uses)
		cause.Detail = document.AppendStandalone(cause.Detail, d)
	}
	return out.Because(cause)
}

// detail holds an element of a fault's detail against those that the operation
// declares. Others are anybody's.
func (r *reader) detail(f *recorded, d document.Node, uses []use) {
	for _, u := range uses {
		for _, declared := range u.op.Faults {
			if el := declared.Element; el != nil && el.Name == d.Name() {
				r.keeps(f, d, u.service, el)
				return
			}
		}
	}
}
