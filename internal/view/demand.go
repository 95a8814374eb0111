package view

import (
	"maps"
	"slices"
)

// demand is what has to hold of a row, all of it, by field.
type demand map[int]span

// span is what is demanded of one field.
type span struct {
	null, notNull bool
	equal         *Value
	from, to      *Bound
	starts        *StartsWith
	rest          []Expr // what no index serves
}

// ranged reports whether a range is demanded.
func (s *span) ranged() bool {
	return s.from != nil || s.to != nil || s.starts != nil || s.notNull
}

// fixed reports whether the field has one value, or none.
func (s *span) fixed() bool { return s.equal != nil || s.null }

// exprs are the demands as conditions.
func (s *span) exprs(field int) []Expr {
	var out []Expr
	if s.null {
		out = append(out, IsNull{field})
	}
	if s.equal != nil {
		out = append(out, Compare{field, Equal, *s.equal})
	}
	return append(append(out, s.ranges(field)...), s.rest...)
}

// ranges are those of the demands that a range of an index can serve.
func (s *span) ranges(field int) []Expr {
	var out []Expr
	if s.notNull && s.from == nil && s.to == nil && s.starts == nil {
		out = append(out, Not{IsNull{field}})
	}
	if s.from != nil {
		out = append(out, Compare{field, opOf(s.from.Inclusive, GreaterOrEqual, Greater), s.from.Value})
	}
	if s.to != nil {
		out = append(out, Compare{field, opOf(s.to.Inclusive, LessOrEqual, Less), s.to.Value})
	}
	if s.starts != nil {
		out = append(out, *s.starts)
	}
	return out
}

func opOf(inclusive bool, with, without Operator) Operator {
	if inclusive {
		return with
	}
	return without
}

// add demands one thing more; false when nothing can satisfy it.
func (p *planner) add(d demand, e Expr) (demand, bool) {
	field := fieldOf(e)
	out := maps.Clone(d)
	s := out[field]
	s.rest = slices.Clone(s.rest)
	ok := p.narrow(&s, field, e)
	if out[field] = s; s.trivial() {
		delete(out, field)
	}
	return out, ok
}

// trivial reports whether nothing is demanded.
func (s *span) trivial() bool { return !s.fixed() && !s.ranged() && len(s.rest) == 0 }

func (p *planner) narrow(s *span, field int, e Expr) bool {
	nullable := p.v.Nullable(field)
	switch e := e.(type) {
	case IsNull:
		if !nullable || s.notNull || s.equal != nil || s.ranged() || len(s.rest) > 0 {
			return false
		}
		s.null = true
		return true
	case Not:
		if _, is := e.Of.(IsNull); !is {
			break
		}
		s.notNull = s.notNull || nullable && s.equal == nil
		return !s.null
	}
	if s.null { // every other condition demands a value
		return false
	}
	switch e := e.(type) {
	case Compare:
		return p.compared(s, e)
	case StartsWith:
		if s.starts == nil && s.equal == nil {
			s.starts = &e
			return true
		}
		if s.starts != nil && *s.starts == e {
			return true
		}
	}
	s.rest = append(s.rest, e)
	return true
}

// compared narrows a span by a comparison, which is none of NotEqual.
func (p *planner) compared(s *span, e Compare) bool {
	if s.equal != nil {
		return holds(e.Op, p.ranks.compare(e.Field, *s.equal, e.Value))
	}
	switch e.Op {
	case Equal:
		if !p.within(s, e.Field, e.Value) {
			return false
		}
		if s.starts != nil { // of one value nothing is known of its beginning
			s.rest = append(s.rest, *s.starts)
		}
		s.equal, s.from, s.to, s.starts, s.notNull = &e.Value, nil, nil, nil, false
		return true
	case Greater, GreaterOrEqual:
		s.from = p.narrower(s.from, &Bound{e.Field, e.Value, e.Op == GreaterOrEqual}, 1)
	case Less, LessOrEqual:
		s.to = p.narrower(s.to, &Bound{e.Field, e.Value, e.Op == LessOrEqual}, -1)
	}
	return s.from == nil || s.to == nil || p.between(e.Field, s.from, s.to)
}

// between reports whether anything can lie between two bounds.
func (p *planner) between(field int, from, to *Bound) bool {
	c := p.ranks.compare(field, from.Value, to.Value)
	return c < 0 || c == 0 && from.Inclusive && to.Inclusive
}

// within reports whether a value lies between the bounds.
func (p *planner) within(s *span, field int, v Value) bool {
	return (s.from == nil || holds(opOf(s.from.Inclusive, GreaterOrEqual, Greater), p.ranks.compare(field, v, s.from.Value))) &&
		(s.to == nil || holds(opOf(s.to.Inclusive, LessOrEqual, Less), p.ranks.compare(field, v, s.to.Value)))
}

// narrower returns the bound that lets less through; sign is 1 of lower bounds and
// -1 of upper ones.
func (p *planner) narrower(a, b *Bound, sign int) *Bound {
	if a == nil {
		return b
	}
	c := sign * p.ranks.compare(b.Field, a.Value, b.Value)
	if c > 0 || c == 0 && !a.Inclusive {
		return a
	}
	return b
}

// holds tells what an operator says of two values that compare so.
func holds(op Operator, c int) bool {
	switch op {
	case Equal:
		return c == 0
	case NotEqual:
		return c != 0
	case Greater:
		return c > 0
	case GreaterOrEqual:
		return c >= 0
	case Less:
		return c < 0
	}
	return c <= 0
}

// fieldOf is the one field that a condition without parts is of.
func fieldOf(e Expr) int {
	switch e := e.(type) {
	case Compare:
		return e.Field
	case In:
		return e.Field
	case IsNull:
		return e.Field
	case StartsWith:
		return e.Field
	case Contains:
		return e.Field
	case Not:
		return fieldOf(e.Of)
	}
	return -1
}

// Nullable reports whether a row can have no value in the field.
func (v *View) Nullable(field int) bool {
	f := &v.Fields[field]
	for j := f.Join; j >= 0; j = v.Joins[j].From {
		if v.Joins[j].Optional {
			return true
		}
	}
	return f.Type.Nullable
}
