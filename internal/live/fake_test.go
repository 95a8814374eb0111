package live

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// world is a store with one view of orders, no and status, and its log. It is safe for
// concurrent use.
type world struct {
	mu      sync.Mutex
	rows    map[int64]string
	entries map[int][]gateway.ChangeEntry
	begin   map[int]int64
	fail    error
	reads   int // of the log's entries
	asked   int // searches
}

var orders = &view.View{
	Name: "orders", Table: mapping.TableName{Schema: "sales", Name: "sales_order"}, Live: true, Key: []int{0},
	Fields: []view.Field{
		{Name: "no", Join: -1, Column: "order_no", Type: mapping.ColumnType{Kind: mapping.IntegerColumn, Max: 1 << 40}, Filter: true},
		{Name: "status", Join: -1, Column: "status", Type: mapping.ColumnType{Kind: mapping.StringColumn}, Filter: true},
	},
}

func newWorld(chains ...int) *world {
	w := &world{rows: map[int64]string{}, entries: map[int][]gateway.ChangeEntry{}, begin: map[int]int64{}}
	for _, c := range chains {
		w.entries[c] = nil
	}
	return w
}

// commit sets rows, or deletes those of an empty status, in one transaction.
func (w *world) commit(chain int, rows ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := gateway.ChangeEntry{Chain: chain, Seq: int64(len(w.entries[chain]) + 1), At: time.Now()}
	for i := 0; i < len(rows); i += 2 {
		no, status := int64(rows[i].(int)), rows[i+1].(string)
		if w.rows[no] = status; status == "" {
			delete(w.rows, no)
		}
		e.Changes = append(e.Changes, gateway.WrittenRow{Subject: Subject(orders), Key: strconv.FormatInt(no, 10)}, gateway.WrittenRow{Subject: "other", Key: "1"})
	}
	w.entries[chain] = append(w.entries[chain], e)
}

// other commits something that is no order.
func (w *world) other(chain int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries[chain] = append(w.entries[chain], gateway.ChangeEntry{Chain: chain, Seq: int64(len(w.entries[chain]) + 1), At: time.Now()})
}

// deaf commits something by a gateway that notes nothing.
func (w *world) deaf(chain int) {
	w.other(chain)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries[chain][len(w.entries[chain])-1].Noting = gateway.NewNoting(nil)
}

func (w *world) ChangeHeads(context.Context) (map[int]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[int]int64{}
	for c, entries := range w.entries {
		out[c] = int64(len(entries))
	}
	return out, w.fail
}

func (w *world) ChangeBegin(context.Context) (map[int]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[int]int64{}
	for c := range w.entries {
		out[c] = w.begin[c]
	}
	return out, w.fail
}

func (w *world) ChangeNoted(_ context.Context, subject string) (map[int]int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[int]int64{}
	for c, entries := range w.entries {
		for _, e := range entries {
			if e.Noting.Lacks(subject) {
				out[c] = e.Seq
			}
		}
	}
	return out, w.fail
}

func (w *world) ChangeEntries(_ context.Context, chain int, after int64, limit int) ([]gateway.ChangeEntry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	if after < w.begin[chain] {
		return nil, gateway.ErrChangesGone
	}
	rest := w.entries[chain][min(after, int64(len(w.entries[chain]))):]
	return slices.Clone(rest[:min(limit, len(rest))]), w.fail
}

func (w *world) View(name string) (*view.View, error) {
	if name != orders.Name {
		return nil, fault.New(fault.CodeNoView, "")
	}
	return orders, nil
}

func (w *world) Search(_ context.Context, who view.Viewer, name string, q *view.Query) (*view.Page, error) {
	windows, err := who.Sight(name)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	page := &view.Page{Fields: orders.Fields}
	if q.Key != nil {
		q = &view.Query{Where: view.And{view.Compare{Op: view.Equal, Value: q.Key[0]}}}
	}
	for _, no := range slices.Sorted(maps.Keys(w.rows)) {
		row := view.Row{Values: []view.Value{
			{Kind: mapping.IntegerColumn, Present: true, Int: no}, {Kind: mapping.StringColumn, Present: true, Text: w.rows[no]},
		}}
		in := func(w view.Window) bool { return holds(view.And(w.Rows), row.Values) }
		if holds(q.Where, row.Values) && slices.ContainsFunc(windows, in) {
			page.Rows = append(page.Rows, row)
		}
	}
	return page, nil
}

func holds(e view.Expr, row []view.Value) bool {
	switch e := e.(type) {
	case view.And:
		return !slices.ContainsFunc(e, func(e view.Expr) bool { return !holds(e, row) })
	case view.Compare:
		return row[e.Field].Int == e.Value.Int && row[e.Field].Text == e.Value.Text
	}
	return true
}

func (w *world) Scan(context.Context, view.Viewer, string, *view.Query, func(view.Position)) iter.Seq2[*view.Row, error] {
	panic("streams scan nothing")
}

// seer sees the orders of one status, or all.
type seer string

func (s seer) Sight(name string) ([]view.Window, error) {
	switch {
	case s == "nobody" || name != orders.Name:
		return nil, fault.New(fault.CodeForbidden, "")
	case s != "":
		return []view.Window{{Rows: []view.Expr{status(string(s))}}}, nil
	}
	return []view.Window{{}}, nil
}

func status(s string) view.Expr {
	return view.Compare{Field: 1, Op: view.Equal, Value: view.Value{Kind: mapping.StringColumn, Present: true, Text: s}}
}

type oneKey struct{}

func (oneKey) Current() sealing.Key                { return sealing.Key{ID: 7, Secret: make([]byte, 32)} }
func (k oneKey) Key(id uint32) (sealing.Key, bool) { return k.Current(), id == 7 }

// follow runs a hub on the world until the test ends.
func follow(t *testing.T, w *world) *Streams {
	t.Helper()
	hub := NewHub(w, time.Millisecond, nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		hub.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
	return NewStreams(hub, oneKey{})
}

// listener is a stream whose events a test takes.
type listener struct {
	*Stream
	t    *testing.T
	last string
}

func listen(t *testing.T, s *Streams, r Request) *listener {
	t.Helper()
	if r.Who == nil {
		r.Who = seer("")
	}
	if r.Query == nil {
		r.Query = &view.Query{}
	}
	r.View, r.Principal, r.Search = orders.Name, "cn=me", s.hub.log.(*world)
	st, err := s.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	id, err := st.ID()
	if err != nil {
		t.Fatal(err)
	}
	return &listener{st, t, id}
}

// take returns the events that there are now; without any it waits for a change.
func (l *listener) take() []Event {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for {
		changed := l.Changed()
		events, moved, err := l.Next(ctx)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(events) > 0 {
			l.last = events[len(events)-1].ID
			return events
		}
		if moved {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			l.t.Fatal("nothing is told")
		}
	}
}

// hears takes events until there are as many as wanted, and compares them.
func (l *listener) hears(want ...string) {
	l.t.Helper()
	var got []string
	for len(got) < len(want) {
		for _, e := range l.take() {
			got = append(got, told(e))
		}
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("heard %q, want %q", got, want)
	}
}

// told is an event as "row no status" or "gone no".
func told(e Event) string {
	text := fmt.Sprint(e.Name, " ", e.Key[0].Int)
	if e.Row != nil {
		text += " " + e.Row.Values[1].Text
	}
	return text
}
