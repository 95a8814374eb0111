package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The chains of the audit trail are the log of what was committed: every
// transaction of a lane appends an entry, numbered without gaps in the order of
// commits. Of tables that live views show, the transaction also notes under the
// entry's number which rows it has written. OthersChain has entries under which is
// noted what others than the gateway have written.

// WrittenRow is a row that a transaction has written.
type WrittenRow struct {
	// Subject is what the row is of: mapping.LiveTable.Subject.
	Subject string
	// Key names the row: its key's values in their canonical text; see AppendKeyPart.
	Key string
}

// ChangeEntry is one entry of a lane's chain with what was noted under it.
type ChangeEntry struct {
	Chain   int
	Seq     int64
	At      time.Time
	Changes []WrittenRow // each row once
	Noting  *Noting      // nil: nobody has to ask
}

// Noting is what a gateway has noted of what it wrote, as its configuration has it. It
// is immutable.
type Noting struct{ subjects map[string]bool }

// NewNoting makes one of subjects.
func NewNoting(subjects []string) *Noting {
	n := &Noting{make(map[string]bool, len(subjects))}
	for _, s := range subjects {
		n.subjects[s] = true
	}
	return n
}

// Lacks reports whether rows of a subject may have been written without being noted.
func (n *Noting) Lacks(subject string) bool { return n != nil && !n.subjects[subject] }

// ErrChangesGone says that what comes behind a place in the log is not kept any
// more.
var ErrChangesGone = errors.New("what comes behind this place in the log is not kept any more")

// ChangeLog reads the log. It is safe for concurrent use.
type ChangeLog interface {
	// ChangeHeads returns the last entry of each lane's chain, by chain.
	ChangeHeads(ctx context.Context) (map[int]int64, error)
	// ChangeBegin returns the last place of each lane's chain behind which
	// everything is kept.
	ChangeBegin(ctx context.Context) (map[int]int64, error)
	// ChangeNoted returns the last place of each lane's chain behind which everything
	// was noted of a subject: every gateway that has written since has it in its
	// configuration. Chains that are left out have no such place to mind.
	ChangeNoted(ctx context.Context, subject string) (map[int]int64, error)
	// ChangeEntries returns the entries of a chain behind a place, at most limit of
	// them, in their order and without a gap. When those directly behind the place
	// are not kept any more the error is ErrChangesGone; a gap is an error, too.
	ChangeEntries(ctx context.Context, chain int, after int64, limit int) ([]ChangeEntry, error)
}

// SealingKey is a key that tokens are sealed with which leave the gateway and come
// back to any gateway on the same store.
type SealingKey struct {
	ID     int64 // ascending
	Secret [32]byte
	At     time.Time
}

// SealingKeys keeps the keys.
type SealingKeys interface {
	// SealingKeys returns all keys, the newest first.
	SealingKeys(ctx context.Context) ([]SealingKey, error)
	// AddSealingKey adds a key, unless there is one that was made after a time.
	AddSealingKey(ctx context.Context, secret [32]byte, unless time.Time) error
	// RemoveSealingKeys removes those made before a time, but never the newest.
	RemoveSealingKeys(ctx context.Context, before time.Time) error
}

// AppendKeyPart adds a value to a key. Its text is as it is, but for the comma that
// separates values, for the percent sign and for what JSON or a terminal take for
// something else: those bytes are a percent sign and two hexadecimal digits.
func AppendKeyPart(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == 0x7f || strings.IndexByte("%,\"\\", c) >= 0 {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// KeyParts are the texts of a key's values.
func KeyParts(key string) ([]string, error) {
	parts := strings.Split(key, ",")
	for i, p := range parts {
		var err error
		if parts[i], err = url.PathUnescape(p); err != nil {
			return nil, fmt.Errorf("the key %q of a change cannot be read: %w", key, err)
		}
	}
	return parts, nil
}
