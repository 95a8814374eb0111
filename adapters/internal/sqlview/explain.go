package sqlview

import (
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Statement is a text with its arguments.
type Statement struct {
	Text string
	Args []any
}

// Picture is tables as somebody else has found them.
func Picture(d *Database, tables ...*sqlstore.Table) *Tables {
	out := &Tables{d, model{}}
	for _, t := range tables {
		out.model[t.Name] = readable(t)
	}
	return out
}

// Statements are what a plan is run with: the page, then the children of each level,
// of no parents, and last the count. There are none when no row can be wanted.
func (t *Tables) Statements(p *view.Plan) ([]Statement, error) {
	d := t.database.dialect
	read, err := page(d, t.model, p)
	if err != nil || read.text == "" {
		return nil, err
	}
	out := []Statement{{read.text, read.args}}
	below, err := t.below(p.View, topWindows(p) != nil, p.Expand)
	if err != nil {
		return nil, err
	}
	counted, text, err := count(d, t.model, p)
	if err != nil {
		return nil, err
	}
	return append(append(out, below...), Statement{text, counted.args}), nil
}

func (t *Tables) below(v *view.View, masked bool, expand []view.Expand) ([]Statement, error) {
	var out []Statement
	for i := range expand {
		e := &expand[i]
		if e.Child < 0 || e.Child >= len(v.Children) {
			return nil, fmt.Errorf("the view %s has no children %d", v.Name, e.Child)
		}
		c := newChildText(t.database.dialect, t.model, &v.Children[e.Child], e)
		if err := c.write("[]", masked); err != nil {
			return nil, err
		}
		deeper, err := t.below(c.child.View, masked, e.Expand)
		if err != nil {
			return nil, err
		}
		out = append(append(out, Statement{c.text, c.args}), deeper...)
	}
	return out, nil
}
