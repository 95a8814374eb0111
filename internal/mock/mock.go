// Package mock stands in for the gateway's core where there is no directory and
// no database: it judges messages by their contract, with the faults that the
// core has, and answers what keeps it with a recorded reply or with a valid
// sample.
//
// It refuses to know who sent a message: credentials are never looked at. It
// keeps nothing; the same message has the same answer.
package mock

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// Core answers the messages of one contract. It is safe for concurrent use.
type Core struct {
	contract *contract.Contract
	examiner *gateway.Examiner
	makers   map[*contract.Service]*sample.Maker
	seed     uint64
	log      *slog.Logger

	mu    sync.Mutex // a recorded document serves one at a time
	pairs []*Pair
}

// New returns a core for a contract. Samples are full ones; with a seed that is
// not 0 they are random, by the seed and the message.
func New(c *contract.Contract, pairs []*Pair, seed uint64, log *slog.Logger) *Core {
	core := &Core{contract: c, examiner: gateway.NewExaminer(0), makers: map[*contract.Service]*sample.Maker{}, pairs: pairs, seed: seed, log: log}
	for _, s := range c.Services {
		core.makers[s] = sample.New(c, s)
	}
	return core
}

// Contracts returns the one contract.
func (c *Core) Contracts() []*contract.Contract { return []*contract.Contract{c.contract} }

// Security is none: nobody is authenticated here.
func (c *Core) Security(string) gateway.Security { return gateway.Security{} }

// Accept takes a message to its answer; see gateway.Gateway.Accept.
func (c *Core) Accept(ctx context.Context, a *gateway.Arrival) (*gateway.Receipt, error) {
	m, r, err := c.examiner.Examine(ctx, a)
	by := ""
	if err == nil {
		defer m.Release()
		r.MessageID = r.ID
		by, err = c.answer(a.Service, r, m.Payload())
	}
	c.tell(ctx, a, r, by, err)
	if err != nil {
		return r, fault.Of(err)
	}
	return r, nil
}

// answer fills in the reply and says where it comes from.
func (c *Core) answer(s *contract.Service, r *gateway.Receipt, payload document.Node) (by string, err error) {
	if p := c.pair(payload); p != nil {
		return "pair " + p.Name, p.answer(r)
	}
	if r.Operation.OneWay() {
		return "nothing: one-way", nil
	}
	o := sample.Options{Mode: sample.Full}
	if c.seed != 0 {
		o = sample.Options{Mode: sample.Random, Seed: c.seed ^ digest(payload)}
	}
	made, err := c.makers[s].Message(r.Operation, sample.Direction{Reply: true}, o)
	if err != nil {
		return "", fault.New(fault.CodeInternal, "there is no sample to answer with: %v", err)
	}
	r.Reply = made.Payload(sample.Form{SOAP12: r.Head.Version == envelope.V12})
	return "sample", nil
}

// pair returns the first recorded pair for a message, or nil.
func (c *Core) pair(payload document.Node) *Pair {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.pairs, func(p *Pair) bool { return p.matches(payload) })
	if i < 0 {
		return nil
	}
	return c.pairs[i]
}

// digest is a number that equal messages have in common.
func digest(payload document.Node) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(document.AppendCanonical(nil, payload)) // a hash takes everything
	return h.Sum64()
}

// tell writes the one line about a message's outcome.
func (c *Core) tell(ctx context.Context, a *gateway.Arrival, r *gateway.Receipt, by string, err error) {
	attrs := []any{"endpoint", a.Endpoint, "source", a.Remote}
	if r.Operation != nil {
		attrs = append(attrs, "operation", r.Operation.Name)
	}
	if err != nil && by == "" {
		c.log.InfoContext(ctx, "message refused", append(attrs, "code", string(fault.Of(err).Code), "reason", fault.Of(err).Error())...)
		return
	}
	c.log.InfoContext(ctx, "message answered", append(attrs, "with", by)...)
}
