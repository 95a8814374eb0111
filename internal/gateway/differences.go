package gateway

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Differences are what it would change to process a stored message again.
type Differences struct {
	Message ID     `json:"message"`
	Outcome string `json:"outcome"` // stored, superseded; duplicate when just that was done before
	// Seen names these differences, for the act that follows.
	Seen         string        `json:"seen"`
	Rows         []RowChange   `json:"rows"`
	Deleted      []DeletedLine `json:"deleted,omitempty"`
	MoreDeleted  int           `json:"more_deleted,omitempty"`
	Publications []Published   `json:"publications,omitempty"`

	status Status
}

// RowChange is what would become of one row.
type RowChange struct {
	Table  string `json:"table"`
	Effect string `json:"effect"` // inserted, updated, kept, superseded, not written
	// Columns are those of the natural key, and those that change.
	Columns []ColumnChange `json:"columns"`

	stored []StoredColumn // before
}

// ColumnChange is one column of a row, in XML form; nil is NULL, or a row that is
// not there.
type ColumnChange struct {
	Name   string  `json:"name"`
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
}

// DeletedLine is a row that would be deleted.
type DeletedLine struct {
	Table   string         `json:"table"`
	Columns []ColumnChange `json:"columns"`
}

// Published is an event that would be published.
type Published struct {
	Channel    string `json:"channel"`
	RoutingKey string `json:"routing_key"`
	Type       string `json:"type"`
}

// Changes counts the rows that would be inserted, updated or deleted.
func (d *Differences) Changes() int {
	n := len(d.Deleted) + d.MoreDeleted
	for _, r := range d.Rows {
		if r.Effect == Inserted.String() || r.Effect == Updated.String() {
			n++
		}
	}
	return n
}

func newDifferences(m *mapping.Mapping, changes *mapping.Changeset, r *Rehearsal) *Differences {
	d := &Differences{Outcome: r.Outcome.Status.String(), MoreDeleted: r.More, Rows: []RowChange{}, status: r.Outcome.Status}
	for t := range r.Rows {
		table := &m.Tables[t]
		for n, fate := range r.Rows[t] {
			d.Rows = append(d.Rows, rowChange(table, &changes.Rows[t][n], &fate))
		}
	}
	for _, gone := range r.Deleted {
		line := DeletedLine{Table: m.Tables[gone.Table].Name.String()}
		for _, c := range gone.Row {
			line.Columns = append(line.Columns, ColumnChange{Name: c.Name, Before: storedText(c.Value)})
		}
		d.Deleted = append(d.Deleted, line)
	}
	for _, p := range r.Rendered.Publications {
		d.Publications = append(d.Publications, Published{p.Channel, p.RoutingKey, p.Type})
	}
	return d
}

func rowChange(t *mapping.Table, row *mapping.Row, fate *RowFate) RowChange {
	change := RowChange{Table: t.Name.String(), Effect: fate.Fate.String(), Columns: []ColumnChange{}, stored: fate.Before}
	if fate.Before == nil && fate.After == nil { // it cannot be found
		for c := range row.Cells {
			if row.Cells[c].Kind == mapping.ValueCell {
				change.Columns = append(change.Columns, ColumnChange{Name: t.Columns[c].Name, After: storedText(row.Cells[c].Value)})
			}
		}
		return change
	}
	both := fate.After
	if both == nil {
		both = fate.Before
	}
	for _, c := range both {
		before, after := columnIn(fate.Before, c.Name), columnIn(fate.After, c.Name)
		inKey := slices.ContainsFunc(t.Match, func(i int) bool { return t.Columns[i].Name == c.Name })
		if inKey || !sameText(before, after) {
			change.Columns = append(change.Columns, ColumnChange{c.Name, before, after})
		}
	}
	return change
}

func columnIn(row []StoredColumn, name string) *string {
	i := slices.IndexFunc(row, func(c StoredColumn) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return storedText(row[i].Value)
}

// storedText is a value in its XML form; nil is NULL.
func storedText(v mapping.Value) *string {
	if v.Class == mapping.Untyped && v.Text == "" {
		return nil
	}
	return new(v.Lexical())
}

func sameText(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
