package mapping_test

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// FuzzParse takes a mapping as far as it goes: nothing may panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(right))
	f.Add(sample(f, "submit-order.yaml"))
	f.Add(sample(f, "notify-shipment.yaml"))
	f.Add([]byte("mapping: m\ncontract: a#SubmitOrder\nrows: [{table: a.b, columns: {c: {lookup: a.b, where: {}, column: x}}}]\nreply: {$each: .}"))
	for _, column := range []string{
		"{code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt, unknown: {value: X}}",
		"{code_set: {table: catalog.product, code: sku, value: name}, from: o:Order/o:Status, unknown: null}",
		"{lookup: crm.customer, where: {customer_no: o:Order/o:OrderNumber}, column: country, not_found: insert, insert: {name: {value: x}}}",
	} {
		f.Add([]byte(strings.Replace(right, "status: o:Order/o:Status", "status: "+column, 1)))
	}
	f.Add([]byte(strings.Replace(right, "match: [customer_no]", "sequence: {column: id, name: crm.no}", 1)))
	f.Add([]byte(strings.Replace(right, "match: [customer_no]", "match: [customer_no]\n    on_missing: not_yet", 1)))
	c, ts, in, set := loadContract(f), business(), input(f, order), codeSet(f, orderStatus)
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := mapping.Parse("m.yaml", src)
		if err != nil {
			return
		}
		m, err := mapping.Compile(file, c, set)
		if err != nil {
			return
		}
		if _, err := m.Apply(in); err != nil {
			return
		}
		m.Render(in, make([]mapping.Value, len(m.Returns)))
		if checked, err := m.Check(ts); err == nil {
			checked.Apply(in)
		}
	})
}

// FuzzCodeSet reads the file of a code set and uses what comes of it.
func FuzzCodeSet(f *testing.F) {
	f.Add([]byte(orderStatus))
	f.Add(sample(f, "codes/currency.yaml"))
	f.Add([]byte("code_set: order_status\nowner: o\ncodes: [{code: A, value: 1.5, valid_from: 0001-01-01, valid_to: 9999-12-31}, null]"))
	file, err := mapping.Parse("m.yaml", []byte(strings.Replace(right, "status: o:Order/o:Status", "status: {code_set: order_status, from: o:Order/o:Status, at: o:Order/o:OrderedAt}", 1)))
	if err != nil {
		f.Fatal(err)
	}
	c, ts, in := loadContract(f), business(), input(f, order)
	f.Fuzz(func(t *testing.T, src []byte) {
		set, err := mapping.ParseCodeSet("codes/order_status.yaml", src)
		if err != nil {
			return
		}
		m, err := mapping.Compile(file, c, set)
		if err != nil {
			return
		}
		if checked, err := m.Check(ts); err == nil {
			checked.Apply(in)
		}
	})
}
