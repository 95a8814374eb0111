package mapping_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// orderOf makes an order with that many lines; ten lines are about 2 KB.
func orderOf(lines int) string {
	head, tail, _ := strings.Cut(order, "<o:Lines>")
	_, tail, _ = strings.Cut(tail, "</o:Lines>")
	var b strings.Builder
	b.WriteString(head + "<o:Lines>")
	for i := range lines {
		fmt.Fprintf(&b, `<o:Line no="%d"><o:Sku>SKU-%04d</o:Sku><o:Quantity>%d.500</o:Quantity><o:Unit>KG</o:Unit><o:UnitPrice>12.3400</o:UnitPrice></o:Line>`, i+1, i, i+1)
	}
	return b.String() + "</o:Lines>" + tail
}

func BenchmarkCompile(b *testing.B) {
	src := sample(b, "submit-order.yaml")
	c := loadContract(b)
	b.ReportAllocs()
	for b.Loop() {
		f, err := mapping.Parse("submit-order.yaml", src)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mapping.Compile(f, c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply takes turns with the validation of the same bytes, so that what
// else the machine does falls on both: mapping an order of ten lines takes less
// than a tenth of validating it.
func BenchmarkApply(b *testing.B) {
	m := checked(b, compile(b, "submit-order.yaml", sample(b, "submit-order.yaml"))).Mapping
	for _, lines := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("%d lines", lines), func(b *testing.B) {
			src := orderOf(lines)
			in := input(b, src)
			var validating, applying time.Duration
			for b.Loop() {
				start := time.Now()
				if details, _, err := m.Service.ValidatePayload(m.Operation, []byte(src), 0); err != nil || len(details) > 0 {
					b.Fatal(details, err)
				}
				between := time.Now()
				if _, err := m.Apply(in); err != nil {
					b.Fatal(err)
				}
				validating, applying = validating+between.Sub(start), applying+time.Since(between)
			}
			b.ReportMetric(float64(applying.Nanoseconds())/float64(b.N), "apply-ns/op")
			b.ReportMetric(float64(applying)/float64(validating), "apply/validate")
			b.ReportMetric(testing.AllocsPerRun(10, func() { _, _ = m.Apply(in) }), "apply-allocs/op")
		})
	}
}

func BenchmarkRender(b *testing.B) {
	m := compile(b, "submit-order.yaml", sample(b, "submit-order.yaml"))
	in := input(b, orderOf(10))
	stored := []mapping.Value{{Class: mapping.Integer, Number: number(41)}, {Class: mapping.Integer, Number: number(42)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Render(in, stored); err != nil {
			b.Fatal(err)
		}
	}
}
