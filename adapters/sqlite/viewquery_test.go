package sqlite_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview/viewtest"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
	"github.com/gatehouse/gatehouse/mappings"
	"github.com/gatehouse/gatehouse/wsdl"
)

// sampleQuery compiles a query of the sample against its view.
func sampleQuery(t testing.TB, name string, v *view.View) *mapping.Query {
	t.Helper()
	src := must(fs.ReadFile(mappings.FS, "queries/"+name+".yaml"))(t)
	f := must(mapping.ParseQuery(name+".yaml", src))(t)
	c := must(contract.Load(wsdl.FS, strings.TrimPrefix(f.ContractPath(), "wsdl/")))(t)
	return must(mapping.CompileQuery(f, c, v.Viewed()))(t)
}

// shown adds to a query what the reply to it shows.
func shown(t testing.TB, v *view.View, s *mapping.Selection) (fields []int, children []view.Expand) {
	t.Helper()
	for _, name := range s.Fields {
		fields = append(fields, must(v.Field(name))(t))
	}
	for i := range s.Children {
		c := &s.Children[i]
		at := must(v.Child(c.Name))(t)
		below, further := shown(t, v.Children[at].View, &c.Shown)
		children = append(children, view.Expand{Child: at, Select: below, Top: c.Rows, Expand: further})
	}
	return fields, children
}

// forms are a query with each combination of the conditions that a request may leave
// out, with one state and with all of them.
func forms(t testing.TB, v *view.View, q *mapping.Query) []viewtest.Trial {
	t.Helper()
	fields, children := shown(t, v, &q.Shown)
	var order []view.Order
	for _, o := range q.Order {
		order = append(order, view.Order{Field: must(v.Field(o.Field))(t), Desc: o.Desc})
	}
	optional := q.Optional()
	if len(optional) != len(q.Conditions) {
		t.Fatalf("%d of %d conditions may be left out", len(optional), len(q.Conditions))
	}
	var out []viewtest.Trial
	for with := range 1 << len(optional) {
		for _, states := range [][]string{{"DRAFT"}, {"DRAFT", "SUBMITTED", "CONFIRMED", "SHIPPED", "INVOICED", "CANCELLED"}} {
			name := fmt.Sprintf("%s of %d states:", q.Name, len(states))
			var where view.And
			for bit, at := range optional {
				if with&(1<<bit) != 0 {
					name += " " + q.Conditions[at].String()
					where = append(where, asked(t, v, q.Conditions[at], states))
				}
			}
			if len(states) > 1 && !strings.Contains(name, "status in") {
				continue // it is there already
			}
			form := &view.Query{Select: fields, Order: order, Expand: children}
			if len(where) > 0 {
				form.Where = where
			}
			out = append(out, viewtest.Trial{Name: name, Query: form})
		}
	}
	return out
}

// asked is a condition with values that many rows have.
func asked(t testing.TB, v *view.View, c mapping.Condition, states []string) view.Expr {
	t.Helper()
	at := must(v.Field(c.Field))(t)
	switch c.String() {
	case "customer eq":
		return is(at, view.Equal, textValue("C-0000001"))
	case "status in":
		in := view.In{Field: at}
		for _, state := range states {
			in.Values = append(in.Values, textValue(state))
		}
		return in
	case "ordered_at ge":
		return is(at, view.GreaterOrEqual, instantValue(t, "2023-11-15T00:00:00Z"))
	case "ordered_at lt":
		return is(at, view.Less, instantValue(t, "2038-01-01T00:00:00Z"))
	}
	t.Fatalf("there is no value to try %s with", c)
	return nil
}

// TestSampleQueries asks the sample's paged query in each of its forms, with all that
// its reply shows: an index serves it, the first page is quick, and a late one costs
// what the first does.
func TestSampleQueries(t *testing.T) {
	b := newSample(t, bulkSize(t))
	m := newMeter(t, b)
	v, tables := b.declared(t, viewtest.SampleViews(t)["orders"])
	q := sampleQuery(t, "find-orders", v)
	var most worst
	all := forms(t, v, q)
	for _, c := range all {
		c.Query.Top = q.Rows
		plan, refusal := planned(t, v, tables, c.Query)
		if plan == nil {
			t.Errorf("%s: %s", c.Name, refusal)
			continue
		}
		b.explained(t, c.Name, plan, tables)
		m.compare(t, c.Name, v, tables, c.Query, &most)
	}
	t.Logf("%d forms; at most: 20 rows %v and %d pages, 100 rows %v, late page %v and %d pages", len(all), most.twenty, most.first, most.hundred, most.lately, most.latePages)
	if most.late != len(all) {
		t.Errorf("%d of %d forms have a late page", most.late, len(all))
	}
}
