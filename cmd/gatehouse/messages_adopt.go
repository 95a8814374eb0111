package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// adoptFlags say which messages of which queue.
type adoptFlags struct {
	remote remoteFlags
	wanted operations.Adoption
	asJSON bool
}

func newMessagesAdopt() *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt --queue NAME --route ROUTE",
		Short: "Park the messages of a dead-letter queue as messages of a route",
		Long: `Take messages off a dead-letter queue that the gateway does not consume, and park
them as messages of a route, each with the queue it died in and why. Who sent them is
found out as the route's own queue says. Each is acknowledged when it is committed;
one that was parked before under its message-id is not parked again.

The gateway does it, with its broker login, which has to read the queue. --dry-run only
looks, and gives everything back; for a quorum queue that counts as a delivery.`,
		Example: "  gatehouse messages adopt --queue dlq.orders --route submit-order --dry-run",
		Args:    usage(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.remote.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.wanted.Queue, "queue", "", "`name` of the dead-letter queue")
	flags.StringVar(&f.wanted.Route, "route", "", "`route` whose messages they are")
	flags.IntVar(&f.wanted.Limit, "limit", 100, "at most so many messages")
	flags.BoolVar(&f.wanted.DryRun, "dry-run", false, "only look")
	flags.StringVar(&f.wanted.Reason, "reason", "", "`text` for the log")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *adoptFlags) run(cmd *cobra.Command) error {
	limit := f.wanted.Limit
	if f.wanted.Queue == "" || f.wanted.Route == "" {
		return usageError{errors.New("--queue says which messages are taken, and --route whose they are; both are needed")}
	}
	if limit < 1 {
		return usageError{fmt.Errorf("--limit: %d is less than 1", limit)}
	}
	if f.wanted.DryRun && limit > operations.MaxAdopted {
		return usageError{fmt.Errorf("--limit: with --dry-run at most %d messages are looked at", operations.MaxAdopted)}
	}
	c, err := f.remote.client()
	if err != nil {
		return err
	}
	all := gateway.Adopted{Deaths: []gateway.Death{}}
	for all.Looked < limit {
		var part gateway.Adopted
		f.wanted.Limit = min(operations.MaxAdopted, limit-all.Looked)
		if err := c.send(cmd.Context(), "queues/adopt", f.wanted, &part); err != nil {
			return err
		}
		add(&all, &part)
		if f.wanted.DryRun || part.Looked < f.wanted.Limit {
			break
		}
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	return printAdopted(cmd.OutOrStdout(), &all, f.wanted.DryRun)
}

// add counts part of an adoption in.
func add(all, part *gateway.Adopted) {
	all.Looked += part.Looked
	all.Parked += part.Parked
	all.Known += part.Known
	all.Left = part.Left
	for _, d := range part.Deaths {
		for range d.Count {
			all.Note(d)
		}
	}
}

func printAdopted(out io.Writer, a *gateway.Adopted, looked bool) error {
	for _, d := range a.Deaths {
		fmt.Fprintf(out, "%d from %s: %s, routing key %s\n", d.Count, dash(d.Queue), dash(d.Reason), dash(d.RoutingKey))
	}
	if looked {
		_, err := fmt.Fprintf(out, "%d looked at, %d in the queue. Nothing was taken.\n", a.Looked, a.Left)
		return err
	}
	_, err := fmt.Fprintf(out, "%d parked, %d were parked before, %d left in the queue.\n", a.Parked, a.Known, a.Left)
	return err
}

// Adopt implements operations.Broker.
func (s *service) Adopt(ctx context.Context, a operations.Adoption) (*gateway.Adopted, error) {
	s.mu.Lock()
	assembly := s.assembly
	s.mu.Unlock()
	e, err := assembly.queueOf(a.Route)
	if err != nil {
		return nil, err
	}
	if _, own := queuesOf(assembly)[(amqp.Endpoint{Queue: a.Queue}).Name()]; own {
		return nil, fault.New(fault.CodeRequest, "the gateway consumes the queue %q itself", a.Queue)
	}
	return assembly.broker.Adopt(ctx, e, a.Queue, a.Limit, a.DryRun, coreOf{s.core})
}

// queueOf is the endpoint as whose messages a foreign queue's are taken: the
// route's own queue, which says who is believed to have sent them.
func (a *assembly) queueOf(route string) (amqp.Endpoint, error) {
	for i, r := range a.project.Routes {
		if r.Route != route || a.compiled.mappings[i] == nil {
			continue
		}
		for _, e := range r.From {
			if e.AMQP != nil {
				return *e.AMQP, nil
			}
		}
		return amqp.Endpoint{}, fault.New(fault.CodeRequest, "the route %s takes messages of no queue, so nothing says whose the messages of one would be", route)
	}
	return amqp.Endpoint{}, fault.New(fault.CodeRequest, "there is no route %q", route)
}
