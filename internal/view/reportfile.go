package view

import (
	"slices"
	"strconv"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// reportFile is a report as written.
type reportFile struct {
	Report   *config.Node `yaml:"report,required"`
	Doc      string       `yaml:"doc"`
	Of       *config.Node `yaml:"of,required"` // the view that is counted
	Group    []*groupRule `yaml:"group"`       // what the rows of a line have in common
	Measures measureRules `yaml:"measures,required"`
	Rows     *config.Node `yaml:"rows"`  // how many rows it may read; default: 100000
	Scans    bool         `yaml:"scans"` // it may read rows that no index bounds
}

// groupRule is a field, or {field, by, as}.
type groupRule struct {
	node  *config.Node
	Field *config.Node `yaml:"field,required"`
	By    *config.Node `yaml:"by"`
	As    *config.Node `yaml:"as"`
}

// UnmarshalNode reads either form.
func (g *groupRule) UnmarshalNode(n *config.Node) error {
	g.node = n
	if n.Kind == config.Scalar {
		g.Field = n
		return nil
	}
	type plain groupRule
	return n.Decode((*plain)(g))
}

func (g *groupRule) name() (string, *config.Node) {
	if g.As != nil {
		return g.As.Text(), g.As
	}
	return g.Field.Text(), g.Field
}

type measureRule struct {
	name  string
	key   *config.Node
	node  *config.Node
	of    Aggregate
	field *config.Node // nil of count
}

type measureRules []*measureRule

var aggregateNames = []string{Count: "count", CountDistinct: "distinct", Sum: "sum", Min: "min", Max: "max"}

var periodNames = []string{Exactly: "", Day: "day", Week: "week", Month: "month", Quarter: "quarter", Year: "year"}

// String is the word for a period in files, empty for the value itself.
func (p Period) String() string { return periodNames[p] }

// String is the word for an aggregate in files.
func (a Aggregate) String() string { return aggregateNames[a] }

// UnmarshalNode reads {orders: count, amount: {sum: amount}}.
func (ms *measureRules) UnmarshalNode(n *config.Node) error {
	return entries(n, "measures by name, as in {orders: count, amount: {sum: amount}}", func(e config.Entry) error {
		m := &measureRule{name: e.Key, key: e.KeyNode, node: e.Value}
		*ms = append(*ms, m)
		if e.Value.Text() == aggregateNames[Count] {
			return nil
		}
		inner := e.Value.Entries()
		if len(inner) != 1 {
			return e.Value.Fault("expected count, or one of distinct, sum, min, max with its field, as in {sum: amount}")
		}
		i := slices.Index(aggregateNames, inner[0].Key)
		if i <= int(Count) {
			return inner[0].KeyNode.Fault("expected distinct, sum, min or max, found %q%s", inner[0].Key, didYouMean(inner[0].Key, aggregateNames[1:]))
		}
		m.of, m.field = Aggregate(i), inner[0].Value
		return nil
	})
}

func (f *reportFile) check(faults *config.Faults) {
	var names []string
	name := func(text string, at *config.Node) {
		named(at, text, faults)
		if slices.Contains(names, text) {
			faults.Add(at.Fault("%s stands here twice; as: gives another name", text))
		}
		names = append(names, text)
	}
	for _, g := range f.Group {
		if g == nil || g.Field == nil {
			faults.Add(f.Report.Fault("an entry of group is empty"))
			continue
		}
		text, at := g.name()
		name(text, at)
		if g.By != nil && slices.Index(periodNames, g.By.Text()) <= int(Exactly) {
			faults.Add(g.By.Fault("expected day, week, month, quarter or year, found %q", g.By.Text()))
		}
	}
	for _, m := range f.Measures {
		name(m.name, m.key)
	}
	if f.Rows != nil {
		if n, err := strconv.Atoi(f.Rows.Text()); err != nil || n < 1 || n > maxReportRows {
			faults.Add(f.Rows.Fault("expected a number of rows from 1 to %d", maxReportRows))
		}
	}
	if len(f.Measures) == 0 {
		faults.Add(f.Report.Fault("a report measures something; how many rows there are is {rows: count}"))
	}
}

// How many rows a report reads where its file does not say, and how many it can say.
const (
	defaultReportRows = 100_000
	maxReportRows     = 5_000_000
)

func (f *reportFile) rows() int {
	n, err := strconv.Atoi(f.Rows.Text())
	if err != nil { // absent: check has refused anything else
		return defaultReportRows
	}
	return n
}

// ViewName is the name of the view that a report is of, and where it stands.
func (d *Declaration) ViewName() (string, *config.Node) {
	if d.report == nil {
		return "", nil
	}
	return d.report.Of.Text(), d.report.Of
}

// CheckReport holds a report against the view that it is of. The error is a
// config.Faults.
func CheckReport(d *Declaration, v *View) (*Report, error) {
	r := &Report{Name: d.Name, Doc: d.report.Doc, View: v, Rows: d.report.rows(), Scans: d.report.Scans}
	var faults config.Faults
	if !r.Scans && !slices.ContainsFunc(v.Fields, func(f Field) bool { return f.Filter }) {
		faults.Add(d.report.Of.Fault("the view %s has no field under filter that could bound the report; scans: true lets it read every row", v.Name))
	}
	field := func(n *config.Node) *Field {
		i, err := v.Field(n.Text())
		if err != nil {
			faults.Add(n.Fault("the view %s has no field %q%s", v.Name, n.Text(), didYouMean(n.Text(), v.fieldNames())))
			return nil
		}
		return &v.Fields[i]
	}
	for _, g := range d.report.Group {
		f := field(g.Field)
		if f == nil {
			continue
		}
		name, _ := g.name()
		one := Group{Name: name, Field: slices.IndexFunc(v.Fields, func(o Field) bool { return o.Name == f.Name })}
		if g.By != nil {
			one.By = Period(slices.Index(periodNames, g.By.Text()))
			if k := f.Type.Kind; k != mapping.DateTimeColumn && k != mapping.DateColumn {
				faults.Add(g.By.Fault("%s is %s, which has no %s", f.Name, k, g.By.Text()))
			}
		}
		if f.Type.Kind == mapping.BytesColumn {
			faults.Add(g.Field.Fault("%s is bytes, by which nothing is grouped", f.Name))
		}
		r.Group = append(r.Group, one)
	}
	for _, m := range d.report.Measures {
		one := Measure{Name: m.name, Of: m.of, Field: -1, Type: mapping.ColumnType{Kind: mapping.IntegerColumn, Min: 0, Max: 1<<63 - 1}}
		if m.field != nil {
			f := field(m.field)
			if f == nil {
				continue
			}
			one.Field = slices.IndexFunc(v.Fields, func(o Field) bool { return o.Name == f.Name })
			one.measured(f, m, &faults)
		}
		r.Measures = append(r.Measures, one)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// measured finds the type of a measure of a field.
func (m *Measure) measured(f *Field, r *measureRule, faults *config.Faults) {
	switch k := f.Type.Kind; {
	case k == mapping.BytesColumn:
		faults.Add(r.field.Fault("%s is bytes, of which nothing is measured", f.Name))
	case m.Of == Sum && k != mapping.IntegerColumn && k != mapping.DecimalColumn:
		faults.Add(r.field.Fault("%s is %s, and only integers and decimals have an exact sum", f.Name, k))
	case (m.Of == Min || m.Of == Max) && k == mapping.BoolColumn:
		faults.Add(r.field.Fault("%s is bool, which has no least and no greatest value", f.Name))
	case m.Of == Sum:
		m.Type = mapping.ColumnType{Kind: mapping.DecimalColumn, Precision: 38, Scale: f.Type.Scale, Nullable: true}
	case m.Of != CountDistinct:
		m.Type = f.Type
		m.Type.Nullable = true
	}
}

func (v *View) fieldNames() []string {
	var out []string
	for _, f := range v.Fields {
		out = append(out, f.Name)
	}
	return out
}
