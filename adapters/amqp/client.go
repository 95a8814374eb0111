package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	driver "github.com/rabbitmq/amqp091-go"
)

const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// Clock is where waits take their time from. Deadlines on sockets are the
// kernel's and always in real time.
type Clock interface {
	Now() time.Time
	// After sends once when d has passed.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the real time.
type SystemClock struct{}

// Now returns the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After is time.After.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Client opens connections to one broker, or to one of a cluster's. It holds
// none itself. It is safe for concurrent use.
type Client struct {
	config  Config
	tls     *tls.Config
	log     *slog.Logger
	clock   Clock
	metrics *Metrics

	failed atomic.Int64  // rounds over all URLs that found nobody
	turn   chan struct{} // held while connecting; guards what follows
	next   int           // which URL to try
	streak int           // failed rounds in a row
	until  time.Time     // not before this
	last   error         // what the last failed round found
}

// New makes a client of a valid configuration. It connects to nothing. With nil
// metrics it counts for nobody.
func New(config Config, log *slog.Logger, clock Clock, metrics *Metrics) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	conf, err := config.TLS.Load()
	if err != nil {
		return nil, err
	}
	if metrics == nil {
		metrics = NewMetrics(nil)
	}
	return &Client{config: config.withDefaults(), tls: conf, log: log, clock: clock, metrics: metrics, turn: make(chan struct{}, 1)}, nil
}

// connect tries every URL once, after the back-off that earlier failures have
// earned. Callers take turns; who waited while another one failed is told the
// same instead of trying again.
func (c *Client) connect(ctx context.Context, name string) (*connection, error) {
	before := c.failed.Load()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.failed.Load() != before {
		return nil, c.last
	}
	if err := c.pause(ctx); err != nil {
		return nil, err
	}
	return c.round(ctx, name)
}

func (c *Client) pause(ctx context.Context) error {
	wait := c.until.Sub(c.clock.Now())
	if c.streak == 0 || wait <= 0 {
		return nil
	}
	select {
	case <-c.clock.After(wait):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting to try again after: %w", context.Cause(ctx), c.last)
	}
}

func (c *Client) round(ctx context.Context, name string) (*connection, error) {
	var faults []error
	for range c.config.URLs {
		url := c.config.URLs[c.next%len(c.config.URLs)]
		conn, err := c.dial(ctx, url, name)
		if err == nil {
			c.streak = 0
			return conn, nil
		}
		faults = append(faults, fmt.Errorf("%s: %w", url, err))
		if ctx.Err() != nil {
			return nil, errors.Join(faults...) // given up by the caller: no verdict on the others
		}
		c.next++
	}
	c.last = errors.Join(faults...)
	c.until = c.clock.Now().Add(backoff(c.streak))
	c.streak++
	c.failed.Add(1)
	return nil, c.last
}

// backoff doubles with every failure and takes a random half of it, so that
// many gateways do not return at once.
func backoff(streak int) time.Duration {
	d := maxBackoff
	if streak < 10 {
		d = min(maxBackoff, minBackoff<<streak)
	}
	return d/2 + rand.N(d/2+1)
}

// attach connects and lets setup use the connection, within the time for
// connecting; the end of ctx interrupts both.
func (c *Client) attach(ctx context.Context, name string, setup func(*connection) error) (*connection, error) {
	conn, err := c.connect(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := c.within(ctx, conn, func() error { return setup(conn) }); err != nil {
		conn.hangUp()
		return nil, err
	}
	return conn, nil
}

// within has do use the connection, within the time for connecting, whose end
// ends the connection, as that of ctx does. The library waits for an answer as
// long as the connection lives, and a broker's heartbeats keep one alive of which
// a queue, or its channel, never answers.
func (c *Client) within(ctx context.Context, conn *connection, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.ConnectTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, conn.link.abort)
	err := do()
	if stop() {
		return err
	}
	cause := context.Cause(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return cause
}

// connection is a connection of the library and the socket beneath it.
type connection struct {
	*driver.Connection
	link *link
}

// dial connects and logs in to one URL. The end of ctx interrupts it.
func (c *Client) dial(ctx context.Context, url, name string) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.ConnectTimeout)
	defer cancel()
	var l *link
	stop := func() bool { return true }
	conn, err := driver.DialConfig(url, driver.Config{
		SASL:            c.login(),
		TLSClientConfig: c.tls.Clone(), // the library writes into it
		Heartbeat:       c.config.Heartbeat,
		Properties:      driver.Table{"product": "gatehouse", "connection_name": name},
		Dial: func(network, address string) (net.Conn, error) {
			var err error
			if l, err = dialLink(ctx, network, address, c.config.ConfirmTimeout); err != nil {
				return nil, err
			}
			stop = context.AfterFunc(ctx, l.abort)
			return l, nil
		},
	})
	if stop() && err == nil {
		return &connection{conn, l}, nil
	}
	if l != nil {
		l.abort() // the library leaves it open when the handshake fails
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, fmt.Errorf("%w: %w", cause, err)
	}
	return nil, c.explain(err)
}

func (c *Client) login() []driver.Authentication {
	if c.config.Username == "" {
		return []driver.Authentication{&driver.ExternalAuth{}}
	}
	return []driver.Authentication{&driver.PlainAuth{Username: c.config.Username, Password: c.config.Password.Reveal()}}
}

// explain rewords a refused login. The library reports the same for a broker
// that hangs up during login, as RabbitMQ does over a wrong password.
func (c *Client) explain(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	switch {
	case !ok || e.Code != driver.AccessRefused:
		return err
	case e.Server:
		return fmt.Errorf("the broker refuses the login of user %q: %s", c.config.Username, e.Reason)
	}
	return fmt.Errorf("the broker hung up during the login of user %q: user name or password are wrong, or the link was cut", c.config.Username)
}

// hangUp closes a connection politely, or abruptly when that takes longer than
// a second.
func (c *connection) hangUp() {
	timer := time.AfterFunc(time.Second, c.link.abort)
	defer timer.Stop()
	// The connection is gone either way.
	_ = c.Close()
}
