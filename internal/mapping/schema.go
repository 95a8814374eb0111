package mapping

import (
	"slices"
	"time"
)

// ColumnKind is what a column of the business database holds, whatever the
// dialect calls it.
type ColumnKind uint8

// The kinds of column.
const (
	StringColumn   ColumnKind = iota // char, varchar, nvarchar, text
	BytesColumn                      // binary, varbinary, blob
	IntegerColumn                    // tinyint to bigint
	DecimalColumn                    // decimal, numeric, money
	BoolColumn                       // bit
	DateTimeColumn                   // datetime2 and kin; kept in UTC
	DateColumn
	TimeColumn
	FloatColumn // real, float
)

var columnKindNames = [...]string{"string", "bytes", "integer", "decimal", "bool", "datetime", "date", "time", "float"}

// String returns the word used in complaints.
func (k ColumnKind) String() string { return columnKindNames[k] }

// ColumnType is what a column accepts.
type ColumnType struct {
	Kind ColumnKind
	// Length is the most a string or bytes column holds; 0 means no limit. It
	// counts UTF-16 code units when Unicode, else bytes in Charset.
	Length  int
	Unicode bool
	// Charset is the IANA name of the code page of a string column that is not
	// Unicode, such as windows-1252 or utf-8. Empty or unknown means ASCII only.
	Charset string
	// Fixed says that a string or bytes column always has Length: text is filled
	// up with spaces, which compare as if they were not there, and bytes must be
	// as many, for zeros would be other bytes.
	Fixed bool `json:",omitempty"`
	// UUID says that a string column takes UUIDs only.
	UUID bool `json:",omitempty"`
	// Precision and Scale bound a decimal: digits in all, digits after the
	// point. Scale is also the number of fractional digits that a datetime or
	// time keeps. Of a float Precision is the bits of its mantissa: up to 24 it
	// has 32 bits in all, else 64.
	Precision, Scale int
	// Grain is what a datetime counts in when that is not a decimal fraction of a
	// second: a 300th of one, or a minute. 0 means that Scale says it.
	Grain time.Duration `json:",omitempty"`
	// Min and Max bound an integer, both inclusive.
	Min, Max int64
	// Earliest and Latest bound a datetime or date, both inclusive, in UTC; the
	// zero time means no bound.
	Earliest, Latest time.Time
	Nullable         bool
	HasDefault       bool
	Identity         bool // the database draws the value; a mapping cannot write it
	Computed         bool // a computed or rowversion column; a mapping cannot write it
}

// Fills reports whether a row may leave the column out.
func (t ColumnType) Fills() bool { return t.Nullable || t.HasDefault || t.Identity || t.Computed }

// ColumnModel is one column of a table as it is in the database.
type ColumnModel struct {
	Name string
	ColumnType
	// Declared is the column as the database declares it, for people and to be
	// compared: type, collation, NULL, default. Empty where nobody knows.
	Declared string `json:",omitempty"`
}

// ForeignKey says that Columns refer to RefColumns of Table, in order.
type ForeignKey struct {
	Name       string
	Columns    []string
	Table      TableName
	RefColumns []string
	// Disabled says that the database does not enforce it, Untrusted that rows may
	// be stored that break it.
	Disabled, Untrusted bool
	// Cascade is what the database does by itself when the row referred to goes or
	// changes, such as ON DELETE CASCADE; empty when it refuses.
	Cascade string
}

// Index is a unique index that nothing can lean on.
type Index struct {
	Name    string
	Columns []string // in no order
	Why     string   // filtered, disabled, or over an expression
}

// Constraint is a CHECK constraint: what it refuses, no mapping can know.
type Constraint struct {
	Name     string // empty where it has none
	Text     string // the condition
	Disabled bool
}

// TableModel is a table as it is in the database.
type TableModel struct {
	Name    TableName
	Columns []ColumnModel // in the table's order
	// Unique holds the columns of each unique index or constraint, the primary
	// key included, filtered indexes left out.
	Unique      [][]string
	ForeignKeys []ForeignKey
	// Unusable are unique indexes that are not among Unique.
	Unusable []Index
	Checks   []Constraint
	// Triggers names the triggers that run when rows are written.
	Triggers []string
	// Sequence says that it is no table, but a sequence of whole numbers.
	Sequence bool
	// Narrow lists the indexes that Unique says nothing of, or not enough: those
	// that are not unique, filtered ones, and the clustered one, which has less room.
	Narrow []IndexModel
	// KeyBytes is the longest key, in bytes, that an index of the database
	// takes; 0 means no limit.
	KeyBytes int
}

// IndexModel is an index with the longest key, in bytes, that it takes.
type IndexModel struct {
	Columns []string
	Bytes   int
}

// Column finds a column by name, case and all.
func (t *TableModel) Column(name string) (*ColumnModel, bool) {
	i := slices.IndexFunc(t.Columns, func(c ColumnModel) bool { return c.Name == name })
	if i < 0 {
		return nil, false
	}
	return &t.Columns[i], true
}

// HasUnique reports whether a unique index has exactly these columns, in any order.
func (t *TableModel) HasUnique(columns []string) bool {
	want := slices.Sorted(slices.Values(columns))
	return slices.ContainsFunc(t.Unique, func(index []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(index)), want)
	})
}

// Schema is the business database as a store has found it. It is a snapshot:
// immutable, safe for concurrent use. Sequences are among its tables.
type Schema interface {
	Table(name TableName) (*TableModel, bool)
}

// TableNames lists the tables that the mapping writes or looks in, each once.
func (m *Mapping) TableNames() []TableName {
	var names []TableName
	for i := range m.Tables {
		names = appendOnce(names, m.Tables[i].Name)
		for _, c := range m.Tables[i].Columns {
			if c.Lookup != nil {
				names = appendOnce(names, c.Lookup.Table)
			}
		}
	}
	return names
}

// SequenceNames lists the sequences that the mapping draws from, each once.
func (m *Mapping) SequenceNames() []TableName {
	var names []TableName
	for i := range m.Tables {
		for _, c := range m.Tables[i].Columns {
			if c.Sequence != nil {
				names = appendOnce(names, *c.Sequence)
			}
		}
	}
	return names
}

func appendOnce(names []TableName, name TableName) []TableName {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
