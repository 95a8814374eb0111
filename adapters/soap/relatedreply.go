package soap

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// leastOctets is from where on a value goes beside the envelope: below it the
// headers of a part cost more than base64 does.
const leastOctets = 1 << 10

// takesXOP reports whether the caller reads MTOM: it sent some, or says so.
func (x *exchange) takesXOP() bool {
	accept := strings.ToLower(strings.Join(x.R.Header.Values("Accept"), ","))
	return x.optimised || strings.Contains(accept, typeXOP)
}

// replyContentID names the n-th attachment of a reply, in characters that need no
// escape in a URL.
func replyContentID(id gateway.ID, n int) string {
	return strconv.Itoa(n+1) + "." + id.String() + "@gatehouse"
}

// writeRelated sends an envelope as MTOM (SOAP MTOM §3; RFC 2387): the root first,
// the octets as they are. Start and type are quoted, as RFC 2387 wants them.
func (x *exchange) writeRelated(status int, root []byte, beside []contract.Octets) {
	boundary := "gatehouse-" + x.reference().String() // 46 of 70 characters; ids are not guessed from outside before
	const start = "<root@gatehouse>"
	kind := x.version.MediaType()
	size := len(root) + 512
	for _, o := range beside {
		size += len(o.Octets) + 256
	}
	body := make([]byte, 0, size)
	part := func(kind, id string, octets []byte) {
		body = append(body, "--"+boundary+"\r\nContent-Type: "+kind+"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: "+id+"\r\n\r\n"...)
		body = append(append(body, octets...), "\r\n"...)
	}
	part(typeXOP+`; charset=utf-8; type="`+kind+`"`, start, root)
	for _, o := range beside {
		part("application/octet-stream", "<"+o.ContentID+">", o.Octets)
	}
	body = append(body, "--"+boundary+"--\r\n"...)
	x.W.Header().Set("Content-Type", typeRelated+`; type="`+typeXOP+`"; start="`+start+`"; start-info="`+kind+`"; boundary="`+boundary+`"`)
	x.W.Header().Add("Vary", "Accept")
	x.Write(status, body)
}
