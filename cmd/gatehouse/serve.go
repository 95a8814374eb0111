package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// drainTimeout bounds the end of the process once it was told to stop.
const drainTimeout = 30 * time.Second

func newServe() *cobra.Command {
	var (
		file string
		logs logFlags
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway until it is told to stop (SIGTERM, SIGINT)",
		Long: `Run the gateway until it is told to stop.

It never changes the database's tables (see gatehouse migrate) and declares
nothing on the broker. A server that is away at start is no reason not to start:
messages are answered "unavailable, try again" until it is back.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logs.logger()
			if err != nil {
				return err
			}
			p, err := readProject(file)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), log, nil)
		},
	}
	configFlag(cmd, &file)
	logs.add(cmd)
	return cmd
}

// serve runs the gateway until ctx ends. ready, when not nil, is told the
// address of the public listener once it is open.
func (p *project) serve(ctx context.Context, log *slog.Logger, ready func(net.Addr)) (err error) {
	secure, err := p.Listen.Public.TLS.config()
	if err != nil {
		return err
	}
	r, err := p.assemble(ctx, log)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = errors.Join(err, r.close(closing))
	}()
	if err := r.bind(ctx); err != nil {
		return err
	}
	listener, err := soap.Listen(ctx, p.Listen.Public.Address)
	if err != nil {
		return err
	}
	return r.run(ctx, listener, secure, ready)
}

// bind looks at the tables of every route. A mapping that does not fit them is
// a reason not to start; a database that is away is not.
func (r *running) bind(ctx context.Context) error {
	if err := r.migrated(ctx); err != nil && !gatewayWaits(err) {
		return err
	}
	var faults []error
	for _, route := range r.generation.Routes() {
		err := route.Bind(ctx)
		if gatewayWaits(err) {
			r.log.WarnContext(ctx, "database not usable yet", "route", route.Name, "error", err)
			continue
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// migrated checks that every migration known here has been applied, unchanged.
func (r *running) migrated(ctx context.Context) error {
	business, err := r.project.Store.business()
	if err != nil {
		return err
	}
	found, err := r.store.Status(ctx, business)
	if err != nil {
		return err
	}
	var details []fault.Detail
	for _, m := range found {
		switch {
		case m.Pending():
			details = append(details, fault.Detail{Source: m.Set + "/" + m.File, Message: "not applied yet"})
		case m.Drift != "":
			details = append(details, fault.Detail{Source: m.Set + "/" + m.File, Message: m.Drift})
		}
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeSchema, "the database's tables are not the ones of this configuration; run `gatehouse migrate up`").With(details...)
}

// run joins doors and core. On the way out the order is the other way round:
// the door closes first and finishes what it took, then the core drains.
func (r *running) run(ctx context.Context, listener net.Listener, secure *tls.Config, ready func(net.Addr)) error {
	core := gateway.New(gateway.Config{Relay: r.project.Relay.config()}, r.store, r.directory, r.generation, time.Now, r.log)
	door := soap.NewServer(r.project.SOAP, listener, secure, soap.NewHandler(r.project.SOAP, core, r.log), r.log)

	coreCtx, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	coreEnded := make(chan error, 1)
	go func() { coreEnded <- core.Run(coreCtx) }()

	r.log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "version", version, "configuration", r.generation.Version)
	if ready != nil {
		ready(listener.Addr())
	}
	err := door.Run(ctx)
	stopCore()
	err = errors.Join(err, <-coreEnded)
	r.log.InfoContext(ctx, "stopped")
	return err
}

func (s relaySection) config() gateway.RelayConfig {
	return gateway.RelayConfig{Window: s.Window, MaxAttempts: s.MaxAttempts, Poll: s.Poll, LeaseTTL: s.LeaseTTL}
}
