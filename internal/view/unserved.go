package view

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// unserved says of which branch there is no index, and what would mend that.
func (p *planner) unserved(asked []Expr) error {
	demands, err := p.branches(And(asked))
	if err != nil {
		return fault.New(fault.CodeUnserved, "")
	}
	order := p.orders(nil)[0]
	for _, d := range demands {
		if p.seat(d, order, false) == nil {
			return fault.New(fault.CodeUnserved, "no index serves this query: %s", p.reason(d, order))
		}
	}
	return fault.New(fault.CodeUnserved, "no index serves all branches of this query in one order; say which, with one that serves each of them")
}

func (p *planner) reason(d demand, order []Order) string {
	for _, f := range fieldsOf(d) {
		s := d[f]
		if len(s.rest) > 0 {
			return "whether " + p.v.Fields[f].Name + " " + wordsOf(s.rest[0]) + " has to be looked for row by row"
		}
		if p.v.seeks[f].columns == nil || p.v.Fields[f].Join >= 0 && !s.fixed() {
			return p.v.Fields[f].Name + " is of another table, and only rows with one value of it can be found by an index"
		}
	}
	columns, rest := p.wanted(d, order)
	switch {
	case len(rest) == 0:
		return "this one would: " + p.v.createIndex(columns)
	case len(p.q.Order) > 0:
		return "a range of " + p.v.Fields[rest[0]].Name + " is served in no other order than its own"
	}
	return "ranges of several fields at once have to be looked for row by row, " + p.v.Fields[rest[0]].Name + " among them"
}

func wordsOf(e Expr) string {
	switch e.(type) {
	case Not:
		return "is not what it must not be"
	case Contains:
		return "contains a text"
	case StartsWith:
		return "begins with a text"
	}
	return "is what it has to be"
}

// wanted are the columns of the index that would serve a demand in an order, and the
// fields whose ranges it could not. With no order asked for, the range comes first.
func (p *planner) wanted(d demand, order []Order) (columns []IndexColumn, rest []int) {
	add := func(name string, desc bool) {
		if !slices.ContainsFunc(columns, func(c IndexColumn) bool { return c.Name == name }) {
			columns = append(columns, IndexColumn{name, desc})
		}
	}
	first := -1
	for _, f := range fieldsOf(d) {
		s := d[f]
		switch {
		case s.fixed():
			for _, name := range p.v.seeks[f].columns {
				add(name, false)
			}
		case s.ranged():
			rest = append(rest, f)
		}
	}
	for _, o := range order {
		if s := d[o.Field]; !s.fixed() {
			first = o.Field
			break
		}
	}
	if len(p.q.Order) == 0 && len(rest) > 0 {
		first = rest[0]
		add(p.v.Fields[first].Column, false)
	}
	rest = slices.DeleteFunc(rest, func(f int) bool { return f == first })
	backwards := len(order) > 0 && order[0].Desc // an index is read either way
	for _, o := range order {
		if s := d[o.Field]; !s.fixed() {
			add(p.v.Fields[o.Field].Column, o.Desc != backwards)
		}
	}
	return columns, rest
}

// createIndex is the statement that makes an index.
func (v *View) createIndex(columns []IndexColumn) string {
	return createIndex(v.dialect, v.Table, columns)
}

func createIndex(d Dialect, table mapping.TableName, columns []IndexColumn) string {
	if d != nil {
		return d.CreateIndex(table, columns)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
		if c.Desc {
			names[i] += " DESC"
		}
	}
	return "CREATE INDEX ON " + table.String() + " (" + strings.Join(names, ", ") + ")"
}
