// Package fault holds the one error type that every stage of the gateway
// answers with, and the closed catalogue of its codes.
//
// A fault says what is wrong, where, and who can mend it. It knows nothing of
// SOAP, HTTP, AMQP or exit codes: each door owns one table from Kind to its own
// form. What is not a *Error is internal: its text goes to the log, never to a
// sender.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what class of trouble a fault is; each edge decides by it.
type Kind uint8

// The kinds are a closed set. The zero Kind is Internal, so that an error
// nobody classified is never taken for the sender's mistake.
const (
	Internal        Kind = iota // a defect or a broken invariant; counted and parked
	Invalid                     // the message breaks its contract or cannot be stored
	Unauthenticated             // nobody proved who sent it
	Forbidden                   // the sender is known and may not do this
	NotFound                    // no such endpoint, operation or message
	Conflict                    // the same identity with another body, or an older version
	TooLarge                    // past a configured limit
	RateLimited                 // past a quota; later is fine
	NotYet                      // refers to something not stored yet; asynchronous doors only
	Unavailable                 // a server behind the gateway is down; later is fine
)

var kindNames = [...]string{
	Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated", Forbidden: "forbidden",
	NotFound: "not_found", Conflict: "conflict", TooLarge: "too_large", RateLimited: "rate_limited",
	NotYet: "not_yet", Unavailable: "unavailable",
}

// String returns the word used in logs, configuration and the ledger.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Internal]
}

// Retryable reports whether the same message may succeed later unchanged.
func (k Kind) Retryable() bool { return k == NotYet || k == Unavailable || k == RateLimited }

// Mender names who can mend a fault.
type Mender string

// The people a fault can be sent to.
const (
	Sender        Mender = "sender"
	Operator      Mender = "operator"
	MappingAuthor Mender = "mapping author"
	Directory     Mender = "directory administrator"
	CodeOwner     Mender = "owner of the code set"
)

// Detail is one located complaint. Empty fields are unknown or do not apply.
type Detail struct {
	Message  string `json:"message"`
	Path     string `json:"path,omitempty"`     // XPath of the node in the message, with positions
	Line     int    `json:"line,omitempty"`     // 1-based, in the bytes as received
	Column   int    `json:"column,omitempty"`   // 1-based, in bytes
	Found    string `json:"found,omitempty"`    // what is there; redacted where the field is classed
	Expected string `json:"expected,omitempty"` // what the contract, mapping or column allows
	Doc      string `json:"doc,omitempty"`      // the contract's own documentation of the element
	Source   string `json:"source,omitempty"`   // file:line:column of the rule, e.g. of the mapping
	Target   string `json:"target,omitempty"`   // schema.table.column that would have been written
}

// String renders the detail on one line.
func (d Detail) String() string {
	var b strings.Builder
	if d.Source != "" {
		b.WriteString(d.Source + ": ")
	}
	if d.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", d.Line, d.Column)
	}
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	b.WriteString(d.Message)
	if d.Found != "" {
		fmt.Fprintf(&b, "; found %s", d.Found)
	}
	if d.Expected != "" {
		fmt.Fprintf(&b, "; expected %s", d.Expected)
	}
	if d.Target != "" {
		b.WriteString("; for " + d.Target)
	}
	return b.String()
}

// Error is a fault: its code fixes kind, sentence and mender; the rest is what
// this occurrence adds. An Error is immutable once returned.
type Error struct {
	Code       Code
	Message    string        // the public sentence; safe to send to anyone
	Details    []Detail      // safe to send to an authenticated sender
	More       int           // how many further details a limit cut off
	RetryAfter time.Duration // zero: the door's own default
	Cause      error         // for the log only
}

// New makes a fault of code whose public sentence is the code's own, or the
// given one, formatted, when format is not empty.
func New(code Code, format string, args ...any) *Error {
	e := &Error{Code: code, Message: catalogue[code].sentence}
	if format != "" {
		e.Message = fmt.Sprintf(format, args...)
	}
	return e
}

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// With returns a copy of e with details added.
func (e *Error) With(details ...Detail) *Error {
	c := *e
	c.Details = append(append([]Detail(nil), e.Details...), details...)
	return &c
}

// Kind returns the class of the fault.
func (e *Error) Kind() Kind { return catalogue[e.Code].kind }

// Mender returns who can mend it.
func (e *Error) Mender() Mender { return catalogue[e.Code].mender }

// Error renders code, sentence, details and cause: for logs and the command
// line. Doors render Message and Details themselves and leave Cause out.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Code, e.Message)
	for _, d := range e.Details {
		b.WriteString("\n  " + d.String())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.More)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Of returns the fault in err's chain; an error without one becomes the
// internal fault, with err as its cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return New(CodeInternal, "").Because(err)
}

// KindOf returns the kind of err, which must not be nil: Internal when nothing
// in its chain is a fault.
func KindOf(err error) Kind { return Of(err).Kind() }
