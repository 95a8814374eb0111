package view

import "github.com/gatehouse/gatehouse/internal/mapping"

// Report counts and sums the rows of a view by group: orders and their amounts by
// currency and month. It is immutable. What it tells somebody is of the rows alone
// in whose windows all fields are that it groups by or measures.
type Report struct {
	Name, Doc string
	View      *View
	Group     []Group   // one line for each combination that there are rows of; nil: one line
	Measures  []Measure // of each line
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
