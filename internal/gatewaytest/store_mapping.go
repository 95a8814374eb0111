package gatewaytest

import (
	"strings"
	"sync"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// orderFile is the suite's mapping: customer, order, lines and their features,
// the product by look-up. Its columns stand in the order of the cells that
// plan.changes makes.
const orderFile = `mapping: submit-order
contract: order.wsdl#SubmitOrder
namespaces: {o: urn:order}
identity: o:Id
rows:
  - table: crm.customer
    as: customer
    match: [customer_no]
    columns:
      customer_no: o:Customer/@number
      name: o:Customer/@name
      country: o:Customer/@country
      email: o:Customer/@email
  - table: sales.sales_order
    as: order
    match: [order_no]
    columns:
      order_no: o:Number
      customer_id: $customer/id
      status: o:Status
      currency: o:Currency
      ordered_at: o:OrderedAt
      requested_delivery: o:Delivery
      note: o:Note
      revision: o:Revision
    children:
      - table: sales.order_line
        as: line
        each: o:Line
        match: [order_id, line_no]
        columns:
          order_id: $order/id
          line_no: "@no"
          product_id: {lookup: catalog.product, where: {sku: "@sku"}, column: id}
          quantity: "@quantity"
          unit: "@unit"
          unit_price: "@price"
          amount: "@amount"
        children:
          - table: sales.order_line_feature
            each: o:Feature
            match: [line_id, name]
            columns:
              line_id: $line/id
              name: "@name"
              value: .
publish:
  - channel: order-events
    routing_key: order.accepted
    format: json
    body: {orderNo: o:Number}
reply: {Value: $order/id}
`

// edit changes one place of the file.
type edit struct{ old, new string }

// What tests change.
var (
	keepCustomer   = edit{"match: [customer_no]", "match: [customer_no]\n    on_match: keep"}
	failCustomer   = edit{"match: [customer_no]", "match: [customer_no]\n    on_match: fail"}
	failOrder      = edit{"match: [order_no]", "match: [order_no]\n    on_match: fail"}
	amendOrder     = edit{"match: [order_no]", "match: [order_no]\n    on_missing: reject"}
	awaitOrder     = edit{"match: [order_no]", "match: [order_no]\n    on_missing: not_yet"}
	amendLines     = edit{"match: [order_id, line_no]", "match: [order_id, line_no]\n        on_missing: reject"}
	deleteLines    = edit{"match: [order_id, line_no]", "match: [order_id, line_no]\n        absent: delete"}
	deleteAllLines = edit{"match: [order_id, line_no]", "match: [order_id, line_no]\n        absent: delete_all"}
	deleteFeatures = edit{"match: [line_id, name]", "match: [line_id, name]\n            absent: delete_all"}
	nullNote       = edit{"note: o:Note", "note: {from: o:Note, absent: null}"}
	waitForProduct = edit{"column: id}", "column: id, not_found: not_yet}"}

	// The order's note by a table of codes, without and with periods.
	codesNull  = edit{"note: o:Note", "note: {code_set: {table: catalog.product, code: sku, value: name}, from: o:Note, unknown: null}"}
	codesValue = edit{"note: o:Note", "note: {code_set: {table: catalog.product, code: sku, value: name}, from: o:Note, unknown: {value: other}}"}
	codesKeep  = edit{"note: o:Note", "note: {code_set: {table: catalog.product, code: sku, value: name}, from: o:Note, unknown: keep}"}
	codesWait  = edit{"note: o:Note", "note: {code_set: {table: catalog.product, code: sku, value: name}, from: o:Note, unknown: not_yet}"}
	codesOfDay = edit{"note: o:Note", "note: {code_set: {table: crm.code, code: code, value: meaning, valid_from: since, valid_to: till}, from: o:Note, at: xs:date(o:OrderedAt)}"}
	codesAt    = edit{"note: o:Note", "note: {code_set: {table: crm.code, code: code, value: meaning, valid_from: since_at, valid_to: till_at}, from: o:Note, at: o:OrderedAt}"}

	// stubProduct makes the products that a line names and nobody has stored.
	stubProduct = edit{"column: id}", `column: id, not_found: insert, insert: {name: {value: unknown}, unit: "@unit"}}`}

	// drawnLines gives a line a number instead of a natural key.
	drawnLines = edit{"match: [order_id, line_no]", "sequence: {column: id, name: sales.line_id}"}
	// calls adds a row for every call, and its topics.
	calls = edit{"publish:", `  - table: crm.call
    as: call
    sequence: {column: id, name: crm.call_id}
    columns: {customer_id: $customer/id, note: o:Note}
    children:
      - table: crm.call_topic
        each: o:Line
        columns: {call_id: $call/id, topic: "@sku"}
publish:`}
	replyNamesCall = edit{"{Value: $order/id}", "{Value: $call/id}"}

	// categories makes a tree of the lines: each names what is above it.
	categories = edit{"publish:", `  - table: crm.category
    each: o:Line
    match: [code]
    columns:
      code: "@sku"
      parent_id: {lookup: crm.category, where: {code: "o:Feature[1]"}, column: id}
      parent_code: {lookup: crm.category, where: {code: "o:Feature[1]"}, column: code}
      name: "@unit"
publish:`}

	// guarded makes the revision guard the order's subtree.
	guarded = edit{"      revision: o:Revision\n", "    version: {column: revision, from: o:Revision}\n"}
	// noteFromProduct fills the order's note with the name of the product whose
	// SKU the message gives as note, or NULL.
	noteFromProduct = edit{"note: o:Note", "note: {lookup: catalog.product, where: {sku: o:Note}, column: name, not_found: 'null'}"}
	// shipments adds a step for an order's shipments, which are known by their
	// own number alone.
	shipments = edit{"publish:", `      - table: sales.shipment
        each: o:Shipment
        match: [shipment_no]
        columns: {shipment_no: "@no", order_id: $order/id, shipped_at: "@at"}
publish:`}
	// payer writes the customers' table a second time.
	payer = edit{"publish:", `  - table: crm.customer
    as: payer
    match: [customer_no]
    columns: {customer_no: o:Payer/@number, name: o:Payer/@name, country: o:Payer/@country, email: o:Payer/@email}
publish:`}
	replyNamesMore = edit{"{Value: $order/id}", `{Value: $order/id, OrderedAt: $order/ordered_at, Delivery: $order/requested_delivery, Name: $customer/name, Note: $order/note}`}
	replyNamesNone = edit{"{Value: $order/id}", "{Value: o:Number}"}
)

// compiled reads the file with its edits. The suite writes the texts itself, so
// that a fault in them is the suite's own.
func compiled(edits ...edit) *mapping.Mapping {
	text := orderFile
	for _, e := range edits {
		if strings.Count(text, e.old) != 1 {
			panic("the suite's mapping does not have once: " + e.old)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	file, err := mapping.Parse("order.yaml", []byte(text))
	if err != nil {
		panic(err)
	}
	m, err := mapping.Compile(file, orderContract())
	if err != nil {
		panic(err)
	}
	return m
}

var orderContract = sync.OnceValue(func() *contract.Contract {
	c, err := contract.Load(fstest.MapFS{"order.wsdl": {Data: []byte(orderWSDL)}}, "order.wsdl")
	if err != nil {
		panic(err)
	}
	return c
})

const orderWSDL = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:order" targetNamespace="urn:order">
  <types><xs:schema targetNamespace="urn:order" elementFormDefault="qualified">
    <xs:complexType name="Customer">
      <xs:attribute name="number" type="xs:string" use="required"/>
      <xs:attribute name="name" type="xs:string" use="required"/>
      <xs:attribute name="country" type="xs:string" use="required"/>
      <xs:attribute name="email" type="xs:string"/>
    </xs:complexType>
    <xs:element name="SubmitOrder"><xs:complexType><xs:sequence>
      <xs:element name="Id" type="xs:string"/>
      <xs:element name="Customer" type="o:Customer"/>
      <xs:element name="Payer" type="o:Customer"/>
      <xs:element name="Number" type="xs:string"/>
      <xs:element name="Status" type="xs:string"/>
      <xs:element name="Currency" type="xs:string"/>
      <xs:element name="OrderedAt" type="xs:dateTime"/>
      <xs:element name="Delivery" type="xs:date" minOccurs="0"/>
      <xs:element name="Note" type="xs:string" minOccurs="0"/>
      <xs:element name="Revision" type="xs:int" minOccurs="0"/>
      <xs:element name="Line" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        <xs:sequence><xs:element name="Feature" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
          <xs:extension base="xs:string"><xs:attribute name="name" type="xs:string" use="required"/></xs:extension>
        </xs:simpleContent></xs:complexType></xs:element></xs:sequence>
        <xs:attribute name="no" type="xs:int" use="required"/>
        <xs:attribute name="sku" type="xs:string" use="required"/>
        <xs:attribute name="quantity" type="xs:decimal" use="required"/>
        <xs:attribute name="unit" type="xs:string" use="required"/>
        <xs:attribute name="price" type="xs:decimal" use="required"/>
        <xs:attribute name="amount" type="xs:decimal" use="required"/>
      </xs:complexType></xs:element>
      <xs:element name="Shipment" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        <xs:attribute name="no" type="xs:string" use="required"/>
        <xs:attribute name="at" type="xs:dateTime" use="required"/>
      </xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="SubmitOrderResponse"><xs:complexType><xs:sequence>
      <xs:element name="Value" type="xs:string"/>
      <xs:element name="OrderedAt" type="xs:string" minOccurs="0"/>
      <xs:element name="Delivery" type="xs:string" minOccurs="0"/>
      <xs:element name="Name" type="xs:string" minOccurs="0"/>
      <xs:element name="Note" type="xs:string" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:schema></types>
  <message name="In"><part name="parameters" element="o:SubmitOrder"/></message>
  <message name="Out"><part name="parameters" element="o:SubmitOrderResponse"/></message>
  <portType name="Orders"><operation name="SubmitOrder"><input message="o:In"/><output message="o:Out"/></operation></portType>
  <binding name="Orders" type="o:Orders">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="SubmitOrder"><soap:operation soapAction="SubmitOrder"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
  </binding>
  <service name="Orders"><port name="Orders" binding="o:Orders"><soap:address location="http://localhost/"/></port></service>
</definitions>`
