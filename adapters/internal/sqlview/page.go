package sqlview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// pageText is the statement of a page, and where what stands in its answer.
type pageText struct {
	*statement
	plan    *view.Plan
	text    string // empty: no row can be wanted
	order   []*Column
	values  []*Column
	refers  []string // columns of the view's table that children refer to
	keys    []*Column
	windows int
}

// newStatement begins a text.
func newStatement(d Dialect, m model) *statement { return &statement{dialect: d, model: m} }

// page writes the statement of a plan: one more row than a page has, which tells
// that there are more.
func page(d Dialect, m model, p *view.Plan) (*pageText, error) {
	t := &pageText{statement: newStatement(d, m), plan: p}
	c := &choice{t.statement, p, t.bind(int64(p.Top) + 1)}
	chosen, err := c.keys()
	if err != nil || chosen == "" {
		return t, err
	}
	if err := t.columns(); err != nil {
		return nil, err
	}
	rows, err := t.rows(chosen)
	if err != nil {
		return nil, err
	}
	if len(t.args) > maxArguments {
		return nil, tooMany()
	}
	t.text = t.whole(rows)
	return t, nil
}

// columns finds what is read.
func (t *pageText) columns() error {
	v := t.plan.View
	add := func(to *[]*Column, field int) error {
		c, err := t.model.field(v, field)
		*to = append(*to, c)
		return err
	}
	for _, o := range t.plan.Order {
		if err := add(&t.order, o.Field); err != nil {
			return err
		}
	}
	for _, f := range t.plan.Select {
		if err := add(&t.values, f); err != nil {
			return err
		}
	}
	refers, keys, err := referred(t.model, v, t.plan.Expand)
	t.refers, t.keys = refers, keys
	return err
}

// referred are the columns of a view's table that the children to be read refer to.
func referred(m model, v *view.View, expand []view.Expand) (names []string, columns []*Column, err error) {
	for _, e := range expand {
		if e.Child < 0 || e.Child >= len(v.Children) {
			return nil, nil, fmt.Errorf("the view %s has no children %d", v.Name, e.Child)
		}
		for _, name := range v.Children[e.Child].Refers {
			if slices.Contains(names, name) {
				continue
			}
			c, err := m.column(v.Table, name)
			if err != nil {
				return nil, nil, err
			}
			names, columns = append(names, name), append(columns, c)
		}
	}
	return names, columns, nil
}

// rows reads the rows that were chosen.
func (t *pageText) rows(chosen string) (string, error) {
	v := t.plan.View
	s := t.scope(v, "j", t.named("t"))
	list := []string{"p.m AS m", "p.e AS e"}
	for i := range t.plan.Order {
		list = append(list, fmt.Sprintf("p.o%d AS o%d", i, i))
	}
	t.windows = len(t.plan.Windows)
	for i, w := range t.plan.Windows {
		flag := "1"
		if w.When != nil {
			when, err := s.condition(w.When)
			if err != nil {
				return "", err
			}
			flag = "CASE WHEN " + when + " THEN 1 ELSE 0 END"
		}
		list = append(list, flag+" AS w"+strconv.Itoa(i))
	}
	for i, f := range t.plan.Select {
		text, _, err := s.field(f)
		if err != nil {
			return "", err
		}
		list = append(list, text+" AS v"+strconv.Itoa(i))
	}
	for i, name := range t.refers {
		list = append(list, s.root(name)+" AS r"+strconv.Itoa(i))
	}
	var on []string
	for _, f := range v.Key {
		i := slices.IndexFunc(t.plan.Order, func(o view.Order) bool { return o.Field == f })
		if i < 0 {
			return "", fmt.Errorf("the order does not end with the key")
		}
		on = append(on, s.root(v.Fields[f].Column)+" = p.o"+strconv.Itoa(i))
	}
	joins := s.joins() // after all that may need one
	text := "SELECT " + strings.Join(list, ", ") + "\nFROM (" + chosen + ") AS p\n" + t.dialect.Follow() + " " + t.dialect.Table(v.Table) + " AS t ON " +
		strings.Join(on, " AND ") + joins
	if t.plan.Windows == nil {
		return text + t.outerOrder("p."), nil
	}
	return t.masked(text), nil
}

func (t *pageText) outerOrder(prefix string) string {
	var order []string
	for i, o := range t.plan.Order {
		order = append(order, prefix+"o"+strconv.Itoa(i)+direction(o.Desc))
	}
	return "\nORDER BY " + strings.Join(order, ", ")
}

// masked leaves out what no window shows of a row.
func (t *pageText) masked(text string) string {
	list := []string{"q.m", "q.e"}
	for i := range t.plan.Order {
		list = append(list, "q.o"+strconv.Itoa(i))
	}
	for i := range t.plan.Windows {
		list = append(list, "q.w"+strconv.Itoa(i))
	}
	for i, f := range t.plan.Select {
		value := "q.v" + strconv.Itoa(i)
		switch when, always := t.seenWhen(f); {
		case always:
			list = append(list, value)
		case len(when) == 0:
			list = append(list, "NULL")
		default:
			list = append(list, "CASE WHEN "+strings.Join(when, " OR ")+" THEN "+value+" END")
		}
	}
	for i := range t.refers {
		list = append(list, "q.r"+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(list, ", ") + "\nFROM (" + text + ") AS q" + t.outerOrder("q.")
}

// seenWhen are the windows that a field is in.
func (t *pageText) seenWhen(field int) (when []string, always bool) {
	for i, w := range t.plan.Windows {
		if w.Fields != nil && !slices.Contains(w.Fields, field) {
			continue
		}
		if w.When == nil {
			return nil, true
		}
		when = append(when, fmt.Sprintf("q.w%d = 1", i))
	}
	return when, false
}

// maxCounted is how far rows are counted.
const maxCounted = 10_000

// count writes the statement that counts the rows of a plan, and says whether a
// branch had more to look at.
func count(d Dialect, m model, p *view.Plan) (*statement, string, error) {
	s := newStatement(d, m)
	c := &choice{s, p, s.bind(int64(maxCounted) + 1)}
	chosen, err := c.keys()
	if err != nil || chosen == "" {
		return s, "", err
	}
	if len(s.args) > maxArguments {
		return nil, "", tooMany()
	}
	return s, s.whole("SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (" + chosen + ") AS p"), nil
}
