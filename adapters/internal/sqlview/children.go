package sqlview

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// parent is a row whose children are wanted.
type parent struct {
	row    *view.Row
	refers []view.Value // by name, in the order of the level's names
	shown  []bool       // which of the plan's windows show the row that it is under
}

// level is rows of one view whose children are read with one statement for each kind.
type level struct {
	view    *view.View
	refers  []string
	parents []parent
	// windows are those of the plan on this view; nil where one does not show it.
	// nil: everything is seen.
	windows []*view.Window
}

// How many children of a row are given when nobody says, and at most where nothing
// may be left out.
const (
	childTop      = 100
	wholeChildren = 10_000
)

// top is how many children of a row are given.
func (r *run) top(e *view.Expand) int {
	if r.whole {
		return wholeChildren
	}
	return cmp.Or(e.Top, childTop)
}

// expand reads the children of a level, and theirs.
func (r *run) expand(ctx context.Context, l *level, expand []view.Expand) error {
	for i := range l.parents {
		l.parents[i].row.Children = make([][]view.Row, len(expand))
	}
	if len(l.parents) == 0 {
		return nil
	}
	for at := range expand {
		if err := r.child(ctx, l, at, &expand[at]); err != nil {
			return err
		}
	}
	return nil
}

// childText is the statement for the children of one kind.
type childText struct {
	*statement
	child  *view.Child
	wanted *view.Expand
	fields []int
	text   string
	top    int
	values []*Column
	refers []string
	keys   []*Column
}

func newChildText(d Dialect, m model, c *view.Child, e *view.Expand) *childText {
	t := &childText{statement: newStatement(d, m), child: c, wanted: e, fields: e.Select}
	if t.fields == nil {
		for f := range c.View.Fields {
			t.fields = append(t.fields, f)
		}
	}
	return t
}

func (r *run) child(ctx context.Context, l *level, at int, e *view.Expand) error {
	c := &l.view.Children[e.Child]
	t := newChildText(r.dialect, r.model, c, e)
	t.top = r.top(e)
	windows := inner(l.windows, e.Child)
	document, asked, err := t.document(l, windows)
	if err != nil || len(asked) == 0 {
		return err
	}
	if err := t.write(document, windows != nil); err != nil {
		return err
	}
	rows, err := r.q.QueryContext(ctx, t.text, t.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	next, err := t.read(rows, l, at, asked, windows)
	if err == nil && r.whole {
		err = t.uncut(l, at)
	}
	if err != nil {
		return err
	}
	below := &level{view: c.View, refers: t.refers, windows: windows}
	for _, n := range next { // rows have moved while their lists grew
		p := l.parents[n.parent]
		below.parents = append(below.parents, parent{&p.row.Children[at][n.at], n.refers, p.shown})
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if len(e.Expand) == 0 {
		return nil
	}
	return r.expand(ctx, below, e.Expand)
}

// inner are the windows on a child; nil stays everything.
func inner(windows []*view.Window, child int) []*view.Window {
	if windows == nil {
		return nil
	}
	out := make([]*view.Window, len(windows))
	for i, w := range windows {
		switch {
		case w == nil:
		case w.Children == nil:
			out[i] = &view.Window{}
		case child < len(w.Children):
			out[i] = w.Children[child]
		}
	}
	return out
}

// sight tells which of the fields are seen of the children of a row; none when it
// has no children to be seen.
func (t *childText) sight(shown []bool, windows []*view.Window) (seen []bool, any bool) {
	seen = make([]bool, len(t.fields))
	for i, w := range windows {
		if w == nil || !shown[i] {
			continue
		}
		any = true
		for k, f := range t.fields {
			seen[k] = seen[k] || w.Fields == nil || slices.Contains(w.Fields, f)
		}
	}
	return seen, any
}

// document is the parents that are asked about: number, what is seen, key.
func (t *childText) document(l *level, windows []*view.Window) (text string, asked []int, err error) {
	places := make([]int, len(t.child.Refers))
	columns := make([]*Column, len(t.child.Refers))
	for i, name := range t.child.Refers {
		places[i] = slices.Index(l.refers, name)
		if columns[i], err = t.model.column(l.view.Table, name); err != nil {
			return "", nil, err
		}
	}
	var lines [][]any
	for n, p := range l.parents {
		line := []any{len(asked), ""}
		if windows != nil {
			seen, any := t.sight(p.shown, windows)
			if !any {
				continue
			}
			line[1] = bits(seen)
		}
		whole := true
		for i, at := range places {
			if whole = whole && p.refers[at].Present; !whole {
				break
			}
			key, err := t.dialect.Key(columns[i], p.refers[at])
			if err != nil {
				return "", nil, err
			}
			line = append(line, key)
		}
		if whole { // nothing refers to null
			lines, asked = append(lines, line), append(asked, n)
		}
	}
	out, err := json.Marshal(lines)
	return string(out), asked, err
}

func bits(seen []bool) string {
	b := make([]byte, len(seen))
	for i, s := range seen {
		b[i] = '0'
		if s {
			b[i] = '1'
		}
	}
	return string(b)
}

// write writes the statement: for each parent the first of its children, as many as
// are wanted, which the index has in the order of their key.
func (t *childText) write(document string, masked bool) (err error) {
	v := t.child.View
	parents := make([]*Column, len(t.child.Refers))
	for i, by := range t.child.By {
		if parents[i], err = t.model.column(v.Table, by); err != nil {
			return err
		}
	}
	index, err := t.model.childIndex(t.child)
	if err != nil {
		return err
	}
	if t.refers, t.keys, err = referred(t.model, v, t.wanted.Expand); err != nil {
		return err
	}
	var order []string // of the key, without what is the parent's
	for _, f := range v.Key {
		if name := v.Fields[f].Column; v.Fields[f].Join < 0 && !slices.Contains(t.child.By, name) {
			order = append(order, name)
		}
	}
	source := t.dialect.Parents(parents, t.bind(t.dialect.Document(document)))
	limit := t.bind(int64(t.top) + 1) // one more, to know whether there are any
	if t.dialect.Apply() {
		return t.applied(source, limit, index, order, masked)
	}
	return t.listed(source, limit, index, order, masked)
}

// selection lists what is read of each child.
func (t *childText) selection(s *scope, masked bool) (string, error) {
	list := []string{"p.n"}
	for i, f := range t.fields {
		text, c, err := s.field(f)
		if err != nil {
			return "", err
		}
		t.values = append(t.values, c)
		if masked {
			text = fmt.Sprintf("CASE WHEN SUBSTRING(p.w, %d, 1) = '1' THEN %s END", i+1, text)
		}
		list = append(list, text)
	}
	for _, name := range t.refers {
		list = append(list, s.root(name))
	}
	return "SELECT " + strings.Join(list, ", "), nil
}

// applied makes a table of its first children for each parent.
func (t *childText) applied(source, limit, index string, order []string, masked bool) error {
	k := &kept{statement: t.statement, alias: "t"}
	s := t.scope(t.child.View, "j", k.column)
	selected, err := t.selection(s, masked)
	if err != nil {
		return err
	}
	outer := []string{"p.n"}
	for _, name := range order {
		outer = append(outer, k.column(name))
	}
	joins := s.joins()
	if len(k.names) == 0 {
		k.column(t.child.By[0])
	}
	top, end := t.dialect.Limit(limit)
	each := "SELECT" + top + " " + strings.TrimPrefix(k.selected("c"), ", ") + " FROM " + t.dialect.Table(t.child.View.Table) + " AS c" + t.dialect.Hint(index, true) +
		where(t.by("c")) + ordered("c", t.dialect, order) + end
	t.text = t.whole(selected + "\nFROM " + source + " AS p CROSS APPLY (" + each + ") AS t" + joins + "\nORDER BY " + strings.Join(outer, ", "))
	return nil
}

// listed demands that a child is among the first of its parent.
func (t *childText) listed(source, limit, index string, order []string, masked bool) error {
	s := t.scope(t.child.View, "j", t.named("t"))
	selected, err := t.selection(s, masked)
	if err != nil {
		return err
	}
	on := t.by("t")
	if len(order) > 0 {
		_, end := t.dialect.Limit(limit)
		on = append(on, "("+listOf("t", t.dialect, order)+") IN (SELECT "+listOf("x", t.dialect, order)+" FROM "+t.dialect.Table(t.child.View.Table)+" AS x"+
			t.dialect.Hint(index, true)+where(t.by("x"))+ordered("x", t.dialect, order)+end+")")
	}
	outer := "\nORDER BY p.n"
	if len(order) > 0 {
		outer += ", " + listOf("t", t.dialect, order)
	}
	t.text = t.whole(selected + "\nFROM " + source + " AS p " + t.dialect.Follow() + " " + t.dialect.Table(t.child.View.Table) + " AS t ON " +
		strings.Join(on, " AND ") + s.joins() + outer)
	return nil
}

// by holds the children to their parent.
func (t *childText) by(alias string) []string {
	var out []string
	for i, name := range t.child.By {
		out = append(out, alias+"."+t.dialect.Quote(name)+" = p.k"+strconv.Itoa(i))
	}
	return out
}

func listOf(alias string, d Dialect, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = alias + "." + d.Quote(n)
	}
	return strings.Join(out, ", ")
}

func ordered(alias string, d Dialect, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " ORDER BY " + listOf(alias, d, names)
}

// found is a child that was read, by its place.
type found struct {
	parent, at int
	refers     []view.Value
}

func (t *childText) read(rows *sql.Rows, l *level, at int, asked []int, windows []*view.Window) ([]found, error) {
	in := newLine(1 + len(t.values) + len(t.refers))
	var next []found
	for rows.Next() {
		if err := rows.Scan(in.into...); err != nil {
			return nil, err
		}
		n, ok := in.values[0].(int64)
		if !ok || n < 0 || int(n) >= len(asked) {
			return nil, fmt.Errorf("a child is of the parent %v of %d", in.values[0], len(asked))
		}
		p := l.parents[asked[n]]
		if len(p.row.Children[at]) == t.top {
			p.row.Cut = cut(p.row.Cut, at, len(p.row.Children))
			continue
		}
		var row view.Row
		var err error
		if row.Values, err = readAll(t.dialect, t.values, in.values[1:]); err != nil {
			return nil, err
		}
		if windows != nil {
			row.Seen, _ = t.sight(p.shown, windows)
		}
		refers, err := readAll(t.dialect, t.keys, in.values[1+len(t.values):])
		if err != nil {
			return nil, err
		}
		next = append(next, found{asked[n], len(p.row.Children[at]), refers})
		p.row.Children[at] = append(p.row.Children[at], row)
	}
	return next, rows.Err()
}

// cut notes that there are more of the children at a place.
func cut(all []bool, at, n int) []bool {
	if all == nil {
		all = make([]bool, n)
	}
	all[at] = true
	return all
}

// uncut refuses rows of which not all children were read.
func (t *childText) uncut(l *level, at int) error {
	for _, p := range l.parents {
		if p.row.Cut != nil && p.row.Cut[at] {
			return fault.New(fault.CodeQuery, "a row of %s has more than %d %s, too many to be given whole", l.view.Name, t.top, t.child.Name)
		}
	}
	return nil
}
