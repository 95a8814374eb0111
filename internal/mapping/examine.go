package mapping

import (
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Examination is what a mapping and the tables have to do with each other.
type Examination struct {
	Complaints []Complaint `json:"complaints,omitempty"`
	Narrowings []Narrowing `json:"narrowings,omitempty"`
	// Losses are values that the mapping's author lets be cut: truncate.
	Losses []Narrowing `json:"losses,omitempty"`
	Notes  []Note      `json:"notes,omitempty"`
}

// Complaint is something that keeps the mapping from being used, with what would
// mend it: each of Mends by itself, the first the one that loses least.
type Complaint struct {
	fault.Detail
	Mends []Mend `json:"mends,omitempty"`
}

// Narrowing is a place where the contract allows more than a column takes. The
// checked mapping refuses a value that does not fit, before the commit.
type Narrowing struct {
	Source string `json:"source"` // file:line:column of the rule in the mapping
	Path   string `json:"path"`   // the expression as written
	Target string `json:"target"` // schema.table.column
	Reason string `json:"reason"` // e.g. "any length meets 40 UTF-16 units"
	Mends  []Mend `json:"mends,omitempty"`
}

// String renders the narrowing on one line, without its mends.
func (n Narrowing) String() string {
	return n.Source + ": " + n.Path + " -> " + n.Target + ": " + n.Reason
}

// Note is what the author of a mapping should know of a table: nothing is wrong.
type Note struct {
	Table   string `json:"table"`
	Message string `json:"message"`
}

// String renders the note on one line.
func (n Note) String() string { return n.Table + " " + n.Message }

// Checked is a mapping that agrees with a Schema. Its Apply enforces the
// narrowings; apart from that it is the mapping it was made from.
type Checked struct {
	*Mapping
	Narrowings []Narrowing
	// Tables is what it was checked against.
	Tables Schema
}

// Check compares the mapping with the tables it writes. The error is a
// *fault.Error of CodeSchema with a detail for each complaint of Examine. The
// mapping itself is not changed.
func (m *Mapping) Check(s Schema) (*Checked, error) {
	checked, found := m.examine(s)
	if err := found.Err(m.Name); err != nil {
		return nil, err
	}
	return &Checked{Mapping: checked, Narrowings: found.Narrowings, Tables: s}, nil
}

// Err is the *fault.Error of CodeSchema with a detail for each complaint about the
// mapping of that name, or nil.
func (e *Examination) Err(name string) error {
	if len(e.Complaints) == 0 {
		return nil
	}
	details := make([]fault.Detail, len(e.Complaints))
	for i := range e.Complaints {
		details[i] = e.Complaints[i].Detail
	}
	return fault.New(fault.CodeSchema, "the mapping %s does not fit the tables", name).With(details...)
}

// Examine compares the mapping with the tables it writes, and says what would mend
// what is wrong. Complaints are: tables and columns that are not there, classes
// that do not fit, keys without a unique index, columns that need a value and may
// get none, foreign keys that the order of writing cannot meet; of a strict
// mapping narrowings too. A schema that is a Builder has its statements proposed.
func (m *Mapping) Examine(s Schema) *Examination {
	_, found := m.examine(s)
	return found
}

func (m *Mapping) examine(s Schema) (*Mapping, *Examination) {
	checked := *m
	checked.limits = make([][]limit, len(m.Tables))
	c := &checker{mapping: &checked, schema: s, models: make([]*TableModel, len(m.Tables)), found: &Examination{}}
	for i := range m.Tables {
		c.find(i)
	}
	for i := range m.Tables { // a row may refer to one of a later step: that of a look-up which inserts
		if c.models[i] != nil {
			c.table(i)
		}
	}
	for i := range m.Tables {
		if c.models[i] != nil {
			c.keys(i)
			c.keyBytes(i)
			c.foreignKeys(i)
		}
	}
	c.returns()
	c.notes()
	if m.Strict {
		c.found.Tighten()
	}
	return &checked, c.found
}

// Tighten makes complaints of narrowings.
func (e *Examination) Tighten() {
	for _, n := range e.Narrowings {
		e.Complaints = append(e.Complaints, n.complaint())
	}
	e.Narrowings = nil
}

// complaint is the narrowing where none is allowed.
func (n Narrowing) complaint() Complaint {
	return Complaint{fault.Detail{Message: "the contract allows more than the column takes: " + n.Reason, Source: n.Source, Target: n.Target}, n.Mends}
}
