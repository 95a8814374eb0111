package odata

import (
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Shape is what the rows of an answer or of a file are in JSON: objects with these
// members, and behind them a list for each kind of children.
type Shape struct {
	Name     string // of the list that rows with a parent are in
	Members  []Member
	Children []*Shape
}

// Member is a value of each row.
type Member struct {
	Name string
	Type *mapping.ColumnType
}

// ShapeOf is the shape of rows of a view with these fields, and the children asked for.
func ShapeOf(fields []view.Field, expand []view.Expand, of *view.View) *Shape {
	s := &Shape{Members: make([]Member, len(fields))}
	for i := range fields {
		s.Members[i] = Member{fields[i].Name, &fields[i].Type}
	}
	for _, e := range expand {
		child := of.Children[e.Child]
		c := ShapeOf(chosen(child.View, e.Select), e.Expand, child.View)
		c.Name = child.Name
		s.Children = append(s.Children, c)
	}
	return s
}

// chosen are the fields at some places of a view; nil: all.
func chosen(v *view.View, places []int) []view.Field {
	if places == nil {
		return v.Fields
	}
	out := make([]view.Field, len(places))
	for i, place := range places {
		out[i] = v.Fields[place]
	}
	return out
}

// AppendRow writes one row: what may not be seen of it is left out. wide is that of
// AppendJSON. Once out has more than so many bytes nothing is added, and what is there
// need not be JSON; most 0 is no bound.
func AppendRow(out []byte, s *Shape, row *view.Row, wide bool, most int) []byte {
	if most > 0 && len(out) > most {
		return out
	}
	out = append(out, '{')
	began := len(out)
	for i := range s.Members {
		if row.Seen != nil && !row.Seen[i] {
			continue
		}
		m := &s.Members[i]
		out = AppendJSON(appendName(out, began, m.Name), row.Values[i], m.Type, wide)
	}
	for i, c := range s.Children {
		if i >= len(row.Children) {
			break
		}
		out = append(appendName(out, began, c.Name), '[')
		for k := range row.Children[i] {
			if k > 0 {
				out = append(out, ',')
			}
			out = AppendRow(out, c, &row.Children[i][k], wide, most)
		}
		out = append(out, ']')
		if row.Cut != nil && row.Cut[i] {
			out = append(appendName(out, began, c.Name+"@gatehouse.hasMore"), "true"...)
		}
	}
	return append(out, '}')
}

// appendName writes the name of a member of an object which began at a place of out.
func appendName(out []byte, began int, name string) []byte {
	if len(out) > began {
		out = append(out, ',')
	}
	return append(AppendString(out, name), ':')
}
