package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/sample"
	"github.com/gatehouse/gatehouse/wsdl"
	"github.com/gatehouse/gatehouse/wsdl/customers"
	"github.com/gatehouse/gatehouse/wsdl/orders"
)

// answering is a service that validates what it is sent and answers with the
// contract's own samples: replies, or the declared fault of that name.
func answering(t *testing.T, file, service, fault string) *httptest.Server {
	t.Helper()
	c, err := contract.Load(wsdl.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Service(service)
	maker := sample.New(c, s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		details, _, err := s.Validate(body, 0)
		if err != nil || len(details) > 0 {
			t.Errorf("the client sends %s: %v, %v", body, details, err)
		}
		soap12 := bytes.Contains(body, []byte("http://www.w3.org/2003/05/soap-envelope"))
		action := r.Header.Get("SOAPAction") + r.Header.Get("Content-Type")
		for _, o := range s.Operations {
			if !strings.Contains(action, `/`+o.Name+`"`) {
				continue
			}
			if o.OneWay() {
				w.WriteHeader(http.StatusAccepted)
				return
			}
			direction := sample.Direction{Reply: fault == "", Fault: fault}
			message, err := maker.Message(o, direction, sample.Options{Mode: sample.Full})
			if err != nil {
				t.Error(err)
				return
			}
			if fault != "" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = w.Write(message.Envelope(sample.Form{SOAP12: soap12}))
			return
		}
		t.Errorf("no operation has the action in %s", action)
	}))
	t.Cleanup(server.Close)
	return server
}

func clientOrder() *orders.SubmitOrder {
	return &orders.SubmitOrder{
		Header: &orders.Header{MessageId: "erp-1", SentAt: "2026-03-02T09:30:00Z"},
		Order: &orders.Order{OrderNumber: "PO-1", Status: orders.OrderStatusDRAFT, OrderedAt: "2026-03-02T09:30:00", Currency: "EUR",
			Customer: &orders.Customer{Number: "C-1", Name: "Nordic", Country: "FI"},
			Lines:    &orders.Lines{Line: []*orders.Line{{No: "1", Sku: "BOLT-M8", Quantity: "2", Unit: orders.UnitEA, UnitPrice: "0.1"}}}},
	}
}

// TestClientsReadDeclaredFaults: a fault that the contract declares comes as its
// type, in either version of SOAP, whatever the HTTP status; a whole reply too.
func TestClientsReadDeclaredFaults(t *testing.T) {
	for _, version := range []int{orders.SOAP11, orders.SOAP12} {
		client := &orders.SOAPClient{URL: answering(t, "orders/orders.wsdl", "OrderService", "OrderFault").URL, Version: version}
		_, err := orders.NewOrderService(client).SubmitOrder(clientOrder())
		if f := orders.SOAPDetail[orders.OrderFault](err); f == nil || f.Code == "" || f.Message == "" {
			t.Errorf("SOAP %d: %+v of %v", version, f, err)
		}
		client.URL = answering(t, "orders/orders.wsdl", "OrderService", "").URL
		reply, err := orders.NewOrderService(client).SubmitOrder(clientOrder())
		if err != nil || reply.OrderNumber == "" || reply.Lines == nil {
			t.Errorf("SOAP %d: %+v, %v", version, reply, err)
		}
		price := &customers.PriceNotification{MessageID: "m", CreationDateTime: "2026-03-02T09:30:00Z", Price: &customers.PriceRecord{
			Version: 1, ProductID: "P-1", CurrencyCode: "EUR", ValidFrom: "2026-03-02", Value: &customers.PriceValue{OnRequest: new(true)}}}
		product := &customers.ProductUpsertRequest{MessageID: "m", CreationDateTime: "2026-03-02T09:30:00Z", Product: &customers.ProductRecord{
			Version: 1, ProductID: "P-1", LifeCycleStatus: customers.ProductLifeCycleCodeACTIVE, BaseUnitCode: customers.UnitOfMeasureCodeEA,
			ShortText: []*customers.ShortText{{Value: "Bolt", LanguageCode: "EN"}}}}
		other := &customers.SOAPClient{URL: answering(t, "customers/customers.wsdl", "ProductService", "StandardFault").URL, Version: version}
		_, err = customers.NewProductService(other).UpsertProduct(product)
		if f := customers.SOAPDetail[customers.StandardFault](err); f == nil || f.FaultText == "" || len(f.FaultDetail) == 0 {
			t.Errorf("SOAP %d: %+v of %v", version, f, err)
		}
		if version == customers.SOAP12 {
			continue // the price has no operation there
		}
		if err := customers.NewProductService(other).PublishPrice(price); err != nil {
			t.Error(err)
		}
	}
}
