package operations

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Problem is a fault in the form of RFC 9457.
type Problem struct {
	Type   string `json:"type"` // urn:gatehouse:fault:<code>
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance is the reference under which the log has the cause; of internal
	// faults only.
	Instance string         `json:"instance,omitempty"`
	Code     fault.Code     `json:"code"`
	Kind     string         `json:"kind"`
	Mender   fault.Mender   `json:"mender"`
	Details  []fault.Detail `json:"details,omitempty"`
	More     int            `json:"more,omitempty"` // further details that a limit cut off
}

// Fault is the fault that a problem was made of, as far as it was told.
func (p *Problem) Fault() *fault.Error {
	f := fault.New(p.Code, "%s", p.Detail).With(p.Details...)
	f.More = p.More
	return f
}

// byKind is the door's table; a kind that is not listed is internal.
var byKind = map[fault.Kind]int{
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.RateLimited:     http.StatusTooManyRequests,
	fault.NotYet:          http.StatusUnprocessableEntity,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Internal:        http.StatusInternalServerError,
}

// byCode holds where HTTP has a better word than the kind's status.
var byCode = map[fault.Code]int{
	fault.CodeMethod:    http.StatusMethodNotAllowed,
	fault.CodeMediaType: http.StatusUnsupportedMediaType,
	fault.CodeSlow:      http.StatusRequestTimeout,
	// A challenge (401) would only have the password come in clear once more.
	fault.CodeClearTextPassword: http.StatusForbidden,
	fault.CodeConfiguration:     http.StatusUnprocessableEntity,
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

// again marks a fault of a message that an operator has processed again: its
// sender may be forbidden or unknown, and the operator is neither.
type again struct{ fault *fault.Error }

func (a again) Error() string { return a.fault.Error() }
func (a again) Unwrap() error { return a.fault }

// refusedAgain judges what an act came to: what is wrong with the message is
// told apart from what is wrong with the request.
func refusedAgain(f *fault.Error) error {
	switch f.Kind() {
	case fault.Unavailable, fault.Internal:
		return f
	}
	switch f.Code {
	case fault.CodeMessageNotFound, fault.CodeNotHeld, fault.CodePayloadGone, fault.CodeNotStored, fault.CodeSeen, fault.CodeIncomplete, fault.CodeRequest:
		return f
	}
	return again{f}
}

// problemOf returns the problem document of err.
func problemOf(err error) *Problem {
	f := fault.Of(err)
	p := &Problem{
		Type:    "urn:gatehouse:fault:" + string(f.Code),
		Title:   fault.New(f.Code, "").Message,
		Status:  statusOf(f),
		Detail:  f.Message,
		Code:    f.Code,
		Kind:    f.Kind().String(),
		Mender:  f.Mender(),
		Details: f.Details,
		More:    f.More,
	}
	if _, ok := errors.AsType[again](err); ok {
		p.Status = http.StatusUnprocessableEntity
	}
	if f.Kind() == fault.Internal {
		p.Instance = instancePrefix + uuid.NewString()
	}
	return p
}

const instancePrefix = "urn:uuid:"

// reference is what the log calls the instance.
func (p *Problem) reference() string { return strings.TrimPrefix(p.Instance, instancePrefix) }

const (
	challenge       = `Basic realm="Gatehouse operations", charset="UTF-8"`
	bearerChallenge = `Bearer realm="Gatehouse operations", error="invalid_token"`
	retryAfter      = 5 // seconds
)

func writeProblem(w http.ResponseWriter, p *Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge)
		if p.Code == fault.CodeBearer {
			w.Header().Set("WWW-Authenticate", bearerChallenge)
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	write(w, p.Status, "application/problem+json", p)
}

// write answers with value as JSON. A caller that is gone is nobody's concern.
func write(w http.ResponseWriter, status int, contentType string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
