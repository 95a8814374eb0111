package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// quotaDays is how long the count of a day is kept after it.
const quotaDays = 40

// Draw takes up to want off a quota, and returns how much it got and how much is
// drawn by all now. It implements gateway.Quotas.
func (s *Store) Draw(ctx context.Context, quota gateway.Quota, want, limit int64) (granted, drawn int64, err error) {
	day := quota.Day.UTC().Format(time.DateOnly)
	if want == 0 {
		drawn, err = s.drawnOf(ctx, quota, day)
		return 0, drawn, s.fail("reading a quota", err)
	}
	err = s.write(ctx, func(q Querier) error {
		opened, err := affected(q.ExecContext(ctx, s.text.openQuota, quota.Scope, quota.Unit, day))
		if err == nil && opened > 0 {
			_, err = q.ExecContext(ctx, s.text.oldQuotas, quota.Day.UTC().AddDate(0, 0, -quotaDays).Format(time.DateOnly))
		}
		if err == nil { // the row is this transaction's from here on
			_, err = q.ExecContext(ctx, s.text.holdQuota, quota.Scope, quota.Unit, day)
		}
		if err == nil {
			err = q.QueryRowContext(ctx, s.text.quota, quota.Scope, quota.Unit, day).Scan(&drawn)
		}
		if err != nil {
			return err
		}
		granted = max(min(want, limit-drawn), 0)
		if want < 0 {
			granted = max(want, -drawn)
		}
		drawn += granted
		_, err = q.ExecContext(ctx, s.text.drawQuota, quota.Scope, quota.Unit, day, granted)
		return err
	})
	if err != nil {
		return 0, 0, s.fail("drawing a quota", err)
	}
	return granted, drawn, nil
}

// drawnOf reads how much is drawn, of all who draw.
func (s *Store) drawnOf(ctx context.Context, quota gateway.Quota, day string) (drawn int64, err error) {
	err = s.dialect.Reader().QueryRowContext(ctx, s.text.quota, quota.Scope, quota.Unit, day).Scan(&drawn)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return drawn, err
}
