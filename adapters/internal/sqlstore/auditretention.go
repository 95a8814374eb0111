package sqlstore

import (
	"context"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// auditRemoval says in the audit trail how many messages, or payloads of messages
// that stay, a portion takes: what is gone without that was taken by somebody else.
func (s *Store) auditRemoval(ctx context.Context, q Querier, p gateway.Portion, rows map[string]int64) error {
	target, n := gateway.AuditMessages, rows["message"]+rows["held"]
	if p.Of == gateway.StockPayloads {
		target, n = gateway.AuditPayloads, rows["payload"]
	}
	if n == 0 {
		return nil
	}
	return s.audit(ctx, q, gateway.AuditRemoved, target, gateway.Act{By: gateway.AuditRetention, Reason: gateway.RemovalText(n, p.Before)})
}

// purgeAudit removes old entries of the lanes' chains, each time of one of them;
// of every chain the last one stays. An act says where the chain begins now. Acts
// are not removed.
func (s *Store) purgeAudit(ctx context.Context, doing string, p gateway.Portion) (gateway.Purged, error) {
	out := gateway.Purged{Rows: map[string]int64{"audit": 0}}
	heads, err := s.AuditHeads(ctx)
	if err != nil {
		return out, err
	}
	for _, head := range heads {
		if head.Chain == gateway.ActChain {
			continue
		}
		last, n, err := s.agedAudit(ctx, head, p)
		if err != nil {
			return out, s.fail(doing, err)
		}
		if n == 0 {
			continue
		}
		err = s.hold(ctx, &out, func(q Querier) (err error) {
			if out.Rows["audit"], err = affected(q.ExecContext(ctx, s.text.removeAudit, last.Chain, last.Seq)); err != nil || out.Rows["audit"] == 0 {
				return err // another process has done so
			}
			return s.audit(ctx, q, gateway.AuditTruncated, last.String(), gateway.Act{By: gateway.AuditRetention})
		})
		out.More = true
		return out, s.fail(doing, err)
	}
	return out, nil
}

// agedAudit returns the last of the first entries of a chain that are old, and
// how many they are.
func (s *Store) agedAudit(ctx context.Context, head gateway.AuditHead, p gateway.Portion) (last gateway.AuditHead, n int, err error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.agedAudit, head.Chain, s.dialect.Time(p.Before), p.Limit)
	if err != nil {
		return last, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			e   = gateway.AuditHead{Chain: head.Chain}
			old bool
		)
		if err := rows.Scan(&e.Seq, scanHash(&e.Hash), &old); err != nil {
			return last, 0, err
		}
		if !old || e.Seq >= head.Seq {
			break
		}
		last = e
		n++
	}
	return last, n, rows.Err()
}
