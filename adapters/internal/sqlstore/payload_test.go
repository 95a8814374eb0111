package sqlstore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// sampleXML is an order of about size bytes, with values that do not repeat.
func sampleXML(size int) []byte {
	var b strings.Builder
	b.WriteString(`<SubmitOrder xmlns="urn:gatehouse:samples:orders:1"><Header><MessageId>erp-4711</MessageId></Header><Order revision="1"><Lines>`)
	for i, x := 1, uint32(1); b.Len() < size; i++ {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, `<Line no="%d"><Sku>SKU-%06d</Sku><Quantity>%d</Quantity><UnitPrice>%d.%04d</UnitPrice><Note>%x</Note></Line>`, i, x%1e6, x%97, x%991, x%9973, uint64(x)*2654435761)
	}
	return []byte(b.String() + `</Lines></Order></SubmitOrder>`)
}

func TestPackSizes(t *testing.T) {
	var p packer
	for _, size := range []int{0, 100, 600, 2000, 20000, 1 << 20} {
		src := sampleXML(size)
		packing, kept := p.pack(src)
		if (packing == Gzip) != (len(src) >= packWorth) || len(kept) > len(src) {
			t.Errorf("%d bytes are kept as %d by %d", len(src), len(kept), packing)
		}
		if whole, err := unpack(packing, kept); err != nil || !bytes.Equal(whole, src) {
			t.Errorf("%d bytes do not come back: %v", len(src), err)
		}
	}
	if packing, _ := p.pack(bytes.Repeat([]byte{0x1f, 0x8b, 0xff, 7}, 64)); packing != Plain {
		t.Error("what is below the floor is packed")
	}
	for name, kept := range map[string][]byte{"cut": []byte(gzipMagic + "\x08"), "other": []byte(gzipMagic + strings.Repeat("x", 100))} {
		if _, err := unpackText(kept); err == nil {
			t.Errorf("%s: a broken reply comes back", name)
		}
	}
	if plain, err := unpackText([]byte("<r/>")); err != nil || string(plain) != "<r/>" {
		t.Errorf("%q, %v", plain, err)
	}
}

func BenchmarkPack(b *testing.B) {
	for _, size := range []int{300, 600, 2000, 20000} {
		src := sampleXML(size)
		b.Run(fmt.Sprintf("bytes=%d", len(src)), func(b *testing.B) {
			var p packer
			kept := src
			for b.Loop() {
				_, kept = p.pack(src)
			}
			b.SetBytes(int64(len(src)))
			b.ReportMetric(float64(len(src))/float64(len(kept)), "ratio")
		})
	}
}
