package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
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

// BenchmarkRecognise reads the same order and knows it to be valid.
func BenchmarkRecognise(b *testing.B) {
	s, src := sample(b).Services[0], envelope(b, "order-full.xml")
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if !recognised(s, src) {
			b.Fatal("it is left to the engine")
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

// BenchmarkValidatePayload checks the full sample order without its envelope.
func BenchmarkValidatePayload(b *testing.B) {
	s, src := sample(b).Services[0], xmlOrder(b)
	op := s.OperationNamed("SubmitOrder")
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if d, _, err := s.ValidatePayload(op, src, 0); err != nil || len(d) > 0 {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkFromJSON makes XML of the full sample order.
func BenchmarkFromJSON(b *testing.B) {
	s, src := sample(b).Services[0], jsonOrder(b, "order.json")
	op := s.OperationNamed("SubmitOrder")
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := s.FromJSON(op, src, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepare is what stands before the mapping: a message is validated and
// read, in JSON it is converted first.
func BenchmarkPrepare(b *testing.B) {
	s := sample(b).Services[0]
	op := s.OperationNamed("SubmitOrder")
	read := func(b *testing.B, src []byte) {
		tree, err := document.Read(src)
		if err != nil {
			b.Fatal(err)
		}
		tree.Release()
	}
	b.Run("SOAP", func(b *testing.B) {
		src := envelope(b, "order-full.xml")
		b.ReportAllocs()
		for b.Loop() {
			if d, _, err := s.Validate(src, 0); err != nil || len(d) > 0 {
				b.Fatal(d, err)
			}
			read(b, src)
		}
	})
	b.Run("JSON", func(b *testing.B) {
		src := jsonOrder(b, "order.json")
		b.ReportAllocs()
		for b.Loop() {
			twin, err := s.FromJSON(op, src, 0)
			if err != nil {
				b.Fatal(err)
			}
			if d, _, err := s.ValidatePayload(op, twin.XML, 0); err != nil || len(d) > 0 {
				b.Fatal(d, err)
			}
			read(b, twin.XML)
		}
	})
}

// BenchmarkAppendJSON writes the full sample order as JSON.
func BenchmarkAppendJSON(b *testing.B) {
	el := sample(b).Element(orders("SubmitOrder"))
	tree, err := document.Read(xmlOrder(b))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = AppendJSON(dst[:0], el, tree.Root()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkValidateSizes checks valid orders of 20 KB and 1 MB.
func BenchmarkValidateSizes(b *testing.B) {
	s := sample(b).Services[0]
	line := `<o:Line no="1"><o:Sku>BOLT-M8</o:Sku><o:Quantity>1200</o:Quantity><o:Unit>EA</o:Unit><o:UnitPrice>0.12</o:UnitPrice></o:Line>`
	for _, size := range []int{20 << 10, 1 << 20} {
		src := []byte(strings.Replace(string(envelope(b, "order-full.xml")), "<o:Lines>", "<o:Lines>"+strings.Repeat(line, size/len(line)), 1))
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if d, _, err := s.Validate(src, 0); err != nil || len(d) > 0 {
					b.Fatal(d, err)
				}
			}
		})
	}
}
