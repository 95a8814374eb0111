package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// insertMissing is the choice of not_found that makes a row; it has no NotFound,
// because the look-up is a step of its own then.
const insertMissing = 3

// lookup compiles {lookup, where, column, not_found, insert}.
func (k *compiler) lookup(c *columnRule, self *rowScope, scope *xpath.Scope, column *Column, p *columnProgram) {
	l := c.lookup
	choice := k.choose(l.notFound(), "reject", "null", "not_yet", "insert")
	column.Path = l.Table.String() + "/" + l.Column.text
	if len(l.Where) == 0 {
		k.fail(c.node, "where needs at least one column")
	}
	if l.Insert != nil && choice != insertMissing {
		k.fail(l.Insert.node, "insert goes with not_found: insert")
	}
	if choice == insertMissing {
		k.stub(c, self, scope, column, p)
		return
	}
	missing := NotFound(choice)
	p.form = lookupForm
	k.mapping.Waits = k.mapping.Waits || missing == WaitMissing
	column.Lookup = &Lookup{Table: l.Table.TableName, Column: l.Column.text, NotFound: missing}
	p.nillable = missing == NullMissing
	inner := k.inRow(scope)
	for i := range l.Where {
		key := &l.Where[i]
		program := k.one(&key.expression, inner)
		if program == nil {
			continue
		}
		t := program.Type()
		p.optional = p.optional || t.Optional()
		p.nillable = p.nillable || t.Nillable()
		column.Lookup.Where = append(column.Lookup.Where, key.name)
		column.Lookup.Classes = append(column.Lookup.Classes, t.Class)
		p.keys = append(p.keys, program)
	}
}

// stub compiles a look-up that makes the row it does not find: to a step of its
// own, which keeps what is stored, and a reference to its row. Where a version
// guards what the looking row belongs to, the stub belongs to the same parent, so
// that a message which is too old makes none.
func (k *compiler) stub(c *columnRule, self *rowScope, scope *xpath.Scope, column *Column, p *columnProgram) {
	l := c.lookup
	if l.Insert == nil {
		k.fail(c.node, "not_found: insert needs insert:, the columns of the row that is made besides those of where; {} for none")
		return
	}
	m := k.mapping
	own := &rowScope{index: len(m.Tables), parent: self.parent}
	k.order = append(k.order, own)
	m.Tables = append(m.Tables, Table{Index: own.index, Parent: -1, Name: l.Table.TableName, OnMatch: Keep, Version: -1, Stub: true, Source: c.node.Source()})
	m.programs = append(m.programs, rowProgram{})
	if k.guarded(self.parent) {
		m.Tables[own.index].Parent = self.parent.index
	}
	var t Table // what is compiled below may add steps, which moves Tables
	var row rowProgram
	for i := range l.Where {
		key := &l.Where[i]
		col, program := k.column(&columnRule{name: key.name, node: key.node, from: &key.expression}, own, scope)
		if program.form != valueForm {
			k.fail(key.node, "where compares with values of the message")
		}
		p.optional, p.nillable = p.optional || program.optional, p.nillable || program.nillable
		program.optional, program.nillable = false, false // without a key there is no row
		t.Match = append(t.Match, i)
		t.Columns, row.columns = append(t.Columns, col), append(row.columns, program)
	}
	for _, r := range l.Insert.columns {
		if slices.ContainsFunc(t.Columns, func(have Column) bool { return have.Name == r.name }) {
			k.fail(r.node, "the column %s is written twice", r.name)
		}
		col, program := k.column(r, own, scope)
		t.Columns, row.columns = append(t.Columns, col), append(row.columns, program)
	}
	m.Tables[own.index].Match, m.Tables[own.index].Columns, m.programs[own.index] = t.Match, t.Columns, row
	p.form, p.step = stubForm, own.index
	column.Ref, column.RefColumn = own.index, l.Column.text
}

// own finds the look-ups of a row in its own table by its own natural key.
func (k *compiler) own(t *Table, p *rowProgram) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Lookup == nil || c.Lookup.Table != t.Name || c.Lookup.From != "" || len(t.Match) == 0 || len(c.Lookup.Where) != len(t.Match) {
			continue
		}
		var own []int
		for _, name := range c.Lookup.Where {
			j := slices.IndexFunc(t.Match, func(m int) bool { return t.Columns[m].Name == name })
			if j < 0 {
				break
			}
			own = append(own, t.Match[j])
		}
		if len(own) == len(t.Match) {
			c.Lookup.Own = own
			k.ownColumn(t, c, p.columns[i].node)
		}
	}
}

// ownColumn refuses what a reference among the rows of one table cannot be made of.
func (k *compiler) ownColumn(t *Table, c *Column, node *config.Node) {
	written := slices.IndexFunc(t.Columns, func(o Column) bool { return o.Name == c.Lookup.Column })
	switch {
	case slices.ContainsFunc(t.Match, func(m int) bool { return &t.Columns[m] == c }):
		k.fail(node, "%s is part of match, by which its own row is found", c.Name)
	case written >= 0 && !slices.Contains(t.Match, written):
		k.fail(node, "the row it refers to may be one of this message, which writes %s; refer to a column of match or to one that the database fills", c.Lookup.Column)
	case t.Parent >= 0 && k.guarded(k.order[t.Parent]):
		k.fail(node, "rows that refer to each other cannot stand below a row with version")
	}
}

// guarded reports whether a version guards a row or what it belongs to.
func (k *compiler) guarded(s *rowScope) bool {
	for ; s != nil; s = s.parent {
		if k.mapping.Tables[s.index].Version >= 0 {
			return true
		}
	}
	return false
}

// stub makes the row that a look-up refers to, once for each key that the
// message has.
func (a *applier) stub(step, column int, into *Cell) {
	to := a.mapping.programs[step].columns[column].step
	t := &a.mapping.Tables[to]
	if kind, lacks := a.lacks(to); lacks {
		into.Kind = kind // absent or nil, as of every look-up
		return
	}
	cells := make([]Cell, len(t.Columns))
	for c := range t.Match {
		a.cell(to, c, &a.mapping.programs[to].columns[c], &cells[c])
		if cells[c].Kind != ValueCell {
			return // a fault, which is told
		}
	}
	parent := -1
	if t.Parent >= 0 {
		parent = a.current[t.Parent]
	}
	key := stubKey(to, parent, cells[:len(t.Match)])
	if row, ok := a.stubs[key]; ok {
		into.Kind, into.Row = Reference, row
		return
	}
	for c := len(t.Match); c < len(cells); c++ {
		a.cell(to, c, &a.mapping.programs[to].columns[c], &cells[c])
	}
	if a.stubs == nil {
		a.stubs = map[string]int{}
	}
	into.Kind, into.Row = Reference, len(a.out.Rows[to])
	a.stubs[key] = into.Row
	at, _ := a.locate(to, 0)
	a.out.Rows[to] = append(a.out.Rows[to], Row{Parent: parent, Cells: cells, Origin: at})
}

// lacks reports whether a part of a stub's key is absent or nil, so that there is
// nothing to look up. What cannot be evaluated is for its cell to tell.
func (a *applier) lacks(step int) (CellKind, bool) {
	columns := a.mapping.programs[step].columns
	for c := range a.mapping.Tables[step].Match {
		if columns[c].value == nil {
			continue
		}
		switch _, presence, err := columns[c].value.One(&a.frame); {
		case err != nil:
		case presence == xpath.Nil:
			return NullCell, true
		case presence == xpath.Absent:
			return AbsentCell, true
		}
	}
	return AbsentCell, false
}

// stubKey tells the rows of one message apart; what the columns' collations take
// for equal besides, the store finds out.
func stubKey(step, parent int, cells []Cell) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(step) + " " + strconv.Itoa(parent))
	for i := range cells {
		text := cells[i].Value.Lexical()
		b.WriteString(" " + strconv.Itoa(len(text)) + " " + text)
	}
	return b.String()
}
