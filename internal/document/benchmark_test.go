package document

import (
	"fmt"
	"strings"
	"testing"
)

// message makes an order of about size bytes, laid out as clients lay it out.
func message(size int) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:o="urn:gatehouse:samples:orders:1">
  <soapenv:Header/>
  <soapenv:Body>
    <o:SubmitOrder>
      <o:Header><o:MessageId>4711-0815</o:MessageId><o:SentAt>2026-11-22T09:15:00Z</o:SentAt></o:Header>
      <o:Order revision="3">
        <o:OrderNumber>PO-2026-000123</o:OrderNumber>
        <o:Note>Müller &amp; Söhne, gate 4</o:Note>
        <o:Lines>
`)
	for i := 1; b.Len() < size-120; i++ {
		fmt.Fprintf(&b, `          <o:Line no="%d">
            <o:Sku>SKU-%06d</o:Sku>
            <o:Description>Hexagon bolt, zinc plated, M8 by 40</o:Description>
            <o:Quantity>%d.500</o:Quantity>
            <o:Unit>EA</o:Unit>
            <o:UnitPrice>12.3400</o:UnitPrice>
            <o:Feature name="colour">silver</o:Feature>
          </o:Line>
`, i, i, i)
	}
	b.WriteString("        </o:Lines>\n      </o:Order>\n    </o:SubmitOrder>\n  </soapenv:Body>\n</soapenv:Envelope>\n")
	return []byte(b.String())
}

var sizes = []struct {
	name string
	size int
}{{"2KB", 2 << 10}, {"20KB", 20 << 10}, {"2MB", 2 << 20}}

func BenchmarkRead(b *testing.B) {
	for _, s := range sizes {
		src := message(s.size)
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				tree, err := Read(src)
				if err != nil {
					b.Fatal(err)
				}
				tree.Release()
			}
		})
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	for _, s := range sizes {
		src := message(s.size)
		b.Run(s.name, func(b *testing.B) {
			root := read(b, string(src)).Root()
			var dst []byte
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendCanonical(dst[:0], root)
			}
		})
	}
}

func BenchmarkAppendStandalone(b *testing.B) {
	src := message(20 << 10)
	payload := read(b, string(src)).Root().FirstChild().NextSibling().FirstChild()
	var dst []byte
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendStandalone(dst[:0], payload)
	}
}

func BenchmarkPath(b *testing.B) {
	root := read(b, string(message(2<<20))).Root()
	lines := root.FirstChild().NextSibling().FirstChild().FirstChild().NextSibling().FirstChild().NextSibling().NextSibling()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = 0
		for line := range lines.Children() {
			_ = line.Path()
			line.Position()
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/path")
}

func BenchmarkChild(b *testing.B) {
	root := read(b, string(message(20<<10))).Root()
	const o = "urn:gatehouse:samples:orders:1"
	body := root.Child(Name{"http://schemas.xmlsoap.org/soap/envelope/", "Body"})
	b.ReportAllocs()
	for b.Loop() {
		order := body.Child(Name{o, "SubmitOrder"}).Child(Name{o, "Order"})
		for l := order.Child(Name{o, "Lines"}).Child(Name{o, "Line"}); l.Exists(); l = l.Next(Name{o, "Line"}) {
			if l.Child(Name{o, "UnitPrice"}).Text() == "" {
				b.Fatal("no price")
			}
		}
	}
}

func BenchmarkToUTF8(b *testing.B) {
	src := message(20 << 10)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ToUTF8(src, "utf-8"); err != nil {
			b.Fatal(err)
		}
	}
}
