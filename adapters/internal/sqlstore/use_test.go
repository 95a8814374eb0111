package sqlstore

import (
	"reflect"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

func named(name string) mapping.TableName { return mapping.TableName{Schema: "s", Name: name} }

// TestUses: what two mappings do with their tables is gathered by table, with
// the deletions that reach from a row to those below it.
func TestUses(t *testing.T) {
	column := func(name string, ref int) mapping.Column { return mapping.Column{Name: name, Ref: ref} }
	sku := column("product_id", -1)
	sku.Lookup = &mapping.Lookup{Table: named("product"), Where: []string{"sku"}, Column: "id"}
	orders := &mapping.Mapping{Tables: []mapping.Table{
		{Index: 0, Parent: -1, Name: named("order"), Match: []int{0}, OnMatch: mapping.Update, Columns: []mapping.Column{column("no", -1), column("note", -1)}},
		{Index: 1, Parent: 0, Name: named("line"), Match: []int{0, 1}, OnMatch: mapping.Keep, Absent: mapping.DeleteAbsent,
			Columns: []mapping.Column{column("order_id", 0), column("no", -1), sku}},
		{Index: 2, Parent: 1, Name: named("feature"), Columns: []mapping.Column{column("line_id", 1), column("value", -1)}},
	}}
	notes := &mapping.Mapping{Tables: []mapping.Table{
		{Index: 0, Parent: -1, Name: named("order"), Match: []int{0}, OnMatch: mapping.Update, Columns: []mapping.Column{column("no", -1)}},
	}}
	drawn, from := column("id", -1), named("call_id")
	drawn.Sequence = &from
	calls := &mapping.Mapping{Tables: []mapping.Table{
		{Index: 0, Parent: -1, Name: named("customer"), Match: []int{0}, OnMissing: mapping.RejectMissed, Columns: []mapping.Column{column("no", -1), column("called", -1)}},
		{Index: 1, Parent: 0, Name: named("call"), Absent: mapping.DeleteAll, Columns: []mapping.Column{column("customer_id", 0), drawn}},
		{Index: 2, Parent: 1, Name: named("topic"), Match: []int{0}, OnMatch: mapping.Keep, Stub: true, Columns: []mapping.Column{column("name", -1)}},
	}}
	want := []Use{
		{Table: named("call"), Insert: true, Delete: true, Reach: []string{"customer_id"}},
		{Table: named("call_id"), Sequence: true},
		{Table: named("customer"), Update: true, Keys: [][]string{{"no"}}},
		{Table: named("feature"), Insert: true, Delete: true, Reach: []string{"line_id"}},
		{Table: named("line"), Insert: true, Delete: true, Keys: [][]string{{"order_id", "no"}}, Reach: []string{"order_id"}},
		{Table: named("order"), Insert: true, Update: true, Keys: [][]string{{"no"}}},
		{Table: named("product"), Keys: [][]string{{"sku"}}},
		{Table: named("topic"), Insert: true, Keys: [][]string{{"name"}}},
	}
	if got := usesOf([]*mapping.Mapping{orders, nil, notes, calls}); !reflect.DeepEqual(got, want) {
		t.Errorf("uses %+v\nwant %+v", got, want)
	}
	if got := usesOf([]*mapping.Mapping{notes}); len(got) != 1 || got[0].Update {
		t.Errorf("a table of its key alone is never updated: %+v", got)
	}
}
