package odata

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/view"
)

// maxRows bounds the rows of a page with all their children, as far as numbers are
// asked for.
const maxRows = 100_000

// Bind holds the request against a view as whoever asks knows it: see view.View.Seen.
// Where SkipToken says to go on is not in the
// query: Tokens.Open tells. The error is a *Refusal with everything that is wrong.
func (r *Request) Bind(v *view.View) (*view.Query, error) {
	b := &binder{request: r, view: v}
	q := &view.Query{Top: r.Top, Count: r.Count}
	b.at(optSelect, func() { q.Select = b.selected(r.Select, r.All || r.Select == nil) })
	b.at(optFilter, func() {
		if r.Filter != nil {
			q.Where = b.condition(r.Filter, false)
		}
	})
	b.at(optOrderBy, func() { q.Order = b.order(r.OrderBy) })
	b.at(optExpand, func() { q.Expand = b.expansions(r.Expand, r.Top) })
	b.inJSON()
	b.unused()
	if err := refusal(b.complaints); err != nil {
		return nil, err
	}
	return q, nil
}

// BindRow holds a request for one row against its view, as Bind does: its fields and its children
// can be asked for.
func (r *Request) BindRow(v *view.View) (*view.Query, error) {
	b := &binder{request: r, view: v}
	for _, option := range []string{optFilter, optOrderBy, optTop, optCount, optSkipToken} {
		b.misplaced(option, "$select, $expand, $format", "is of many rows; this is one")
	}
	b.inJSON()
	q := &view.Query{}
	b.at(optSelect, func() { q.Select = b.selected(r.Select, r.All || r.Select == nil) })
	b.at(optExpand, func() { q.Expand = b.expansions(r.Expand, 1) })
	if err := refusal(b.complaints); err != nil {
		return nil, err
	}
	return q, nil
}

// binder holds one request against one view, or a child of it.
type binder struct {
	request    *Request
	view       *view.View
	text       *text // of the option that is bound
	complaints []Complaint
	used       []string // aliases
}

// at binds one option; an option that is not there has nothing to complain about.
func (b *binder) at(option string, bind func()) {
	b.text = b.request.texts[option]
	bind()
}

func (b *binder) complain(at int, found, expected, format string, args ...any) {
	b.complaints = append(b.complaints, b.text.wrong(at, found, expected, format, args...))
}

// visible are the names of the fields that satisfy a condition. Those that may not be
// seen have none.
func (b *binder) visible(of func(*view.Field) bool) (names []string) {
	for i := range b.view.Fields {
		if f := &b.view.Fields[i]; f.Name != "" && of(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

func anyField(*view.Field) bool { return true }

// field finds a field by its name, which is offered for something.
func (b *binder) field(n Name, offered func(*view.Field) bool, what string) (int, bool) {
	i := slices.IndexFunc(b.view.Fields, func(f view.Field) bool { return f.Name == n.Text })
	if i < 0 {
		b.unknown(n)
		return 0, false
	}
	if !offered(&b.view.Fields[i]) {
		b.complain(n.At, n.Text, b.oneOf(offered), "the field cannot be %s", what)
		return 0, false
	}
	return i, true
}

// unknown complains about a name that no field has.
func (b *binder) unknown(n Name) {
	if slices.ContainsFunc(b.view.Children, func(c view.Child) bool { return c.Name == n.Text }) {
		b.complain(n.At, n.Text, b.oneOf(anyField), "is a child, not a field; $expand asks for it")
		return
	}
	if meant := config.Nearest(n.Text, b.visible(anyField)); meant != "" {
		b.complain(n.At, clip(n.Text), b.oneOf(anyField), "the view has no such field; did you mean %q?", meant)
		return
	}
	b.complain(n.At, clip(n.Text), b.oneOf(anyField), "the view has no such field")
}

// oneOf lists the fields that would do, if they are not too many.
func (b *binder) oneOf(offered func(*view.Field) bool) string {
	const most = 30
	names := b.visible(offered)
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		names = append(names[:most:most], "…")
	}
	return "one of " + strings.Join(names, ", ")
}

// selected are the places of fields in the order of the answer: of those named, or of
// all that have a name.
func (b *binder) selected(names []Name, all bool) []int {
	out := []int{}
	for _, n := range names {
		if i, ok := b.field(n, anyField, ""); ok && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	if !all {
		return out
	}
	out = out[:0]
	for i := range b.view.Fields {
		if b.view.Fields[i].Name != "" {
			out = append(out, i)
		}
	}
	return out
}

func (b *binder) order(by []OrderBy) (out []view.Order) {
	for _, o := range by {
		i, ok := b.field(o.Field, func(f *view.Field) bool { return f.Sort }, "ordered by")
		if !ok {
			continue
		}
		if slices.ContainsFunc(out, func(o view.Order) bool { return o.Field == i }) {
			b.complain(o.Field.At, o.Field.Text, "", "the field is in the order already")
			continue
		}
		out = append(out, view.Order{Field: i, Desc: o.Desc})
	}
	return out
}

// expansions binds the children of each of so many rows.
func (b *binder) expansions(asked []Expansion, rows int) (out []view.Expand) {
	for _, e := range asked {
		i := slices.IndexFunc(b.view.Children, func(c view.Child) bool { return c.Name == e.Child.Text })
		if i < 0 {
			b.noChild(e.Child)
			continue
		}
		if slices.ContainsFunc(out, func(o view.Expand) bool { return o.Child == i }) {
			b.complain(e.Child.At, e.Child.Text, "", "the child is asked for already")
			continue
		}
		each := e.Top
		if each == 0 {
			each = DefaultTop
		}
		if rows*each > maxRows && e.Top > 0 {
			b.complain(e.Child.At, e.Child.Text, "", "the page could have %d rows, children and all; the most is %d: take smaller $top", rows*each, maxRows)
			continue
		}
		parent := b.view
		b.view = parent.Children[i].View
		out = append(out, view.Expand{
			Child: i, Top: e.Top,
			Select: b.selected(e.Select, e.All || e.Select == nil),
			Expand: b.expansions(e.Expand, rows*each),
		})
		b.view = parent
	}
	return out
}

func (b *binder) noChild(n Name) {
	var names []string
	for _, c := range b.view.Children {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	expected := ""
	if names != nil {
		expected = "one of " + strings.Join(names, ", ")
	}
	if meant := config.Nearest(n.Text, names); meant != "" {
		b.complain(n.At, clip(n.Text), expected, "the view has no such child; did you mean %q?", meant)
		return
	}
	b.complain(n.At, clip(n.Text), expected, "the view has no such child")
}

// unused complains about aliases that nothing refers to: they restrict nothing.
func (b *binder) unused() {
	for name := range b.request.aliases {
		if !slices.Contains(b.used, name) {
			c := b.request.texts[name].wrong(0, "", "", "nothing refers to it")
			b.complaints = append(b.complaints, c)
		}
	}
}
