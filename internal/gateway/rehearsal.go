package gateway

import (
	"cmp"
	"context"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Rehearser is a Store that can tell what a message would do. It is asked by tools,
// and before an operator has a stored message processed again.
type Rehearser interface {
	// Rehearse does what Commit would do with one message, in a transaction that
	// is rolled back, and tells what that came to. The mapping is checked against
	// the tables first; prepare makes the entry with the checked one. Nothing
	// lasts, but numbers that the database has drawn meanwhile are used up where
	// it does not take them back (SQL Server's identities and sequences).
	//
	// Errors are those of Store.Writer, of prepare, and fault.Unavailable; what
	// the store has against the message stands in the rehearsal's outcome.
	Rehearse(ctx context.Context, m *mapping.Mapping, prepare func(*mapping.Checked) (*Entry, error)) (*Rehearsal, error)
}

// Rehearsal is what a message would do to the tables.
type Rehearsal struct {
	Outcome Outcome
	// Rendered is reply and publications; zero unless the message would be stored.
	Rendered mapping.Rendered
	// Rows is beside mapping.Changeset.Rows.
	Rows [][]RowFate
	// Deleted are the stored rows that the message no longer has, with those
	// below them. More counts what a limit cut off.
	Deleted []DeletedRow
	More    int
}

// Fate is what becomes of a row.
type Fate uint8

// The fates.
const (
	Unwritten Fate = iota // nothing is stored, because the message is not
	Inserted              // there was no such row
	Updated               // it was there with other values
	Unchanged             // it was there and stays as it is
	Overtaken             // it, or the row above it, is older than what is stored
)

var fateNames = [...]string{"not written", "inserted", "updated", "kept", "superseded"}

// String returns the word that tools show.
func (f Fate) String() string { return fateNames[f] }

// RowFate is what becomes of one row.
type RowFate struct {
	Fate Fate
	// Before and After are the stored row with all columns of its table; nil when
	// there is none, or none that can be found: a row without a natural key.
	Before, After []StoredColumn
	// Found is what the look-ups of its columns found, by index into the step's
	// Columns.
	Found map[int]mapping.Value
}

// StoredColumn is one column of a stored row; the zero Value is NULL.
type StoredColumn struct {
	Name  string
	Value mapping.Value
}

// DeletedRow is a stored row that would be deleted.
type DeletedRow struct {
	Table int // index into mapping.Mapping.Tables
	Row   []StoredColumn
}

// RehearsalEntry makes the entry of a message that came by no door: what Accept
// would hand over to the store if sender sent in to route now. Done does nothing.
func RehearsalEntry(route string, sender *Principal, m *mapping.Mapping, in *mapping.Input, changes *mapping.Changeset, id ID) *Entry {
	message := &Message{
		ID: id, ReceivedAt: in.Message.ReceivedAt, Route: route, Endpoint: "rehearsal", Mapping: m.Name + "@" + m.Version,
		Contract: m.Contract.Hash, Principal: sender.DN, Sender: sender.Sender, ContentType: contentXML,
		Identity: cmp.Or(changes.Identity, id.String()), Keys: changes.Keys, Body: digestOf(m, in),
		Payload: document.AppendStandalone(nil, in.Payload),
	}
	message.OrderingKey = cmp.Or(changes.OrderingKey, message.Identity)
	message.Correlation = cmp.Or(in.Message.MessageID, message.Identity)
	return &Entry{
		Message: message, Changes: changes, Size: len(message.Payload), Done: func() {},
		Render: func(stored []mapping.Value) (*mapping.Rendered, error) { return m.Render(in, stored) },
	}
}

// RehearsalPart is a part of a message that came by no door, as Accept would make
// a message of it.
type RehearsalPart struct {
	Input  mapping.Input
	Path   string // where the part stands in what came, with Line and Column
	Line   int
	Column int

	from *partOrigin
}

// Locate translates a detail about the part into one about what came.
func (r *RehearsalPart) Locate(d fault.Detail) fault.Detail { return r.from.Locate(d) }

// RehearsalParts calls yield with each part of a message in the order of the
// document, and releases it afterwards; tree is what in is of. located translates
// places in it into those of what came; it may be nil. Errors are *fault.Error, or
// yield's.
func RehearsalParts(m *mapping.Mapping, tree *document.Tree, in *mapping.Input, located interface {
	Locate(fault.Detail) fault.Detail
}, yield func(*RehearsalPart) error) error {
	nodes, err := m.Parts(in)
	if err != nil {
		return err
	}
	p := &passage{arrival: &Arrival{}, writer: &boundWriter{mapping: &mapping.Checked{Mapping: m}}, tree: tree, input: *in, origin: located}
	cut, err := p.cut(nodes)
	if err != nil {
		return err
	}
	for i := range nodes {
		from := cut(i)
		at := from.outward(from.at)
		part, input, err := from.open(m, in, i+1)
		if err == nil {
			err = yield(&RehearsalPart{Input: input, Path: at.Path, Line: at.Line, Column: at.Column, from: from})
		}
		if part != nil {
			part.Release()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
