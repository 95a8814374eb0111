package mapping

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// rowScope is what the compiler knows of a step while it compiles others.
type rowScope struct {
	index    int
	name     string
	parent   *rowScope
	repeats  bool // the step itself makes any number of rows below one parent row
	optional bool // it may make none
}

// under reports whether the step is s or stands below it.
func (s *rowScope) under(other *rowScope) bool {
	for ; s != nil; s = s.parent {
		if s == other {
			return true
		}
	}
	return false
}

// single reports whether there is exactly one row, or at most one, as seen
// from a row of another step; from nil: from the message.
func (s *rowScope) single(from *rowScope) (one, maybe bool) {
	one = true
	for t := s; t != nil && !from.under(t); t = t.parent {
		one = one && !t.repeats
		maybe = maybe || t.optional
	}
	return one, maybe
}

// rowProgram is a compiled step.
type rowProgram struct {
	each     *xpath.Program // nil: one row
	when     *xpath.Program // nil: always
	columns  []columnProgram
	children []int
	below    []int // every step underneath
	keys     int   // how many values a row's look-ups are asked with
}

type columnForm uint8

const (
	valueForm columnForm = iota
	constantForm
	referenceForm
	lookupForm
	codeForm
	stubForm
	drawnForm
)

// columnProgram is a compiled column.
type columnProgram struct {
	form     columnForm
	optional bool           // the cell may be absent
	nillable bool           // the cell may be null
	value    *xpath.Program // valueForm
	zone     *time.Location // of dateTimes without one; nil leaves them
	fallback *Value         // in place of an absent source
	step     int            // referenceForm, stubForm: the index of the step referred to
	keys     []*xpath.Program
	codes    *codeProgram // codeForm
	constant Cell         // constantForm
	truncate bool         // what is too long for the column is cut
	node     *config.Node
}

// table compiles the steps of one level and returns their indexes.
func (k *compiler) table(rules []*rowRule, parent *rowScope, scope *xpath.Scope) []int {
	var indexes []int
	for _, r := range rules {
		if r == nil || r.node == nil {
			continue
		}
		indexes = append(indexes, k.row(r, parent, scope))
	}
	return indexes
}

func (k *compiler) row(r *rowRule, parent *rowScope, outer *xpath.Scope) int {
	m := k.mapping
	self := &rowScope{index: len(m.Tables), name: r.As.text, parent: parent}
	k.order = append(k.order, self)
	m.Tables = append(m.Tables, Table{Index: self.index, Parent: -1, Name: r.Table.TableName, As: r.As.text, Version: -1, Source: r.node.Source()})
	m.programs = append(m.programs, rowProgram{})
	if parent != nil {
		m.Tables[self.index].Parent = parent.index
	}
	p := rowProgram{}
	scope := k.each(r, &p, self, outer)
	if scope == nil {
		k.name(r, self)
		return self.index // what stands in a place that does not exist is not judged
	}
	p.when = k.condition(r.When, scope)
	self.optional = self.optional || r.When != nil
	k.columns(r, &p, self, scope)
	k.choices(r, self)
	k.name(r, self)
	p.children = k.table(r.Children, self, scope)
	for i := self.index + 1; i < len(m.Tables); i++ {
		p.below = append(p.below, i)
	}
	for _, c := range p.columns {
		p.keys += len(c.keys)
	}
	m.programs[self.index] = p
	return self.index
}

// each compiles what a step goes through and returns the scope of its columns;
// nil after a fault.
func (k *compiler) each(r *rowRule, p *rowProgram, self *rowScope, outer *xpath.Scope) *xpath.Scope {
	if r.Each == nil {
		return outer
	}
	p.each = k.program(r.Each, outer)
	if p.each == nil {
		return nil
	}
	t := p.each.Type()
	if !p.each.Walks() {
		k.fail(r.Each.node, "expected a path to elements")
		return nil
	}
	self.repeats, self.optional = t.Repeats(), t.Optional()
	inner := *outer
	inner.Context = t.Shape
	return &inner
}

// name makes the row known to those that follow.
func (k *compiler) name(r *rowRule, self *rowScope) {
	name := r.As.text
	if name == "" {
		return
	}
	if _, taken := k.rows[name]; taken || k.reserved(name) {
		k.fail(r.As.node, "the name $%s is taken", name)
		return
	}
	k.rows[name] = self
}

// reserved reports whether a variable of the gateway's own has the name.
func (k *compiler) reserved(name string) bool {
	names := []string{"header", "properties", "principal", "message", "fault"}
	if k.mapping.split != nil {
		names = append(names, "part", "parts")
	}
	return slices.Contains(names, name)
}

func (k *compiler) columns(r *rowRule, p *rowProgram, self *rowScope, scope *xpath.Scope) {
	t := k.mapping.Tables[self.index] // a copy: look-ups that insert add steps, which moves Tables
	defer func() { k.mapping.Tables[self.index] = t }()
	rules := r.Columns
	if r.Version != nil {
		t.Version = len(rules)
		rules = append(slices.Clip(rules), &columnRule{name: r.Version.Column.text, node: r.Version.From.node, from: &r.Version.From})
	}
	seen := map[string]bool{}
	for _, c := range rules {
		if seen[c.name] {
			k.fail(c.node, "the column %s is written twice", c.name)
		}
		seen[c.name] = true
		column, program := k.column(c, self, scope)
		t.Columns = append(t.Columns, column)
		p.columns = append(p.columns, program)
	}
	k.drawn(r, p, &t)
	k.match(r, p, &t)
}

// drawn adds the column that a sequence fills.
func (k *compiler) drawn(r *rowRule, p *rowProgram, t *Table) {
	rule := r.Sequence
	switch {
	case rule == nil:
		return
	case len(r.Match) > 0:
		k.fail(rule.node, "a row has match or sequence, not both: what is found by its natural key has its number already")
	case slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == rule.Column.text }):
		k.fail(rule.Column.node, "the column %s is written twice", rule.Column.text)
	}
	name := rule.Name.TableName
	t.Columns = append(t.Columns, Column{Name: rule.Column.text, Ref: -1, Sequence: &name, Class: Integer, Source: rule.Column.node.Source(), Path: "sequence " + name.String()})
	p.columns = append(p.columns, columnProgram{form: drawnForm, node: rule.node})
}

// match resolves the natural key.
func (k *compiler) match(r *rowRule, p *rowProgram, t *Table) {
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	for _, w := range r.Match {
		i := slices.Index(names, w.text)
		switch {
		case i < 0:
			k.fail(w.node, "match names %s, which is not among the columns%s", w.text, didYouMean(w.text, names))
			continue
		case slices.Contains(t.Match, i):
			k.fail(w.node, "match names %s twice", w.text)
			continue
		case p.columns[i].optional || p.columns[i].nillable:
			k.fail(w.node, "match needs a value in every message, and %s may be absent", w.text)
		case p.columns[i].truncate:
			k.fail(w.node, "match names %s, which is truncated: two keys that differ further on would be one", w.text)
		}
		t.Match = append(t.Match, i)
	}
	k.own(t, p)
	if t.Version >= 0 && len(t.Match) == 0 {
		k.fail(r.Version.Column.node, "version needs match: it compares with the stored row")
	}
}

// choices resolves on_match and absent.
func (k *compiler) choices(r *rowRule, self *rowScope) {
	t := &k.mapping.Tables[self.index]
	t.OnMatch = OnMatch(k.choose(r.OnMatch, "update", "keep", "fail"))
	t.Absent = Absent(k.choose(r.Absent, "keep", "delete", "delete_all"))
	if r.OnMatch.node != nil && len(r.Match) == 0 {
		k.fail(r.OnMatch.node, "on_match needs match")
	}
	k.missing(r, t)
	if !t.Absent.Deletes() {
		return
	}
	parent := t.Parent
	if parent < 0 || !slices.ContainsFunc(t.Match, func(i int) bool { return t.Columns[i].Ref == parent }) {
		k.fail(r.Absent.node, "%s needs a column of match that refers to the parent row, so that no other parent's rows are deleted", r.Absent.text)
	}
}

// missing resolves on_missing.
func (k *compiler) missing(r *rowRule, t *Table) {
	t.OnMissing = OnMissing(k.choose(r.Missing, "insert", "reject", "not_yet"))
	if t.OnMissing == Insert {
		return
	}
	k.mapping.Waits = k.mapping.Waits || t.OnMissing == WaitForMissed
	switch {
	case len(r.Match) == 0:
		k.fail(r.Missing.node, "on_missing needs match: it is about a row that is stored already")
	case t.OnMatch == Fail:
		k.fail(r.Missing.node, "with on_match: fail and on_missing: %s no message could be stored", r.Missing.text)
	}
}

// choose returns the index of a word; an empty one is the first.
func (k *compiler) choose(w choice, words ...string) int {
	if w.node == nil {
		return 0
	}
	i := slices.Index(words, w.text)
	if i < 0 {
		k.fail(w.node, "%q is none of %s", w.text, joinWords(words))
		return 0
	}
	return i
}

func joinWords(words []string) string {
	text := ""
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += w
	}
	return text
}

func (k *compiler) column(c *columnRule, self *rowScope, scope *xpath.Scope) (Column, columnProgram) {
	column := Column{Name: c.name, Ref: -1, AbsentNull: c.nulls, Source: c.node.Source()}
	p := columnProgram{node: c.node}
	switch {
	case c.lookup != nil:
		k.lookup(c, self, scope, &column, &p)
	case c.codes != nil:
		k.codes(c, scope, &column, &p)
	case c.constant != nil:
		k.constant(c, &column, &p)
	default:
		column.Path, column.Source = c.from.Source, c.from.node.Source()
		if !k.reference(c, self, &column, &p) {
			k.source(c, k.inRow(scope), &column, &p)
		}
	}
	return column, p
}

// inRow is the scope of columns: rows have names there, but no values yet.
func (k *compiler) inRow(scope *xpath.Scope) *xpath.Scope {
	inner := *scope
	inner.Variables = map[string]*xpath.Variable{}
	for name, v := range scope.Variables {
		inner.Variables[name] = v
	}
	for name := range k.rows {
		inner.Variables[name] = &xpath.Variable{Refuse: fmt.Sprintf(
			"a column takes a value of the row $%s alone, as in $%s/id: what is stored is not known yet", name, name)}
	}
	return &inner
}

// reference compiles $row/column. It reports false when the expression is
// something else.
func (k *compiler) reference(c *columnRule, self *rowScope, column *Column, p *columnProgram) bool {
	name, field, ok := c.from.Reference()
	if !ok {
		return false
	}
	target, ok := k.rows[name]
	if !ok {
		return k.laterRow(c, name)
	}
	one, maybe := target.single(self)
	if !one {
		k.fail(c.from.node, "there may be several rows $%s here, so that $%s/%s is not one value", name, name, field)
		return true
	}
	if c.zone.node != nil || c.fallback != nil || c.truncate != nil {
		k.fail(c.node, "zone, default and truncate do not go with a row's column")
	}
	p.form, p.step, p.optional = referenceForm, target.index, maybe
	column.Ref, column.RefColumn = target.index, field
	return true
}

// laterRow reports, and complains, when the name belongs to a row that does not
// stand above.
func (k *compiler) laterRow(c *columnRule, name string) bool {
	for _, r := range k.file.every() {
		if r.As.text == name {
			k.fail(c.from.node, "the row $%s is written later; a row can refer only to rows that stand above it", name)
			return true
		}
	}
	return false
}

// every returns all rules of rows, parents first.
func (f *File) every() []*rowRule {
	var all []*rowRule
	var add func([]*rowRule)
	add = func(rules []*rowRule) {
		for _, r := range rules {
			if r != nil {
				all = append(all, r)
				add(r.Children)
			}
		}
	}
	add(f.Rows)
	return all
}

// source compiles a column's expression.
func (k *compiler) source(c *columnRule, scope *xpath.Scope, column *Column, p *columnProgram) {
	p.value = k.one(c.from, scope)
	if p.value == nil {
		return
	}
	t := p.value.Type()
	column.Class = t.Class
	p.nillable = t.Nillable()
	p.optional = t.Optional()
	k.zone(c, t, p)
	k.fallback(c, t, p)
	k.truncate(c, t, p)
	if c.nulls {
		p.nillable = p.nillable || p.optional
	}
	if c.nulls && !t.Optional() {
		k.warn(c.node, "absent: null has no effect: the source is always there")
	}
}

// truncate is for what stays what it was when its end is missing.
func (k *compiler) truncate(c *columnRule, t xpath.Type, p *columnProgram) {
	switch {
	case c.truncate == nil:
	case t.Class != String && t.Class != Untyped && t.Class != Binary:
		k.fail(c.truncate, "truncate is for text and binary values, and this is %s: it would be another value", t)
	default:
		p.truncate = true
	}
}

func (k *compiler) zone(c *columnRule, t xpath.Type, p *columnProgram) {
	name, _, _ := c.from.Reference()
	switch {
	case c.zone.node == nil && t.Class == DateTime && name != "message":
		k.warn(c.node, "the dateTime may come without a zone and is then taken as UTC; say zone:")
	case c.zone.node == nil:
	case t.Class != DateTime:
		k.fail(c.zone.node, "a zone goes with xs:dateTime, and this is %s", t)
	default:
		location, err := time.LoadLocation(c.zone.text)
		if err != nil || c.zone.text == "" || c.zone.text == "Local" {
			k.fail(c.zone.node, "%q is not a time zone such as Europe/Helsinki or UTC", c.zone.text)
		}
		p.zone = location
	}
}

func (k *compiler) fallback(c *columnRule, t xpath.Type, p *columnProgram) {
	if c.fallback == nil {
		return
	}
	cell, ok := k.literal(c.fallback, t.Class)
	if !ok {
		return
	}
	if cell.Kind != ValueCell {
		k.fail(c.fallback, "a default of null is written absent: null")
		return
	}
	if !t.Optional() {
		k.warn(c.fallback, "the default has no effect: the source is always there")
	}
	p.fallback, p.optional = &cell.Value, false
}

func (k *compiler) constant(c *columnRule, column *Column, p *columnProgram) {
	p.form = constantForm
	column.Path = c.constant.Text()
	cell, ok := k.literal(c.constant, Untyped)
	if !ok {
		return
	}
	p.constant, column.Class = cell, cell.Value.Class
	p.nillable = cell.Kind == NullCell
}

// scalarClass is the class that a YAML scalar has by its form.
var scalarClass = map[config.Type]Class{config.String: String, config.Int: Integer, config.Float: Decimal, config.Bool: Boolean}

// literal reads a constant, or complains.
func (k *compiler) literal(n *config.Node, want Class) (Cell, bool) {
	cell, complaint := literal(n, want)
	if complaint != "" {
		k.fail(n, "%s", complaint)
	}
	return cell, complaint == ""
}
