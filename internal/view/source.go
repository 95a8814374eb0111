package view

import (
	"context"
	"iter"
)

// Row is one row of an answer. Values has one for each selected field, in order.
// Seen says of each whether it may be seen of this row; what may not is null, and
// an answer leaves it out.
type Row struct {
	Values   []Value
	Seen     []bool  // nil: all
	Children [][]Row // one for each Expand
	// Cut says of each Expand whether there are more children than were asked for; nil:
	// of none. Scan never cuts.
	Cut []bool
}

// Page is an answer of a Searcher.
type Page struct {
	Fields []Field // of Values, in order
	Rows   []Row
	// More is where the next page begins; nil: there is none. A page may have fewer
	// rows than were asked for and go on nevertheless: so many were looked at.
	More *Mark
	// Count is how many rows there are, when that was asked for; AtLeast says that
	// there are more, which nobody has counted.
	Count   int64
	AtLeast bool
}

// Position is a place in the log of what was committed: the last entry of each
// chain of the audit trail, by chain. What was committed before it is in it.
type Position map[int]int64

// Searcher answers queries of somebody who may see what the query's Restrict says.
// It is safe for concurrent use.
type Searcher interface {
	// View returns a view by name, or a not_found fault.
	View(name string) (*View, error)
	// Search returns a page. A query that no index serves is an invalid fault that
	// names the index which would; one that somebody may not ask is forbidden.
	Search(ctx context.Context, who Viewer, view string, q *Query) (*Page, error)
	// Scan returns all rows of a query, which has no Top, Order, After or Count, each
	// once, as they are at one Position, which it calls at with first. They are in the
	// order of a Search, which is the key's where an index serves the query in it.
	// Where the database cannot be read at one position, it is the key's always: in no
	// other does a row that changes meanwhile keep its place. What no index serves so
	// is an invalid fault. Memory does not grow with the rows. A Row is valid until the
	// next one.
	Scan(ctx context.Context, who Viewer, view string, q *Query, at func(Position)) iter.Seq2[*Row, error]
}

// Viewer is somebody who asks, with what he may see of a view.
type Viewer interface {
	// Sight returns the windows of a view, or a forbidden fault.
	Sight(view string) ([]Window, error)
}

// Window is what one grant shows of a view: the fields of the rows that satisfy all
// of its conditions.
type Window struct {
	Fields []int  // nil: all
	Rows   []Expr // nil: every row
	// Children are the windows on the children of those rows, one for each of
	// View.Children, nil where they are not seen; nil: all of all children. They have
	// no Rows.
	Children []*Window
}
