package envelope

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Code is a fault code that both versions define (SOAP 1.1 §4.4.1, SOAP 1.2
// part 1 §5.4.6).
type Code uint8

// The codes.
const (
	Sender   Code = iota // Client in SOAP 1.1
	Receiver             // Server in SOAP 1.1
	MustUnderstand
	VersionMismatch
)

var codeNames = [...][2]string{
	Sender:          {"Client", "Sender"},
	Receiver:        {"Server", "Receiver"},
	MustUnderstand:  {"MustUnderstand", "MustUnderstand"},
	VersionMismatch: {"VersionMismatch", "VersionMismatch"},
}

func (c Code) local(v Version) string {
	if v == V12 {
		return codeNames[c][1]
	}
	return codeNames[c][0]
}

// Fault is a SOAP fault to be written.
type Fault struct {
	Code Code
	// Subcodes refine the code, the general one first. SOAP 1.2 nests them.
	// SOAP 1.1 has one place only: the last one that is not of this gateway's
	// own namespace stands there instead of Code.
	Subcodes []document.Name
	Reason   string // one English sentence
	Actor    string // who says so, of SOAP 1.1 alone (§4.4); empty: it is left out
	// Detail is a serialised element, or several: the declared fault of the
	// operation, or what AppendDetails wrote. Empty: no detail at all.
	Detail []byte
	// NotUnderstood names header blocks, for the NotUnderstood headers of a
	// SOAP 1.2 MustUnderstand fault (part 1 §5.4.8).
	NotUnderstood []document.Name
	// Head holds the WS-Addressing headers of the answer, when the request used
	// them; its Version is not looked at.
	Head ReplyHead
}

// maxReason bounds a Reason, in bytes.
const maxReason = 1000

// NewFault makes the SOAP fault for e, with details and, from its Cause,
// subcodes. h is the request's head as far as it is known, or nil. reference is
// what the operator finds the occurrence by, and may be empty.
func NewFault(code Code, e *fault.Error, h *Head, reference string) Fault {
	f := Fault{Code: code, Reason: e.Message, Detail: AppendDetails(nil, e, reference)}
	cause := CauseOf(e)
	if cause != nil {
		f.Subcodes, f.NotUnderstood = cause.Subcodes, cause.NotUnderstood
		if cause.Detail != nil {
			f.Detail = cause.Detail
		}
		f.Reason = cmp.Or(cause.Reason, f.Reason)
	}
	if h == nil {
		h = new(Head)
	}
	if (h.Token != nil || h.Signed) && e.Code == fault.CodeUnauthenticated {
		f.Subcodes = []document.Name{subcodeFailed}
	}
	space, action := cmp.Or(h.Addressing.Space, NamespaceAddressing), actionFault
	if e.Code == fault.CodeAddressing || space == NamespaceAddressing2004 {
		action = actionAddressingFault
	}
	action = space + action
	if cause != nil {
		action = cmp.Or(cause.Action, action)
	}
	f.Head = h.Reply(action, "")
	if f.Subcodes == nil && code <= Receiver && (cause == nil || cause.Detail == nil) {
		f.Subcodes = []document.Name{{Space: NamespaceFault, Local: string(e.Code)}}
	}
	return f
}

// AppendFault appends an envelope that holds the fault.
func AppendFault(dst []byte, v Version, f Fault) []byte {
	dst = appendOpening(dst, v)
	dst = appendFaultHeader(dst, v, &f)
	dst = append(dst, "<soap:Body><soap:Fault>"...)
	if v == V12 {
		dst = appendFault12(dst, &f)
	} else {
		dst = appendFault11(dst, &f)
	}
	return append(dst, "</soap:Fault></soap:Body></soap:Envelope>"...)
}

func appendFaultHeader(dst []byte, v Version, f *Fault) []byte {
	start := len(dst)
	dst = append(dst, "<soap:Header>"...)
	empty := len(dst)
	if v == V12 {
		dst = appendNotUnderstood(dst, f.NotUnderstood)
	}
	if v == V12 && f.Code == VersionMismatch {
		dst = append(dst, upgrade...)
	}
	if f.Head.Addressed {
		dst = appendAddressing(dst, f.Head)
	}
	if len(dst) == empty {
		return dst[:start]
	}
	return append(dst, "</soap:Header>"...)
}

// appendNotUnderstood names as many header blocks as there is room for.
func appendNotUnderstood(dst []byte, names []document.Name) []byte {
	limit := len(dst) + maxNotUnderstood
	for _, name := range names {
		start := len(dst)
		dst = append(dst, `<soap:NotUnderstood qname="`...)
		dst = appendQName(dst, name)
		if dst = append(dst, "/>"...); len(dst) > limit {
			return dst[:start]
		}
	}
	return dst
}

// appendQName completes an attribute, whose quote is open, with a lexical QName
// and declares its prefix in the same tag.
func appendQName(dst []byte, name document.Name) []byte {
	if name.Space == "" {
		return append(document.AppendValue(dst, name.Local), '"')
	}
	dst = document.AppendValue(append(dst, "q:"...), name.Local)
	dst = append(dst, `" xmlns:q="`...)
	return append(document.AppendValue(dst, name.Space), '"')
}

// upgrade lists the envelopes that are taken (SOAP 1.2 part 1 §5.4.7).
const upgrade = `<soap:Upgrade>` +
	`<soap:SupportedEnvelope qname="q:Envelope" xmlns:q="` + namespace12 + `"/>` +
	`<soap:SupportedEnvelope qname="q:Envelope" xmlns:q="` + namespace11 + `"/>` +
	`</soap:Upgrade>`

// appendFault11 writes the unqualified children of SOAP 1.1 §4.4.
func appendFault11(dst []byte, f *Fault) []byte {
	dst = append(dst, "<faultcode"...)
	dst = appendCode(dst, f.code11())
	dst = append(dst, `</faultcode><faultstring xml:lang="en">`...)
	dst = document.AppendText(dst, clip(f.Reason, maxReason))
	dst = append(dst, "</faultstring>"...)
	if f.Actor != "" {
		dst = append(document.AppendText(append(dst, "<faultactor>"...), f.Actor), "</faultactor>"...)
	}
	if len(f.Detail) > 0 {
		dst = append(dst, "<detail>"...)
		dst = append(dst, f.Detail...)
		dst = append(dst, "</detail>"...)
	}
	return dst
}

// code11 is the one code that SOAP 1.1 has room for.
func (f *Fault) code11() document.Name {
	for i := len(f.Subcodes) - 1; i >= 0; i-- {
		if s := f.Subcodes[i]; s.Space != NamespaceFault && s.Space != "" {
			return s
		}
	}
	return document.Name{Space: namespace11, Local: f.Code.local(V11)}
}

// appendCode writes the rest of a start tag and a QName as its content.
func appendCode(dst []byte, name document.Name) []byte {
	switch {
	case versionOf(name.Space) != 0:
		return append(append(dst, ">soap:"...), name.Local...)
	case name.Space == "":
		return document.AppendText(append(dst, '>'), name.Local)
	}
	dst = append(dst, ` xmlns:q="`...)
	dst = document.AppendValue(dst, name.Space)
	dst = append(dst, `">q:`...)
	return document.AppendText(dst, name.Local)
}

// appendFault12 writes the children of SOAP 1.2 part 1 §5.4.
func appendFault12(dst []byte, f *Fault) []byte {
	dst = append(dst, "<soap:Code><soap:Value>soap:"...)
	dst = append(dst, f.Code.local(V12)...)
	dst = append(dst, "</soap:Value>"...)
	for _, s := range f.Subcodes {
		dst = append(dst, "<soap:Subcode><soap:Value"...)
		dst = appendCode(dst, s)
		dst = append(dst, "</soap:Value>"...)
	}
	for range f.Subcodes {
		dst = append(dst, "</soap:Subcode>"...)
	}
	dst = append(dst, `</soap:Code><soap:Reason><soap:Text xml:lang="en">`...)
	dst = document.AppendText(dst, clip(f.Reason, maxReason))
	dst = append(dst, "</soap:Text></soap:Reason>"...)
	if len(f.Detail) > 0 {
		dst = append(dst, "<soap:Detail>"...)
		dst = append(dst, f.Detail...)
		dst = append(dst, "</soap:Detail>"...)
	}
	return dst
}

// maxDetails and maxNotUnderstood keep an answer below 64 KiB, which is what
// WCF and BizTalk clients take by default. What else there is may take 9 KiB:
// a Reason and a RelatesTo, each byte of which escaping may turn into five.
const (
	maxDetails       = 52 << 10
	maxNotUnderstood = 3 << 10
)

// AppendDetails appends the gateway's own located fault details, an element
// {urn:gatehouse:fault:1}details of less than 52 KiB: what does not fit is
// counted. Where a rule stands and which column it fills is left out: that is
// the operator's.
func AppendDetails(dst []byte, e *fault.Error, reference string) []byte {
	const closing = "</gh:details>"
	limit := len(dst) + maxDetails - len(closing) - len("<gh:more></gh:more>") - 20
	dst = append(dst, `<gh:details xmlns:gh="`+NamespaceFault+`" code="`...)
	dst = document.AppendValue(dst, string(e.Code))
	dst = append(dst, `" mender="`...)
	dst = document.AppendValue(dst, string(e.Mender()))
	if reference != "" {
		dst = append(dst, `" reference="`...)
		dst = document.AppendValue(dst, clip(reference, maxField))
	}
	dst = append(dst, `">`...)
	more := e.More
	for i := range e.Details {
		start := len(dst)
		if dst = appendDetail(dst, &e.Details[i]); len(dst) > limit {
			dst = dst[:start]
			more += len(e.Details) - i
			break
		}
	}
	if more > 0 {
		dst = append(dst, "<gh:more>"...)
		dst = strconv.AppendInt(dst, int64(more), 10)
		dst = append(dst, "</gh:more>"...)
	}
	return append(dst, closing...)
}

// maxField bounds one value of a detail, in bytes before escaping, so that one
// detail always fits.
const maxField = 1500

func appendDetail(dst []byte, d *fault.Detail) []byte {
	dst = append(dst, "<gh:detail>"...)
	dst = appendField(dst, "message", d.Message)
	dst = appendField(dst, "path", d.Path)
	if d.Line > 0 {
		dst = appendField(dst, "line", strconv.Itoa(d.Line))
		dst = appendField(dst, "column", strconv.Itoa(d.Column))
	}
	dst = appendField(dst, "found", d.Found)
	dst = appendField(dst, "expected", d.Expected)
	dst = appendField(dst, "documentation", d.Doc)
	return append(dst, "</gh:detail>"...)
}

func appendField(dst []byte, local, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, "<gh:"...), local...), '>')
	dst = document.AppendText(dst, clip(value, maxField))
	return append(append(append(dst, "</gh:"...), local...), '>')
}

// clip cuts s to at most limit bytes, between characters, and marks the cut. It
// never returns a view of s.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return strings.Clone(s)
	}
	const mark = "…"
	cut := limit - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
