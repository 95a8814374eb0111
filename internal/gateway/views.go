package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// RowFilter is what a grant demands of the rows of a view: the column has one of
// the values, compared as text. A value may stand for something of the principal.
type RowFilter struct {
	Column string   `json:"column"`
	Values []string `json:"values"`
}

// PrincipalValues are what a value of a RowFilter may stand for, besides attributes
// of the principal's entry. A dollar at the beginning of any other value is written
// twice.
var PrincipalValues = []string{"$principal/login", "$principal/dn", "$principal/partner", "$principal/group"}

// principalAttribute is what a value begins with that stands for an attribute.
const principalAttribute = "$principal/attribute/"

// CheckRowValue finds out whether a value of a RowFilter can be read.
func CheckRowValue(text string) error {
	if !strings.HasPrefix(text, "$") || strings.HasPrefix(text, "$$") || slices.Contains(PrincipalValues, text) || PrincipalAttribute(text) != "" {
		return nil
	}
	return fmt.Errorf("%q stands for nothing; what can be named is %s, %s<name>, and a dollar itself is written $$", text, strings.Join(PrincipalValues, ", "), principalAttribute)
}

// PrincipalAttribute is the attribute of the principal's entry that a value stands
// for; empty when it stands for none.
func PrincipalAttribute(text string) string {
	name, _ := strings.CutPrefix(text, principalAttribute)
	if name == text {
		return ""
	}
	return name
}

// PlainRowValue is a value that stands for itself, and false for any other.
func PlainRowValue(text string) (string, bool) {
	if rest, dollar := strings.CutPrefix(text, "$"); dollar {
		return rest, strings.HasPrefix(rest, "$")
	}
	return text, true
}

// Sight is what somebody sees of a view: what any of its windows shows. A
// search asks for the rows that any window shows, and of each row for the columns
// that the windows with that row in them have. It is immutable.
type Sight struct{ Windows []Window }

// Window is what one grant shows of a view.
type Window struct {
	Columns []string // fields and children of the view; nil: all
	// Classes are those of which fields are seen too; of any other only those that
	// have no class.
	Classes []string
	// Rows are the conditions that a row has to satisfy, all of them, with nothing
	// left to fill in; nil: every row. A condition without values holds for no row.
	Rows []RowFilter
}

// Sight returns what id sees of a view, or a forbidden fault when that is nothing.
func (a *Access) Sight(id *Identity, name string) (Sight, error) {
	var s Sight
	for i := range a.roles {
		r := &a.roles[i]
		if r.through(id) == nil {
			continue
		}
		for j := range a.grants {
			if g := &a.grants[j]; g.Role == r.Name && g.allows(Read, OnView(name)) {
				s.Windows = append(s.Windows, g.window(id, r))
			}
		}
	}
	if s.Windows == nil {
		return s, fault.New(fault.CodeForbidden, "%s may not %s on %s", id.Login, Read, OnView(name))
	}
	if i := slices.IndexFunc(s.Windows, Window.whole); i >= 0 {
		s.Windows = s.Windows[i : i+1]
	}
	return s, nil
}

// window is what the grant shows to id, who has it by the role r.
func (g *Grant) window(id *Identity, r *Role) Window {
	w := Window{Columns: g.Columns, Classes: g.Classes}
	for _, f := range g.Rows {
		filled := RowFilter{Column: f.Column, Values: []string{}}
		for _, v := range f.Values {
			filled.Values = append(filled.Values, rowValues(v, id, r)...)
		}
		w.Rows = append(w.Rows, filled)
	}
	return w
}

// rowValues are what a value stands for; of several, any will do. What nothing is
// known of matches nothing.
func rowValues(text string, id *Identity, r *Role) []string {
	var values []string
	switch text {
	case "$principal/login":
		values = []string{id.Login}
	case "$principal/dn":
		values = []string{id.DN}
	case "$principal/partner":
		values = []string{r.Partner}
	case "$principal/group":
		values = id.GroupNames
	default:
		if name := PrincipalAttribute(text); name != "" {
			values = id.Attributes[strings.ToLower(name)]
			break
		}
		plain, ok := PlainRowValue(text)
		if !ok {
			return nil
		}
		return []string{plain}
	}
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// whole reports whether the window shows everything.
func (w Window) whole() bool {
	return w.Columns == nil && w.Rows == nil && !slices.ContainsFunc(view.ClassNames, func(c string) bool { return !slices.Contains(w.Classes, c) })
}

// Shows reports whether the window has a row in it; column returns the row's text
// in a column, and false where that is null.
func (w Window) Shows(column func(name string) (text string, ok bool)) bool {
	return !slices.ContainsFunc(w.Rows, func(f RowFilter) bool {
		text, ok := column(f.Column)
		return !ok || !slices.Contains(f.Values, text)
	})
}

// Columns returns which of the view's columns are seen in any row.
func (s Sight) Columns(all []string) []string {
	return s.seen(all, func(Window) bool { return true })
}

// Of returns which of the view's columns are seen of one row; none when the row is
// not seen.
func (s Sight) Of(all []string, column func(name string) (text string, ok bool)) []string {
	return s.seen(all, func(w Window) bool { return w.Shows(column) })
}

func (s Sight) seen(all []string, by func(Window) bool) []string {
	var out []string
	for _, c := range all {
		if slices.ContainsFunc(s.Windows, func(w Window) bool { return by(w) && (w.Columns == nil || slices.Contains(w.Columns, c)) }) {
			out = append(out, c)
		}
	}
	return out
}

// String renders the filter as a condition.
func (f RowFilter) String() string {
	if len(f.Values) == 1 {
		return f.Column + " = " + f.Values[0]
	}
	return f.Column + " in (" + strings.Join(f.Values, ", ") + ")"
}
