package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

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
	heap := keepHeapFloor()
	defer heap.giveUp()
	watch, err := p.watch(log)
	if err != nil {
		return err
	}
	r, err := p.assemble(ctx, log, watch)
	if err != nil {
		return err
	}
	s := &service{running: r, heap: heap, since: time.Now(), manager: newServiceManager()}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		err = errors.Join(err, s.close(closing), watch.close(closing))
	}()
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.run(ctx, ready)
}

// ready looks at the database before anything is taken. Migrations that are
// pending and a mapping that does not fit its tables are reasons not to start; a
// database that is away is not.
func (r *running) ready(ctx context.Context) error {
	newer, err := r.migrated(ctx)
	if err != nil && !gatewayWaits(err) {
		return err
	}
	for _, m := range newer {
		r.log.WarnContext(ctx, "the database has a migration of a newer version", "migration", m)
	}
	return r.bind(ctx)
}

// bind looks at the tables of every route and every view.
func (a *assembly) bind(ctx context.Context) error {
	var faults []error
	for _, route := range a.generation.Routes() {
		err := route.Bind(ctx)
		if gatewayWaits(err) {
			a.log.WarnContext(ctx, "database not usable yet", "route", route.Name, "error", err)
			continue
		}
		faults = append(faults, err)
	}
	err := a.searches.bind(ctx)
	if gatewayWaits(err) {
		a.log.WarnContext(ctx, "database not usable yet", "part", "views", "error", err)
		err = nil
	}
	return errors.Join(append(faults, err, a.fitQueries())...)
}

// migrated checks that every migration known here has been applied, unchanged. It
// returns those that were applied by a newer version: nodes of two versions work
// side by side.
func (r *running) migrated(ctx context.Context) (newer []string, err error) {
	business, err := r.project.Store.business()
	if err != nil {
		return nil, err
	}
	found, err := r.store.Status(ctx, business)
	if err != nil {
		return nil, err
	}
	var details []fault.Detail
	for _, m := range found {
		switch {
		case m.Pending():
			details = append(details, fault.Detail{Source: m.Set + "/" + m.File, Message: "not applied yet"})
		case m.Newer():
			newer = append(newer, fmt.Sprintf("%s/%05d", m.Set, m.Version))
		case m.Drift != "":
			details = append(details, fault.Detail{Source: m.Set + "/" + m.File, Message: m.Drift})
		}
	}
	if details == nil {
		return newer, nil
	}
	return newer, fault.New(fault.CodeSchema, "the database's tables are not the ones of this configuration; run `gatehouse migrate up`").With(details...)
}

func (s relaySection) config() gateway.RelayConfig {
	return gateway.RelayConfig{Window: s.Window, MaxAttempts: s.MaxAttempts, Poll: s.Poll, LeaseTTL: s.LeaseTTL}
}
