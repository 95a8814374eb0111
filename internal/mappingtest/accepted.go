package mappingtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// Expected is what becomes of a message that a checked mapping lets through.
type Expected struct {
	// Rows is, for each row of each step, what the columns hold in the end. The
	// text "NULL" is NULL, "DEFAULT" what only the database knows, "#" a number
	// that it draws.
	Rows [][]map[string]string
	// Must are the codes one of which the store refuses the message with, for
	// look-ups that find nothing; May are those that depend on what its collations
	// take for equal, or on what else the message writes.
	Must, May []fault.Code
}

// Accepted judges what a checked mapping lets through: raw is the same message
// by the mapping unchecked. The error names the first column that would refuse or
// change its value.
func (t *Trial) Accepted(raw *mapping.Changeset) (*Expected, error) {
	e := &expecting{Trial: t, raw: raw, Expected: Expected{Rows: make([][]map[string]string, len(raw.Rows))}}
	for step := range raw.Rows { // what look-ups insert is referred to before it stands
		e.Rows[step] = make([]map[string]string, len(raw.Rows[step]))
	}
	for step, rows := range raw.Rows {
		for r := range rows {
			if err := e.row(step, &rows[r], r); err != nil {
				return nil, fmt.Errorf("%w, of row %d", err, r)
			}
		}
	}
	return &e.Expected, nil
}

type expecting struct {
	*Trial
	raw *mapping.Changeset
	Expected
}

func (e *expecting) row(step int, row *mapping.Row, r int) error {
	held, table := map[string]string{}, e.table(step)
	e.Rows[step][r] = held
	for i, cell := range row.Cells {
		mapped := e.Mapping.Tables[step].Columns[i]
		col := table.Column(mapped.Name)
		text, ok, err := e.cell(step, mapped, cell, col)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s.%s %s does not hold %s, which came from %s at %s", table.Name, col.Name, col.Native, show(cell), mapped.Path, mapped.Source)
		}
		held[col.Name] = text
	}
	for _, index := range [][]string{table.Key, table.Unique, table.Index} {
		room := maxKey
		if table.Clustered && slices.Equal(index, table.Key) {
			room = maxClusteredKey
		}
		if n := keyBytes(table, index, held); n > room {
			return fmt.Errorf("%s: a key of %d bytes in the index on %v", table.Name, n, index)
		}
	}
	for _, col := range table.Columns {
		if _, written := held[col.Name]; !written && !col.Null && !col.Default {
			return fmt.Errorf("%s.%s gets no value", table.Name, col.Name)
		}
	}
	return nil
}

// cell is what a column holds of a cell.
func (e *expecting) cell(step int, mapped mapping.Column, cell mapping.Cell, col Column) (text string, ok bool, err error) {
	switch cell.Kind {
	case mapping.NullCell:
		return "NULL", col.Null, nil
	case mapping.ValueCell:
		text, ok = Holds(col, cell.Value)
		return text, ok, nil
	case mapping.Reference:
		text, ok = e.reference(mapped, cell, col)
		return text, ok, nil
	case mapping.DrawnCell:
		return "#", true, nil
	case mapping.KeysCell:
		return e.found(step, mapped.Lookup, cell.Keys, col)
	}
	text, ok = left(col)
	return text, ok, nil
}

// left is what a column holds that is left out of an insert.
func left(col Column) (text string, ok bool) {
	if col.Default {
		return "DEFAULT", true
	}
	return "NULL", col.Null
}

// found follows a look-up.
func (e *expecting) found(step int, l *mapping.Lookup, keys []mapping.Value, col Column) (string, bool, error) {
	table := e.Case.Table(l.Table.Name)
	var texts []string
	for i, name := range l.Where {
		text, ok := Holds(table.Column(name), keys[i])
		if !ok {
			return "", false, fmt.Errorf("%s.%s %s is looked up by %s %q, which it never holds", table.Name, name, table.Column(name).Native, keys[i].Class, keys[i].Lexical())
		}
		texts = append(texts, text)
	}
	if len(l.Own) > 0 {
		return e.foundOwn(step, l, texts, col)
	}
	perhaps := slices.ContainsFunc(e.Mapping.Tables, func(t mapping.Table) bool { return t.Stub && t.Name == l.Table })
	for _, seed := range table.Seeds {
		same, loosely := true, true
		for i, name := range l.Where {
			same, loosely = same && seed[name] == texts[i], loosely && alike(seed[name], texts[i])
		}
		switch {
		case !loosely || l.From != "" && !valid(seed, l.To != ""):
		case !same:
			perhaps = true
		case seed["v"] != "NULL" && table.Column("v").Native != col.Native:
			return "DEFAULT", true, nil
		default:
			return seed["v"], seed["v"] != "NULL" || col.Null, nil
		}
	}
	text, ok := e.missed(l, col, perhaps)
	return text, ok, nil
}

// valid reports whether a seed is valid when the messages come.
func valid(seed map[string]string, ends bool) bool {
	day := receivedAt().Format(time.DateOnly)
	return (seed["since"] == "NULL" || seed["since"] <= day) && (!ends || seed["till"] == "NULL" || seed["till"] >= day)
}

// missed is what becomes of a look-up that finds nothing, for certain or perhaps.
func (e *expecting) missed(l *mapping.Lookup, col Column, perhaps bool) (text string, ok bool) {
	refuse := func(code fault.Code) {
		if perhaps {
			e.May = append(e.May, code)
		} else {
			e.Must = append(e.Must, code)
		}
	}
	text, ok = "DEFAULT", true
	switch l.NotFound {
	case mapping.RejectMissing:
		refuse(fault.CodeLookup)
	case mapping.WaitMissing:
		refuse(fault.CodeNotYet)
	case mapping.NullMissing:
		text, ok = "NULL", col.Null
	case mapping.KeepMissing:
		text, ok = left(col)
	case mapping.ValueMissing:
		text, ok = Holds(col, l.Value)
	}
	if perhaps {
		text = "DEFAULT"
	}
	return text, ok
}

// foundOwn follows a reference among the rows of one table: tables are empty
// before the message.
func (e *expecting) foundOwn(step int, l *mapping.Lookup, texts []string, col Column) (string, bool, error) {
	perhaps := false
	for _, row := range e.raw.Rows[step] {
		same, loosely := true, true
		for i, c := range l.Own {
			text, _ := Holds(e.table(step).Column(e.Mapping.Tables[step].Columns[c].Name), row.Cells[c].Value)
			same, loosely = same && text == texts[i], loosely && alike(text, texts[i])
		}
		if same || loosely {
			e.May = append(e.May, fault.CodeMapping) // rows in a circle
		}
		if same {
			return "#", true, nil
		}
		perhaps = perhaps || loosely
	}
	text, ok := e.missed(l, col, perhaps)
	return text, ok, nil
}

// alike compares as the loosest collation does.
func alike(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, " "), strings.TrimRight(b, " "))
}

// How many bytes a key of an index has at most ("Maximum capacity specifications
// for SQL Server").
const (
	maxKey          = 1700
	maxClusteredKey = 900
)

// keyBytes is how long the key of a row is; only text and bytes count, which
// alone can make one too long.
func keyBytes(t *Table, index []string, held map[string]string) int {
	n := 0
	for _, name := range index {
		col := t.Column(name)
		switch text := held[name]; {
		case text == "NULL" || text == "DEFAULT":
		case strings.HasPrefix(col.Native, "n"):
			n += 2 * len(utf16.Encode([]rune(text)))
		case col.Charset == "utf-8":
			n += len(text)
		case strings.HasPrefix(col.Native, "varc"):
			n += len([]rune(text))
		case strings.HasPrefix(col.Native, "varb"):
			n += len(text) / 2
		}
	}
	return n
}

func show(c mapping.Cell) string {
	if c.Kind != mapping.ValueCell {
		return fmt.Sprintf("a cell of kind %d", c.Kind)
	}
	return fmt.Sprintf("%s %q", c.Value.Class, c.Value.Lexical())
}

// reference follows a cell to what another row's column holds.
func (e *expecting) reference(mapped mapping.Column, cell mapping.Cell, col Column) (string, bool) {
	if mapped.RefColumn == "id" {
		return "#", col.Native == "bigint"
	}
	if e.Mapping.Tables[mapped.Ref].Stub {
		return "DEFAULT", true // the row may be there with another value
	}
	text := e.Rows[mapped.Ref][cell.Row][mapped.RefColumn]
	if !e.writes(mapped.Ref, mapped.RefColumn) {
		text, _ = left(e.table(mapped.Ref).Column(mapped.RefColumn))
	}
	if text == "NULL" {
		return "NULL", col.Null
	}
	if text == "DEFAULT" || text == "#" {
		return text, true // what it is only the database knows
	}
	source := e.raw.Rows[mapped.Ref][cell.Row]
	for i, c := range e.Mapping.Tables[mapped.Ref].Columns {
		if c.Name == mapped.RefColumn && source.Cells[i].Kind == mapping.ValueCell {
			return copied(e.table(mapped.Ref).Column(c.Name), col, text, source.Cells[i].Value)
		}
	}
	return text, true
}

func (e *expecting) writes(step int, column string) bool {
	return slices.ContainsFunc(e.Mapping.Tables[step].Columns, func(c mapping.Column) bool { return c.Name == column })
}

// copied is what a column holds of a value that another one holds as text: what
// that one has cut is gone. Of types that keep a value in a form of their own the
// form is not foretold.
func copied(from, to Column, text string, v mapping.Value) (string, bool) {
	if at, err := time.Parse(moment, text); err == nil && v.Class == mapping.DateTime {
		v = mapping.Moment(at)
	}
	stored, ok := Holds(to, v)
	name, _, _ := strings.Cut(from.Native, "(")
	if from.Native != to.Native && slices.Contains([]string{"uniqueidentifier", "char", "nchar", "real", "time"}, name) {
		stored = "DEFAULT"
	}
	return stored, ok
}
