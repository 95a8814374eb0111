package mapping

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
)

// LiveTable is a table whose changes somebody may want to hear of: the store notes
// which rows of it a message writes.
type LiveTable struct {
	Table TableName
	Key   []string // the columns by which a row is named, in the order of their names
	// Below are tables whose rows are shown with a row of Table: when a message
	// writes one of them under a row of its own, that row has changed.
	Below []TableName
	// Version is the column by which is found what others have written; empty where
	// nobody looks for that.
	Version string
}

// NewLiveTable returns a table whose key has columns in any order.
func NewLiveTable(table TableName, key []string, below ...TableName) LiveTable {
	return LiveTable{Table: table, Key: slices.Sorted(slices.Values(key)), Below: below}
}

// Subject names what is noted: the table and the columns of the key, as
// sales.sales_order(order_no). Two views with one subject share what is noted.
func (t LiveTable) Subject() string {
	text := t.Table.String() + "("
	for i, column := range t.Key {
		if i > 0 {
			text += ","
		}
		text += column
	}
	return text + ")"
}

// Living returns the mapping as one whose writes of these tables are noted; m
// itself where there are none of them.
func (m *Mapping) Living(tables []LiveTable) *Mapping {
	if len(tables) == 0 {
		return m
	}
	out := *m
	out.Live, out.Warnings, out.Noting = nil, slices.Clip(m.Warnings), Subjects(tables)
	for _, t := range tables {
		if !slices.ContainsFunc(m.Tables, func(s Table) bool { return s.Name == t.Table }) {
			continue
		}
		same := func(l LiveTable) bool { return l.Subject() == t.Subject() }
		if i := slices.IndexFunc(out.Live, same); i >= 0 {
			l := &out.Live[i]
			l.Below, l.Version = append(slices.Clip(l.Below), t.Below...), cmp.Or(l.Version, t.Version)
			continue
		}
		out.Live = append(out.Live, t)
	}
	for _, t := range out.Live {
		for _, s := range m.DeafTo(t) {
			out.Warnings = append(out.Warnings, config.Fault{Message: fmt.Sprintf(
				"%s: streams do not tell that a row of %s has changed when rows of %s are written here, for the mapping does not write the row above them", s.Source, t.Table, s.Name)})
		}
	}
	return &out
}

// Subjects are those of the tables, each once, in their order.
func Subjects(tables []LiveTable) []string {
	var out []string
	for _, t := range tables {
		out = append(out, t.Subject())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// DeafTo lists the steps that write rows which are shown below those of a table
// without naming the row above: nobody hears of what they write.
func (m *Mapping) DeafTo(t LiveTable) []*Table {
	var out []*Table
	for i := range m.Tables {
		if s := &m.Tables[i]; slices.Contains(t.Below, s.Name) && m.Tells(s, t) == nil {
			out = append(out, s)
		}
	}
	return out
}

// Tells lists the columns of a step that name a row of the message which changes
// with the step's own rows, since these are shown below it.
func (m *Mapping) Tells(s *Table, t LiveTable) []int {
	if !slices.Contains(t.Below, s.Name) {
		return nil
	}
	var out []int
	for i, c := range s.Columns {
		if c.Ref < 0 || c.Ref == s.Index {
			continue
		}
		if up := m.Tables[c.Ref].Name; up == t.Table || slices.Contains(t.Below, up) {
			out = append(out, i)
		}
	}
	return out
}
