package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

const mediaJSON = "application/json"

// post takes one message to its reply.
func (x *Exchange) post(e *gateway.Entrance) error {
	x.Ways = e.Ways
	if err := x.Accepts(mediaJSON); err != nil {
		return err
	}
	if err := x.sends(mediaJSON); err != nil {
		return err
	}
	key, err := idempotencyKey(x.R.Header)
	if err != nil {
		return err
	}
	if err := x.accept(e, key); err != nil {
		return err
	}
	return x.reply()
}

// accept reads the body and hands it to the core. Places are given back before
// the reply is written: a slow reader holds none.
func (x *Exchange) accept(e *gateway.Entrance, key string) error {
	shown, err := x.Shown()
	if err != nil {
		return err
	}
	in := x.Intake()
	defer in.Release()
	body, err := in.Read(x.W, x.R)
	if err != nil {
		return err
	}
	x.Arrived()
	leave, err := x.Enter(x.R.Context(), x.Peer, len(body))
	defer leave()
	if err != nil {
		return err
	}
	x.receipt, err = x.handler.core.Accept(x.R.Context(), &gateway.Arrival{
		Endpoint:    e.Endpoint,
		Format:      gateway.JSON,
		Waits:       true,
		Body:        body,
		Basic:       shown.Basic,
		Bearer:      shown.Bearer,
		Certificate: shown.Certificate,
		Remote:      x.Peer.Remote,
		TraceParent: httpdoor.TraceParent(x.R.Header),
		MessageID:   key,
	})
	if x.receipt.Ways != nil {
		x.Ways = x.receipt.Ways
	}
	return err
}

// kept is the answer to a message that has no reply.
type kept struct {
	Message gateway.ID `json:"message"` // as the ledger has it
	Outcome string     `json:"outcome"`
}

// reply answers with the twin of the reply or, where there is none, with what
// became of the message.
func (x *Exchange) reply() error {
	r := x.receipt
	answer, err := r.Answer()
	if err != nil {
		x.handler.log.ErrorContext(x.R.Context(), "reply not told in JSON", "endpoint", x.Endpoint, "message", r.MessageID, "error", err)
		return fault.New(fault.CodeReplyContract, "the message is %s, and its reply has no JSON twin", r.Status)
	}
	x.W.Header().Set(httpdoor.HeaderMessageID, r.MessageID.String())
	if r.Status == gateway.Duplicate {
		x.W.Header().Set(httpdoor.HeaderDuplicate, "true")
	}
	if answer.Body == nil {
		if answer.Body, err = json.Marshal(kept{r.MessageID, r.Status.String()}); err != nil {
			return err
		}
	}
	x.Answer(http.StatusOK, mediaJSON, append(answer.Body, '\n'))
	return nil
}

// Accepts refuses a request that wants no answer of the media type (RFC 9110
// §12.5.1). A problem document is sent to whoever accepts what.
func (x *Exchange) Accepts(mediaType string) error {
	ranges := strings.Join(x.R.Header.Values("Accept"), ",")
	if strings.Trim(ranges, " \t,") == "" {
		return nil
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	best, specific := false, -1
	for one := range strings.SplitSeq(ranges, ",") {
		name, parameters, _ := strings.Cut(one, ";")
		level := slices.Index([]string{"*/*", kind + "/*", mediaType}, strings.ToLower(httpdoor.TrimBlanks(name)))
		if level > specific {
			best, specific = !refused(parameters), level
		}
	}
	if best {
		return nil
	}
	return fault.New(fault.CodeNotAcceptable, "the answer is %s, and the request accepts %q", mediaType, httpdoor.Clip(ranges))
}

// refused reports whether the weight of a media range is zero.
func refused(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(httpdoor.TrimBlanks(name), "q") {
			value = httpdoor.TrimBlanks(value)
			return strings.Trim(value, "0.") == "" && strings.HasPrefix(value, "0")
		}
	}
	return false
}

// sends refuses a body of another type. Types that a browser sends across sites
// without asking first (text/plain, forms, none) are among them.
func (x *Exchange) sends(mediaType string) error {
	values := x.R.Header.Values("Content-Type")
	if len(values) != 1 {
		return fault.New(fault.CodeMediaType, "one Content-Type is needed: %s", mediaType)
	}
	m, ok := httpdoor.ParseMediaType(values[0])
	switch {
	case !ok:
		return fault.New(fault.CodeMediaType, "the Content-Type %q is malformed", httpdoor.Clip(values[0]))
	case m.Essence != mediaType:
		return fault.New(fault.CodeMediaType, "the Content-Type %q is not taken here; send %s", httpdoor.Clip(m.Essence), mediaType)
	case m.Charset != "" && !strings.EqualFold(m.Charset, "utf-8"):
		return fault.New(fault.CodeMediaType, "JSON is UTF-8 here, and the Content-Type says %q", httpdoor.Clip(m.Charset))
	}
	return nil
}
