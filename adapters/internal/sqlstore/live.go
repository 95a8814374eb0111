package sqlstore

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Live names the rows of a step to those who hear of changes: by the values of
// some columns, which tell a row of the table from all others.
type Live struct {
	Subject string
	Parts   []LivePart
	Version string // the column that has the number of a row's last write, if anybody asks for it
}

// LivePart is where a value of the name is taken from: a column that the step
// writes, or else, Column being -1, one that is read back.
type LivePart struct{ Column, Read int }

// Name is the column that the part is of.
func (p LivePart) Name(s *Step) string {
	if p.Column >= 0 {
		return s.Columns[p.Column].Name
	}
	return s.Reads[p.Read].Name
}

// Model describes the column that the part is of.
func (p LivePart) Model(s *Step) *mapping.ColumnModel {
	if p.Column >= 0 {
		return s.Columns[p.Column].Model
	}
	return s.Reads[p.Read].Model
}

// Versions reports whether the plan notes numbers of writes.
func (p *Plan) Versions() bool {
	return slices.ContainsFunc(p.Steps, func(s *Step) bool {
		return slices.ContainsFunc(s.Live, func(l Live) bool { return l.Version != "" })
	})
}

// Notes reports whether the plan writes anything that somebody may hear of.
func (p *Plan) Notes() bool {
	return slices.ContainsFunc(p.Steps, func(s *Step) bool { return len(s.Live) > 0 })
}

// live finds out how the rows of live tables are named. A column of the natural
// key is known; any other is what the database says it is.
func (p *planner) live() {
	for _, t := range p.plan.Mapping.Live {
		for _, s := range p.plan.Steps {
			if s.Model == nil {
				continue // the missing table is reported by its own step
			}
			if s.Name == t.Table {
				l := Live{Subject: t.Subject(), Parts: p.liveParts(s, t.Key)}
				if _, _, ok := s.Model.Find(t.Version); ok { // else a row is told twice, which is better than not stored
					l.Version = t.Version
				}
				s.Live = append(s.Live, l)
				s.Noted = true
			}
			for _, c := range p.plan.Mapping.Tells(s.Table, t) {
				if !slices.Contains(s.Tells, c) {
					s.Tells = append(s.Tells, c)
				}
				s.Noted, p.plan.Steps[s.Columns[c].Column.Ref].Noted = true, true
			}
		}
	}
}

func (p *planner) liveParts(s *Step, key []string) []LivePart {
	parts := make([]LivePart, len(key))
	for i, name := range key {
		c := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Column.Name == name })
		written := c >= 0 && s.Columns[c].Model != nil
		switch {
		case written && slices.Contains(s.Match, c):
			parts[i] = LivePart{Column: c}
		case len(s.Key()) > 0:
			parts[i] = LivePart{-1, p.read(s, name, s.Source)}
		case written && !s.Columns[c].Model.Nullable && s.Columns[c].Native.Default == "" && s.Columns[c].Found == nil && !p.deletable(s):
			parts[i] = LivePart{Column: c} // always there, or the database refuses the row
		default:
			p.fault(s.Source, s.Name.String()+"."+name, "a view with live: true names rows by this column, which is not known of a row without match or sequence")
		}
	}
	return parts
}

// deletable reports whether the mapping deletes rows of a step.
func (p *planner) deletable(s *Step) bool {
	for {
		if s.Absent.Deletes() {
			return true
		}
		if s.Parent < 0 {
			return false
		}
		s = p.plan.Steps[s.Parent]
	}
}

// Change is a row that a message has written.
type Change struct {
	Subject string
	Key     string // see KeyText
	Version int64  // the number of the row's last write, where that is known and asked for
}

// Own is by what a row is known again when its number is looked at: hashes of the
// subject and of the key.
func (c Change) Own() (subject, row string) { return hashText(c.Subject), hashText(c.Key) }

// KeyText is how a row is named in the log: its key's values in their canonical
// text, with commas between them.
func KeyText(values []Datum) string {
	var b []byte
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = gateway.AppendKeyPart(b, v.canonical())
	}
	return string(b)
}

// canonical writes the value as every database would have it: numbers in plain
// digits, a decimal with its column's scale, instants in UTC, bytes in hexadecimal
// digits.
func (d Datum) canonical() string {
	if !d.Present {
		return "" // of no column that names a row
	}
	switch d.Kind {
	case mapping.IntegerColumn:
		return strconv.FormatInt(d.Int, 10)
	case mapping.BoolColumn:
		return strconv.FormatBool(d.Int != 0)
	case mapping.DecimalColumn:
		return d.Number.Text('f')
	case mapping.FloatColumn:
		return strconv.FormatFloat(d.Float, 'g', -1, 64)
	case mapping.DateTimeColumn:
		return d.Instant.UTC().Format(time.RFC3339Nano)
	case mapping.DateColumn:
		return d.Instant.Format(time.DateOnly)
	case mapping.BytesColumn:
		return hex.EncodeToString(d.Bytes)
	}
	return d.Text
}

// Written are the changes of the items that are stored with this attempt, each row
// once, in the order of the messages.
func Written(items []*Item) []ChangeOf {
	var out []ChangeOf
	seen := map[Change]bool{}
	for _, it := range items {
		if !it.Sealable() {
			continue
		}
		for _, c := range it.Changes {
			if !seen[c] {
				seen[c] = true
				out = append(out, ChangeOf{it, c})
			}
		}
	}
	return out
}

// ChangeOf is a change with the message that it is of.
type ChangeOf struct {
	Item *Item
	Change
}
