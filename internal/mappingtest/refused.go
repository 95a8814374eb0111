package mappingtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

var (
	placed = regexp.MustCompile(`^p\.yaml:[0-9]+:[0-9]+$`)
	target = regexp.MustCompile(`^dbo\.(head|line|part|side|copy|node|ref[01])\.[a-z0-9]+$`)
)

// Refused judges the refusal of a message: that it tells everything an operator
// needs, and that a value which is said not to fit does not fit. raw is nil when
// an expression could not be evaluated at all.
func (t *Trial) Refused(err error, checked *mapping.Checked, raw *mapping.Changeset) error {
	f := fault.Of(err)
	codes := []fault.Code{fault.CodeNarrowing, fault.CodeMapping, fault.CodeUnknownCode, fault.CodeUnknownYet}
	if f == nil || !slices.Contains(codes, f.Code) || f.Code == fault.CodeNarrowing && len(f.Details) == 0 {
		return fmt.Errorf("refused with %v", err)
	}
	for _, d := range f.Details {
		if !placed.MatchString(d.Source) || !target.MatchString(d.Target) || d.Path == "" || d.Line < 1 || d.Column < 1 || d.Message == "" {
			return fmt.Errorf("the refusal does not tell enough: %+v", d)
		}
		if raw == nil || d.Expected == "" {
			continue
		}
		if err := t.deserved(d, checked, raw); err != nil {
			return err
		}
	}
	return nil
}

// deserved reports a value that was refused although its column, or the one that
// it is looked up in, holds all that the message has for it.
func (t *Trial) deserved(d fault.Detail, checked *mapping.Checked, raw *mapping.Changeset) error {
	names := strings.Split(d.Target, ".")
	table := t.Case.Table(names[1])
	if table == nil {
		return fmt.Errorf("the refusal names no column: %s", d)
	}
	col := table.Column(names[2])
	for step, rows := range raw.Rows {
		for i, c := range t.Mapping.Tables[step].Columns {
			if t.table(step) != table || c.Name != col.Name {
				continue
			}
			for _, row := range rows {
				switch cell := row.Cells[i]; cell.Kind {
				case mapping.ValueCell:
					if _, ok := Holds(col, cell.Value); !ok || stricter(col, cell.Value) {
						return t.listed(d, checked, d.Target, col, cell.Value)
					}
				case mapping.KeysCell:
					if i := t.tooMuch(c.Lookup, cell.Keys); i >= 0 {
						name := c.Lookup.Where[i]
						return t.listed(d, checked, c.Lookup.Table.String()+"."+name, t.Case.Table(c.Lookup.Table.Name).Column(name), cell.Keys[i])
					}
				}
			}
		}
	}
	return fmt.Errorf("%s %s would hold every value, and one is refused: %s", d.Target, col.Native, d)
}

// tooMuch is the first key that the column it is compared with never holds; -1
// for none.
func (t *Trial) tooMuch(l *mapping.Lookup, keys []mapping.Value) int {
	for i, name := range l.Where {
		col := t.Case.Table(l.Table.Name).Column(name)
		if _, ok := Holds(col, keys[i]); !ok || stricter(col, keys[i]) {
			return i
		}
	}
	return -1
}

// stricter reports columns of which less is taken than they hold: keys, for an
// index has less room; money, of which eighteen or nine digits are taken; whole
// numbers in a float where not each of them has its place.
func stricter(col Column, v mapping.Value) bool {
	return strings.HasSuffix(col.Native, "money") || col.Name == "code" || col.Name == "wide" || v.Class == mapping.Integer && (col.Native == "float" || col.Native == "real")
}

// listed reports a refusal that the check did not tell of before.
func (t *Trial) listed(d fault.Detail, checked *mapping.Checked, target string, col Column, v mapping.Value) error {
	for _, n := range checked.Narrowings {
		if n.Target == target {
			return nil
		}
	}
	untold := v.Class == mapping.DateTime || v.Class == mapping.Date || len(v.Lexical()) != len([]rune(v.Lexical()))
	if untold {
		return nil
	}
	return fmt.Errorf("%s %s: the check did not list that it may refuse: %s", d.Target, col.Native, d)
}
