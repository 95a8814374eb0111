package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/wsdl"
)

const (
	nsOrders  = "urn:gatehouse:samples:orders:1"
	soapFiles = "../../testdata/soap"
)

func orders(name string) Name { return Name{Space: nsOrders, Local: name} }

// sample loads the sample contract.
func sample(t testing.TB) *Contract {
	t.Helper()
	c, err := Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// envelope reads a sample message.
func envelope(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(soapFiles, name))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// replaced is a sample message with one passage replaced, which must be there.
func replaced(t testing.TB, name, from, to string) []byte {
	t.Helper()
	src := string(envelope(t, name))
	if !strings.Contains(src, from) {
		t.Fatalf("%s does not contain %q", name, from)
	}
	return []byte(strings.Replace(src, from, to, 1))
}

// xmlOrder reads the sample order without its envelope.
func xmlOrder(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("../../testdata/xml/order-full.xml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// jsonOrder reads a sample order's JSON twin.
func jsonOrder(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("../../testdata/json", name))
	if err != nil {
		t.Fatal(err)
	}
	return src
}
