package sqlview

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// choice is what a plan's page is chosen by.
type choice struct {
	*statement
	plan  *view.Plan
	limit string // the parameter of how many rows are wanted
}

// errEmpty says that no row can be in a branch.
var errEmpty = errors.New("no row can be in the branch")

// keys writes the SELECT of the order of the first rows of a plan: o0, o1 …, then m,
// which is 1 for a row that is wanted, and e, which is 1 for the last row that a
// branch looks at. It is empty when no row can be wanted.
func (c *choice) keys() (string, error) {
	var texts []string
	for i := range c.plan.Branches {
		text, err := c.branch(&c.plan.Branches[i])
		switch {
		case errors.Is(err, errEmpty):
		case err != nil:
			return "", fmt.Errorf("branch %d: %w", i+1, err)
		default:
			texts = append(texts, text)
		}
	}
	if len(texts) <= 1 {
		return strings.Join(texts, ""), nil
	}
	return c.merged(texts), nil
}

// merged gives each row once. A branch has as many rows as the page needs: what is
// behind its last one is behind the page's.
func (c *choice) merged(branches []string) string {
	var b strings.Builder
	var columns, group, order []string
	for i, o := range c.plan.Order {
		name := "o" + strconv.Itoa(i)
		columns = append(columns, "u."+name+" AS "+name)
		group = append(group, "u."+name)
		order = append(order, "u."+name+direction(o.Desc))
	}
	top, limit := c.dialect.Limit(c.limit)
	fmt.Fprintf(&b, "SELECT%s %s, MAX(u.m) AS m, MAX(u.e) AS e FROM (", top, strings.Join(columns, ", "))
	for i, text := range branches {
		if i > 0 {
			b.WriteString("\nUNION ALL")
		}
		fmt.Fprintf(&b, "\nSELECT b%d.* FROM (%s) AS b%d", i, text, i)
	}
	fmt.Fprintf(&b, ") AS u GROUP BY %s ORDER BY %s%s", strings.Join(group, ", "), strings.Join(order, ", "), limit)
	return b.String()
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

// branch writes the seek of a branch, in the order of the plan.
func (c *choice) branch(b *view.Branch) (string, error) {
	t := c.scope(c.plan.View, "j", c.named("t"))
	conditions, seek, err := t.seek(b)
	if err != nil {
		return "", err
	}
	open, err := c.unfixed(b)
	if err != nil {
		return "", err
	}
	if b.Rest != nil && b.Looks > 0 && !c.single(b) {
		return c.looking(b, conditions, seek, open)
	}
	if b.Rest != nil {
		rest, err := t.condition(b.Rest)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, "("+rest+")")
	}
	var columns []string
	for i, o := range c.plan.Order {
		text, _, err := t.field(o.Field)
		if err != nil {
			return "", err
		}
		columns = append(columns, text+" AS o"+strconv.Itoa(i))
	}
	top, limit := c.dialect.Limit(c.limit)
	return "SELECT" + top + " " + strings.Join(columns, ", ") + ", 1 AS m, 0 AS e" +
		c.from(b, seek) + t.joins() + where(conditions) + c.orderBy("t.", open) + limit, nil
}

// single reports whether a branch has one row at most, which needs no counting.
func (c *choice) single(b *view.Branch) bool {
	v := c.plan.View
	columns := 0
	for _, e := range b.Equal {
		switch join := v.Fields[e.Field].Join; {
		case !e.Value.Present:
			return false
		case join < 0:
			columns++
		default:
			columns += len(v.Joins[join].Columns)
		}
	}
	return slices.ContainsFunc(c.model[v.Table].Indexes, func(index view.Index) bool {
		return index.Name == b.Index && index.Unique && len(index.Columns) <= columns
	})
}

// from names the table and the index.
func (c *choice) from(b *view.Branch, seek bool) string {
	return "\n FROM " + c.dialect.Table(c.plan.View.Table) + " AS t" + c.dialect.Hint(b.Index, seek)
}

func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return "\n WHERE " + strings.Join(conditions, " AND ")
}

// looking writes a branch whose rows are looked at one by one.
func (c *choice) looking(b *view.Branch, conditions []string, seek bool, open []int) (string, error) {
	k := &kept{statement: c.statement, alias: "b"}
	around := c.scope(c.plan.View, "j", k.column)
	rest, err := around.condition(b.Rest)
	if err != nil {
		return "", err
	}
	var inner, outer []string
	for i, o := range c.plan.Order {
		name := "o" + strconv.Itoa(i)
		field := &c.plan.View.Fields[o.Field]
		text := "b." + name
		if field.Join >= 0 {
			text = around.of(field.Join, field.Column)
		} else {
			inner = append(inner, "t."+c.dialect.Quote(field.Column)+" AS "+name)
		}
		outer = append(outer, text+" AS "+name)
	}
	if len(open) == 0 {
		return "", errors.New("a branch that looks at rows has them in no order")
	}
	joins := around.joins() // which need columns too
	looks := c.bind(int64(b.Looks))
	top, limit := c.dialect.Limit(looks)
	numbered := c.orderBy("t.", open)
	seeking := "SELECT" + top + " " + strings.Join(inner, ", ") + k.selected("t") + ", ROW_NUMBER() OVER (" + strings.TrimSpace(numbered) + ") AS n" +
		c.from(b, seek) + where(conditions) + numbered + limit
	top, limit = c.dialect.Limit(c.limit)
	var order []string
	for _, i := range open {
		order = append(order, "b.o"+strconv.Itoa(i)+direction(c.plan.Order[i].Desc))
	}
	return "SELECT" + top + " " + strings.Join(outer, ", ") + ", CASE WHEN " + rest + " THEN 1 ELSE 0 END AS m, CASE WHEN b.n = " + looks + " THEN 1 ELSE 0 END AS e" +
		"\n FROM (" + seeking + ") AS b" + joins + "\n WHERE (" + rest + ") OR b.n = " + looks +
		"\n ORDER BY " + strings.Join(order, ", ") + limit, nil
}

// unfixed are the places in the order of what a branch does not fix. What an order
// has of a join has to be fixed: no index has it.
func (c *choice) unfixed(b *view.Branch) ([]int, error) {
	var open []int
	for i, o := range c.plan.Order {
		if slices.ContainsFunc(b.Equal, func(e view.Compare) bool { return e.Field == o.Field }) {
			continue
		}
		if c.plan.View.Fields[o.Field].Join >= 0 {
			return nil, fmt.Errorf("the order is by %q, which is another table's", c.plan.View.Fields[o.Field].Name)
		}
		open = append(open, i)
	}
	return open, nil
}

func (c *choice) orderBy(prefix string, open []int) string {
	if len(open) == 0 {
		return ""
	}
	var order []string
	for _, i := range open {
		o := c.plan.Order[i]
		order = append(order, prefix+c.dialect.Quote(c.plan.View.Fields[o.Field].Column)+direction(o.Desc))
	}
	return "\n ORDER BY " + strings.Join(order, ", ")
}

// seek writes what an index serves of a branch, and says whether there is any.
func (s *scope) seek(b *view.Branch) (conditions []string, seek bool, err error) {
	for _, e := range b.Equal {
		more, err := s.equal(e)
		if err != nil {
			return nil, false, err
		}
		conditions = append(conditions, more...)
	}
	for _, end := range []struct {
		bound *view.Bound
		op    view.Operator
	}{{b.From, view.Greater}, {b.To, view.Less}} {
		if end.bound == nil {
			continue
		}
		text, err := s.bound(end.bound, end.op)
		if err != nil {
			return nil, false, err
		}
		conditions = append(conditions, text)
	}
	seek = len(conditions) > 0
	if b.Starts != nil {
		more, err := s.starts(b.Starts)
		if err != nil {
			return nil, false, err
		}
		conditions = append(conditions, more...)
	}
	return conditions, seek, nil
}

func (s *scope) starts(e *view.StartsWith) ([]string, error) {
	column, c, err := s.field(e.Field)
	if err != nil {
		return nil, err
	}
	if err := textFits(unlike(c), e.Text); err != nil {
		return nil, err
	}
	text, exact, err := s.dialect.Starts(c, column, e.Text, s.bind)
	if err != nil || exact {
		return []string{text}, err
	}
	match, err := s.dialect.Match(c, column, e.Text, false, s.bind)
	return []string{text, match}, err
}

// bound writes one end of a range; op is Greater or Less.
func (s *scope) bound(b *view.Bound, op view.Operator) (string, error) {
	column, c, err := s.field(b.Field)
	switch {
	case err != nil:
		return "", err
	case s.view.Fields[b.Field].Join >= 0:
		return "", fmt.Errorf("a range is of %q, which is another table's", s.view.Fields[b.Field].Name)
	case !b.Value.Present && op == view.Greater:
		return s.dialect.NotNull(column), nil
	case !b.Value.Present:
		return "", errEmpty // nothing is less than null
	case b.Inclusive:
		op++ // GreaterOrEqual follows Greater, LessOrEqual Less
	}
	v, op, err := onGrid(c, op, b.Value)
	if err == nil {
		var text string
		if text, err = s.dialect.Value(c, v, s.bind); err == nil {
			return column + " " + operators[op] + " " + text, nil
		}
	}
	never, ok := errors.AsType[*Never](err)
	switch greater := op == view.Greater || op == view.GreaterOrEqual; {
	case !ok:
		return "", err
	case !never.Above && !never.Below:
		return "", unusable(c)
	case greater == never.Below:
		return s.dialect.NotNull(column), nil
	}
	return "", errEmpty
}

// equal fixes a field. One of a join is looked up first: the foreign key has what the
// one row with that value is referred to by.
func (s *scope) equal(e view.Compare) ([]string, error) {
	c, err := s.model.field(s.view, e.Field)
	if err != nil {
		return nil, err
	}
	f := &s.view.Fields[e.Field]
	if !e.Value.Present {
		if f.Join >= 0 {
			return nil, fmt.Errorf("%q is another table's and cannot be sought as null", f.Name)
		}
		return []string{s.root(f.Column) + " IS NULL"}, nil
	}
	v, _, err := onGrid(c, view.Equal, e.Value)
	var text string
	if err == nil {
		text, err = s.dialect.Value(c, v, s.bind)
	}
	if _, ok := errors.AsType[*Never](err); ok {
		return nil, errEmpty
	}
	if err != nil {
		return nil, err
	}
	if f.Join < 0 {
		return []string{s.root(f.Column) + " = " + text}, nil
	}
	return s.referring(&s.view.Joins[f.Join], f.Column, text)
}

// referring fixes the foreign key of a join.
func (s *scope) referring(j *view.Join, column, value string) ([]string, error) {
	if j.From >= 0 {
		return nil, fmt.Errorf("the join %q begins at another and cannot be sought by", j.Name)
	}
	var out []string
	for i, own := range j.Columns {
		query := "SELECT f." + s.dialect.Quote(j.Refers[i]) + " FROM " + s.dialect.Table(j.Table) + " AS f WHERE f." + s.dialect.Quote(column) + " = " + value
		text := "(" + query + ")"
		if s.dialect.Variables() {
			c, err := s.model.column(j.Table, j.Refers[i])
			if err != nil {
				return nil, err
			}
			text = "@e" + strconv.Itoa(len(s.declared))
			s.declared = append(s.declared, "DECLARE "+text+" "+c.Native.Type+" = ("+query+");\n")
		}
		out = append(out, s.root(own)+" = "+text)
	}
	return out, nil
}
