package mapping

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// TableName is a table of the business database.
type TableName struct{ Schema, Name string }

// String returns schema.name.
func (t TableName) String() string { return t.Schema + "." + t.Name }

// OnMatch says what a row does when its natural key is stored already.
type OnMatch uint8

// The choices of on_match.
const (
	Update OnMatch = iota // set the columns whose source is present
	Keep                  // leave the stored row as it is
	Fail                  // the message is a conflict
)

// Deletes reports whether stored children may be deleted.
func (a Absent) Deletes() bool { return a != KeepAbsent }

// OnMissing says what a row does when its natural key is not stored.
type OnMissing uint8

// The choices of on_missing.
const (
	Insert        OnMissing = iota // make the row
	RejectMissed                   // the message is invalid
	WaitForMissed                  // not_yet: an asynchronous door tries again, bounded
)

// Absent says what happens to stored children that a message no longer has.
type Absent uint8

// The choices of absent.
const (
	KeepAbsent   Absent = iota
	DeleteAbsent        // but a message that has none at all is refused
	DeleteAll           // also when the message has none
)

// NotFound says what happens when a look-up finds nothing.
type NotFound uint8

// The choices of not_found.
const (
	RejectMissing NotFound = iota // the message is invalid
	NullMissing                   // the column becomes NULL
	WaitMissing                   // not_yet: an asynchronous door tries again, bounded
	KeepMissing                   // the column is left as it is: absent
	ValueMissing                  // the column becomes Lookup.Value
)

// Table is one step of a mapping's write plan: the rows it makes for one table.
// Steps stand in pre-order: a parent before its children.
type Table struct {
	Index   int // its place in Mapping.Tables
	Parent  int // index of the step whose row each row here belongs to; -1 at the top
	Name    TableName
	As      string // the variable that names its row, or empty
	Match   []int  // indexes into Columns: the natural key; empty means always insert
	OnMatch OnMatch
	// OnMissing other than Insert needs Match: the step never makes a row.
	OnMissing OnMissing
	Absent    Absent // deleting needs a reference to the parent among Match
	Version   int    // index into Columns of the version guard; -1 for none
	// Stub says that the rows are made by a look-up that finds none: the first of
	// equal keys counts, also within a message.
	Stub    bool
	Columns []Column
	Source  string // file:line:column of the step
}

// Drawn is the index of the column that a sequence fills, or -1: such a row has
// no natural key, and is known by that number.
func (t *Table) Drawn() int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Sequence != nil })
}

// Key lists the columns that a row is found by once it is written: its natural
// key, or the number it was given; none when nothing can refer to it.
func (t *Table) Key() []int {
	if i := t.Drawn(); len(t.Match) == 0 && i >= 0 {
		return []int{i}
	}
	return t.Match
}

// Column is one column that a step writes.
type Column struct {
	Name string
	// Ref names another step's row that the value is taken from: the column's
	// cells are then of kind Reference. -1 for none.
	Ref       int
	RefColumn string
	// Lookup is how a cell of kind Keys is turned into the value; nil for none.
	Lookup *Lookup
	// Sequence is what the store draws the value from, as DrawnCell; nil for none.
	// A number is never drawn twice, and some are never stored.
	Sequence *TableName
	// AbsentNull: an absent source sets NULL on update, instead of leaving the column alone.
	AbsentNull bool
	// Class is the static type of the cells.
	Class Class
	// Source is file:line:column of the rule; Path is the expression as written.
	Source, Path string
}

// Lookup finds one value by a key in a table the message does not write.
type Lookup struct {
	Table    TableName
	Where    []string // columns compared with the cell's Keys, in order
	Classes  []Class  // static types of the keys
	Column   string   // what is taken
	NotFound NotFound
	Value    Value // of ValueMissing
	// Own are, of a look-up in the row's own table by its natural key, the indexes
	// of the columns compared with the keys: rows that the message brings are found,
	// too. Empty for every other look-up.
	Own []int
	// From and To are, of a table of codes, the columns that say when a code is
	// valid; empty for none. There is a last key then: the time that is asked about.
	// NULL leaves a period open. A day in To is the last one, a moment the first
	// after it. Of several periods the one that began last counts.
	From, To string
}

// keys are the columns that a cell's Keys are compared with.
func (l *Lookup) keys() []string {
	if l.From == "" {
		return l.Where
	}
	return append(slices.Clip(l.Where), l.From)
}

// Row is one row of a Changeset.
type Row struct {
	// Parent is the index, in Changeset.Rows of the parent step, of the row this one belongs to; -1 at the top.
	Parent int
	Cells  []Cell // one for each of the step's Columns
	// Origin locates, in the message as received, the element the row was made
	// from; of a row that is never inserted, the first value of its key. It can be
	// asked as long as the message is there.
	Origin Origin
}

// Origin is a place in the message that is looked up when it is asked for.
type Origin = xpath.Origin

// At is the Origin of a place that is known: an XPath, and where it stands, both
// counted from 1.
func At(path string, line, column int) Origin { return xpath.At(path, line, column) }

// CellKind tells what a Cell holds.
type CellKind uint8

// The kinds of cell.
const (
	AbsentCell CellKind = iota // the source is absent: not written on update, NULL or the default on insert
	NullCell                   // xsi:nil, or an absent source with `absent: null`
	ValueCell                  // Value
	Reference                  // Row: index of a row of step Column.Ref
	KeysCell                   // Keys: the arguments of Column.Lookup
	DrawnCell                  // the next number of Column.Sequence, known before the row is inserted
)

// Cell is the content of one column of one row.
type Cell struct {
	Kind  CellKind
	Value Value
	Row   int
	Keys  []Value
}

// Key is a searchable business key of a message.
type Key struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Changeset is what a mapping makes of one message: data only.
type Changeset struct {
	// Rows holds, for each step of Mapping.Tables, its rows in document order.
	Rows [][]Row
	// Identity makes a repeat a repeat; empty when the mapping names none and the message has none.
	Identity    string
	OrderingKey string // empty: the identity orders
	Keys        []Key

	arena *arena // of Rows; nil when they are released, or nobody's
}

// Return names one stored value that a reply or a publication uses, such as
// $order/id. The step makes exactly one row in every message, or none. The zero
// Value stands for NULL, and for the row that was not made.
type Return struct {
	Table  int
	Column string
}

// Publication is one message for a channel, rendered.
type Publication struct {
	Channel     string
	RoutingKey  string
	Type        string // the mapping's name for the event, or the mapping itself
	ContentType string
	Body        []byte
	// WireID is set for what no mapping publishes, such as a reply that goes to an
	// address of its own; else the store gives one.
	WireID string
}

// Rendered is what leaves the gateway for one stored message.
type Rendered struct {
	Reply        []byte // the Body's child of the reply, serialised; nil for a one-way operation
	Publications []Publication
}
