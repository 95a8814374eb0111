package soap

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse/internal/envelope"
)

// replyExchange answers a message of SAP's XI protocol: with the receipt that it
// is kept, or with an answer whose payload is a part beside the envelope. Repeats
// get what the first one got.
func (x *exchange) replyExchange(e *envelope.Exchange) error {
	r := x.receipt
	if e.Asynchronous {
		body, err := x.signed(e.AppendReceipt(nil, r.ID.String(), time.Now()))
		if err != nil {
			return err
		}
		x.writeEnvelope(http.StatusOK, body)
		return nil
	}
	payload, err := r.Payload()
	if err != nil {
		return err
	}
	id := "payload-" + r.ID.String() + "@gatehouse"
	root := e.AppendResponse(nil, r.ID.String(), time.Now(), id)
	kind := envelope.V11.MediaType() + "; charset=utf-8"
	x.writeParts(http.StatusOK, envelope.V11.MediaType(), "", []part{{kind, "soap-" + r.ID.String() + "@gatehouse", root}, {"application/xml; charset=utf-8", id, payload}})
	return nil
}
