package gateway

import (
	"context"
	"sync"
	"time"
)

// Quota names one count of one day.
type Quota struct {
	Scope string // role/<name> or partner/<name>
	Unit  string // QuotaMessages or QuotaBytes
	Day   time.Time
}

// Quotas counts what is used of the quotas of a day, for all processes.
type Quotas interface {
	// Draw takes up to want off a quota whose limit is limit, durably and in one
	// transaction, and returns how much it got and how much is drawn by all now. A
	// want of zero only asks, and one below zero gives back what was drawn and not
	// used. Days that are long past are forgotten.
	Draw(ctx context.Context, q Quota, want, limit int64) (granted, drawn int64, err error)
}

// quota is what one process holds of a day's quota: it draws some at a time, less
// the less there is, so that a message seldom costs a statement, and what a process
// that dies has drawn in vain is little.
type quota struct {
	unit  string
	day   time.Time
	left  int64
	spent time.Time // when the store said that there was not enough

	drawing sync.Mutex // one at a time asks the store
}

// shares is which part of what is left of a quota a process draws at once, and
// maxDrawn how much at most.
const (
	shares   = 64
	maxDrawn = 64 << 20
)

// recheck is how long a quota that is used up counts as that, unless its limit
// changes: others may give back what they do not use.
const recheck = 30 * time.Second

// holds reports whether there is enough, for the day.
func (q *quota) holds(day time.Time, need int64) bool {
	if !q.day.Equal(day) {
		q.day, q.left, q.spent = day, 0, time.Time{}
	}
	return q.left >= need
}

func (q *quota) isSpent(now time.Time) bool {
	return !q.spent.IsZero() && now.Sub(q.spent) < recheck
}

func (q *quota) restore(day time.Time, n, limit int64) {
	if limit > 0 && q.day.Equal(day) {
		q.left += n
		q.spent = time.Time{}
	}
}

// draw gets what a message is short of from the store; whether it got enough, take
// finds out.
func (ls *limits) draw(ctx context.Context, s *shortage, x *pass) error {
	s.quota.drawing.Lock()
	defer s.quota.drawing.Unlock()
	ls.mu.Lock()
	enough, held := s.quota.holds(x.day, s.need), s.quota.left
	ls.mu.Unlock()
	if enough {
		return nil // somebody else has drawn meanwhile
	}
	name := Quota{s.limiter.scope, s.quota.unit, x.day}
	_, drawn, err := ls.quotas.Draw(ctx, name, 0, s.limit)
	if err != nil {
		return err
	}
	want := max(s.need-held, min((s.limit-drawn)/shares, maxDrawn))
	granted, drawn, err := ls.quotas.Draw(ctx, name, want, s.limit)
	if err != nil {
		return err
	}
	ls.metrics.quota.WithLabelValues(name.Scope, name.Unit).Set(float64(drawn))
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if !s.quota.day.Equal(x.day) {
		return nil // the day has ended meanwhile, and what was drawn of it with it
	}
	s.quota.left += granted
	if s.quota.left < s.need {
		s.quota.spent = ls.now()
	}
	return nil
}

// settle gives back what is not used of the day's quotas: the process ends.
func (ls *limits) settle(ctx context.Context) error {
	var unused []Quota
	var counts []int64
	ls.mu.Lock()
	today := DayBegins(ls.now())
	for _, l := range ls.all {
		for _, q := range []*quota{&l.messages, &l.bytes} {
			if q.left > 0 && q.day.Equal(today) {
				unused, counts = append(unused, Quota{l.scope, q.unit, q.day}), append(counts, q.left)
				q.left = 0
			}
		}
	}
	ls.mu.Unlock()
	for i, q := range unused {
		if _, _, err := ls.quotas.Draw(ctx, q, -counts[i], 0); err != nil {
			return err
		}
	}
	return nil
}
