package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Usage counts the messages stored since a time, by route and sender's entry, the
// most frequent first. It reads route by route: identifiers tell the time, and an
// index leads to those of a route.
func (s *Store) Usage(ctx context.Context, since time.Time, limit int) ([]gateway.Usage, error) {
	routes, err := s.LedgerRoutes(ctx)
	if err != nil {
		return nil, err
	}
	var out []gateway.Usage
	for _, route := range routes {
		if out, err = s.usageOf(ctx, route, since, limit, out); err != nil {
			return nil, s.fail("counting messages", err)
		}
	}
	slices.SortStableFunc(out, func(a, b gateway.Usage) int { return cmp.Compare(b.Messages, a.Messages) })
	return out[:min(len(out), limit)], nil
}

func (s *Store) usageOf(ctx context.Context, route string, since time.Time, limit int, out []gateway.Usage) ([]gateway.Usage, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.usage, route, firstID(since), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		u := gateway.Usage{Route: route}
		if err := rows.Scan(&u.Principal, &u.Messages, s.dialect.ScanTime(&u.Last)); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, rows.Err()
}
