package bench

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// Stored is what a database holds of one message, each in rows.
type Stored struct {
	Messages, Claims, Payloads, Replies, Deliveries int
	// Parked and Waiting are rows of the lot: what people have to look at, and
	// what is tried again.
	Parked, Waiting int
	Rows            []int // of each business table that is looked at
	Reason          string
}

// Table is a business table that is looked at, by a key that only one message has.
type Table struct {
	Name string
	Want func(number int) int // rows that a stored message has there
}

// Shard is what a database holds of one shard of a channel, from the first number
// that was drawn during the load to the last.
type Shard struct {
	Channel string
	Shard   int
	Drawn   int64 // numbers that were drawn
	Found   int64 // deliveries with one of these numbers
	Numbers int64 // how many of the numbers these have
	// Confirmed are numbers that the broker has confirmed, Left what still waits,
	// Parked what people have to look at.
	Confirmed, Left, Parked int64
}

// Evidence is everything that was found.
type Evidence struct {
	Stored []Stored // by number; as many as were sent
	Tables []Table
	// Deliveries that each stored message has; -1: that depends on the message.
	Deliveries int
	// Replies says whether stored messages have a reply.
	Replies bool
	Shards  []Shard
	// Extra are rows that belong to the load by their names, and to no message.
	Extra []string
	// Damage is what the database says of its own integrity.
	Damage []string
}

// What can be wrong.
const (
	Lost        = "lost"        // answered positively, and not stored in full
	Twice       = "twice"       // stored more than once, or something of it is
	Unexpected  = "unexpected"  // stored, and refused or never sent
	Differing   = "differing"   // one message was answered in different ways
	Unpublished = "unpublished" // stored, and not confirmed on its channels
	Refused     = "refused"     // valid, and not taken
	Accepted    = "accepted"    // breaks the contract, and was taken
	Broken      = "broken"      // answers that nobody should be given
	Damage      = "damage"      // what the database says of itself
)

// Kinds lists what can be wrong, in the order of a report.
var Kinds = []string{Lost, Twice, Unexpected, Differing, Unpublished, Refused, Accepted, Broken, Damage}

// Findings are what is wrong, by kind: how often, and the first few in words.
type Findings struct {
	counts map[string]int
	words  map[string][]string
}

// mostWords is how many of a kind are told in words.
const mostWords = 10

func newFindings() *Findings {
	return &Findings{counts: map[string]int{}, words: map[string][]string{}}
}

func (f *Findings) add(kind, format string, args ...any) {
	f.counts[kind]++
	if len(f.words[kind]) < mostWords {
		f.words[kind] = append(f.words[kind], fmt.Sprintf(format, args...))
	}
}

// Count is how often something of a kind was found.
func (f *Findings) Count(kind string) int { return f.counts[kind] }

// Words tells the first few of a kind.
func (f *Findings) Words(kind string) []string { return slices.Clone(f.words[kind]) }

// Any reports whether anything is wrong.
func (f *Findings) Any() bool { return len(f.counts) > 0 }

// Judge holds what was found against what senders were told.
func Judge(s Statement, e *Evidence) *Findings {
	f := newFindings()
	for number, sent := range s.Sent {
		stored := e.Stored[number]
		switch {
		case sent.Invalid:
			judgeInvalid(f, number, sent, stored)
		case sent.Refused:
			judgeRefused(f, number, stored)
		default:
			e.judgeValid(f, number, sent, stored)
		}
		if sent.Differing {
			f.add(Differing, "message %d was answered in different ways", number)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(s.Refusals)) {
		f.counts[Refused] += s.Refusals[code]
		f.words[Refused] = append(f.words[Refused], fmt.Sprintf("%s %s: %s", plural.Of(s.Refusals[code], "time", "times"), code, s.Examples[code]))
	}
	for _, what := range s.Wrong {
		f.add(Broken, "%s", what)
	}
	for _, what := range e.Extra {
		f.add(Unexpected, "%s", what)
	}
	for _, what := range e.Damage {
		f.add(Damage, "%s", what)
	}
	for _, shard := range e.Shards {
		shard.judge(f)
	}
	return f
}

// anything reports whether something of the message is stored.
func (s Stored) anything() bool {
	return s.Messages > 0 || slices.ContainsFunc(s.Rows, func(n int) bool { return n > 0 })
}

// judgeInvalid: a message that breaks the contract is refused where its sender
// waits, else parked once; and never stored.
func judgeInvalid(f *Findings, number int, sent Sent, stored Stored) {
	if stored.anything() {
		f.add(Unexpected, "message %d breaks the contract and is stored", number)
	}
	switch {
	case sent.Door == SOAP && sent.Taken:
		f.add(Accepted, "message %d breaks the contract and was taken", number)
	case sent.Door == SOAP && stored.Parked+stored.Waiting > 0:
		f.add(Unexpected, "message %d was refused and is kept all the same", number)
	case sent.Door == AMQP && sent.Taken && stored.Parked == 0:
		f.add(Lost, "message %d breaks the contract, was taken from the queue, and is not parked", number)
	case sent.Door == AMQP && stored.Parked > 1+sent.Retries: // nothing names a broken message that came twice
		f.add(Twice, "message %d is parked %d times", number, stored.Parked)
	}
}

// judgeRefused: what a valid message is refused for is told elsewhere; here it
// must have left nothing.
func judgeRefused(f *Findings, number int, stored Stored) {
	if stored.anything() {
		f.add(Unexpected, "message %d was refused and is stored", number)
	}
}

// judgeValid: a message that was answered positively is stored, once, with all
// that belongs to it; one without an answer may be, but not in part.
func (e *Evidence) judgeValid(f *Findings, number int, sent Sent, stored Stored) {
	if kept := stored.Parked + stored.Waiting; kept > 0 && stored.Messages == 0 {
		f.add(Refused, "message %d was not stored but kept: %s", number, stored.Reason)
		return
	}
	if !sent.Taken && !stored.anything() {
		return
	}
	if stored.Messages == 0 {
		f.add(Lost, "message %d is not in the ledger", number)
	} else {
		e.count(f, number, "row in gateway.message", stored.Messages, 1)
		e.count(f, number, "claim in gateway.inbox", stored.Claims, stored.Messages)
		e.count(f, number, "payload", stored.Payloads, stored.Messages)
		if e.Replies {
			e.count(f, number, "reply", stored.Replies, stored.Messages)
		}
		if e.Deliveries >= 0 {
			e.count(f, number, "delivery", stored.Deliveries, e.Deliveries*stored.Messages)
		}
	}
	for i, table := range e.Tables {
		e.count(f, number, "row in "+table.Name, stored.Rows[i], table.Want(number))
	}
}

func (e *Evidence) count(f *Findings, number int, what string, got, want int) {
	switch {
	case got < want:
		f.add(Lost, "message %d has %d instead of %d times a %s", number, got, want, what)
	case got > want:
		f.add(Twice, "message %d has %d instead of %d times a %s", number, got, want, what)
	}
}

// judge: numbers are drawn without gaps, each belongs to one delivery, and all of
// these were confirmed.
func (s Shard) judge(f *Findings) {
	name := fmt.Sprintf("channel %s, shard %d", s.Channel, s.Shard)
	if missing := s.Drawn - s.Numbers; missing > 0 {
		f.add(Lost, "%s: %d of %s to no delivery", name, missing, plural.Of(s.Drawn, "number belongs", "numbers belong"))
	}
	if more := s.Found - s.Numbers; more > 0 {
		f.add(Twice, "%s: %s a number that another one has", name, plural.Of(more, "delivery has", "deliveries have"))
	}
	if s.Left > 0 {
		f.add(Unpublished, "%s: %s", name, plural.Of(s.Left, "delivery still waits", "deliveries still wait"))
	}
	if s.Parked > 0 {
		f.add(Unpublished, "%s: %s parked", name, plural.Of(s.Parked, "delivery is", "deliveries are"))
	}
	if open := s.Numbers - s.Confirmed - s.Left - s.Parked; open > 0 {
		f.add(Unpublished, "%s: %s never confirmed", name, plural.Of(open, "delivery was", "deliveries were"))
	}
}
