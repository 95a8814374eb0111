package view

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Report counts and sums the rows of a view by group: orders and their amounts by
// currency and month. It is immutable. What it tells somebody is of the rows alone
// in whose windows all fields are that it groups by or measures.
type Report struct {
	Name, Doc string
	View      *View
	Group     []Group   // one line for each combination that there are rows of; nil: one line
	Measures  []Measure // of each line
	// Rows is how many rows it may read; where there are more, it is refused and never
	// cut off.
	Rows int
	// Scans lets it read rows that no index bounds, up to Rows of them.
	Scans bool
}

// Columns are what a line has: the groups, then the measures.
func (r *Report) Columns() []Field {
	var out []Field
	for _, g := range r.Group {
		f := r.View.Fields[g.Field]
		f.Name = g.Name
		if g.By != Exactly {
			f.Type = mapping.ColumnType{Kind: mapping.DateColumn, Nullable: f.Type.Nullable}
		}
		out = append(out, f)
	}
	for _, m := range r.Measures {
		f := Field{Name: m.Name, Join: -1, Type: m.Type}
		if m.Field >= 0 {
			f.Class, f.Doc = r.View.Fields[m.Field].Class, m.Of.String()+" of "+r.View.Fields[m.Field].Name
		}
		out = append(out, f)
	}
	return out
}

// Uses are the fields that a report groups by or measures, each once.
func (r *Report) Uses() []int {
	var out []int
	add := func(f int) {
		if f >= 0 && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, g := range r.Group {
		add(g.Field)
	}
	for _, m := range r.Measures {
		add(m.Field)
	}
	return out
}

// ReportQuery is what somebody asks of a report.
type ReportQuery struct {
	Where Expr          // of the view's fields; nil: every row
	Order []ReportOrder // what is equal in it is in the order of the groups
	Top   int           // 0: every line
}

// ReportOrder is one key of the order of lines, by the place in Columns. Nulls come
// first; in a falling order last.
type ReportOrder struct {
	Column int
	Desc   bool
}

// Reporter answers reports of somebody who may see what the windows of the report's
// view say. It is safe for concurrent use.
type Reporter interface {
	// Report returns all lines in one page, whose Count is how many there are without
	// Top. A report that no index bounds is an invalid fault, as is one of more rows
	// than it may read; one that somebody may not ask is forbidden.
	Report(ctx context.Context, who Viewer, r *Report, q *ReportQuery) (*Page, error)
}

// Group is one thing that the rows of a line have in common.
type Group struct {
	Name  string
	Field int // of the view
	By    Period
}

// Period is what a moment or a day is counted in.
type Period uint8

// The periods, in UTC. A week begins on Monday. A period is told by its first day.
const (
	Exactly Period = iota // the value itself
	Day
	Week
	Month
	Quarter
	Year
)

// Aggregate is how many values become one.
type Aggregate uint8

// The aggregates. Nulls are left out of all but Count, as in SQL: the Sum, Min and
// Max of no values is null, CountDistinct of none is 0.
const (
	Count Aggregate = iota // of rows; it has no field
	CountDistinct
	Sum // of integers and decimals
	Min
	Max
)

// Measure is one number of a line.
type Measure struct {
	Name  string
	Of    Aggregate
	Field int // of the view; -1 for Count
	// Type is what comes of it. A sum is a decimal of 38 digits with the scale of its
	// field; one that does not fit is a fault.
	Type mapping.ColumnType
}
