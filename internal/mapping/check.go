package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// checker compares one mapping with its tables. What its rules find goes to found.
type checker struct {
	mapping *Mapping
	schema  Schema
	models  []*TableModel
	found   *Examination
}

func (c *checker) fail(source, target, format string, args ...any) {
	c.found.Complaints = append(c.found.Complaints, Complaint{Detail: fault.Detail{Message: fmt.Sprintf(format, args...), Source: source, Target: target}})
}

// mend adds to what the last complaint could be mended with.
func (c *checker) mend(mends ...Mend) {
	last := &c.found.Complaints[len(c.found.Complaints)-1]
	last.Mends = append(last.Mends, mends...)
}

// find looks the table of a step up.
func (c *checker) find(i int) {
	t := &c.mapping.Tables[i]
	model, ok := c.schema.Table(t.Name)
	if !ok || model.Sequence {
		c.fail(t.Source, t.Name.String(), "the database has no such table")
		c.mend(Mend{In: InWords, Text: "`gatehouse migrate up` applies migrations that are pending; `gatehouse mapping init` drafts one"})
		return
	}
	c.models[i] = model
	c.mapping.limits[i] = make([]limit, len(t.Columns))
}

func (c *checker) table(i int) {
	t := &c.mapping.Tables[i]
	for j := range t.Columns {
		c.column(i, j)
	}
	c.unwritten(t, c.models[i])
}

// unwritten finds the columns that every row needs and no rule gives.
func (c *checker) unwritten(t *Table, model *TableModel) {
	for k := range model.Columns {
		col := &model.Columns[k]
		if t.OnMissing != Insert {
			return // every row is there already
		}
		written := slices.ContainsFunc(t.Columns, func(have Column) bool { return have.Name == col.Name })
		if !written && !col.Fills() {
			c.fail(t.Source, t.Name.String()+"."+col.Name, "the column takes no NULL, has no default, and the mapping does not write it")
			c.mend(c.nullable(model, col)...)
		}
	}
}

func (c *checker) column(i, j int) {
	t, model := &c.mapping.Tables[i], c.models[i]
	column, program := &t.Columns[j], &c.mapping.programs[i].columns[j]
	target := t.Name.String() + "." + column.Name
	col, ok := model.Column(column.Name)
	switch {
	case !ok:
		c.fail(column.Source, target, "the table has no column %s%s", column.Name, didYouMean(column.Name, columnNames(model)))
		c.mend(c.addition(model, column, program)...)
		return
	case col.Identity || col.Computed:
		c.fail(column.Source, target, "the database makes the values of this column; a mapping cannot write it")
		c.mend(Mend{In: InWords, Text: "leave " + column.Name + " out of columns: and let $row/" + column.Name + " name it where it is needed"})
		return
	}
	c.absence(t, model, column, program, col, target)
	switch program.form {
	case valueForm:
		c.value(i, j, col, target)
	case constantForm:
		c.constant(i, j, col, target)
	case referenceForm:
		c.reference(i, column, col, target)
	case lookupForm:
		c.lookup(i, j, col, target)
	case codeForm:
		c.codes(i, j, col, target)
	case stubForm:
		c.reference(i, column, col, target)
	case drawnForm:
		c.drawn(column, col, model, target)
	}
}

// drawn checks a column that a sequence fills, and that the sequence is there.
func (c *checker) drawn(column *Column, col *ColumnModel, model *TableModel, target string) {
	s, ok := c.schema.Table(*column.Sequence)
	switch {
	case !ok || !s.Sequence:
		c.fail(column.Source, column.Sequence.String(), "the database has no such sequence; CREATE SEQUENCE %s AS bigint START WITH 1 makes it", column.Sequence)
		c.mend(c.build(Alteration{Table: *column.Sequence, Sequence: true})...)
	case col.Kind != IntegerColumn:
		c.fail(column.Source, target, "the column is %s, and a sequence gives whole numbers", col.Kind)
	case !model.HasUnique([]string{column.Name}):
		c.fail(column.Source, target, "a row is known by the number of its sequence, which needs a unique index on (%s)", column.Name)
		c.mend(c.unique(model, []string{column.Name})...)
	}
}

func columnNames(model *TableModel) []string {
	names := make([]string, len(model.Columns))
	for i := range model.Columns {
		names[i] = model.Columns[i].Name
	}
	return names
}

// absence judges cells that hold no value.
func (c *checker) absence(t *Table, model *TableModel, column *Column, p *columnProgram, col *ColumnModel, target string) {
	if p.nillable && !col.Nullable {
		c.fail(column.Source, target, "the column takes no NULL, and the value may be null")
		c.mend(unnull(column, p, col)...)
		c.mend(c.nullable(model, col)...)
	}
	if p.optional && !column.AbsentNull && !col.Fills() && t.OnMissing == Insert {
		c.fail(column.Source, target, "the column takes no NULL, and the source may be absent; give it default:")
		if !p.nillable { // a default is for what is absent alone
			c.mend(defaulted(column, p, col)...)
		}
		c.mend(c.nullable(model, col)...)
	}
}

// unnull proposes a rule that makes no NULL.
func unnull(column *Column, p *columnProgram, col *ColumnModel) []Mend {
	switch {
	case column.Lookup != nil && column.Lookup.NotFound == NullMissing && p.node.Get("lookup") != nil:
		return rewrite(column, p, "not_found", "reject")
	case p.form == constantForm:
		return nil
	case column.AbsentNull && p.form == valueForm && !p.value.Type().Nillable():
		return defaulted(column, p, col)
	}
	return filled(column, p, col)
}

func (c *checker) constant(i, j int, col *ColumnModel, target string) {
	if p := &c.mapping.programs[i].columns[j]; p.constant.Kind == ValueCell {
		c.takes(&c.mapping.Tables[i].Columns[j], p.constant.Value, col, target)
		c.mapping.limits[i][j] = newLimit(col)
	}
}

// reference checks $row/column: the column is there and of the same kind.
func (c *checker) reference(i int, column *Column, col *ColumnModel, target string) {
	to := &c.mapping.Tables[column.Ref]
	model := c.models[column.Ref]
	if model == nil {
		return
	}
	from, ok := model.Column(column.RefColumn)
	switch {
	case !ok:
		c.fail(column.Source, target, "%s has no column %s%s", to.Name, column.RefColumn, didYouMean(column.RefColumn, columnNames(model)))
	case from.Kind != col.Kind:
		c.fail(column.Source, target, "%s.%s is %s, and this column is %s", to.Name, column.RefColumn, from.Kind, col.Kind)
	case len(to.Key()) == 0:
		c.fail(to.Source, to.Name.String(), "other rows refer to this one, so it needs match: to be found again, or sequence: to be known by a number")
		c.mend(c.naturalKey(column.Ref)...)
	default:
		c.copies(c.models[i], column.Source, target, to.Name.String()+"."+column.RefColumn, from, col)
	}
}

// copies checks that a column takes whatever another one of its kind may hold.
func (c *checker) copies(model *TableModel, source, target, origin string, from, col *ColumnModel) {
	if from.Nullable && !col.Nullable {
		c.fail(source, target, "%s may be NULL, and this column takes no NULL", origin)
		c.mend(c.nullable(model, col)...)
	}
	if expected := exceeds(&from.ColumnType, &col.ColumnType); expected != "" {
		c.fail(source, target, "%s may hold more than this column takes: %s", origin, expected)
		c.mend(c.like(model, col, from)...)
	}
}

// naturalKey proposes match: by a unique index of which the step writes every
// column.
func (c *checker) naturalKey(i int) []Mend {
	t := &c.mapping.Tables[i]
	for _, index := range c.models[i].Unique {
		lacks := slices.ContainsFunc(index, func(name string) bool {
			return !slices.ContainsFunc(t.Columns, func(have Column) bool { return have.Name == name })
		})
		if !lacks {
			return []Mend{{In: InWords, Text: "give the row at " + t.Source + " match: [" + strings.Join(index, ", ") + "]"}}
		}
	}
	return nil
}

// lookup checks the table that is only read.
func (c *checker) lookup(step, j int, col *ColumnModel, target string) {
	column := &c.mapping.Tables[step].Columns[j]
	l := column.Lookup
	model, ok := c.schema.Table(l.Table)
	if !ok {
		c.fail(column.Source, target, "the database has no table %s to look up", l.Table)
		return
	}
	from, ok := model.Column(l.Column)
	switch {
	case !ok:
		c.fail(column.Source, target, "%s has no column %s%s", l.Table, l.Column, didYouMean(l.Column, columnNames(model)))
	case from.Kind != col.Kind:
		c.fail(column.Source, target, "%s.%s is %s, and this column is %s", l.Table, l.Column, from.Kind, col.Kind)
	default:
		c.copies(c.models[step], column.Source, target, l.Table.String()+"."+l.Column, from, col)
	}
	keys := make([]limit, len(l.keys()))
	c.mapping.limits[step][j].keys = keys
	for i, name := range l.keys() {
		key, ok := model.Column(name)
		if !ok {
			c.fail(column.Source, target, "%s has no column %s%s", l.Table, name, didYouMean(name, columnNames(model)))
			continue
		}
		if complaint := misfit(l.Classes[i], key); complaint != "" {
			c.fail(column.Source, l.Table.String()+"."+name, "%s", complaint)
			continue
		}
		keys[i] = newLimit(key)
		program := c.mapping.programs[step].columns[j].keys[i]
		if reason := narrows(l.Classes[i], program, key); reason != "" {
			c.found.Narrowings = append(c.found.Narrowings, Narrowing{Source: c.mapping.place(program), Path: program.Source, Target: l.Table.String() + "." + name, Reason: reason})
		}
	}
	switch {
	case l.From == "" && !model.HasUnique(l.Where):
		c.fail(column.Source, l.Table.String(), "a look-up needs a unique index on (%s)%s", strings.Join(l.Where, ", "), unusable(model, l.Where))
		c.mend(c.unique(model, l.Where)...)
	case l.From != "" && !model.HasUnique(l.Where) && !model.HasUnique(l.keys()):
		c.fail(column.Source, l.Table.String(), "the codes need a unique index on (%s)%s", strings.Join(l.keys(), ", "), unusable(model, l.keys()))
		c.mend(c.unique(model, l.keys())...)
	}
	c.until(column, l, model)
	if l.NotFound == ValueMissing {
		c.takes(column, l.Value, col, target)
	}
}

// until checks the column that ends a code's period: it is of the kind of the one
// that begins it.
func (c *checker) until(column *Column, l *Lookup, model *TableModel) {
	if l.To == "" {
		return
	}
	to, ok := model.Column(l.To)
	if !ok {
		c.fail(column.Source, l.Table.String()+"."+l.To, "%s has no column %s%s", l.Table, l.To, didYouMean(l.To, columnNames(model)))
		return
	}
	if from, ok := model.Column(l.From); ok && from.Kind != to.Kind {
		c.fail(column.Source, l.Table.String()+"."+l.To, "%s is %s, and %s is %s", l.From, from.Kind, l.To, to.Kind)
	}
}

// takes checks one value of the mapping's own.
func (c *checker) takes(column *Column, v Value, col *ColumnModel, target string) {
	if complaint := misfit(v.Class, col); complaint != "" {
		c.fail(column.Source, target, "%s", complaint)
		return
	}
	l := newLimit(col)
	if _, expected := l.fits(&l, v); expected != "" {
		c.fail(column.Source, target, "%q does not fit: the column takes %s", v.Lexical(), expected)
	}
}

// codes checks that the column takes every value of a code set.
func (c *checker) codes(i, j int, col *ColumnModel, target string) {
	column, program := &c.mapping.Tables[i].Columns[j], &c.mapping.programs[i].columns[j]
	set := program.codes.set
	if complaint := misfit(set.Class, col); complaint != "" {
		c.fail(column.Source, target, "%s", complaint)
		return
	}
	l := newLimit(col)
	c.mapping.limits[i][j] = l
	for _, code := range slices.Sorted(maps.Keys(set.codes)) {
		for _, m := range set.codes[code] {
			if _, expected := l.fits(&l, m.value); expected != "" {
				c.fail(m.node.Source(), target, "the value %q of the code %q does not fit: the column takes %s", m.value.Lexical(), code, expected)
			}
		}
	}
	if program.fallback != nil {
		c.takes(column, *program.fallback, col, target)
	}
}

// keys checks that a natural key is unique in the database too.
func (c *checker) keys(i int) {
	t, model := &c.mapping.Tables[i], c.models[i]
	if len(t.Match) == 0 {
		return
	}
	names := make([]string, len(t.Match))
	for k, j := range t.Match {
		names[k] = t.Columns[j].Name
	}
	if model.HasUnique(names) {
		return
	}
	what := "match"
	if t.Stub {
		what = "a look-up"
	}
	c.fail(t.Source, t.Name.String(), "%s needs a unique index on (%s)%s", what, strings.Join(names, ", "), unusable(model, names))
	c.mend(c.unique(model, names)...)
}

// unusable says which index would do if it were another.
func unusable(model *TableModel, columns []string) string {
	want := slices.Sorted(slices.Values(columns))
	for _, index := range model.Unusable {
		if slices.Equal(slices.Sorted(slices.Values(index.Columns)), want) {
			return fmt.Sprintf("; %s does not count, for it is %s", index.Name, index.Why)
		}
	}
	return ""
}

// keyBytes narrows, for each index, the widest of its columns that the step fills
// to what the index takes: SQL Server refuses longer keys one by one.
func (c *checker) keyBytes(i int) {
	model := c.models[i]
	for _, index := range model.Narrow {
		c.indexBytes(i, index)
	}
	if model.KeyBytes == 0 {
		return
	}
	for _, columns := range model.Unique {
		c.indexBytes(i, IndexModel{columns, model.KeyBytes})
	}
}

func (c *checker) indexBytes(i int, index IndexModel) {
	t, model := &c.mapping.Tables[i], c.models[i]
	total, widest, size, writes := 0, -1, 0, false
	for _, name := range index.Columns {
		col, ok := model.Column(name)
		if !ok {
			return
		}
		j := slices.IndexFunc(t.Columns, func(have Column) bool { return have.Name == name })
		own := c.keyPart(i, j, col, index.Bytes)
		total, writes = total+own, writes || j >= 0
		if j >= 0 && own > size && c.mapping.limits[i][j].fits != nil && (col.Kind == StringColumn || col.Kind == BytesColumn) {
			widest, size = j, own
		}
	}
	if total <= index.Bytes || !writes {
		return
	}
	most := 0
	if widest >= 0 && !c.mapping.limits[i][widest].column.Fixed {
		most = (index.Bytes - total + size) / unitSize(&c.mapping.limits[i][widest].column)
	}
	if most <= 0 {
		c.fail(t.Source, t.Name.String(), "the key (%s) may be longer than the %d bytes an index takes", strings.Join(index.Columns, ", "), index.Bytes)
		return
	}
	column, l := &t.Columns[widest], &c.mapping.limits[i][widest]
	l.column.Length = most
	c.found.Narrowings = append(c.found.Narrowings, Narrowing{Source: column.Source, Path: column.Path, Target: t.Name.String() + "." + column.Name,
		Reason: "an index key takes " + some(most, units(&l.column))})
}

// keyPart is the most bytes that a column adds to a key: of one that the step
// copies from another, no more than that one holds, and of one that is narrowed
// already, no more than it takes still.
func (c *checker) keyPart(i, j int, col *ColumnModel, room int) int {
	own := keySize(&col.ColumnType, room)
	if j < 0 {
		return own
	}
	column := &c.mapping.Tables[i].Columns[j]
	var from *TableModel
	name := column.RefColumn
	switch {
	case column.Ref >= 0:
		from = c.models[column.Ref]
	case column.Lookup != nil && column.Lookup.NotFound != ValueMissing:
		from, _ = c.schema.Table(column.Lookup.Table)
		name = column.Lookup.Column
	case c.mapping.limits[i][j].fits != nil:
		return min(own, keySize(&c.mapping.limits[i][j].column, room))
	}
	if from != nil {
		if origin, ok := from.Column(name); ok {
			return min(own, keySize(&origin.ColumnType, room))
		}
	}
	return own
}

func unitSize(t *ColumnType) int {
	if t.Unicode {
		return 2
	}
	return 1
}

// keySize is the most bytes a column takes in an index; of one without a limit,
// more than the index has.
func keySize(t *ColumnType, room int) int {
	switch t.Kind {
	case StringColumn, BytesColumn:
		if t.Length == 0 {
			return room + 1
		}
		return t.Length * unitSize(t)
	case DecimalColumn:
		return 17
	}
	return 10
}

// foreignKeys checks that what a row refers to is written before it.
func (c *checker) foreignKeys(i int) {
	t := &c.mapping.Tables[i]
	for _, fk := range c.models[i].ForeignKeys {
		if fk.Table == t.Name || !c.writesAny(t, fk.Columns) {
			continue
		}
		for j := range c.mapping.Tables {
			if other := &c.mapping.Tables[j]; other.Name == fk.Table && j > i && !other.Stub && !c.writtenBefore(fk.Table, i) {
				c.fail(t.Source, t.Name.String(), "the foreign key (%s) refers to %s, which is written later, at %s", strings.Join(fk.Columns, ", "), fk.Table, other.Source)
				c.mend(Mend{In: InWords, Text: "move the row at " + other.Source + " above the one at " + t.Source})
				break
			}
		}
	}
}

func (c *checker) writesAny(t *Table, columns []string) bool {
	return slices.ContainsFunc(t.Columns, func(have Column) bool { return slices.Contains(columns, have.Name) })
}

func (c *checker) writtenBefore(table TableName, i int) bool {
	return slices.ContainsFunc(c.mapping.Tables[:i], func(t Table) bool { return t.Name == table })
}

// returns checks what replies and publications name.
func (c *checker) returns() {
	for _, r := range c.mapping.Returns {
		t, model := &c.mapping.Tables[r.Table], c.models[r.Table]
		if model == nil {
			continue
		}
		if _, ok := model.Column(r.Column); !ok {
			c.fail(t.Source, t.Name.String()+"."+r.Column, "reply or publish names $%s/%s, and there is no such column%s", t.As, r.Column, didYouMean(r.Column, columnNames(model)))
		}
		if len(t.Key()) == 0 {
			c.fail(t.Source, t.Name.String(), "reply or publish names a value of this row, so it needs match: to be found again, or sequence: to be known by a number")
			c.mend(c.naturalKey(r.Table)...)
		}
	}
}
