package gateway

import (
	"reflect"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

func field(name string, class view.Class, kind mapping.ColumnKind) view.Field {
	return view.Field{Name: name, Class: class, Join: -1, Type: mapping.ColumnType{Kind: kind}}
}

var grantedView = &view.View{Name: "orders", Key: []int{0}, Fields: []view.Field{
	field("no", view.Open, mapping.StringColumn), field("dept", view.Open, mapping.IntegerColumn), field("name", view.Personal, mapping.StringColumn),
}, Children: []view.Child{{Name: "lines", View: &view.View{Name: "orders/lines", Key: []int{0}, Fields: []view.Field{
	field("line", view.Open, mapping.IntegerColumn), field("cost", view.Secret, mapping.DecimalColumn)}}}}}

func granted(t *testing.T, id *Identity, grants ...Grant) []view.Window {
	t.Helper()
	for i := range grants {
		grants[i].Role, grants[i].May, grants[i].On = "r", []Verb{Read}, "view/orders"
	}
	access := NewAccess([]Role{{Name: "r", Members: []Member{{Group: "g"}}}}, grants)
	windows, err := access.Viewer(id, func(string) *view.View { return grantedView }).Sight("orders")
	if err != nil {
		t.Fatal(err)
	}
	return windows
}

func TestWindowsOfGrants(t *testing.T) {
	id := &Identity{Login: "u", GroupNames: []string{"g", "Sales"}, Attributes: map[string][]string{"department": {"7", "8", "none"}}}
	text := func(s string) view.Value { return view.Value{Kind: mapping.StringColumn, Present: true, Text: s} }
	number := func(i int64) view.Value {
		return view.Value{Kind: mapping.IntegerColumn, Present: true, Int: i}
	}
	lines := &view.Window{Fields: []int{0}}
	for name, tt := range map[string]struct {
		grant Grant
		want  view.Window
	}{
		"no class":  {Grant{}, view.Window{Fields: []int{0, 1}, Children: []*view.Window{lines}}},
		"one class": {Grant{Classes: []string{"personal"}}, view.Window{Children: []*view.Window{lines}}},
		"both":      {Grant{Classes: []string{"secret", "personal"}}, view.Window{}},
		"columns":   {Grant{Columns: []string{"no", "name"}}, view.Window{Fields: []int{0}, Children: []*view.Window{nil}}},
		"a column with its class, and children": {Grant{Columns: []string{"no", "name", "lines"}, Classes: []string{"personal"}},
			view.Window{Fields: []int{0, 2}, Children: []*view.Window{lines}}},
		"an attribute with several values, one of another type": {Grant{Classes: view.ClassNames, Rows: []RowFilter{{"dept", []string{"$principal/attribute/Department", "9"}}}},
			view.Window{Rows: []view.Expr{view.In{Field: 1, Values: []view.Value{number(7), number(8), number(9)}}}}},
		"an attribute that is not known": {Grant{Classes: view.ClassNames, Rows: []RowFilter{{"dept", []string{"$principal/attribute/title"}}}},
			view.Window{Rows: []view.Expr{view.In{Field: 1}}}},
		"groups": {Grant{Classes: view.ClassNames, Rows: []RowFilter{{"no", []string{"$principal/group", "$$x"}}}},
			view.Window{Rows: []view.Expr{view.In{Field: 0, Values: []view.Value{text("g"), text("Sales"), text("$x")}}}}},
		"a column that the view has not": {Grant{Classes: view.ClassNames, Rows: []RowFilter{{"gone", []string{"x"}}}},
			view.Window{Rows: []view.Expr{view.In{Field: 0}}}},
	} {
		if got := granted(t, id, tt.grant); len(got) != 1 || !reflect.DeepEqual(got[0], tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	if got := granted(t, id, Grant{}, Grant{Classes: []string{"personal", "secret"}}); len(got) != 1 || !reflect.DeepEqual(got[0], view.Window{}) {
		t.Errorf("beside a window on everything: %+v", got)
	}
	nobody := NewAccess(nil, nil).Viewer(id, func(string) *view.View { return grantedView })
	if _, err := nobody.Sight("orders"); fault.Of(err).Code != fault.CodeForbidden {
		t.Errorf("without a grant: %v", err)
	}
}
