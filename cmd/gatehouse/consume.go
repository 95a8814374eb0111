package main

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"sync"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// coreOf is the gateway as consumers see it.
type coreOf struct{ *gateway.Gateway }

// Prepare implements amqp.Core.
func (c coreOf) Prepare(ctx context.Context, a *gateway.Arrival) amqp.Ticket {
	return c.Gateway.Prepare(ctx, a)
}

// consumers are the queues that are consumed now.
type consumers struct {
	core coreOf
	log  *slog.Logger

	ctx context.Context // ends when the process is told to stop

	mu      sync.Mutex // guards running against whoever asks how it fares
	running map[string]*consuming
}

// consuming is one queue.
type consuming struct {
	*amqp.Consumer
	broker   *amqp.Client
	endpoint amqp.Endpoint
	stop     context.CancelFunc
	ended    chan struct{}
}

// end has the queues given up that an assembly does not consume, or not in the
// same way: what is in hand is finished first, on the configuration it came
// under. Neither end nor begin is called concurrently.
func (c *consumers) end(a *assembly) {
	wanted := queuesOf(a)
	var ending []*consuming
	for name, one := range c.current() {
		endpoint, stays := wanted[name]
		if !stays || one.broker != a.broker || !reflect.DeepEqual(one.endpoint, endpoint) {
			one.stop()
			ending = append(ending, one)
		}
	}
	for _, one := range ending {
		<-one.ended
		c.set(one.endpoint.Name(), nil)
	}
}

// begin has the queues of an assembly consumed that are not yet.
func (c *consumers) begin(a *assembly) {
	running := c.current()
	for name, endpoint := range queuesOf(a) {
		if running[name] == nil {
			c.set(name, c.start(a.broker, endpoint))
		}
	}
}

// queuesOf lists the queues that an assembly consumes, by the endpoint's name.
func queuesOf(a *assembly) map[string]amqp.Endpoint {
	queues := map[string]amqp.Endpoint{}
	for i, r := range a.project.Routes {
		for _, e := range r.From {
			if e.AMQP != nil && a.compiled.mappings[i] != nil {
				queues[e.name()] = *e.AMQP
			}
		}
	}
	return queues
}

// current is what runs now.
func (c *consumers) current() map[string]*consuming {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.running)
}

func (c *consumers) set(name string, one *consuming) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one == nil {
		delete(c.running, name)
		return
	}
	c.running[name] = one
}

func (c *consumers) start(broker *amqp.Client, e amqp.Endpoint) *consuming {
	ctx, stop := context.WithCancel(c.ctx)
	one := &consuming{Consumer: broker.Consumer(e, c.core), broker: broker, endpoint: e, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(one.ended)
		if err := one.Run(ctx); err != nil {
			c.log.ErrorContext(ctx, "consumer ended", "endpoint", e.Name(), "error", err)
		}
	}()
	return one
}

// states tells how each queue fares.
func (c *consumers) states() map[string]amqp.State {
	out := map[string]amqp.State{}
	if c == nil {
		return out
	}
	for name, one := range c.current() {
		out[name] = one.State()
	}
	return out
}

// wait returns when every consumer has ended, after their context has.
func (c *consumers) wait() {
	for _, one := range c.current() {
		<-one.ended
		one.stop()
	}
}
