package sqlstore

import (
	"context"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Try notes durably that a message is going to be tried alone, and returns how
// often that was noted before without a Tried.
func (s *Store) Try(ctx context.Context, origin gateway.Digest) (before int, err error) {
	at := s.dialect.Time(s.now())
	err = s.write(ctx, func(q Querier) error {
		for _, text := range []string{s.text.suspectAgain, s.text.suspectFirst} {
			n, err := affected(q.ExecContext(ctx, text, origin[:], at))
			if err != nil {
				return err
			}
			if n > 0 {
				break
			}
		}
		return q.QueryRowContext(ctx, s.text.suspectTries, origin[:]).Scan(&before)
	})
	return before - 1, s.fail("noting a suspect", err)
}

// Tried forgets it.
func (s *Store) Tried(ctx context.Context, origin gateway.Digest) error {
	err := s.write(ctx, func(q Querier) error {
		_, err := q.ExecContext(ctx, s.text.suspectCleared, origin[:])
		return err
	})
	return s.fail("clearing a suspect", err)
}
