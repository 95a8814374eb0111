// Package httpdoor is what the doors for senders over HTTP share: who a caller
// is, what it shows to prove that, its body within limits of size, time and
// number, and how an answer is written.
//
// It refuses to know what a body is, and what an answer says.
package httpdoor

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// The headers that tell a caller, and whoever reads its log, what became of a
// message.
const (
	HeaderMessageID = "Gateway-Message-Id" // the stored message
	HeaderDuplicate = "Gateway-Duplicate"  // "true" when it was stored by an earlier request
	HeaderReference = "Gateway-Reference"  // what a fault is known by to the operator
	HeaderCode      = "Gateway-Code"       // of the fault, which not every form of a fault has a place for
)

// Config is what a Door goes by. There are no defaults here: every value is set.
type Config struct {
	PublicURL              string // without a trailing slash; empty: what requests say
	TrustedProxies         []netip.Prefix
	Realm                  string
	RequireTLSForPasswords *bool         // nil: but for callers on the loopback interface
	MaxBodyBytes           int64         // on the wire and decoded
	MaxConcurrent          int           // requests that are worked on at once
	MaxPerCaller           int           // of one address
	MaxLargeBodies         int           // of MaxBodyBytes, that are held at once
	BodyTimeout            time.Duration // for a body to arrive, and for an answer to leave
	RetryAfter             time.Duration // what callers turned away for load are told
}

// Door is what all requests of a listener share, whatever they speak: its limits
// bound them together. It is safe for concurrent use.
type Door struct {
	config    Config
	addresses addresses
	bodies    bodyReader
	working   places
	callers   *callers
	heavy     places // large bodies that the core has in hand
}

// New returns a Door with nobody at it.
func New(c Config) *Door {
	return &Door{
		config:    c,
		addresses: addresses{public: c.PublicURL, trusted: c.TrustedProxies},
		bodies:    bodyReader{max: c.MaxBodyBytes, timeout: c.BodyTimeout, large: &budget{most: int64(c.MaxLargeBodies) * (c.MaxBodyBytes + 1)}},
		working:   newPlaces(c.MaxConcurrent),
		callers:   newCallers(c.MaxPerCaller),
		heavy:     newPlaces(largeAtOnce),
	}
}

// Intake begins to take a body in. The caller releases it once nobody reads the
// body any more.
func (d *Door) Intake() *Intake { return d.bodies.intake() }

// Take takes one of the places for requests that are worked on; false when there
// is none. Who has taken it gives it back with Free.
func (d *Door) Take() bool { return d.working.take() }

// Free gives a place back.
func (d *Door) Free() { d.working.free() }

// Enter takes the places that a message of size bytes needs while the core has it:
// among all, among those of its caller, and, where it is large, among the large
// ones, for which it waits. leave gives them back and is never nil. The error is
// fault.CodeBusy.
func (d *Door) Enter(ctx context.Context, p Peer, size int) (leave func(), err error) {
	var taken []func()
	leave = func() {
		for _, free := range taken {
			free()
		}
	}
	if !d.working.take() {
		return leave, fault.New(fault.CodeBusy, "")
	}
	taken = append(taken, d.working.free)
	caller := callerOf(p.Remote)
	if !d.callers.take(caller) {
		return leave, fault.New(fault.CodeBusy, "too many requests of this caller are worked on; try again later")
	}
	taken = append(taken, func() { d.callers.free(caller) })
	if size <= SmallBody {
		return leave, nil
	}
	if !d.heavy.wait(ctx) {
		return leave, fault.New(fault.CodeBusy, "")
	}
	taken = append(taken, d.heavy.free)
	return leave, nil
}

// TraceParent returns the traceparent header when it is valid, and else nothing:
// a foreign id is never repaired.
func TraceParent(h http.Header) string {
	if v := h.Get("Traceparent"); envelope.IsTraceParent(v) {
		return v
	}
	return ""
}
