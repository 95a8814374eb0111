package sqlserver_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore/sqltest"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

var (
	cuts     = flag.Int("cuts", 30, "how often the link is cut at a commit")
	cutsTime = flag.Duration("cutstime", time.Minute, "after which a slow server has been cut often enough, for each shape")
)

// fewestCuts are enough to try every fate twice.
const fewestCuts = 6

// rig is a migrated store behind a proxy, and a look past both.
type rig struct {
	proxy  *proxy
	store  *sqlserver.Store
	probe  *sqltest.Probe
	direct string // the DSN without the proxy
}

func newRig(t *testing.T, change func(*sqlserver.Config)) *rig {
	t.Helper()
	direct := createDatabase(t)
	if _, err := openStore(t, direct).Up(t.Context(), business(t)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", direct)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := newProxy(t, direct)
	c := sqlserver.Config{DSN: config.NewSecret(p.dsn), Lanes: 2, RequestTimeout: patience}
	if change != nil {
		change(&c)
	}
	s, err := sqlserver.Open(t.Context(), c, time.Now, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &rig{p, s, &sqltest.Probe{DB: db, Quote: "$1"}, direct}
}

func (r *rig) writer(t *testing.T, m *mapping.Mapping) gateway.Writer {
	t.Helper()
	w, err := r.store.Writer(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// count checks the number of rows in tables.
func (r *rig) count(t *testing.T, want int, tables ...string) {
	t.Helper()
	for _, table := range tables {
		if n := r.probe.Query(t, "SELECT COUNT(*) FROM {"+table+"}")[0][0]; n != fmt.Sprint(want) {
			t.Errorf("%s has %s rows, want %d", table, n, want)
		}
	}
}

// customers is the order mapping without its orders, and message one for it: a
// server's first look at a short text takes less. When nothing is named both
// statements go as one text.
func customers(named bool) *mapping.Mapping {
	m := gatewaytest.OrderMapping()
	m.Tables, m.Returns = m.Tables[:1], nil
	if named {
		m.Returns = []mapping.Return{{Table: 0, Column: "id"}}
	}
	return m
}

func customer(number string) *gateway.Entry {
	e := gatewaytest.OrderEntry(number, 1)
	e.Changes.Rows = e.Changes.Rows[:1]
	return e
}

// TestCommitInDoubt: the link is cut at the commit, after the server took it or
// before, and every message is stored once and answered. A cut leaves no
// goroutine behind.
func TestCommitInDoubt(t *testing.T) {
	r := newRig(t, nil)
	total := r.warmUp(t)
	before := runtime.NumGoroutine()
	for name, named := range map[string]bool{"two statements": true, "one text": false} {
		t.Run(name, func(t *testing.T) {
			w := r.writer(t, customers(named))
			start := time.Now()
			for i := range (*cuts + 1) / 2 {
				if i >= fewestCuts && time.Since(start) > *cutsTime {
					t.Logf("%d cuts in %s", i, time.Since(start))
					break
				}
				total += r.commitCut(t, w, fmt.Sprintf("%s %d", name[:3], i), !named, []fate{unheard, unheard, unsent}[i%3])
			}
		})
	}
	settled(t, before)
	r.count(t, total, "gateway.message", "gateway.inbox", "gateway.reply", "gateway.outbox", "gateway.delivery", "crm.customer")
}

// warmUp has both lanes connected, and returns how many messages that took.
func (r *rig) warmUp(t *testing.T) int {
	w := r.writer(t, customers(true))
	for lane := range 2 {
		if _, err := w.Commit(t.Context(), lane, []*gateway.Entry{customer(fmt.Sprint("warm-", lane))}); err != nil {
			t.Fatal(err)
		}
	}
	return 2
}

// commitCut commits a batch whose commit is cut once, and returns its size.
func (r *rig) commitCut(t *testing.T, w gateway.Writer, name string, text bool, how fate) int {
	t.Helper()
	entries := []*gateway.Entry{customer(name + "a"), customer(name + "b"), customer(name + "c")}
	var done atomic.Bool
	r.proxy.breakAt(func(m message) fate {
		if m.commits(text) && done.CompareAndSwap(false, true) {
			return how
		}
		return passes
	})
	out, err := w.Commit(t.Context(), 0, entries)
	r.proxy.breakAt(nil)
	if err != nil || !done.Load() {
		t.Fatalf("%s: cut %v, %v", name, done.Load(), err)
	}
	want := gateway.Duplicate // the inbox has what was applied and not heard
	if how == unsent {
		want = gateway.Stored
	}
	for i, o := range out {
		if o.Status != want || len(o.Reply) == 0 {
			t.Errorf("%s: message %d is %s, want %s, reply %q: %v", name, i, o.Status, want, o.Reply, o.Err)
		}
	}
	return len(entries)
}

// TestDeadLink: a link that dies without a word after the commit costs no more
// than request_timeout, and the repeat finds the message stored.
func TestDeadLink(t *testing.T) {
	const limit = 20 * time.Second // long enough for a server's first look at the texts
	r := newRig(t, func(c *sqlserver.Config) { c.RequestTimeout = limit })
	w := r.writer(t, customers(true))
	entry := customer("PO-1")
	r.proxy.breakAt(func(m message) fate {
		if m.commits(false) {
			return frozen
		}
		return passes
	})
	start := time.Now()
	_, err := w.Commit(t.Context(), 0, []*gateway.Entry{entry})
	if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took > 3*limit {
		t.Errorf("after %s: %v", took, err)
	}
	r.proxy.breakAt(nil)
	out, err := w.Commit(t.Context(), 0, []*gateway.Entry{entry})
	if err != nil || out[0].Status != gateway.Duplicate {
		t.Errorf("the repeat: %v, %v", out, err)
	}
	r.count(t, 1, "gateway.message", "crm.customer")
}

// TestServerRestarts: nobody notices that the connections which idled through a
// restart are gone, whatever is done next.
func TestServerRestarts(t *testing.T) {
	r := newRig(t, nil)
	w := r.writer(t, customers(true))
	n := 0
	for name, do := range map[string]func(ctx context.Context) error{
		"ping": r.store.Ping,
		"commit": func(ctx context.Context) error {
			n++
			out, err := w.Commit(ctx, n%2, []*gateway.Entry{customer(fmt.Sprint("PO-", n))})
			if err == nil && out[0].Status != gateway.Stored {
				err = out[0].Err
			}
			return err
		},
		"take a lease": func(ctx context.Context) error {
			_, held, err := r.store.Acquire(ctx, "order-events", 0, "me", time.Minute)
			if err == nil && !held {
				t.Error("the lease is not held")
			}
			return err
		},
		"list": func(ctx context.Context) error { _, err := r.store.Messages(ctx, gateway.Query{}); return err },
		"refuse": func(ctx context.Context) error {
			return r.store.Refuse(ctx, []gateway.Refusal{{ID: uuid.Must(uuid.NewV7()), At: time.Now(), Code: "GH-2001"}})
		},
		"status": func(ctx context.Context) error { _, err := r.store.Status(ctx, nil); return err },
	} {
		for range 2 {
			if err := do(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r.proxy.cutAll()
		}
		if err := do(t.Context()); err != nil {
			t.Errorf("%s after a restart: %v", name, err)
		}
	}
}

// TestPoisonedLane: a message that the database refuses costs its neighbours
// nothing, and no connection on which something failed is used again (the proxy
// counts).
func TestPoisonedLane(t *testing.T) {
	r := newRig(t, nil)
	r.probe.Exec(t, "ALTER TABLE crm.customer ADD CONSTRAINT ck_poison CHECK (customer_no <> 'C-PO-2')") // before the writer looks: else it is drift
	w := r.writer(t, customers(true))
	var entries []*gateway.Entry
	for i := range 4 {
		entries = append(entries, customer(fmt.Sprint("PO-", i)))
	}
	out, err := w.Commit(t.Context(), 0, entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		want := gateway.Stored
		if i == 2 {
			want = gateway.Refused
		}
		if o.Status != want {
			t.Errorf("message %d is %s: %v", i, o.Status, o.Err)
		}
	}
	r.count(t, 3, "gateway.message", "gateway.inbox", "crm.customer")
}
