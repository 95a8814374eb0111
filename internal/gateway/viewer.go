package gateway

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// viewer is somebody who asks views, under the grants of one generation.
type viewer struct {
	access *Access
	id     *Identity
	find   func(name string) *view.View
}

// Viewer returns id as views know somebody; find returns a view by name, or nil. It
// is immutable: a stream that lives on asks for another one when grants may differ.
func (a *Access) Viewer(id *Identity, find func(name string) *view.View) view.Viewer {
	return viewer{a, id, find}
}

// Sight returns what the grants show of a view. A view that does not exist is
// forbidden like one that is not granted.
func (v viewer) Sight(name string) ([]view.Window, error) {
	sight, err := v.access.Sight(v.id, name)
	if err != nil {
		return nil, err
	}
	of := v.find(name)
	if of == nil {
		return nil, fault.New(fault.CodeForbidden, "%s may not %s on %s", v.id.Login, Read, OnView(name))
	}
	out := make([]view.Window, len(sight.Windows))
	for i, w := range sight.Windows {
		out[i] = w.On(of)
	}
	return out, nil
}

// On is the window as one on a view. What the view does not have, the window does
// not show; a condition on it holds for no row, and neither does a value that is none
// of its field's type.
func (w Window) On(v *view.View) view.Window {
	out := w.fields(v, w.Columns)
	for _, f := range w.Rows {
		out.Rows = append(out.Rows, f.On(v))
	}
	return out
}

// On is the filter as a condition on a view.
func (f RowFilter) On(v *view.View) view.Expr {
	field, err := v.Field(f.Column)
	if err != nil {
		return view.In{Field: v.Key[0]} // of no value: no row
	}
	in := view.In{Field: field}
	for _, text := range f.Values {
		if value, err := view.ParseValue(v.Fields[field].Type, text); err == nil {
			in.Values = append(in.Values, value)
		}
	}
	return in
}

// fields is the window without conditions; columns name fields and children, nil all.
func (w Window) fields(v *view.View, columns []string) view.Window {
	out := view.Window{}
	whole := columns == nil
	fields := []int{}
	for i := range v.Fields {
		f := &v.Fields[i]
		if (columns == nil || slices.Contains(columns, f.Name)) && (f.Class == view.Open || slices.Contains(w.Classes, f.Class.String())) {
			fields = append(fields, i)
			continue
		}
		whole = false
	}
	if !whole {
		out.Fields = fields
	}
	all := true
	children := make([]*view.Window, len(v.Children))
	for i, c := range v.Children {
		if columns != nil && !slices.Contains(columns, c.Name) {
			all = false
			continue
		}
		inner := w.fields(c.View, nil)
		children[i] = &inner
		all = all && inner.Fields == nil && inner.Children == nil
	}
	if !all {
		out.Children = children
	}
	return out
}
