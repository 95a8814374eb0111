package view

import "slices"

// seat is a demand with the index that serves it.
type seat struct {
	index  *Index
	demand demand
	equal  []int   // the fields that the first columns of the index fix
	order  []Order // what the columns after those are in the order of
	single bool    // there is one such row at most
	rest   []Expr  // what the index does not serve
	weight int
}

// seat finds the index that serves a demand in an order; nil when none does. With
// partly it serves what it can.
func (p *planner) seat(d demand, order []Order, partly bool) *seat {
	var best *seat
	for i := range p.v.indexes {
		s := p.try(&p.v.indexes[i], d, order, partly)
		if s != nil && (best == nil || s.weight > best.weight) {
			best = s
		}
	}
	return best
}

func (p *planner) try(ix *Index, d demand, order []Order, partly bool) *seat {
	s := &seat{index: ix, demand: d}
	width := s.fix(p.v, d)
	s.single = ix.Unique && width == len(ix.Columns) && s.valued()
	if s.single {
		s.rest = s.left(-1)
		s.weight = 1000 + len(s.equal)
		return s
	}
	for _, o := range order {
		if sp := d[o.Field]; !sp.fixed() || !slices.Contains(s.equal, o.Field) {
			s.order = append(s.order, o)
		}
	}
	if !s.inOrder(p.v, width) {
		return nil
	}
	ranged := -1
	if len(s.order) > 0 {
		ranged = s.order[0].Field
	}
	s.rest = s.left(ranged)
	if len(s.rest) > 0 && !partly {
		return nil
	}
	s.weight = 10 * len(s.equal)
	if sp := d[ranged]; sp.ranged() {
		s.weight++
	}
	return s
}

// fix takes as many columns of the index as the demand has one value for.
func (s *seat) fix(v *View, d demand) (width int) {
	var fixed []string
	for ; width < len(s.index.Columns); width++ {
		column := s.index.Columns[width].Name
		if slices.Contains(fixed, column) {
			continue
		}
		f := s.fixing(v, d, column, width)
		if f < 0 {
			break
		}
		s.equal = append(s.equal, f)
		fixed = append(fixed, v.seeks[f].columns...)
	}
	return width
}

// fixing finds a field of the demand that fixes a column of the index: one of the
// table itself, or one of a join whose whole foreign key begins there, in any order.
func (s *seat) fixing(v *View, d demand, column string, at int) int {
	for _, joined := range []bool{false, true} {
		for _, f := range fieldsOf(d) {
			sp, sk := d[f], v.seeks[f]
			if !sp.fixed() || sk.joined != joined || !slices.Contains(sk.columns, column) || joined && sp.null {
				continue
			}
			if at+len(sk.columns) <= len(s.index.Columns) && among(s.index.Columns[at:at+len(sk.columns)], sk.columns) {
				return f
			}
		}
	}
	return -1
}

func among(columns []IndexColumn, names []string) bool {
	return !slices.ContainsFunc(columns, func(c IndexColumn) bool { return !slices.Contains(names, c.Name) })
}

// valued reports whether every fixed field has a value: a unique index may have
// several rows with null.
func (s *seat) valued() bool {
	return !slices.ContainsFunc(s.equal, func(f int) bool { sp := s.demand[f]; return sp.null })
}

// inOrder reports whether the columns after the first ones give the order, forwards
// or backwards, and shortens the order to what tells all rows apart.
func (s *seat) inOrder(v *View, width int) bool {
	unique := s.index.Unique && s.valued()
	backwards, known := false, false
	for i, o := range s.order {
		if width == len(s.index.Columns) {
			s.order = s.order[:i]
			return unique
		}
		c := s.index.Columns[width]
		if f := &v.Fields[o.Field]; f.Join >= 0 || f.Column != c.Name {
			return false
		}
		if known && backwards != (c.Desc != o.Desc) {
			return false
		}
		backwards, known = c.Desc != o.Desc, true
		unique = unique && !v.Fields[o.Field].Type.Nullable
		width++
	}
	return true
}

// left is what the index does not serve: everything but the fixed fields, and the
// range of one.
func (s *seat) left(ranged int) []Expr {
	var out []Expr
	for _, f := range fieldsOf(s.demand) {
		sp := s.demand[f]
		switch {
		case slices.Contains(s.equal, f):
			out = append(out, sp.rest...)
		case f == ranged && !sp.fixed():
			out = append(out, sp.rest...)
		default:
			out = append(out, sp.exprs(f)...)
		}
	}
	return out
}
