package view

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Check holds a view's declaration against the tables as they are. The warnings are
// of what works, though not as is probably meant. The error is a config.Faults with
// everything that is wrong; the dialect words what would mend it.
func Check(d *Declaration, tables Tables, dialect Dialect) (*View, config.Faults, error) {
	c := &checker{tables: tables, dialect: dialect, path: d.Path}
	v, t := c.view(d.Name, &d.view.Rule, nil)
	if v == nil {
		return nil, nil, c.faults.Err()
	}
	v.Live, v.LooksAt = d.view.Live.is, d.view.looksAt()
	if n := d.view.Live.version; n != nil {
		v.Watch = c.watch(t, n)
	}
	for i := range v.Fields {
		f := &v.Fields[i]
		listed := func(n *config.Node) bool { return n.Text() == f.Name }
		f.Filter, f.Sort = slices.ContainsFunc(d.view.Filter, listed), slices.ContainsFunc(d.view.Sort, listed)
	}
	if len(c.faults) == 0 {
		c.served(v, d.view)
	}
	if err := c.faults.Err(); err != nil {
		return nil, c.warnings, err
	}
	return v, c.warnings, nil
}

type checker struct {
	tables           Tables
	dialect          Dialect
	path             string
	faults, warnings config.Faults
}

func (c *checker) fail(n *config.Node, format string, args ...any) {
	c.faults.Add(n.Fault(format, args...))
}

func (c *checker) warn(n *config.Node, format string, args ...any) {
	c.warnings.Add(n.Fault(format, args...))
}

// view makes a view of a table; nil when there is no such table. Of a child by is the
// foreign key.
func (c *checker) view(name string, r *tableRule, by []string) (*View, *Table) {
	at, _ := tableName(r.From)
	t, ok := c.tables.Table(at)
	if !ok || t.Sequence {
		c.fail(r.From, "there is no table %s", at)
		return nil, nil
	}
	v := &View{Name: name, Doc: r.Doc, Table: at, path: c.path, dialect: c.dialect}
	v.indexes = slices.Clone(t.Indexes)
	slices.SortStableFunc(v.indexes, func(a, b Index) int { return strings.Compare(a.Name, b.Name) })
	joined := c.joins(v, t, r)
	for _, f := range r.Fields {
		v.Fields = append(v.Fields, c.field(v, t, joined, f))
	}
	for i := range v.Fields {
		v.seeks = append(v.seeks, c.seek(v, &v.Fields[i], joined))
	}
	c.key(v, t, r, by)
	for _, child := range r.Children {
		c.child(v, t, child)
	}
	return v, t
}

// joins resolves the joins in the order of the file: one that begins at another
// stands after it. It returns the table of each.
func (c *checker) joins(v *View, t *Table, r *tableRule) []*Table {
	var tables []*Table
	for _, j := range r.Join {
		join := Join{Name: j.name, From: -1}
		from, last := t, j.name
		if i := strings.LastIndexByte(j.name, '.'); i >= 0 {
			last = j.name[i+1:]
			join.From = slices.IndexFunc(v.Joins, func(o Join) bool { return o.Name == j.name[:i] })
			if join.From < 0 {
				c.fail(j.key, "there is no join %q before this one, from which it could go on", j.name[:i])
				continue
			}
			from = tables[join.From]
		}
		named(j.key, last, &c.faults)
		fk := c.foreignKey(from, j.By, j.node, nil)
		if fk == nil {
			continue
		}
		to, ok := c.tables.Table(fk.Table)
		if !ok {
			c.fail(j.node, "the table %s, which %s refers to, cannot be seen", fk.Table, strings.Join(j.By, ", "))
			continue
		}
		join.Table, join.Columns, join.Refers, join.Optional = fk.Table, fk.Columns, fk.RefColumns, fk.Untrusted
		for _, column := range fk.Columns {
			if m, ok := from.Column(column); ok {
				join.Optional = join.Optional || m.Nullable
			}
		}
		v.Joins, tables = append(v.Joins, join), append(tables, to)
	}
	return tables
}

// foreignKey finds the foreign key that has these columns, in any order.
func (c *checker) foreignKey(t *Table, columns []string, at *config.Node, to *mapping.TableName) *mapping.ForeignKey {
	var known []string
	for i := range t.ForeignKeys {
		fk := &t.ForeignKeys[i]
		if to != nil && fk.Table != *to {
			continue
		}
		known = append(known, strings.Join(fk.Columns, ", "))
		if !sameSet(fk.Columns, columns) {
			continue
		}
		switch {
		case fk.Disabled:
			c.fail(at, "the foreign key %s is disabled: rows may refer to nothing", fk.Name)
			return nil
		case fk.Untrusted:
			c.warn(at, "the foreign key %s is untrusted: rows may refer to nothing; WITH CHECK CHECK CONSTRAINT would have them looked at", fk.Name)
		}
		return fk
	}
	for _, name := range columns {
		if _, ok := t.Column(name); !ok {
			c.fail(at, "%s has no column %q%s", t.Name, name, didYouMean(name, columnsOf(t)))
			return nil
		}
	}
	hint := ""
	if len(known) > 0 {
		hint = "; those that could be meant have (" + strings.Join(known, "), (") + ")"
	}
	toward := ""
	if to != nil {
		toward = " to " + to.String()
	}
	c.fail(at, "%s has no foreign key%s with exactly the columns %s%s", t.Name, toward, strings.Join(columns, ", "), hint)
	return nil
}

func columnsOf(t *Table) []string {
	var out []string
	for i := range t.Columns {
		out = append(out, t.Columns[i].Name)
	}
	return out
}

func sameSet(a, b []string) bool {
	return len(a) == len(b) && subsetOf(a, b) && subsetOf(b, a)
}

func subsetOf(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// field resolves the column of a field.
func (c *checker) field(v *View, t *Table, joined []*Table, r *fieldRule) Field {
	f := Field{Name: r.name, Doc: r.Doc, Join: -1, Column: r.name, Class: classOf(r.Class.Text())}
	at, from := r.key, t
	if r.Column != nil {
		at, f.Column = r.Column, r.Column.Text()
	}
	if i := strings.LastIndexByte(f.Column, '.'); i >= 0 {
		name := f.Column[:i]
		f.Join = slices.IndexFunc(v.Joins, func(j Join) bool { return j.Name == name })
		if f.Join < 0 {
			var known []string
			for _, j := range v.Joins {
				known = append(known, j.Name)
			}
			c.fail(at, "there is no join %q%s", name, didYouMean(name, known))
			return f
		}
		f.Column, from = f.Column[i+1:], joined[f.Join]
	}
	m, ok := from.Column(f.Column)
	if !ok {
		c.fail(at, "%s has no column %q%s", from.Name, f.Column, didYouMean(f.Column, columnsOf(from)))
		return f
	}
	f.Type = m.ColumnType
	return f
}

// seek finds out which columns an index has to have for the field to be found by it.
func (c *checker) seek(v *View, f *Field, joined []*Table) seek {
	switch {
	case f.Type.Kind == mapping.BytesColumn:
		return seek{}
	case f.Join < 0:
		return seek{columns: []string{f.Column}}
	}
	j := &v.Joins[f.Join]
	if j.From >= 0 || !joined[f.Join].unique([]string{f.Column}) {
		return seek{}
	}
	return seek{columns: j.Columns, joined: true}
}

// unique reports whether an index makes sure that no two rows have the same values.
func (t *Table) unique(columns []string) bool {
	return slices.ContainsFunc(t.Indexes, func(ix Index) bool { return ix.Unique && sameSet(ix.names(), columns) })
}

func (ix *Index) names() []string {
	out := make([]string, len(ix.Columns))
	for i, c := range ix.Columns {
		out[i] = c.Name
	}
	return out
}

// key resolves the key, which with the columns of by is a unique index.
func (c *checker) key(v *View, t *Table, r *tableRule, by []string) {
	var columns []string
	for _, n := range r.Key {
		i, err := v.Field(n.Text())
		if err != nil {
			return // Parse has refused it
		}
		f := &v.Fields[i]
		switch {
		case f.Join >= 0:
			c.fail(n, "%s is of another table; a key is of the view's own", f.Name)
			return
		case f.Type.Nullable:
			c.fail(n, "%s can be null, and a row without a key could be neither told nor paged past", f.Name)
			return
		case f.Type.Kind == mapping.BytesColumn || f.Type.Kind == mapping.FloatColumn:
			c.fail(n, "%s is %s, which is no key", f.Name, f.Type.Kind)
			return
		}
		columns, v.Key = append(columns, f.Column), append(v.Key, i)
	}
	if by == nil {
		c.uniqueKey(v, t, r, columns)
	}
}

// uniqueKey puts the key into the order of its index.
func (c *checker) uniqueKey(v *View, t *Table, r *tableRule, columns []string) {
	var known []string
	for i := range t.Indexes {
		ix := &t.Indexes[i]
		if !ix.Unique {
			continue
		}
		if sameSet(ix.names(), columns) {
			slices.SortStableFunc(v.Key, func(a, b int) int {
				return slices.Index(ix.names(), v.Fields[a].Column) - slices.Index(ix.names(), v.Fields[b].Column)
			})
			return
		}
		known = append(known, "("+strings.Join(ix.names(), ", ")+")")
	}
	hint := "it has none at all"
	if len(known) > 0 {
		hint = "its unique ones are " + strings.Join(known, ", ")
	}
	if len(r.Key) > 0 {
		c.fail(r.Key[0], "no unique index of %s has exactly the columns %s; %s", t.Name, strings.Join(columns, ", "), hint)
	}
}

// child makes the view of a row's children.
func (c *checker) child(parent *View, parentTable *Table, r *childRule) {
	before := len(c.faults)
	v, t := c.view(parent.Name+"/"+r.name, &r.Rule, r.By)
	if v == nil {
		return
	}
	fk := c.foreignKey(t, r.By, r.key, &parentTable.Name)
	if len(c.faults) > before {
		return
	}
	c.childKey(v, t, r)
	parent.Children = append(parent.Children, Child{Name: r.name, View: v, By: fk.Columns, Refers: fk.RefColumns})
}

// childKey checks that the children of a row are found in the order of their key.
func (c *checker) childKey(v *View, t *Table, r *childRule) {
	var columns []string
	for _, f := range v.Key {
		columns = append(columns, v.Fields[f].Column)
		if field := &v.Fields[f]; field.Class != Open {
			c.fail(r.Rule.Key[0], "%s is %s and of the key, whose order the %s of a row come in: it would tell what is not to be seen; take the class away, or another key", field.Name, field.Class, r.name)
		}
	}
	together := append(slices.Clone(r.By), columns...)
	if !t.unique(together) && !t.unique(columns) {
		c.fail(r.Rule.Key[0], "no unique index of %s has exactly the columns %s: the key would not tell the children of one row apart", t.Name, strings.Join(together, ", "))
		return
	}
	served := slices.ContainsFunc(t.Indexes, func(ix Index) bool {
		names := ix.names()
		return len(names) >= len(together) && sameSet(names[:len(r.By)], r.By) && slices.Equal(names[len(r.By):len(together)], columns) && sameWay(ix.Columns[len(r.By):len(together)])
	})
	if !served {
		var wanted []IndexColumn
		for _, name := range together {
			wanted = append(wanted, IndexColumn{Name: name})
		}
		c.fail(r.key, "no index finds the %s of a row; this one would: %s", r.name, createIndex(c.dialect, t.Name, wanted))
	}
}

func sameWay(columns []IndexColumn) bool {
	return !slices.ContainsFunc(columns, func(c IndexColumn) bool { return c.Desc != columns[0].Desc })
}

// watch finds the index that has the rows in the order of their rowversion: without
// one, each look at the table would read all of it.
func (c *checker) watch(t *Table, column *config.Node) *Watch {
	switch {
	case t.Version == "":
		c.fail(column, "%s has no column of type rowversion, by which alone it is found what others write", t.Name)
		return nil
	case t.Version != column.Text():
		c.fail(column, "%s is no rowversion; the column of %s that is one is %s", column.Text(), t.Name, t.Version)
		return nil
	}
	for i := range t.Indexes {
		if ix := &t.Indexes[i]; len(ix.Columns) > 0 && ix.Columns[0].Name == t.Version {
			return &Watch{Column: t.Version, Index: ix.Name}
		}
	}
	c.fail(column, "no index begins with %s, and each look at the table would read all of it; this one would do: %s", t.Version,
		createIndex(c.dialect, t.Name, []IndexColumn{{Name: t.Version}}))
	return nil
}

// served finds the fields that are to be filtered or sorted by, and that no index
// serves alone.
func (c *checker) served(v *View, f *viewFile) {
	for _, n := range f.Filter {
		i, _ := v.Field(n.Text())
		c.filtered(v, n, i)
	}
	for _, n := range f.Sort {
		i, _ := v.Field(n.Text())
		switch field := &v.Fields[i]; {
		case field.Type.Kind == mapping.BytesColumn:
			c.fail(n, "%s is bytes, which have no order", field.Name)
		case field.Join >= 0:
			c.fail(n, "%s is of another table; rows are in the order of an index of their own", field.Name)
		default:
			if why := v.unservedBy(&Query{Order: []Order{{Field: i}}}); why != "" {
				c.fail(n, "no index has the rows in the order of %s: %s", n.Text(), why)
			}
		}
	}
}

func (c *checker) filtered(v *View, n *config.Node, i int) {
	if v.Fields[i].Type.Kind == mapping.BytesColumn {
		c.fail(n, "%s is bytes, which are not compared", n.Text())
		return
	}
	why := v.unservedBy(&Query{Where: Compare{i, Equal, sample(v.Fields[i].Type.Kind)}})
	switch {
	case why == "":
	case v.LooksAt > 0:
		c.warn(n, "no index serves a condition on %s; up to %d rows are looked at for each page: %s", n.Text(), v.LooksAt, why)
	default:
		c.fail(n, "no index serves a condition on %s: %s", n.Text(), why)
	}
}

// LooksFor says why rows with given values in these fields have to be looked for, and
// what would mend it; nothing when an index has them. Grants demand such rows.
func (v *View) LooksFor(fields []int) string {
	var where And
	for _, f := range fields {
		where = append(where, Compare{f, Equal, sample(v.Fields[f].Type.Kind)})
	}
	return v.unservedBy(&Query{Where: where})
}

// unservedBy finds out why a query is not served; nothing when it is.
func (v *View) unservedBy(q *Query) string {
	p := &planner{v: v, q: q, windows: []Window{{}}}
	asked := p.asked()
	w, err := p.serve(asked)
	if err != nil || w != nil {
		return ""
	}
	demands, err := p.branches(And(asked))
	if err != nil {
		return ""
	}
	return p.reason(demands[0], p.orders(nil)[0])
}

// sample is some value of a kind.
func sample(k mapping.ColumnKind) Value { return Value{Kind: k, Present: true, Text: "0"} }
