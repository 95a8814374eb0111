package gateway

import (
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// maxCause is how many characters of a cause are kept.
const maxCause = 200

// What differs from message to message in a reason: places in the message,
// values that were found, quoted values, positions in a path, and numbers that
// stand alone. A rule's file:line:column and a column's name stay.
var (
	placeInMessage = regexp.MustCompile(`line \d+, column \d+: `)
	foundValue     = regexp.MustCompile(`; found .*?(; for [^ ;]+)?$`)
	quotedValue    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	pathIndex      = regexp.MustCompile(`\[\d+\]`)
	uniqueID       = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{9}-[0-9a-fA-F]{12}`)
	loneNumber     = regexp.MustCompile(`(^|[ (])[-+]?\d[\d.,:TZ+-]*`)
)

// CauseOf is the part of a reason that is the same for every message that has
// the same thing wrong with it, at most 200 characters: the sentence and its
// first detail without the values of one message. What is parked is grouped by it.
func CauseOf(reason string) string {
	sentence, rest, _ := strings.Cut(reason, "\n")
	detail, _, _ := strings.Cut(rest, "\n")
	cause := constant(truncate(sentence, maxReason))
	if detail != "" {
		cause += ": " + constant(truncate(detail, maxReason))
	}
	return truncate(cause, maxCause)
}

func constant(s string) string {
	s = placeInMessage.ReplaceAllString(s, "")
	s = foundValue.ReplaceAllString(s, "$1")
	s = quotedValue.ReplaceAllString(s, "…")
	s = pathIndex.ReplaceAllString(s, "")
	s = uniqueID.ReplaceAllString(s, "…")
	return strings.TrimSpace(loneNumber.ReplaceAllString(s, "$1…"))
}

// Selection says what of the parking lot is meant; zero fields do not restrict.
type Selection struct {
	// Channel selects parked deliveries of this channel instead of messages.
	Channel string `json:"channel,omitempty"`
	Route   string `json:"route,omitempty"`
	// Routes, unless nil, are the only ones meant: those that somebody may act on.
	Routes   []string  `json:"routes,omitempty"`
	Sender   string    `json:"sender,omitempty"`
	Key      string    `json:"key,omitempty"` // a business key's value
	Identity string    `json:"identity,omitempty"`
	Codes    []string  `json:"codes,omitempty"`
	Cause    string    `json:"cause,omitempty"`
	Since    time.Time `json:"since,omitzero"` // when the message was received, the delivery parked
	Until    time.Time `json:"until,omitzero"`
}

// AnyChannel, as a Selection's, means the parked deliveries of every channel.
const AnyChannel = "*"

// ParkedGroup is what is parked for one cause.
type ParkedGroup struct {
	Route   string       `json:"route,omitempty"`   // of messages
	Channel string       `json:"channel,omitempty"` // of deliveries
	Code    string       `json:"code"`
	Cause   string       `json:"cause"`
	Mender  fault.Mender `json:"mender,omitempty"`
	Count   int          `json:"count"`
	// Behind is how many deliveries are parked only because one before them is.
	Behind  int       `json:"behind,omitempty"`
	First   time.Time `json:"first"` // when the oldest message was received, or the first delivery parked
	Last    time.Time `json:"last"`
	Example ID        `json:"example"` // the oldest message
	// ExampleRoute is the route of the example.
	ExampleRoute string `json:"example_route,omitempty"`
}

// MaxGroups is how many groups are told at once, the largest first.
const MaxGroups = 200

// CodesOf are the codes of faults that a word means: a code (GH-2002), a class
// of them (GH-2), or a kind (forbidden). None means that it is no such word.
func CodesOf(word string) []string {
	var out []string
	for _, e := range fault.Catalogue() {
		if class := strings.TrimRight(word, "*x"); e.Kind.String() == word || len(class) >= len("GH-1") && strings.HasPrefix(string(e.Code), class) {
			out = append(out, string(e.Code))
		}
	}
	return out
}

// MenderOf is who can mend a fault of a code; empty for what an operator has parked.
func MenderOf(code string) fault.Mender {
	if code == "" {
		return ""
	}
	return fault.New(fault.Code(code), "").Mender()
}
