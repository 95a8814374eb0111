package live

import (
	"context"
	"fmt"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Ledger is the log with messages for its changes: what every entry says that its
// transaction has taken.
type Ledger struct {
	gateway.ChangeLog
	// Trail has the entries whole.
	Trail interface {
		AuditEntries(ctx context.Context, chain int, after int64, limit int) ([]gateway.AuditEntry, error)
	}
	// Subject is what the messages are noted under.
	Subject string
}

// ChangeNoted implements gateway.ChangeLog: every message is in its entry.
func (l *Ledger) ChangeNoted(context.Context, string) (map[int]int64, error) { return nil, nil }

// ChangeEntries returns entries with their messages, by their identifiers.
func (l *Ledger) ChangeEntries(ctx context.Context, chain int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	found, err := l.Trail.AuditEntries(ctx, chain, after, limit)
	if err != nil {
		return nil, err
	}
	begin, err := l.ChangeBegin(ctx)
	switch {
	case err != nil:
		return nil, err
	case begin[chain] > after:
		return nil, gateway.ErrChangesGone
	}
	out := make([]gateway.ChangeEntry, len(found))
	for i := range found {
		e := &found[i]
		if e.Seq != after+1+int64(i) {
			return nil, fmt.Errorf("chain %d of the audit trail has no entry %d, but %d", chain, after+1+int64(i), e.Seq)
		}
		out[i] = gateway.ChangeEntry{Chain: chain, Seq: e.Seq, At: e.At}
		if e.Kind != gateway.AuditBatch {
			continue
		}
		records, err := e.Records()
		if err != nil {
			return nil, fmt.Errorf("entry %d of chain %d: %w", e.Seq, chain, err)
		}
		for _, r := range records {
			out[i].Changes = append(out[i].Changes, gateway.WrittenRow{Subject: l.Subject, Key: r.ID.String()})
		}
	}
	return out, nil
}
