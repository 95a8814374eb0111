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

// BenchmarkApply compares mapping with validating: of an order of ten lines it
// takes less than a tenth.
func BenchmarkApply(b *testing.B) {
	m := checked(b, compile(b, "submit-order.yaml", sample(b, "submit-order.yaml"))).Mapping
	for _, lines := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("%d lines", lines), func(b *testing.B) {
			src := orderOf(lines)
			in := input(b, src)
			againstValidation(b, m, src, "apply", func() error {
				changes, err := m.Apply(in)
				if err == nil {
					changes.Release()
				}
				return err
			})
		})
	}
}

// BenchmarkRender is reply and publication of an order of ten lines.
func BenchmarkRender(b *testing.B) {
	m := compile(b, "submit-order.yaml", sample(b, "submit-order.yaml"))
	src := orderOf(10)
	in := input(b, src)
	stored := []mapping.Value{{Class: mapping.Integer, Number: number(41)}, {Class: mapping.Integer, Number: number(42)}}
	againstValidation(b, m, src, "render", func() error {
		_, err := m.Render(in, stored)
		return err
	})
}

// TestAllocations: what mapping allocates does not grow with the message.
func TestAllocations(t *testing.T) {
	m := checked(t, compile(t, "submit-order.yaml", sample(t, "submit-order.yaml"))).Mapping
	for _, lines := range []int{10, 1000} {
		in := input(t, orderOf(lines))
		allocations := testing.AllocsPerRun(20, func() {
			changes, err := m.Apply(in)
			if err != nil {
				t.Fatal(err)
			}
			changes.Release()
		})
		if allocations >= 100 {
			t.Errorf("%d lines: %v allocations", lines, allocations)
		}
	}
}

// againstValidation has something take turns with the validation of the message,
// so that what else the machine does falls on both.
func againstValidation(b *testing.B, m *mapping.Mapping, src, name string, do func() error) {
	var validating, doing times
	for b.Loop() {
		start := time.Now()
		if details, _, err := m.Service.ValidatePayload(m.Operation, []byte(src), 0); err != nil || len(details) > 0 {
			b.Fatal(details, err)
		}
		between := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		validating, doing = append(validating, between.Sub(start)), append(doing, time.Since(between))
	}
	b.ReportMetric(0, "ns/op") // of both together it says nothing
	b.ReportMetric(validating.median(), "validate-ns/op")
	b.ReportMetric(doing.median(), name+"-ns/op")
	b.ReportMetric(doing.median()/validating.median(), name+"/validate")
	b.ReportMetric(doing.mean()/validating.mean(), "mean-"+name+"/validate")
	b.ReportMetric(testing.AllocsPerRun(10, func() { _ = do() }), name+"-allocs/op")
}

// times are what one thing took again and again. The median is without the turns
// in which the machine did something else; the mean is with all garbage that is
// collected meanwhile.
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
