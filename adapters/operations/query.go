package operations

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	maxValue     = 512 // characters of a query parameter
	defaultLimit = 50
	// MaxLimit is how many messages one page holds at most.
	MaxLimit = 500
)

// Outcomes are what a message of the ledger can have come to.
var Outcomes = gateway.Outcomes

// parameters reads a query strictly: what is misspelt would quietly restrict
// nothing, and show everything.
type parameters struct {
	values url.Values
	faults []fault.Detail
}

func (p *parameters) refuse(name, format string, args ...any) {
	p.faults = append(p.faults, fault.Detail{Path: name, Message: fmt.Sprintf(format, args...)})
}

// parse returns the parameters of a query, which may be known ones only, each once.
func parse(query string, known ...string) *parameters {
	p := &parameters{}
	var err error
	if p.values, err = url.ParseQuery(query); err != nil {
		p.refuse("", "the query is malformed")
		p.values = url.Values{}
	}
	names := make([]string, 0, len(p.values))
	for name := range p.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := p.values[name]
		switch value := values[0]; {
		case !slices.Contains(known, name):
			p.refuse(clip(name), "is no parameter here; those are %s", strings.Join(known, ", "))
		case len(values) > 1:
			p.refuse(name, "is given %d times", len(values))
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			p.refuse(name, "holds control characters, or is no UTF-8")
		case utf8.RuneCountInString(value) > maxValue:
			p.refuse(name, "has more than %d characters", maxValue)
		}
	}
	return p
}

func clip(s string) string {
	if runes := []rune(strings.ToValidUTF8(s, "\uFFFD")); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (p *parameters) get(name string) string { return p.values.Get(name) }

func (p *parameters) time(name string) time.Time {
	text := p.get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		p.refuse(name, "%q is no time such as 2026-03-01T06:00:00Z", clip(text))
	}
	return t
}

func (p *parameters) id(name string) gateway.ID {
	text := p.get(name)
	if text == "" {
		return gateway.ID{}
	}
	id, ok := messageID(text)
	if !ok {
		p.refuse(name, "%q is no message id", clip(text))
	}
	return id
}

func (p *parameters) limit(name string) int {
	text := p.get(name)
	if text == "" {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > MaxLimit {
		p.refuse(name, "%q is not between 1 and %d", clip(text), MaxLimit)
	}
	return n
}

func (p *parameters) choice(name string, choices []string) string {
	text := p.get(name)
	if text != "" && !slices.Contains(choices, text) {
		p.refuse(name, "%q is none of %s", clip(text), strings.Join(choices, ", "))
	}
	return text
}

// codes reads a code of faults, a class of them or a kind.
func (p *parameters) codes(name string) []string {
	text := p.get(name)
	if text == "" {
		return nil
	}
	codes := gateway.CodesOf(text)
	if codes == nil {
		p.refuse(name, "%q is no code such as GH-2002, no class such as GH-2, and no kind such as forbidden", clip(text))
	}
	return codes
}

// err is everything that is wrong with the parameters, or nil.
func (p *parameters) err() error {
	if p.faults == nil {
		return nil
	}
	return fault.New(fault.CodeRequest, "").With(p.faults...)
}

// messageID reads an id in the one form that it is written in.
func messageID(text string) (gateway.ID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && len(text) == len(id.String())
}

// queryOf reads what messages are asked for.
func queryOf(query string) (gateway.Query, error) {
	p := parse(query, "route", "sender", "key", "identity", "outcome", "code", "since", "until", "before", "limit")
	q := gateway.Query{
		Route:    p.get("route"),
		Sender:   p.get("sender"),
		Key:      p.get("key"),
		Identity: p.get("identity"),
		Outcome:  p.choice("outcome", Outcomes),
		Codes:    p.codes("code"),
		Since:    p.time("since"),
		Until:    p.time("until"),
		Before:   p.id("before"),
		Limit:    p.limit("limit"),
	}
	return q, p.err()
}
