package view

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Seen returns the view as somebody with these windows knows it: with the same
// fields and children in the same places, of which those that no window shows have
// no name. So what is said of a field that is hidden is what is said of one that
// does not exist. Nothing else of the view differs.
func (v *View) Seen(windows []Window) *View {
	fields, children := v.seenBy(windows)
	out := *v
	out.Fields, out.Children = slices.Clone(v.Fields), slices.Clone(v.Children)
	for i := range out.Fields {
		if !fields[i] {
			out.Fields[i].Name, out.Fields[i].Doc = "", ""
		}
	}
	for i := range out.Children {
		if children[i] == nil {
			out.Children[i].Name = ""
			continue
		}
		out.Children[i].View = v.Children[i].View.Seen(children[i])
	}
	return &out
}

// seenBy tells which fields any of the windows has, and with which windows each
// child is seen; none where it is not.
func (v *View) seenBy(windows []Window) (fields []bool, children [][]Window) {
	fields, children = make([]bool, len(v.Fields)), make([][]Window, len(v.Children))
	for _, w := range windows {
		for i := range fields {
			fields[i] = fields[i] || w.has(i)
		}
		for i := range children {
			if c := w.child(i); c != nil {
				children[i] = append(children[i], *c)
			}
		}
	}
	return fields, children
}

// has reports whether the window shows a field.
func (w *Window) has(field int) bool { return w.Fields == nil || slices.Contains(w.Fields, field) }

// child is the window on the children of a row, or nil.
func (w *Window) child(i int) *Window {
	switch {
	case w.Children == nil:
		return &Window{}
	case i < len(w.Children):
		return w.Children[i]
	}
	return nil
}

// Field finds a field by name, or returns an invalid fault that names the one which
// was probably meant.
func (v *View) Field(name string) (int, error) {
	if i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name }); i >= 0 && name != "" {
		return i, nil
	}
	var known []string
	for _, f := range v.Fields {
		if f.Name != "" {
			known = append(known, f.Name)
		}
	}
	return -1, fault.New(fault.CodeQuery, "there is no field %q%s", name, didYouMean(name, known))
}

// Child finds a child by name, or returns an invalid fault.
func (v *View) Child(name string) (int, error) {
	if i := slices.IndexFunc(v.Children, func(c Child) bool { return c.Name == name }); i >= 0 && name != "" {
		return i, nil
	}
	var known []string
	for _, c := range v.Children {
		if c.Name != "" {
			known = append(known, c.Name)
		}
	}
	return -1, fault.New(fault.CodeQuery, "there are no children %q%s", name, didYouMean(name, known))
}

// didYouMean proposes the name that was probably meant.
func didYouMean(name string, known []string) string {
	if near := config.Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
