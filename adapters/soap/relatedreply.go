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

// part is one of an answer in several.
type part struct {
	kind, id string // the Content-ID without its angle brackets
	octets   []byte
}

// writeRelated sends an envelope as MTOM (SOAP MTOM §3; RFC 2387): the root first,
// the octets as they are.
func (x *exchange) writeRelated(status int, root []byte, beside []contract.Octets) {
	kind := x.version.MediaType()
	parts := []part{{typeXOP + `; charset=utf-8; type="` + kind + `"`, "root@gatehouse", root}}
	for _, o := range beside {
		parts = append(parts, part{"application/octet-stream", o.ContentID, o.Octets})
	}
	x.W.Header().Add("Vary", "Accept")
	x.writeParts(status, typeXOP, `; start-info="`+kind+`"`, parts)
}

// writeParts sends an answer in parts, the first of which is its root, of the given
// type. Start and type are quoted, as RFC 2387 wants them.
func (x *exchange) writeParts(status int, kind, parameters string, parts []part) {
	boundary := "gatehouse-" + x.reference().String() // 46 of 70 characters; ids are not guessed from outside before
	size := 512
	for _, p := range parts {
		size += len(p.octets) + 256
	}
	body := make([]byte, 0, size)
	for _, p := range parts {
		body = append(body, "--"+boundary+"\r\nContent-Type: "+p.kind+"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <"+p.id+">\r\n\r\n"...)
		body = append(append(body, p.octets...), "\r\n"...)
	}
	body = append(body, "--"+boundary+"--\r\n"...)
	x.W.Header().Set("Content-Type", typeRelated+`; type="`+kind+`"; start="<`+parts[0].id+`>"`+parameters+`; boundary="`+boundary+`"`)
	x.Write(status, body)
}
