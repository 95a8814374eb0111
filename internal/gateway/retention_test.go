package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// attic is an archive that notes what is asked of it.
type attic struct {
	Store
	now    *time.Time
	owner  string
	until  time.Time
	asked  []Portion
	answer func(Portion) (Purged, error)
	routes []string
	leases []time.Duration
}

func (*attic) Lanes() int  { return 1 }
func (*attic) Shards() int { return 1 }

func (a *attic) Acquire(_ context.Context, name string, shard int, owner string, ttl time.Duration) (Lease, bool, error) {
	if name != purgeLease || shard != 0 {
		return Lease{}, false, fmt.Errorf("the lease of %s/%d", name, shard)
	}
	a.leases = append(a.leases, ttl)
	if a.owner != owner && a.until.After(*a.now) {
		return Lease{}, false, nil
	}
	a.owner, a.until = owner, a.now.Add(ttl)
	return Lease{Owner: owner}, true, nil
}

func (a *attic) LedgerRoutes(context.Context) ([]string, error) { return a.routes, nil }

func (a *attic) Purge(ctx context.Context, p Portion) (Purged, error) {
	if err := ctx.Err(); err != nil {
		return Purged{}, err
	}
	a.asked = append(a.asked, p)
	if a.answer == nil {
		return Purged{Next: p.After}, nil
	}
	return a.answer(p)
}

// names of the portions asked for: stock, route or spared routes, age.
func (a *attic) told() (out []string) {
	for _, p := range a.asked {
		text := fmt.Sprintf("%s%s %s", p.Of, strings.TrimSuffix(":"+p.Route, ":"), a.now.Sub(p.Before))
		if p.Spare != nil {
			for _, route := range []string{"long", "short", "gone"} {
				if !p.Spare(route) {
					text += " " + route
				}
			}
		}
		out = append(out, text)
	}
	a.asked = nil
	return out
}

type purgeBench struct {
	*purger
	attic *attic
	now   time.Time
	rests []time.Duration
}

func newPurgeBench(t *testing.T, r Retention, routes ...*Route) *purgeBench {
	t.Helper()
	b := &purgeBench{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	b.attic = &attic{now: &b.now, routes: []string{"gone", "long", "short"}}
	generation, err := NewGeneration(Parts{Access: NewAccess(nil, nil), Retention: r}, routes)
	if err != nil {
		t.Fatal(err)
	}
	g := New(Config{}, b.attic, generation, func() time.Time { return b.now }, slog.New(slog.NewTextHandler(t.Output(), nil)))
	b.purger = newPurger(g, "me")
	b.purger.rest = func(_ context.Context, d time.Duration) { b.rests = append(b.rests, d) }
	return b
}

func (b *purgeBench) mustRound(t *testing.T) {
	t.Helper()
	if err := b.round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRetentionByRoute: each stock goes at its own age, to the millisecond, a
// route's own time holds for that route alone, and forever is never asked for.
func TestRetentionByRoute(t *testing.T) {
	b := newPurgeBench(t, Retention{Inbox: 10 * time.Hour, Suspects: Forever, Changes: Forever},
		&Route{Name: "long", Endpoints: []string{"a"}, Retention: RouteRetention{Ledger: Forever, Payloads: Forever}},
		&Route{Name: "short", Endpoints: []string{"b"}, Retention: RouteRetention{Inbox: time.Hour, Payloads: time.Hour, Ledger: 2 * time.Hour}})
	b.mustRound(t)
	want := []string{
		"inbox 1h0m0s short", "inbox 10h0m0s long gone",
		"payloads 1h0m0s short", "payloads 2160h0m0s gone",
		"ledger:gone 8760h0m0s", "ledger:short 2h0m0s",
		"replayed 2160h0m0s", "discarded 2160h0m0s", "refusals 720h0m0s", "jobs 2160h0m0s", "relayed 8760h0m0s",
	}
	if got := b.attic.told(); !slices.Equal(got, want) {
		t.Errorf("asked for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	b = newPurgeBench(t, Retention{Inbox: Forever, Payloads: Forever, Ledger: Forever, Refusals: Forever, Closed: Forever, Suspects: Forever, Changes: Forever})
	b.mustRound(t)
	if got := b.attic.told(); got != nil {
		t.Errorf("asked for %q, though all is kept forever", got)
	}
}

// idAt is an id of the nth message.
func idAt(n int) (id ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(n))
	return id
}

// TestPurgeGoesOn: portions go on where the one before ended; the stocks that may
// have to keep something are not looked through from the start each round, but
// are once a day.
func TestPurgeGoesOn(t *testing.T) {
	b := newPurgeBench(t, Retention{Ledger: Forever, Closed: Forever, Refusals: Forever, Suspects: Forever, Changes: Forever, Payloads: Forever})
	b.attic.answer = func(p Portion) (Purged, error) {
		next := idAt(int(binary.BigEndian.Uint64(p.After[:8])) + 1)
		return Purged{Rows: map[string]int64{"inbox": 3, "reply": 0}, Next: next, More: next != idAt(3) && next != idAt(5)}, nil
	}
	begins := func(want ...ID) {
		t.Helper()
		b.mustRound(t)
		var got []ID
		for _, p := range b.attic.asked {
			got = append(got, p.After)
		}
		b.attic.asked = nil
		if !slices.Equal(got, want) {
			t.Errorf("portions begin behind %v, want %v", got, want)
		}
	}
	begins(idAt(0), idAt(1), idAt(2))
	b.now = b.now.Add(time.Hour)
	begins(idAt(3), idAt(4))
	b.now = b.now.Add(23 * time.Hour)
	begins(idAt(0), idAt(1), idAt(2))
	if n := testutil.ToFloat64(b.gateway.config.Metrics.purged.WithLabelValues("inbox")); n != 24 {
		t.Errorf("%v rows are counted, want 24", n)
	}
	if at := testutil.ToFloat64(b.gateway.config.Metrics.purgedAt); at != float64(b.now.Unix()) {
		t.Errorf("the last run was at %v", at)
	}
}

// TestPurgeIsPaced: portions shrink when they keep others waiting and grow when
// they do not, within bounds; after each there is a rest, a longer one while
// messages wait.
func TestPurgeIsPaced(t *testing.T) {
	held := []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second, 0, 0, 0, 0, 0, 0, 0, 0, portionTime, 0}
	b := newPurgeBench(t, Retention{Ledger: Forever, Closed: Forever, Refusals: Forever, Suspects: Forever, Changes: Forever, Payloads: Forever})
	var limits []int
	b.attic.answer = func(p Portion) (Purged, error) {
		limits = append(limits, p.Limit)
		n := len(limits)
		return Purged{Held: held[n-1], More: n < len(held)}, nil
	}
	b.mustRound(t)
	if want := []int{200, 100, 50, 25, 20, 20, 40, 80, 160, 320, 640, 1280, 2000, 2000, 2000}; !slices.Equal(limits, want) {
		t.Errorf("portions of %v, want %v", limits, want)
	}
	if len(b.rests) != len(held)-1 {
		t.Errorf("%d rests after %d portions", len(b.rests), len(held))
	}
	b.rests = nil
	b.pace(t.Context(), 10*time.Millisecond)
	if err := b.gateway.lanes.each[0].push(&job{entry: &Entry{Message: &Message{}}}); err != nil {
		t.Fatal(err)
	}
	b.pace(t.Context(), 10*time.Millisecond)
	b.pace(t.Context(), time.Hour)
	if want := []time.Duration{40 * time.Millisecond, 200 * time.Millisecond, longestRest}; !slices.Equal(b.rests, want) {
		t.Errorf("rests of %v, want %v", b.rests, want)
	}
}

// TestOnePurges: who has the lease purges, and goes on for as long as he renews
// it; another one takes over after two rounds without a word.
func TestOnePurges(t *testing.T) {
	b := newPurgeBench(t, Retention{})
	other := newPurger(b.gateway, "other")
	other.rest = b.purger.rest
	b.mustRound(t)
	b.attic.asked = nil
	for range 5 {
		b.now = b.now.Add(time.Hour)
		if err := other.round(t.Context()); err != nil || b.attic.asked != nil {
			t.Fatalf("two purge: %v", err)
		}
		b.mustRound(t)
		if b.attic.told() == nil {
			t.Fatal("nobody purges")
		}
	}
	b.now = b.now.Add(2*time.Hour + time.Millisecond)
	if err := other.round(t.Context()); err != nil || b.attic.told() == nil {
		t.Fatalf("nobody takes over: %v", err)
	}
	b.mustRound(t)
	if b.attic.told() != nil {
		t.Error("two purge")
	}
	other.release(t.Context())
	if n := len(b.attic.leases); b.attic.leases[n-1] != 0 {
		t.Error("the lease is not given back")
	}
	b.mustRound(t)
	if b.attic.told() == nil {
		t.Error("the lease was given back, and nobody purges")
	}
}

// TestPurgeStops: a portion that was begun is brought to its end; the round ends
// with it, and the lease is given back. A store that is away is tried again soon.
func TestPurgeStops(t *testing.T) {
	b := newPurgeBench(t, Retention{})
	ctx, cancel := context.WithCancel(t.Context())
	b.attic.answer = func(Portion) (Purged, error) {
		cancel()
		return Purged{More: true}, nil
	}
	b.run(ctx)
	if len(b.attic.asked) != 1 {
		t.Errorf("%d portions, want the one that was begun", len(b.attic.asked))
	}
	if n := len(b.attic.leases); n != 2 || b.attic.leases[1] != 0 {
		t.Errorf("leases of %v", b.attic.leases)
	}

	b = newPurgeBench(t, Retention{})
	ctx, cancel = context.WithCancel(t.Context())
	b.attic.answer = func(Portion) (Purged, error) { return Purged{}, fault.New(fault.CodeStoreUnavailable, "") }
	b.purger.rest = func(_ context.Context, d time.Duration) {
		b.rests = append(b.rests, d)
		cancel()
	}
	b.run(ctx)
	if !slices.Equal(b.rests, []time.Duration{purgeAgain}) || testutil.ToFloat64(b.gateway.config.Metrics.purgedAt) != 0 {
		t.Errorf("rests of %v", b.rests)
	}
}

func TestKeepText(t *testing.T) {
	for d, want := range map[time.Duration]string{90 * day: "90 days", day: "1 day", 36 * time.Hour: "36h0m0s", Forever: "forever"} {
		if got := KeepText(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	r := &Record{PayloadGone: PayloadErased}
	Retention{}.Tell(r, RouteRetention{})
	if r.PayloadGone != PayloadErased || fault.Of(r.Whole()).Code != fault.CodePayloadGone || (&Record{}).Whole() != nil {
		t.Errorf("%+v", r)
	}
}
