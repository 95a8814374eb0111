package mapping_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// FuzzParse takes a mapping as far as it goes: nothing may panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(right))
	f.Add(sample(f, "submit-order.yaml"))
	f.Add(sample(f, "notify-shipment.yaml"))
	f.Add([]byte("mapping: m\ncontract: a#SubmitOrder\nrows: [{table: a.b, columns: {c: {lookup: a.b, where: {}, column: x}}}]\nreply: {$each: .}"))
	c, ts, in := loadContract(f), business(), input(f, order)
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := mapping.Parse("m.yaml", src)
		if err != nil {
			return
		}
		m, err := mapping.Compile(file, c)
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
