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

// update makes the queues of an assembly the ones that are consumed. Those whose
// settings did not change go on; others finish what they have in hand before
// anybody else takes their queue. It is not called concurrently.
func (c *consumers) update(a *assembly) {
	wanted := map[string]amqp.Endpoint{}
	for i, r := range a.project.Routes {
		for _, e := range r.From {
			if e.AMQP != nil && a.compiled.mappings[i] != nil {
				wanted[e.name()] = *e.AMQP
			}
		}
	}
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
	running := c.current()
	for name, endpoint := range wanted {
		if running[name] == nil {
			c.set(name, c.begin(a.broker, endpoint))
		}
	}
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

func (c *consumers) begin(broker *amqp.Client, e amqp.Endpoint) *consuming {
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
