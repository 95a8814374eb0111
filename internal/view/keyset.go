package view

import (
	"slices"
	"strings"
)

// seeks makes the branches of a seat: one, or behind a mark those that together are
// all rows after it.
func (p *planner) seeks(s *seat, rest Expr, looks int) []Branch {
	rest = both(all(s.rest), rest)
	if s.single {
		looks = 1
	}
	if p.mark == nil {
		return []Branch{s.branch(s.equals(), s.first(), rest, looks)}
	}
	if s.single {
		return []Branch{s.branch(s.equals(), span{}, both(rest, p.behind()), looks)}
	}
	return p.after(s, rest, looks)
}

func (s *seat) equals() []Compare {
	out := make([]Compare, 0, len(s.equal))
	for _, f := range s.equal {
		c := Compare{Field: f, Op: Equal}
		if sp := s.demand[f]; sp.equal != nil {
			c.Value = *sp.equal
		}
		out = append(out, c)
	}
	return out
}

// first is the range of the first field of the order.
func (s *seat) first() span {
	if len(s.order) == 0 {
		return span{}
	}
	sp := s.demand[s.order[0].Field]
	sp.rest = nil
	return sp
}

func (s *seat) branch(equal []Compare, sp span, rest Expr, looks int) Branch {
	b := Branch{Index: s.index.Name, Equal: equal, From: sp.from, To: sp.to, Starts: sp.starts, Rest: rest}
	if sp.notNull && sp.from == nil && sp.to == nil && sp.starts == nil {
		b.From = &Bound{Field: s.order[0].Field}
	}
	if rest != nil {
		b.Looks = looks
	}
	return b
}

// after are the rows behind the mark: those equal to it in the first fields of the
// order, and beyond it in the next one, for as many first fields as there are, the
// most of them first. A field that the branch fixes is compared here.
func (p *planner) after(s *seat, rest Expr, looks int) []Branch {
	var levels [][]Branch
	equal, ranged := s.equals(), s.first()
	next := 0 // in s.order
	for i, o := range p.order {
		at := p.mark[i]
		if sp := s.demand[o.Field]; slices.Contains(s.equal, o.Field) {
			c := p.ranks.compare(o.Field, fixedValue(&sp), at)
			if o.Desc {
				c = -c
			}
			if c > 0 {
				levels = append(levels, []Branch{s.branch(equal, ranged, rest, looks)})
			}
			if c != 0 {
				break
			}
			continue
		}
		if next == len(s.order) { // the index tells rows apart already
			break
		}
		levels = append(levels, p.beyond(s, o, at, equal, ranged, rest, looks))
		if !p.admits(o.Field, &ranged, at) {
			break
		}
		if starts := ranged.starts; starts != nil { // whether the mark begins so, only the database knows
			if looks = max(looks, DefaultLooks); rest == nil && strings.HasPrefix(at.Text, starts.Text) {
				looks = 0 // but it is as good as certain, and then of all these rows
			}
			rest = both(rest, *starts)
		}
		equal = append(equal[:len(equal):len(equal)], Compare{o.Field, Equal, at})
		ranged = span{}
		next++
	}
	var out []Branch
	for i := len(levels) - 1; i >= 0; i-- {
		out = append(out, levels[i]...)
	}
	return out
}

func fixedValue(s *span) Value {
	if s.equal != nil {
		return *s.equal
	}
	return Null
}

// admits reports whether a value can be in a range.
func (p *planner) admits(field int, s *span, at Value) bool {
	if !at.Present {
		return !s.ranged()
	}
	return p.within(s, field, at)
}

// beyond is a range of one field behind a value; nulls come before all values.
func (p *planner) beyond(s *seat, o Order, at Value, equal []Compare, ranged span, rest Expr, looks int) []Branch {
	if o.Desc {
		return p.before(s, o, at, equal, ranged, rest, looks)
	}
	if !at.Present {
		ranged.notNull = true
	} else {
		ranged.from = p.narrower(ranged.from, &Bound{o.Field, at, false}, 1)
	}
	if ranged.from != nil && ranged.to != nil && !p.between(o.Field, ranged.from, ranged.to) {
		return nil
	}
	return []Branch{s.ranging(o.Field, equal, ranged, rest, looks)}
}

func (p *planner) before(s *seat, o Order, at Value, equal []Compare, ranged span, rest Expr, looks int) []Branch {
	if !at.Present {
		return nil
	}
	var out []Branch
	nulls := p.v.Nullable(o.Field) && !ranged.ranged()
	ranged.to = p.narrower(ranged.to, &Bound{o.Field, at, false}, -1)
	if ranged.from == nil || p.between(o.Field, ranged.from, ranged.to) {
		out = append(out, s.ranging(o.Field, equal, ranged, rest, looks))
	}
	if nulls {
		equal = append(equal[:len(equal):len(equal)], Compare{Field: o.Field, Op: Equal})
		out = append(out, s.branch(equal, span{}, rest, looks))
	}
	return out
}

func (s *seat) ranging(field int, equal []Compare, ranged span, rest Expr, looks int) Branch {
	b := s.branch(equal, span{from: ranged.from, to: ranged.to, starts: ranged.starts}, rest, looks)
	if ranged.notNull && b.From == nil && b.To == nil && b.Starts == nil {
		b.From = &Bound{Field: field}
	}
	return b
}

// behind is the same as a condition on one row.
func (p *planner) behind() Expr {
	var out Or
	var equal And
	for i, o := range p.order {
		at := p.mark[i]
		if past := pastOf(o, at, p.v.Nullable(o.Field)); past != nil {
			out = append(out, all(append(equal[:len(equal):len(equal)], past)))
		}
		if at.Present {
			equal = append(equal, Compare{o.Field, Equal, at})
		} else {
			equal = append(equal, IsNull{o.Field})
		}
	}
	return out
}

func pastOf(o Order, at Value, nullable bool) Expr {
	switch {
	case !o.Desc && !at.Present:
		return Not{IsNull{o.Field}}
	case !o.Desc:
		return Compare{o.Field, Greater, at}
	case !at.Present:
		return nil
	case nullable:
		return Or{Compare{o.Field, Less, at}, IsNull{o.Field}}
	}
	return Compare{o.Field, Less, at}
}

// all joins conditions; nil when there are none.
func all(parts []Expr) Expr {
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	return And(parts)
}

// both joins two conditions, either of which can be nil.
func both(a, b Expr) Expr {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return And{a, b}
}
