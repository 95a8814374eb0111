package view

import "github.com/gatehouse/gatehouse/internal/mapping"

// View is a declared view, held against the tables as they are. It is immutable.
type View struct {
	Name, Doc string
	Table     mapping.TableName
	Joins     []Join
	Fields    []Field
	Key       []int // fields that tell a row from all others, never null, in the order of the unique index they are
	Children  []Child
	// Live says that a stream of the view's changes can be had: see docs/live.md.
	Live bool
	// Watch is how it is found what others than the gateway have written; nil: not.
	Watch *Watch
	// LooksAt is how many rows a query may look at that no index serves; 0: such a
	// query is refused.
	LooksAt int

	path    string // the file of its declaration
	indexes []Index
	seeks   []seek // one for each field
	dialect Dialect
}

// Watch is an index that finds the rows which were written last: it begins with a
// column of the view's table whose type is rowversion.
type Watch struct{ Column, Index string }

// Join brings in the one row, or none, that a foreign key of the view's table, or of
// an earlier join, refers to.
type Join struct {
	Name     string
	From     int // the join that has the foreign key, or -1: the view's table
	Table    mapping.TableName
	Columns  []string // of From
	Refers   []string // of Table
	Optional bool     // the foreign key can be null
}

// Class says how a field is to be guarded.
type Class uint8

// The classes. A classed field is seen only through a grant that names its class.
const (
	Open Class = iota
	Personal
	Secret
)

// Field is what a row shows under a name.
type Field struct {
	Name, Doc string
	Join      int // in View.Joins, or -1: the view's table
	Column    string
	Type      mapping.ColumnType
	Class     Class
	Filter    bool // can be asked for in conditions
	Sort      bool // can be ordered by
}

// Child is a view of the rows that refer to a row: the lines of an order.
type Child struct {
	Name   string
	View   *View    // its Name is the parent's and the child's, with a slash
	By     []string // the columns of its foreign key
	Refers []string // of the parent's table
}

// Dialect writes what an administrator can run.
type Dialect interface {
	// CreateIndex is the statement that makes an index of these columns, ended by a
	// semicolon.
	CreateIndex(table mapping.TableName, columns []IndexColumn) string
}

// seek is what an index has to have for a condition on a field to be served.
type seek struct {
	columns []string // of the view's table; nil: no index can serve it
	joined  bool     // they are the foreign key of the join that the field is of
}
