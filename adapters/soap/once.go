package soap

import (
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// once is what a sender's address says about exactly once, in order.
type once struct{ id, queue string }

// maxOnce is the longest of its values, in bytes: where one is an identity or an
// ordering key, the ledger compares no more.
const maxOnce = 400

// exactlyOnce reads the parameters that SAP adds to the address of a service:
// MessageId, which stays the same when a message is sent again, and QueueId, in
// whose order messages are to be processed. Parameters that contradict each other
// are refused.
func exactlyOnce(u *url.URL) (o once, err error) {
	if u.RawQuery == "" {
		return o, nil
	}
	for name, values := range u.Query() {
		var into *string
		switch strings.ToLower(name) {
		case "messageid":
			into = &o.id
		case "queueid":
			into = &o.queue
		default:
			continue
		}
		for _, value := range values {
			value = strings.TrimSpace(value)
			if *into != "" && *into != value || len(value) > maxOnce || httpdoor.HasControl(value) || strings.Contains(value, "\t") {
				return o, fault.New(fault.CodeHTTP, "the parameter %s of the address is given twice, too long, or holds a control character", httpdoor.Clip(name))
			}
			*into = value
		}
	}
	return o, nil
}
