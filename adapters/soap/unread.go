package soap

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// unread tells of connections over HTTP/1 that end with bytes which never became a
// request: headers that are too large or too slow, that break off, or that are no
// HTTP. net/http turns those away itself and calls no handler. A connection without a
// byte, as a load balancer opens to look, is none of them, nor is a TLS handshake that
// fails, nor what breaks off behind a request when it came in one piece with its end:
// net/http takes such a connection for one that is idle.
type unread struct {
	count func()   // nil: for nobody
	conns sync.Map // net.Conn: *atomic.Bool, whether bytes came that no handler has seen
}

type unreadKey struct{}

// connected is the server's ConnContext.
func (u *unread) connected(ctx context.Context, c net.Conn) context.Context {
	bytes := new(atomic.Bool)
	u.conns.Store(c, bytes)
	return context.WithValue(ctx, unreadKey{}, bytes)
}

// handler sees what is a request.
func (u *unread) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bytes, ok := r.Context().Value(unreadKey{}).(*atomic.Bool); ok {
			bytes.Store(false)
		}
		next.ServeHTTP(w, r)
	})
}

// note takes the server's ConnState. A connection is active when a request was read,
// whether it is one or not.
func (u *unread) note(c net.Conn, state http.ConnState) {
	known, ok := u.conns.Load(c)
	if !ok {
		return
	}
	bytes := known.(*atomic.Bool)
	switch state {
	case http.StateActive:
		bytes.Store(true)
	case http.StateIdle: // HTTP/2 is, before its first request
		bytes.Store(false)
	case http.StateClosed, http.StateHijacked:
		u.conns.Delete(c)
		if bytes.Load() && u.count != nil {
			u.count()
		}
	}
}
