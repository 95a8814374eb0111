package operations

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// DefaultAddress is where the door is when nothing else is said.
const DefaultAddress = "127.0.0.1:8444"

// Server serves one listener over HTTP/1 and, with TLS, HTTP/2.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
}

// Listen opens the TCP address that a Server is to serve, so that a taken port
// is known before anything starts.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	return l, nil
}

// NewServer returns a server of handler on listener, which it closes when Run
// ends. Without a TLS configuration it speaks plain HTTP.
func NewServer(c Config, listener net.Listener, secure *tls.Config, handler http.Handler, log *slog.Logger) *Server {
	c = c.Effective()
	return &Server{
		config:   c,
		listener: listener,
		http: &http.Server{
			Handler:           handler,
			TLSConfig:         secure,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       bodyTimeout,
			WriteTimeout:      c.RequestTimeout + bodyTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeader,
			// What goes wrong before a request is one is nobody's to act on.
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// Address is where the server listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then stops accepting and waits for the requests in
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
	err := s.drain(context.WithoutCancel(ctx), s.config.DrainTimeout)
	<-served
	return err
}

func (s *Server) serve() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.listener, "", "")
	}
	return s.http.Serve(s.listener)
}

func (s *Server) drain(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return fmt.Errorf("draining %s for %v: %w", s.Address(), patience, errors.Join(err, s.http.Close()))
}
