package view

// Query is what somebody asks of a view. Fields are meant by their place in
// View.Fields. A query is checked against its view where it is made: what is asked
// of a field the view does not offer for it is a fault there.
type Query struct {
	Select []int // in the order of the answer; nil: every field
	Where  Expr  // nil: every row
	Order  []Order
	// ByKey is the order of the key, also where Order left open would be that of another
	// index; Order does not go with it.
	ByKey bool
	// Key asks for one row, by the values of View.Key; Where, Order, Top and After
	// do not go with it.
	Key   []Value
	Top   int  // how many rows a page has at most
	Count bool // how many rows there are, as far as that is counted: see Page.Count
	// Expand are the children to be given with each row.
	Expand []Expand
	// Shown are fields that have to be seen of a row for it to be in the answer, as it is
	// with those that are asked for in conditions.
	Shown []Shown
	// After goes on behind the last row of a page before; nil: from the beginning.
	After *Mark
}

// Order is one key of the order. Nulls come first; in a falling order last.
type Order struct {
	Field int
	Desc  bool
}

// Expand asks for the children of each row, in the order of their keys.
type Expand struct {
	Child  int   // in View.Children
	Select []int // of the child's fields; nil: all
	Top    int   // 0: as many as a child's page has
	Expand []Expand
}

// Shown is a field of the view, or of a child: Through are places in View.Children, from
// the view on. Of a row whose child is not seen at all, nothing of the child is missing.
type Shown struct {
	Through []int
	Field   int
}

// Mark is a place in an order: the values of the fields of the order and of the key
// that the last row had which was looked at. By is the order: a query that leaves it
// open may be answered in another one when the configuration or the grants have
// changed, in which the place would be anywhere.
type Mark struct {
	By     []OrderedBy
	Values []Value
}

// OrderedBy is one key of the order, by the name of its field.
type OrderedBy struct {
	Field string
	Desc  bool
}

// Expr is a condition. It is one of And, Or, Not, Compare, In, StartsWith, Contains
// and IsNull. A comparison with null other than IsNull does not exist; a comparison
// of a null field holds for no row, and neither does its negation: Not of a
// comparison means the opposite comparison (SQL's three values).
type Expr interface{ expr() }

// And holds where all of its parts do, Or where any does.
type (
	And []Expr
	Or  []Expr
	Not struct{ Of Expr }
)

// Operator compares.
type Operator uint8

// The operators of OData 4.01 §5.1.1.1.
const (
	Equal Operator = iota
	NotEqual
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
)

// Compare compares a field with a value of its type that is not null. Texts compare
// as the column's collation has it.
type Compare struct {
	Field int
	Op    Operator
	Value Value
}

// In holds where a field has one of the values. With no values it holds for no row,
// and its negation for every row.
type In struct {
	Field  int
	Values []Value
}

// IsNull holds where a field has no value.
type IsNull struct{ Field int }

// StartsWith and Contains are of text fields, as the column's collation has it.
type (
	StartsWith struct {
		Field int
		Text  string
	}
	Contains struct {
		Field int
		Text  string
	}
)

func (And) expr()        {}
func (Or) expr()         {}
func (Not) expr()        {}
func (Compare) expr()    {}
func (In) expr()         {}
func (IsNull) expr()     {}
func (StartsWith) expr() {}
func (Contains) expr()   {}
