package view

import (
	"fmt"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// admitted checks that the query may be asked, and finds out what has to hold of the
// rows that are seen.
func (p *planner) admitted() error {
	fields, children := p.v.seenBy(p.windows)
	for _, f := range p.v.Key {
		if !fields[f] {
			return fault.New(fault.CodeForbidden, "nothing of %s may be seen", p.v.Name)
		}
	}
	seen := p.v.Seen(p.windows)
	used, err := p.used(seen)
	if err != nil {
		return err
	}
	if err := p.showable(); err != nil {
		return err
	}
	for _, f := range p.q.Select {
		if err := seen.known(f, p.v); err != nil {
			return err
		}
	}
	if err := p.v.expandable(p.q.Expand, children); err != nil {
		return err
	}
	p.rights = p.v.rights(p.windows, used, p.q.Shown...)
	return nil
}

// showable refuses a query to those who never see what its answer cannot do without.
func (p *planner) showable() error {
	for _, s := range p.q.Shown {
		if !slices.ContainsFunc(p.windows, func(w Window) bool { return w.shows(s) }) {
			return fault.New(fault.CodeForbidden, "the answer has to show what may not be seen of %s", p.v.Name)
		}
	}
	return nil
}

// shows reports whether a window misses nothing of what is to be shown.
func (w *Window) shows(s Shown) bool {
	for _, i := range s.Through {
		if w = w.child(i); w == nil {
			return true
		}
	}
	return w.has(s.Field)
}

// known refuses a field without a name in the words for one that does not exist.
func (v *View) known(field int, whole *View) error {
	if field < 0 || field >= len(v.Fields) {
		return fmt.Errorf("view %s: a query of field %d, of %d", v.Name, field, len(v.Fields))
	}
	if v.Fields[field].Name == "" {
		_, err := v.Field(whole.Fields[field].Name)
		return err
	}
	return nil
}

// used lists the fields that decide which rows are in the answer and where, the key
// among them.
func (p *planner) used(seen *View) ([]int, error) {
	used := slices.Clone(p.v.Key)
	q := p.q
	if q.Key != nil {
		if len(q.Key) != len(p.v.Key) {
			return nil, fault.New(fault.CodeQuery, "the key of %s has %d parts, not %d", p.v.Name, len(p.v.Key), len(q.Key))
		}
		for i, value := range q.Key {
			if f := p.v.Key[i]; !value.Present || value.Kind != p.v.Fields[f].Type.Kind {
				return nil, fault.New(fault.CodeQuery, "%s is no %s", p.v.Fields[f].Name, p.v.Fields[f].Type.Kind)
			}
		}
		return used, nil
	}
	size := maxParts
	inWhere, err := p.v.conditionFields(q.Where, &size, 0, func(f int) error {
		if err := seen.known(f, p.v); err != nil {
			return err
		}
		if !p.v.Fields[f].Filter {
			return fault.New(fault.CodeQuery, "%s cannot be asked for in conditions", p.v.Fields[f].Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(q.Order) > MaxOrder {
		return nil, fault.New(fault.CodeQuery, "the order has %d fields; it can have %d", len(q.Order), MaxOrder)
	}
	for _, o := range q.Order {
		if err := seen.known(o.Field, p.v); err != nil {
			return nil, err
		}
		if !p.v.Fields[o.Field].Sort {
			return nil, fault.New(fault.CodeQuery, "%s cannot be ordered by", p.v.Fields[o.Field].Name)
		}
		used = append(used, o.Field)
	}
	return append(used, inWhere...), nil
}

// conditionFields lists the fields of a condition, each of which it has checked, and
// refuses what is too large or compares with values of another type.
func (v *View) conditionFields(e Expr, size *int, depth int, check func(int) error) ([]int, error) {
	if *size--; *size < 0 || depth > maxNested {
		return nil, fault.New(fault.CodeQuery, "the condition has more than %d parts, or is nested more than %d deep", maxParts, maxNested)
	}
	var parts []Expr
	switch e := e.(type) {
	case nil:
		return nil, nil
	case And:
		parts = e
	case Or:
		parts = e
	case Not:
		parts = []Expr{e.Of}
	default:
		f := fieldOf(e)
		if err := check(f); err != nil {
			return nil, err
		}
		return []int{f}, v.wellTyped(e, size)
	}
	var out []int
	for _, part := range parts {
		fields, err := v.conditionFields(part, size, depth+1, check)
		if err != nil {
			return nil, err
		}
		out = append(out, fields...)
	}
	return out, nil
}

func (v *View) wellTyped(e Expr, size *int) error {
	f := &v.Fields[fieldOf(e)]
	values := []Value{}
	switch e := e.(type) {
	case Compare:
		values = append(values, e.Value)
	case In:
		if *size -= len(e.Values); *size < 0 {
			return fault.New(fault.CodeQuery, "the condition has more than %d parts", maxParts)
		}
		values = e.Values
	case StartsWith, Contains:
		if !f.text() || f.Type.UUID {
			return fault.New(fault.CodeQuery, "%s is no text", f.Name)
		}
	}
	for _, value := range values {
		if !value.Present || value.Kind != f.Type.Kind {
			return fault.New(fault.CodeQuery, "%s is compared with something that is no %s", f.Name, f.Type.Kind)
		}
	}
	return nil
}

// expandable checks what is asked of children.
func (v *View) expandable(expand []Expand, windows [][]Window) error {
	for i, e := range expand {
		if e.Child < 0 || e.Child >= len(v.Children) {
			return fmt.Errorf("view %s: a query of child %d, of %d", v.Name, e.Child, len(v.Children))
		}
		child := v.Children[e.Child]
		if windows[e.Child] == nil {
			_, err := v.seenChildren(windows).Child(child.Name)
			return err
		}
		if slices.ContainsFunc(expand[:i], func(o Expand) bool { return o.Child == e.Child }) {
			return fault.New(fault.CodeQuery, "%s is to be expanded twice", child.Name)
		}
		seen := child.View.Seen(windows[e.Child])
		for _, f := range e.Select {
			if err := seen.known(f, child.View); err != nil {
				return err
			}
		}
		_, children := child.View.seenBy(windows[e.Child])
		if err := child.View.expandable(e.Expand, children); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) seenChildren(windows [][]Window) *View {
	out := *v
	out.Children = slices.Clone(v.Children)
	for i := range out.Children {
		if windows[i] == nil {
			out.Children[i].Name = ""
		}
	}
	return &out
}

// rights are what has to hold of a row so that each of the fields is seen of it: for
// each field one of the windows that have it. What follows from the others is left out.
func (v *View) rights(windows []Window, fields []int, shown ...Shown) []Expr {
	var groups [][]int
	for _, f := range fields {
		shown = append(shown[:len(shown):len(shown)], Shown{Field: f})
	}
	for _, f := range shown {
		var with []int
		open := false
		for i := range windows {
			if w := &windows[i]; w.shows(f) {
				with = append(with, i)
				open = open || len(w.Rows) == 0
			}
		}
		if !open {
			groups = append(groups, with)
		}
	}
	var out []Expr
	for i, g := range groups {
		implied := slices.ContainsFunc(groups, func(o []int) bool { return len(o) < len(g) && subset(o, g) }) ||
			slices.ContainsFunc(groups[:i], func(o []int) bool { return slices.Equal(o, g) })
		if implied {
			continue
		}
		var any Or
		for _, w := range g {
			any = append(any, And(windows[w].Rows))
		}
		if len(any) == 1 {
			out = append(out, windows[g[0]].Rows...)
			continue
		}
		out = append(out, any)
	}
	return out
}

func subset(a, b []int) bool {
	return !slices.ContainsFunc(a, func(i int) bool { return !slices.Contains(b, i) })
}

// sighted are the windows with their conditions as one; nil when one shows everything.
func sighted(windows []Window) []Sighted {
	var out []Sighted
	for _, w := range windows {
		if w.Fields == nil && w.Rows == nil && w.Children == nil {
			return nil
		}
		out = append(out, Sighted{w.Fields, all(w.Rows), w.Children})
	}
	return out
}

// shown lists the fields that any window shows.
func (p *planner) shown() []int {
	fields, _ := p.v.seenBy(p.windows)
	out := []int{}
	for i, seen := range fields {
		if seen {
			out = append(out, i)
		}
	}
	return out
}

// Sees tells what is seen of a row of which it is known for each of the plan's
// windows whether its condition holds: for each field of the view, and for each of
// its children the windows on it, none where it is not seen.
func (p *Plan) Sees(holds []bool) (fields []bool, children [][]Window) {
	windows := []Window{{}}
	if p.Windows != nil {
		windows = windows[:0]
		for i, w := range p.Windows {
			if holds[i] {
				windows = append(windows, Window{Fields: w.Fields, Children: w.Children})
			}
		}
	}
	return p.View.seenBy(windows)
}

// SeenBy tells the same of a child's rows, by the windows on it.
func (v *View) SeenBy(windows []Window) (fields []bool, children [][]Window) {
	return v.seenBy(windows)
}
