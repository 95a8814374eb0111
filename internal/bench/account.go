package bench

import (
	"fmt"
	"maps"
	"sync"
)

// Sent is what is known of one message from its senders.
type Sent struct {
	Door    Door
	Invalid bool
	// Taken: it was answered positively; the broker's confirm is such an answer,
	// though not yet the gateway's.
	Taken bool
	// Refused: it was answered negatively for good.
	Refused   bool
	Retries   int // for want of an answer
	Answers   int // of the gateway's
	Differing bool
	reply     uint64
}

// Account is what senders were told. It is safe for concurrent use.
type Account struct {
	mu       sync.Mutex
	sent     []Sent
	repeats  int            // sent again on purpose
	retries  int            // sent again because there was no answer, or "try again"
	refusals map[string]int // of valid messages, by code
	example  map[string]string
	wrong    []string // answers that nobody should be given
}

// NewAccount returns an empty one.
func NewAccount() *Account {
	return &Account{refusals: map[string]int{}, example: map[string]string{}}
}

// Send notes that a message is about to be sent by a door; each is once, before
// its first attempt.
func (a *Account) Send(t Task, d Door) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.sent) <= t.Number {
		a.sent = append(a.sent, Sent{})
	}
	a.sent[t.Number] = Sent{Door: d, Invalid: t.Invalid}
}

// Repeat notes that a message is sent again on purpose.
func (a *Account) Repeat() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.repeats++
}

// Retry notes that a message is sent again for want of an answer.
func (a *Account) Retry(number int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent[number].Retries++
	a.retries++
}

// Confirm notes that the broker has taken a message for good.
func (a *Account) Confirm(number int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent[number].Taken = true
}

// Reply notes a positive answer of the gateway, known by a hash; all answers to
// one message must have the same.
func (a *Account) Reply(number int, hash uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.sent[number]
	if s.Answers > 0 && s.reply != hash {
		s.Differing = true
	}
	s.Taken, s.reply = true, hash
	s.Answers++
}

// Refuse notes that the gateway does not take a message, and why.
func (a *Account) Refuse(number int, code, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &a.sent[number]
	s.Refused = true
	if s.Invalid {
		return
	}
	a.refusals[code]++
	if _, known := a.example[code]; !known {
		a.example[code] = reason
	}
}

// Wrong notes an answer that is neither a reply nor a refusal nor "try again".
func (a *Account) Wrong(number int, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrong = append(a.wrong, fmt.Sprintf("message %d: ", number)+fmt.Sprintf(format, args...))
}

// Statement is a copy of everything that was noted.
type Statement struct {
	Sent     []Sent // by number
	Repeats  int
	Retries  int
	Refusals map[string]int    // of valid messages, by code
	Examples map[string]string // one reason for each code
	Wrong    []string
}

// Statement copies what was noted until now.
func (a *Account) Statement() Statement {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Statement{
		Sent: append([]Sent(nil), a.sent...), Repeats: a.repeats, Retries: a.retries,
		Refusals: maps.Clone(a.refusals), Examples: maps.Clone(a.example), Wrong: append([]string(nil), a.wrong...),
	}
}
