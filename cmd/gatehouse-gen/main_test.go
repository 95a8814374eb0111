package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hooklift/gowsdl/soap"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/wsdl"
	"github.com/gatehouse/gatehouse/wsdl/orders"
)

// TestMain keeps gowsdl from talking and from leaving its folder behind.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	code := m.Run()
	removeCache()
	os.Exit(code)
}

// TestSampleIsUpToDate makes the sample's client again: it must be the one that
// is checked in, and compile.
func TestSampleIsUpToDate(t *testing.T) {
	const checkedIn = "../../wsdl/orders/orders.go"
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	if err := suits(c); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	got, err := client(c, work, packageName("orders"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(checkedIn)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("error %v, or the client is not the one checked in: run go generate ./wsdl", err)
	}
	out, err := filepath.Abs(checkedIn)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiles(got, out, work); err != nil {
		t.Error(err)
	}
	broken := append(bytes.Clone(got), "\nvar x undefined\n"...)
	if err := compiles(broken, out, work); err == nil || !strings.Contains(err.Error(), "orders.go") || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("a client that does not compile: %v", err)
	}
}

// TestClientWritesValidOrders: what the generated types marshal to keeps the
// contract.
func TestClientWritesValidOrders(t *testing.T) {
	c, err := contract.Load(wsdl.FS, "orders/orders.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	payload, err := xml.Marshal(order())
	if err != nil {
		t.Fatal(err)
	}
	envelope := []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + string(payload) + `</s:Body></s:Envelope>`)
	details, _, err := c.Services[0].Validate(envelope, 0)
	if err != nil || len(details) > 0 {
		t.Errorf("error %v, %v\n%s", err, details, envelope)
	}
}

func order() *orders.SubmitOrder {
	at := soap.CreateXsdDateTime(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), true)
	return &orders.SubmitOrder{
		Header: &orders.Header{MessageId: new(orders.MessageId("erp-1")), SentAt: at},
		Order: &orders.Order{
			OrderNumber: new(orders.Number("PO-1")), Status: new(orders.OrderStatusSUBMITTED), OrderedAt: at,
			RequestedDelivery: soap.CreateXsdDate(time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC), false),
			Currency:          new(orders.CurrencyCode("EUR")),
			Customer:          &orders.Customer{Number: new(orders.Number("C-1")), Name: new(orders.ShortText("Nordic")), Country: new(orders.CountryCode("FI"))},
			Lines: &orders.Lines{Line: []*orders.Line{{
				No: new(orders.PositiveInteger(1)), Sku: new(orders.Sku("BOLT-M8")), Quantity: new(orders.Quantity(2)),
				Unit: new(orders.UnitEA), UnitPrice: new(orders.UnitPrice(0.12)),
				Feature: []*orders.Feature{{Name: new(orders.Number("finish")), Value: new(orders.ShortText("zinc"))}},
			}}},
		},
	}
}

// TestVerdicts: where there can be no client, one line says why, no file is
// written, and the others are made.
func TestVerdicts(t *testing.T) {
	tests := []struct{ name, file, content, want string }{
		{"not there", "", "", "no typed client: a.wsdl: no such file or directory"},
		{"not a WSDL", "a.wsdl", "<html/>", "neither a WSDL nor a schema"},
		{"no service", "a.wsdl", `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>`, "the WSDL has no service with a SOAP port"},
		{"rpc", "a.wsdl", rpc, "operation Go: its style is rpc/literal"},
		{"outside a module", "a.wsdl", document, "what gowsdl makes does not compile: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, temporary := t.TempDir(), t.TempDir()
			t.Setenv("TMPDIR", temporary)
			if tt.file != "" {
				if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var said bytes.Buffer
			if code := run([]string{filepath.Join(dir, "a.wsdl")}, &said, t.Output()); code != 1 {
				t.Errorf("exit %d", code)
			}
			if got := said.String(); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
			if made, err := filepath.Glob(dir + "/*.go"); err != nil || len(made) > 0 {
				t.Errorf("written: %v, %v", made, err)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
	}
}

const rpc = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<message name="In"/><portType name="P"><operation name="Go"><input message="In"/></operation></portType>
<binding name="B" type="P"><soap:binding style="rpc"/><operation name="Go"><soap:operation/><input><soap:body use="literal"/></input></operation></binding>
<service name="S"><port name="P" binding="B"><soap:address location="http://h/"/></port></service></definitions>`

const document = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<types><schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t"><element name="Go"><complexType/></element></schema></types>
<message name="In"><part name="p" element="t:Go"/></message><portType name="P"><operation name="Go"><input message="t:In"/></operation></portType>
<binding name="B" type="t:P"><soap:binding/><operation name="Go"><soap:operation/><input><soap:body use="literal"/></input></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://h/"/></port></service></definitions>`

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"-x"}} {
		var said bytes.Buffer
		if code := run(args, t.Output(), &said); code != 2 || !strings.Contains(said.String(), "usage:") {
			t.Errorf("%v: exit %d, %s", args, code, &said)
		}
	}
}

func TestRepair(t *testing.T) {
	const made = `
// Code generated by gowsdl DO NOT EDIT.
package x
import (
	"context"
	"encoding/xml"
	"time"
	"github.com/hooklift/gowsdl/soap"
)
// against "unused imports"
var _ time.Time
var _ xml.Name
// A is documented.
type A struct { N *PositiveInteger; M []QName; D soap.XSDDate }
type Duration string
type B struct { D *Duration }
`
	got, err := repair([]byte(made), "a.wsdl", "x")
	if err != nil {
		t.Fatal(err)
	}
	const want = `// Code generated by gatehouse-gen with gowsdl from a.wsdl. DO NOT EDIT.

// Package x is a typed SOAP 1.1 client for a.wsdl.
package x

import (
	"github.com/hooklift/gowsdl/soap"
)

// PositiveInteger is the XSD built-in type.
type PositiveInteger uint64

// QName is the XSD built-in type.
type QName string

// A is documented.
type A struct {
	N *PositiveInteger
	M []QName
	D soap.XSDDate
}

type Duration string

type B struct{ D *Duration }
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := repair([]byte("package x\nfunc"), "a.wsdl", "x"); err == nil {
		t.Error("what is not Go is repaired")
	}
}
