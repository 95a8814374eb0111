package amqp

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// State is how a consumer or a publisher stands.
type State struct {
	Up     bool      // the queue is subscribed to, or the channel works
	Since  time.Time // zero when it has been so from the start
	Reason string    // why it is not; safe to show
}

// standing is a consumer's state. It logs once when the subscription is made,
// and once for each reason why it is not.
type standing struct {
	log   *slog.Logger
	clock Clock
	up    prometheus.Gauge

	mu    sync.Mutex
	state State
}

func (s *standing) current() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// set reports whether the state is another one, and for how long the last was.
func (s *standing) set(up bool, reason string) (changed bool, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Up == up && s.state.Reason == reason {
		return false, 0
	}
	now := s.clock.Now()
	after = now.Sub(s.state.Since)
	if s.state.Up != up {
		s.state.Since = now
	}
	s.state.Up, s.state.Reason = up, reason
	return true, after
}

func (s *standing) rise(ctx context.Context) {
	s.up.Set(1)
	if changed, after := s.set(true, ""); changed {
		s.log.InfoContext(ctx, "queue consumed", "after", after.Round(time.Millisecond))
	}
}

func (s *standing) fall(ctx context.Context, f *fault.Error) {
	s.up.Set(0)
	if changed, _ := s.set(false, f.Message); changed {
		s.log.WarnContext(ctx, "queue not consumed", "code", string(f.Code), "reason", describe(f), "error", f.Cause)
	}
}

// describe is the public sentence with its details.
func describe(f *fault.Error) string {
	text := f.Message
	for _, d := range f.Details {
		text += "; " + d.String()
	}
	return text
}

func (s *standing) stop(ctx context.Context) {
	s.up.Set(0)
	s.set(false, "stopped")
	s.log.InfoContext(ctx, "queue released")
}

// trouble is an outage of database or directory as one consumer meets it, from
// the first message that could not be committed to the next that could.
type trouble struct {
	log   *slog.Logger
	clock Clock

	since     time.Time // zero: there is none
	streak    int       // attempts that failed
	gaveBack  bool      // the messages in hand; that is done once, since each time counts against them
	suspected int       // messages taken alone since they were last in parallel
	innocents int       // messages since the last of those
}

func (t *trouble) met(ctx context.Context, cause error) {
	t.streak++
	if t.since.IsZero() {
		t.since = t.clock.Now()
		f := fault.Of(cause)
		t.log.WarnContext(ctx, "messages kept in hand: they cannot be stored", "code", string(f.Code), "reason", f.Message, "error", f.Cause)
	}
}

func (t *trouble) over(ctx context.Context) {
	if t.since.IsZero() {
		return
	}
	t.log.InfoContext(ctx, "messages are stored again", "after", t.clock.Now().Sub(t.since).Round(time.Millisecond), "attempts", t.streak)
	t.since, t.streak, t.gaveBack = time.Time{}, 0, false
}

// suspect counts a message that is taken alone.
func (t *trouble) suspect(ctx context.Context) {
	t.innocents = 0
	if t.suspected++; t.suspected == 1 {
		t.log.WarnContext(ctx, "redelivered messages are taken one by one: a process may have ended over one of them")
	}
}

// innocent counts a message that need not be taken alone. After a window of them
// in a row the suspicion is over.
func (t *trouble) innocent(ctx context.Context, window int) {
	if t.innocents++; t.suspected > 0 && t.innocents >= window {
		t.log.InfoContext(ctx, "messages are taken in parallel again", "taken_alone", t.suspected)
		t.suspected = 0
	}
}

// pause doubles with every failed attempt and takes a random half of it.
func pause(streak int) time.Duration {
	d := maxPause
	if streak < 10 {
		d = min(maxPause, minPause<<streak)
	}
	return d/2 + rand.N(d/2+1)
}
