package view

import (
	"context"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Table is a table with its indexes, as it is in the database.
type Table struct {
	*mapping.TableModel
	Indexes []Index
	Version string // the column of type rowversion; empty: there is none
}

// Tables is the business database as a store has found it. It is a snapshot:
// immutable, safe for concurrent use.
type Tables interface {
	Table(name mapping.TableName) (*Table, bool)
}

// Index is an index that can serve any row of its table: it is enabled, has no
// filter and no expression. Columns that the database itself puts behind those of an
// index, such as the clustered key of SQL Server, are among them where rows are in
// their order.
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

// By is the order of the plan in names, for a Mark.
func (p *Plan) By() []OrderedBy { return p.View.by(p.Order) }

func (v *View) by(order []Order) []OrderedBy {
	out := make([]OrderedBy, len(order))
	for i, o := range order {
		out[i] = OrderedBy{v.Fields[o.Field].Name, o.Desc}
	}
	return out
}

// Sighted is a window with its conditions as one.
type Sighted struct {
	Fields []int // nil: all
	When   Expr  // nil: of every row
	// Children are the windows on the children of those rows: see Window.Children.
	Children []*Window
}

// Collation tells how texts compare where they are stored: only the database knows.
type Collation interface {
	// Rank numbers texts in the order of a column: what comes later has the greater
	// number, and what is equal there has the same one.
	Rank(ctx context.Context, table mapping.TableName, column string, texts []string) ([]int, error)
}

// Branch is a seek in an index: where some columns have one value and the next is
// in a range, in the plan's order. Branches may have rows in common.
type Branch struct {
	Index string
	// Equal fixes the first columns of the index; their Op is Equal, and a null Value
	// means that the field is null. A field of a join stands for the join's foreign
	// key: it has the values by which the one row with this value is referred to, and
	// where there is no such row the branch has none.
	Equal []Compare
	// From and To bound the field that follows; nil: no bound. Where there is any, or
	// Starts, no row is in the branch in which the field is null.
	From, To *Bound
	// Starts is what the field that follows begins with; nil: anything. It goes
	// together with From and To.
	Starts *StartsWith
	// Rest has to be looked for row by row; nil: nothing. Then no more than Looks
	// rows of the seek are looked at. 0: Rest is what a field in Equal begins with, and
	// its value there does; then the rows need no counting.
	Rest  Expr
	Looks int
}

// Bound is one end of a range of a field.
type Bound struct {
	Field     int
	Value     Value // null in From: the field is not null, and has no other lower bound
	Inclusive bool
}
