package contract

import (
	"testing"

	"github.com/gatehouse/gatehouse/wsdl"
)

// BenchmarkValidate checks the full sample order, some 2 KB.
func BenchmarkValidate(b *testing.B) {
	s, src := sample(b).Services[0], envelope(b, "order-full.xml")
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if d, _, err := s.Validate(src, 0); err != nil || len(d) > 0 {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkValidateParallel shares the sessions among goroutines.
func BenchmarkValidateParallel(b *testing.B) {
	s, src := sample(b).Services[0], envelope(b, "order-full.xml")
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if d, _, err := s.Validate(src, 0); err != nil || len(d) > 0 {
				b.Error(d, err)
			}
		}
	})
}

// BenchmarkExplain finds six faults in an order.
func BenchmarkExplain(b *testing.B) {
	s, src := sample(b).Services[0], envelope(b, "bad-several.xml")
	b.ReportAllocs()
	for b.Loop() {
		if d, _, err := s.Validate(src, 0); err != nil || len(d) != 6 {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkLoad loads the sample contract, four files.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(wsdl.FS, "orders/orders.wsdl"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendElement writes the reply of the sample.
func BenchmarkAppendElement(b *testing.B) {
	el := sample(b).Element(orders("SubmitOrderResponse"))
	v := Content{Children: []Content{leaf("OrderId", "4711"), leaf("OrderNumber", "PO-1002"), leaf("Status", "ACCEPTED"), leaf("Lines", "3")}}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		out, err := AppendElement(dst[:0], el, v)
		if err != nil {
			b.Fatal(err)
		}
		dst = out
	}
}

func BenchmarkDocument(b *testing.B) {
	c := sample(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Document("wsdl", addresses); err != nil {
			b.Fatal(err)
		}
	}
}
