package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What a message can be refused for while it is written.
var (
	ErrExists     = errors.New("a row with this key is stored already")
	ErrTwice      = errors.New("the message has this key twice")
	ErrCircle     = fmt.Errorf("rows of the message refer to each other in a circle, or more than %d deep", MaxDepth)
	ErrConstraint = errors.New("the database refuses this row")
)

// MaxDepth is how deep rows of one table may hang below each other in a message.
const MaxDepth = 100

// Blame makes the fault of a message from one of the errors above, located at
// the row.
func Blame(s *Step, row *mapping.Row, err error) *fault.Error {
	code := fault.CodeConstraint
	switch err {
	case ErrExists:
		code = fault.CodeExists
	case ErrTwice, ErrCircle:
		code = fault.CodeMapping
	}
	return fault.New(code, "").With(Complaint(s, row, -1, err))
}

// Emptying makes the fault of a message that has no row of a step below a row of
// its own, where n are stored that would be deleted.
func Emptying(s *Step, parent *mapping.Row, n int64) *fault.Error {
	return fault.New(fault.CodeEmptying, "").With(Complaint(s, parent, -1,
		fmt.Errorf("the message has no row of %s here, and %d would be deleted; absent: delete_all in the mapping says that they may be", s.Name, n)))
}

// Unresolved gathers the look-ups of one message that found nothing.
type Unresolved struct {
	details []fault.Detail
	final   bool // something is missing that the mapping does not wait for
}

// Add notes that a look-up found nothing, and does what the mapping says of that:
// a column that becomes NULL or another value then, or is left alone, is nothing
// wrong.
func (u *Unresolved) Add(s *Step, row *Row, column int) {
	l, cell := s.Columns[column].Lookup, &row.Cells[column]
	switch l.NotFound {
	case mapping.NullMissing:
		return
	case mapping.ValueMissing:
		cell.Data = s.Columns[column].Found.Missing
		return
	case mapping.KeepMissing:
		cell.Left = true
		return
	}
	what := fmt.Errorf("nothing in %s has this %s", l.Table, strings.Join(l.Where, ", "))
	names := l.Where
	if l.From != "" {
		what = fmt.Errorf("%w at that time", what)
		names = append(slices.Clip(names), "at")
	}
	d := Complaint(s, row.Source, column, what)
	d.Found = show(names, cell.Keys)
	u.final = u.final || l.NotFound == mapping.RejectMissing
	if !u.said(d) {
		u.details = append(u.details, d)
	}
}

// AddRow notes that a row which is never inserted is not stored.
func (u *Unresolved) AddRow(s *Step, row *Row) {
	d := Complaint(s, row.Source, -1, fmt.Errorf("nothing in %s has this %s", s.Name, strings.Join(s.keyNames(), ", ")))
	d.Found = s.showKey(row)
	u.final = u.final || s.OnMissing == mapping.RejectMissed
	if !u.said(d) {
		u.details = append(u.details, d)
	}
}

func (s *Step) keyNames() []string {
	names := make([]string, len(s.Match))
	for i, c := range s.Match {
		names[i] = s.Columns[c].Name
	}
	return names
}

// showKey is the natural key of a row as far as the message has it.
func (s *Step) showKey(row *Row) string {
	var parts []string
	for _, c := range s.Match {
		switch cell := &row.Cells[c]; cell.Kind {
		case mapping.ValueCell:
			parts = append(parts, show([]string{s.Columns[c].Name}, []Datum{cell.Data}))
		case mapping.KeysCell:
			l := s.Columns[c].Lookup
			parts = append(parts, s.Columns[c].Name+" of "+show(l.Where, cell.Keys))
		}
	}
	return strings.Join(parts, ", ")
}

// said reports whether the column before looked for the same thing: a row that
// several columns are taken from is missing once.
func (u *Unresolved) said(d fault.Detail) bool {
	if len(u.details) == 0 {
		return false
	}
	last := u.details[len(u.details)-1]
	return last.Path == d.Path && last.Message == d.Message && last.Found == d.Found
}

// Fault is the message's fault, or nil when everything was found. A message
// waits only when all that it lacks may still come.
func (u *Unresolved) Fault() error {
	if u.details == nil {
		return nil
	}
	code := fault.CodeNotYet
	if u.final {
		code = fault.CodeLookup
	}
	return fault.New(code, "").With(u.details...)
}

func show(where []string, keys []Datum) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%s = %q", where[i], clip(k.Value().Lexical(), 60))
	}
	return strings.Join(parts, ", ")
}

// Entry is what the ledger writes of a message, cut to the columns' lengths.
type Entry struct {
	Route, Endpoint, Mapping, Principal, Sender, Identity string
	ContentType, OrderingKey, TraceParent, Correlation    string
	ReplayOf                                              []byte // nil unless it is a replay
	Keys                                                  []mapping.Key
}

// Sealable reports whether the ledger takes the item: it is stored or
// superseded by this very attempt.
func (it *Item) Sealable() bool {
	return !it.known && (it.Outcome.Status == gateway.Stored || it.Outcome.Status == gateway.Superseded)
}

func entryOf(m *gateway.Message) Entry {
	e := Entry{
		Route:       clip(m.Route, 128),
		Endpoint:    clip(m.Endpoint, 256),
		Mapping:     clip(m.Mapping, 256),
		Principal:   clip(m.Principal, 400),
		Sender:      clip(m.Sender, 400),
		Identity:    clip(m.Identity, 400),
		ContentType: clip(m.ContentType, 255),
		OrderingKey: clip(m.OrderingKey, 400),
		TraceParent: clip(m.TraceParent, 64),
		Correlation: clip(m.Correlation, 1000),
		Keys:        make([]mapping.Key, len(m.Keys)),
	}
	if m.ReplayOf != (gateway.ID{}) {
		e.ReplayOf = m.ReplayOf[:]
	}
	for i, k := range m.Keys {
		e.Keys[i] = mapping.Key{Name: clip(k.Name, 128), Value: clip(k.Value, 200)}
	}
	return e
}

// Now is the store's time.
func (it *Item) Now() time.Time { return it.store.now().UTC() }

// UnknownShard says that the table of shards lacks a row that Writer had made.
func UnknownShard(channel string, shard int) error {
	return fmt.Errorf("channel %s has no shard %d", channel, shard)
}

func unknownChannel(channel string) error {
	return fmt.Errorf("the mapping publishes to channel %q without listing it", channel)
}
