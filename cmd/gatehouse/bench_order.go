package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// orderMessages are the sample's orders, each with a number of its own, as many
// lines as fit the size, and one of a few hundred customers.
type orderMessages struct {
	run   string // begins every name; no other run has it
	lines int    // of a message, on average
}

// newRun is what the names of this run's messages begin with: seven characters,
// a different one each second.
func newRun(now time.Time) string {
	return fmt.Sprintf("B%06s", strconv.FormatInt(now.Unix()%2_176_782_336, 36))
}

// newRun names this run. endSecond has to follow.
func (f *benchFlags) newRun() string {
	f.named = time.Now()
	return newRun(f.named)
}

// endSecond waits until the second is over in which the run was named, so that the
// next one has another name.
func (f *benchFlags) endSecond() {
	time.Sleep(time.Until(f.named.Truncate(time.Second).Add(time.Second)))
}

// newOrders makes orders of about so many bytes.
func newOrders(run string, bytes int) *orderMessages {
	m := &orderMessages{run: run, lines: 1}
	one := len(m.payload(nil, 1, false)) // the first number with as many lines as the average
	m.lines = 2
	two := len(m.payload(nil, 1, false))
	m.lines = max(1, 1+(bytes-one)/(two-one))
	return m
}

const (
	benchCustomers = 500
	customerFormat = "BENCH-%04d"
)

// linesOf is how many lines a message has: some more, some fewer.
func (m *orderMessages) linesOf(number int) int { return max(1, m.lines+number%3-1) }

// featuresOf is how many features a line has.
func featuresOf(line int) int { return line % 3 }

func (m *orderMessages) featuresIn(number int) (n int) {
	for line := range m.linesOf(number) {
		n += featuresOf(line + 1)
	}
	return n
}

func (m *orderMessages) identity(number int) string { return m.run + "-" + strconv.Itoa(number) }

const (
	soapHead = `<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>`
	soapTail = `</soap:Body></soap:Envelope>`
)

func (m *orderMessages) envelope(dst []byte, number int, invalid bool) []byte {
	return append(m.payload(append(dst, soapHead...), number, invalid), soapTail...)
}

// benchArticles are in the sample's catalogue.
var benchArticles = [...]struct{ sku, unit, price string }{{"BOLT-M8", "EA", "0.1250"}, {"NUT-M8", "EA", "0.04"}, {"PLATE-200", "KG", "3.9900"}}

func (m *orderMessages) payload(dst []byte, number int, invalid bool) []byte {
	currency := "EUR"
	if invalid {
		currency = "euro"
	}
	identity, customer := m.identity(number), number%benchCustomers
	dst = append(dst, `<o:SubmitOrder xmlns:o="urn:gatehouse:samples:orders:1"><o:Header><o:MessageId>`...)
	dst = append(dst, identity...)
	dst = append(dst, `</o:MessageId><o:SentAt>2026-03-02T09:30:00.250Z</o:SentAt><o:Sender>gatehouse bench</o:Sender></o:Header><o:Order revision="1"><o:OrderNumber>`...)
	dst = append(dst, identity...)
	dst = append(dst, `</o:OrderNumber><o:Status>SUBMITTED</o:Status><o:OrderedAt>2026-03-02T11:29:00+02:00</o:OrderedAt><o:RequestedDelivery>2026-03-16</o:RequestedDelivery><o:Currency>`...)
	dst = append(dst, currency...)
	dst = append(dst, `</o:Currency>`...)
	dst = fmt.Appendf(dst, `<o:Customer number="`+customerFormat+`"><o:Name>Customer %[1]d &amp; Sons</o:Name><o:Country>FI</o:Country><o:Email>orders@c%[1]d.example</o:Email></o:Customer>`, customer)
	dst = append(dst, `<o:Note>Deliver to gate `...)
	dst = strconv.AppendInt(dst, int64(number%7), 10)
	dst = append(dst, ` &amp; ring twice.</o:Note><o:Lines>`...)
	for line := range m.linesOf(number) {
		dst = appendLine(dst, number, line+1)
	}
	return append(dst, `</o:Lines></o:Order></o:SubmitOrder>`...)
}

func appendLine(dst []byte, number, line int) []byte {
	article := benchArticles[(number+line)%len(benchArticles)]
	dst = append(dst, `<o:Line no="`...)
	dst = strconv.AppendInt(dst, int64(line), 10)
	dst = append(dst, `"><o:Sku>`...)
	dst = append(dst, article.sku...)
	dst = append(dst, `</o:Sku><o:Description>Position `...)
	dst = strconv.AppendInt(dst, int64(line), 10)
	dst = append(dst, ` × `...)
	dst = append(dst, article.sku...)
	dst = append(dst, `</o:Description><o:Quantity>`...)
	dst = strconv.AppendInt(dst, int64(1+(number*7+line*13)%1000), 10)
	dst = append(dst, `.5</o:Quantity><o:Unit>`...)
	dst = append(dst, article.unit...)
	dst = append(dst, `</o:Unit><o:UnitPrice>`...)
	dst = append(dst, article.price...)
	dst = append(dst, `</o:UnitPrice>`...)
	for feature := range featuresOf(line) {
		dst = append(dst, `<o:Feature name="feature `...)
		dst = strconv.AppendInt(dst, int64(feature+1), 10)
		dst = append(dst, `">value `...)
		dst = strconv.AppendInt(dst, int64((number+feature)%97), 10)
		dst = append(dst, `</o:Feature>`...)
	}
	return append(dst, `</o:Line>`...)
}

// checks counts orders, lines and features by the order's number.
func (m *orderMessages) checks() []tableCheck {
	number := func(n int) any { return m.identity(n) }
	return []tableCheck{
		{name: "sales.sales_order", query: `SELECT order_no, count(*) FROM {sales.sales_order} WHERE order_no IN (?) GROUP BY order_no`,
			key: number, want: func(int) int { return 1 }},
		{name: "sales.order_line", query: `SELECT o.order_no, count(*) FROM {sales.sales_order} o JOIN {sales.order_line} l ON l.order_id = o.id WHERE o.order_no IN (?) GROUP BY o.order_no`,
			key: number, want: m.linesOf},
		{name: "sales.order_line_feature", query: `SELECT o.order_no, count(*) FROM {sales.sales_order} o JOIN {sales.order_line} l ON l.order_id = o.id
			JOIN {sales.order_line_feature} f ON f.line_id = l.id WHERE o.order_no IN (?) GROUP BY o.order_no`,
			key: number, want: m.featuresIn},
	}
}

// deliveries: each order is announced once.
func (m *orderMessages) deliveries() int { return 1 }

func (m *orderMessages) action() string { return "" } // the Body tells

func (m *orderMessages) describe() string {
	return fmt.Sprintf("orders with %s on average", plural.Of(m.lines, "line", "lines"))
}
