package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// The audit trail is a few chains of entries, each of which has the hash of the
// one before it in its own: what was changed, taken out or put in afterwards does
// not fit any more. Chain 0 is of acts; every lane of the store has one for the
// batches that it commits, so that lanes do not wait for each other. An entry is
// written in the transaction of what it is about, or before it. docs/audit.md
// describes the bytes, for whoever verifies with tools of his own.

// ActChain is the chain of acts; a lane's is LaneChain.
const ActChain = 0

// LaneChain is the chain of the batches that a lane commits.
func LaneChain(lane int) int { return lane + 1 }

// The kinds of audit entries.
const (
	AuditAct   = "act"   // somebody did something
	AuditBatch = "batch" // messages were taken
)

// AuditEntry is one link of a chain.
type AuditEntry struct {
	Chain int       `json:"chain"`
	Seq   int64     `json:"seq"` // dense, from 1
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	// By, What, Target and Reason are of an act. Reason is empty once it was erased.
	By     string `json:"by,omitempty"`
	What   string `json:"what,omitempty"`
	Target string `json:"target,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Content is the records of a batch, or the SHA-256 of an act's reason.
	Content  []byte `json:"content"`
	Previous Digest `json:"previous"`
	Hash     Digest `json:"hash"`
}

// AuditHead names an entry by its place and its hash.
type AuditHead struct {
	Chain int
	Seq   int64
	Hash  Digest
}

// String is the form in which a head is noted: chain:seq:hash.
func (h AuditHead) String() string { return fmt.Sprintf("%d:%d:%s", h.Chain, h.Seq, h.Hash) }

// MarshalText writes what String does, in JSON too.
func (h AuditHead) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what String has written.
func (h *AuditHead) UnmarshalText(text []byte) error {
	parts := bytes.Split(bytes.TrimSpace(text), []byte(":"))
	if len(parts) != 3 {
		return fmt.Errorf("%q is no chain:seq:hash", text)
	}
	chain, err := strconv.ParseUint(string(parts[0]), 10, 31)
	if err != nil {
		return fmt.Errorf("%q: the chain is no number", text)
	}
	seq, err := strconv.ParseUint(string(parts[1]), 10, 63)
	if err != nil {
		return fmt.Errorf("%q: the place in the chain is no number", text)
	}
	h.Chain, h.Seq = int(chain), int64(seq)
	if err := h.Hash.UnmarshalText(parts[2]); err != nil {
		return fmt.Errorf("%q: the hash is not 64 hexadecimal digits", text)
	}
	return nil
}

// Link is the hash that the entry has to have: SHA-256 of one line of text,
// without a line feed.
func (e *AuditEntry) Link() Digest {
	line := make([]byte, 0, 256+2*len(e.Content))
	line = append(line, "gatehouse-audit-1 "...)
	line = hex.AppendEncode(line, e.Previous[:])
	line = fmt.Appendf(line, " %d %d %d %s ", e.Chain, e.Seq, e.At.UnixMilli(), e.Kind)
	if e.Kind == AuditAct {
		for _, text := range []string{e.By, e.What, e.Target} {
			line = hex.AppendEncode(line, []byte(text))
			line = append(line, ' ')
		}
	}
	return sha256.Sum256(hex.AppendEncode(line, e.Content))
}

// AuditReason is an act's content: it stands for the reason, which may be erased.
func AuditReason(reason string) []byte {
	d := sha256.Sum256([]byte(reason))
	return d[:]
}

// What a batch did with a message.
const (
	TakenStored     = 0
	TakenSuperseded = 1
	TakenHeld       = 2  // it waits, or is parked
	TakenRepeat     = 3  // it waits no more: it is a repeat of another one
	TakenWaited     = 16 // added to stored and superseded: it was held until now
)

// AuditRecord is one message of a batch.
type AuditRecord struct {
	Taken   byte
	ID      ID
	Facts   Digest // AuditFacts of its row in the ledger
	Payload Digest // SHA-256 of the payload as it is kept, unpacked
}

// AuditRecordSize is how many bytes a record has.
const AuditRecordSize = 1 + 16 + 32 + 32

// Append writes the record's 81 bytes.
func (r *AuditRecord) Append(b []byte) []byte {
	b = append(b, r.Taken)
	b = append(b, r.ID[:]...)
	b = append(b, r.Facts[:]...)
	return append(b, r.Payload[:]...)
}

// Records reads the content of a batch.
func (e *AuditEntry) Records() ([]AuditRecord, error) {
	if len(e.Content)%AuditRecordSize != 0 || len(e.Content) == 0 {
		return nil, fmt.Errorf("the content of a batch is %s, which are no records", plural.Of(len(e.Content), "byte", "bytes"))
	}
	out := make([]AuditRecord, len(e.Content)/AuditRecordSize)
	for i := range out {
		b := e.Content[i*AuditRecordSize:]
		out[i] = AuditRecord{Taken: b[0], ID: ID(b[1:17]), Facts: Digest(b[17:49]), Payload: Digest(b[49:81])}
	}
	return out, nil
}

// AuditFacts are what an entry holds of a message's row, as the row has it.
type AuditFacts struct {
	Route, Endpoint, Mapping, Principal, Sender, Identity string
	Contract, Body                                        Digest
	ReceivedAt                                            time.Time // whole milliseconds count
	ReplayOf                                              []byte    // 16 bytes, or none
}

// Digest is SHA-256 of the facts in their order, each preceded by its length in
// eight bytes.
func (f *AuditFacts) Digest() Digest {
	var space [640]byte // enough for most
	b := space[:0]
	for _, text := range [...]string{f.Route, f.Endpoint, f.Mapping, f.Principal, f.Sender, f.Identity} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(text))), text...)
	}
	var at [20]byte
	for _, part := range [...][]byte{f.Contract[:], f.Body[:], strconv.AppendInt(at[:0], f.ReceivedAt.UnixMilli(), 10), f.ReplayOf} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(b)
}

// AuditKept is what the ledger has of a message now.
type AuditKept struct {
	Stored  *AuditFacts // nil: there is no such row
	Outcome string      // of the stored one
	Held    *AuditFacts
	Payload *Digest // nil: it is not kept
}

// AuditTrail appends to the chains and reads them.
type AuditTrail interface {
	// Audit appends an act. What it is about must not be done when it fails.
	Audit(ctx context.Context, what, target string, act Act) error
	// AuditHeads returns the last entry of each chain, in the order of chains.
	AuditHeads(ctx context.Context) ([]AuditHead, error)
	// AuditEntries returns up to limit entries of a chain behind a place.
	AuditEntries(ctx context.Context, chain int, after int64, limit int) ([]AuditEntry, error)
	// AuditBefore returns the place before the first entry of a chain that was
	// written at t or later.
	AuditBefore(ctx context.Context, chain int, t time.Time) (int64, error)
	// AuditKept returns what the ledger has of messages; those it has nothing of are
	// left out.
	AuditKept(ctx context.Context, ids []ID) (map[ID]AuditKept, error)
	// AuditRepeat returns when a message, by its history, turned out to be a repeat of
	// another one while it waited; the zero time when that says nothing of the kind.
	AuditRepeat(ctx context.Context, id ID) (time.Time, error)
	// AuditActs counts the acts of a kind on a target.
	AuditActs(ctx context.Context, what, target string) (int, error)
	// AuditCount counts the messages of the ledger that came in a time.
	AuditCount(ctx context.Context, from, until time.Time) (int64, error)
}

// WrittenHeads are the heads of the chains that anything was written to.
func WrittenHeads(ctx context.Context, trail AuditTrail) ([]AuditHead, error) {
	heads, err := trail.AuditHeads(ctx)
	return slices.DeleteFunc(heads, func(h AuditHead) bool { return h.Seq == 0 }), err
}

// AuditHeads returns the last entry of each chain that anything was written to.
func (g *Gateway) AuditHeads(ctx context.Context) ([]AuditHead, error) {
	return WrittenHeads(ctx, g.store)
}

// AuditRead says that somebody was shown what a message holds.
const AuditRead = "read"

// audited records an act before it is done. An act that cannot be recorded is
// denied.
func (g *Gateway) audited(ctx context.Context, what, target string, act Act) error {
	err := g.store.Audit(ctx, what, target, act)
	if err == nil {
		failpoint.Hit("act-audited")
		return nil
	}
	if f := fault.Of(err); f.Kind() == fault.Unavailable || f.Code == fault.CodeAudit {
		return f
	}
	return fault.New(fault.CodeAudit, "").Because(err)
}

// Audited records an act that is not the core's own, such as a reload, before it
// is done. An error says that it must not be.
func (g *Gateway) Audited(ctx context.Context, what, target string, act Act) error {
	err := g.audited(ctx, what, target, act)
	if err != nil {
		f := fault.Of(err)
		g.log.WarnContext(ctx, "operator's act denied for want of an audit entry", append([]any{"act", what, "user", act.By}, reasons(f)...)...)
	}
	return err
}
