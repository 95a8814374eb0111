package odata

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/gatehouse/gatehouse/internal/view"
)

// digest is a digest of what a token is good for. Fields count by name and kind, so
// that a token does not outlive a view that it would not fit.
func (b Bound) digest() []byte {
	w := writer{}
	w.text(b.Principal)
	w.text(b.View.Name)
	for _, i := range b.View.Key {
		w.field(b.View, i)
	}
	q := b.Query
	w.fields(b.View, q.Select)
	w.number(len(q.Order))
	for _, o := range q.Order {
		w.field(b.View, o.Field)
		w.flag(o.Desc)
	}
	w.flag(q.Count)
	w.expansions(b.View, q.Expand)
	w.condition(b.View, q.Where)
	if b.Asked != "" {
		w.text(b.Asked)
	}
	sum := sha256.Sum256(w.out)
	return sum[:]
}

// writer writes things so that different ones are written differently.
type writer struct{ out []byte }

func (w *writer) number(n int) { w.out = binary.AppendVarint(w.out, int64(n)) }

func (w *writer) text(s string) {
	w.number(len(s))
	w.out = append(w.out, s...)
}

func (w *writer) flag(b bool) {
	if b {
		w.number(1)
		return
	}
	w.number(0)
}

func (w *writer) field(v *view.View, i int) {
	w.text(v.Fields[i].Name)
	w.number(int(v.Fields[i].Type.Kind))
}

func (w *writer) fields(v *view.View, list []int) {
	if list == nil {
		w.number(-1)
		return
	}
	w.number(len(list))
	for _, i := range list {
		w.field(v, i)
	}
}

func (w *writer) expansions(v *view.View, list []view.Expand) {
	w.number(len(list))
	for _, e := range list {
		child := v.Children[e.Child]
		w.text(child.Name)
		w.fields(child.View, e.Select)
		w.number(e.Top)
		w.expansions(child.View, e.Expand)
	}
}

func (w *writer) value(v view.Value) { w.out = appendValue(w.out, v) }

// condition writes an expression, its kind first.
func (w *writer) condition(v *view.View, e view.Expr) {
	parts := func(kind int, of []view.Expr) {
		w.number(kind)
		w.number(len(of))
		for _, e := range of {
			w.condition(v, e)
		}
	}
	switch e := e.(type) {
	case nil:
		w.number(0)
	case view.And:
		parts(1, e)
	case view.Or:
		parts(2, e)
	case view.Not:
		parts(3, []view.Expr{e.Of})
	case view.Compare:
		w.number(4)
		w.field(v, e.Field)
		w.number(int(e.Op))
		w.value(e.Value)
	case view.In:
		w.number(5)
		w.field(v, e.Field)
		w.number(len(e.Values))
		for _, of := range e.Values {
			w.value(of)
		}
	case view.IsNull:
		w.number(6)
		w.field(v, e.Field)
	case view.StartsWith:
		w.number(7)
		w.field(v, e.Field)
		w.text(e.Text)
	case view.Contains:
		w.number(8)
		w.field(v, e.Field)
		w.text(e.Text)
	}
}
