package sqlview

import (
	"context"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Column is a column with the database's own description of it.
type Column struct {
	mapping.ColumnModel
	Native sqlstore.Native
}

// Bind adds an argument to a statement and returns the text of its parameter.
type Bind func(arg any) string

// Dialect is what differs between the databases. It is safe for concurrent use.
type Dialect interface {
	Table(name mapping.TableName) string
	Quote(name string) string
	// Parameter is the place of the n-th argument, from 1.
	Parameter(n int) string
	// Value writes a value that is not null, and that the column can have, as the
	// column's type. A *Never error says that the column can have no such value.
	Value(c *Column, v view.Value, bind Bind) (string, error)
	// Limit bounds the rows of a SELECT: what stands behind the word and what
	// stands at the end.
	Limit(n string) (top, limit string)
	// Hint names the index to be used; with seek, a seek in it and nothing else.
	Hint(index string, seek bool) string
	// NotNull demands that a column is not null, in a way that an index can seek.
	NotNull(column string) string
	// Starts is a condition that an index can seek with, and says whether it is
	// exact; else Match has to be demanded besides.
	Starts(c *Column, column, text string, bind Bind) (condition string, exact bool, err error)
	// Match demands that a column begins with a text, or has it anywhere, as the
	// column's collation has it.
	Match(c *Column, column, text string, anywhere bool, bind Bind) (string, error)
	// Variables says that a value which is looked up is better declared before.
	Variables() bool
	// Follow joins what has to be read after what stands before.
	Follow() string
	// Options ends a statement.
	Options() string
	// Parents is a table p of a JSON array of arrays: n, w, and k0, k1 … with the
	// types of columns.
	Parents(columns []*Column, parameter string) string
	// Key writes a value for Parents; text is a parameter of the whole.
	Key(c *Column, v view.Value) (any, error)
	Document(text string) any
	// Apply says that a derived table can be made for each row of another.
	Apply() bool
	// Ranks is a query of @p1, a JSON array of texts: the number of each in the
	// order of a column, in the order of the array.
	Ranks(c *Column, parameter string) string
	// Period is the first day, in UTC, of the period that a moment or a day lies in.
	Period(c *Column, column string, by view.Period) string
	// Sum writes the sum of a column of integers or decimals, in one column or in
	// several, of which no part can be too large unless Overflows says so. ReadSum puts
	// them together; none of them is null.
	Sum(c *Column, column string) []string
	ReadSum(c *Column, src []any) (view.Value, error)
	// Overflows reports whether an error says that a sum does not fit.
	Overflows(err error) bool
	// Read takes a value as the driver gives it; nil is null.
	Read(c *Column, src any) (view.Value, error)

	// Query reads, on a pool of connections of its own.
	Query() sqlstore.Querier
	// Frozen begins to read from the database as it is at one position. When
	// exact is false, what is read may be newer than the position, never older.
	Frozen(ctx context.Context) (q sqlstore.Querier, at view.Position, end func() error, exact bool, err error)
	Introspect(ctx context.Context, q sqlstore.Querier, names []mapping.TableName) ([]*sqlstore.Table, error)
	Classify(err error) sqlstore.Class
	// CreateIndex writes the statement that makes an index.
	CreateIndex(table mapping.TableName, columns []view.IndexColumn) string
	Close() error
}

// Never says that a column can have no such value: it is equal to none. Below says
// that every value of the column is greater, Above that every one is smaller.
type Never struct{ Below, Above bool }

// Error implements error.
func (*Never) Error() string { return "the column can have no such value" }
