package viewtest

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlview"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
	"github.com/gatehouse/gatehouse/mappings"
)

// PageTime bounds the first page of an answer, over a million orders. It holds for the
// quickest of five runs: whatever else runs on the machine only adds to it.
const PageTime = 50 * time.Millisecond

// SampleViews are the declarations of the sample's views, by name.
func SampleViews(t testing.TB) map[string]string {
	t.Helper()
	files, err := fs.Glob(mappings.FS, "views/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, file := range files {
		src, err := fs.ReadFile(mappings.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains("\n"+string(src), "\nreport: ") {
			out[strings.TrimSuffix(path.Base(file), ".yaml")] = string(src)
		}
	}
	return out
}

// probed are values of a field that conditions on it are tried with: one that many
// rows have, where there is one, another, and what nearly all rows are above and below.
type probed struct {
	common, another, low, high string
	prefix                     string
}

var probes = map[string]probed{
	"orders.order_no":       {"PO-00007919", "PO-00015838", "PO-00000001", "PO-99999999", "PO-0"},
	"orders.status":         {"SHIPPED", "DRAFT", "CONFIRMED", "SUBMITTED", "S"},
	"orders.ordered_at":     {"2023-11-14T22:13:33", "2023-11-14T22:13:46", "2023-11-15T00:00:00", "2038-01-01T00:00:00", ""},
	"orders.customer":       {"C-0000001", "C-0000002", "C-0000000", "C-9999999", "C-00"},
	"customers.customer_no": {"C-0000001", "C-0000002", "C-0000000", "C-9999999", "C-00"},
	"customers.name":        {"Customer 0007919", "Customer 0015838", "Customer 0", "Customer 9", "Customer 0"},
	"customers.country":     {"SE", "DE", "DE", "SE", "S"},
	"products.sku":          {"SKU-0000001", "SKU-0000002", "SKU-0000000", "SKU-9999999", "SKU-00"},
	"products.name":         {"Product 0007919", "Product 0015838", "Product 0", "Product 9", "Product 0"},
	"products.life_cycle":   {"ACTIVE", "RETIRED", "ACTIVE", "RETIRED", "A"},
	"order_lines.id":        {"7", "8", "1", "900000000", ""},
	"order_lines.order_no":  {"PO-00007919", "PO-00015838", "PO-00000001", "PO-99999999", "PO-0"},
	"order_lines.sku":       {"SKU-0000001", "SKU-0000002", "SKU-0000000", "SKU-9999999", "SKU-00"},
}

// Trial is one query of a view, and what it is called.
type Trial struct {
	Name  string
	Query *view.Query
}

// Trials are every operator on each field under filter, in every order that the view
// permits, and those orders alone.
func Trials(t testing.TB, v *view.View) []Trial {
	t.Helper()
	type ordered struct {
		name string
		by   []view.Order
	}
	orders := []ordered{{"", nil}}
	for i, f := range v.Fields {
		if f.Sort {
			orders = append(orders, ordered{" by " + f.Name, []view.Order{{Field: i}}}, ordered{" by " + f.Name + " falling", []view.Order{{Field: i, Desc: true}}})
		}
	}
	conditions := []Trial{{"all", &view.Query{}}}
	for i, f := range v.Fields {
		if !f.Filter {
			continue
		}
		for name, e := range operations(t, v.Name, i, &f) {
			conditions = append(conditions, Trial{f.Name + " " + name, &view.Query{Where: e}})
		}
	}
	slices.SortFunc(conditions[1:], func(a, b Trial) int { return strings.Compare(a.Name, b.Name) })
	var out []Trial
	for _, c := range conditions {
		for _, o := range orders {
			out = append(out, Trial{c.Name + o.name, &view.Query{Where: c.Query.Where, Order: o.by}})
		}
	}
	return out
}

func operations(t testing.TB, name string, i int, f *view.Field) map[string]view.Expr {
	t.Helper()
	p, ok := probes[name+"."+f.Name]
	if !ok {
		t.Fatalf("there is no value to try %s of %s with", f.Name, name)
	}
	out := map[string]view.Expr{
		"eq": compare(i, view.Equal, value(t, f.Type.Kind, p.common)), "ne": compare(i, view.NotEqual, value(t, f.Type.Kind, p.common)),
		"gt": compare(i, view.Greater, value(t, f.Type.Kind, p.low)), "ge": compare(i, view.GreaterOrEqual, value(t, f.Type.Kind, p.low)),
		"lt": compare(i, view.Less, value(t, f.Type.Kind, p.high)), "le": compare(i, view.LessOrEqual, value(t, f.Type.Kind, p.high)),
		"in":      view.In{Field: i, Values: []view.Value{value(t, f.Type.Kind, p.common), value(t, f.Type.Kind, p.another)}},
		"is null": view.IsNull{Field: i}, "is not null": view.Not{Of: view.IsNull{Field: i}},
	}
	if f.Type.Kind == mapping.StringColumn {
		out["startswith"] = view.StartsWith{Field: i, Text: p.prefix}
		out["contains"] = view.Contains{Field: i, Text: p.prefix}
	}
	return out
}

func compare(field int, op view.Operator, v view.Value) view.Expr {
	return view.Compare{Field: field, Op: op, Value: v}
}

// Timed returns the quickest and the median of five runs of a page.
func Timed(t testing.TB, v *view.View, tables *sqlview.Tables, q *view.Query) (quickest, median time.Duration) {
	t.Helper()
	plan, err := v.Plan(t.Context(), q, []view.Window{{}}, tables)
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for range 5 {
		began := time.Now()
		if _, err := tables.Page(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[0], took[len(took)/2]
}

// Declared declares a view over the tables as they are.
func Declared(t testing.TB, b Base, text string) (*view.View, *sqlview.Tables) {
	t.Helper()
	d, err := view.Parse("view.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, tables := open(t, b, text)
	v, err := s.View(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	return v, tables
}
