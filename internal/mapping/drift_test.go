package mapping_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

func TestChanges(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right))
	customer := mapping.TableName{Schema: "crm", Name: "customer"}
	shipment := mapping.TableName{Schema: "sales", Name: "shipment"}
	region := mapping.TableName{Schema: "crm", Name: "region"}
	for _, tt := range []struct {
		name   string
		change func(tables)
		want   []string
	}{
		{"nothing", func(tables) {}, nil},
		{"a table the mapping does not use", func(ts tables) { delete(ts, shipment) }, nil},
		{"narrower", func(ts tables) { ts[customer].Columns[2].Declared = "nvarchar(60) NOT NULL" },
			[]string{"crm.customer: column name: nvarchar(120) NOT NULL -> nvarchar(60) NOT NULL"}},
		{"without a declaration", func(ts tables) { ts[customer].Columns[3].Length = 3 }, []string{"crm.customer: column country: string "}},
		{"renamed", func(ts tables) { ts[customer].Columns[2].Name = "title" },
			[]string{"crm.customer: column name gone: nvarchar(120) NOT NULL", "crm.customer: column title added: nvarchar(120) NOT NULL"}},
		{"table", func(ts tables) { delete(ts, customer) }, []string{"crm.customer gone"}},
		{"index", func(ts tables) { ts[customer].Unique = ts[customer].Unique[1:] }, []string{"crm.customer: unique index (customer_no) gone"}},
		{"index disabled", func(ts tables) {
			ts[customer].Unusable = []mapping.Index{{Name: "ux", Columns: []string{"name"}, Why: "disabled"}}
		}, []string{"crm.customer: index ux added: disabled"}},
		{"foreign key", func(ts tables) {
			ts[customer].ForeignKeys = to("crm", "region", "country")
			ts[region] = &mapping.TableModel{Name: region}
		}, []string{"crm.customer: foreign key (country) added: to crm.region (id)", "crm.region added"}},
		{"foreign key not enforced", func(ts tables) {
			ts[mapping.TableName{Schema: "sales", Name: "sales_order"}].ForeignKeys = []mapping.ForeignKey{{Columns: []string{"customer_id"}, Table: customer, RefColumns: []string{"id"}, Disabled: true, Cascade: "ON DELETE CASCADE"}}
		}, []string{"sales.sales_order: foreign key (customer_id): to crm.customer (id) -> to crm.customer (id) ON DELETE CASCADE, disabled"}},
		{"check", func(ts tables) { ts[customer].Checks = []mapping.Constraint{{Name: "ck", Text: "name <> ''"}} }, []string{"crm.customer: check ck added: name <> ''"}},
		{"trigger", func(ts tables) { ts[customer].Triggers = []string{"tr"} }, []string{"crm.customer: trigger tr added"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := business(), business()
			for _, ts := range []tables{before, after} {
				ts[customer].Columns[2].Declared = "nvarchar(120) NOT NULL"
			}
			tt.change(after)
			changes := m.Changes(before, after)
			if len(changes) != len(tt.want) {
				t.Fatalf("got %q, want %q", changes, tt.want)
			}
			for i, c := range changes {
				if !strings.HasPrefix(c.String(), tt.want[i]) {
					t.Errorf("got %q, want %q", c, tt.want[i])
				}
			}
			if back := m.Changes(after, before); len(back) != len(changes) {
				t.Errorf("back it is %q", back)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	m := compile(t, "m.yaml", []byte(right))
	ts := business()
	customer, orders := mapping.TableName{Schema: "crm", Name: "customer"}, mapping.TableName{Schema: "sales", Name: "sales_order"}
	line := mapping.TableName{Schema: "sales", Name: "order_line"}
	ts[customer].Checks = []mapping.Constraint{{Name: "ck_a", Text: "a"}, {Name: "ck_b", Disabled: true}, {Text: "c > 0"}}
	ts[customer].Triggers = []string{"tr_audit"}
	ts[customer].ForeignKeys = []mapping.ForeignKey{{Name: "fk_last", Columns: []string{"last_order"}, Table: orders, Untrusted: true}}
	ts[line].ForeignKeys[0].Disabled = true
	ts[orders].ForeignKeys[0].Cascade = "ON DELETE CASCADE"
	want := []string{
		"crm.customer has the CHECK constraint ck_b, which is disabled",
		"crm.customer has CHECK constraints, which cannot be seen through: what they refuse is refused as GH-5005: ck_a, (c > 0)",
		"crm.customer has triggers, which run in the transaction of every message and may change or refuse its rows: tr_audit",
		"crm.customer has the foreign key fk_last (last_order) to sales.sales_order, which is not trusted: rows from before may refer to nothing; ALTER TABLE crm.customer WITH CHECK CHECK CONSTRAINT fk_last",
		"sales.sales_order has a foreign key (customer_id) to crm.customer with ON DELETE CASCADE: the database changes rows that no message names",
		"sales.order_line has a foreign key (order_id) to sales.sales_order, which is disabled: rows may refer to nothing",
		"crm.customer stands in a circle of foreign keys, of which one has to be NULL when its row is written, or refer to a row that is stored already: crm.customer -> sales.sales_order -> crm.customer",
	}
	var got []string
	for _, n := range m.Examine(ts).Notes {
		got = append(got, n.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
