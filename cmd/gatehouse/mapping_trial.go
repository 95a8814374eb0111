package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// trial is what a mapping makes of one message.
type trial struct {
	Mapping      trialMapping       `json:"mapping"`
	Message      *paper             `json:"message,omitempty"`
	Connected    bool               `json:"connected"`
	Outcome      string             `json:"outcome"` // mapped (nobody was asked), stored, duplicate, superseded, refused
	Identity     *trialName         `json:"identity,omitempty"`
	OrderingKey  *trialName         `json:"ordering_key,omitempty"`
	Keys         []trialName        `json:"business_keys,omitempty"`
	Part         *trialPart         `json:"part,omitempty"`  // of a part: where it is
	Parts        []*trial           `json:"parts,omitempty"` // of a message that is split: what becomes of each
	Rows         []*trialRow        `json:"rows,omitempty"`
	Deleted      []trialDeleted     `json:"deleted,omitempty"`
	MoreDeleted  int                `json:"more_deleted,omitempty"`
	Publications []trialPublication `json:"publications,omitempty"`
	Reply        string             `json:"reply,omitempty"`
	Note         string             `json:"note,omitempty"`
	Fault        *trialFault        `json:"fault,omitempty"`

	chosen  *chosen
	paper   *paper
	rules   []mapping.Rule
	cells   map[cellKey]messagePlace // where columns have read
	names   map[int]messagePlace     // where keys have read, by rule
	columns map[[2]int][]int         // rules by table and column
}

type trialMapping struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	File     string `json:"file"`
	Route    string `json:"route,omitempty"`
	Contract string `json:"contract"`
}

// trialPart says which part of a message is meant.
type trialPart struct {
	Number int `json:"number"`
	messagePlace
}

// trialName is the identity or a key.
type trialName struct {
	Name   string        `json:"name,omitempty"`
	Value  string        `json:"value"`
	Source string        `json:"source,omitempty"` // file:line:column of the rule
	At     *messagePlace `json:"at,omitempty"`
}

type trialRow struct {
	Table    string         `json:"table"`
	As       string         `json:"as,omitempty"`
	Effect   string         `json:"effect,omitempty"` // only when the database was asked
	At       messagePlace   `json:"at"`               // the element it was made from
	Source   string         `json:"source"`
	Match    []string       `json:"match,omitempty"`
	Columns  []*trialColumn `json:"columns"`
	Children []*trialRow    `json:"children,omitempty"`
}

// trialColumn is one column of a row. State is value, absent, null, reference or
// look-up; Value is in its XML form.
type trialColumn struct {
	Name       string        `json:"name"`
	State      string        `json:"state"`
	Type       string        `json:"type,omitempty"`
	Value      string        `json:"value,omitempty"`
	Question   string        `json:"question,omitempty"` // of a reference or a look-up: what is asked
	Before     string        `json:"before,omitempty"`   // of an updated row: what is stored; NULL in words
	Expression string        `json:"expression"`
	Source     string        `json:"source"`
	At         *messagePlace `json:"at,omitempty"`

	changed bool
	text    bool // the value is shown in quotes
	asked   bool // the database was
	known   bool // Value is the answer to Question
}

type trialDeleted struct {
	Table   string            `json:"table"`
	Columns map[string]string `json:"columns"`

	order []gateway.StoredColumn
}

type trialPublication struct {
	Channel     string `json:"channel"`
	RoutingKey  string `json:"routing_key"`
	Type        string `json:"type"`
	ContentType string `json:"content_type"`
	Body        string `json:"body"`
}

// cellKey finds a column's reading: the rule, and the place of the row's element.
type cellKey struct{ rule, line, column int }

func newTrial(c *chosen, connected bool) *trial {
	m := c.mapping
	t := &trial{chosen: c, Connected: connected, rules: m.Rules(), cells: map[cellKey]messagePlace{}, names: map[int]messagePlace{}}
	t.Mapping = trialMapping{Name: m.Name, Version: m.Version, File: m.File, Contract: m.Contract.Path + "#" + m.Operation.Name}
	if c.route != nil {
		t.Mapping.Route = c.route.Route
	}
	return t
}

// watched is the mapping with somebody who notes where columns read.
func (t *trial) watched() *mapping.Mapping {
	return t.chosen.mapping.Watched(func(e mapping.Event) {
		r := &t.rules[e.Rule]
		switch r.Kind {
		case mapping.ColumnRule, mapping.LookupRule:
			key := cellKey{e.Rule, e.Line, e.Column}
			if _, known := t.cells[key]; !known {
				at := e.At()
				t.cells[key] = t.paper.at(at.Path, at.Line, at.Column)
			}
		case mapping.IdentityRule, mapping.OrderingRule, mapping.KeyRule:
			if _, known := t.names[e.Rule]; !known && e.Seen == xpath.SeenValue {
				at := e.At()
				t.names[e.Rule] = t.paper.at(at.Path, at.Line, at.Column)
			}
		}
	})
}

// changed takes what the mapping has made, and what the database says of it.
func (t *trial) changed(c *mapping.Changeset, r *gateway.Rehearsal) {
	t.named(c)
	t.Rows = t.children(c, indexRows(c), r, -1, -1)
	if r == nil {
		return
	}
	t.MoreDeleted = r.More
	for _, d := range r.Deleted {
		gone := trialDeleted{Table: t.chosen.mapping.Tables[d.Table].Name.String(), Columns: map[string]string{}, order: d.Row}
		for _, column := range d.Row {
			gone.Columns[column.Name] = stored(column.Value)
		}
		t.Deleted = append(t.Deleted, gone)
	}
}

func (t *trial) named(c *mapping.Changeset) {
	keys := map[string][]string{}
	for _, k := range c.Keys {
		keys[k.Name] = append(keys[k.Name], k.Value)
	}
	if c.Identity != "" {
		t.Identity = &trialName{Value: c.Identity}
	}
	if c.OrderingKey != "" {
		t.OrderingKey = &trialName{Value: c.OrderingKey}
	}
	for i, r := range t.rules {
		source := r.Source()
		at, read := t.names[i]
		where := &at
		if !read {
			where = nil
		}
		switch {
		case r.Kind == mapping.IdentityRule && t.Identity != nil:
			t.Identity.Source, t.Identity.At = source, where
		case r.Kind == mapping.OrderingRule && t.OrderingKey != nil:
			t.OrderingKey.Source, t.OrderingKey.At = source, where
		case r.Kind == mapping.KeyRule:
			for _, v := range keys[r.Name] {
				t.Keys = append(t.Keys, trialName{r.Name, v, source, where})
			}
		}
	}
}

// rowIndex are a step's rows by the row they belong to.
type rowIndex []map[int][]int

func indexRows(c *mapping.Changeset) rowIndex {
	out := make(rowIndex, len(c.Rows))
	for step, rows := range c.Rows {
		out[step] = map[int][]int{}
		for n := range rows {
			out[step][rows[n].Parent] = append(out[step][rows[n].Parent], n)
		}
	}
	return out
}

// children are the rows below one row; below -1, -1 those at the top.
func (t *trial) children(c *mapping.Changeset, below rowIndex, r *gateway.Rehearsal, step, parent int) []*trialRow {
	var out []*trialRow
	for i := range t.chosen.mapping.Tables {
		if t.chosen.mapping.Tables[i].Parent != step {
			continue
		}
		for _, n := range below[i][parent] {
			row := t.row(c, r, i, n)
			row.Children = t.children(c, below, r, i, n)
			out = append(out, row)
		}
	}
	return out
}

func (t *trial) row(c *mapping.Changeset, r *gateway.Rehearsal, step, n int) *trialRow {
	table, source := &t.chosen.mapping.Tables[step], &c.Rows[step][n]
	at := source.Origin.Place()
	row := &trialRow{Table: table.Name.String(), As: table.As, Source: table.Source, At: t.paper.at(at.Path, at.Line, at.Column)}
	for _, i := range table.Match {
		row.Match = append(row.Match, table.Columns[i].Name)
	}
	var fate *gateway.RowFate
	if r != nil {
		fate = &r.Rows[step][n]
		row.Effect = fate.Fate.String()
	}
	for i := range table.Columns {
		column := t.column(step, i, source, &source.Cells[i])
		if fate != nil {
			column.settle(i, fate)
		}
		row.Columns = append(row.Columns, column)
	}
	return row
}

func (t *trial) column(step, i int, row *mapping.Row, cell *mapping.Cell) *trialColumn {
	c := &t.chosen.mapping.Tables[step].Columns[i]
	out := &trialColumn{Name: c.Name, Expression: c.Path, Source: c.Source}
	place := row.Origin.Place()
	for _, n := range t.rulesOf(step, i) {
		if at, ok := t.cells[cellKey{n, place.Line, place.Column}]; ok && out.At == nil {
			out.At = &at
		}
	}
	switch cell.Kind {
	case mapping.AbsentCell:
		out.State = "absent"
	case mapping.NullCell:
		out.State = "null"
	case mapping.ValueCell:
		out.State, out.Type = "value", cell.Value.Class.String()
		out.Value, out.text = cell.Value.Lexical(), quoted(cell.Value)
	case mapping.Reference:
		out.State, out.Question = "reference", c.Path
	case mapping.KeysCell:
		out.State, out.Question = "look-up", question(c.Lookup, cell.Keys)
	}
	return out
}

// rulesOf are the rules of one column.
func (t *trial) rulesOf(step, column int) []int {
	if t.columns == nil {
		t.columns = map[[2]int][]int{}
		for i, r := range t.rules {
			if r.Table >= 0 && r.Column >= 0 {
				at := [2]int{r.Table, r.Column}
				t.columns[at] = append(t.columns[at], i)
			}
		}
	}
	return t.columns[[2]int{step, column}]
}

func quoted(v mapping.Value) bool {
	switch v.Class {
	case mapping.Integer, mapping.Decimal, mapping.Double, mapping.Boolean:
		return false
	}
	return true
}

// question is a look-up in words.
func question(l *mapping.Lookup, keys []mapping.Value) string {
	terms := make([]string, len(keys))
	for i, k := range keys {
		terms[i] = l.Where[i] + " = " + literal(k)
	}
	missing := map[mapping.NotFound]string{mapping.RejectMissing: "the message is refused", mapping.NullMissing: "NULL", mapping.WaitMissing: "the message waits where its sender does not"}
	return fmt.Sprintf("%s of %s where %s; without one %s", l.Column, l.Table, strings.Join(terms, " and "), missing[l.NotFound])
}

func literal(v mapping.Value) string {
	if quoted(v) {
		return strconv.Quote(clipped(v.Lexical()))
	}
	return v.Lexical()
}

// maxValue is how many characters of a value the text output shows.
const maxValue = 120

func clipped(s string) string {
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue]) + "…"
}

// settle takes what the database knows of a column.
func (c *trialColumn) settle(i int, fate *gateway.RowFate) {
	if found, ok := fate.Found[i]; ok && c.State == "look-up" {
		c.know(found)
	}
	c.asked = true
	after, ok := storedColumn(fate.After, c.Name)
	if !ok {
		return
	}
	if c.State == "reference" || c.State == "look-up" {
		c.know(after)
	}
	before, ok := storedColumn(fate.Before, c.Name)
	if ok && fate.Fate == gateway.Updated && stored(before) != stored(after) {
		c.changed, c.Before = true, stored(before)
		c.know(after)
	}
}

func (c *trialColumn) know(v mapping.Value) {
	c.known, c.Value, c.text = true, stored(v), quoted(v) && stored(v) != null
}

func storedColumn(row []gateway.StoredColumn, name string) (mapping.Value, bool) {
	for _, c := range row {
		if c.Name == name {
			return c.Value, true
		}
	}
	return mapping.Value{}, false
}

const null = "NULL"

// stored is a stored value in its XML form.
func stored(v mapping.Value) string {
	if v.Class == mapping.Untyped && v.Text == "" {
		return null
	}
	return v.Lexical()
}

func (t *trial) rendered(r *mapping.Rendered) {
	if r == nil {
		return
	}
	t.Reply = string(r.Reply)
	for _, p := range r.Publications {
		t.Publications = append(t.Publications, trialPublication{p.Channel, p.RoutingKey, p.Type, p.ContentType, string(p.Body)})
	}
}
