package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// Removals are what retention says that it has removed.
type Removals struct {
	Count  int64     `json:"count"`
	Before time.Time `json:"before,omitzero"` // nothing younger was
}

func (r *Removals) add(other Removals) {
	r.Count += other.Count
	if other.Before.After(r.Before) {
		r.Before = other.Before
	}
}

func (r *Removals) read(text string) error {
	var (
		one Removals
		at  string
	)
	_, err := fmt.Sscanf(text, "%d from before %s", &one.Count, &at)
	if err == nil {
		one.Before, err = time.Parse(time.RFC3339, at)
	}
	r.add(one)
	return err
}

// Gone counts what the trail has and the ledger has no more.
type Gone struct {
	Count  int64 `json:"count"`
	Newest ID    `json:"newest,omitzero"`
	// Chain and Seq are the entry that has the newest one.
	Chain int   `json:"chain,omitempty"`
	Seq   int64 `json:"seq,omitempty"`
}

func (g *Gone) add(other Gone) {
	n := g.Count + other.Count
	if bytes.Compare(other.Newest[:], g.Newest[:]) > 0 {
		*g = other
	}
	g.Count = n
}

// fault says what is wrong with what is gone, given what retention has removed.
func (g *Gone) fault(what string, removed Removals) *AuditBreak {
	b := &AuditBreak{Chain: g.Chain, Seq: g.Seq, Message: g.Newest}
	switch at := MadeAt(g.Newest); {
	case g.Count == 0:
		return nil
	case !at.Before(removed.Before.Add(time.Minute)): // clocks, and the second in the text
		subject := "it"
		if what == AuditPayloads {
			subject = "its payload"
		}
		b.Reason = fmt.Sprintf("it came at %s and %s is gone; retention has removed none that young", at.Format(time.RFC3339), subject)
	case g.Count > removed.Count:
		b.Reason = fmt.Sprintf("%s gone, of which it is the newest, and retention has removed %d", plural.Of(g.Count, strings.TrimSuffix(what, "s")+" is", what+" are"), removed.Count)
	default:
		return nil
	}
	return b
}

// MadeAt is when an identifier was made (RFC 9562 §5.7).
func MadeAt(id ID) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// AuditSet are messages that were counted, and what tells them from others: the
// exclusive or of the SHA-256 of their identifiers.
type AuditSet struct {
	Count int64  `json:"count"`
	Sum   Digest `json:"sum"`
}

func (s *AuditSet) put(id ID) {
	one := sha256.Sum256(id[:])
	s.add(AuditSet{1, one})
}

func (s *AuditSet) add(other AuditSet) {
	s.Count += other.Count
	for i := range s.Sum {
		s.Sum[i] ^= other.Sum[i]
	}
}

// AuditBreak is something that does not fit, and where.
type AuditBreak struct {
	Chain   int       `json:"chain"`
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at,omitzero"`
	Message ID        `json:"message,omitzero"`
	Reason  string    `json:"reason"`
}

// String says where and what.
func (b *AuditBreak) String() string {
	where := fmt.Sprintf("chain %d, entry %d", b.Chain, b.Seq)
	if b.Seq == 0 {
		where = "the ledger"
	}
	if !b.At.IsZero() {
		where += " of " + b.At.Format(time.RFC3339)
	}
	if b.Message != (ID{}) {
		where += ", message " + b.Message.String()
	}
	return where + ": " + b.Reason
}

// AuditSpan is where a verification begins, and what it has to meet.
type AuditSpan struct {
	// Starts are the places behind which the chains are verified. The hash of the
	// entry there is taken for granted.
	Starts []AuditHead `json:"starts"`
	// From and Until are a time of which every message in the ledger has an entry
	// behind the starts, and Messages is how many there are.
	From     time.Time `json:"from,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Messages int64     `json:"messages"`
}

// whole reports whether nothing is before the span.
func (s *AuditSpan) whole() bool {
	return !slices.ContainsFunc(s.Starts, func(h AuditHead) bool { return h.Seq > 0 })
}

// AuditPart is what a verification has found out about a piece of a chain.
type AuditPart struct {
	Head AuditHead `json:"head"` // the last entry that fits
	Done bool      `json:"done"` // it is the last of its chain
	// Cut is the entry up to which retention has removed the chain, when that was
	// found out.
	Cut int64 `json:"cut,omitempty"`
	AuditFindings
}

// AuditFindings are what was counted, and the first thing that does not fit.
type AuditFindings struct {
	Entries      int64 `json:"entries"`
	Acts         int64 `json:"acts"`
	Messages     int64 `json:"messages"` // that batches have taken
	Met          int64 `json:"met"`      // of those, stored ones of the span
	Erased       int64 `json:"erased"`   // not comparable any more, and an act says why
	MessagesGone Gone  `json:"messages_gone"`
	PayloadsGone Gone  `json:"payloads_gone"`
	// Repeats are messages that waited and are gone, as repeats of others by their
	// histories; Closed are those that entries say this of, too.
	Repeats         AuditSet    `json:"repeats"`
	Closed          AuditSet    `json:"closed"`
	MessagesRemoved Removals    `json:"messages_removed"`
	PayloadsRemoved Removals    `json:"payloads_removed"`
	Break           *AuditBreak `json:"break,omitempty"` // nothing behind it was looked at
}

// Add counts other findings in.
func (f *AuditFindings) Add(other AuditFindings) {
	f.Entries += other.Entries
	f.Acts += other.Acts
	f.Messages += other.Messages
	f.Met += other.Met
	f.Erased += other.Erased
	f.MessagesGone.add(other.MessagesGone)
	f.PayloadsGone.add(other.PayloadsGone)
	f.Repeats.add(other.Repeats)
	f.Closed.add(other.Closed)
	f.MessagesRemoved.add(other.MessagesRemoved)
	f.PayloadsRemoved.add(other.PayloadsRemoved)
	if f.Break == nil {
		f.Break = other.Break
	}
}

// Judge sets Break when what was counted of the whole span does not add up. Whole
// says that nothing is before the span: neither was it begun later, nor has
// retention removed entries in front.
func (f *AuditFindings) Judge(span *AuditSpan, whole bool) {
	if f.Break == nil {
		f.Break = f.MessagesGone.fault(AuditMessages, f.MessagesRemoved)
	}
	if f.Break == nil {
		f.Break = f.PayloadsGone.fault(AuditPayloads, f.PayloadsRemoved)
	}
	if f.Break == nil && (f.Repeats.Count > f.Closed.Count || whole && f.Repeats != f.Closed) {
		f.Break = &AuditBreak{Reason: fmt.Sprintf("%s gone, as repeats by their histories, and the chains say so of %d, which are others or fewer", plural.Of(f.Repeats.Count, "message that waited is", "messages that waited are"), f.Closed.Count)}
	}
	if f.Break == nil && f.Met < span.Messages {
		f.Break = &AuditBreak{Reason: fmt.Sprintf("it has %s that came between %s and %s, and the chains have %d of them: the others were not written by a gateway, or by one without an audit trail",
			plural.Of(span.Messages, "message", "messages"), span.From.Format(time.RFC3339), span.Until.Format(time.RFC3339), f.Met)}
	}
}
