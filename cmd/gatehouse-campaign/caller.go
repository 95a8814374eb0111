package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// caller is an ERP at the SOAP door: it repeats a call until it is answered. It
// makes one call at a time.
type caller struct {
	history   *history
	random    *rand.Rand
	client    *http.Client
	addresses []string // of the gateways; after a failure the next one is called
	at        int
	balanced  bool // calls go to any gateway, as a balancer spreads them
}

// newCaller returns a caller that keeps its connections or opens one for each
// call, as ERPs do both. It gives up on a connection long before it does on an
// answer: a gateway that is going lets none come about, and what is tried again
// ever more seldom can meet several gateways that go. Half of the callers keep to one
// gateway, and half have one call after the other go to any.
func (s *senders) newCaller(random *rand.Rand) *caller {
	timeout := s.settings.slow(15 * time.Second)
	if s.settings.freezes > 0 {
		timeout = s.settings.slow(5 * time.Second) // somebody else answers meanwhile
	}
	return &caller{
		history: s.history, random: random, addresses: s.addresses, at: random.IntN(len(s.addresses)), balanced: random.IntN(2) == 0,
		client: &http.Client{
			Timeout:   timeout,
			Transport: &http.Transport{DisableKeepAlives: random.IntN(2) == 0, DialContext: (&net.Dialer{Timeout: timeout / 5}).DialContext},
		},
	}
}

// call sends an order until it is answered for good. false: it was refused, or
// ctx ended.
func (c *caller) call(ctx context.Context, o order) bool {
	c.history.attempt(o)
	if c.balanced {
		c.at = c.random.IntN(len(c.addresses))
	}
	body, ok := c.insist(ctx, o, "/soap/orders/OrderService", erp, o.xml())
	if ok {
		c.history.reply(o.Identity, reply{form: "soap", body: body})
	}
	return ok
}

// supply makes the product of a late order known.
func (c *caller) supply(ctx context.Context, o order) {
	c.insist(ctx, o, "/soap/customers/ProductService", hub, o.product())
}

// insist sends a message until it is answered for good, and returns the answer;
// false: it was refused, or ctx ended.
func (c *caller) insist(ctx context.Context, o order, path, login, payload string) (string, bool) {
	for ctx.Err() == nil {
		status, body, err := c.once(ctx, path, login, payload)
		switch {
		case err == nil && status == http.StatusOK:
			return body, true
		case err == nil && status != http.StatusServiceUnavailable:
			c.history.refuse(o, fmt.Sprintf("HTTP %d %s", status, body))
			return "", false
		case err != nil && ctx.Err() == nil && !refused(err):
			c.history.cut(o, err)
		}
		c.at = (c.at + 1) % len(c.addresses)
		pause(ctx, time.Duration(10+c.random.IntN(40))*time.Millisecond)
	}
	return "", false
}

func (c *caller) once(ctx context.Context, path, login, payload string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.addresses[c.at]+path, strings.NewReader(envelope(payload)))
	if err != nil {
		return 0, "", err
	}
	request.SetBasicAuth(login, passwordOf(login))
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	answer, err := c.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// refused reports whether no connection came about: nothing was promised and
// nothing was broken.
func refused(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// close gives the kept connections back.
func (c *caller) close() { c.client.CloseIdleConnections() }
