package outbound

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The headers that tell a partner what a delivery is. What is not printable ASCII
// in them is percent-encoded.
const (
	headerMessage     = "Gateway-Message-Id" // the message in the ledger that caused it
	headerEvent       = "Gateway-Event"
	headerRoutingKey  = "Gateway-Routing-Key"
	headerKey         = "Gateway-Ordering-Key"
	headerShard       = "Gateway-Shard"
	headerSequence    = "Gateway-Sequence"
	headerCorrelation = "Gateway-Correlation-Id"
	headerTrace       = "Traceparent" // W3C Trace Context
)

// setDelivery writes the headers of a delivery.
func setDelivery(h http.Header, d *gateway.Delivery) {
	for name, value := range map[string]string{
		headerEvent: d.Type, headerRoutingKey: d.RoutingKey, headerKey: d.OrderingKey, headerCorrelation: d.Correlation, headerTrace: d.TraceParent,
	} {
		if value != "" {
			h.Set(name, percentEncoded(value))
		}
	}
	h.Set(headerMessage, d.MessageID.String())
	h.Set(headerShard, strconv.Itoa(d.Shard))
	h.Set(headerSequence, strconv.FormatInt(d.Seq, 10))
}

// percentEncoded leaves printable ASCII but the percent sign as it is, and blanks
// inside.
func percentEncoded(s string) string {
	const hexDigits = "0123456789ABCDEF"
	plain := func(i int) bool {
		c := s[i]
		return c > ' ' && c < 0x7f && c != '%' || c == ' ' && i > 0 && i < len(s)-1
	}
	var b strings.Builder
	for i := range len(s) {
		if plain(i) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[s[i]>>4])
		b.WriteByte(hexDigits[s[i]&15])
	}
	return b.String()
}

// own are the headers that are the gateway's or HTTP's to write.
var own = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Expect", "Content-Type", "Soapaction",
	headerMessage, headerEvent, headerRoutingKey, headerKey, headerShard, headerSequence, headerCorrelation, headerTrace}

// validHeader judges a configured header; key is where it stands.
func validHeader(key, name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case name == "" || strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return fmt.Errorf("%s: %q is not the name of a header", key, name)
	case slices.Contains(own, canonical):
		return fmt.Errorf("%s: %s is the gateway's to write", key, canonical)
	case canonical == "Authorization" || canonical == "Cookie" || canonical == "Proxy-Authorization":
		return fmt.Errorf("%s: %s belongs under auth", key, canonical)
	case !printable(value):
		return fmt.Errorf("%s: the value of %s holds a control character", key, canonical)
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
