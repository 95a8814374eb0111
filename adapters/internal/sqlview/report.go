package sqlview

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// maxLines is how many lines a report has at most.
const maxLines = 10_000

// reportText is the statement of a report:
//
//	SELECT …, rank … FROM (
//	  SELECT m, MAX(e), COUNT(*), group …, measure … FROM (
//	    SELECT … FROM (keys) AS p LEFT JOIN table ON key AND p.m = 1 LEFT JOIN referred …
//	  ) AS q GROUP BY m, group …
//	) AS r ORDER BY m, group …
//
// The keys are those of a page as long as the report may read, so that each row is
// counted once whatever the branches have in common. The lines of m = 0 have the rows
// that were looked at and are not counted: of those nothing is read but that they are
// the last that may be looked at.
type reportText struct {
	*statement
	plan   *view.ReportPlan
	text   string // empty: no row can be in it
	groups []*Column
	values []*Column // of each measure; nil of a count
	sums   []int     // of each measure: how many columns its sum takes; 0: it is none
	ranks  []int     // the keys of the order that the database ranks
}

// report writes the statement of a plan.
func report(d Dialect, m model, p *view.ReportPlan) (*reportText, error) {
	t := &reportText{statement: newStatement(d, m), plan: p}
	c := &choice{t.statement, p.Plan, t.bind(int64(p.Report.Rows) + 1)}
	chosen, err := c.keys()
	if err != nil || chosen == "" {
		return t, err
	}
	rows, err := t.rows(chosen)
	if err != nil {
		return nil, err
	}
	lines := t.lines(t.numbered(rows))
	if len(t.args) > maxArguments {
		return nil, tooMany()
	}
	t.text = t.whole(t.ranked(lines))
	return t, nil
}

// rows reads what is grouped by and measured of the rows that were chosen.
func (t *reportText) rows(chosen string) (string, error) {
	v, r := t.plan.View, t.plan.Report
	s := t.scope(v, "j", t.named("t"))
	list := []string{"p.m AS m", "p.e AS e"}
	for i, g := range r.Group {
		text, c, err := s.field(g.Field)
		if err != nil {
			return "", err
		}
		if g.By != view.Exactly {
			text = t.dialect.Period(c, text, g.By)
			c = &Column{ColumnModel: mapping.ColumnModel{Name: c.Name, ColumnType: mapping.ColumnType{Kind: mapping.DateColumn}}}
		}
		t.groups = append(t.groups, c)
		list = append(list, text+" AS g"+strconv.Itoa(i))
	}
	for i, m := range r.Measures {
		if m.Field < 0 {
			t.values = append(t.values, nil)
			continue
		}
		text, c, err := s.field(m.Field)
		if err != nil {
			return "", err
		}
		t.values = append(t.values, c)
		list = append(list, text+" AS v"+strconv.Itoa(i))
	}
	on := []string{"p.m = 1"}
	for _, f := range v.Key {
		i := slices.IndexFunc(t.plan.Plan.Order, func(o view.Order) bool { return o.Field == f })
		if i < 0 {
			return "", errors.New("the order does not end with the key")
		}
		on = append(on, s.root(v.Fields[f].Column)+" = p.o"+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(list, ", ") + "\nFROM (" + chosen + ") AS p\nLEFT JOIN " + t.dialect.Table(v.Table) + " AS t ON " +
		strings.Join(on, " AND ") + s.joins(), nil
}

// numbered numbers the different values of each line that are to be counted, null
// first. COUNT(DISTINCT …) would do, but where there are several SQL Server joins what
// they come to, and the joins of this statement are made row by row.
func (t *reportText) numbered(rows string) string {
	by := "w.m"
	for i := range t.groups {
		by += ", w.g" + strconv.Itoa(i)
	}
	list := ""
	for i, m := range t.plan.Report.Measures {
		if m.Of == view.CountDistinct {
			n := strconv.Itoa(i)
			list += ", CAST(DENSE_RANK() OVER (PARTITION BY " + by + " ORDER BY w.v" + n + ") AS bigint) AS d" + n
		}
	}
	if list == "" {
		return rows
	}
	return "SELECT w.*" + list + "\nFROM (" + rows + ") AS w"
}

// lines groups the rows.
func (t *reportText) lines(rows string) string {
	list, by := []string{"q.m AS m", "MAX(q.e) AS e", "COUNT(*) AS n"}, []string{"q.m"}
	for i := range t.groups {
		name := "g" + strconv.Itoa(i)
		list, by = append(list, "q."+name+" AS "+name), append(by, "q."+name)
	}
	for i, m := range t.plan.Report.Measures {
		column, name := "q.v"+strconv.Itoa(i), " AS a"+strconv.Itoa(i)
		sums := 0
		switch m.Of {
		case view.Count:
			list = append(list, "COUNT(*)"+name)
		case view.CountDistinct:
			distinct := "q.d" + strconv.Itoa(i)
			list = append(list, "CAST(COALESCE(MAX(CASE WHEN "+column+" IS NOT NULL THEN "+distinct+" END) - MAX(CASE WHEN "+column+" IS NULL THEN 1 ELSE 0 END), 0) AS bigint)"+name)
		case view.Min:
			list = append(list, "MIN("+column+")"+name)
		case view.Max:
			list = append(list, "MAX("+column+")"+name)
		case view.Sum:
			parts := t.dialect.Sum(t.values[i], column)
			for k, part := range parts {
				list = append(list, part+name+"_"+strconv.Itoa(k))
			}
			sums = len(parts)
		}
		t.sums = append(t.sums, sums)
	}
	return "SELECT " + strings.Join(list, ", ") + "\nFROM (" + rows + ") AS q\nGROUP BY " + strings.Join(by, ", ")
}

// ranked gives the lines in the order of their groups, and numbers by which those keys
// of the order compare of which only the database knows how they do.
func (t *reportText) ranked(lines string) string {
	list, order := []string{"r.*"}, []string{"r.m"}
	for i := range t.groups {
		order = append(order, "r.g"+strconv.Itoa(i))
	}
	for _, o := range t.plan.Order {
		name := "r.g" + strconv.Itoa(o.Column)
		if i := o.Column - len(t.groups); i >= 0 {
			if t.sums[i] > 0 {
				continue
			}
			name = "r.a" + strconv.Itoa(i)
		}
		t.ranks = append(t.ranks, o.Column)
		list = append(list, "CAST(DENSE_RANK() OVER (ORDER BY "+name+") AS bigint) AS k"+strconv.Itoa(len(t.ranks)-1))
	}
	top, limit := t.dialect.Limit(t.bind(int64(maxLines) + 2)) // one of them may be of m = 0
	return "SELECT" + top + " " + strings.Join(list, ", ") + "\nFROM (" + lines + ") AS r\nORDER BY " + strings.Join(order, ", ") + limit
}

// summary is what is known of the lines of a report.
type summary struct {
	lines []reportLine
	rows  int64 // counted
	more  bool  // than may be looked at
}

// reportLine is a line with what it is ordered by.
type reportLine struct {
	values []view.Value
	ranks  []int64
}

// take reads one line of the answer.
func (s *summary) take(t *reportText, line []any) error {
	s.more = s.more || isOne(line[1])
	if !isOne(line[0]) {
		return nil
	}
	n, ok := line[2].(int64)
	if !ok {
		return fmt.Errorf("a number of rows comes as %T", line[2])
	}
	s.rows += n
	line = line[3:]
	values, err := readAll(t.dialect, t.groups, line)
	if err != nil {
		return err
	}
	line = line[len(t.groups):]
	for i := range t.values {
		v, width, err := t.measured(i, line)
		if err != nil {
			return err
		}
		values, line = append(values, v), line[width:]
	}
	out := reportLine{values: values}
	for _, src := range line {
		rank, ok := src.(int64)
		if !ok {
			return fmt.Errorf("a rank comes as %T", src)
		}
		out.ranks = append(out.ranks, rank)
	}
	s.lines = append(s.lines, out)
	return nil
}

// measured reads a measure, and says how many columns it has taken.
func (t *reportText) measured(i int, line []any) (v view.Value, width int, err error) {
	if n := t.sums[i]; n > 0 {
		if line[0] == nil {
			return view.Null, n, nil
		}
		v, err = t.dialect.ReadSum(t.values[i], line[:n])
		return v, n, err
	}
	if of := t.plan.Report.Measures[i].Of; of == view.Count || of == view.CountDistinct {
		n, ok := line[0].(int64)
		if !ok {
			return view.Null, 1, fmt.Errorf("a count comes as %T", line[0])
		}
		return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: n}, 1, nil
	}
	if line[0] == nil {
		return view.Null, 1, nil
	}
	v, err = t.dialect.Read(t.values[i], line[0])
	return v, 1, err
}

// width is how many columns the answer has.
func (t *reportText) width() int {
	n := 3 + len(t.groups) + len(t.ranks)
	for _, sums := range t.sums {
		n += max(1, sums)
	}
	return n
}

// report runs a plan.
func (r *run) report(ctx context.Context, p *view.ReportPlan) (*summary, *reportText, error) {
	t, err := report(r.dialect, r.model, p)
	out := &summary{}
	if err != nil || t.text == "" {
		return out, t, err
	}
	rows, err := r.q.QueryContext(ctx, t.text, t.args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	in := newLine(t.width())
	for rows.Next() {
		if err := rows.Scan(in.into...); err != nil {
			return nil, nil, err
		}
		if err := out.take(t, in.values); err != nil {
			return nil, nil, err
		}
	}
	return out, t, rows.Err()
}

// Report runs the plan of a report. One that reads its rows from one end of an index
// to the other waits until no other does.
func (t *Tables) Report(ctx context.Context, p *view.ReportPlan) (*view.Page, error) {
	d, name := t.database, p.Report.Name
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if p.Scan {
		select {
		case d.whole <- struct{}{}:
			defer func() { <-d.whole }()
		case <-ctx.Done():
			return nil, fault.New(fault.CodeBusy, "another report reads a whole table; try again later").Because(ctx.Err())
		}
	}
	s, text, err := t.run(d.dialect.Query()).report(ctx, p)
	if err != nil {
		if d.dialect.Overflows(err) {
			return nil, fault.New(fault.CodeQuery, "a sum of %s has more than 38 digits; ask for less with a condition", name).Because(err)
		}
		return nil, d.fail("counting for "+name, err)
	}
	switch {
	case s.more || s.rows > int64(p.Report.Rows):
		return nil, fault.New(fault.CodeQuery, "%s would read more than %d rows; ask for less with a condition", name, p.Report.Rows)
	case len(s.lines) > maxLines:
		return nil, fault.New(fault.CodeQuery, "%s would have more than %d lines; ask for less with a condition", name, maxLines)
	}
	return s.page(p, text)
}

// page puts the lines in their order. A report without groups has one line, of
// whatever rows.
func (s *summary) page(p *view.ReportPlan, t *reportText) (*view.Page, error) {
	if len(p.Report.Group) == 0 && len(s.lines) == 0 {
		s.lines = append(s.lines, reportLine{values: ofNothing(p.Report)})
	} else if err := s.sort(p, t); err != nil {
		return nil, err
	}
	out := &view.Page{Fields: p.Report.Columns(), Count: int64(len(s.lines))}
	for i, line := range s.lines {
		if p.Top > 0 && i == p.Top {
			break
		}
		out.Rows = append(out.Rows, view.Row{Values: line.values})
	}
	return out, nil
}

// ofNothing are the measures of no rows.
func ofNothing(r *view.Report) []view.Value {
	out := make([]view.Value, len(r.Measures))
	for i, m := range r.Measures {
		if m.Of == view.Count || m.Of == view.CountDistinct {
			out[i] = view.Value{Kind: mapping.IntegerColumn, Present: true}
		}
	}
	return out
}

func (s *summary) sort(p *view.ReportPlan, t *reportText) error {
	var failed error
	slices.SortStableFunc(s.lines, func(a, b reportLine) int {
		rank := 0
		for _, o := range p.Order {
			var c int
			if i := o.Column - len(p.Report.Group); i >= 0 && t.sums[i] > 0 {
				var err error
				if c, err = compareSums(a.values[o.Column], b.values[o.Column]); err != nil {
					failed = err
				}
			} else {
				c = int(a.ranks[rank] - b.ranks[rank])
				rank++
			}
			if c != 0 && o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return failed
}

// compareSums compares decimals; null is less than any.
func compareSums(a, b view.Value) (int, error) {
	if !a.Present || !b.Present {
		return truth(a.Present) - truth(b.Present), nil
	}
	x, _, err := apd.NewFromString(a.Text)
	if err != nil {
		return 0, err
	}
	y, _, err := apd.NewFromString(b.Text)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y), nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Report implements view.Reporter.
func (s *Searcher) Report(ctx context.Context, who view.Viewer, r *view.Report, q *view.ReportQuery) (*view.Page, error) {
	windows, err := who.Sight(r.View.Name)
	if err != nil {
		return nil, err
	}
	plan, err := r.Plan(ctx, q, windows, s.tables)
	if err != nil {
		return nil, err
	}
	return s.tables.Report(ctx, plan)
}

// ReportStatement is what a report is run with; false when no row can be in it.
func (t *Tables) ReportStatement(p *view.ReportPlan) (Statement, bool, error) {
	text, err := report(t.database.dialect, t.model, p)
	if err != nil || text.text == "" {
		return Statement{}, false, err
	}
	return Statement{text.text, text.args}, true, nil
}
