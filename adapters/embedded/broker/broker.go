// Package broker is a small AMQP 0-9-1 broker in memory, on loopback: for the
// demo and for tests only. It keeps nothing across a restart and knows nothing
// of clusters, streams, priorities or virtual hosts other than "/"; what must
// last is the outbox's.
//
// It has what the gateway meets on a RabbitMQ: direct, topic, fanout and
// headers exchanges and bindings between them, queues with arguments (time to
// live, length with drop-head or reject-publish, dead letters, delivery limit,
// single active consumer), direct reply-to, confirms, mandatory returns, prefetch, transactions,
// users, the check of the user-id property, and the errors in RabbitMQ's words.
// Its hooks let a test refuse, freeze, block and cut connections.
//
// One lock guards the whole broker: a demo needs no more.
package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Config says how a Broker listens. The zero Config listens on a free loopback
// port, without TLS, and lets anyone in.
type Config struct {
	// Address is host:port; empty means a free port of 127.0.0.1.
	Address string
	// TLS, when set, is spoken instead of plain TCP.
	TLS *tls.Config
	// Login judges a user name and password; nil lets anyone in. It is called
	// from many goroutines at once.
	Login func(username, password string) bool
	// Configure judges whether a user may declare a queue; nil lets everyone. It
	// is called under the broker's lock.
	Configure func(username, queue string) bool
	// MaxMessageSize is the largest body taken, in bytes; zero means 128 MiB,
	// as in RabbitMQ.
	MaxMessageSize uint64
}

// Users returns a Login for a fixed set of names and passwords.
func Users(passwords map[string]string) func(username, password string) bool {
	return func(username, password string) bool {
		want, known := passwords[username]
		return known && want == password
	}
}

// Broker is a running broker. Its methods are safe for concurrent use.
type Broker struct {
	config   Config
	listener net.Listener
	running  sync.WaitGroup

	mu        sync.Mutex
	changed   *sync.Cond // a hook was turned, or a connection ended
	sequence  uint64
	queues    map[string]*queue
	exchanges map[string]*exchange
	conns     map[*conn]struct{}
	replies   map[string]*channel // that take direct replies, by the name given to them
	refusing  bool
	frozen    bool
	holding   bool   // confirms are kept back
	alarm     string // why publishers are blocked; empty when they are not
}

// Listen starts a broker. Close ends it.
func Listen(config Config) (*Broker, error) {
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.MaxMessageSize == 0 {
		config.MaxMessageSize = 128 << 20
	}
	ln, err := net.Listen("tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{
		config: config, listener: ln,
		queues: map[string]*queue{}, exchanges: map[string]*exchange{}, conns: map[*conn]struct{}{},
		replies: map[string]*channel{},
	}
	b.changed = sync.NewCond(&b.mu)
	for _, kind := range []string{"direct", "fanout", "topic", "headers"} {
		b.exchanges["amq."+kind] = &exchange{name: "amq." + kind, kind: kind}
	}
	b.running.Go(b.accept)
	return b, nil
}

// Addr is where the broker listens, host:port.
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// URL is the address in AMQP's form, without credentials.
func (b *Broker) URL() string {
	if b.config.TLS != nil {
		return "amqps://" + b.Addr()
	}
	return "amqp://" + b.Addr()
}

// Close cuts every connection, forgets every message, and returns when all
// goroutines of the broker have ended.
func (b *Broker) Close() error {
	err := b.listener.Close()
	b.mu.Lock()
	b.refusing, b.frozen, b.alarm = true, false, ""
	b.cut()
	b.mu.Unlock()
	b.running.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.queues {
		q.purge()
	}
	return err
}

func (b *Broker) accept() {
	for {
		nc, err := b.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			b.open(nc)
		}
	}
}

func (b *Broker) open(nc net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refusing {
		nc.Close()
		return
	}
	if b.config.TLS != nil {
		nc = tls.Server(nc, b.config.TLS)
	}
	c := newConn(b, nc)
	b.conns[c] = struct{}{}
	b.running.Go(c.serve)
	b.running.Go(c.write)
}
