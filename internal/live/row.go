package live

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Subject is what changes of a view's rows are noted under.
func Subject(v *view.View) string { return TableOf(v).Subject() }

// TableOf is what the store has to note so that streams of a view can be had.
func TableOf(v *view.View) mapping.LiveTable {
	var (
		columns []string
		tables  []mapping.TableName
	)
	for _, f := range v.Key {
		columns = append(columns, v.Fields[f].Column)
	}
	var below func(v *view.View)
	below = func(v *view.View) {
		for _, c := range v.Children {
			tables = append(tables, c.View.Table)
			below(c.View)
		}
	}
	below(v)
	return mapping.NewLiveTable(v.Table, columns, tables...)
}

// keyOf reads a key as it was noted.
func keyOf(v *view.View, key string) ([]view.Value, error) {
	parts, err := gateway.KeyParts(key)
	if err != nil {
		return nil, err
	}
	if len(parts) != len(v.Key) {
		return nil, fmt.Errorf("view %s: a change has the key %q, of %d parts instead of %d", v.Name, key, len(parts), len(v.Key))
	}
	out := make([]view.Value, len(parts))
	named := TableOf(v).Key
	for i, f := range v.Key {
		t, text := v.Fields[f].Type, parts[slices.Index(named, v.Fields[f].Column)]
		if t.Kind == mapping.BytesColumn {
			out[i] = view.Value{Kind: t.Kind, Present: true}
			out[i].Bytes, err = hex.DecodeString(text)
		} else {
			out[i], err = view.ParseValue(t, text)
		}
		if err != nil {
			return nil, fmt.Errorf("view %s: a change has the key %q: %w", v.Name, key, err)
		}
	}
	return out, nil
}

// question asks for the row of a key, as somebody wants to have it: the template says
// which fields and children, and what the row has to satisfy.
func question(v *view.View, template *view.Query, key []view.Value) *view.Query {
	q := &view.Query{Select: template.Select, Expand: template.Expand}
	if template.Where == nil {
		q.Key = key
		return q
	}
	// The whole key leads to one row at most, so what remains of the condition is
	// looked for in no other.
	where := make(view.And, 0, len(key)+1)
	for i, f := range v.Key {
		where = append(where, view.Compare{Field: f, Op: view.Equal, Value: key[i]})
	}
	q.Where, q.Top = append(where, template.Where), 1
	return q
}

// shared are rows that several streams show alike: each is read once for all of them.
// It is safe for concurrent use.
type shared struct {
	mu   sync.Mutex
	rows map[sharedKey]*sharedRow
}

// sharedKey is what a row is read by: whoever sees the view alike and asks alike, and
// the key.
type sharedKey struct{ asks, key string }

type sharedRow struct {
	round uint64 // what was known of the log when the reading began
	done  chan struct{}
	page  *view.Page
	err   error
}

// maxShared bounds the rows that are kept.
const maxShared = 1024

// read returns what was read when a round of the log was known, or later.
func (s *shared) read(ctx context.Context, k sharedKey, round uint64, m *Metrics, read func(context.Context) (*view.Page, error)) (*view.Page, error) {
	s.mu.Lock()
	r := s.rows[k]
	if r == nil || r.round < round {
		if s.rows == nil || len(s.rows) >= maxShared {
			s.rows = map[sharedKey]*sharedRow{}
		}
		r = &sharedRow{round: round, done: make(chan struct{})}
		s.rows[k] = r
		s.mu.Unlock()
		m.read("reading")
		// Whoever leaves does not take the row from those who wait for it.
		r.page, r.err = read(context.WithoutCancel(ctx))
		if r.err != nil {
			s.forget(k, r)
		}
		close(r.done)
		return r.page, r.err
	}
	s.mu.Unlock()
	m.read("sharing")
	select {
	case <-r.done:
		return r.page, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shared) forget(k sharedKey, r *sharedRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[k] == r {
		delete(s.rows, k)
	}
}

// alike is a text that is the same for those who see and ask the same of a view.
func alike(v *view.View, windows []view.Window, q *view.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%p %#v %#v %#v", v, q.Select, q.Where, q.Expand) // each configuration has views of its own
	var add func(w *view.Window)
	add = func(w *view.Window) {
		if w == nil {
			b.WriteString(" -")
			return
		}
		fmt.Fprintf(&b, " [%#v %#v", w.Fields, w.Rows)
		for _, c := range w.Children {
			add(c)
		}
		b.WriteString("]")
	}
	for i := range windows {
		add(&windows[i])
	}
	return b.String()
}

// sees reports whether the windows show the key of every row there is: then nothing is
// told by naming a row that is not shown.
func sees(v *view.View, windows []view.Window) bool {
	for _, w := range windows {
		if len(w.Rows) > 0 {
			continue
		}
		all := true
		for _, f := range v.Key {
			all = all && (w.Fields == nil || slices.Contains(w.Fields, f))
		}
		if all {
			return true
		}
	}
	return false
}

// filtered refuses what a stream cannot be asked for.
func filtered(v *view.View, q *view.Query) error {
	switch {
	case q.Order != nil, q.Count, q.After != nil, q.Key != nil:
		return fault.New(fault.CodeQuery, "a stream has the order of the commits, no pages and no count: it takes a condition, fields and children")
	case q.Where == nil:
		return nil
	}
	for _, f := range v.Key {
		if !v.Fields[f].Filter {
			return fault.New(fault.CodeQuery, "streams of %s take no condition: the view does not let its key be asked for", v.Name)
		}
	}
	return nil
}

// anything is some value of a type.
func anything(t mapping.ColumnType) view.Value {
	v := view.Value{Kind: t.Kind, Present: true}
	switch t.Kind {
	case mapping.StringColumn:
		if t.UUID {
			v.Text = "00000000-0000-0000-0000-000000000000"
		}
	case mapping.DecimalColumn:
		v.Text = "0"
	case mapping.TimeColumn:
		v.Text = "00:00:00"
	case mapping.DateTimeColumn, mapping.DateColumn:
		v.Instant = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	case mapping.IntegerColumn:
		v.Int = max(t.Min, min(0, t.Max))
	}
	return v
}
