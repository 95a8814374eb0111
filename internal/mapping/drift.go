package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Change is one difference between two pictures of a table.
type Change struct {
	Table TableName
	What  string // such as "column sku" or "unique index (order_no)"; empty: the table itself
	// From and To are what it was and what it is, as the database declares it;
	// empty when it was not there before, or is gone.
	From, To string
}

// String renders the change on one line.
func (c Change) String() string {
	name := c.Table.String()
	if c.What != "" {
		name += ": " + c.What
	}
	switch {
	case c.From == "":
		return strings.TrimSuffix(name+" added: "+c.To, ": "+present)
	case c.To == "":
		return strings.TrimSuffix(name+" gone: "+c.From, ": "+present)
	}
	return name + ": " + c.From + " -> " + c.To
}

// present stands in Change for what is there and has nothing else to be told.
const present = "there"

// Reach lists the tables and sequences that the mapping depends on: those it
// names, and as far as the schema knows them those that foreign keys lead to.
func (m *Mapping) Reach(s Schema) []TableName {
	names := m.TableNames()
	for i := 0; i < len(names); i++ {
		if t, ok := s.Table(names[i]); ok {
			for _, fk := range t.ForeignKeys {
				names = appendOnce(names, fk.Table)
			}
		}
	}
	return append(names, m.SequenceNames()...)
}

// Changes lists what differs between two pictures in the tables that the mapping
// depends on, in the order in which it names them.
func (m *Mapping) Changes(before, after Schema) []Change {
	names := m.Reach(before)
	for _, name := range m.Reach(after) {
		names = appendOnce(names, name)
	}
	var out []Change
	for _, name := range names {
		was, had := before.Table(name)
		is, has := after.Table(name)
		switch {
		case had && !has:
			out = append(out, Change{Table: name, From: present})
		case has && !had:
			out = append(out, Change{Table: name, To: present})
		case had && has:
			out = append(out, was.changes(is)...)
		}
	}
	return out
}

// parts are what a table consists of, by name, each as it is declared.
type parts struct {
	names    []string
	declared map[string]string
}

func (p *parts) add(name, declared string) {
	if declared == "" {
		declared = present
	}
	if _, twice := p.declared[name]; twice {
		declared = p.declared[name] + "; " + declared
	} else {
		p.names = append(p.names, name)
	}
	p.declared[name] = declared
}

// parts lists them: columns first.
func (t *TableModel) parts() *parts {
	p := &parts{declared: map[string]string{}}
	for i := range t.Columns {
		p.add("column "+t.Columns[i].Name, t.Columns[i].declaration())
	}
	for _, index := range t.Unique {
		p.add("unique index ("+strings.Join(slices.Sorted(slices.Values(index)), ", ")+")", "")
	}
	for _, index := range t.Unusable {
		p.add("index "+index.Name, index.Why)
	}
	for _, fk := range t.ForeignKeys {
		p.add("foreign key ("+strings.Join(fk.Columns, ", ")+")", fk.declaration())
	}
	for _, c := range t.Checks {
		text := c.Text
		if c.Disabled {
			text += " (disabled)"
		}
		p.add("check "+c.Name, text)
	}
	for _, name := range t.Triggers {
		p.add("trigger "+name, "")
	}
	return p
}

// declaration is the column in words; of one that nobody declared, in ours.
func (c *ColumnModel) declaration() string {
	if c.Declared != "" {
		return c.Declared
	}
	return fmt.Sprintf("%s %+v", c.Kind, c.ColumnType)
}

func (fk *ForeignKey) declaration() string {
	text := "to " + fk.Table.String() + " (" + strings.Join(fk.RefColumns, ", ") + ")"
	if fk.Cascade != "" {
		text += " " + fk.Cascade
	}
	if fk.Disabled {
		text += ", disabled"
	}
	if fk.Untrusted {
		text += ", not trusted"
	}
	return text
}

func (t *TableModel) changes(now *TableModel) []Change {
	if t.Sequence || now.Sequence {
		return nil
	}
	was, is := t.parts(), now.parts()
	var out []Change
	for _, name := range was.names {
		if from, to := was.declared[name], is.declared[name]; from != to {
			out = append(out, Change{t.Name, name, from, to})
		}
	}
	for _, name := range is.names {
		if _, had := was.declared[name]; !had {
			out = append(out, Change{t.Name, name, "", is.declared[name]})
		}
	}
	return out
}
