package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

const doingChanges = "reading the log of changes"

// ChangeHeads returns the last entry of each lane's chain.
func (s *Store) ChangeHeads(ctx context.Context) (map[int]int64, error) {
	out := map[int]int64{}
	err := s.pairs(ctx, s.text.chainSeqs, func(chain int, seq int64) {
		if chain != gateway.ActChain {
			out[chain] = seq
		}
	})
	return out, s.fail(doingChanges, err)
}

// pairs reads chains with numbers.
func (s *Store) pairs(ctx context.Context, text string, each func(chain int, seq int64)) error {
	rows, err := s.dialect.Reader().QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			chain int
			seq   int64
		)
		if err := rows.Scan(&chain, &seq); err != nil {
			return err
		}
		each(chain, seq)
	}
	return rows.Err()
}

// ChangeBegin returns the last place of each lane's chain behind which everything
// is kept: what retention has removed of the changes, or of the entries themselves,
// is before it.
func (s *Store) ChangeBegin(ctx context.Context) (map[int]int64, error) {
	out, err := s.ChangeHeads(ctx)
	if err != nil {
		return nil, err
	}
	for chain := range out {
		var first int64
		err := s.dialect.Reader().QueryRowContext(ctx, s.text.keptSince, chain).Scan(&first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, s.fail(doingChanges, err)
		}
		out[chain] = max(0, first-1)
	}
	err = s.pairs(ctx, s.text.keptFrom, func(chain int, seq int64) { out[chain] = max(out[chain], seq) })
	return out, s.fail(doingChanges, err)
}

// ChangeEntries returns entries of a chain with their changes. What is there of
// them is looked for after they were read: what retention removes meanwhile does
// not look as if nothing had been written.
func (s *Store) ChangeEntries(ctx context.Context, chain int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	out, err := s.entriesOf(ctx, chain, after, limit)
	if err == nil && len(out) > 0 {
		err = s.changesOf(ctx, chain, out)
	}
	if err == nil && len(out) > 0 {
		err = s.notingOf(ctx, chain, out)
	}
	if err != nil {
		return nil, s.fail(doingChanges, err)
	}
	begin, err := s.ChangeBegin(ctx)
	switch {
	case err != nil:
		return nil, err
	case begin[chain] > after:
		return nil, gateway.ErrChangesGone
	}
	for i, e := range out {
		if e.Seq != after+1+int64(i) {
			return nil, s.fail(doingChanges, fmt.Errorf("chain %d of the audit trail has no entry %d, but %d", chain, after+1+int64(i), e.Seq))
		}
	}
	return out, nil
}

func (s *Store) entriesOf(ctx context.Context, chain int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.entriesOf, chain, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []gateway.ChangeEntry
	for rows.Next() {
		e := gateway.ChangeEntry{Chain: chain}
		if err := rows.Scan(&e.Seq, s.dialect.ScanTime(&e.At)); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// changesOf fills in what was noted under entries.
func (s *Store) changesOf(ctx context.Context, chain int, entries []gateway.ChangeEntry) error {
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.changes, chain, first-1, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	subjects := map[string]string{} // each text once
	for rows.Next() {
		var (
			seq int64
			c   gateway.WrittenRow
		)
		if err := rows.Scan(&seq, &c.Subject, &c.Key); err != nil {
			return err
		}
		if known, ok := subjects[c.Subject]; ok {
			c.Subject = known
		} else {
			subjects[c.Subject] = c.Subject
		}
		i, found := slices.BinarySearchFunc(entries, seq, func(e gateway.ChangeEntry, seq int64) int { return cmp.Compare(e.Seq, seq) })
		if !found {
			return fmt.Errorf("changes are noted under entry %d of chain %d, which is not there", seq, chain)
		}
		entries[i].Changes = append(entries[i].Changes, c)
	}
	return rows.Err()
}

// purgeChanges removes old changes, each time of one chain, and notes how far. It
// looks at the entries, which tell how old they are, and at no more of them than
// the portion has rows.
func (s *Store) purgeChanges(ctx context.Context, doing string, p gateway.Portion) (gateway.Purged, error) {
	out := gateway.Purged{Rows: map[string]int64{"change": 0}}
	begin, err := s.ChangeBegin(ctx)
	if err != nil {
		return out, err
	}
	for _, chain := range slices.Sorted(maps.Keys(begin)) {
		last, err := s.agedChanges(ctx, chain, begin[chain], p)
		if err != nil {
			return out, s.fail(doing, err)
		}
		if last == begin[chain] {
			continue
		}
		err = s.hold(ctx, &out, func(q Querier) (err error) {
			if out.Rows["change"], err = affected(q.ExecContext(ctx, s.text.removeChanges, chain, last)); err != nil {
				return err
			}
			n, err := affected(q.ExecContext(ctx, s.text.forgetChanges, chain, last))
			if err == nil && n == 0 {
				_, err = q.ExecContext(ctx, s.text.forgetFirst, chain, last)
			}
			if err == nil {
				_, err = q.ExecContext(ctx, s.text.removeTurns, chain, last)
			}
			return err
		})
		out.More = true
		return out, s.fail(doing, err)
	}
	return out, nil
}

// agedChanges returns the last of the entries behind a place that are old, as many
// as have no more changes together than the portion may remove.
func (s *Store) agedChanges(ctx context.Context, chain int, after int64, p gateway.Portion) (int64, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.agedChanges, chain, after, p.Limit, s.dialect.Time(p.Before))
	if err != nil {
		return after, err
	}
	defer rows.Close()
	last, total := after, 0
	for rows.Next() {
		var (
			seq int64
			old bool
			n   int
		)
		if err := rows.Scan(&seq, &old, &n); err != nil {
			return after, err
		}
		if total += n; !old || total > p.Limit && last > after {
			break
		}
		last = seq
	}
	return last, rows.Err()
}

// SealingKeys returns all keys, the newest first.
func (s *Store) SealingKeys(ctx context.Context) ([]gateway.SealingKey, error) {
	const doing = "reading the sealing keys"
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.sealingKeys)
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	var out []gateway.SealingKey
	for rows.Next() {
		var (
			k      gateway.SealingKey
			secret string
		)
		if err := rows.Scan(&k.ID, &secret, s.dialect.ScanTime(&k.At)); err != nil {
			return nil, s.fail(doing, err)
		}
		if n, err := hex.Decode(k.Secret[:], []byte(secret)); err != nil || n != len(k.Secret) {
			return nil, s.fail(doing, fmt.Errorf("sealing key %d is not 64 hexadecimal digits", k.ID))
		}
		out = append(out, k)
	}
	return out, s.fail(doing, rows.Err())
}

// AddSealingKey adds a key, unless there is one that was made after a time: of
// several gateways that begin at once, one makes it.
func (s *Store) AddSealingKey(ctx context.Context, secret [32]byte, unless time.Time) error {
	err := s.write(ctx, func(q Querier) error {
		_, err := q.ExecContext(ctx, s.text.addSealingKey, hex.EncodeToString(secret[:]), s.dialect.Time(s.now().UTC()), s.dialect.Time(unless))
		return err
	})
	return s.fail("adding a sealing key", err)
}

// RemoveSealingKeys removes old keys, but never the newest.
func (s *Store) RemoveSealingKeys(ctx context.Context, before time.Time) error {
	err := s.write(ctx, func(q Querier) error {
		_, err := q.ExecContext(ctx, s.text.removeSealingKeys, s.dialect.Time(before))
		return err
	})
	return s.fail("removing sealing keys", err)
}
