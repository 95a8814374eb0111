package soap

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// handshakes is how long connections that were being made when the door began to
// close are waited for.
const handshakes = 100 * time.Millisecond

// farewell lets callers go without breaking a request. A kept connection cannot
// simply be closed: the next request may be on its way, and would be met by a
// reset (RFC 9112 §9.6). Neither can the listener: connections that callers
// believe to have would be reset with it.
//
// So no new connections come about, where the system can do that; every answer
// says that its connection ends with it; and who has a connection gets a moment
// to use it.
type farewell struct {
	begun atomic.Bool
	open  atomic.Int64
	left  chan struct{} // told when a connection has ended
	most  time.Duration
}

func newFarewell(most time.Duration) *farewell {
	return &farewell{left: make(chan struct{}, 1), most: most}
}

// handler marks the answers.
func (f *farewell) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.begun.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// note counts connections; it is the server's ConnState.
func (f *farewell) note(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		f.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		f.open.Add(-1)
		select {
		case f.left <- struct{}{}:
		default:
		}
	}
}

// say returns when every connection has ended, the moment has passed, or ctx
// ended. An error says that new connections went on to be made.
func (f *farewell) say(ctx context.Context, listener net.Listener) error {
	err := stopHandshakes(listener)
	f.begun.Store(true)
	pending, last := time.NewTimer(min(handshakes, f.most)), time.NewTimer(f.most)
	defer pending.Stop()
	defer last.Stop()
	select {
	case <-pending.C:
	case <-ctx.Done():
	}
	for f.open.Load() > 0 && ctx.Err() == nil {
		select {
		case <-f.left:
		case <-last.C:
			return err
		case <-ctx.Done():
		}
	}
	return err
}
