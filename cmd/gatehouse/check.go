package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// connectTimeout bounds each part of check --connect.
const connectTimeout = 30 * time.Second

func newCheck() *cobra.Command {
	var (
		file    string
		connect bool
		user    string
		live    bool
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, contracts and mappings, and with --connect the servers",
		Long: `Check configuration, contracts and mappings against each other.

With --connect the directory, the broker and the database are asked too: can they
be reached, do groups, exchanges, tables, columns and rights exist, and which
values the contract allows that a column would refuse. Nothing is changed anywhere.

With --live the running gateway is asked whether it lives, at listen.operations, and
nothing else is looked at.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if user != "" && !connect {
				return usageError{errors.New("--user needs --connect")}
			}
			if live {
				return checkLive(cmd.Context(), cmd.OutOrStdout(), file)
			}
			p, err := readProject(file)
			if err != nil {
				return err
			}
			return p.verify(cmd.Context(), cmd.OutOrStdout(), connect, user)
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&connect, "connect", false, "ask directory, broker and database too")
	cmd.Flags().StringVar(&user, "user", "", "with --connect: look this `login` up and show groups and roles")
	cmd.Flags().BoolVar(&live, "live", false, "only ask the running gateway whether it lives")
	return cmd
}

func (p *project) verify(ctx context.Context, out io.Writer, connect bool, user string) error {
	c, err := p.compile()
	if err := errors.Join(append(c.broken, p.checkFiles(), err)...); err != nil {
		return err
	}
	p.report(out, c)
	if !connect {
		return nil
	}
	log := slog.New(slog.DiscardHandler) // what it would say is said by the report
	r, err := p.assemble(ctx, log, nil)
	if err != nil {
		return err
	}
	defer r.close(ctx)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return errors.Join(r.checkDirectory(ctx, out, user), r.checkBroker(ctx, out), r.checkPartners(ctx, out), r.checkStore(ctx, out))
}

// checkFiles looks at what only a running gateway opens.
func (p *project) checkFiles() error {
	_, err := p.Listen.Public.TLS.config()
	return errors.Join(located(p.root.Get("store"), p.Store.folders()), located(p.root, err))
}

// report tells what was found without asking anybody.
func (p *project) report(out io.Writer, c *compiled) {
	for _, contract := range c.contracts {
		for _, s := range contract.Services {
			state := "ok"
			if reason := s.Degraded(); reason != "" {
				state = "degraded: " + reason
			}
			fmt.Fprintf(out, "contract  %s/%s: %d operations, schema %s\n", contract.System, s.Name, len(s.Operations), state)
		}
	}
	for i, r := range p.Routes {
		m := c.mappings[i]
		fmt.Fprintf(out, "route     %s: %s, %d tables, channels %v\n", r.Route, m.Operation.Name, len(m.Tables), m.Channels)
		if m.Splits() {
			fmt.Fprintf(out, "  split   a message for each %s%s\n", m.Split(), sameWhile(m.ReadsAround()))
		}
		for _, f := range m.Faults {
			fmt.Fprintf(out, "  fault   %s\n", f)
		}
		for _, w := range m.Warnings {
			fmt.Fprintf(out, "  warning: %s\n", w)
		}
		if !slices.ContainsFunc(p.Grants, func(g grantSection) bool { return g.covers("route/"+r.Route) && slices.Contains(g.May, gateway.Send) }) {
			fmt.Fprintf(out, "  warning: no grant lets anybody send: {role: …, may: send, on: route/%s}\n", r.Route)
		}
	}
	for _, ch := range p.Channels {
		fmt.Fprintf(out, "channel   %s: %s\n", ch.Name, ch.Value.words())
	}
	if len(p.Routes) == 0 {
		fmt.Fprintf(out, "warning: there is no route; every message will be refused\n")
	}
	for _, r := range p.Roles {
		if !slices.ContainsFunc(p.Grants, func(g grantSection) bool { return g.Role == r.Name }) {
			fmt.Fprintf(out, "warning: role %s may do nothing: no grant names it\n", r.Name)
		}
		if len(r.Value.Members) == 0 {
			fmt.Fprintf(out, "warning: role %s has no members\n", r.Name)
		}
	}
}

// sameWhile says what of the whole message counts when a part of it comes again.
func sameWhile(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	verb := "is"
	if len(paths) > 1 {
		verb = "are"
	}
	return "; the same again while " + strings.Join(paths, ", ") + " around it " + verb
}

func (r *running) checkDirectory(ctx context.Context, out io.Writer, user string) error {
	lines, err := r.directory.Check(ctx, user)
	for _, line := range lines {
		fmt.Fprintf(out, "directory %s\n", line)
	}
	return err
}

func (r *running) checkBroker(ctx context.Context, out io.Writer) error {
	if r.broker == nil {
		return nil
	}
	channels := map[string]amqp.Channel{}
	for _, c := range r.project.Channels {
		if c.Value.AMQP != nil {
			channels[c.Name] = *c.Value.AMQP
		}
	}
	var queues []amqp.Endpoint
	for _, section := range r.project.Routes {
		for _, e := range section.From {
			if e.AMQP != nil {
				queues = append(queues, *e.AMQP)
			}
		}
	}
	hints, err := r.broker.Check(ctx, channels, queues)
	if err == nil {
		fmt.Fprintf(out, "broker    reached; every exchange and queue is there\n")
	}
	for _, hint := range hints {
		fmt.Fprintf(out, "warning: %s\n", hint)
	}
	return err
}

func (r *running) checkStore(ctx context.Context, out io.Writer) error {
	lines, err := r.store.Check(ctx, r.compiled.mappings)
	for _, line := range lines {
		fmt.Fprintf(out, "database  %s\n", line)
	}
	var newer []string
	if err == nil {
		newer, err = r.migrated(ctx)
	}
	for _, m := range newer {
		fmt.Fprintf(out, "database  warning: %s was applied by a newer version\n", m)
	}
	if err != nil {
		return err
	}
	var faults []error
	for i, section := range r.project.Routes {
		w, err := r.store.Writer(ctx, r.compiled.mappings[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(out, "tables    %s: agree with the mapping\n", section.Route)
		for _, n := range w.Mapping().Narrowings {
			fmt.Fprintf(out, "  narrowing: %s\n", n)
		}
	}
	return errors.Join(faults...)
}

// gatewayWaits reports whether err goes away by itself once a server is back.
func gatewayWaits(err error) bool {
	return err != nil && fault.Of(err).Code == fault.CodeStoreUnavailable
}
