package soap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// Server serves one listener over HTTP/1 and, with TLS, HTTP/2.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
	farewell *farewell
	unread   *unread
	log      *slog.Logger
}

// Listen opens the TCP address that a Server is to serve, so that a taken port
// is known before anything starts.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // farewell's filter does not go with it
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	return l, nil
}

// NewServer returns a server of handler on listener, which it closes when Run
// ends. Without a TLS configuration it speaks plain HTTP.
func NewServer(c Config, listener net.Listener, secure *tls.Config, handler http.Handler, log *slog.Logger) *Server {
	c = c.withDefaults()
	bye, unread := newFarewell(c.Farewell), new(unread)
	return &Server{
		config:   c,
		listener: listener,
		farewell: bye,
		unread:   unread,
		log:      log,
		http: &http.Server{
			Handler:     unread.handler(bye.handler(handler)),
			ConnContext: unread.connected,
			ConnState: func(c net.Conn, state http.ConnState) {
				unread.note(c, state)
				bye.note(c, state)
			},
			TLSConfig:         secure,
			ReadHeaderTimeout: c.HeaderTimeout,
			IdleTimeout:       c.IdleTimeout,
			MaxHeaderBytes:    int(c.MaxHeaderBytes),
			// What goes wrong before a request is one, such as a failed TLS
			// handshake, is the caller's and nobody's to act on.
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// CountUnread has count called for each connection over HTTP/1 that ends with bytes
// which never became a request: headers that are too large (431) or too slow, that
// break off, or that are no HTTP. It is called before Run; count may be called by
// several goroutines at once.
func (s *Server) CountUnread(count func()) { s.unread.count = count }

// Address is where the server listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then lets callers go and waits for the requests in
// flight, for DrainTimeout at most; what is left then is cut off and reported
// as an error. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.serve() }()
	select {
	case err := <-served:
		return fmt.Errorf("serving %s: %w", s.Address(), err)
	case <-ctx.Done():
	}
	err := s.drain(context.WithoutCancel(ctx))
	<-served
	return err
}

func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

func (s *Server) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTimeout)
	defer cancel()
	if err := s.farewell.say(ctx, s.listener); err != nil {
		s.log.DebugContext(ctx, "connections that are being made may be reset", "error", err)
	}
	err := s.http.Shutdown(ctx)
	if err == nil {
		return nil
	}
	if closed := s.http.Close(); closed != nil {
		err = errors.Join(err, closed)
	}
	return fmt.Errorf("draining %s for %v: %w", s.Address(), s.config.DrainTimeout, err)
}
