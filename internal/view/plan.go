package view

import "github.com/gatehouse/gatehouse/internal/mapping"

// Table is a table with its indexes, as it is in the database.
type Table struct {
	*mapping.TableModel
	Indexes []Index
}

// Index is an index that can serve any row of its table: it is enabled, has no
// filter and no expression.
type Index struct {
	Name    string
	Columns []IndexColumn // in their order, without included ones
	Unique  bool
}

// IndexColumn is one column of an index.
type IndexColumn struct {
	Name string
	Desc bool
}

// Plan is the way to the rows of a query: the rows of all branches, merged in the
// order, each row once, as many as Top.
type Plan struct {
	View     *View
	Select   []int
	Order    []Order // it ends with the fields of the key
	Branches []Branch
	Top      int
	Count    bool
	Expand   []Expand
	// Windows say what is seen of a row: a field when the condition of a window that
	// has it holds. nil: everything.
	Windows []Sighted
}

// Sighted is a window with its conditions as one.
type Sighted struct {
	Fields []int // nil: all
	When   Expr  // nil: of every row
}

// Branch is a seek in an index: where some columns have one value and the next is
// in a range, in the plan's order.
type Branch struct {
	Index string
	Equal []Compare // their Op is Equal, or IsNull where Value is null
	// From and To bound the field that follows; nil: no bound.
	From, To *Bound
	// Rest has to be looked for row by row; nil: nothing. Then no more than Looks
	// rows of the seek are looked at.
	Rest  Expr
	Looks int
}

// Bound is one end of a range of a field.
type Bound struct {
	Field     int
	Value     Value
	Inclusive bool
}
