package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// partner takes some of the orders over HTTP. Now and then it takes one without a
// word, or does not take it.
type partner struct {
	history *history
	server  *http.Server
	address string

	mu     sync.Mutex
	random *rand.Rand
}

// toPartner reports whether the partner is told of an order; the mapping says the
// same.
func (o order) toPartner() bool { return o.Revision%3 == 0 }

// startPartner has a partner listen on loopback.
func startPartner(h *history, random *rand.Rand) (*partner, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &partner{history: h, address: listener.Addr().String(), random: random}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(listener) // ends with close
	return p, nil
}

// ServeHTTP takes one delivery, or has a bad moment.
func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway has gone
	}
	o, err := orderOf(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	mood := p.random.Float64()
	p.mu.Unlock()
	if mood < 0.02 {
		http.Error(w, "not now", http.StatusInternalServerError)
		return
	}
	p.history.call(arrival{MessageID: r.Header.Get("Idempotency-Key"), order: o})
	if mood < 0.04 {
		panic(http.ErrAbortHandler) // taken, and nobody hears it
	}
}

func (p *partner) close() error {
	if p == nil {
		return nil
	}
	if err := p.server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
