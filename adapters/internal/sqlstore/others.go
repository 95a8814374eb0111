package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// Versions is a Dialect whose database numbers the writes of rows.
type Versions interface {
	// Look reads the rows behind a number.
	Look(ctx context.Context, w gateway.Watched, after int64, limit int) (gateway.Look, error)
}

const doingOthers = "looking for what others have written"

// errNoVersions says that there is nothing to find it by.
var errNoVersions = errors.New("the database has no rowversion")

// Look returns rows behind a place.
func (s *Store) Look(ctx context.Context, w gateway.Watched, after int64, limit int) (gateway.Look, error) {
	d, ok := s.dialect.(Versions)
	if !ok {
		return gateway.Look{}, s.fail(doingOthers, errNoVersions)
	}
	look, err := d.Look(ctx, w, after, limit)
	return look, s.fail(doingOthers, err)
}

// hashText is the SHA-256 of a text in hexadecimal digits: what is longer than an index
// takes is found by it.
func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Sighted returns up to where is noted what others have written.
func (s *Store) Sighted(ctx context.Context, subject string) (version int64, known bool, err error) {
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.sighted, hashText(subject)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return version, err == nil, s.fail(doingOthers, err)
}

// NoteSeen notes rows in one transaction with the new place, which it locks first: of
// two processes that go on from one place, the second one finds that it is another.
func (s *Store) NoteSeen(ctx context.Context, g gateway.Sighting) (went bool, noted int, err error) {
	err = s.write(ctx, func(q Querier) error {
		went, noted = false, 0
		moved, err := s.goOn(ctx, q, &g)
		if err != nil || !moved {
			return err
		}
		rows, err := s.foreign(ctx, q, &g)
		if err != nil {
			return err
		}
		if len(rows) > 0 || g.Lost {
			if err := s.appendSeen(ctx, q, &g, rows); err != nil {
				return err
			}
		}
		went, noted = true, len(rows)
		return nil
	})
	if err != nil && s.dialect.Classify(err) == Raced {
		return false, 0, nil // another process has begun at the same moment
	}
	return went, noted, s.fail("noting what others have written", err)
}

func (s *Store) goOn(ctx context.Context, q Querier, g *gateway.Sighting) (moved bool, err error) {
	text, args := s.text.goOn, []any{hashText(g.Subject), g.To, g.From}
	if g.First {
		text, args = s.text.beginSighting, args[:2]
	}
	n, err := affected(q.ExecContext(ctx, text, args...))
	return n > 0, err
}

// foreign leaves out the rows that are as a lane of the gateway has written and noted
// them: that transaction has left their numbers.
func (s *Store) foreign(ctx context.Context, q Querier, g *gateway.Sighting) ([]gateway.Seen, error) {
	own, err := s.ownVersions(ctx, q, g)
	if err != nil {
		return nil, err
	}
	if _, err := q.ExecContext(ctx, s.text.passVersions, hashText(g.Subject), g.To); err != nil {
		return nil, err
	}
	if len(own) == 0 {
		return g.Rows, nil
	}
	return slices.DeleteFunc(slices.Clone(g.Rows), func(r gateway.Seen) bool { return own[ownVersion{r.Version, hashText(r.Key)}] }), nil
}

// ownVersion is a number with the hash of its row's key: where a database gives one
// number to several rows, it does not tell them apart.
type ownVersion struct {
	version int64
	row     string
}

func (s *Store) ownVersions(ctx context.Context, q Querier, g *gateway.Sighting) (map[ownVersion]bool, error) {
	rows, err := q.QueryContext(ctx, s.text.ownVersions, hashText(g.Subject), g.From, g.To)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[ownVersion]bool{}
	for rows.Next() {
		var v ownVersion
		if err := rows.Scan(&v.version, &v.row); err != nil {
			return nil, err
		}
		out[v] = true
	}
	return out, rows.Err()
}

// appendSeen appends the entry and notes the rows under it, each once.
func (s *Store) appendSeen(ctx context.Context, q Querier, g *gateway.Sighting, rows []gateway.Seen) error {
	keys, seen := []string{}, map[string]bool{}
	for _, r := range rows {
		if !seen[r.Key] {
			seen[r.Key] = true
			keys = append(keys, r.Key)
		}
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	act := gateway.Act{By: gateway.AuditLook, Reason: fmt.Sprintf("%s up to rowversion %d", plural.Of(int64(len(keys)), "row", "rows"), g.To)}
	seq, err := s.appendTo(ctx, q, gateway.OthersChain, gateway.AuditSeen, g.Subject, act)
	if err != nil {
		return err
	}
	subjects := g.Noting
	if g.Lost {
		subjects = slices.DeleteFunc(slices.Clone(subjects), func(one string) bool { return one == g.Subject })
	}
	if err := s.turn(ctx, q, gateway.OthersChain, seq, subjects); err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, s.text.noteSeen, gateway.OthersChain, seq, g.Subject, s.dialect.Document(string(list)))
	return err
}

// turn says what is noted from an entry on that this transaction has appended.
func (s *Store) turn(ctx context.Context, q Querier, chain int, seq int64, subjects []string) error {
	noting, err := s.noting(ctx, q, subjects)
	if err != nil {
		return err
	}
	turned, err := affected(q.ExecContext(ctx, s.text.turnChain, chain, noting))
	if err == nil && turned > 0 {
		_, err = q.ExecContext(ctx, s.text.addTurn, chain, seq, noting)
	}
	return err
}
