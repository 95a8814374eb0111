package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// order is one message: one revision of one sales order. The order's number is
// the ordering key. Everything in it follows from these fields, so that whoever
// sends it, as often and by whichever door, sends the same.
type order struct {
	Key      string // the order's number
	Revision int    // from 1, without a gap
	Identity string // what makes a repeat a repeat
	Late     bool   // its product becomes known only after it was sent
}

func newOrder(key string, revision int) order {
	return order{Key: key, Revision: revision, Identity: fmt.Sprintf("%s-r%d", key, revision)}
}

// customer is the number of a customer that no other message names: its row is
// made by this message, stays, and tells that it was applied.
func (o order) customer() string { return customerPrefix + o.Identity }

const customerPrefix = "C-"

// sku is the product that every line orders: one that is in the catalogue from
// the beginning, or one of the message's own.
func (o order) sku() string {
	if o.Late {
		return latePrefix + o.Identity
	}
	return "BOLT-M8"
}

const latePrefix = "LATE-"

// lines is how many lines this revision has; each one's quantity is the revision.
func (o order) lines() int { return 1 + o.Revision%3 }

const sentAt, orderedAt = "2026-03-02T09:30:00Z", "2026-03-02T11:29:00"

// xml is the payload element.
func (o order) xml() string {
	var lines strings.Builder
	for i := range o.lines() {
		fmt.Fprintf(&lines, `<o:Line no="%d"><o:Sku>%s</o:Sku><o:Quantity>%d</o:Quantity><o:Unit>EA</o:Unit><o:UnitPrice>0.12</o:UnitPrice></o:Line>`, i+1, o.sku(), o.Revision)
	}
	return fmt.Sprintf(`<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1">`+
		`<o:Header><o:MessageId>%s</o:MessageId><o:SentAt>%s</o:SentAt></o:Header>`+
		`<o:Order revision="%d"><o:OrderNumber>%s</o:OrderNumber><o:Status>SUBMITTED</o:Status><o:OrderedAt>%s</o:OrderedAt><o:Currency>EUR</o:Currency>`+
		`<o:Customer number="%s"><o:Name>%s</o:Name><o:Country>FI</o:Country></o:Customer><o:Lines>%s</o:Lines></o:Order></o:SubmitOrder>`,
		o.Identity, sentAt, o.Revision, o.Key, orderedAt, o.customer(), o.Identity, lines.String())
}

// product is the message that makes a late order's product known.
func (o order) product() string {
	return fmt.Sprintf(`<p:ProductUpsertRequest xmlns:p="http://schemas.mdm.example/Product/2024/06" messageID="P-%[1]s" senderSystemID="MDH">`+
		`<p:CreationDateTime>%[2]s</p:CreationDateTime><p:Product version="1"><p:ProductID>%[3]s</p:ProductID><p:LastChangeDateTime>%[4]s</p:LastChangeDateTime>`+
		`<p:LifeCycleStatus>ACTIVE</p:LifeCycleStatus><p:ShortText languageCode="EN">%[1]s</p:ShortText><p:BaseUnitCode>EA</p:BaseUnitCode>`+
		`</p:Product></p:ProductUpsertRequest>`, o.Identity, sentAt, o.sku(), orderedAt)
}

// envelope is the SOAP 1.1 message with a payload.
func envelope(payload string) string {
	return `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` + payload + `</soap:Body></soap:Envelope>`
}

// json is the payload's JSON twin.
func (o order) json() (string, error) {
	type object = map[string]any
	var lines []object
	for i := range o.lines() {
		lines = append(lines, object{"@no": i + 1, "Sku": o.sku(), "Quantity": o.Revision, "Unit": "EA", "UnitPrice": json.Number("0.12")})
	}
	text, err := json.Marshal(object{
		"Header": object{"MessageId": o.Identity, "SentAt": sentAt},
		"Order": object{
			"@revision": o.Revision, "OrderNumber": o.Key, "Status": "SUBMITTED", "OrderedAt": orderedAt, "Currency": "EUR",
			"Customer": object{"@number": o.customer(), "Name": o.Identity, "Country": "FI"},
			"Lines":    object{"Line": lines},
		},
	})
	return string(text), err
}

// event is what the gateway publishes about an order.
type event struct {
	OrderNo  string `json:"orderNo"`
	Revision int    `json:"revision"`
	Customer struct {
		Name string `json:"name"`
	} `json:"customer"`
	Lines []struct {
		SKU string `json:"sku"`
	} `json:"lines"`
}

// orderOf is the order that an event tells of.
func orderOf(body []byte) (order, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return order{}, fmt.Errorf("reading an event: %w", err)
	}
	o := order{Key: e.OrderNo, Revision: e.Revision, Identity: e.Customer.Name}
	o.Late = len(e.Lines) > 0 && strings.HasPrefix(e.Lines[0].SKU, latePrefix)
	return o, nil
}
