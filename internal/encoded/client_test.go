package encoded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// samples holds a contract and one message of it as real clients send it.
const samples = "../../testdata/soap/stock"

func stock(t testing.TB) (*contract.Service, *contract.Operation) {
	t.Helper()
	c, err := contract.Load(os.DirFS(filepath.Dir(samples)), "stock/stock.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Service("Stock")
	if s.Degraded() != "" {
		t.Fatal(s.Degraded())
	}
	return s, s.OperationNamed("book")
}

// TestClients: whoever sends it, it is the same message.
func TestClients(t *testing.T) {
	s, op := stock(t)
	want := canonicalOf(t, `<s:book xmlns:s="urn:gatehouse:test:stock" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><reference>R-1</reference><bookedAt>2026-03-02T09:30:00Z</bookedAt><moves>`+
		`<item><sku>NUT &amp; BOLT</sku><quantity>12.50</quantity><at><site>HEL-1</site><note i:nil="true"/></at><tags><item>blue</item><item>Åland</item></tags></item>`+
		`<item><sku>WASHER</sku><quantity>3</quantity><at><site>HEL-1</site><note i:nil="true"/></at></item></moves></s:book>`)
	files, err := filepath.Glob(samples + "/*.xml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Normalise(s, op, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			// Axis writes milliseconds.
			if got := strings.Replace(literal(t, d.XML), "09:30:00.000Z", "09:30:00Z", 1); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if details, _, err := s.Validate(d.XML, 0); err != nil || len(details) > 0 {
				t.Errorf("not valid: %v %v\n%s", details, err, d.XML)
			}
			stays(t, s, op, d.XML)
		})
	}
}

func BenchmarkNormalise(b *testing.B) {
	s, op := stock(b)
	for _, name := range []string{"php-inline.xml", "axis.xml"} {
		src, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Normalise(s, op, src, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
