package httpdoor

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Exchange is one request and its answer, as far as they are HTTP. It belongs to
// one goroutine.
type Exchange struct {
	*Door
	W    http.ResponseWriter
	R    *http.Request
	Peer Peer

	arrived  bool // the body, to its end
	answered bool // the status line may be on its way
}

// Begin starts an exchange, and with it the time that the body has to arrive.
func (d *Door) Begin(w http.ResponseWriter, r *http.Request) *Exchange {
	x := &Exchange{Door: d, W: w, R: r, Peer: d.addresses.of(r)}
	x.LimitArrival(d.config.BodyTimeout)
	return x
}

// LimitArrival bounds the arrival of the body, from now. Once a body has ended,
// net/http lifts the deadline and watches the connection for the caller's
// hang-up, as it does from the start when there is none.
//
// Deadlines of a connection are real time. A writer without them (a recorder
// in a test) has no slow senders either.
func (x *Exchange) LimitArrival(d time.Duration) {
	if x.unread() {
		_ = http.NewResponseController(x.W).SetReadDeadline(time.Now().Add(d))
	}
}

// unread reports whether there may be more of the body to come.
func (x *Exchange) unread() bool { return x.R.ContentLength != 0 && !x.arrived }

// Arrived says that the body has been read to its end.
func (x *Exchange) Arrived() { x.arrived = true }

// Answered reports whether the answer may be on its way: there can be no other.
func (x *Exchange) Answered() bool { return x.answered }

// Finish reads on in a body that nobody wants: for a moment, so that a sender
// which has all but finished sees the answer and not a reset. net/http does the
// same, but for connections that are kept only. A sender that waits for leave to
// begin (RFC 9110 §10.1.1) is not given it.
func (x *Exchange) Finish() {
	if !x.unread() || x.R.Header.Get("Expect") != "" {
		return
	}
	const moment, most = 2 * time.Second, 256 << 10
	x.LimitArrival(min(moment, x.config.BodyTimeout/2))
	_, _ = io.CopyN(io.Discard, x.R.Body, most) // however it ends, the answer follows
}

// Write sends status and body at once, in bounded time. It returns nothing: where
// it fails the caller is gone, and a stored message's reply waits for its repeat.
func (x *Exchange) Write(status int, body []byte) {
	x.answered = true
	header := x.W.Header()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	_ = http.NewResponseController(x.W).SetWriteDeadline(time.Now().Add(x.config.BodyTimeout))
	x.W.WriteHeader(status)
	_, _ = x.W.Write(body)
}

// Advise adds the headers that a fault's status demands. ways are those that the
// endpoint takes, nil while it is not known.
func (x *Exchange) Advise(status int, f *fault.Error, ways []gateway.WayIn) {
	header := x.W.Header()
	switch status {
	case http.StatusUnauthorized:
		header["Www-Authenticate"] = challenges(x.config.Realm, f, ways)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(seconds(f.RetryAfter, x.config.RetryAfter)))
	case http.StatusUnsupportedMediaType:
		header.Set("Accept-Encoding", "gzip, deflate") // RFC 9110 §15.5.16
	}
}

// seconds rounds up: nobody comes back before the time.
func seconds(wanted, otherwise time.Duration) int {
	if wanted <= 0 {
		wanted = otherwise
	}
	return int(math.Ceil(wanted.Seconds()))
}
