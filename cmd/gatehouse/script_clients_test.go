package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse/wsdl/customers"
	"github.com/gatehouse/gatehouse/wsdl/orders"
)

// clientCall is one call of a script through a generated client.
type clientCall struct {
	user   string
	soap12 bool
	token  bool
	id     string // of the message; queries have none
	number string // of the order, the customer, the product
}

// scriptClient: client [-12] [-t] USER OPERATION MESSAGE-ID NUMBER
// calls an operation through the generated client of its system, with Basic or,
// with -t, a UsernameToken, and puts on stdout what the typed reply or fault says.
func scriptClient(ts *testscript.TestScript, neg bool, args []string) {
	c := clientCall{}
	for len(args) > 4 && strings.HasPrefix(args[0], "-") {
		c.soap12 = c.soap12 || args[0] == "-12"
		c.token = c.token || args[0] == "-t"
		args = args[1:]
	}
	if len(args) != 4 {
		ts.Fatalf("usage: client [-12] [-t] user operation message-id number")
	}
	c.user, c.id, c.number = args[0], args[2], args[3]
	operations := map[string]func(*testscript.TestScript) (string, error){
		"SubmitOrder": c.submitOrder, "CancelOrder": c.cancelOrder, "NotifyShipment": c.notifyShipment,
		"GetOrderStatus": c.getOrderStatus, "FindOrders": c.findOrders,
		"UpsertCustomer": c.upsertCustomer, "UpsertProduct": c.upsertProduct, "PublishPrice": c.publishPrice,
	}
	operation := operations[args[1]]
	if operation == nil {
		ts.Fatalf("client: there is no operation %s", args[1])
	}
	reply, err := operation(ts)
	switch {
	case err == nil && neg:
		ts.Fatalf("client: the call succeeded: %s", reply)
	case err != nil && !neg:
		ts.Fatalf("client: %v", err)
	}
	fmt.Fprintln(ts.Stdout(), reply)
}

func (c clientCall) orders(ts *testscript.TestScript) orders.OrderService {
	client := &orders.SOAPClient{URL: ts.Getenv("ORDERS"), Username: c.user, Password: c.user + "-secret", UsernameToken: c.token, HTTP: plainClient}
	if c.soap12 {
		client.Version = orders.SOAP12
	}
	return orders.NewOrderService(client)
}

func (c clientCall) header() *orders.Header {
	sent := time.Date(2026, 3, 2, 9, 30, 0, 250e6, time.UTC)
	return &orders.Header{MessageId: orders.MessageId(c.id), SentAt: orders.NewXSDDateTime(sent), Sender: new(orders.ShortText("ERP <Nordic>"))}
}

// submitOrder sends an order; one for NO-SUCH-SKU has a line for that, and one
// whose number begins with DRAFT- is a draft.
func (c clientCall) submitOrder(ts *testscript.TestScript) (string, error) {
	sku := orders.Sku("BOLT-M8")
	if c.number == "NO-SUCH-SKU" {
		sku = "NO-SUCH-SKU"
	}
	status := orders.OrderStatusSUBMITTED
	if strings.HasPrefix(c.number, "DRAFT-") {
		status = orders.OrderStatusDRAFT
	}
	reply, err := c.orders(ts).SubmitOrderContext(context.Background(), &orders.SubmitOrder{Header: c.header(), Order: &orders.Order{
		Revision: new(orders.XSDInteger("1")), OrderNumber: orders.Number(c.number), Status: status,
		OrderedAt: "2026-03-02T11:29:00+02:00", RequestedDelivery: new(orders.XSDDate("2026-03-16")), Currency: "EUR",
		Customer: &orders.Customer{Number: "C-1001", Name: "Nordic Machines Oy", Country: "FI", Email: new(orders.Email("orders@nordic.example"))},
		Note:     new(orders.LongText("Deliver to gate 4 & ring twice.")),
		Lines: &orders.Lines{Line: []*orders.Line{
			{No: "1", Sku: sku, Quantity: "1200", Unit: orders.UnitEA, UnitPrice: "0.1250", Feature: []*orders.Feature{{Name: "finish", Value: "zinc"}}},
			{No: "2", Sku: "PLATE-200", Description: new(orders.ShortText("Plate")), Quantity: "12.500", Unit: orders.UnitKG, UnitPrice: "0"},
		}},
	}})
	if err != nil {
		return ordersFault(ts, err), err
	}
	return fmt.Sprintf("%s %s %d %d", reply.OrderNumber, reply.Status, reply.OrderId, *reply.Lines), nil
}

func (c clientCall) cancelOrder(ts *testscript.TestScript) (string, error) {
	reply, err := c.orders(ts).CancelOrderContext(context.Background(), &orders.CancelOrder{Header: c.header(), Cancellation: &orders.Cancellation{
		Revision: "2", OrderNumber: orders.Number(c.number), Reason: "The customer is blocked.", CancelledAt: "2026-03-06T09:14:30",
	}})
	if err != nil {
		return ordersFault(ts, err), err
	}
	return fmt.Sprintf("%s %s %d", reply.OrderNumber, reply.Status, reply.OrderId), nil
}

func (c clientCall) notifyShipment(ts *testscript.TestScript) (string, error) {
	err := c.orders(ts).NotifyShipmentContext(context.Background(), &orders.NotifyShipment{Header: c.header(), Shipment: &orders.Shipment{
		ShipmentNumber: orders.Number("SH-" + c.id), OrderNumber: orders.Number(c.number), ShippedAt: "2026-03-05T15:45:00+02:00",
		Carrier: new(orders.ShortText("Posti")), Line: []*orders.ShipmentLine{{No: "1", Quantity: "1200"}, {No: "2", Quantity: "6.25"}},
	}})
	if err != nil {
		return ordersFault(ts, err), err
	}
	return "accepted", nil
}

func (c clientCall) getOrderStatus(ts *testscript.TestScript) (string, error) {
	reply, err := c.orders(ts).GetOrderStatusContext(context.Background(), &orders.GetOrderStatus{OrderNumber: orders.Number(c.number)})
	if err != nil {
		return ordersFault(ts, err), err
	}
	said := fmt.Sprintf("%s %s %s %s", reply.OrderNumber, reply.Revision, reply.Status, reply.OrderedAt)
	for _, s := range reply.Shipment {
		said += fmt.Sprintf(" %s of %d lines", s.ShipmentNumber, len(s.Line))
	}
	return said, nil
}

// findOrders finds the orders of a customer, one on a page, and says which on each.
func (c clientCall) findOrders(ts *testscript.TestScript) (string, error) {
	var pages []string
	request := &orders.FindOrders{Customer: new(orders.Number(c.number)), PageSize: new(orders.PageSize(1))}
	for {
		reply, err := c.orders(ts).FindOrdersContext(context.Background(), request)
		if err != nil {
			return ordersFault(ts, err), err
		}
		for _, o := range reply.Order {
			pages = append(pages, fmt.Sprintf("%d: %s %s of %d lines", len(pages)+1, o.OrderNumber, o.Status, len(o.Line)))
		}
		if request.After = reply.After; request.After == nil {
			return strings.Join(pages, "; "), nil
		}
	}
}

// ordersFault says what a fault has: code, subcode, HTTP status, reason, the
// gateway's own code in the detail, and what the contract's fault says.
func ordersFault(ts *testscript.TestScript, err error) string {
	f, ok := errors.AsType[*orders.SOAPFault](err)
	if !ok {
		ts.Fatalf("client: no SOAP fault: %v", err)
	}
	code := ""
	for _, d := range f.Detail.Elements() {
		code, _ = d.Attribute(xml.Name{Local: "code"})
	}
	said := fmt.Sprintf("%s/%s %d %s [%s]", f.Code, f.Subcode, f.Status, f.Reason, code)
	if declared := orders.SOAPDetail[orders.OrderFault](err); declared != nil {
		said += fmt.Sprintf(" OrderFault %s: %s", declared.Code, declared.Message)
	}
	return said
}

func (c clientCall) customers(ts *testscript.TestScript, address string) *customers.SOAPClient {
	client := &customers.SOAPClient{URL: ts.Getenv(address), Username: c.user, Password: c.user + "-secret", UsernameToken: c.token, HTTP: plainClient}
	if c.soap12 {
		client.Version = customers.SOAP12
	}
	return client
}

// upsertCustomer sends everything that the contract knows of a customer.
func (c clientCall) upsertCustomer(ts *testscript.TestScript) (string, error) {
	request := &customers.CustomerUpsertRequest{
		MessageID: customers.MessageID(c.id), SenderSystemID: new(customers.MediumName("MDH-PRD")), CreationDateTime: "2026-03-03T06:00:00Z",
		Customer: &customers.CustomerRecord{
			Version: 3, CustomerID: customers.ObjectID(c.number), LastChangeDateTime: new(customers.XSDDateTime("2026-03-03T05:59:58.120Z")),
			LifeCycleStatus: customers.CustomerLifeCycleCodeBLOCKED, BlockingReason: new(customers.ReasonText("Payments overdue")),
			Name:        &customers.CustomerName{Organisation: &customers.Organisation{LegalName: "Åström & Söhne", VATRegistrationID: new("FI12345678")}},
			CountryCode: "FI", CreditLimit: &customers.XSDNillable[*customers.Amount]{Value: &customers.Amount{Value: "50000.00", CurrencyCode: "EUR"}},
			Items: []customers.CustomerRecordItem{
				{Phone: new(customers.PhoneNumber("+358 9 123 4567"))}, {Email: new(customers.EmailAddress("purchasing@nordic.example"))},
				{Phone: new(customers.PhoneNumber("+358 9 123 4568"))}, {Email: new(customers.EmailAddress("invoices@nordic.example"))},
			},
			Address: []*customers.Address{
				{Usage: customers.AddressUsageCodeREGISTERED, StreetLine: new(customers.LongName("Satamakatu 12")), PostalCode: new("00160"), CityName: "Helsinki", CountryCode: "FI"},
				{Usage: customers.AddressUsageCodeBILL_TO, POBox: new(customers.MediumName("PL 77")), CityName: "Helsinki", CountryCode: "FI"},
			},
		},
	}
	if c.number == "C-PERSON" {
		request.Customer.Name = &customers.CustomerName{Person: &customers.Person{GivenName: "Åsa", FamilyName: "Lindqvist"}}
		request.Customer.CreditLimit = &customers.XSDNillable[*customers.Amount]{Nil: true, Value: &customers.Amount{CurrencyCode: "SEK"}}
	}
	reply, err := customers.NewCustomerService(c.customers(ts, "CUSTOMERS")).UpsertCustomerContext(context.Background(), request)
	if err != nil {
		return customersFault(ts, err), err
	}
	return fmt.Sprintf("%s %s", reply.ReferenceMessageID, reply.ProcessingStatus), nil
}

func (c clientCall) upsertProduct(ts *testscript.TestScript) (string, error) {
	reply, err := customers.NewProductService(c.customers(ts, "PRODUCTS")).UpsertProductContext(context.Background(), &customers.ProductUpsertRequest{
		MessageID: customers.MessageID(c.id), CreationDateTime: "2026-03-03T06:00:00Z", Product: &customers.ProductRecord{
			Version: 1, ProductID: customers.ProductID(c.number), LastChangeDateTime: new(customers.XSDDateTime("2026-03-03T05:30:00")),
			LifeCycleStatus: customers.ProductLifeCycleCodePHASING_OUT,
			ShortText:       []*customers.ShortText{{Value: "Aluslevy M8", LanguageCode: "FI"}, {Value: "Washer M8", LanguageCode: "EN"}},
			BaseUnitCode:    customers.UnitOfMeasureCodeEA, NetWeight: &customers.XSDNillable[customers.Weight]{Value: "0.0018"},
			SalesStartDate: new(customers.XSDDate("2026-03-01")), SalesEndDate: &customers.XSDNillable[customers.XSDDate]{Nil: true},
			Feature: []*customers.Feature{
				{Name: "steel", TextValue: new(customers.LongName("A2"))}, {Name: "stainless", FlagValue: new(false)},
				{Name: "diameter", NumericValue: &customers.NumericValue{Value: "16.0", UnitText: new(customers.MediumName("mm"))}},
			},
		},
	})
	if err != nil {
		return customersFault(ts, err), err
	}
	return fmt.Sprintf("%s %s", reply.ReferenceMessageID, reply.ProcessingStatus), nil
}

func (c clientCall) publishPrice(ts *testscript.TestScript) (string, error) {
	err := customers.NewProductService(c.customers(ts, "PRODUCTS")).PublishPriceContext(context.Background(), &customers.PriceNotification{
		MessageID: customers.MessageID(c.id), CreationDateTime: "2026-03-03T06:00:00Z", Price: &customers.PriceRecord{
			Version: 1, ProductID: customers.ProductID(c.number), CurrencyCode: "EUR", ValidFrom: "2026-04-01",
			Value: &customers.PriceValue{NetPrice: new(customers.AmountValue("0.0125"))},
		},
	})
	if err != nil {
		return customersFault(ts, err), err
	}
	return "accepted", nil
}

// customersFault is ordersFault for the other system's client.
func customersFault(ts *testscript.TestScript, err error) string {
	f, ok := errors.AsType[*customers.SOAPFault](err)
	if !ok {
		ts.Fatalf("client: no SOAP fault: %v", err)
	}
	code := ""
	for _, d := range f.Detail.Elements() {
		code, _ = d.Attribute(xml.Name{Local: "code"})
	}
	return fmt.Sprintf("%s/%s %d %s [%s]", f.Code, f.Subcode, f.Status, f.Reason, code)
}
