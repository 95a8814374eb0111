package rest

import (
	"encoding/json"
	"net/http"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// mediaProblem is the type of a problem document.
const mediaProblem = "application/problem+json"

// Problem is a fault in the form of RFC 9457.
type Problem struct {
	Type   string `json:"type"` // urn:gatehouse:fault:<code>; docs/errors.md lists them
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance is the reference under which the operator finds what happened.
	Instance string       `json:"instance"`
	Code     fault.Code   `json:"code"`
	Kind     string       `json:"kind"`
	Mender   fault.Mender `json:"mender"` // who can mend it
	// Message and Outcome are of a message that the ledger has all the same.
	Message string  `json:"message,omitempty"`
	Outcome string  `json:"outcome,omitempty"`
	Errors  []Place `json:"errors,omitempty"`
	More    int     `json:"more,omitempty"` // further errors that a limit cut off
	// Fault is the one of the contract that the mapping answers with.
	Fault *Declared `json:"fault,omitempty"`
}

// Place is one located complaint about a message.
type Place struct {
	Detail   string `json:"detail"`
	Pointer  string `json:"pointer,omitempty"` // a JSON Pointer (RFC 6901) into the text that was sent
	Line     int    `json:"line,omitempty"`    // 1-based
	Column   int    `json:"column,omitempty"`  // 1-based, in bytes
	Found    string `json:"found,omitempty"`
	Expected string `json:"expected,omitempty"`
	// Of a query: its option, the byte of its value when decoded, and the byte of the
	// query as it came; both 1-based.
	Option   string `json:"option,omitempty"`
	Position int    `json:"position,omitempty"`
	Query    int    `json:"query,omitempty"`
	// Documentation is the contract's own of the element.
	Documentation string `json:"documentation,omitempty"`
}

// Declared is a fault of the contract.
type Declared struct {
	Name   string          `json:"name"`
	Reason string          `json:"reason,omitempty"`
	Detail json.RawMessage `json:"detail"` // the twin of its element
}

// byKind is the door's table; a kind that is not listed is internal.
var byKind = map[fault.Kind]int{
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.RateLimited:     http.StatusTooManyRequests,
	fault.NotYet:          http.StatusServiceUnavailable,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Internal:        http.StatusInternalServerError,
}

// byCode holds where HTTP has a better word than the kind's status.
var byCode = map[fault.Code]int{
	fault.CodeMethod:        http.StatusMethodNotAllowed,
	fault.CodeNotAcceptable: http.StatusNotAcceptable,
	fault.CodeMediaType:     http.StatusUnsupportedMediaType,
	fault.CodeSlow:          http.StatusRequestTimeout,
	fault.CodeHTTP:          http.StatusBadRequest,
	fault.CodeEncoding:      http.StatusBadRequest,
	fault.CodeMalformedJSON: http.StatusBadRequest,
	fault.CodeCredentials:   http.StatusBadRequest,
	fault.CodeRequest:       http.StatusBadRequest,
	fault.CodeStreamID:      http.StatusBadRequest,
	fault.CodeStreamGone:    http.StatusGone, // RFC 9110 §15.5.11
	fault.CodeQuery:         http.StatusBadRequest,
	fault.CodeUnserved:      http.StatusBadRequest,
	fault.CodePage:          http.StatusBadRequest,
	fault.CodeExport:        http.StatusBadRequest,
	fault.CodeAddress:       http.StatusRequestURITooLong,
	// The draft's §2.7: no key where there has to be one, and a key that was used
	// for another message.
	fault.CodeIdentity:  http.StatusBadRequest,
	fault.CodeKeyReused: http.StatusUnprocessableEntity,
	// A challenge (401) would only have the password come in clear once more.
	fault.CodeClearTextPassword: http.StatusForbidden,
}

func statusOf(f *fault.Error) int {
	if status, ok := byCode[f.Code]; ok {
		return status
	}
	if status, ok := byKind[f.Kind()]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// problemOf makes the document of a fault. Where the mapping is and what the
// tables are called is the gateway's own business.
func problemOf(f *fault.Error, reference gateway.ID) *Problem {
	p := &Problem{
		Type:     "urn:gatehouse:fault:" + string(f.Code),
		Title:    fault.New(f.Code, "").Message,
		Status:   statusOf(f),
		Detail:   f.Message,
		Instance: "urn:uuid:" + reference.String(),
		Code:     f.Code,
		Kind:     f.Kind().String(),
		Mender:   f.Mender(),
		More:     f.More,
	}
	for _, d := range f.Details {
		p.Errors = append(p.Errors, Place{Detail: d.Message, Pointer: d.Path, Line: d.Line, Column: d.Column, Found: d.Found, Expected: d.Expected, Documentation: d.Doc})
	}
	return p
}

// refuse answers with a problem. What the core has seen it has logged; what the
// door turned away by itself is logged here.
func (x *Exchange) refuse(err error) {
	f := fault.Of(err)
	if x.receipt == nil && !x.noted {
		x.note(f)
	}
	if x.Answered() {
		return
	}
	x.Finish()
	x.answerProblem(f)
}

// note counts and logs what the core knows nothing of.
func (x *Exchange) note(f *fault.Error) {
	if x.handler.turned != nil {
		x.handler.turned(f.Code)
	}
	x.handler.log.InfoContext(x.R.Context(), "message refused at the door", "endpoint", x.Endpoint, "source", x.Peer.Remote,
		"outcome", f.Kind().String(), "code", string(f.Code), "reference", x.reference(), "reason", f.Error())
}

// answerProblem writes the problem, whatever the request accepts.
func (x *Exchange) answerProblem(f *fault.Error) {
	p := problemOf(f, x.reference())
	if x.places != nil {
		p.Errors = x.places
	}
	if err := x.addReceipt(p, f); err != nil {
		x.handler.log.ErrorContext(x.R.Context(), "fault of the contract not told", "endpoint", x.Endpoint, "reference", x.reference(), "error", err)
	}
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers are always JSON
		panic(err)
	}
	header := x.W.Header()
	header.Set(httpdoor.HeaderReference, x.reference().String())
	header.Set(httpdoor.HeaderCode, string(f.Code))
	x.Advise(p.Status, f, x.Ways)
	x.Answer(p.Status, mediaProblem, append(body, '\n'))
}

// addReceipt adds what the core knows of the message.
func (x *Exchange) addReceipt(p *Problem, f *fault.Error) error {
	if x.receipt == nil {
		return nil
	}
	switch x.receipt.Status {
	case gateway.Stored, gateway.Duplicate, gateway.Superseded:
		if x.receipt.MessageID != (gateway.ID{}) {
			p.Message, p.Outcome = x.receipt.MessageID.String(), x.receipt.Status.String()
		}
	}
	declared, err := x.receipt.Declared(f)
	if err != nil || declared == nil {
		return err
	}
	p.Fault = &Declared{Name: declared.Fault, Reason: declared.Reason, Detail: declared.Body}
	return nil
}
