package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// What is noted of tables is a matter of configuration, and each transaction of a lane
// says by a number which configuration's it was: the chain's row has the number of the
// last one, and where it changes a row of the table noted says from which entry on. So
// nothing is written for it but at such a place, and a gateway that ends without a word
// leaves nothing behind that is not true.

// notings are the numbers that are known. It is safe for concurrent use.
type notings struct {
	mu   sync.Mutex
	byID map[int]*gateway.Noting
}

// noteNothing is the number of those who note nothing: gateways without live views,
// and those of a version that knew no such number.
const noteNothing = 0

// noting returns the number that a list of subjects has, giving it one.
func (s *Store) noting(ctx context.Context, q Querier, subjects []string) (int, error) {
	if len(subjects) == 0 {
		return noteNothing, nil
	}
	text, err := json.Marshal(subjects)
	if err != nil {
		return 0, err
	}
	known, err := s.readNotings(ctx, q)
	if err != nil {
		return 0, err
	}
	next := noteNothing + 1
	for id, subjects := range known {
		if subjects == string(text) {
			return id, nil
		}
		next = max(next, id+1)
	}
	_, err = q.ExecContext(ctx, s.text.addNoting, next, string(text))
	return next, err
}

// Noting is the number of what is noted of what the item writes; it is the same for
// all items of an attempt.
func (it *Item) Noting() int { return it.plan.Noting }

func (s *Store) readNotings(ctx context.Context, q Querier) (map[int]string, error) {
	rows, err := q.QueryContext(ctx, s.text.notings)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int]string{}
	for rows.Next() {
		var (
			id       int
			subjects string
		)
		if err := rows.Scan(&id, &subjects); err != nil {
			return nil, err
		}
		out[id] = subjects
	}
	return out, rows.Err()
}

// known returns what a number stands for. Numbers are never given anew.
func (s *Store) known(ctx context.Context, id int) (*gateway.Noting, error) {
	n := &s.notings
	n.mu.Lock()
	defer n.mu.Unlock()
	if found := n.byID[id]; found != nil {
		return found, nil
	}
	all, err := s.readNotings(ctx, s.dialect.Reader())
	if err != nil {
		return nil, err
	}
	n.byID = map[int]*gateway.Noting{noteNothing: gateway.NewNoting(nil)}
	for id, text := range all {
		var subjects []string
		if err := json.Unmarshal([]byte(text), &subjects); err != nil {
			return nil, fmt.Errorf("what is noted as number %d cannot be read: %w", id, err)
		}
		n.byID[id] = gateway.NewNoting(subjects)
	}
	if n.byID[id] == nil {
		return nil, fmt.Errorf("nobody has said what is noted as number %d", id)
	}
	return n.byID[id], nil
}

// turn is a place from which on something else is noted.
type turn struct {
	seq    int64
	noting int
}

func (s *Store) turns(ctx context.Context, text string, args ...any) ([]turn, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []turn
	for rows.Next() {
		var t turn
		if err := rows.Scan(&t.seq, &t.noting); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// notingOf fills in what was noted of what the transactions of entries wrote. It is
// asked for after the entries: what turns with one of them is there then.
func (s *Store) notingOf(ctx context.Context, chain int, entries []gateway.ChangeEntry) error {
	turns, err := s.turns(ctx, s.text.turnsAmong, chain, entries[0].Seq, entries[len(entries)-1].Seq)
	if err != nil {
		return err
	}
	for i := range entries {
		id := noteNothing
		at, found := slices.BinarySearchFunc(turns, entries[i].Seq, func(t turn, seq int64) int { return cmp.Compare(t.seq, seq) })
		if found {
			id = turns[at].noting
		} else if at > 0 {
			id = turns[at-1].noting
		}
		if entries[i].Noting, err = s.known(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// turnsAtOnce is how many turns are read at a time: configurations do not change often.
const turnsAtOnce = 32

// ChangeNoted returns the last place of each chain behind which everything was noted
// of a subject.
func (s *Store) ChangeNoted(ctx context.Context, subject string) (map[int]int64, error) {
	out, err := s.ChangeHeads(ctx)
	if err != nil {
		return nil, err
	}
	for _, chain := range slices.Sorted(maps.Keys(out)) {
		if out[chain], err = s.notedSince(ctx, chain, out[chain], subject); err != nil {
			return nil, s.fail(doingChanges, err)
		}
	}
	return out, nil
}

// notedSince goes back through a chain as far as a subject was noted.
func (s *Store) notedSince(ctx context.Context, chain int, since int64, subject string) (int64, error) {
	for {
		turns, err := s.turns(ctx, s.text.turnsBefore, chain, since, turnsAtOnce)
		if err != nil {
			return 0, err
		}
		for _, t := range turns {
			noting, err := s.known(ctx, t.noting)
			if err != nil || noting.Lacks(subject) {
				return since, err
			}
			since = t.seq - 1
		}
		if len(turns) < turnsAtOnce {
			return since, nil
		}
	}
}
