package mapping_test

import (
	"fmt"
	"slices"
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
			var validating, applying times
			for b.Loop() {
				start := time.Now()
				if details, _, err := m.Service.ValidatePayload(m.Operation, []byte(src), 0); err != nil || len(details) > 0 {
					b.Fatal(details, err)
				}
				between := time.Now()
				changes, err := m.Apply(in)
				if err != nil {
					b.Fatal(err)
				}
				changes.Release()
				validating, applying = append(validating, between.Sub(start)), append(applying, time.Since(between))
			}
			b.ReportMetric(applying.median(), "apply-ns/op")
			b.ReportMetric(validating.median(), "validate-ns/op")
			b.ReportMetric(applying.median()/validating.median(), "apply/validate")
			b.ReportMetric(applying.mean()/validating.mean(), "mean-apply/validate")
			b.ReportMetric(testing.AllocsPerRun(10, func() {
				changes, _ := m.Apply(in)
				changes.Release()
			}), "apply-allocs/op")
		})
	}
}

// times are what one thing took again and again. The median is without the turns
// in which the machine did something else.
type times []time.Duration

func (ts times) median() float64 {
	slices.Sort(ts)
	return float64(ts[len(ts)/2])
}

func (ts times) mean() float64 {
	var sum time.Duration
	for _, t := range ts {
		sum += t
	}
	return float64(sum) / float64(len(ts))
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
