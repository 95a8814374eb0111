package live

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// versioned is a database that numbers writes: each row has the number of its last one,
// numbers are drawn before transactions end, and what is not ended is not seen. Entries
// go into the log of a world.
type versioned struct {
	*world
	last    int64
	rows    map[int]int64 // committed
	open    []*foreign
	own     map[gateway.Seen]bool
	places  map[string]int64
	holder  string
	until   time.Time
	fence   int64
	now     time.Time
	looks   int
	during  func()           // a look, after its number was read
	foreign map[string]int   // how often a row was noted
	noted   map[string]int64 // as which number, the last time
}

// foreign is a transaction that has not ended.
type foreign struct {
	rows  map[int]int64
	first int64
}

var watchedOrders = gateway.Watched{Table: func() mapping.LiveTable {
	t := TableOf(orders)
	t.Version = "changed"
	return t
}(), Index: "ix_changed"}

func newVersioned() *versioned {
	return &versioned{world: newWorld(1), rows: map[int]int64{}, own: map[gateway.Seen]bool{}, places: map[string]int64{}, foreign: map[string]int{}, noted: map[string]int64{}, now: time.Now()}
}

func (v *versioned) begin() *foreign {
	f := &foreign{rows: map[int]int64{}}
	v.open = append(v.open, f)
	return f
}

func (v *versioned) write(f *foreign, no int) {
	for _, o := range v.open {
		if o != f && o.rows[no] > 0 {
			return // it is locked
		}
	}
	v.last++
	if f.first == 0 {
		f.first = v.last
	}
	f.rows[no] = v.last
}

// end commits, or rolls back.
func (v *versioned) end(f *foreign, commit bool) {
	v.open = slices.DeleteFunc(v.open, func(o *foreign) bool { return o == f })
	if commit {
		maps.Copy(v.rows, f.rows)
	}
}

// store is a transaction of the gateway's own, which notes what it has written.
func (v *versioned) store(no int) {
	f := v.begin()
	v.write(f, no)
	v.own[gateway.Seen{Key: fmt.Sprint(no), Version: f.rows[no]}] = true
	v.commit(1, no, "OWN")
	v.end(f, true)
}

func (v *versioned) Look(_ context.Context, _ gateway.Watched, after int64, limit int) (gateway.Look, error) {
	v.looks++
	out := gateway.Look{Below: v.last + 1, Last: v.last}
	for _, f := range v.open {
		if f.first > 0 {
			out.Below = min(out.Below, f.first)
		}
	}
	if v.during != nil {
		v.during()
	}
	for no, version := range v.rows {
		if version > after && version < out.Below {
			out.Rows = append(out.Rows, gateway.Seen{Key: fmt.Sprint(no), Version: version})
		}
	}
	slices.SortFunc(out.Rows, func(a, b gateway.Seen) int { return int(a.Version - b.Version) })
	if out.UpTo, out.More = out.Below-1, len(out.Rows) >= limit; out.More {
		out.Rows = out.Rows[:limit]
		out.UpTo = out.Rows[limit-1].Version
	}
	return out, v.fail
}

func (v *versioned) Sighted(_ context.Context, subject string) (int64, bool, error) {
	at, known := v.places[subject]
	return at, known, v.fail
}

func (v *versioned) NoteSeen(_ context.Context, s gateway.Sighting) (bool, int, error) {
	if at, known := v.places[s.Subject]; known == s.First || at != s.From {
		return false, 0, v.fail
	}
	v.places[s.Subject] = s.To
	e := gateway.ChangeEntry{Chain: gateway.OthersChain, Seq: int64(len(v.entries[gateway.OthersChain]) + 1), At: v.now}
	for _, r := range s.Rows {
		if !v.own[r] {
			e.Changes = append(e.Changes, gateway.WrittenRow{Subject: s.Subject, Key: r.Key})
			v.foreign[r.Key]++
			v.noted[r.Key] = r.Version
		}
	}
	if s.Lost {
		e.Noting = gateway.NewNoting(nil)
	}
	if len(e.Changes) > 0 || s.Lost {
		v.mu.Lock()
		v.entries[gateway.OthersChain] = append(v.entries[gateway.OthersChain], e)
		v.mu.Unlock()
	}
	return true, len(e.Changes), v.fail
}

func (v *versioned) Acquire(_ context.Context, channel string, _ int, owner string, ttl time.Duration) (gateway.Lease, bool, error) {
	if v.holder != "" && v.holder != owner && v.now.Before(v.until) {
		return gateway.Lease{}, false, v.fail
	}
	if v.holder != owner {
		v.fence++
	}
	v.holder, v.until = owner, v.now.Add(ttl)
	return gateway.Lease{Channel: channel, Owner: owner, Fence: v.fence}, true, v.fail
}

func (v *versioned) looker(t *testing.T, owner string, log *strings.Builder) *Others {
	tables := func(context.Context) ([]gateway.Watched, []string, error) {
		return []gateway.Watched{watchedOrders, watchedOrders}, []string{watchedOrders.Table.Subject()}, nil
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	if log != nil {
		logger = slog.New(slog.NewTextHandler(log, nil))
	}
	return NewOthers(v, tables, 0, owner, func() {}, func() time.Time { return v.now }, logger)
}

func round(t *testing.T, o *Others) {
	t.Helper()
	if err := o.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestOthers: what others write is noted once, from the first look on; what the gateway
// has written itself is not noted again, unless somebody has written it since.
func TestOthers(t *testing.T) {
	v := newVersioned()
	before := v.begin()
	v.write(before, 1)
	v.end(before, true)
	o := v.looker(t, "a", nil)
	round(t, o)
	heard := func(want map[string]int) {
		t.Helper()
		round(t, o)
		if !maps.Equal(v.foreign, want) {
			t.Errorf("noted %v, want %v", v.foreign, want)
		}
	}
	heard(map[string]int{})
	f := v.begin()
	v.write(f, 2)
	heard(map[string]int{})
	v.end(f, true)
	heard(map[string]int{"2": 1})
	v.store(3)
	heard(map[string]int{"2": 1})
	v.store(4)
	g := v.begin()
	v.write(g, 4)
	v.end(g, true)
	heard(map[string]int{"2": 1, "4": 1})
	looks := v.looks
	for range 10 {
		round(t, o)
	}
	if v.looks != looks+10 || len(v.entries[gateway.OthersChain]) != 2 {
		t.Errorf("ten rounds over nothing new took %d looks, and there are %d entries", v.looks-looks, len(v.entries[gateway.OthersChain]))
	}
}

// TestOthersMissNothing: however transactions begin, write and end around the looks of
// two processes that take the lease from each other, each row that was committed last
// by somebody else is noted after that.
func TestOthersMissNothing(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 7))
		v := newVersioned()
		both := []*Others{v.looker(t, "a", nil), v.looker(t, "b", nil)}
		round(t, both[0])
		var open []*foreign
		step := func() {
			switch n := random.IntN(10); {
			case n < 3:
				open = append(open, v.begin())
			case n < 7 && len(open) > 0:
				v.write(open[random.IntN(len(open))], random.IntN(8)) // unless somebody else is at it
			case n < 9 && len(open) > 0:
				i := random.IntN(len(open))
				v.end(open[i], random.IntN(4) > 0)
				open = slices.Delete(open, i, i+1)
			default:
				v.store(8 + random.IntN(2))
			}
		}
		v.during = step // between the number and the rows
		for range 60 {
			step()
			if random.IntN(3) == 0 {
				round(t, both[random.IntN(2)])
			}
			if random.IntN(10) == 0 {
				v.now = v.now.Add(20 * time.Second) // a lease runs out
			}
		}
		v.during = nil
		for _, f := range slices.Clone(open) {
			v.end(f, true)
		}
		v.now = v.now.Add(20 * time.Second)
		round(t, both[0])
		for no, version := range v.rows {
			switch noted := v.noted[fmt.Sprint(no)]; {
			case no < 8 && noted != version:
				t.Fatalf("seed %d: row %d was written as %d, and noted as %d", seed, no, version, noted)
			case no >= 8 && noted != 0:
				t.Fatalf("seed %d: the gateway's own row %d comes again", seed, no)
			}
		}
	}
}

// TestOthersManyRows: a job that writes many rows is noted in portions, each row once.
func TestOthersManyRows(t *testing.T) {
	v := newVersioned()
	o := v.looker(t, "a", nil)
	round(t, o)
	f := v.begin()
	for no := range 2*seenAtOnce + 500 {
		v.write(f, no)
	}
	v.end(f, true)
	round(t, o)
	if n := len(v.entries[gateway.OthersChain]); n != 3 || len(v.foreign) != 2*seenAtOnce+500 {
		t.Errorf("%d entries, with %d rows", n, len(v.foreign))
	}
	for key, n := range v.foreign {
		if n != 1 {
			t.Fatalf("row %s is noted %d times", key, n)
		}
	}
}

// TestOthersHeldUp: a transaction that does not end keeps later ones back, and somebody
// is told, once.
func TestOthersHeldUp(t *testing.T) {
	v := newVersioned()
	var log strings.Builder
	o := v.looker(t, "a", &log)
	round(t, o)
	slow := v.begin()
	v.write(slow, 1)
	quick := v.begin()
	v.write(quick, 2)
	v.end(quick, true)
	for range 200 {
		v.now = v.now.Add(time.Second)
		round(t, o)
	}
	if n := strings.Count(log.String(), "does not end"); n != 1 || len(v.foreign) != 0 {
		t.Errorf("told %d times; noted %v\n%s", n, v.foreign, log.String())
	}
	v.end(slow, true)
	round(t, o)
	if !maps.Equal(v.foreign, map[string]int{"1": 1, "2": 1}) || !strings.Contains(log.String(), "told again") {
		t.Errorf("noted %v\n%s", v.foreign, log.String())
	}
}

// TestOthersSetBack: where the numbers are smaller than what was noted, the log says
// that there is a gap, and goes on from there.
func TestOthersSetBack(t *testing.T) {
	v := newVersioned()
	v.last = 1000
	o := v.looker(t, "a", nil)
	round(t, o)
	v.last = 10
	round(t, o)
	entries := v.entries[gateway.OthersChain]
	if len(entries) != 1 || !entries[0].Noting.Lacks(watchedOrders.Table.Subject()) {
		t.Fatalf("entries %+v", entries)
	}
	f := v.begin()
	v.write(f, 5)
	v.end(f, true)
	round(t, o)
	if !maps.Equal(v.foreign, map[string]int{"5": 1}) {
		t.Errorf("noted %v", v.foreign)
	}
}

// TestOthersFail: what fails is tried again from the place that the database has.
func TestOthersFail(t *testing.T) {
	v := newVersioned()
	o := v.looker(t, "a", nil)
	round(t, o)
	f := v.begin()
	v.write(f, 1)
	v.end(f, true)
	v.fail = fmt.Errorf("away")
	if err := o.Round(t.Context()); err == nil {
		t.Error("nothing is told of a failure")
	}
	v.fail = nil
	round(t, o)
	if !maps.Equal(v.foreign, map[string]int{"1": 1}) {
		t.Errorf("noted %v", v.foreign)
	}
}
