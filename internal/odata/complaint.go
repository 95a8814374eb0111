package odata

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Complaint is one thing that is wrong with a query, and where.
type Complaint struct {
	Option   string `json:"option,omitempty"`   // such as $filter; empty: the query as a whole
	Position int    `json:"position,omitempty"` // 1-based, in bytes of the option's decoded value; 0: all of it
	URL      int    `json:"url,omitempty"`      // 1-based, in bytes of the query as it came, after the question mark
	Message  string `json:"message"`
	Found    string `json:"found,omitempty"`
	Expected string `json:"expected,omitempty"`
}

// Refusal is everything that is wrong with a query, up to a limit. It is a fault too.
type Refusal struct {
	Complaints []Complaint
	fault      *fault.Error
}

// maxComplaints is how many complaints are told of one query.
const maxComplaints = 20

func (r *Refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault, whose details are the complaints.
func (r *Refusal) Unwrap() error { return r.fault }

// refusal makes one error of complaints; nil when there are none.
func refusal(complaints []Complaint) error {
	if len(complaints) == 0 {
		return nil
	}
	r := &Refusal{Complaints: complaints, fault: fault.New(fault.CodeQuery, "")}
	if more := len(complaints) - maxComplaints; more > 0 {
		r.Complaints = complaints[:maxComplaints]
		r.fault.More = more
	}
	for _, c := range r.Complaints {
		r.fault.Details = append(r.fault.Details, fault.Detail{
			Message: c.Message, Path: c.Option, Line: min(c.Position, 1), Column: c.Position, Found: c.Found, Expected: c.Expected,
		})
	}
	return r
}

// Refuse is the refusal of one option as a whole.
func Refuse(option, format string, args ...any) error {
	return refusal([]Complaint{{Option: option, Message: fmt.Sprintf(format, args...)}})
}

// clip shortens what is quoted of a query.
func clip(s string) string {
	const most = 60
	s = strings.ToValidUTF8(s, "\uFFFD")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

func quoted(s string) string { return fmt.Sprintf("%q", clip(s)) }
