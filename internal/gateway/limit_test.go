package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ledgerOfQuotas counts as a store does.
type ledgerOfQuotas struct {
	mu    sync.Mutex
	drawn map[Quota]int64
	asked int
	down  bool
}

func (l *ledgerOfQuotas) Draw(_ context.Context, q Quota, want, limit int64) (granted, drawn int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return 0, 0, fault.New(fault.CodeStoreUnavailable, "")
	}
	l.asked++
	granted = max(min(want, limit-l.drawn[q]), 0)
	if want < 0 {
		granted = max(want, -l.drawn[q])
	}
	l.drawn[q] += granted
	return granted, l.drawn[q], nil
}

func newQuotas() *ledgerOfQuotas { return &ledgerOfQuotas{drawn: map[Quota]int64{}} }

// limited are the limits of a role erp of partner acme, in one process.
func limited(quotas Quotas, role, partner Limits) (*limits, *Principal) {
	ls := newLimits(quotas, NewMetrics(prometheus.NewRegistry()), time.Now)
	ls.update(NewAccess([]Role{{Name: "erp", Partner: "acme", Limits: role}}, nil).WithPartners(map[string]Limits{"acme": partner}))
	return ls, &Principal{Identity: &Identity{Login: "alice"}, Role: "erp", Partner: "acme"}
}

// through counts how many of n messages get through at once.
func through(t *testing.T, ls *limits, p *Principal, n int) (passes []*pass, refused []*fault.Error) {
	t.Helper()
	for range n {
		x, err := ls.enter(t.Context(), p, 10, true)
		if err != nil {
			refused = append(refused, fault.Of(err))
			continue
		}
		passes = append(passes, x)
	}
	return passes, refused
}

func TestRateLetsABurstAndThenEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls, p := limited(newQuotas(), Limits{Rate: 10, Burst: 3}, Limits{})
		passes, refused := through(t, ls, p, 5)
		if len(passes) != 3 || len(refused) != 2 {
			t.Fatalf("%d of a burst of 3", len(passes))
		}
		if f := refused[0]; f.Code != fault.CodeTooFast || f.Kind() != fault.RateLimited || f.RetryAfter != 100*time.Millisecond {
			t.Errorf("refused with %v after %v", f, f.RetryAfter)
		}
		got := 0
		for range 1000 { // a second, in which many more are tried
			time.Sleep(time.Millisecond)
			if x, err := ls.enter(t.Context(), p, 10, true); err == nil {
				x.leave()
				got++
			}
		}
		if got != 10 {
			t.Errorf("%d in a second, want 10", got)
		}
		time.Sleep(time.Hour)
		if passes, _ := through(t, ls, p, 10); len(passes) != 3 {
			t.Errorf("after a pause %d come at once, want 3", len(passes))
		}
	})
}

// The clock of the limits is monotonic: time.Now's reading, which setting the wall
// clock does not move.
func TestRateIsExactWhenManySend(t *testing.T) {
	ls, p := limited(newQuotas(), Limits{Rate: .001, Burst: 50}, Limits{})
	var all sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for range 20 {
		all.Go(func() {
			for range 20 {
				if _, err := ls.enter(context.Background(), p, 1, true); err == nil {
					mu.Lock()
					got++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if got != 50 {
		t.Errorf("%d got through a burst of 50", got)
	}
}

func TestMessagesOfQueuesAreHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls, p := limited(newQuotas(), Limits{Rate: 2, Burst: 1}, Limits{})
		began := time.Now()
		for range 5 {
			if _, err := ls.enter(t.Context(), p, 10, false); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("5 at 2 a second took %v", took)
		}
		var all sync.WaitGroup
		var late atomic.Int32
		for range 20 { // more than fit into the time that one is held up
			all.Go(func() {
				if _, err := ls.enter(t.Context(), p, 10, false); err != nil && fault.KindOf(err) == fault.RateLimited {
					late.Add(1)
				}
			})
		}
		all.Wait()
		if late.Load() != 10 || time.Since(began) > 2*time.Second+maxHeldUp {
			t.Errorf("%d of 20 go back, after %v", late.Load(), time.Since(began))
		}
		ending, stop := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := ls.enter(ending, p, 10, false); err == nil || fault.KindOf(err) != fault.Unavailable {
				t.Errorf("when the process ends: %v", err)
			}
		})
		synctest.Wait()
		stop()
		all.Wait()
	})
}

// A message of a queue that waited for its turn and could not be stored has its turn
// when it comes again, whatever others took meanwhile; what time has given back is not
// given back twice, and whoever waits keeps none.
func TestTurnsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls, p := limited(newQuotas(), Limits{Rate: 2, Burst: 1}, Limits{Rate: 1000})
		began := time.Now()
		enter := func() *pass {
			t.Helper()
			x, err := ls.enter(t.Context(), p, 10, false)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		enter()
		for range 100 { // while the store is away
			enter().back()
		}
		enter()
		if took := time.Since(began); took != time.Second/2 {
			t.Errorf("the second message, after a hundred attempts, came after %v", took)
		}
		late := enter()
		time.Sleep(time.Minute)
		first := enter()
		late.back()
		began = time.Now()
		enter()
		if took := time.Since(began); took != time.Second/2 {
			t.Errorf("after a turn of long ago came back, two came within %v", took)
		}
		first.back()
		time.Sleep(time.Minute)
		x, err := ls.enter(t.Context(), p, 10, true)
		if err != nil {
			t.Fatal(err)
		}
		x.back()
		x.leave()
		if _, err := ls.enter(t.Context(), p, 10, true); err == nil || fault.KindOf(err) != fault.RateLimited {
			t.Errorf("whoever waits comes again at once: %v", err)
		}
	})
}

func TestConcurrent(t *testing.T) {
	ls, p := limited(newQuotas(), Limits{}, Limits{Concurrent: 2})
	passes, refused := through(t, ls, p, 3)
	if len(passes) != 2 || refused[0].Code != fault.CodeTooFast || refused[0].RetryAfter == 0 {
		t.Fatalf("%d under way, %v", len(passes), refused)
	}
	if _, err := ls.enter(t.Context(), p, 10, false); err != nil {
		t.Errorf("a message of a queue: %v", err)
	}
	passes[0].leave()
	if passes, _ := through(t, ls, p, 2); len(passes) != 1 {
		t.Errorf("%d for one place", len(passes))
	}
}

// Nothing is taken of one limit when another one refuses.
func TestAllLimitsOrNone(t *testing.T) {
	quotas := newQuotas()
	ls, p := limited(quotas, Limits{Rate: 1, Burst: 5, PerDay: 1000}, Limits{Concurrent: 1, PerDay: 4})
	x, err := ls.enter(t.Context(), p, 10, true)
	if err != nil {
		t.Fatal(err)
	}
	if passes, _ := through(t, ls, p, 50); len(passes) != 0 {
		t.Fatalf("%d without a place", len(passes))
	}
	x.leave()
	got := 0
	for range 10 {
		if x, err := ls.enter(t.Context(), p, 10, true); err == nil {
			x.leave()
			got++
		} else if f := fault.Of(err); f.Code != fault.CodeQuota {
			t.Errorf("refused with %v", f)
		}
	}
	if got != 3 {
		t.Errorf("%d more of a quota of 4", got)
	}
}

// Several processes on one store never let more through than the quota, and all of
// it when they end and begin again.
func TestQuotaIsShared(t *testing.T) {
	for _, day := range []int64{1, 7, 100, 5000} {
		quotas := newQuotas()
		var total int
		for round := range 3 {
			var processes []*limits
			var p *Principal
			for range 3 {
				var ls *limits
				ls, p = limited(quotas, Limits{PerDay: day}, Limits{})
				processes = append(processes, ls)
			}
			var all sync.WaitGroup
			var mu sync.Mutex
			for _, ls := range processes {
				for range 4 {
					all.Go(func() {
						for range int(day) / 20 * (1 + round*5) {
							if _, err := ls.enter(context.Background(), p, 1, true); err == nil {
								mu.Lock()
								total++
								mu.Unlock()
							}
						}
					})
				}
			}
			all.Wait()
			for _, ls := range processes {
				if err := ls.settle(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		ls, p := limited(quotas, Limits{PerDay: day}, Limits{})
		for range day {
			if _, err := ls.enter(t.Context(), p, 1, true); err == nil {
				total++
			}
		}
		if total != int(day) {
			t.Errorf("%d of a quota of %d got through", total, day)
		}
	}
}

func TestQuotaOfBytesAndTheNextDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quotas := newQuotas()
		ls, p := limited(quotas, Limits{BytesPerDay: 1000}, Limits{})
		enter := func(size int) error { _, err := ls.enter(t.Context(), p, size, true); return err }
		for _, size := range []int{400, 500} {
			if err := enter(size); err != nil {
				t.Fatal(err)
			}
		}
		err := enter(200)
		if f := fault.Of(err); err == nil || f.Code != fault.CodeQuota || f.Mender() != fault.Operator {
			t.Fatalf("past the quota: %v", err)
		}
		if left := fault.Of(err).RetryAfter; left != time.Until(DayBegins(time.Now()).Add(24*time.Hour)) {
			t.Errorf("come again after %v", left)
		}
		asked := quotas.asked
		for range 100 {
			if enter(200) == nil {
				t.Fatal("got through")
			}
		}
		if quotas.asked != asked {
			t.Errorf("100 refusals asked the store %d times", quotas.asked-asked)
		}
		if err := enter(100); err != nil {
			t.Errorf("what still fits: %v", err)
		}
		time.Sleep(fault.Of(err).RetryAfter)
		if err := enter(900); err != nil {
			t.Errorf("the next day: %v", err)
		}
	})
}

// What was not taken on, because a server is away, is not counted; an outage of the
// store is one.
func TestQuotaGivesBack(t *testing.T) {
	quotas := newQuotas()
	ls, p := limited(quotas, Limits{PerDay: 1}, Limits{})
	x, err := ls.enter(t.Context(), p, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	x.back()
	if _, err := ls.enter(t.Context(), p, 1, true); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := ls.enter(t.Context(), p, 1, true); err == nil || fault.KindOf(err) != fault.RateLimited {
		t.Errorf("a second one: %v", err)
	}
	other, p := limited(quotas, Limits{PerDay: 5}, Limits{})
	quotas.down = true
	if _, err := other.enter(t.Context(), p, 1, true); err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without the store: %v", err)
	}
}

// A reload changes what is allowed and forgets nothing of what was used.
func TestReloadKeepsWhatWasUsed(t *testing.T) {
	quotas := newQuotas()
	ls, p := limited(quotas, Limits{PerDay: 2, Concurrent: 1}, Limits{})
	if passes, _ := through(t, ls, p, 3); len(passes) != 1 {
		t.Fatalf("%d got through", len(passes))
	}
	change := func(l Limits) { ls.update(NewAccess([]Role{{Name: "erp", Limits: l}}, nil)) }
	change(Limits{PerDay: 2})
	if passes, _ := through(t, ls, p, 3); len(passes) != 1 {
		t.Errorf("%d after one of two was used", len(passes))
	}
	change(Limits{PerDay: 4})
	if passes, _ := through(t, ls, p, 9); len(passes) != 2 {
		t.Errorf("%d after two of four were used", len(passes))
	}
	change(Limits{})
	if passes, _ := through(t, ls, p, 9); len(passes) != 9 || len(ls.all) != 0 {
		t.Errorf("%d without limits, and %d limiters", len(passes), len(ls.all))
	}
}

// A channel that demands it publishes only what its sender may cause.
func TestChannelDemandsCause(t *testing.T) {
	access := NewAccess([]Role{{Name: "erp", Members: []Member{{User: "alice"}}}}, []Grant{{Role: "erp", May: []Verb{Cause}, On: "channel/open"}})
	generation, err := NewGeneration(Parts{Access: access, Channels: []Channel{{Name: "open", DemandsCause: true}, {Name: "shut", DemandsCause: true}, {Name: "free"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	alice := &Identity{Login: "alice"}
	for _, channel := range []string{"open", "shut", "free"} {
		if _, err := (&passage{generation: generation, identity: alice}).permitting(publishing(channel))(nil); err == nil {
			allowed = append(allowed, channel)
		} else if fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", channel, err)
		}
	}
	if !slices.Equal(allowed, []string{"open", "free"}) {
		t.Errorf("published to %v", allowed)
	}
	broken := func([]mapping.Value) (*mapping.Rendered, error) { return nil, errors.New("no reply") }
	if _, err := (&passage{generation: generation, identity: alice}).permitting(broken)(nil); err == nil {
		t.Error("another error is swallowed")
	}
	for _, channel := range []string{"shut", "free"} {
		if _, err := (&passage{identity: alice}).permitting(publishing(channel))(nil); fault.KindOf(err) != fault.Internal {
			t.Errorf("%s, of no generation: %v", channel, err)
		}
	}
}

func publishing(channel string) func([]mapping.Value) (*mapping.Rendered, error) {
	return func([]mapping.Value) (*mapping.Rendered, error) {
		return &mapping.Rendered{Publications: []mapping.Publication{{Channel: channel}}}, nil
	}
}
