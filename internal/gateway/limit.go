package gateway

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// Limits bound what a role or a partner sends. Zero fields do not restrict.
//
// Rate, Burst and Concurrent are of one process: several gateways each let as much
// through. PerDay and BytesPerDay are of all that share a store, and outlive them.
type Limits struct {
	Rate        float64 // messages a second, evenly spread
	Burst       int     // messages that may come at once after a pause; 0: what Rate gives in a second, at least 1
	Concurrent  int     // messages under way at once whose senders wait; queues are bounded by their prefetch
	PerDay      int64   // messages a day, which begins at midnight UTC
	BytesPerDay int64   // of payloads as they arrive
}

// Any reports whether there is a limit at all.
func (l Limits) Any() bool { return l != Limits{Burst: l.Burst} }

// burst is how many messages may come at once.
func (l Limits) burst() float64 {
	if l.Burst > 0 {
		return float64(l.Burst)
	}
	return math.Max(1, math.Floor(l.Rate))
}

// DayBegins is when the day of a time began that quotas are counted for.
func DayBegins(at time.Time) time.Time {
	return at.UTC().Truncate(24 * time.Hour)
}

// What limits there are, as metrics, answers and the store call them.
const (
	limitRate       = "rate"
	limitConcurrent = "concurrent"
	QuotaMessages   = "messages"
	QuotaBytes      = "bytes"
)

// maxHeldUp is how long a message of a queue waits for its turn before it goes back
// to its door, which comes with it again.
const maxHeldUp = 5 * time.Second

// limits are all limits of the running generation. It is safe for concurrent use.
// Its memory is bounded by the configuration: there is one limiter for each role and
// partner with limits, and none for each sender.
type limits struct {
	quotas  Quotas
	metrics *Metrics
	now     func() time.Time

	mu  sync.Mutex // of all limiters: a message takes from several, or from none
	all map[string]*limiter
}

func newLimits(quotas Quotas, metrics *Metrics, now func() time.Time) *limits {
	return &limits{quotas: quotas, metrics: metrics, now: now, all: map[string]*limiter{}}
}

// limiter is what one role or partner has used.
type limiter struct {
	scope    string // role/<name> or partner/<name>
	limits   Limits
	due      time.Time // when the next message would come if all came evenly
	run      uint64    // counts the times that it was idle before: due began anew
	underWay int
	messages quota
	bytes    quota
}

// scopes are the limits of an Access, by scope.
func (a *Access) scopes() map[string]Limits {
	out := map[string]Limits{}
	for _, r := range a.roles {
		if r.Limits.Any() {
			out["role/"+r.Name] = r.Limits
		}
	}
	for name, l := range a.partners {
		if l.Any() {
			out["partner/"+name] = l
		}
	}
	return out
}

// WithPartners returns the same decisions with limits for partners, by name, which
// all roles of a partner share.
func (a *Access) WithPartners(partners map[string]Limits) *Access {
	c := *a
	c.partners = partners
	return &c
}

// update puts the limits of another generation in the place of those before. What
// was used stays used.
func (ls *limits) update(a *Access) {
	if a == nil {
		return
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	wanted := a.scopes()
	for scope := range ls.all {
		if _, stays := wanted[scope]; !stays {
			delete(ls.all, scope)
		}
	}
	for scope, l := range wanted {
		if ls.all[scope] == nil {
			ls.all[scope] = &limiter{scope: scope, messages: quota{unit: QuotaMessages}, bytes: quota{unit: QuotaBytes}}
		}
		one := ls.all[scope]
		if one.limits.PerDay != l.PerDay || one.limits.BytesPerDay != l.BytesPerDay {
			one.messages.spent, one.bytes.spent = time.Time{}, time.Time{}
		}
		one.limits = l
	}
}

// pass is what one message has taken of the limits.
type pass struct {
	limits   *limits
	limiters []*limiter
	runs     []uint64 // of the limiters, when it took its turn
	size     int64
	waits    bool // its sender waits: it has a place
	day      time.Time
}

// of lists the limiters that a principal's messages take from.
func (ls *limits) of(p *Principal) []*limiter {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.all) == 0 {
		return nil
	}
	var out []*limiter
	for _, scope := range []string{"role/" + p.Role, "partner/" + p.Partner} {
		if one := ls.all[scope]; one != nil {
			out = append(out, one)
		}
	}
	return out
}

// enter takes one message of size bytes off every limit of its sender, or off none.
// The error is fault.RateLimited with RetryAfter, or, when the store cannot tell how
// much of a quota is left, fault.Unavailable. A message whose sender does not wait
// is held up for a little when it comes too fast.
func (ls *limits) enter(ctx context.Context, p *Principal, size int, waits bool) (*pass, error) {
	limiters := ls.of(p)
	if len(limiters) == 0 {
		return nil, nil
	}
	x := &pass{limits: ls, limiters: limiters, size: int64(size), waits: waits}
	for {
		delay, missing, err := x.take()
		switch {
		case err != nil:
			return nil, err
		case missing != nil:
			if err := ls.draw(ctx, missing, x); err != nil {
				return nil, err
			}
			continue
		}
		if err := sleep(ctx, delay); err != nil {
			x.back()
			return nil, fault.New(fault.CodeDraining, "").Because(err)
		}
		return x, nil
	}
}

// shortage is a quota of which this process does not hold enough.
type shortage struct {
	limiter *limiter
	quota   *quota
	need    int64
	limit   int64
}

// take takes from all limiters, unless one of them has not enough. delay is how long
// the message is to wait for its turn.
func (x *pass) take() (delay time.Duration, missing *shortage, err error) {
	x.limits.mu.Lock()
	defer x.limits.mu.Unlock()
	now := x.limits.now()
	x.day = DayBegins(now)
	for _, l := range x.limiters {
		if x.waits && l.limits.Concurrent > 0 && l.underWay >= l.limits.Concurrent {
			return 0, nil, x.limits.refuse(l, limitConcurrent, time.Second, "%s has %s under way already, which is as many as it may", l.name(), plural.Of(l.underWay, "message", "messages"))
		}
		early := l.early(now)
		if early > 0 && (x.waits || early > maxHeldUp) {
			return 0, nil, x.limits.refuse(l, limitRate, early, "%s sends more than %s", l.name(), l.limits.rate())
		}
		delay = max(delay, early)
	}
	for _, l := range x.limiters {
		if s := l.shortage(x); s != nil {
			if s.quota.isSpent(now) {
				return 0, nil, x.limits.refuse(l, s.quota.unit, x.day.Add(24*time.Hour).Sub(now), "%s has used its quota of %d %s for the day, which ends at midnight UTC", l.name(), s.limit, s.quota.unit)
			}
			return 0, s, nil
		}
	}
	for _, l := range x.limiters {
		l.spend(now, x)
		x.runs = append(x.runs, l.run)
	}
	return delay, nil, nil
}

// name is the limiter in a sentence.
func (l *limiter) name() string {
	kind, name := cutScope(l.scope)
	return "the " + kind + " " + name
}

func cutScope(scope string) (kind, name string) {
	for i := range scope {
		if scope[i] == '/' {
			return scope[:i], scope[i+1:]
		}
	}
	return scope, ""
}

func (l Limits) rate() string {
	return fmt.Sprintf("%g messages a second, %g at once", l.Rate, l.burst())
}

// early is how long before its turn a message would be that comes now.
func (l *limiter) early(now time.Time) time.Duration {
	if l.limits.Rate <= 0 || !l.due.After(now) { // also before the first one, which is long ago
		return 0
	}
	gap := l.gap()
	tolerance := time.Duration((l.limits.burst() - 1) * float64(gap))
	return max(0, l.due.Sub(now)-tolerance)
}

// gap is the time between two messages that come evenly.
func (l *limiter) gap() time.Duration {
	return max(1, time.Duration(float64(time.Second)/l.limits.Rate))
}

// shortage is the first quota that cannot take the message from what this process
// holds, or nil.
func (l *limiter) shortage(x *pass) *shortage {
	for _, s := range []*shortage{{l, &l.messages, 1, l.limits.PerDay}, {l, &l.bytes, x.size, l.limits.BytesPerDay}} {
		if s.limit > 0 && !s.quota.holds(x.day, s.need) {
			return s
		}
	}
	return nil
}

func (l *limiter) spend(now time.Time, x *pass) {
	if l.limits.Rate > 0 {
		if l.due.Before(now) {
			l.due = now
			l.run++
		}
		l.due = l.due.Add(l.gap())
	}
	if l.limits.PerDay > 0 {
		l.messages.left--
	}
	if l.limits.BytesPerDay > 0 {
		l.bytes.left -= x.size
	}
	if x.waits {
		l.underWay++
	}
}

// refuse counts a refusal and makes its fault.
func (ls *limits) refuse(l *limiter, limit string, after time.Duration, format string, args ...any) error {
	ls.metrics.limited.WithLabelValues(l.scope, limit).Inc()
	code := fault.CodeTooFast
	if limit == QuotaMessages || limit == QuotaBytes {
		code = fault.CodeQuota
	}
	f := fault.New(code, format, args...)
	f.RetryAfter = after
	return f
}

// leave gives the message's place to another. It may be called on nil, and once.
func (x *pass) leave() {
	if x == nil || !x.waits {
		return
	}
	x.limits.mu.Lock()
	defer x.limits.mu.Unlock()
	for _, l := range x.limiters {
		l.underWay--
	}
}

// back gives back what the message took of the day's quotas: it was not taken on,
// and comes again. One that nobody waits for gives back its turn, too, which it would
// take a second time; whoever calls again and again is kept to his rate meanwhile. A
// turn that time has given back already is not given back twice.
func (x *pass) back() {
	if x == nil {
		return
	}
	x.limits.mu.Lock()
	defer x.limits.mu.Unlock()
	for i, l := range x.limiters {
		if !x.waits && l.limits.Rate > 0 && x.runs[i] == l.run {
			l.due = l.due.Add(-l.gap())
		}
		l.messages.restore(x.day, 1, l.limits.PerDay)
		l.bytes.restore(x.day, x.size, l.limits.BytesPerDay)
	}
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limit holds a message against the limits of its sender: after his rights, so that
// a stranger takes nothing off them, and before any work.
func (g *Gateway) limit(ctx context.Context, p *passage) error {
	a := p.arrival
	if a.release != nil || a.repeats != nil || a.attempt > 0 || a.part != nil {
		return nil // it was counted when it came
	}
	var err error
	p.pass, err = g.limits.enter(ctx, p.principal, len(a.Body), !a.Asynchronous())
	return err
}

// LimitState tells how much of the limits of one role or partner is used.
type LimitState struct {
	Scope       string  `json:"scope"` // role/<name> or partner/<name>
	Rate        float64 `json:"rate,omitempty"`
	Burst       int     `json:"burst,omitempty"`
	Concurrent  int     `json:"concurrent,omitempty"`
	PerDay      int64   `json:"per_day,omitempty"`
	BytesPerDay int64   `json:"bytes_per_day,omitempty"`
	// UnderWay is of this process; Messages and Bytes are what all processes have
	// drawn of the day's quotas, of which they may hold a little unused. Absent is what
	// nobody was asked.
	UnderWay *int   `json:"under_way,omitempty"`
	Messages *int64 `json:"messages_today,omitempty"`
	Bytes    *int64 `json:"bytes_today,omitempty"`
}

// Limits tells how much of each limit is used, by scope.
func (g *Gateway) Limits(ctx context.Context) ([]LimitState, error) {
	g.limits.mu.Lock()
	out := []LimitState{}
	for scope, l := range g.limits.all {
		out = append(out, stateOf(scope, l.limits))
		out[len(out)-1].UnderWay = new(l.underWay)
	}
	g.limits.mu.Unlock()
	slices.SortFunc(out, func(a, b LimitState) int { return cmp.Compare(a.Scope, b.Scope) })
	for i := range out {
		if err := out[i].ask(ctx, g.store, DayBegins(g.now())); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func stateOf(scope string, l Limits) LimitState {
	s := LimitState{Scope: scope, Rate: l.Rate, Concurrent: l.Concurrent, PerDay: l.PerDay, BytesPerDay: l.BytesPerDay}
	if l.Rate > 0 {
		s.Burst = int(l.burst())
	}
	return s
}

// String tells limits and use in a sentence's part.
func (s LimitState) String() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Rate > 0 {
		add("%s in each gateway", Limits{Rate: s.Rate, Burst: s.Burst}.rate())
	}
	if s.Concurrent > 0 {
		add("%d under way at once in each gateway", s.Concurrent)
	}
	if s.UnderWay != nil && s.Concurrent > 0 {
		add("%d under way in this one", *s.UnderWay)
	}
	for _, q := range []struct {
		unit  string
		limit int64
		drawn *int64
	}{{QuotaMessages, s.PerDay, s.Messages}, {QuotaBytes, s.BytesPerDay, s.Bytes}} {
		if q.limit > 0 {
			add("%d %s a day", q.limit, q.unit)
		}
		if q.limit > 0 && q.drawn != nil {
			add("%d drawn today", *q.drawn)
		}
	}
	return s.Scope + ": " + strings.Join(parts, "; ")
}

// ask fills in what is used of the day's quotas.
func (s *LimitState) ask(ctx context.Context, quotas Quotas, day time.Time) error {
	for _, q := range []struct {
		unit  string
		limit int64
		into  **int64
	}{{QuotaMessages, s.PerDay, &s.Messages}, {QuotaBytes, s.BytesPerDay, &s.Bytes}} {
		if q.limit == 0 {
			continue
		}
		_, drawn, err := quotas.Draw(ctx, Quota{s.Scope, q.unit, day}, 0, q.limit)
		if err != nil {
			return err
		}
		*q.into = &drawn
	}
	return nil
}
